"""Two gateways behind one pgbouncer in transaction mode (`DATABASE_POOLER=on`).

Each transaction may meet another server connection, so nothing may be kept on one.
"""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from tests.e2e.database import Database
from tests.e2e.gateway import Cast, Gateway
from tests.services.binaries import NotInstalledError
from tests.services.pgbouncer import Pgbouncer, pgbouncer

pytestmark = [pytest.mark.lane("production"), pytest.mark.usefixtures("sockets")]
TRADES = 30
BOUNDS = ("lock_timeout", "idle_in_transaction_session_timeout")


@pytest.fixture
def database() -> Database:
    """One whose role has the bounds that no connection can ask for here, as docs/operations.md says."""
    made = Database.begin("pooled")
    with psycopg.connect(made.url, autocommit=True) as connection:
        for bound in BOUNDS:
            connection.execute(f"ALTER ROLE postgres IN DATABASE pooled SET {bound} = '10s'")
    return made


@pytest.fixture
def pooler(database: Database) -> Iterator[Pgbouncer]:
    try:
        with pgbouncer(before=database.url) as made:
            yield made
    except NotInstalledError as missing:
        pytest.skip(str(missing))


@pytest.fixture
async def gateways(pooler: Pgbouncer, tmp_path: Path) -> AsyncIterator[tuple[Gateway, Gateway]]:
    """One of each server."""
    settings: dict[str, Any] = {"DATABASE_URL": pooler.url, "DATABASE_POOLER": "on", "HEARTBEAT_TIMEOUT_SECONDS": "60"}
    made = []
    for server in ("daphne", "uvicorn"):
        folder = tmp_path / server
        folder.mkdir()
        made.append(Gateway(folder, server=server, **settings))
        await asyncio.to_thread(made[-1].start)
    yield made[0], made[1]
    for gateway in made:
        gateway.end(signal.SIGKILL)


def cast_of(gateway: Gateway) -> Cast:
    # Not one that another database knows.
    return gateway._provision([[{}]])[0]


def counted(database: Database, question: str) -> Any:
    with psycopg.connect(database.url) as connection:
        row = connection.execute(question).fetchone()
    return row[0] if row else None


async def test_trades_pass_between_two_gateways_and_nothing_stays_on_a_connection(
    gateways: tuple[Gateway, Gateway], database: Database, pooler: Pgbouncer
) -> None:
    cast = await asyncio.to_thread(cast_of, gateways[0])
    master, follower = await cast.ea(0), await replace(cast, gateway=gateways[1]).ea(1)
    for number in range(1, TRADES + 1):
        await master.buy(number)
    commands = await follower.commands(TRADES)
    assert [command["seq"] for command in commands] == list(range(1, TRADES + 1))
    await master.acked(TRADES)
    with ThreadPoolExecutor(8) as people:
        looked = list(people.map(lambda _: httpx.get(f"{gateways[1].url}/readyz", timeout=10).json(), range(16)))
    assert {(answer["database"], answer["migrations"]) for answer in looked} == {("ok", "ok")}
    assert kept(pooler) == set()
    held = counted(database, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid"
                   " FROM pg_database WHERE datname = current_database())")  # fmt: skip
    assert held == 0
    assert not any(gateway.log_has('"level": "error"') for gateway in gateways)


def kept(pooler: Pgbouncer) -> set[tuple[str, str]]:
    """What somebody has left on the pooler's server connections: prepared statements, settings of the session."""
    left: set[tuple[str, str]] = set()
    ours = ("client_encoding", "DateStyle", "TimeZone", "standard_conforming_strings", "application_name")
    for _ in range(12):  # they take turns
        with psycopg.connect(pooler.url, prepare_threshold=None) as connection:
            left |= {("prepared", row[0]) for row in connection.execute("SELECT name FROM pg_prepared_statements")}
            rows = connection.execute("SELECT name, setting FROM pg_settings WHERE source = 'session'")
            left |= {(name, value) for name, value in rows if name not in ours}
            # Found by the role, not by the session.
            for bound in BOUNDS:
                assert connection.execute(f"SHOW {bound}").fetchone() == ("10s",)
    return left


@pytest.mark.nightly
async def test_a_migration_leaves_the_bounds_of_other_peoples_connections(
    pooler: Pgbouncer, gateways: tuple[Gateway, Gateway]
) -> None:
    done = await asyncio.to_thread(gateways[0].manage, "migrate", "-v0")
    assert done.returncode == 0, done.stderr
    assert kept(pooler) == set()


@pytest.mark.nightly
async def test_of_requests_at_once_under_one_idempotency_key_one_opens_a_session(
    gateways: tuple[Gateway, Gateway], database: Database
) -> None:
    cast = await asyncio.to_thread(cast_of, gateways[0])
    name = cast.names[1]
    body = {"account_id": name, "auth_method": "account_session_key", "auth_key": cast.keys[name], "platform": "sdk"}

    async def ask(client: httpx.AsyncClient) -> int:
        headers = {"Idempotency-Key": "once"}
        answer = await client.post(f"{gateways[0].url}/ea-gateway/v1/sessions", json=body, headers=headers)
        return answer.status_code

    async with httpx.AsyncClient(timeout=20) as client:
        answers = await asyncio.gather(*[ask(client) for _ in range(6)])
    assert set(answers) <= {201, 409}
    assert 201 in answers
    assert counted(database, "SELECT count(*) FROM sessions_app_easession") == 1


@pytest.mark.nightly
@pytest.mark.parametrize("what", ["database", "pooler"])
async def test_what_was_told_meanwhile_is_kept_when_one_of_them_was_away(
    gateways: tuple[Gateway, Gateway], database: Database, pooler: Pgbouncer, what: str
) -> None:
    cast = await asyncio.to_thread(cast_of, gateways[0])
    master, follower = await cast.ea(0), await replace(cast, gateway=gateways[1]).ea(1)
    waited = []
    for number in range(1, 4):
        await asyncio.to_thread(database.take_away if what == "database" else pooler.kill)
        await master.buy(number)
        await asyncio.to_thread(database.bring_back if what == "database" else pooler.start)
        answers = time.monotonic()
        await master.acked(number)
        waited.append(time.monotonic() - answers)
    commands = await follower.commands(3)
    assert [command["payload"]["position_id"] for command in commands] == [1, 2, 3]
    assert counted(database, "SELECT count(*) FROM orders_intent") == 3
    # As without a pooler (`test_database_restarts.py`), for ours asks the database again after a tenth of a second. The
    # best of three, for the machine is shared.
    assert min(waited) < 1.0, waited
