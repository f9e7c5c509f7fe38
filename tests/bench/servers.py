"""What is measured, as processes: the gateway as an operator starts it, the bare relay, the echo.

And what they cost.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final, Literal
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from tests.services import Postgres
from tests.services.migrated import ROOT, copy_database, migrated_file

TICKS: Final = os.sysconf("SC_CLK_TCK")
STOP_SECONDS: Final = 20.0
Server = Literal["uvicorn", "daphne"]
Database = Literal["postgresql", "sqlite"]
Groups = Sequence[Sequence[tuple[str, str]]]
SECRET: Final = "a secret for the benchmark and for nothing else, fifty long"
_PACE: Final = {
    "HEARTBEAT_TIMEOUT_SECONDS": "120",  # a slow machine is no silent EA
    "SNAPSHOT_INTERVAL_SECONDS": "86400",
    "FRAMES_PER_SECOND": "10000",
    "FRAME_BURST": "100000",
    "LOG_LEVEL": "WARNING",
}


@dataclass(frozen=True, slots=True)
class Setup:
    """How the gateway is run."""

    server: Server = "uvicorn"
    database: Database = "postgresql"
    processes: int = 1

    def __str__(self) -> str:
        many = f", {self.processes} processes" if self.processes > 1 else ""
        return f"{self.server}, {self.database}{many}"


@dataclass
class Process:
    """One server process and the address that it said it is ready on."""

    popen: "subprocess.Popen[str]"
    port: int
    log: Path

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.port

    @property
    def cpu_seconds(self) -> float:
        """User and system time of all its threads so far."""
        fields = Path(f"/proc/{self.popen.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    @property
    def memory_mib(self) -> float:
        """What it holds in memory now."""
        status = Path(f"/proc/{self.popen.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024


@dataclass
class Subject:
    """A running server that a load can connect to."""

    name: str
    processes: list[Process]
    groups: Groups
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def addresses(self) -> list[tuple[str, int]]:
        return [process.address for process in self.processes]

    @property
    def cpu_seconds(self) -> float:
        return sum(process.cpu_seconds for process in self.processes)

    @property
    def memory_mib(self) -> float:
        return sum(process.memory_mib for process in self.processes)


@dataclass
class House:
    """The services of one run of the bench, and its folder. `postgres` is None when only SQLite is measured."""

    folder: Path
    postgres: Postgres | None
    redis_url: str
    _made: int = 0

    def new_folder(self, name: str) -> Path:
        self._made += 1
        folder = self.folder / f"{self._made:03}-{name}"
        folder.mkdir()
        return folder

    def new_database(self, *, source: str) -> str:
        """A PostgreSQL database; its address."""
        if self.postgres is None:
            raise RuntimeError("no PostgreSQL was started")
        self._made += 1
        name = f"bench_{self._made:03}"
        copy_database(self.postgres.url, source=source, name=name)
        return self.postgres.url.replace("/eagateway?", f"/{name}?")

    def forget(self, url: str) -> None:
        """Drop a database: the next scenario shall not wait for this one's vacuum."""
        if self.postgres is not None and url.startswith("postgres"):
            name = sql.Identifier(urlsplit(url).path.removeprefix("/"))
            with psycopg.connect(self.postgres.url, dbname="postgres", autocommit=True) as connection:
                connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))

    # The gateway -----------------------------------------------------------------------------------------------------

    def environment(self, setup: Setup, folder: Path, **env: str) -> dict[str, str]:
        """What the gateway's processes find in their environment; with a migrated database in it."""
        own = {key: value for key, value in os.environ.items() if key not in ("DATABASE_URL", "REDIS_URL")}
        own.pop("PYTHONDONTWRITEBYTECODE", None)
        own |= {"EAGATEWAY_DATA_DIR": str(folder), "SECRET_KEY": SECRET, "BEHIND_TLS": "off", **_PACE, **env}
        if setup.database == "sqlite":
            shutil.copyfile(migrated_file(), folder / "gateway.sqlite3")
        else:
            own |= {"DATABASE_URL": self.new_database(source="migrated"), "REDIS_URL": self.redis_url}
        return own

    @contextmanager
    def gateway(
        self, setup: Setup, *, masters: int, followers: int, cast: bool = True, **env: str
    ) -> Iterator[Subject]:
        """Serving, with accounts that are ready to connect."""
        folder = self.new_folder("gateway")
        environment = self.environment(setup, folder, **env)
        groups = json.loads(run_module("tests.bench.cast", masters, followers, env=environment)) if cast else []
        with ExitStack() as stack:
            serve = [sys.executable, "manage.py", "serve", "--port", "0", "--server", setup.server]
            processes = [
                stack.enter_context(started(serve, folder=folder, env=environment)) for _ in range(setup.processes)
            ]
            if setup.database == "postgresql":
                celery = [sys.executable, "-m", "celery", "-A", "eagateway"]
                worker = [*celery, "worker", "--pool", "threads", "--concurrency", "2"]
                stack.enter_context(running(worker, folder=folder, env=environment))
                beat = [*celery, "beat", "--schedule", str(folder / "beat")]
                stack.enter_context(running(beat, folder=folder, env=environment))
            yield Subject(f"gateway ({setup})", processes, groups, folder, environment)
        self.forget(environment.get("DATABASE_URL", ""))

    # What it is compared with ----------------------------------------------------------------------------------------

    @contextmanager
    def relay(self, database: Database, *, masters: int, followers: int) -> Iterator[Subject]:
        """The bare relay with as many accounts."""
        folder = self.new_folder("relay")
        where = str(folder / "relay.sqlite3") if database == "sqlite" else self.new_database(source="template1")
        sizes = ["--masters", str(masters), "--followers", str(followers)]
        command = [sys.executable, "-m", "tests.bench.relay", "--database", where, *sizes]
        groups = [
            [(name, name) for name in (f"m{number}", *(f"f{number}-{other}" for other in range(followers)))]
            for number in range(masters)
        ]
        with started(command, folder=folder, env=os.environ) as process:
            yield Subject(f"bare relay ({database})", [process], groups, folder)
        self.forget(where)

    @contextmanager
    def echo(self, server: Server) -> Iterator[Subject]:
        """The bare echo on the same server."""
        folder = self.new_folder("echo")
        env = self.environment(Setup(database="sqlite"), folder)
        command = [sys.executable, "-m", "tests.bench.echo", server]
        with started(command, folder=folder, env=env) as process:
            yield Subject(f"bare echo ({server})", [process], [], folder)


def mint(environment: Mapping[str, str], count: int) -> list[str]:
    """Keys of the deployment's own, as an operator makes them."""
    command = [sys.executable, "manage.py", "mint", str(count)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.split()


def provision(environment: Mapping[str, str], wanted: Mapping[str, Any]) -> None:
    """As an operator does it.

    :raises RuntimeError: with the end of what it complained
    """
    command = [sys.executable, "manage.py", "provision", "-"]
    text = json.dumps(wanted)
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, input=text, check=False)
    if done.returncode:
        raise RuntimeError(f"provision: {done.stderr[-3000:]}")


# Processes ------------------------------------------------------------------------------------------------------------


def run_module(module: str, *arguments: object, env: Mapping[str, str], text: str = "") -> str:
    """Run a program of ours to its end; what it printed.

    :raises RuntimeError: with the end of what it complained
    """
    command = [sys.executable, "-m", module, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, input=text, check=False)
    if done.returncode:
        raise RuntimeError(f"{module}: {done.stderr[-3000:]}")
    return done.stdout


@contextmanager
def running(
    command: Sequence[str],
    *,
    folder: Path,
    env: Mapping[str, str],
    output: int | IO[str] = subprocess.DEVNULL,
    end: signal.Signals = signal.SIGKILL,
) -> Iterator["subprocess.Popen[str]"]:
    """A process for as long as the block lasts. Celery's are killed: they take their time, and nothing is lost."""
    with (folder / "log").open("a") as log:
        process = subprocess.Popen([*_die_with_us(), *command], cwd=ROOT, env=env, stdout=output, stderr=log, text=True)
    try:
        yield process
    finally:
        process.send_signal(end)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


@contextmanager
def started(command: Sequence[str], *, folder: Path, env: Mapping[str, str]) -> Iterator[Process]:
    """A server that has said where it is ready.

    :raises RuntimeError: with the end of its log
    """
    with running(command, folder=folder, env=env, output=subprocess.PIPE, end=signal.SIGTERM) as popen:
        line = popen.stdout.readline() if popen.stdout is not None else ""
        if not line.startswith("ready on "):
            raise RuntimeError(f"{' '.join(command)}: {(folder / 'log').read_text()[-3000:]}")
        yield Process(popen, int(line.split()[2].rpartition(":")[2]), folder / "log")


def _die_with_us() -> Sequence[str]:
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "KILL") if setpriv else ()
