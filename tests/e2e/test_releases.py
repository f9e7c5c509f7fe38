"""What the release before left behind works on: its database is migrated and its EAs resume, its SDK copies a trade.

`upgrades/release.*` was recorded by `upgrades/record.py` from commit 9ba5339, which counts as the last release.
"""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.e2e.gateway import DATABASE, Cast, Gateway, RawEa
from tests.e2e.upgrades import HERE, KEYS, NAMES, SECRET, TENANT, known, run_postgres
from tests.services.migrated import migrate

pytestmark = pytest.mark.usefixtures("sockets")
PRODUCTION = "DATABASE_URL" in os.environ


def upgraded(folder: Path) -> Gateway:
    """A gateway of this release on the recorded database."""
    env: dict[str, Any] = {"SECRET_KEY": SECRET, "HEARTBEAT_TIMEOUT_SECONDS": "60"}
    if not PRODUCTION:
        with sqlite3.connect(folder / DATABASE) as database:
            database.executescript((HERE / "release.sqlite.sql").read_text())
        database.close()
        return Gateway(folder, **env)  # its start migrates
    url = os.environ["DATABASE_URL"]
    env["DATABASE_URL"] = re.sub(r"/[^/?]+(?=\?|$)", "/upgraded", url, count=1)
    with psycopg.connect(url, autocommit=True) as server:
        server.execute("DROP DATABASE IF EXISTS upgraded WITH (FORCE)")
        server.execute("CREATE DATABASE upgraded")
    dump = str(HERE / "release.postgresql.sql")
    run_postgres("psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--file", dump, env["DATABASE_URL"])
    migrate({**os.environ, **env})
    return Gateway(folder, **env)


@pytest.fixture
async def cast(tmp_path: Path) -> AsyncIterator[Cast]:
    gateway = upgraded(tmp_path).start()
    yield Cast(gateway, TENANT, list(NAMES), dict(KEYS))
    gateway.end(signal.SIGKILL)


def old_sdk(cast: Cast, folder: Path) -> dict[str, Any]:
    """Let the recorded SDK open and close a position; what it says."""
    (wheel,) = HERE.glob("eagateway_sdk-*.whl")
    command = [sys.executable, str(HERE / "old_sdk.py"), cast.gateway.url, *NAMES, str(folder)]
    env = {**os.environ, "PYTHONPATH": str(wheel), "EA_KEYS": json.dumps(KEYS)}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    told: dict[str, Any] = json.loads(done.stdout)
    assert told["sdk"].startswith(str(wheel))
    return told


async def test_its_eas_resume_and_its_sdk_copies_a_trade(cast: Cast, tmp_path: Path) -> None:
    """In one test: the way to an upgraded database is long."""
    before = known("postgresql" if PRODUCTION else "sqlite")
    # The follower has executed command 1; 2 and 3 were on their way when its gateway was killed.
    claims = {"epoch": before["follower"]["epoch"], "last_server_seq": 1}
    claims["last_server_id"] = before["follower"]["commands"][0]
    follower = await RawEa.connect(cast.gateway, before["follower"]["token"], **claims)
    state = (await follower.hear("SessionState"))["payload"]
    assert (state["status"], state.get("recovered", True)) == ("authenticated", True)
    assert (state["epoch"], state["stored_seq"], state["top_seq"]) == (claims["epoch"], 1, 3)
    part, stop = await follower.commands(2)
    assert [part["id"], stop["id"]] == before["follower"]["commands"][1:]
    assert [part["payload"]["action"], stop["payload"]["action"]] == before["follower"]["actions"][1:]
    # The master sends its last frame again, as after a lost acknowledgement, and buys once more.
    master = await RawEa.connect(cast.gateway, before["master"]["token"])
    assert (await master.hear("SessionState"))["payload"]["stored_seq"] == 3
    master.seq = 2
    order = {"action": "modify", "position_id": 1, "ticket": 2, "symbol": "EURUSD", "side": "buy"}
    await master.durable("OrderIntent", {**order, "sl": "1.05", "lots": "0.06"}, id=before["master"]["stop"])
    await master.buy(4)
    await master.acked(4)
    (fourth,) = await follower.commands(1)
    assert (fourth["seq"], fourth["payload"]["position_id"]) == (4, 4)
    follower.seq = 1
    done = {"command_id": part["id"], "ticket": 501, "lots": "0.06", "price": "1.2"}
    await follower.durable("ExecutionReport", {"status": "closed", **done}, ack=4)
    await follower.acked(2)
    assert old_sdk(cast, tmp_path)["done"] == [["open", "71", "0.10"], ["close", "71", "0.10"]]
