"""Differences between books: their rows, what is repaired, and what waits for a person."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from orders.domain.wire.commands import OrderCommand
from orders.models import Command, Copy, Difference, Subscription
from orders.queries import log_frame
from orders.services.reconciliation import decisions
from orders.services.reconciliation.decisions import AlreadyDecided
from sessions_app.domain.decimals import decode_hook
from sessions_app.models import BrokerAccount, OperatorAlert, Tenant
from sessions_app.queries import database_now
from tests.factories import DifferenceFactory, UserFactory, grant
from tests.integration.trading import OPERATOR, Desk, held, subscribe, time_passes

pytestmark = pytest.mark.django_db(transaction=True)
QUOTES = [{"symbol": "EURUSD", "bid": "1.1", "ask": "1.1002"}]


@pytest.fixture
def master() -> Desk:
    return Desk.open("srv:1").introduce()


@pytest.fixture
def follower(master: Desk) -> Desk:
    desk = Desk.open("srv:2").introduce()
    desk.hello(installation_id="a")
    subscribe(master, desk)
    return desk


def opened(master: Desk, follower: Desk, *positions: int, **fields: Any) -> None:
    """Copies of these positions, filled under tickets 901, 902, ..."""
    for position in positions:
        master.buy(position, **fields)
    for number, command in enumerate(Command.objects.filter(action="open").order_by("seq"), start=1):
        follower.report(command.id, "filled", ticket=900 + number, lots="0.1", price="1.1")


def policies(**repairs: str) -> None:
    Subscription.objects.update(repairs=repairs)


def row() -> Difference:
    return Difference.objects.get()


def repairs() -> list[tuple[str, str, str]]:
    """(action, lots before, lots after) of what was ordered to repair something."""
    found = Command.objects.filter(difference__isnull=False).order_by("seq")
    return [(item.action, f"{item.lots_before:.2f}", f"{item.lots_after:.2f}") for item in found]


def life() -> list[tuple[str, str]]:
    return list(row().events.order_by("id").values_list("to_state", "actor"))


def test_stops_that_drifted_are_set_again_by_an_ordinary_command(master: Desk, follower: Desk) -> None:
    opened(master, follower, 1, sl="1.05")
    follower.tell(held(1, 901, sl="1.04"), quotes=QUOTES)
    repair = Command.objects.get(difference__isnull=False)
    assert (repair.action, repair.seq, f"{repair.sl:.2f}", repair.copy.copy_no) == ("modify", 2, "1.05", 1)
    assert follower.batches[-1].tops == {follower.account.id: 2}
    assert (row().state, row().expected, row().actual) == ("repairing", "sl 1.05 tp 0", "sl 1.04 tp 0")
    follower.report(repair.id, "modified", ticket=901, sl="1.05")
    follower.tell(held(1, 901, sl="1.05"))
    assert (row().state, life()) == (
        "repaired",
        [("open", "gateway"), ("repairing", "gateway"), ("repaired", "gateway")],
    )


def test_a_pending_order_at_another_price_is_moved_back(master: Desk, follower: Desk) -> None:
    master.intend("place", 1, side="buy", order_type="limit", lots="0.1", price="1.05")
    follower.report(Command.objects.get().id, "placed", ticket=901, lots="0.1")
    follower.tell(working_orders=[held(1, 901, order_type="limit", price="1.04")], quotes=QUOTES)
    repair = Command.objects.get(difference__isnull=False)
    assert (repair.action, f"{repair.price:.2f}") == ("modify", "1.05")


def test_a_repair_that_was_refused_is_tried_again_and_told_until_it_stands(master: Desk, follower: Desk) -> None:
    opened(master, follower, 1, sl="1.05")
    follower.tell(held(1, 901), quotes=QUOTES)
    follower.report(Command.objects.get(difference__isnull=False).id, "rejected", error_code=130)
    copy, alert = Copy.objects.get(), OperatorAlert.objects.get()
    assert (copy.unprotected_since is not None, alert.code) == (True, "unprotected")
    assert (time_passes(14), time_passes(2)) == (0, 1), "the broker is asked every 15 seconds"
    again = Command.objects.order_by("seq").last()
    assert again is not None
    assert (again.action, f"{again.sl:.2f}") == ("modify", "1.05")
    follower.report(again.id, "modified", ticket=901, sl="1.05")
    alert.refresh_from_db()
    assert (Copy.objects.get().unprotected_since, alert.resolved_at is not None) == (None, True)
    follower.tell(held(1, 901, sl="1.05"), quotes=QUOTES)
    assert row().state == "repaired"


def counted_calls() -> list[tuple[str, bool, int]]:
    """(code, whether it has ended, how often) of every alert."""
    rows = OperatorAlert.objects.order_by("first_at", "id")
    return [(item.code, item.resolved_at is not None, item.times) for item in rows]


def modifies() -> list[Command]:
    return list(Command.objects.filter(action="modify").order_by("seq"))


def test_a_stop_that_an_ea_reports_as_not_there_calls_a_person_and_is_set_at_a_bounded_pace(
    master: Desk, follower: Desk
) -> None:
    opened(master, follower, 1)
    master.intend("modify", 1, sl="1.05")
    follower.report(modifies()[-1].id, "modified", ticket=901, sl="0")
    assert (counted_calls(), len(modifies())) == ([("unprotected", False, 1)], 1)
    assert OperatorAlert.objects.get().text == "copy 1, ticket 901, EURUSD buy: sl 1.05 not at the broker; set again"
    for pause in (15, 15, 15, 15, 30, 60, 60):
        number = len(modifies())
        assert (time_passes(pause - 1), len(modifies())) == (0, number), "not before its pause is over"
        assert (time_passes(1.5), len(modifies())) == (1, number + 1)
        follower.report(modifies()[-1].id, "modified", ticket=901, sl="0")
        # A book says the same; nothing is ordered beside the pause.
        follower.tell(held(1, 901), quotes=QUOTES)
        assert len(modifies()) == number + 1
    assert counted_calls() == [("unprotected", False, 1)], "called once, for as long as it lasts"
    follower.tell(held(1, 901, sl="1.05"), quotes=QUOTES)
    assert (counted_calls(), Copy.objects.get().unprotected_since) == ([("unprotected", True, 1)], None)


def test_an_ea_that_says_set_where_its_broker_has_no_stop_is_not_believed_twice(master: Desk, follower: Desk) -> None:
    opened(master, follower, 1, sl="1.05")
    follower.tell(held(1, 901), quotes=QUOTES)
    follower.report(modifies()[-1].id, "modified", ticket=901, sl="1.05")
    assert counted_calls() == [], "it was set in time, as its EA says"
    follower.account.refresh_from_db()
    due, reason = follower.account.snapshot_due_at, follower.account.snapshot_reason
    assert (due is not None and due <= database_now() + timedelta(seconds=15), reason) == (True, "in_doubt")
    follower.tell(held(1, 901), quotes=QUOTES)
    assert (counted_calls(), row().reason, len(modifies())) == ([("unprotected", False, 1)], "repair_failed", 1)
    for _ in range(3):
        assert time_passes(16) == 1
        follower.report(modifies()[-1].id, "modified", ticket=901, sl="1.05")
        follower.account.refresh_from_db()
        assert follower.account.snapshot_due_at is not None
        assert follower.account.snapshot_due_at <= database_now(), "a book tells whether that is true"
        assert counted_calls() == [("unprotected", False, 1)], "the word that was wrong ends no call"
        follower.tell(held(1, 901), quotes=QUOTES)
    follower.tell(held(1, 901, sl="1.05"), quotes=QUOTES)
    assert (counted_calls(), Copy.objects.get().unprotected_since) == ([("unprotected", True, 1)], None)
    assert time_passes(61) == 0
    assert len(modifies()) == 4


def test_a_stop_whose_repair_nobody_carries_out_is_called_for(master: Desk, follower: Desk) -> None:
    opened(master, follower, 1, sl="1.05")
    follower.tell(held(1, 901), quotes=QUOTES)
    time_passes(29)
    assert counted_calls() == []
    time_passes(2)
    assert (counted_calls(), len(modifies())) == ([("unprotected", False, 1)], 1)
    follower.report(modifies()[-1].id, "modified", ticket=901, sl="1.05")
    assert counted_calls() == [("unprotected", True, 1)]


def test_a_missing_stop_that_nobody_sets_calls_a_person_all_the_same(master: Desk, follower: Desk) -> None:
    policies(stops_drift="notify")
    opened(master, follower, 1, sl="1.05")
    follower.tell(held(1, 901), quotes=QUOTES)
    assert (counted_calls(), modifies()) == ([("book_differs", False, 1)], [])
    follower.tell(held(1, 901, sl="1.04"), quotes=QUOTES)
    assert counted_calls() == [("book_differs", True, 1)], "a stop of the follower's own is there"


def test_a_pending_order_whose_price_is_moved_in_vain_is_moved_again_after_a_pause(
    master: Desk, follower: Desk
) -> None:
    master.intend("place", 1, side="buy", order_type="limit", lots="0.1", price="1.05")
    follower.report(Command.objects.get().id, "placed", ticket=901, lots="0.1")
    book: dict[str, Any] = {"working_orders": [held(1, 901, order_type="limit", price="1.04")], "quotes": QUOTES}
    follower.tell(**book)
    follower.report(modifies()[-1].id, "modified", ticket=901)
    follower.tell(**book)
    follower.tell(**book)
    assert len(modifies()) == 1
    assert (time_passes(16), len(modifies()), f"{modifies()[-1].price:.2f}") == (1, 2, "1.05")


def test_a_repair_that_takes_lots_off_in_vain_is_ordered_again_after_a_pause(master: Desk, follower: Desk) -> None:
    policies(wrong_lots="repair")
    opened(master, follower, 1)
    follower.tell(held(1, 901, "0.3"), quotes=QUOTES)
    follower.report(Command.objects.latest("seq").id, "closed", ticket=901, lots="0.2", remaining_lots="0.1")
    for _ in range(3):
        follower.tell(held(1, 901, "0.3"), quotes=QUOTES)
    assert (len(repairs()), row().reason) == (1, "pause")
    time_passes(61)
    follower.tell(held(1, 901, "0.3"), quotes=QUOTES)
    assert repairs() == [("partial_close", "0.30", "0.10")] * 2


def test_a_stop_that_the_market_has_passed_is_not_set(master: Desk, follower: Desk) -> None:
    opened(master, follower, 1, sl="1.05")
    follower.tell(held(1, 901), quotes=[{"symbol": "EURUSD", "bid": "1.04", "ask": "1.0402"}])
    assert (repairs(), row().state, row().reason) == ([], "open", "price_gate")
    follower.tell(held(1, 901), quotes=QUOTES)
    assert len(repairs()) == 1


def test_other_differences_are_told_and_left_alone_unless_a_policy_says_more(master: Desk, follower: Desk) -> None:
    opened(master, follower, 1)
    follower.tell(held(1, 901, "0.3"), quotes=QUOTES)
    assert (repairs(), row().kind, row().reason) == ([], "wrong_lots", "notify")
    policies(wrong_lots="repair")
    follower.tell(held(1, 901, "0.3"), quotes=QUOTES)
    assert repairs() == [("partial_close", "0.30", "0.10")]


def test_the_tenants_policy_holds_where_the_subscription_says_nothing(master: Desk, follower: Desk) -> None:
    Tenant.objects.update(repairs={"wrong_side": "flatten", "missing": "flatten"})
    opened(master, follower, 1)
    follower.tell(held(1, 901, side="sell"))
    assert repairs() == [("close", "0.10", "0.00")]


def test_an_extra_position_is_closed_only_within_the_price_gate_unless_flattened(master: Desk, follower: Desk) -> None:
    opened(master, follower, 1)
    follower.report(None, "closed", cause="stop_loss", ticket=901)
    policies(extra="repair")
    far = [{"symbol": "EURUSD", "bid": "1.2", "ask": "1.2002"}]
    follower.tell(held(1, 950), quotes=far)
    assert (repairs(), row().reason) == ([], "price_gate")
    policies(extra="flatten")
    follower.tell(held(1, 950), quotes=far)
    assert repairs() == [("close", "0.10", "0.00")]


def test_nothing_is_repaired_for_a_subscription_that_is_off(master: Desk, follower: Desk) -> None:
    opened(master, follower, 1, sl="1.05")
    Subscription.objects.update(state="off")
    follower.tell(held(1, 901), quotes=QUOTES)
    assert repairs() == []


def test_case_087_no_policy_ever_touches_what_is_foreign(master: Desk, follower: Desk) -> None:
    kinds = ("missing", "extra", "wrong_lots", "wrong_side", "stops_drift", "foreign")
    policies(**dict.fromkeys(kinds, "flatten"))
    follower.tell(held(None, 77), quotes=QUOTES)
    assert (row().kind, row().severity, repairs()) == ("foreign", "ok", [])


def test_an_extra_position_of_no_copy_is_only_told(follower: Desk) -> None:
    policies(extra="flatten")
    follower.tell(held(9, 950), quotes=QUOTES)
    assert (row().severity, row().state, repairs()) == ("critical", "open", [])


@pytest.mark.parametrize(
    ("lots", "calls"),
    [("0.14", [("book_differs", False)]), ("0.1", []), ("0.04", [])],
    ids=["more", "as ordered", "a part was closed by hand"],
)
def test_a_copy_with_more_lots_than_were_ordered_is_called_for(
    master: Desk, follower: Desk, lots: str, calls: list[tuple[str, bool]]
) -> None:
    opened(master, follower, 1)
    follower.tell(held(1, 901, lots))
    assert called() == calls
    follower.tell(held(1, 901, min(lots, "0.1")))
    assert called() == [(code, True) for code, _ in calls]


def test_a_second_position_beside_a_living_copy_is_only_told_where_the_ea_cannot_tell_two_apart(
    master: Desk, follower: Desk
) -> None:
    opened(master, follower, 1)
    policies(extra="flatten")
    follower.tell(held(1, 901), held(1, 950), quotes=QUOTES)
    assert (row().kind, row().ticket, row().state, row().reason, repairs()) == ("extra", 950, "open", "no_tickets", [])
    assert called() == [("book_differs", False)]
    follower.report(None, "closed", cause="stop_loss", ticket=901)
    follower.tell(held(1, 950), quotes=QUOTES)
    assert repairs() == [("close", "0.10", "0.00")]


def doubled(master: Desk, follower: Desk, **fields: Any) -> Command:
    """A copy under ticket 901 whose broker holds 950 with its magic number, too: the close of that one."""
    follower.introduce(capabilities=["ticket"])
    opened(master, follower, 1)
    policies(extra="flatten")
    follower.tell(held(1, 901), held(1, 950, **fields), quotes=QUOTES)
    return Command.objects.get(difference__isnull=False)


def test_a_second_position_is_closed_by_its_ticket_and_its_copy_stays(master: Desk, follower: Desk) -> None:
    close = doubled(master, follower, side="sell")
    told = msgspec.json.decode(log_frame(close).payload, type=OrderCommand, dec_hook=decode_hook)
    assert (told.action.value, told.side.value) == ("close", "sell")
    assert (told.ticket, told.copy_no, told.lots, told.lots_after) == (950, 1, Decimal("0.1"), Decimal(0))
    assert (row().state, row().expected, called()) == ("repairing", "one position", [("book_differs", False)])
    follower.tell(held(1, 901), held(1, 950), quotes=QUOTES)
    assert len(repairs()) == 1, "ordered once"
    follower.report(close.id, "closed", ticket=950, lots="0.1", remaining_lots="0", profit="-3")
    copy, account = Copy.objects.get(), BrokerAccount.objects.get(id=follower.account.id)
    assert (copy.state, copy.ticket, f"{copy.lots_open:.2f}", copy.next_check_at) == ("open", 901, "0.10", None)
    assert account.snapshot_due_at is not None
    assert account.snapshot_due_at <= database_now(), "a book ends it"
    follower.tell(held(1, 901))
    assert (row().state, called(), len(repairs())) == ("repaired", [("book_differs", True)], 1)


def test_no_second_position_is_closed_under_a_policy_that_only_tells(master: Desk, follower: Desk) -> None:
    follower.introduce(capabilities=["ticket"])
    opened(master, follower, 1)
    follower.tell(held(1, 901), held(1, 950), quotes=QUOTES)
    assert (repairs(), row().reason, called()) == ([], "notify", [("book_differs", False)])


def test_a_refused_close_by_ticket_is_ordered_again_after_its_pause_and_leaves_the_copy_alone(
    master: Desk, follower: Desk
) -> None:
    close = doubled(master, follower)
    follower.report(close.id, "rejected", error_code=132)
    both = (held(1, 901), held(1, 950))
    follower.tell(*both, quotes=QUOTES)
    assert (len(repairs()), row().reason) == (1, "pause")
    time_passes(61)
    follower.tell(*both, quotes=QUOTES)
    again = Command.objects.get(difference__isnull=False, attempt=2)
    assert (again.ticket, Copy.objects.get().state, Command.objects.filter(decision__isnull=False).count()) == (
        950, "open", 1,
    )  # fmt: skip


def test_a_close_by_ticket_in_doubt_is_decided_by_its_ticket(master: Desk, follower: Desk) -> None:
    close = doubled(master, follower)
    follower.report(close.id, "unknown")
    Command.objects.filter(id=close.id).update(absent_from=database_now() - timedelta(seconds=1))
    follower.tell(held(1, 901))
    close.refresh_from_db()
    assert (close.state, close.reason, Copy.objects.get().state) == ("done", "from_snapshot", "open")


def test_the_masters_close_ends_the_copy_and_the_second_position_too(master: Desk, follower: Desk) -> None:
    close = doubled(master, follower)
    master.intend("close", 1)
    own = Command.objects.get(action="close", decision__isnull=False)
    follower.report(own.id, "closed", ticket=901, lots="0.1", remaining_lots="0")
    assert Copy.objects.get().state == "closed"
    follower.report(close.id, "rejected", error_code=136)
    time_passes(2)
    follower.tell(held(1, 950), quotes=QUOTES)
    ordered = Command.objects.filter(difference__isnull=False).order_by("seq")
    assert [(item.action, item.ticket) for item in ordered] == [("close", 950), ("close", None)]


def test_an_order_that_fills_while_the_book_is_read_is_one_position(master: Desk, follower: Desk) -> None:
    policies(extra="flatten")
    master.intend("place", 1, side="buy", order_type="limit", lots="0.1", price="1.1")
    follower.report(Command.objects.get().id, "placed", ticket=900, lots="0.1")
    follower.tell(held(1, 900), working_orders=[{**held(1, 900), "order_type": "limit"}], quotes=QUOTES)
    assert (Copy.objects.get().state, Difference.objects.count(), repairs()) == ("open", 0, [])


def test_a_foreign_ticket_told_twice_is_one_difference(follower: Desk) -> None:
    follower.tell(held(None, 7), working_orders=[{**held(None, 7), "order_type": "limit"}])
    assert (row().kind, row().subject) == ("foreign", "ticket 7")


# Closes that only absence tells of ----------------------------------------------------------------------------------


@pytest.fixture
def many_gone(master: Desk, follower: Desk) -> Desk:
    """Six copies, none of them in the book."""
    opened(master, follower, 1, 2, 3, 4, 5, 6)
    follower.tell()
    return follower


def called() -> list[tuple[str, bool]]:
    """The alerts, and whether each has ended."""
    rows = OperatorAlert.objects.order_by("first_at", "id")
    return [(alert.code, alert.resolved_at is not None) for alert in rows]


def test_a_person_is_called_for_a_copy_that_is_not_there_until_its_master_ends_too(
    master: Desk, follower: Desk
) -> None:
    opened(master, follower, 1)
    follower.tell()
    assert (row().state, called()) == ("adopted", [("book_differs", False)])
    assert "missing EURUSD copy 1: expected buy 0.1, found nothing" in OperatorAlert.objects.get().text
    follower.tell()
    assert called() == [("book_differs", False)]
    master.intend("close", 1)
    follower.tell()
    assert called() == [("book_differs", True)]


def test_the_call_for_a_missing_copy_ends_when_it_is_there_again(master: Desk, follower: Desk) -> None:
    opened(master, follower, 1)
    follower.tell()
    follower.tell(held(1, 901))
    assert called() == [("book_differs", True)]


def test_nobody_is_called_for_a_missing_copy_that_its_master_has_closed(master: Desk, follower: Desk) -> None:
    opened(master, follower, 1)
    master.intend("close", 1)
    follower.report(Command.objects.get(action="close").id, "rejected", error_code=136)
    follower.tell()
    assert (row().state, called()) == ("adopted", [])


def test_a_missing_copy_of_before_the_terminals_history_calls_a_person_until_he_decides(
    master: Desk, follower: Desk
) -> None:
    opened(master, follower, 1)
    follower.tell(history_from="2099-01-01T00:00:00Z")
    assert (row().state, called()) == ("open", [("book_differs", False)])
    decisions.let_go(account_pk=follower.account.id, seen=1, by=OPERATOR, reason="stopped out")
    follower.tell(history_from="2099-01-01T00:00:00Z")
    assert called() == [("book_differs", True)]


def test_case_090_many_copies_gone_at_once_are_held_for_a_person(many_gone: Desk) -> None:
    assert set(Copy.objects.values_list("state", flat=True)) == {"open"}
    assert set(Difference.objects.values_list("kind", "state", "severity")) == {("missing", "held", "critical")}
    many_gone.tell()
    assert Difference.objects.count() == 6


def test_explicit_closes_flow_while_others_are_held(master: Desk, many_gone: Desk) -> None:
    for position in range(1, 7):
        master.intend("close", position)
    assert Command.objects.filter(action="close", state="queued").count() == 6
    closes = Command.objects.filter(action="close").order_by("seq")
    for command in closes:
        many_gone.report(command.id, "closed", already=True)
    many_gone.tell()
    assert set(Difference.objects.values_list("state", flat=True)) == {"gone"}


def test_held_copies_that_are_there_again_are_no_difference_any_more(many_gone: Desk) -> None:
    many_gone.tell(*[held(number, 900 + number) for number in range(1, 7)])
    assert set(Difference.objects.values_list("state", flat=True)) == {"gone"}
    assert set(Copy.objects.values_list("state", flat=True)) == {"open"}


def test_case_090_held_copies_are_not_let_go_by_a_book_that_misses_fewer_of_them(many_gone: Desk) -> None:
    many_gone.tell(*[held(number, 900 + number) for number in range(1, 4)])
    assert set(Copy.objects.values_list("state", flat=True)) == {"open"}
    assert list(Difference.objects.order_by("copy_no").values_list("state", flat=True)) == ["gone"] * 3 + ["held"] * 3
    many_gone.tell(*[held(number, 900 + number) for number in range(1, 7)])
    assert set(Difference.objects.values_list("state", flat=True)) == {"gone"}


def test_an_explicit_close_lets_no_other_held_copy_go(master: Desk, many_gone: Desk) -> None:
    master.intend("close", 1)
    many_gone.report(Command.objects.get(action="close").id, "closed", already=True)
    many_gone.tell()
    assert list(Copy.objects.order_by("copy_no").values_list("state", flat=True)) == ["closed"] + ["open"] * 5


def test_a_persons_word_about_a_held_copy_outlives_a_change_of_its_lots(master: Desk, many_gone: Desk) -> None:
    decisions.keep(account_pk=many_gone.account.id, seen=6, by=OPERATOR, reason="there")
    master.intend("partial_close", 1, lots="0.05", remaining_lots="0.05", new_ticket=20)
    command = Command.objects.get(action="partial_close")
    many_gone.report(command.id, "closed", ticket=901, new_ticket=950, lots="0.05", remaining_lots="0.05")
    for _ in range(2):
        many_gone.tell()
    assert set(Copy.objects.values_list("state", flat=True)) == {"open"}
    assert set(Difference.objects.values_list("state", flat=True)) == {"refused"}
    assert Difference.objects.get(copy_no=1).expected == "buy 0.05"


def test_what_was_accepted_outlives_a_book_that_lacks_too_much(master: Desk, follower: Desk) -> None:
    opened(master, follower, 1, 2, 3, 4, 5, 6)
    shown = [held(number, 900 + number, "0.3" if number == 1 else "0.1") for number in range(1, 7)]
    follower.tell(*shown)
    decisions.accept(difference_id=row().id, by=OPERATOR, reason="added by hand")
    follower.tell()
    follower.tell(*shown)
    assert list(Difference.objects.filter(kind="wrong_lots").values_list("state", flat=True)) == ["accepted"]


def test_held_copies_that_a_person_lets_go_are_closed_and_tombstoned(many_gone: Desk) -> None:
    assert decisions.let_go(account_pk=many_gone.account.id, seen=6, by=OPERATOR, reason="liquidated") == 6
    assert set(Copy.objects.values_list("state", "close_cause")) == {("closed", "gone")}
    assert not Copy.objects.filter(tombstoned_at=None).exists()
    first = Difference.objects.order_by("id")[0]
    assert list(first.events.order_by("id").values_list("to_state", "reason", "actor")) == [
        ("held", "", "gateway"),
        ("adopted", "liquidated", "operator"),
    ]
    with pytest.raises(AlreadyDecided):
        decisions.keep(account_pk=many_gone.account.id, seen=6, by=OPERATOR, reason="second")


def test_held_copies_that_a_person_keeps_stay_until_they_are_seen_again(many_gone: Desk) -> None:
    decisions.keep(account_pk=many_gone.account.id, seen=6, by=OPERATOR, reason="relogging")
    many_gone.tell()
    assert set(Copy.objects.values_list("state", flat=True)) == {"open"}
    assert list(Difference.objects.values_list("state", flat=True)) == ["refused"] * 6
    many_gone.tell(*[held(number, 900 + number) for number in range(1, 7)])
    assert set(Difference.objects.values_list("state", flat=True)) == {"gone"}


def test_case_088_a_missing_copy_older_than_the_history_is_let_go_by_a_person(master: Desk, follower: Desk) -> None:
    opened(master, follower, 1)
    follower.tell(history_from="2099-01-01T00:00:00Z")
    with pytest.raises(AlreadyDecided):
        decisions.accept(difference_id=row().id, by=OPERATOR, reason="no such verb")
    assert decisions.let_go(account_pk=follower.account.id, seen=1, by=OPERATOR, reason="closed in spring") == 1
    assert (Copy.objects.get().state, Copy.objects.get().close_cause, row().state) == ("closed", "gone", "adopted")


def test_a_missing_copy_that_a_person_kept_may_be_let_go_later(master: Desk, follower: Desk) -> None:
    opened(master, follower, 1)
    follower.tell(history_from="2099-01-01T00:00:00Z")
    decisions.keep(account_pk=follower.account.id, seen=1, by=OPERATOR, reason="it must be there")
    follower.tell()
    assert (Copy.objects.get().state, row().state) == ("open", "refused")
    with pytest.raises(AlreadyDecided):
        decisions.keep(account_pk=follower.account.id, seen=1, by=OPERATOR, reason="again")
    decisions.let_go(account_pk=follower.account.id, seen=1, by=OPERATOR, reason="it is not")
    assert (Copy.objects.get().state, row().state) == ("closed", "adopted")


def test_a_decision_about_other_copies_than_were_seen_changes_nothing(many_gone: Desk) -> None:
    with pytest.raises(AlreadyDecided):
        decisions.let_go(account_pk=many_gone.account.id, seen=5, by=OPERATOR, reason="five")
    assert set(Difference.objects.values_list("state", flat=True)) == {"held"}


def test_what_was_accepted_is_not_raised_again_until_it_changes(master: Desk, follower: Desk) -> None:
    opened(master, follower, 1)
    follower.tell(held(1, 901, "0.3"))
    decisions.accept(difference_id=row().id, by=OPERATOR, reason="added by hand")
    follower.tell(held(1, 901, "0.3"))
    assert row().state == "accepted"
    follower.tell(held(1, 901, "0.4"))
    assert list(Difference.objects.order_by("id").values_list("state", "actual")) == [("gone", "0.3"), ("open", "0.4")]


# Pages --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def decider(client: Client) -> User:
    user = grant(
        UserFactory.create(), "orders.decide_difference", "orders.view_difference", "sessions_app.view_easession"
    )
    client.force_login(user)
    return user


def page(name: str, key: UUID) -> str:
    return reverse(f"admin:{name}", args=[key])


def test_the_decision_pages_need_their_permission(client: Client) -> None:
    client.force_login(UserFactory.create())
    difference = DifferenceFactory.create()
    for name, key in (
        ("accept_difference", difference.id),
        ("let_go_held", difference.account_id),
        ("keep_held", difference.account_id),
        ("ask_snapshot", difference.account_id),
    ):
        assert client.get(page(name, key)).status_code == 403
        assert client.post(page(name, key), {"reason": "x"}).status_code == 403


def test_a_difference_is_accepted_on_its_page(client: Client, decider: User) -> None:
    difference = DifferenceFactory.create()
    shown = client.get(page("orders_difference_change", difference.id)).content.decode()
    assert page("accept_difference", difference.id) in shown
    asked = client.get(page("accept_difference", difference.id)).content.decode()
    assert "sl 1.05 tp 0" in asked
    assert Difference.objects.get().state == "open"
    client.post(page("accept_difference", difference.id), {"reason": "as wanted"})
    assert (row().state, life()) == ("accepted", [("accepted", decider.username)])
    late = client.post(page("accept_difference", difference.id), {"reason": "again"}, follow=True)
    assert b"not what you saw" in late.content


def test_held_copies_are_let_go_or_kept_on_a_page_that_lists_them(
    client: Client, decider: User, many_gone: Desk
) -> None:
    shown = client.get(page("let_go_held", many_gone.account.id)).content.decode()
    assert "EURUSD buy 0.1, copy 3, ticket 903" in shown
    client.post(page("let_go_held", many_gone.account.id), {"reason": "gone", "seen": 5})
    assert set(Copy.objects.values_list("state", flat=True)) == {"open"}
    client.post(page("let_go_held", many_gone.account.id), {"reason": "gone", "seen": 6})
    assert set(Copy.objects.values_list("state", flat=True)) == {"closed"}


def test_the_page_of_a_missing_copy_offers_what_may_be_decided_about_it(client: Client, decider: User) -> None:
    offered = {}
    for state in ("open", "held", "refused", "gone"):
        missing = DifferenceFactory.create(kind="missing", state=state)
        shown = client.get(page("orders_difference_change", missing.id)).content.decode()
        acts = {"accept": missing.id, "let_go": missing.account_id, "keep": missing.account_id}
        names = {"accept": "accept_difference", "let_go": "let_go_held", "keep": "keep_held"}
        offered[state] = [act for act, key in acts.items() if page(names[act], key) in shown]
    assert offered == {"open": ["let_go", "keep"], "held": ["let_go", "keep"], "refused": ["let_go"], "gone": []}


def test_a_person_has_a_terminal_asked_what_it_holds(client: Client, decider: User, follower: Desk) -> None:
    follower.tell()
    assert b"Ask for a snapshot" in client.get(page("ask_snapshot", follower.account.id)).content
    client.post(page("ask_snapshot", follower.account.id))
    assert BrokerAccount.objects.get(id=follower.account.id).snapshot_reason == "on_request"


def test_monitoring_counts_differences_held_closes_and_accounts_that_wait(
    client: Client, decider: User, many_gone: Desk
) -> None:
    many_gone.tell(held(9, 950), held(None, 70))
    BrokerAccount.objects.filter(id=many_gone.account.id).update(needs_snapshot=True)
    shown = client.get(reverse("admin:monitoring")).content.decode()
    for name, count in (("differences", 1), ("held", 6), ("unasked", 1)):
        assert f'id="{name}"><a' in shown
        assert f">{count}</a></dd>" in shown.split(f'id="{name}"')[1][:200]
