"""The gateway as the demo's child process: started, killed and started again, always on the same address and data."""

import contextlib
import ctypes
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Protocol

START_SECONDS: Final = 180
ROOT: Final = Path(__file__).resolve().parents[2]
_PR_SET_PDEATHSIG: Final = 1


class Served(Protocol):
    """What the demo runs on, and what it may do to it: one gateway, or several behind one address."""

    @property
    def url(self) -> str:
        """Where the terminals find it."""
        ...

    def start(self) -> None:
        """Return when all of it listens that shall."""
        ...

    def kill(self) -> None:
        """SIGKILL a gateway, as a power cut would."""
        ...

    def restart(self) -> None:
        """Ask every gateway to end and start it again, one after the other."""
        ...

    def alive(self) -> bool:
        """Whether anything serves."""
        ...

    def stop(self) -> None:
        """End what was started here."""
        ...


class GatewayFailed(Exception):
    """The gateway did not come up; the text holds the end of its log."""


def free_port(wanted: int) -> int:
    """`wanted` if nobody listens there, else a free port."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return int(probe.getsockname()[1])
    raise GatewayFailed("no free port on 127.0.0.1")


class Child:
    """`manage.py serve` in a process of its own, in a process group of its own; it dies with its parent.

    `fault`: a bug of eagateway.demo.sabotage that this gateway is to have, each time that it starts. `settings`: some
    of its own.
    """

    def __init__(
        self, *, data: Path, port: int, fault: str | None = None, settings: Mapping[str, str] | None = None
    ) -> None:
        self._data, self._port, self._fault = data, port, fault
        self._settings = dict(settings or {})
        self._log_path = data / "gateway.log"
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start it and wait until it listens.

        :raises GatewayFailed: with the end of its log
        """
        serve = ["serve", "--port", str(self._port), "--data", str(self._data)]
        command = [sys.executable, str(ROOT / "manage.py"), *serve]
        if self._fault is not None:
            command = [sys.executable, "-m", "eagateway.demo.faulty_gateway", self._fault, *serve]
        with self._log_path.open("a") as log:
            self._process = subprocess.Popen(  # noqa: S603 - this very project
                command,
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=embedded_environment(self._data) | self._settings,
                start_new_session=True,
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - one system call
            )
        self._await_ready(self._process)

    def _await_ready(self, process: "subprocess.Popen[str]") -> None:
        deadline = time.monotonic() + START_SECONDS
        with selectors.DefaultSelector() as selector:
            if process.stdout is None:
                raise GatewayFailed("no output to read")
            selector.register(process.stdout, selectors.EVENT_READ)
            while time.monotonic() < deadline and process.poll() is None:
                if selector.select(timeout=0.2) and process.stdout.readline().startswith("ready"):
                    return
        process.kill()
        raise GatewayFailed(f"the gateway did not start; its log ends:\n{self.log_end()}")

    def log_end(self, lines: int = 15) -> str:
        """The last lines of its log."""
        if not self._log_path.exists():
            return ""
        return "\n".join(self._log_path.read_text(errors="replace").splitlines()[-lines:])

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def restart(self) -> None:
        """Ask it to end, and start it again."""
        self.stop()
        self.start()

    def stop(self) -> None:
        """Ask it to end, and make sure that it has."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=10)
        if self._process.poll() is None:
            self.kill()


def embedded_environment(data: Path) -> dict[str, str]:
    """This process's environment without the production lane's switches."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL")
    }
    return kept | {"EAGATEWAY_DATA_DIR": str(data), "PYTHONUNBUFFERED": "1"}


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
