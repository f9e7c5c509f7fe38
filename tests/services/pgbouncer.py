"""A pgbouncer in transaction mode before a PostgreSQL of the tests, reachable by a socket in its own folder."""

import re
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self
from urllib.parse import parse_qs, urlsplit

import psycopg

from tests.services.binaries import NotInstalledError
from tests.services.child import Account, Child

# Few servers for many clients: whoever keeps something on "his" connection meets another one soon. `options` is not
# among what is ignored, as with a pgbouncer that nobody has told so.
_SETTINGS: Final = """\
[databases]
* = host={server} port=5432 user=postgres
[pgbouncer]
listen_addr =
listen_port = 5432
unix_socket_dir = {folder}
auth_type = any
pool_mode = transaction
default_pool_size = {servers}
max_client_conn = 400
server_login_retry = 0.1
server_round_robin = 1
"""


@dataclass
class Pgbouncer:
    """A pooler that can be killed and started again at the same address."""

    folder: Path
    child: Child
    database: str

    @property
    def url(self) -> str:
        """For DATABASE_URL and for libpq alike."""
        return f"postgres://postgres@/{self.database}?host={self.folder}"

    @classmethod
    def create(cls, folder: Path, *, before: str, servers: int) -> Self:
        """Prepared in an empty folder; not started. `before`: the database's own address.

        :raises NotInstalledError: there is no pgbouncer on this machine, or the address is no socket's
        """
        binary, address = shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin:/usr/bin"), urlsplit(before)
        server = parse_qs(address.query).get("host", [""])[0]
        if binary is None or not server.startswith("/"):
            raise NotInstalledError("pgbouncer is not installed")
        account = Account.unprivileged()
        settings = folder / "pgbouncer.ini"
        settings.write_text(_SETTINGS.format(server=server, folder=folder, servers=servers))
        account.take(folder)
        account.take(settings)
        child = Child(command=[binary, settings], folder=folder, account=account, death_signal=signal.SIGKILL)
        return cls(folder=folder, child=child, database=re.sub("^/", "", address.path))

    def start(self) -> None:
        """Return when the database answers through it."""
        self.child.start(is_ready=self._answers)

    def stop(self) -> None:
        self.child.stop(signal.SIGINT)

    def kill(self) -> None:
        self.child.kill()

    def _answers(self) -> bool:
        try:
            with psycopg.connect(self.url, connect_timeout=2, prepare_threshold=None) as connection:
                return connection.execute("SELECT 1").fetchone() == (1,)
        except psycopg.OperationalError:
            return False


@contextmanager
def pgbouncer(*, before: str, servers: int = 3) -> Iterator[Pgbouncer]:
    """A running pooler; stopped, and its folder removed, at the end.

    :raises NotInstalledError: there is no pgbouncer on this machine
    """
    with tempfile.TemporaryDirectory(prefix="eag-pgbouncer-") as folder:
        pooler = Pgbouncer.create(Path(folder), before=before, servers=servers)
        try:
            pooler.start()
            yield pooler
        finally:
            pooler.stop()
