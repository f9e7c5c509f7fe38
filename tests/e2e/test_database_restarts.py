"""PostgreSQL goes and comes back: acknowledgements with it, nothing is lost, nothing is stored twice."""

import asyncio
import os
import re
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest

from tests.e2e.gateway import Gateway, RawEa
from tests.services.migrated import TEMPLATE_VARIABLE, copy_database

pytestmark = [pytest.mark.lane("production"), pytest.mark.usefixtures("sockets")]
OUTAGES = 3
AWAY_SECONDS = 3.5
"""Longer than a pool that doubles its pauses would take notice of its return."""


class Database:
    """A database of the lane's server that can be taken away: its connections are cut, and no new one is let in."""

    NAME = "restarts"

    def __init__(self) -> None:
        self._server = os.environ["DATABASE_URL"]
        self.url = re.sub(r"/[^/?]+(?=\?|$)", f"/{self.NAME}", self._server, count=1)

    def take_away(self) -> None:
        with psycopg.connect(self._server, autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {self.NAME} WITH ALLOW_CONNECTIONS false")
            cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
            connection.execute(cut, [self.NAME])

    def bring_back(self) -> None:
        with psycopg.connect(self._server, autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {self.NAME} WITH ALLOW_CONNECTIONS true")


@pytest.fixture
def database() -> Database:
    template = os.environ.get(TEMPLATE_VARIABLE)
    if template is None:
        pytest.skip("the server is not this run's own: nobody's database is taken away")
    copy_database(os.environ["DATABASE_URL"], source=template, name=Database.NAME)
    return Database()


@pytest.fixture(params=["daphne", "uvicorn"])
async def at_work(
    request: pytest.FixtureRequest, database: Database, tmp_path: Path
) -> AsyncIterator[tuple[RawEa, RawEa]]:
    """A master and its follower, on a gateway whose database the test may stop."""
    settings = {"DATABASE_URL": database.url, "HEARTBEAT_TIMEOUT_SECONDS": "60"}
    gateway = await asyncio.to_thread(Gateway(tmp_path, server=request.param, **settings).start)
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
