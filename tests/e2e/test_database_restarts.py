"""PostgreSQL goes and comes back: acknowledgements with it, nothing is lost, nothing is stored twice."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest

from tests.e2e.database import Database
from tests.e2e.gateway import Gateway, RawEa

pytestmark = [pytest.mark.lane("production"), pytest.mark.usefixtures("sockets")]
OUTAGES = 3
AWAY_SECONDS = 3.5
"""Longer than a pool that doubles its pauses would take notice of its return."""


@pytest.fixture
def database() -> Database:
    return Database.begin("restarts")


@pytest.fixture(params=["daphne", "uvicorn"])
async def at_work(
    request: pytest.FixtureRequest, database: Database, tmp_path: Path
) -> AsyncIterator[tuple[RawEa, RawEa]]:
    """A master and its follower, on a gateway whose database the test may stop."""
    gateway = Gateway(tmp_path, server=request.param, DATABASE_URL=database.url, HEARTBEAT_TIMEOUT_SECONDS="60")
    await asyncio.to_thread(gateway.start)
    cast = await asyncio.to_thread(gateway._provision, [[{}]])
    yield await cast[0].ea(0), await cast[0].ea(1)
    gateway.end(signal.SIGKILL)


async def test_acknowledgements_come_again_within_a_second_of_the_database(
    at_work: tuple[RawEa, RawEa], database: Database
) -> None:
    master, follower = at_work
    waited = []
    for number in range(1, OUTAGES + 1):
        await asyncio.to_thread(database.take_away)
        await master.buy(number)
        await asyncio.sleep(AWAY_SECONDS)
        await asyncio.to_thread(database.bring_back)
        answers = time.monotonic()
        await master.acked(number)
        waited.append(time.monotonic() - answers)
    positions = [command["payload"]["position_id"] for command in await follower.commands(OUTAGES)]
    assert positions == [1, 2, 3]
    with psycopg.connect(database.url) as connection:
        found = connection.execute("SELECT count(*), count(DISTINCT position_id) FROM orders_intent").fetchone()
    assert found == (OUTAGES, OUTAGES)
    # The best of several: the machine that tests run on may stop for a second by itself.
    assert min(waited) < 1.0, waited
