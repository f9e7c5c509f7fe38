"""The processes of a deployment, on this machine: PostgreSQL, Valkey, two gateways, worker, beat, a proxy before them.

    with running(port=8000) as stack:
        stack.restart(1)      # SIGTERM, then the same command again
        stack.gateways[0].kill()

Docker is not needed: the same commands as in deploy/docker/compose.yaml, and the same Caddyfile.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx

from tests.services import postgres, valkey
from tests.services.migrated import ROOT, migrate

CADDYFILE: Final = ROOT / "deploy/proxy/Caddyfile"
PATIENCE_SECONDS: Final = 90.0
STOP_SECONDS: Final = 15.0


class StackFailed(Exception):
    """A process of the stack did not come up; its log says why."""


def find_proxy() -> str | None:
    """Path of Caddy, or None: the package `caddy` of the system."""
    return shutil.which("caddy")


@dataclass
class Process:
    """One process of the stack, which can be stopped and started again."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    log: Path
    child: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(
                [*_die_with_us(), *self.command], cwd=ROOT, env=self.env, stdout=log, stderr=subprocess.STDOUT
            )

    def stop(self) -> int:
        """Ask it to end; its exit status."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> int:
        if self.child is None:
            return 0
        child, self.child = self.child, None
        child.send_signal(number)
        try:
            return child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            return child.wait()


@dataclass
class Stack:
    """What runs. `url`: of the proxy; `env`: what every process finds in its environment."""

    url: str
    env: Mapping[str, str]
    gateways: list[Process] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)

    def restart(self, number: int) -> int:
        """Stop one gateway and start it again; the exit status of the first one."""
        status = self.gateways[number].stop()
        self.bring_up(number)
        return status

    def bring_up(self, number: int) -> None:
        self.gateways[number].start()
        wait_for(f"{self.addresses[number]}/readyz", self.gateways[number])


@contextmanager
def running(*, port: int = 0) -> Iterator[Stack]:
    """The stack, ready; its data goes with it. `port` is the proxy's, 0 takes a free one.

    :raises NotInstalledError: no wheel of PostgreSQL or Valkey for this platform
    :raises StackFailed: a process does not come up, or there is no Caddy
    """
    proxy = find_proxy()
    if proxy is None:
        raise StackFailed("no Caddy here: install the package caddy")
    with ExitStack() as resources:
        folder = Path(resources.enter_context(tempfile.TemporaryDirectory(prefix="eag-stack-")))
        database = resources.enter_context(postgres())
        bus = resources.enter_context(valkey())
        env = _environment(folder, DATABASE_URL=database.url, REDIS_URL=bus.url)
        migrate(env)
        port = port or _free_port()
        stack = Stack(url=f"http://127.0.0.1:{port}", env=env)
        for server in ("daphne", "uvicorn"):
            _add_gateway(stack, folder, server)
        helpers = [
            _celery(folder, env, "worker", "--concurrency", "2"),
            _celery(folder, env, "beat", "-s", f"{folder}/b"),
        ]
        places = " ".join(address.removeprefix("http://") for address in stack.addresses)
        before = {**env, "GATEWAY_HOST": f":{port}", "GATEWAYS": places, "HOME": str(folder)}
        command = [proxy, "run", "--adapter", "caddyfile", "--config", str(CADDYFILE)]
        front = Process("proxy", command, before, folder / "proxy.log")
        for process in (front, *helpers, *stack.gateways):
            resources.callback(process.stop)
            process.start()
        for address, gateway in zip(stack.addresses, stack.gateways, strict=True):
            wait_for(f"{address}/readyz", gateway)
        wait_for(f"{stack.url}/readyz", front)
        yield stack


def wait_for(address: str, process: Process) -> None:
    """Return when an address answers.

    :raises StackFailed: not in time, or its process has ended
    """
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until and process.child is not None and process.child.poll() is None:
        try:
            if httpx.get(address, timeout=5).is_success:
                return
        except httpx.HTTPError:
            pass  # not yet
        time.sleep(0.1)
    raise StackFailed(f"{process.name} is not ready:\n{process.log.read_text(errors='replace')[-2000:]}")


def _die_with_us() -> Sequence[str]:
    """No process of the stack outlives the one that started it, where the system can see to that."""
    setpriv = shutil.which("setpriv")
    return () if setpriv is None else (setpriv, "--pdeathsig", "KILL")


def _environment(folder: Path, **of_services: str) -> dict[str, str]:
    made = subprocess.run([sys.executable, "manage.py", "secret"], cwd=ROOT, capture_output=True, text=True, check=True)
    kept = {name: value for name, value in os.environ.items() if name not in ("SECRET_KEY", "KEY_FINGERPRINT_SECRET")}
    own = {
        "SECRET_KEY": made.stdout.strip(),
        "EAGATEWAY_DATA_DIR": str(folder),
        "BEHIND_TLS": "off",
        "TRUSTED_PROXIES": "127.0.0.1",
        "HEARTBEAT_TIMEOUT_SECONDS": "60",
        "LOG_LEVEL": "WARNING",
    }
    return {**kept, **own, **of_services}


def _add_gateway(stack: Stack, folder: Path, server: str) -> None:
    port = _free_port()
    command = [sys.executable, "manage.py", "serve", "--port", str(port), "--server", server, "--without-redis"]
    stack.addresses.append(f"http://127.0.0.1:{port}")
    stack.gateways.append(Process(f"gateway on {server}", command, stack.env, folder / f"{server}.log"))


def _celery(folder: Path, env: Mapping[str, str], role: str, *options: str) -> Process:
    return Process(
        role, [sys.executable, "-m", "celery", "-A", "eagateway", role, *options], env, folder / f"{role}.log"
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
