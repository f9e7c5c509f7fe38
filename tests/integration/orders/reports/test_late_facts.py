"""Facts that come late, or in an odd order: whatever the broker has is managed in the end, at its right lots."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from orders.models import Command, Copy, Difference, FillWait, Intent, Report
from orders.services.copies import fill_waits
from sessions_app.models import BrokerAccount, Tenant
from sessions_app.queries import database_now
from sessions_app.services.ingest import batches
from tests.integration.orders.reconciliation.test_in_doubt import end_of_doubt_passed
from tests.integration.trading import SYMBOL, Desk, held, subscribe, time_passes

pytestmark = pytest.mark.django_db(transaction=True)
QUOTES = [{"symbol": "EURUSD", "bid": "1.1", "ask": "1.1002"}]


@pytest.fixture
def master() -> Desk:
    return Desk.open("srv:1").introduce()


@pytest.fixture
def follower() -> Desk:
    desk = Desk.open("srv:2").introduce()
    desk.hello(installation_id="a")
    return desk


@pytest.fixture
def small(master: Desk) -> Desk:
    """A follower whose broker takes one lot at most: larger copies have several legs."""
    desk = Desk.open("srv:3")
    desk.send("InitRequest", {"currency": "USD", "symbols": [{"name": "EURUSD", **SYMBOL, "lots_max": "1"}]})
    return desk


def ordered(action: str, nth: int = 0) -> Command:
    return Command.objects.filter(action=action).order_by("seq")[nth]


def fill(desk: Desk, command: Command, ticket: int = 900, lots: str = "1") -> None:
    desk.report(command.id, "filled", ticket=ticket, lots=lots, price="1.1")


def place(master: Desk, lots: str = "1") -> None:
    master.intend("place", 1, side="buy", order_type="limit", lots=lots, price="1.1")


def part(master: Desk, closed: str, left: str, *, ticket: int = 1, new_ticket: int | None = 2) -> None:
    master.intend("partial_close", 1, ticket=ticket, lots=closed, remaining_lots=left, new_ticket=new_ticket)


def last() -> tuple[str, Decimal | None, Decimal | None]:
    """The newest command, and where it leads."""
    command = Command.objects.order_by("seq").last()
    assert command is not None
    return command.action, command.lots_before, command.lots_after


def open_lots() -> Sequence[tuple[str, Decimal | None, Decimal | None]]:
    return list(Copy.objects.order_by("position_id", "leg").values_list("state", "lots_open", "lots_decided"))


# Ended too soon ------------------------------------------------------------------------------------------------------


def test_a_fill_after_a_close_that_found_nothing_is_closed_at_once(master: Desk, follower: Desk) -> None:
    subscribe(master, follower)
    master.buy(1, "1")
    follower.report(ordered("open").id, "unknown", error_code=128)
    master.intend("close", 1)
    follower.report(ordered("close").id, "closed", already=True)
    fill(follower, ordered("open"))
    assert last() == ("close", Decimal(1), Decimal(0))
    follower.report(ordered("close", 1).id, "closed", ticket=900, lots="1")
    assert open_lots() == [("closed", Decimal(0), Decimal(0))]


def test_a_fill_that_a_book_shows_after_a_close_that_found_nothing_is_closed_at_once(
    master: Desk, follower: Desk
) -> None:
    subscribe(master, follower)
    master.buy(1, "1")
    follower.report(ordered("open").id, "unknown", error_code=128)
    master.intend("close", 1)
    follower.report(ordered("close").id, "closed", already=True)
    follower.tell(held(1, 900, "1"), quotes=QUOTES)
    assert last() == ("close", Decimal(1), Decimal(0))


def test_an_open_that_nobody_finds_behind_a_close_that_found_nothing_has_failed(master: Desk, follower: Desk) -> None:
    subscribe(master, follower)
    master.buy(1, "1")
    follower.report(ordered("open").id, "unknown", error_code=128)
    master.intend("close", 1)
    follower.report(ordered("close").id, "closed", already=True)
    end_of_doubt_passed(follower)
    follower.report(ordered("open").id, "unknown", found=False)
    assert (Copy.objects.get().state, Command.objects.count()) == ("failed", 2)


@pytest.mark.parametrize("proof", ["part", "stops"])
def test_what_was_proven_to_be_there_is_not_opened_again_when_its_owner_has_closed_it(
    master: Desk, follower: Desk, proof: str
) -> None:
    """The report of its open is lost; what was done with it behind that shows that it has filled."""
    subscribe(master, follower, max_age_seconds=3600)
    master.buy(1, "1")
    if proof == "part":
        part(master, "0.5", "0.5")
        follower.report(ordered("partial_close").id, "closed", ticket=900, lots="0.5", remaining_lots="0.5")
        assert open_lots() == [("open", Decimal("0.5"), Decimal("0.5"))]
    else:
        master.intend("modify", 1, sl="1.05", tp="0")
        follower.report(ordered("modify").id, "modified", sl="1.05", tp="0")
    follower.report(ordered("open").id, "unknown")
    end_of_doubt_passed(follower)
    follower.tell()
    follower.report(ordered("open").id, "unknown", found=False)
    follower.tell()
    assert Command.objects.filter(action="open").count() == 1
    assert Copy.objects.get().state in ("closed", "failed")


def test_a_fill_of_the_other_terminal_is_closed_that_the_newer_one_did_not_find(master: Desk, follower: Desk) -> None:
    subscribe(master, follower, max_age_seconds=3600)
    master.buy(1, "1")
    newer = follower.again()
    newer.hello(installation_id="b")
    master.intend("close", 1)
    newer.report(ordered("close").id, "closed", already=True)
    fill(follower, ordered("open"))
    assert last() == ("close", Decimal(1), Decimal(0))


def test_an_order_that_filled_after_its_cancel_was_reported_is_closed_and_the_book_is_asked_for(
    master: Desk, follower: Desk
) -> None:
    follower.tell()
    subscribe(master, follower)
    place(master)
    follower.report(ordered("place").id, "placed", ticket=900, lots="1", price="1.1")
    master.intend("cancel", 1)
    follower.report(ordered("cancel").id, "cancelled", ticket=900)
    fill(follower, ordered("place"))
    assert last() == ("close", Decimal(1), Decimal(0))
    assert BrokerAccount.objects.get(id=follower.account.id).snapshot_reason == "late_fact"


def test_a_part_that_found_nothing_before_the_open_was_ordered_again_ends_nothing(master: Desk, follower: Desk) -> None:
    """Its report comes late, behind the fill of the second try: the copy stays led."""
    subscribe(master, follower, max_age_seconds=3600)
    master.buy(1, "1")
    part(master, "0.4", "0.6")
    follower.report(ordered("open").id, "rejected", error_code=146)
    time_passes(10)
    fill(follower, ordered("open", 1), lots="0.6")
    follower.report(ordered("partial_close").id, "closed", already=True, remaining_lots="0")
    assert open_lots() == [("open", Decimal("0.6"), Decimal("0.6"))]
    master.intend("close", 1, ticket=2)
    assert last() == ("close", Decimal("0.6"), Decimal(0))


def test_an_open_that_was_found_late_and_cut_is_led_on_when_the_try_behind_it_finds_it(
    master: Desk, follower: Desk
) -> None:
    follower.tell()
    subscribe(master, follower, max_age_seconds=3600)
    master.buy(1, "1")
    follower.report(ordered("open").id, "unknown")
    part(master, "0.4", "0.6")
    end_of_doubt_passed(follower)
    follower.report(ordered("open").id, "unknown", found=False)
    follower.report(ordered("open").id, "filled", ticket=900, lots="1", price="1.1")
    cut = {"ticket": 900, "lots": "0.4", "remaining_lots": "0.6", "new_ticket": 901}
    follower.report(ordered("partial_close").id, "closed", **cut)
    follower.report(ordered("open", 1).id, "filled", already=True, ticket=901, lots="0.6", price="1.1")
    assert open_lots() == [("open", Decimal("0.6"), Decimal("0.6"))]
    master.intend("close", 1, ticket=2)
    assert last()[::2] == ("close", Decimal(0))


def test_what_was_refused_and_has_filled_all_the_same_is_looked_for_at_once(master: Desk, follower: Desk) -> None:
    follower.tell()
    subscribe(master, follower)
    master.buy(1, "1")
    follower.report(ordered("open").id, "rejected", error_code=64)
    fill(follower, ordered("open"))
    assert BrokerAccount.objects.get(id=follower.account.id).snapshot_reason == "late_fact"


def test_a_placing_that_is_told_after_its_cancel_was_refused_is_cancelled_again(master: Desk, follower: Desk) -> None:
    follower.tell()
    subscribe(master, follower)
    place(master)
    master.intend("cancel", 1)
    follower.report(ordered("cancel").id, "rejected", error_code=136)
    follower.report(ordered("place").id, "placed", ticket=900, lots="1", price="1.1")
    time_passes(60)
    cancels = Command.objects.filter(action="cancel").order_by("id")
    assert [(row.state, row.lots_after) for row in cancels] == [("rejected", Decimal(0)), ("queued", Decimal(0))]


def test_copies_that_one_book_does_not_show_and_the_next_one_does_are_as_they_were(
    master: Desk, follower: Desk
) -> None:
    subscribe(master, follower)
    for position in (1, 2, 3):
        master.buy(position, "1")
        fill(follower, ordered("open", position - 1), ticket=899 + position)
    follower.tell()
    assert {state for state, *_ in open_lots()} == {"closed"}
    master.intend("close", 3)
    for _ in range(2):
        follower.tell(*(held(number, 899 + number, "1") for number in (1, 2, 3)), quotes=QUOTES)
    assert open_lots()[:2] == [("open", Decimal(1), Decimal(1))] * 2
    assert Copy.objects.filter(tombstoned_at__isnull=False).count() == 0
    assert last() == ("close", Decimal(1), Decimal(0))
    assert Difference.objects.exclude(kind="missing").count() == 0
    follower.tell()
    assert {state for state, *_ in open_lots()[:2]} == {"closed"}


def test_an_attempt_that_was_given_up_does_not_undo_what_happened_to_the_one_after_it(
    master: Desk, follower: Desk
) -> None:
    follower.tell()
    subscribe(master, follower)
    master.buy(1, "1")
    follower.report(ordered("open").id, "unknown")
    end_of_doubt_passed(follower)
    follower.report(ordered("open").id, "unknown", found=False)
    fill(follower, ordered("open", 1))
    part(master, "0.5", "0.5")
    follower.report(ordered("partial_close").id, "closed", ticket=900, new_ticket=901, remaining_lots="0.5")
    fill(follower, ordered("open"), ticket=899)
    copy = Copy.objects.get()
    assert (copy.lots_open, copy.ticket) == (Decimal("0.5"), 901)
    assert Report.objects.order_by("id").last().flag == "after_void"  # type: ignore[union-attr]


# The lots it is to have ----------------------------------------------------------------------------------------------


def test_a_revived_copy_is_reduced_once(master: Desk, follower: Desk) -> None:
    subscribe(master, follower)
    master.buy(1, "1")
    part(master, "0.5", "0.5")
    Command.objects.filter(action="open").update(valid_until=database_now() - timedelta(seconds=1))
    follower.hello(installation_id="a")
    fill(follower, ordered("open"))
    assert Command.objects.count() == 2
    assert last() == ("partial_close", Decimal(1), Decimal("0.5"))


def test_a_part_that_the_master_closed_while_the_copy_worked_is_closed_when_it_has_filled(
    master: Desk, follower: Desk
) -> None:
    subscribe(master, follower)
    place(master)
    follower.report(ordered("place").id, "placed", ticket=900, lots="1", price="1.1")
    master.intend("activate", 1)
    part(master, "0.9", "0.1")
    fill(follower, ordered("place"))
    assert last() == ("partial_close", Decimal(1), Decimal("0.1"))
    FillWait.objects.update(due_at=database_now() - timedelta(seconds=1))
    fill_waits.carry_out()
    assert Command.objects.count() == 2


def test_a_part_that_found_an_order_at_work_is_closed_when_that_has_filled(master: Desk, follower: Desk) -> None:
    subscribe(master, follower)
    place(master)
    master.intend("activate", 1)
    part(master, "0.5", "0.5")
    follower.report(ordered("place").id, "placed", ticket=900, lots="1", price="1.1")
    follower.report(ordered("partial_close").id, "rejected", error_code=4108)
    assert Command.objects.count() == 2
    fill(follower, ordered("place"))
    assert last() == ("partial_close", Decimal(1), Decimal("0.5"))
    assert Command.objects.count() == 3


def test_of_several_legs_each_is_reduced_when_it_can_be(master: Desk, small: Desk) -> None:
    subscribe(master, small)
    place(master, "2")
    for number in (0, 1):
        small.report(ordered("place", number).id, "placed", ticket=900 + number, lots="1", price="1.1")
    master.intend("activate", 1)
    fill(small, ordered("place", 0), ticket=900)
    part(master, "1.5", "0.5")
    assert [(row.action, row.leg, row.lots_after) for row in Command.objects.order_by("seq")[2:]] == [
        ("cancel", 2, Decimal(0)),
        ("partial_close", 1, Decimal("0.5")),
    ]


def test_case_157_a_remainder_told_a_second_time_is_the_base_of_the_next_part(master: Desk, follower: Desk) -> None:
    subscribe(master, follower)
    master.buy(1, "1")
    fill(follower, ordered("open"))
    part(master, "0.5", "0.5")
    follower.report(ordered("partial_close").id, "closed", already=True, remaining_lots="0.5", ticket=901)
    copy = Copy.objects.get()
    assert (copy.lots_open, copy.ticket) == (Decimal("0.5"), 901)
    part(master, "0.25", "0.25", ticket=2, new_ticket=3)
    assert last() == ("partial_close", Decimal("0.5"), Decimal("0.25"))


def test_a_ticket_that_stays_the_same_can_be_closed_in_part_more_than_once(master: Desk, follower: Desk) -> None:
    subscribe(master, follower)
    master.buy(1, "1")
    for closed, left in (("0.3", "0.7"), ("0.3", "0.4"), ("0.3", "0.4"), ("0.3", "0.7")):
        part(master, closed, left, new_ticket=None)
    assert [row.lots_after for row in Command.objects.filter(action="partial_close").order_by("seq")] == [
        Decimal("0.7"),
        Decimal("0.4"),
    ]
    assert Intent.objects.filter(repeated=True).count() == 2


def test_a_close_is_a_repeat_whatever_it_says_of_what_is_left(master: Desk, follower: Desk) -> None:
    subscribe(master, follower)
    master.buy(1, "1")
    for told in ({}, {"remaining_lots": "0"}, {"remaining_lots": "0.5"}):
        assert master.intend("close", 1, **told).refusal is None
    assert (Command.objects.filter(action="close").count(), Intent.objects.filter(repeated=True).count()) == (1, 2)


def test_an_order_that_could_not_be_cancelled_and_fills_at_last_stays(master: Desk, follower: Desk) -> None:
    subscribe(master, follower)
    place(master)
    follower.report(ordered("place").id, "placed", ticket=900, lots="1", price="1.1")
    master.intend("activate", 1)
    part(master, "0.5", "0.5")
    for number in range(3):
        FillWait.objects.update(due_at=database_now() - timedelta(seconds=1))
        fill_waits.carry_out()
        follower.report(ordered("cancel", number).id, "rejected", error_code=136)
    assert FillWait.objects.get().state == "waiting"
    fill(follower, ordered("place"))
    assert last() == ("partial_close", Decimal(1), Decimal("0.5"))
    assert Report.objects.filter(flag="filled_after_cancel").count() == 0


def test_a_stop_that_the_follower_has_set_for_himself_is_not_taken_away(master: Desk, follower: Desk) -> None:
    subscribe(master, follower)
    master.buy(1, "1")
    fill(follower, ordered("open"))
    follower.tell(held(1, 900, "1", sl="1.05"), quotes=QUOTES)
    assert (Command.objects.count(), Difference.objects.get().reason) == (1, "own_stops")


def test_a_working_order_that_its_broker_lets_expire_is_over(master: Desk, follower: Desk) -> None:
    subscribe(master, follower)
    place(master)
    follower.report(ordered("place").id, "placed", ticket=900, lots="1", price="1.1")
    follower.report(ordered("place").id, "expired", ticket=900)
    assert Copy.objects.get().state == "closed"


def test_an_order_that_is_gone_after_a_doubtful_cancel_is_not_opened_at_market(master: Desk, follower: Desk) -> None:
    """It may have filled and been stopped out: that trade is over."""
    subscribe(master, follower, max_age_seconds=3600)
    place(master)
    follower.report(ordered("place").id, "placed", ticket=900, lots="1", price="1.1")
    master.intend("activate", 1)
    FillWait.objects.update(due_at=database_now() - timedelta(seconds=1))
    fill_waits.carry_out()
    follower.report(ordered("cancel").id, "unknown", error_code=128)
    Command.objects.filter(state="unknown").update(absent_from=database_now() - timedelta(seconds=1))
    follower.tell()
    assert (FillWait.objects.get().state, Command.objects.filter(action="open").count()) == ("ended", 0)


# Limits --------------------------------------------------------------------------------------------------------------


def test_a_position_counts_until_its_last_leg_has_ended(master: Desk, small: Desk) -> None:
    subscribe(master, small, max_open_positions=1)
    master.buy(1, "2")
    about: list[dict[str, Any]] = [
        {"action": "partial_close", "position_id": 1, "ticket": 1, "lots": "1", "remaining_lots": "1", "new_ticket": 2},
        {"action": "open", "position_id": 5, "ticket": 5, "side": "buy", "lots": "0.1", "price": "1.1"},
    ]
    arrivals = []
    for intent in about:
        master.seq += 1
        arrivals.append(master.arrival("OrderIntent", {"symbol": "EURUSD", **intent}, seq=master.seq))
    batches.store(arrivals=arrivals)
    assert Copy.objects.values_list("position_id").distinct().count() == 1


def test_figures_are_as_fresh_as_the_pace_of_their_terminal_allows(master: Desk, follower: Desk) -> None:
    Tenant.objects.update(heartbeat_interval=60, heartbeat_timeout=180)
    slow, also_slow = master.again(), follower.again()
    subscribe(slow, also_slow, mode="balance_ratio")
    for desk in (slow, also_slow):
        desk.send("StatusHeartbeat", {"balance": "1000", "equity": "1000"})
    BrokerAccount.objects.update(funds_at=database_now() - timedelta(seconds=45))
    slow.buy(1, "1")
    assert Command.objects.count() == 1
    BrokerAccount.objects.update(funds_at=database_now() - timedelta(seconds=361))
    slow.buy(2, "1")
    assert (Command.objects.count(), Report.objects.count()) == (1, 0)
