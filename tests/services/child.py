"""Foreground children that do not outlive the process which started them."""

import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

START_TIMEOUT_S: Final = 30.0
STOP_TIMEOUT_S: Final = 10.0
_POLL_S: Final = 0.02


class StartError(Exception):
    """A service did not come up; carries the end of its log."""


@dataclass(frozen=True)
class Account:
    """Whom the children run as: PostgreSQL refuses to run as root."""

    entry: pwd.struct_passwd | None

    @classmethod
    def unprivileged(cls) -> Self:
        """`nobody` for root, otherwise whoever runs the tests."""
        return cls(pwd.getpwnam("nobody") if os.geteuid() == 0 else None)

    def as_options(self) -> dict[str, Any]:
        """Arguments for `subprocess`."""
        if self.entry is None:
            return {}
        return {"user": self.entry.pw_uid, "group": self.entry.pw_gid, "extra_groups": []}

    def take(self, folder: Path) -> None:
        """Give a folder to the account, and to nobody else."""
        folder.chmod(0o700)
        if self.entry is not None:
            os.chown(folder, self.entry.pw_uid, self.entry.pw_gid)


@dataclass
class Child:
    """One server process. Start it from the main thread: on Linux it dies with the thread that started it."""

    command: Sequence[str | Path]
    folder: Path
    account: Account
    death_signal: signal.Signals
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def start(self, *, is_ready: Callable[[], bool]) -> None:
        """Return when `is_ready` says so.

        A server that ends at once is started again until the time is up: after a kill, PostgreSQL waits for the last
        of its former workers to notice.

        :raises StartError: not ready within START_TIMEOUT_S
        """
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if self.process is None or self.process.poll() is not None:
                self.process = self._spawn()
            if is_ready() and self.process.poll() is None:  # somebody else may hold the port
                return
            time.sleep(_POLL_S)
        self.kill()
        raise StartError(f"{self.command[0]} did not start:\n{self.log.read_text(errors='replace')[-2000:]}")

    def stop(self, number: signal.Signals) -> None:
        """Ask politely, then not."""
        if self.process is None:
            return
        self.process.send_signal(number)
        try:
            self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def kill(self) -> None:
        """SIGKILL: no goodbye, nothing flushed."""
        self.stop(signal.SIGKILL)

    def _spawn(self) -> "subprocess.Popen[bytes]":
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [*self._die_with_us(), *self.command],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the tests, which stop their services themselves
                **self.account.as_options(),
            )

    def _die_with_us(self) -> Sequence[str]:
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            return ()
        return (setpriv, "--pdeathsig", self.death_signal.name.removeprefix("SIG"))
