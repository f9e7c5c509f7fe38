"""A PostgreSQL in a private folder, reachable by a socket in that folder and by nothing else."""

import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import psycopg

from tests.services.binaries import find_postgres
from tests.services.child import Account, Child

DATABASE: Final = "eagateway"
_OPTIONS: Final = {
    "listen_addresses": "",
    "max_connections": "100",
    "shared_buffers": "32MB",
    "timezone": "UTC",
}


@dataclass
class Postgres:
    """A server that can be killed and started again at the same address."""

    folder: Path
    child: Child

    @property
    def url(self) -> str:
        """For DATABASE_URL and for libpq alike."""
        return self._url(DATABASE)

    @property
    def version(self) -> str:
        with psycopg.connect(self.url) as connection:
            return str(connection.info.parameter_status("server_version"))

    @classmethod
    def create(cls, folder: Path, *, durable: bool) -> Self:
        """A new cluster in an empty folder; not started.

        :raises NotInstalledError: no wheel for this platform
        """
        account = Account.unprivileged()
        account.take(folder)
        initdb = find_postgres().within_reach(folder=folder, account=account)
        _initialise(initdb, cluster=folder / "cluster", account=account)
        options = {**_OPTIONS, "fsync": "on" if durable else "off"}
        settings = [f"--{name}={value}" for name, value in options.items()]
        command: list[str | Path] = [initdb.with_name("postgres"), "-D", folder / "cluster", "-k", folder, *settings]
        child = Child(command=command, folder=folder, account=account, death_signal=signal.SIGQUIT)
        return cls(folder=folder, child=child)

    def start(self) -> None:
        """Return when it takes connections; create the database the first time."""
        self.child.start(is_ready=self._ensure_database)

    def stop(self) -> None:
        self.child.stop(signal.SIGINT)  # "fast": ends sessions, writes a checkpoint

    def kill(self) -> None:
        self.child.kill()

    def _url(self, database: str) -> str:
        return f"postgres://postgres@/{database}?host={self.folder}"

    def _ensure_database(self) -> bool:
        try:
            with psycopg.connect(self._url("postgres"), autocommit=True, connect_timeout=2) as connection:
                known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
                if not known:
                    connection.execute(f"CREATE DATABASE {DATABASE}")
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def postgres(*, durable: bool = True) -> Iterator[Postgres]:
    """A running server; stopped, and its folder removed, at the end. One that no test kills need not be durable.

    :raises NotInstalledError: no wheel for this platform
    """
    with tempfile.TemporaryDirectory(prefix="eag-postgres-") as folder:
        server = Postgres.create(Path(folder), durable=durable)
        try:
            server.start()
            yield server
        finally:
            server.stop()


def _initialise(initdb: Path, *, cluster: Path, account: Account) -> None:
    locale = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--encoding=UTF8")
    access = ("--username=postgres", "--auth=trust")
    command: list[str | Path] = [initdb, "-D", cluster, "--no-sync", "--no-instructions", *access, *locale]
    subprocess.run(command, check=True, cwd=cluster.parent, stdout=subprocess.DEVNULL, **account.as_options())
