"""Copies that were given up and live all the same get what their master has done meanwhile."""

from datetime import timedelta
from decimal import Decimal

import pytest

from orders.models import Command, Copy, Decision, Difference
from orders.services.copies import convergence
from sessions_app.queries import database_now
from tests.integration.trading import Desk, held, subscribe

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def master() -> Desk:
    return Desk.open("srv:1").introduce()


@pytest.fixture
def follower(master: Desk) -> Desk:
    desk = Desk.open("srv:2").introduce()
    desk.hello(installation_id="a")
    subscribe(master, desk)
    return desk


def missed(master: Desk, follower: Desk, lots: str = "1") -> Command:
    """An open that was void before the EA had it, as far as we know."""
    master.buy(1, lots, sl="1.05", tp="1.20")
    return give_up(follower)


def give_up(follower: Desk) -> Command:
    Command.objects.update(valid_until=database_now() - timedelta(seconds=1))
    follower.hello(installation_id="a")
    assert Copy.objects.get().state == "failed"
    return Command.objects.get()


def ordered() -> list[tuple[str, str, Decimal | None, Decimal | None, Decimal | None]]:
    """(action, state, lots after, stop loss, price) of what was ordered after the first command."""
    rows = Command.objects.order_by("seq").values_list("action", "state", "lots_after", "sl", "price")
    return list(rows)[1:]


def move_and_take_off(master: Desk) -> None:
    master.intend("modify", 1, sl="1.07")
    master.intend("partial_close", 1, lots="0.25", remaining_lots="0.75", new_ticket=2)
    master.intend("partial_close", 1, ticket=2, lots="0.25", remaining_lots="0.5", new_ticket=3)
    assert set(Decision.objects.order_by("id").values_list("code", flat=True)[1:]) == {"copy_gone"}


CAUGHT_UP = [
    ("partial_close", "queued", Decimal("0.5"), None, None),
    ("modify", "queued", Decimal("0.5"), Decimal("1.07"), None),
]


def test_a_late_fill_gets_the_partial_closes_and_the_stops_that_it_has_missed(master: Desk, follower: Desk) -> None:
    opened = missed(master, follower)
    move_and_take_off(master)
    follower.report(opened.id, "filled", ticket=900, lots="1", price="1.1")
    assert ordered() == CAUGHT_UP
    assert follower.batches[-1].tops == {follower.account.id: 3}
    copy = Copy.objects.get()
    assert (copy.state, copy.lots_open, copy.lots_decided, copy.sl) == (
        "open", Decimal(1), Decimal("0.5"), Decimal("1.07"),
    )  # fmt: skip
    follower.report(Command.objects.get(action="partial_close").id, "closed", lots="0.5", remaining_lots="0.5")
    master.intend("close", 1, ticket=3)
    assert ordered()[-1][:3] == ("close", "queued", Decimal(0))


def test_a_position_that_shows_up_in_a_book_gets_them_too(master: Desk, follower: Desk) -> None:
    missed(master, follower)
    move_and_take_off(master)
    follower.tell(held(1, 900, "1", sl="1.05", tp="1.20"))
    assert ordered() == CAUGHT_UP
    follower.tell(held(1, 900, "1", sl="1.05", tp="1.20"))
    assert ordered() == CAUGHT_UP


def test_a_position_that_shows_up_with_other_stops_gets_the_newest_and_no_repair_beside_it(
    master: Desk, follower: Desk
) -> None:
    missed(master, follower)
    move_and_take_off(master)
    quotes = [{"symbol": "EURUSD", "bid": "1.1", "ask": "1.1002"}]
    follower.tell(held(1, 900, "1", sl="1.04", tp="1.20"), quotes=quotes)
    assert ordered() == CAUGHT_UP
    drift = Difference.objects.get(kind="stops_drift")
    assert (drift.state, drift.reason) == ("open", "on_its_way")


def test_a_late_fill_that_has_missed_nothing_is_left_alone(master: Desk, follower: Desk) -> None:
    opened = missed(master, follower)
    follower.report(opened.id, "filled", ticket=900, lots="1", price="1.1")
    assert (ordered(), convergence.carry_out()) == ([], 0)


def test_a_pending_order_that_works_all_the_same_gets_its_new_price_and_is_found_by_the_cancel(
    master: Desk, follower: Desk
) -> None:
    master.intend("place", 1, side="buy", order_type="limit", lots="0.1", price="1.10")
    placed = give_up(follower)
    master.intend("modify", 1, price="1.05")
    follower.report(placed.id, "placed", ticket=900, lots="0.1")
    assert ordered() == [("modify", "queued", Decimal("0.1"), Decimal(0), Decimal("1.05"))]
    master.intend("cancel", 1)
    assert ordered()[-1][:3] == ("cancel", "queued", Decimal(0))


def test_nothing_is_ordered_behind_a_close_that_is_on_its_way(master: Desk, follower: Desk) -> None:
    master.buy(1, sl="1.05")
    master.intend("modify", 1, sl="1.06")
    master.intend("close", 1)
    opened = Command.objects.order_by("seq")[0]
    Command.objects.filter(id=opened.id).update(valid_until=database_now() - timedelta(seconds=1))
    follower.hello(installation_id="a")
    follower.report(opened.id, "filled", ticket=900, lots="0.1", price="1.1")
    assert [action for action, *_ in ordered()] == ["modify", "close"]
    assert convergence.carry_out() == 0


def test_a_copy_whose_masters_position_is_closed_is_only_closed(master: Desk, follower: Desk) -> None:
    opened = missed(master, follower)
    move_and_take_off(master)
    master.intend("close", 1, ticket=3)
    follower.report(opened.id, "filled", ticket=900, lots="1", price="1.1")
    assert ordered() == [("close", "queued", Decimal(0), None, None)]
