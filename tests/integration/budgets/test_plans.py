"""The hot path over half a million rows: every statement finds its rows by an index, whatever happened before.

It is tried on PostgreSQL, whose plans say how many rows were looked at for nothing.
"""

from collections.abc import Iterator
from typing import Any, Final

import pytest
from django.db import connection

from orders.models import Command
from sessions_app.services.ingest import batches
from tests.bench import volume
from tests.integration.budgets.explaining import Plan, explained
from tests.integration.trading import Desk, subscribe

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.lane("production")]
FOLLOWERS: Final = 20
POSITIONS: Final = 2800
FOR_NOTHING: Final = 100
ROWS: Final = 500_000


def faults(plans: list[Plan]) -> list[str]:
    """What must not be: a big table read as a whole, or rows that a filter throws away."""
    return [f"{fault}: {plan.sql[:300]}" for plan in plans for node in plan.nodes() for fault in _faults(node)]


def _faults(node: Any) -> Iterator[str]:
    table = node.get("Relation Name", "")
    thrown = node.get("Rows Removed by Filter", 0) * node.get("Actual Loops", 1)
    if node["Node Type"] == "Seq Scan" and table in volume.TABLES:
        yield f"reads all of {table}"
    elif thrown > FOR_NOTHING:
        yield f"throws {thrown:.0f} rows of {table or node['Node Type']} away"


class Found(Exception):
    """A statement looks at rows for nothing."""


class Floor:
    """A master and his followers with a long history; each step is a batch."""

    def __init__(self) -> None:
        self.master = Desk.open("srv:1").introduce()
        self.desks = [Desk.open(f"srv:{number + 2}").introduce() for number in range(FOLLOWERS)]
        for desk in self.desks:
            subscribe(self.master, desk)

    def open(self, position: int) -> None:
        self.master.buy(position)

    def close(self, position: int) -> None:
        self.master.intend("close", position)

    def report(self, status: str) -> None:
        """All followers tell of their newest command, in one batch."""
        newest = dict(Command.objects.filter(state="queued").values_list("account_id", "id"))
        told = []
        for desk in self.desks:
            desk.seq += 1
            said = {"command_id": str(newest[desk.account.id]), "status": status, "ticket": desk.seq, "lots": "0.1"}
            told.append(desk.arrival("ExecutionReport", {**said, "price": "1.1", "balance": "1000"}, seq=desk.seq))
        batches.store(arrivals=told)

    def beat(self) -> None:
        batches.store(arrivals=[desk.arrival("StatusHeartbeat", {"balance": "1000"}) for desk in self.desks])


@pytest.fixture
def emptied() -> Iterator[None]:
    """Half a million rows go faster together than one by one, as the fixture of the database deletes them."""
    yield
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {', '.join(volume.TABLES)} CASCADE")


@pytest.mark.usefixtures("emptied")
def test_the_hot_path_looks_at_no_history() -> None:
    floor = Floor()
    for status, step in (("filled", floor.open), ("closed", floor.close)):
        step(1)
        floor.report(status)
    rows = volume.fill(POSITIONS)
    assert rows >= ROWS
    with explained() as plans:
        floor.open(2)
        floor.report("filled")
        floor.close(2)
        floor.report("closed")
        floor.beat()
        floor.desks[0].hello()
    assert len(plans) > FOLLOWERS
    if found := faults(plans):
        raise Found("\n".join(found))


def test_a_table_that_is_read_as_a_whole_is_seen() -> None:
    floor = Floor()
    floor.open(1)
    with explained() as plans, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM orders_command WHERE symbol = %s", ["EURUSD"])
    assert [fault.partition(":")[0] for fault in faults(plans)] == ["reads all of orders_command"]


def test_rows_that_are_thrown_away_are_seen() -> None:
    with explained() as plans, connection.cursor() as cursor:
        cursor.execute("SELECT n FROM generate_series(1, 500) n WHERE n %% 2 = %s", [0])
        assert len(cursor.fetchall()) == 250
    assert [fault.partition(":")[0] for fault in faults(plans)] == ["throws 250 rows of Function Scan away"]
