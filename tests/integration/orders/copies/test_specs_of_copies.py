"""A copy keeps its symbol's grid: the symbol may leave the broker's list while the copy is open."""

from datetime import timedelta
from decimal import Decimal
from typing import Final

import pytest

from orders.models import Command, Copy, FillWait
from orders.services.copies import fill_waits
from sessions_app.queries import database_now
from tests.integration.trading import SYMBOL, Desk, subscribe

pytestmark = pytest.mark.django_db(transaction=True)
COARSE: Final = {"name": "EURUSD", **SYMBOL, "digits": 2, "tick_size": "0.25", "lots_min": "2", "lots_step": "1"}


@pytest.fixture
def master() -> Desk:
    return Desk.open("srv:1").introduce()


@pytest.fixture
def follower(master: Desk) -> Desk:
    """Its broker trades whole lots, at least two, at quarters."""
    desk = Desk.open("srv:2").introduce(symbols=[COARSE])
    desk.hello(installation_id="a")
    subscribe(master, desk)
    return desk


def fill(follower: Desk) -> None:
    opened = Command.objects.get(action="open")
    follower.report(opened.id, "filled", ticket=900, lots=str(opened.lots), price="1.1")


def newest() -> Command:
    return Command.objects.order_by("-seq")[0]


def test_a_copy_keeps_the_spec_that_it_was_made_by(master: Desk, follower: Desk) -> None:
    master.buy(1, "10")
    copy = Copy.objects.get()
    assert (copy.lots_step, copy.lots_min, copy.digits, copy.tick_size) == (Decimal(1), Decimal(2), 2, Decimal("0.25"))


def test_a_part_is_closed_in_whole_lots_after_the_symbol_has_left_the_list(master: Desk, follower: Desk) -> None:
    master.buy(1, "10")
    fill(follower)
    follower.introduce("GBPUSD")
    master.intend("partial_close", 1, lots="2.5", remaining_lots="7.5", new_ticket=2)
    assert (newest().action, newest().lots, newest().lots_after) == ("partial_close", Decimal(3), Decimal(7))


def test_what_stays_open_is_no_less_than_the_kept_minimum(master: Desk, follower: Desk) -> None:
    master.buy(1, "4")
    fill(follower)
    follower.introduce("GBPUSD")
    master.intend("partial_close", 1, lots="3", remaining_lots="1", new_ticket=2)
    assert (newest().action, newest().lots_after) == ("partial_close", Decimal(2))


def test_stops_keep_to_the_kept_ticks(master: Desk, follower: Desk) -> None:
    master.buy(1, "10")
    fill(follower)
    follower.introduce("GBPUSD")
    master.intend("modify", 1, sl="1.30", tp="2.90")
    assert (newest().action, newest().sl, newest().tp) == ("modify", Decimal("1.25"), Decimal(3))


def test_what_the_broker_lists_now_wins_over_what_was_kept(master: Desk, follower: Desk) -> None:
    master.buy(1, "10")
    fill(follower)
    follower.introduce("EURUSD")
    master.intend("partial_close", 1, lots="2.5", remaining_lots="7.5", new_ticket=2)
    assert newest().lots_after == Decimal("7.5")


def test_a_copy_from_before_specs_were_kept_has_hundredths(master: Desk, follower: Desk) -> None:
    master.buy(1, "10")
    fill(follower)
    Copy.objects.update(lots_step=None, lots_min=None, digits=None, tick_size=None)
    follower.introduce("GBPUSD")
    master.intend("partial_close", 1, lots="2.5", remaining_lots="7.5", new_ticket=2)
    assert newest().lots_after == Decimal("7.5")


def test_a_late_fill_misses_its_part_in_whole_lots_too(master: Desk, follower: Desk) -> None:
    master.buy(1, "10")
    Command.objects.update(valid_until=database_now() - timedelta(seconds=1))
    follower.hello(installation_id="a")
    follower.introduce("GBPUSD")
    master.intend("partial_close", 1, lots="2.5", remaining_lots="7.5", new_ticket=2)
    fill(follower)
    assert (newest().action, newest().lots_after) == ("partial_close", Decimal(7))


def test_the_position_in_place_of_a_pending_order_has_whole_lots_and_keeps_the_spec(
    master: Desk, follower: Desk
) -> None:
    master.intend("place", 1, side="buy", order_type="limit", lots="10", price="1.10")
    placed = Command.objects.get()
    follower.report(placed.id, "placed", ticket=900, lots="10")
    master.intend("activate", 1, lots="10", price="1.10")
    follower.introduce("GBPUSD")
    master.intend("partial_close", 1, lots="2.5", remaining_lots="7.5", new_ticket=2)
    FillWait.objects.update(due_at=database_now() - timedelta(seconds=1))
    assert fill_waits.carry_out() == 1
    follower.report(Command.objects.get(action="cancel").id, "cancelled")
    again = Copy.objects.get(leg=2)
    assert (again.lots_decided, again.lots_step, again.lots_min, again.digits, again.tick_size) == (
        Decimal(7), Decimal(1), Decimal(2), 2, Decimal("0.25"),
    )  # fmt: skip
