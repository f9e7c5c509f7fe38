"""Several commands of one copy, some of them in doubt: what is ordered again is what is wanted by now."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from orders.models import Command, Copy
from orders.services.copies import backlog, convergence
from sessions_app.models import OperatorAlert
from sessions_app.queries import database_now
from tests.integration.orders.reconciliation.test_in_doubt import end_of_doubt_passed, fill, only_command
from tests.integration.trading import Desk, held, subscribe, time_passes

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def master() -> Desk:
    return Desk.open("srv:1").introduce()


@pytest.fixture
def follower(master: Desk) -> Desk:
    """A follower whose first terminal, `a`, has said Hello."""
    desk = Desk.open("srv:2").introduce()
    desk.hello(installation_id="a")
    subscribe(master, desk, max_age_seconds=3600)
    return desk


def test_a_partial_close_in_doubt_behind_an_open_that_was_not_executed_is_part_of_the_next_attempt(
    master: Desk, follower: Desk
) -> None:
    master.buy(1, "1")
    master.intend("partial_close", 1, lots="0.5", remaining_lots="0.5", new_ticket=2)
    other = follower.again()
    other.hello(installation_id="b")
    end_of_doubt_passed(follower)
    other.tell()
    outcomes = list(Command.objects.order_by("id").values_list("action", "attempt", "state", "reason"))
    assert outcomes == [
        ("open", 1, "void", "not_executed"),
        ("partial_close", 1, "void", "not_executed"),
        ("open", 2, "queued", ""),
    ]
    fill(other, Command.objects.get(attempt=2), ticket=950)
    copy = Copy.objects.get()
    assert (copy.state, copy.lots_open, copy.lots_decided) == ("open", Decimal("0.5"), Decimal("0.5"))
    master.intend("close", 1, ticket=2)
    assert Command.objects.get(action="close").state == "queued"


def test_a_partial_close_that_finds_nothing_does_not_end_the_copy_whose_open_is_ordered_anew(
    master: Desk, follower: Desk
) -> None:
    master.buy(1, "1")
    master.intend("partial_close", 1, lots="0.5", remaining_lots="0.5", new_ticket=2)
    opened, part = Command.objects.order_by("seq")
    follower.report(opened.id, "unknown")
    follower.report(part.id, "closed", already=True)
    not_found(follower, opened)
    fill(follower, Command.objects.get(attempt=2))
    copy = Copy.objects.get()
    assert (copy.state, copy.lots_open, copy.lots_decided) == ("open", Decimal("0.5"), Decimal("0.5"))


def not_found(desk: Desk, command: Command) -> None:
    """The EA has looked late enough, and its broker knows nothing of it."""
    end_of_doubt_passed(desk)
    desk.report(command.id, "unknown", found=False)


def modifies(*stops: str, master: Desk, follower: Desk) -> list[Command]:
    """An open copy, and one command for each of the stops that its master sets."""
    master.buy(1, sl="1.05")
    fill(follower, only_command(follower))
    for stop in stops:
        master.intend("modify", 1, sl=stop)
    return list(Command.objects.filter(action="modify").order_by("seq"))


def test_a_stop_in_doubt_is_not_ordered_again_over_a_newer_one(master: Desk, follower: Desk) -> None:
    older, newer = modifies("1.06", "1.07", master=master, follower=follower)
    follower.report(older.id, "unknown", error_code=128)
    follower.report(newer.id, "modified", ticket=900, sl="1.07")
    not_found(follower, older)
    older.refresh_from_db()
    assert (older.state, older.reason) == ("void", "superseded")
    assert Command.objects.count() == 3


def test_of_two_stops_that_a_book_does_not_show_only_the_newer_is_ordered_again(master: Desk, follower: Desk) -> None:
    modifies("1.06", "1.07", master=master, follower=follower)
    other = follower.again()
    other.hello(installation_id="b")
    end_of_doubt_passed(follower)
    other.tell(held(1, 900, sl="1.05"))
    ordered = Command.objects.filter(action="modify").order_by("id").values_list("state", "reason", "attempt", "sl")
    assert list(ordered) == [
        ("void", "superseded", 1, Decimal("1.06")),
        ("void", "not_executed", 1, Decimal("1.07")),
        ("queued", "", 2, Decimal("1.07")),
    ]


def test_a_stop_that_is_ordered_again_is_the_one_that_is_wanted_by_now(master: Desk, follower: Desk) -> None:
    older, newer = modifies("1.06", "1.07", master=master, follower=follower)
    follower.report(older.id, "unknown", error_code=128)
    follower.report(newer.id, "rejected", error_code=4108)
    not_found(follower, older)
    time_passes(61)
    assert Command.objects.get(attempt=2).sl == Decimal("1.07")


def place(master: Desk, **fields: Any) -> None:
    master.intend("place", 1, side="buy", order_type="limit", lots="0.1", price="1.10", **fields)


def working(price: str) -> dict[str, Any]:
    """The copied pending order as it stands at the follower's broker."""
    return {"working_orders": [held(1, 900, order_type="limit", price=price)]}


def test_a_price_in_doubt_is_decided_by_the_price_at_which_the_order_works(master: Desk, follower: Desk) -> None:
    place(master)
    follower.report(only_command(follower).id, "placed", ticket=900, lots="0.1")
    master.intend("modify", 1, price="1.05")
    other = follower.again()
    other.hello(installation_id="b")
    other.tell(**working("1.10"))
    assert Command.objects.get(action="modify").state == "unknown"
    end_of_doubt_passed(follower)
    other.tell(**working("1.10"))
    again = Command.objects.get(attempt=2)
    assert (again.action, again.price, again.state) == ("modify", Decimal("1.05"), "queued")
    with transaction.atomic():
        backlog.doubt(follower.account.id, database_now(), database_now())
    other.tell(**working("1.05"))
    again.refresh_from_db()
    assert (again.state, again.reason) == ("done", "from_snapshot")


def test_a_pending_order_that_is_placed_again_has_the_price_and_expiry_that_were_set_meanwhile(
    master: Desk, follower: Desk
) -> None:
    place(master, expiry="2026-12-01T00:00:00Z")
    master.intend("modify", 1, price="1.05", expiry="2026-12-02T00:00:00Z")
    placed, moved = Command.objects.order_by("seq")
    follower.report(placed.id, "unknown")
    follower.report(moved.id, "rejected", error_code=4108)
    not_found(follower, placed)
    again = Command.objects.get(attempt=2)
    assert (again.action, again.price, again.expiry) == ("place", Decimal("1.05"), "2026-12-02T00:00:00Z")


def test_a_refused_modify_of_an_expiry_alone_is_ordered_again(master: Desk, follower: Desk) -> None:
    place(master, expiry="2026-12-01T00:00:00Z")
    placed = only_command(follower)
    follower.report(placed.id, "placed", ticket=900)
    master.intend("modify", 1, expiry="2026-12-02T00:00:00Z")
    follower.report(Command.objects.get(action="modify").id, "rejected", error_code=137)
    copy = Copy.objects.get()
    assert (copy.expiry_at_broker, copy.wait_reason) == ("2026-12-01T00:00:00Z", "pause")
    time_passes(seconds=2)
    convergence.carry_out()
    again = Command.objects.get(action="modify", attempt=2)
    assert again.expiry == "2026-12-02T00:00:00Z"
    follower.report(again.id, "modified")
    copy.refresh_from_db()
    assert (copy.expiry_at_broker, copy.wait_reason, copy.next_check_at) == ("2026-12-02T00:00:00Z", "", None)


def test_a_person_is_called_for_an_open_of_unknown_outcome_that_is_ordered_once_more(
    master: Desk, follower: Desk
) -> None:
    master.buy(1)
    first = only_command(follower)
    follower.report(first.id, "unknown")
    assert not OperatorAlert.objects.exists()
    not_found(follower, first)
    alert = OperatorAlert.objects.get()
    assert (alert.code, alert.resolved_at) == ("ordered_again", None)
    fill(follower, Command.objects.get(attempt=2))
    alert.refresh_from_db()
    assert (alert.times, alert.resolved_at is not None) == (1, True)


def test_the_call_for_an_open_hides_none_for_its_close(master: Desk, follower: Desk) -> None:
    master.buy(1)
    first = only_command(follower)
    follower.report(first.id, "unknown")
    not_found(follower, first)
    master.intend("close", 1)
    fill(follower, Command.objects.get(attempt=2))
    time_passes(seconds=31)
    assert [alert.code for alert in OperatorAlert.objects.order_by("id")] == ["ordered_again", "close_undelivered"]


def test_an_open_that_is_not_found_for_the_third_time_is_missed_and_a_person_is_called(
    master: Desk, follower: Desk
) -> None:
    """The bound is the gateway's, whatever the EA says, and however young the signal is."""
    master.buy(1)
    for attempt in (1, 2, 3):
        command = Command.objects.get(attempt=attempt)
        follower.report(command.id, "unknown", error_code=128)
        not_found(follower, command)
    states = list(Command.objects.order_by("attempt").values_list("state", "reason"))
    assert states == [("void", "not_executed"), ("void", "not_executed"), ("expired", "missed")]
    assert (Copy.objects.get().state, OperatorAlert.objects.filter(code="command_missed").count()) == ("failed", 1)


def test_an_ea_that_has_looked_too_early_proves_nothing_and_the_open_is_not_ordered_again(
    master: Desk, follower: Desk
) -> None:
    """Its broker fills two seconds after it has said "time out": who believes the first look has two positions."""
    master.buy(1)
    command = only_command(follower)
    follower.report(command.id, "unknown", error_code=128)
    follower.report(command.id, "unknown", found=False)
    assert list(Command.objects.values_list("state", "attempt")) == [("unknown", 1)]
    fill(follower, command)
    copy = Copy.objects.get()
    assert (copy.state, copy.lots_open, Command.objects.count()) == ("open", Decimal("0.1"), 1)
