"""deploy/backup.sh and deploy/restore.sh, on both lanes: what was there at the backup is there again, nothing else."""

import os
import re
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.e2e.database import Database
from tests.e2e.gateway import DATABASE, Gateway
from tests.services.binaries import find_postgres
from tests.services.migrated import ROOT

pytestmark = pytest.mark.usefixtures("sockets")
PRODUCTION = "DATABASE_URL" in os.environ
POSITIONS = "SELECT position_id FROM orders_intent ORDER BY position_id"


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    folder = tmp_path / "data"
    folder.mkdir()
    own: dict[str, Any] = {"DATABASE_URL": Database.begin("backups").url} if PRODUCTION else {}
    if PRODUCTION:
        path = f"{find_postgres().binary.parent}{os.pathsep}{os.environ['PATH']}"
        own |= {"PATH": path}
    gateway = Gateway(folder, HEARTBEAT_TIMEOUT_SECONDS="60", **own).start()
    yield gateway
    gateway.end(signal.SIGKILL)


def deploy(gateway: Gateway, script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = ["sh", str(ROOT / "deploy" / script), str(folder)]
    return subprocess.run(command, env=gateway.environment, capture_output=True, text=True, timeout=120, check=False)


def said(done: subprocess.CompletedProcess[str], status: int = 0) -> str:
    assert done.returncode == status, done.stderr
    return done.stderr


def asked(gateway: Gateway, query: str) -> list[Any]:
    if PRODUCTION:
        with psycopg.connect(gateway.environment["DATABASE_URL"]) as database:
            return database.execute(query).fetchall()
    with sqlite3.connect(gateway.folder / DATABASE) as file:
        return file.execute(query).fetchall()


def refuse_what_is_no_backup(gateway: Gateway, folder: Path) -> None:
    folder.mkdir()
    assert "it is no backup" in said(deploy(gateway, "restore.sh", folder), 2)
    for name in ("gateway.dump", DATABASE):
        (folder / name).write_bytes(b"neither a dump nor a database")
    assert "cannot be read" in said(deploy(gateway, "restore.sh", folder), 2)


async def test_a_backup_of_a_serving_gateway_is_restored_whole(gateway: Gateway, tmp_path: Path) -> None:
    cast = gateway._provision([[{}]])[0]
    master, follower = await cast.ea(0), await cast.ea(1)
    await master.buy(1)
    (command,) = await follower.commands(1)
    backup = tmp_path / "backup"
    assert "written to" in said(deploy(gateway, "backup.sh", backup))
    assert "is there already" in said(deploy(gateway, "backup.sh", backup), 2)
    assert [path.stat().st_mode & 0o077 for path in (backup, *backup.iterdir())] == [0] * (
        1 + len(list(backup.iterdir()))
    )
    await master.buy(2)
    await follower.commands(1)
    assert re.search(r"Stop (it|every gateway)", said(deploy(gateway, "restore.sh", backup), 2)), "it serves"
    gateway.end()
    refuse_what_is_no_backup(gateway, tmp_path / "other")
    assert asked(gateway, POSITIONS) == [(1,), (2,)], "nothing was changed"
    said(deploy(gateway, "restore.sh", backup))
    assert asked(gateway, POSITIONS) == [(1,)]
    gateway.start()
    # The same EA, which knows more than the backup does: its log begins anew, and its key is known.
    epoch = next(frame["payload"]["epoch"] for frame in follower.seen if frame["type"] == "SessionState")
    again = await cast.ea(1, epoch=epoch, last_server_seq=2, last_server_id=command["id"])
    assert again.seen[0]["payload"]["status"] == "authenticated"
    assert not again.seen[0]["payload"]["recovered"]


@pytest.mark.skipif(PRODUCTION, reason="with DATABASE_URL the secret stands in the environment")
def test_the_secret_that_the_gateway_made_itself_is_in_the_backup_and_comes_back(tmp_path: Path) -> None:
    """Without it no EA's key is known, and nothing that is sealed can be opened."""
    (tmp_path / "data").mkdir()
    gateway, backup = Gateway(tmp_path / "data"), tmp_path / "backup"
    with sqlite3.connect(gateway.folder / DATABASE) as database:
        database.execute("CREATE TABLE some (row)")
    database.close()
    secret = gateway.folder / "secret.key"
    secret.write_bytes(b"made at its first start")
    said(deploy(gateway, "backup.sh", backup))
    secret.write_bytes(b"of another installation")
    said(deploy(gateway, "restore.sh", backup))
    assert secret.read_bytes() == b"made at its first start"
    (former,) = gateway.folder.glob("before-restore-*/secret.key")
    assert former.read_bytes() == b"of another installation"
