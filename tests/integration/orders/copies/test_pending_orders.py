"""Pending orders that fill on one side only, through the rows, with every race that was thought of."""

import importlib
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.test.utils import CaptureQueriesContext

from eagateway.celery import app
from orders.models import Command, Copy, Decision, FillWait, Intent, MasterPosition, Report, Subscription
from orders.services.copies import due_copies, fill_waits
from orders.tasks import carry_out_due
from sessions_app import queries
from sessions_app.models import OperatorAlert
from sessions_app.services.access import keys
from sessions_app.services.ingest import ports
from tests.integration.orders.reconciliation.test_in_doubt import end_of_doubt_passed
from tests.integration.trading import OPERATOR, Desk, held, subscribe, time_passes

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def master() -> Desk:
    return Desk.open("srv:1").introduce()


@pytest.fixture
def follower() -> Desk:
    return Desk.open("srv:2").introduce()


def place(master: Desk, position: int = 1, **fields: Any) -> None:
    order = {"side": "buy", "order_type": "limit", "lots": "0.1", "price": "1.05", "sl": "1.00", "tp": "1.20"}
    master.intend("place", position, **(order | fields))


def activate(master: Desk, position: int = 1, **fields: Any) -> None:
    master.intend("activate", position, **({"lots": "0.1", "price": "1.05"} | fields))


def orders(desk: Desk) -> list[tuple[str, int | None, str]]:
    """(action, copy number, state) of every command, in the order of the log."""
    rows = Command.objects.filter(account=desk.account).order_by("seq", "hold_no")
    return [(row.action, row.copy.copy_no, row.state) for row in rows.select_related("copy")]


def command(desk: Desk, action: str, *, last: bool = True) -> Command:
    rows = Command.objects.filter(account=desk.account, action=action).order_by("seq")
    found = rows.last() if last else rows.first()
    assert found is not None
    return found


def working(master: Desk, follower: Desk, **settings: Any) -> Command:
    """A copied pending order that works at the follower's broker."""
    subscribe(master, follower, **settings)
    place(master)
    placed = command(follower, "place")
    follower.report(placed.id, "placed", ticket=900, lots="0.1")
    return placed


def let_time_pass() -> int:
    """The deadlines have passed, and somebody sweeps."""
    FillWait.objects.filter(due_at__isnull=False).update(due_at=queries.database_now() - timedelta(seconds=1))
    return fill_waits.carry_out()


def the_wait() -> FillWait:
    return FillWait.objects.get()


# One side only -------------------------------------------------------------------------------------------------------


def test_case_159_the_copy_filled_and_the_masters_order_is_cancelled_so_the_copy_is_closed(
    master: Desk, follower: Desk
) -> None:
    placed = working(master, follower)
    follower.report(placed.id, "filled", ticket=900, lots="0.1")
    master.intend("cancel", 1)
    closing = command(follower, "close")
    assert (closing.lots_before, closing.lots_after, closing.copy_id) == (Decimal("0.1"), Decimal(0), placed.copy_id)
    follower.report(closing.id, "closed", ticket=900, lots="0.1", remaining_lots="0")
    assert Copy.objects.get().state == "closed"


def test_case_159_a_copy_that_fills_on_the_way_of_the_masters_cancel_is_closed_by_it(
    master: Desk, follower: Desk
) -> None:
    placed = working(master, follower)
    master.intend("cancel", 1)
    cancel = command(follower, "cancel")
    assert cancel.lots_after == Decimal(0)
    follower.report(placed.id, "filled", ticket=900, lots="0.1")
    follower.report(cancel.id, "closed", ticket=900, lots="0.1", remaining_lots="0")
    assert Copy.objects.get().state == "closed"


def test_case_159_an_order_whose_cancel_was_rejected_is_found_by_the_next_one(master: Desk, follower: Desk) -> None:
    working(master, follower)
    activate(master)
    master.intend("close", 1)
    follower.report(command(follower, "close").id, "rejected", error_code=145)
    assert time_passes(2) == 1
    assert orders(follower)[-1] == ("cancel", 1, "queued")


def test_case_159_a_copy_that_still_works_when_its_time_is_over_is_cancelled_and_opened(
    master: Desk, follower: Desk
) -> None:
    placed = working(master, follower, deviation_points=20)
    activate(master)
    assert Decision.objects.order_by("-id")[0].code == "fills_at_own_broker"
    assert orders(follower) == [("place", 1, "working")]
    assert let_time_pass() == 1
    cancel = command(follower, "cancel")
    assert (cancel.seq, cancel.lots_before, cancel.lots_after) == (2, Decimal("0.1"), Decimal("0.1"))
    assert len(orders(follower)) == 2  # nothing is opened before the cancel is reported
    follower.report(cancel.id, "cancelled", ticket=900)
    opened = command(follower, "open")
    assert (opened.seq, opened.copy.copy_no, opened.lots) == (3, 2, Decimal("0.1"))
    assert (opened.sl, opened.tp, opened.deviation_points) == (Decimal("1.00"), Decimal("1.20"), 20)
    assert opened.decision is not None
    assert opened.valid_until == opened.decision.intent.occurred_at + timedelta(seconds=60)
    assert follower.batches[-1].tops == {follower.account.id: 3}
    follower.report(opened.id, "filled", ticket=901, lots="0.1")
    assert [copy.state for copy in Copy.objects.order_by("leg")] == ["closed", "open"]
    assert (the_wait().state, the_wait().settled_at is not None) == ("reopened", True)
    assert [step["result"] for step in the_wait().steps] == ["cancelling", "reopened"]
    placed.refresh_from_db()
    assert (placed.state, placed.reason) == ("void", "cancelled")


def test_case_159_what_was_opened_instead_follows_the_master(master: Desk, follower: Desk) -> None:
    working(master, follower)
    activate(master)
    let_time_pass()
    follower.report(command(follower, "cancel").id, "cancelled", ticket=900)
    follower.report(command(follower, "open").id, "filled", ticket=901, lots="0.1")
    master.intend("modify", 1, sl="1.02")
    master.intend("close", 1)
    assert orders(follower)[3:] == [("modify", 2, "queued"), ("close", 2, "queued")]


def test_a_copy_that_fills_within_its_time_needs_nothing(master: Desk, follower: Desk) -> None:
    placed = working(master, follower)
    activate(master)
    assert fill_waits.carry_out() == 0  # not due yet
    follower.report(placed.id, "filled", ticket=900, lots="0.1")
    assert let_time_pass() == 1
    assert (orders(follower), the_wait().state) == ([("place", 1, "done")], "filled")


def test_the_wait_lasts_as_long_as_the_subscription_says(master: Desk, follower: Desk) -> None:
    working(master, follower, pending_wait_seconds=30)
    activate(master)
    wait = the_wait()
    assert wait.due_at == wait.created_at + timedelta(seconds=30)


def test_too_late_for_the_market_the_order_is_cancelled_all_the_same(master: Desk, follower: Desk) -> None:
    working(master, follower, max_age_seconds=3)
    activate(master, age_ms=4000)
    let_time_pass()
    follower.report(command(follower, "cancel").id, "cancelled", ticket=900)
    assert [action for action, *_ in orders(follower)] == ["place", "cancel"]
    assert (the_wait().state, the_wait().code) == ("denied", "signal_too_old")


@pytest.mark.parametrize("stop", ["1.00", "1.01"], ids=["same stops", "other stops"])
def test_a_copy_that_filled_whole_is_reduced_when_its_masters_order_fills_with_less(
    master: Desk, follower: Desk, stop: str
) -> None:
    placed = working(master, follower)
    follower.report(placed.id, "filled", ticket=900, lots="0.1")
    activate(master, lots="0.06", sl=stop)
    due_copies.carry_out()
    reducing = command(follower, "partial_close")
    assert (reducing.lots_before, reducing.lots_after) == (Decimal("0.1"), Decimal("0.06"))
    follower.report(reducing.id, "closed", ticket=900, new_ticket=901, lots="0.04", remaining_lots="0.06")
    due_copies.carry_out()
    assert [row.action for row in Command.objects.filter(action="partial_close")] == ["partial_close"]


def test_a_copy_that_fills_after_its_masters_order_filled_with_less_is_reduced_then(
    master: Desk, follower: Desk
) -> None:
    placed = working(master, follower)
    activate(master, lots="0.06")
    due_copies.carry_out()
    assert not Command.objects.filter(action="partial_close").exists()
    follower.report(placed.id, "filled", ticket=900, lots="0.1")
    due_copies.carry_out()
    reducing = command(follower, "partial_close")
    assert (reducing.lots_before, reducing.lots_after) == (Decimal("0.1"), Decimal("0.06"))


@pytest.mark.parametrize("filled", [Decimal(0), None])
def test_an_order_that_was_replaced_before_it_kept_its_share_has_none_after_the_upgrade(
    master: Desk, follower: Desk, filled: Decimal | None
) -> None:
    """What was opened in its place has the share in such a deployment, and the two would count twice."""
    placed = working(master, follower)
    activate(master)
    let_time_pass()
    follower.report(command(follower, "cancel").id, "cancelled", ticket=900)
    Copy.objects.filter(id=placed.copy_id).update(lots_filled=filled)
    Copy.objects.update(master_lots=Decimal("0.1"))  # as it was
    kept = importlib.import_module("orders.migrations.0018_shares_of_orders_that_were_replaced")
    kept.keep(apps, None)
    shares = {copy.id == placed.copy_id: copy.master_lots for copy in Copy.objects.all()}
    assert shares == {True: Decimal(0), False: Decimal("0.1")}


# Races ---------------------------------------------------------------------------------------------------------------


def test_case_159_an_order_that_fills_before_its_cancel_arrives_stays_and_is_the_only_position(
    master: Desk, follower: Desk
) -> None:
    placed = working(master, follower)
    activate(master)
    let_time_pass()
    follower.report(placed.id, "filled", ticket=900, lots="0.1")
    follower.report(command(follower, "cancel").id, "closed", already=True, ticket=900, remaining_lots="0.1")
    copy = Copy.objects.get()
    assert (copy.state, copy.lots_open, copy.lots_decided) == ("open", Decimal("0.1"), Decimal("0.1"))
    assert orders(follower) == [("place", 1, "done"), ("cancel", 1, "done")]
    assert the_wait().state == "filled"


def test_case_159_the_fill_may_be_reported_after_the_cancel_that_found_it(master: Desk, follower: Desk) -> None:
    placed = working(master, follower)
    activate(master)
    let_time_pass()
    follower.report(command(follower, "cancel").id, "closed", already=True, ticket=900, remaining_lots="0.1")
    follower.report(placed.id, "filled", ticket=900, lots="0.1")
    assert (Copy.objects.get().state, the_wait().state) == ("open", "filled")
    assert [action for action, *_ in orders(follower)] == ["place", "cancel"]


def test_a_position_that_an_ea_closed_with_the_cancel_is_not_opened_again(master: Desk, follower: Desk) -> None:
    working(master, follower)
    activate(master)
    let_time_pass()
    follower.report(command(follower, "cancel").id, "closed", ticket=900, lots="0.1", remaining_lots="0")
    assert (Copy.objects.get().state, the_wait().state) == ("closed", "filled")
    assert [action for action, *_ in orders(follower)] == ["place", "cancel"]


def test_case_159_a_fill_reported_after_its_cancel_was_is_closed_at_once(master: Desk, follower: Desk) -> None:
    placed = working(master, follower)
    activate(master)
    let_time_pass()
    follower.report(command(follower, "cancel").id, "cancelled", ticket=900)
    follower.report(command(follower, "open").id, "filled", ticket=901, lots="0.1")
    for _ in range(2):
        follower.report(placed.id, "filled", ticket=900, lots="0.1")
    assert orders(follower)[2:] == [("open", 2, "done"), ("close", 1, "queued")]
    closing = command(follower, "close")
    assert (closing.lots_before, closing.lots_after) == (Decimal("0.1"), Decimal(0))
    assert Report.objects.filter(flag="filled_after_cancel").count() == 1


def test_the_same_cancelled_twice_opens_once(master: Desk, follower: Desk) -> None:
    working(master, follower)
    activate(master)
    let_time_pass()
    for _ in range(2):
        follower.report(command(follower, "cancel").id, "cancelled", ticket=900)
    assert [action for action, *_ in orders(follower)] == ["place", "cancel", "open"]


def test_a_close_of_the_master_while_the_cancel_is_on_its_way_leaves_nothing_to_open(
    master: Desk, follower: Desk
) -> None:
    working(master, follower)
    activate(master)
    let_time_pass()
    master.intend("close", 1)
    cancel, close = command(follower, "cancel"), command(follower, "close")
    assert (close.seq, close.lots_after) == (3, Decimal(0))
    follower.report(cancel.id, "cancelled", ticket=900)
    follower.report(close.id, "closed", already=True, remaining_lots="0")
    assert (the_wait().state, Copy.objects.get().state) == ("ended", "closed")
    assert len(orders(follower)) == 3


def test_a_close_of_the_master_within_the_wait_ends_it(master: Desk, follower: Desk) -> None:
    working(master, follower)
    activate(master)
    master.intend("close", 1)
    let_time_pass()
    assert (the_wait().state, [action for action, *_ in orders(follower)]) == ("ended", ["place", "close"])


def test_an_order_that_its_owner_deletes_meanwhile_is_not_opened(master: Desk, follower: Desk) -> None:
    working(master, follower)
    activate(master)
    let_time_pass()
    follower.report(None, "cancelled", cause="manual", ticket=900)
    follower.report(command(follower, "cancel").id, "cancelled", already=True)
    assert (the_wait().state, [action for action, *_ in orders(follower)]) == ("ended", ["place", "cancel"])


def test_a_partial_close_of_the_master_meanwhile_makes_the_order_smaller(master: Desk, follower: Desk) -> None:
    working(master, follower)
    activate(master)
    let_time_pass()
    master.intend("partial_close", 1, lots="0.04", remaining_lots="0.06", new_ticket=2)
    follower.report(command(follower, "cancel").id, "cancelled", ticket=900)
    assert command(follower, "open").lots == Decimal("0.06")


def test_a_stop_moved_meanwhile_goes_with_the_order(master: Desk, follower: Desk) -> None:
    working(master, follower)
    activate(master)
    let_time_pass()
    master.intend("modify", 1, sl="1.04")
    follower.report(command(follower, "cancel").id, "cancelled", ticket=900)
    assert command(follower, "open").sl == Decimal("1.04")


def test_a_subscription_paused_meanwhile_opens_nothing(master: Desk, follower: Desk) -> None:
    working(master, follower)
    activate(master)
    let_time_pass()
    Subscription.objects.update(state="close_only")
    follower.report(command(follower, "cancel").id, "cancelled", ticket=900)
    assert (the_wait().state, the_wait().code) == ("denied", "subscription_close_only")


def test_a_rejected_cancel_is_tried_again_without_end_and_calls_a_person_once(master: Desk, follower: Desk) -> None:
    placed = working(master, follower)
    activate(master)
    called = OperatorAlert.objects.filter(code="open_rejected", account=follower.account)
    for attempt in range(1, 31):
        assert let_time_pass() == 1
        cancel = command(follower, "cancel")
        assert cancel.attempt == attempt
        assert called.count() == (attempt > 3)
        follower.report(cancel.id, "rejected", error_code=145)
        assert (the_wait().state, the_wait().code) == ("waiting", "cancel_rejected" if attempt >= 3 else "")
    stands = "copy 1, EURUSD: its master's order has filled, its own works on"
    alert = called.get()
    assert (alert.text, alert.times) == (f"{stands}; the broker has refused 3 times to cancel it, error 145", 1)
    steps = the_wait().steps
    # The beginning and the latest.
    assert (len(steps), steps[0]["tries"], steps[-2]["tries"], steps[-1]["error_code"]) == (30, 1, 30, 145)
    follower.report(placed.id, "filled", ticket=900, lots="0.1")
    assert let_time_pass() == 1
    assert (Copy.objects.get().state, the_wait().state, command(follower, "cancel").seq) == ("open", "filled", 31)
    assert not Command.objects.filter(action__in=["open", "close"]).exists()


def test_a_refused_cancel_waits_as_long_as_another_refused_close(master: Desk, follower: Desk) -> None:
    working(master, follower)
    activate(master)
    let_time_pass()
    follower.report(command(follower, "cancel").id, "rejected", error_code=132)
    due_at, heard_at = the_wait().due_at, Report.objects.latest("id").received_at
    assert due_at is not None
    assert (due_at - heard_at).total_seconds() == pytest.approx(15, abs=1)


def not_found(desk: Desk, sent: Command) -> None:
    """Its outcome is unknown, and a late enough look shows that it was not carried out: it comes due again."""
    desk.report(sent.id, "unknown", error_code=128)
    end_of_doubt_passed(desk)
    desk.report(sent.id, "unknown", found=False)
    assert let_time_pass() == 1


def test_an_unknown_cancel_is_asked_about_and_its_next_attempt_opens(master: Desk, follower: Desk) -> None:
    working(master, follower)
    activate(master)
    let_time_pass()
    not_found(follower, command(follower, "cancel"))
    again = command(follower, "cancel")
    assert (again.attempt, again.state) == (2, "queued")
    follower.report(again.id, "cancelled", ticket=900)
    assert [action for action, *_ in orders(follower)] == ["place", "cancel", "cancel", "open"]


def test_a_cancel_that_was_ordered_again_and_rejected_is_tried_again_under_an_attempt_of_its_own(
    master: Desk, follower: Desk
) -> None:
    working(master, follower)
    activate(master)
    let_time_pass()
    not_found(follower, command(follower, "cancel"))
    follower.report(command(follower, "cancel").id, "rejected", error_code=145)
    assert (the_wait().state, let_time_pass()) == ("waiting", 1)
    again = command(follower, "cancel")
    assert (again.attempt, again.state, the_wait().state) == (3, "queued", "cancelling")


def test_a_cancel_that_was_never_carried_out_is_no_refusal(master: Desk, follower: Desk) -> None:
    """Its broker has to refuse three times before a person is called, however often its terminal could not ask."""
    working(master, follower)
    activate(master)
    let_time_pass()
    for refusals in range(3):
        assert (the_wait().state, OperatorAlert.objects.filter(code="open_rejected").exists()) == ("cancelling", False)
        not_found(follower, command(follower, "cancel"))
        follower.report(command(follower, "cancel").id, "rejected", error_code=132)
        assert (the_wait().code, the_wait().tries) == ("cancel_rejected" if refusals == 2 else "", refusals + 1)
        assert let_time_pass() == 1
    assert command(follower, "cancel").attempt == 7
    alert = OperatorAlert.objects.get(code="open_rejected")
    assert "refused 3 times to cancel it, error 132" in alert.text


def test_a_late_fill_that_comes_in_two_parts_is_closed_as_often(master: Desk, follower: Desk) -> None:
    placed = working(master, follower)
    activate(master)
    let_time_pass()
    follower.report(command(follower, "cancel").id, "cancelled", ticket=900)
    for status, lots in (("partially_filled", "0.04"), ("filled", "0.1")):
        assert follower.report(placed.id, status, ticket=900, lots=lots).refusal is None
        close = Command.objects.filter(action="close").latest("seq")
        follower.report(close.id, "closed", ticket=900, lots=str(close.lots))
    closes = Command.objects.filter(action="close").order_by("seq").values_list("attempt", "lots", "lots_after")
    # Lots of fills are cumulative: the second one tells of 0.06 more.
    assert list(closes) == [(1, Decimal("0.04"), Decimal(0)), (2, Decimal("0.06"), Decimal(0))]


# Deadlines are rows --------------------------------------------------------------------------------------------------


def test_a_deadline_is_carried_out_once_however_often_it_is_swept(master: Desk, follower: Desk) -> None:
    working(master, follower)
    activate(master)
    assert [let_time_pass(), let_time_pass(), fill_waits.carry_out()] == [1, 0, 0]
    assert [action for action, *_ in orders(follower)] == ["place", "cancel"]


def test_a_deadline_that_passed_while_no_gateway_ran_is_carried_out_afterwards(master: Desk, follower: Desk) -> None:
    working(master, follower)
    activate(master)
    FillWait.objects.update(due_at=queries.database_now() - timedelta(days=1))
    assert fill_waits.carry_out() == 1
    assert the_wait().state == "cancelling"


def test_beat_and_every_sweep_carry_out_the_deadlines(master: Desk, follower: Desk) -> None:
    assert ports.bound().carry_out_due is due_copies.carry_out
    assert "orders.carry_out_due" in {entry["task"] for entry in app.conf.beat_schedule.values()}
    working(master, follower)
    activate(master)
    FillWait.objects.update(due_at=queries.database_now())
    assert carry_out_due() == 1


def test_one_wait_that_fails_does_not_hold_up_the_others(
    master: Desk, follower: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    working(master, follower)
    place(master, 2)
    follower.report(command(follower, "place").id, "placed", ticket=901, lots="0.1")
    activate(master)
    activate(master, 2)
    come_due = fill_waits.Waits.come_due

    def failing(waits: fill_waits.Waits, wait: FillWait) -> None:
        if wait.copy.position_id == 1:
            raise RuntimeError("a bad row")
        come_due(waits, wait)

    monkeypatch.setattr(fill_waits.Waits, "come_due", failing)
    assert let_time_pass() == 1
    assert list(FillWait.objects.order_by("id").values_list("state", flat=True)) == ["waiting", "cancelling"]


def test_an_activate_told_twice_waits_once(master: Desk, follower: Desk) -> None:
    working(master, follower)
    activate(master)
    activate(master, ticket=77)  # another ticket: no repeat of the same intent
    assert FillWait.objects.count() == 1


def test_a_pending_followers_time_begins_with_its_promotion(master: Desk) -> None:
    pending = Desk.open("srv:5", approved=False).introduce()
    pending.send("StatusHeartbeat", {"balance": "1000"})
    subscribe(master, pending)
    place(master)
    activate(master)
    assert the_wait().due_at is None
    assert let_time_pass() == 0
    keys.approve(key_id=pending.key.id, by=OPERATOR, reason="known")
    due_at = the_wait().due_at
    assert due_at is not None
    assert due_at > queries.database_now() + timedelta(seconds=3)
    assert orders(pending) == [("place", 1, "queued")]
    let_time_pass()
    assert [action for action, *_ in orders(pending)] == ["place", "cancel"]


def test_a_batch_of_intents_asks_the_database_as_often_for_ten_followers_as_for_two(master: Desk) -> None:
    def counted(followers: int, position: int) -> int:
        for number in range(followers):
            subscribe(master, Desk.open(f"srv:{position}{number}").introduce())
        place(master, position)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            activate(master, position)
        assert FillWait.objects.filter(copy__position_id=position).count() >= followers
        return len(asked)

    assert counted(2, 50) == counted(8, 60)


# Reversed, and with legs ---------------------------------------------------------------------------------------------


def test_a_reversed_pending_order_is_reopened_the_same_way_round(master: Desk, follower: Desk) -> None:
    working(master, follower, reverse=True)
    placed = command(follower, "place")
    assert (placed.side, placed.order_type, placed.sl, placed.tp) == (
        "sell",
        "stop",
        Decimal("1.20"),
        Decimal("1.00"),
    )
    activate(master)
    let_time_pass()
    follower.report(command(follower, "cancel").id, "cancelled", ticket=900)
    opened = command(follower, "open")
    assert (opened.side, opened.sl, opened.tp, opened.copy.reverse) == (
        "sell",
        Decimal("1.20"),
        Decimal("1.00"),
        True,
    )


def with_small_orders(most: str = "0.4") -> Desk:
    """A follower whose broker takes no larger orders."""
    small = Desk.open("srv:5")
    lots = {"lots_min": "0.01", "lots_step": "0.01", "lots_max": most}
    symbol = {"name": "EURUSD", "digits": 5, "contract_size": "100000"} | lots
    small.send("InitRequest", {"currency": "USD", "symbols": [symbol]})
    return small


def leads(desk: Desk, *, after: int) -> list[tuple[str, int | None, Decimal | None]]:
    rows = Command.objects.filter(account=desk.account, seq__gt=after).order_by("seq")
    return [(row.action, row.leg, row.lots_after) for row in rows]


def three_orders(master: Desk, *, of_third: str = "placed") -> tuple[Desk, list[Command]]:
    """1.20 in three orders of 0.40, of which the second has filled when its master's has."""
    small = with_small_orders()
    subscribe(master, small)
    place(master, lots="1.20")
    placed = list(Command.objects.filter(account=small.account).order_by("leg"))
    for number, leg in enumerate(placed[:2]):
        small.report(leg.id, "placed", ticket=900 + number, lots="0.4")
    small.report(placed[2].id, of_third, **({"ticket": 902} if of_third == "placed" else {"error_code": 128}))
    activate(master, lots="1.20")
    small.report(placed[1].id, "filled", ticket=901, lots="0.4")
    return small, placed


def test_orders_that_only_work_leave_before_what_is_held(master: Desk) -> None:
    """Of 1.20 its master closes two thirds: the 0.40 that are held are what is due, and nothing is opened any more."""
    small, _ = three_orders(master)
    master.intend("partial_close", 1, lots="0.80", remaining_lots="0.40", new_ticket=2)
    assert leads(small, after=3) == [("cancel", 3, Decimal(0)), ("cancel", 1, Decimal(0))]
    for number, cancel in enumerate(Command.objects.filter(account=small.account, action="cancel").order_by("leg")):
        small.report(cancel.id, "cancelled", ticket=900 + 2 * number)
    let_time_pass()
    assert set(FillWait.objects.values_list("state", flat=True)) == {"filled", "ended"}
    assert command(small, "cancel") == Command.objects.filter(account=small.account).order_by("seq").last()
    master.intend("partial_close", 1, lots="0.20", remaining_lots="0.20", ticket=2, new_ticket=3)
    assert leads(small, after=5) == [("partial_close", 2, Decimal("0.2"))]


@pytest.mark.parametrize("refused", [None, 0, 1])
def test_orders_that_leave_with_a_part_while_they_are_cancelled_for_their_wait_were_part_of_the_copy(
    master: Desk, refused: int | None
) -> None:
    """The wait's cancels find orders of which nothing is due any more: what has left so is no order that was refused,
    and the share of what is held stays that of all three."""
    small, _ = three_orders(master)
    let_time_pass()
    master.intend("partial_close", 1, lots="0.80", remaining_lots="0.40", new_ticket=2)
    cancels = list(Command.objects.filter(account=small.account, action="cancel").order_by("seq"))
    assert [row.lots_after for row in cancels] == [Decimal("0.4")] * 2 + [Decimal(0)] * 2
    gone = set()
    for number, cancel in enumerate(cancels):
        if number == refused:
            small.report(cancel.id, "rejected", error_code=145)
            continue
        already = {"already": True} if cancel.leg in gone else {"ticket": 899 + (cancel.leg or 0)}
        small.report(cancel.id, "cancelled", **already)
        gone.add(cancel.leg)
    time_passes(60)
    let_time_pass()
    assert cancels[-1] == Command.objects.filter(account=small.account).order_by("seq").last()
    master.intend("partial_close", 1, lots="0.20", remaining_lots="0.20", ticket=2, new_ticket=3)
    assert leads(small, after=cancels[-1].seq or 0) == [("partial_close", 2, Decimal("0.2"))]


def test_what_is_opened_instead_of_one_leg_is_what_all_of_them_lack_and_follows_the_master_on(master: Desk) -> None:
    """0.90 in all are due when he has closed a quarter, and 0.45 when he closes half of the rest. What the other two
    have given is not taken off the third once more."""
    small, _ = three_orders(master)
    master.intend("partial_close", 1, lots="0.30", remaining_lots="0.90", new_ticket=2)
    assert leads(small, after=3) == []  # the third order is led to 0.10, which no broker can change
    let_time_pass()
    cancels = Command.objects.filter(account=small.account, action="cancel").order_by("leg")
    assert [cancel.leg for cancel in cancels] == [1, 3]
    small.report(cancels[0].id, "cancelled", ticket=900)
    first = command(small, "open")
    assert (first.leg, first.lots) == (4, Decimal("0.40"))
    small.report(first.id, "filled", ticket=903, lots="0.4")
    small.report(cancels[1].id, "cancelled", ticket=902)
    second = command(small, "open")
    assert (second.leg, second.lots) == (5, Decimal("0.10"))
    small.report(second.id, "filled", ticket=904, lots="0.1")
    Copy.objects.update(next_check_at=queries.database_now())
    due_copies.carry_out()
    assert second == Command.objects.filter(account=small.account).order_by("seq").last()
    seen = second.seq
    assert seen is not None
    master.intend("partial_close", 1, lots="0.45", remaining_lots="0.45", ticket=2, new_ticket=3)
    assert leads(small, after=seen) == [("close", 5, Decimal(0)), ("partial_close", 4, Decimal("0.05"))]


def test_an_order_that_was_never_placed_keeps_the_share_of_what_is_opened_instead(master: Desk) -> None:
    """Its place is not found, and its cancel finds nothing: the open at market stands in for it (history 305370)."""
    small, placed = three_orders(master, of_third="unknown")
    let_time_pass()
    cancels = Command.objects.filter(account=small.account, action="cancel").order_by("leg")
    small.report(cancels[0].id, "cancelled", ticket=900)
    small.report(command(small, "open").id, "filled", ticket=903, lots="0.4")
    end_of_doubt_passed(small)
    small.report(placed[2].id, "unknown", found=False)
    small.report(cancels[1].id, "cancelled", already=True)
    opened = command(small, "open")
    assert (opened.leg, opened.lots) == (5, Decimal("0.40"))
    small.report(opened.id, "filled", ticket=904, lots="0.4")
    Copy.objects.update(next_check_at=queries.database_now())
    due_copies.carry_out()
    assert opened == Command.objects.filter(account=small.account).order_by("seq").last()
    master.intend("partial_close", 1, lots="0.60", remaining_lots="0.60", ticket=1, new_ticket=2)
    assert sum(copy.lots_decided or 0 for copy in Copy.objects.all()) == Decimal("0.60")


def test_an_order_that_was_refused_is_not_sent_again_behind_its_cancel(master: Desk, follower: Desk) -> None:
    """It would be there when the cancel has found nothing: opened at market beside it, there were two."""
    subscribe(master, follower)
    place(master)
    activate(master)
    let_time_pass()
    cancel = command(follower, "cancel")
    follower.report(command(follower, "place").id, "rejected", error_code=138)
    assert [action for action, *_ in orders(follower)] == ["place", "cancel"]
    follower.report(cancel.id, "cancelled", already=True)
    assert [action for action, *_ in orders(follower)] == ["place", "cancel", "open"]
    assert the_wait().state == "reopened"


def test_every_leg_has_its_own_wait_and_its_own_end(master: Desk) -> None:
    small = Desk.open("srv:5")
    symbol = {"name": "EURUSD", "digits": 5, "contract_size": "100000"}
    lots = {"lots_min": "0.01", "lots_step": "0.01", "lots_max": "1"}
    small.send("InitRequest", {"currency": "USD", "symbols": [symbol | lots]})
    subscribe(master, small)
    place(master, lots="2.50")
    legs = list(Command.objects.filter(account=small.account).order_by("leg"))
    for number, leg in enumerate(legs):
        small.report(leg.id, "placed", ticket=900 + number)
    activate(master, lots="2.50")
    small.report(legs[0].id, "filled", ticket=900, lots="1")
    let_time_pass()
    cancels = list(Command.objects.filter(account=small.account, action="cancel").order_by("leg"))
    assert [cancel.leg for cancel in cancels] == [2, 3]
    small.report(cancels[0].id, "cancelled", ticket=901)
    small.report(cancels[1].id, "closed", already=True, ticket=902, remaining_lots="0.5")
    opened = command(small, "open")
    assert (opened.leg, opened.lots) == (4, Decimal(1))
    assert list(FillWait.objects.order_by("copy__leg").values_list("state", flat=True)) == [
        "filled",
        "reopened",
        "filled",
    ]


def test_the_stops_that_an_activate_tells_go_to_the_copies(master: Desk, follower: Desk) -> None:
    working(master, follower)
    activate(master, sl="1.03")
    change = command(follower, "modify")
    assert (change.sl, change.tp, change.price) == (Decimal("1.03"), Decimal("1.20"), None)
    assert Decision.objects.order_by("-id")[0].outcome == "copied"
    assert the_wait().state == "waiting"
    assert [b'"sl":"1.03"' in frame.payload for frame in follower.log(after=1)] == [True]


# Told as an open -----------------------------------------------------------------------------------------------------


def filled(master: Desk, position: int = 1, **fields: Any) -> Desk:
    """The master's EA was installed anew and tells of the position that it finds; its new desk."""
    anew = master.again()
    anew.buy(position, **({"lots": "0.1", "sl": "1.00", "tp": "1.20"} | fields))
    return anew


def test_an_open_of_a_placed_order_is_its_fill(master: Desk, follower: Desk) -> None:
    working(master, follower)
    filled(master)
    assert [row.code for row in Decision.objects.order_by("id")] == ["", "fills_at_own_broker"]
    assert let_time_pass() == 1
    follower.report(command(follower, "cancel").id, "cancelled", ticket=900)
    assert orders(follower)[1:] == [("cancel", 1, "done"), ("open", 2, "queued")]
    assert command(follower, "open").lots == Decimal("0.1")


def test_an_open_of_a_placed_order_brings_the_stops_that_it_tells(master: Desk, follower: Desk) -> None:
    working(master, follower)
    filled(master, sl="1.03")
    assert command(follower, "modify").sl == Decimal("1.03")
    assert the_wait().state == "waiting"


def test_an_open_of_a_placed_order_is_as_old_as_its_activate_would_be(master: Desk, follower: Desk) -> None:
    working(master, follower, max_age_seconds=3)
    filled(master, age_ms=4000)
    let_time_pass()
    follower.report(command(follower, "cancel").id, "cancelled", ticket=900)
    assert (the_wait().state, the_wait().code) == ("denied", "signal_too_old")


def test_a_copy_that_was_denied_when_it_was_placed_is_not_opened_by_the_fill(master: Desk, follower: Desk) -> None:
    subscription = subscribe(master, follower, filters={"order_types": ["market"]})
    place(master)
    for desk in (filled(master), filled(master)):
        desk.buy(1, lots="0.1")
    codes = [row.code for row in Decision.objects.filter(subscription=subscription).order_by("id")]
    assert (codes, orders(follower)) == (["filtered_order_type", "not_copied"], [])


def test_an_activate_and_an_open_of_one_fill_are_one_in_either_order(master: Desk, follower: Desk) -> None:
    working(master, follower)
    activate(master)
    anew = filled(master)
    place(anew, 2)
    follower.report(command(follower, "place").id, "placed", ticket=902, lots="0.1")
    activate(filled(anew, 2), 2)
    assert (FillWait.objects.count(), Intent.objects.filter(repeated=True).count()) == (2, 2)
    assert [row.content.get("told_as") for row in Intent.objects.filter(repeated=True)] == ["open", None]


def test_an_open_whose_placing_was_never_told_is_an_open(master: Desk, follower: Desk) -> None:
    subscribe(master, follower)
    filled(master)
    assert orders(follower) == [("open", 1, "queued")]


def test_an_open_after_the_cancel_of_its_order_opens_nothing(master: Desk, follower: Desk) -> None:
    working(master, follower)
    master.intend("cancel", 1)
    filled(master)
    assert Decision.objects.latest("id").code == "already_closed"


def test_a_place_that_comes_after_its_fill_places_nothing(master: Desk, follower: Desk) -> None:
    subscribe(master, follower)
    activate(master)
    place(master)
    assert (orders(follower), MasterPosition.objects.get().state) == ([], "open")


def test_a_pending_follower_gets_its_time_for_an_open_of_a_placed_order_too(master: Desk) -> None:
    pending = Desk.open("srv:5", approved=False).introduce()
    pending.send("StatusHeartbeat", {"balance": "1000"})
    subscribe(master, pending)
    place(master)
    filled(master)
    assert the_wait().due_at is None
    keys.approve(key_id=pending.key.id, by=OPERATOR, reason="known")
    let_time_pass()
    assert [action for action, *_ in orders(pending)] == ["place", "cancel"]


def test_a_place_of_a_pending_master_and_the_open_of_its_order_are_applied_in_their_order(follower: Desk) -> None:
    pending = Desk.open("srv:6", approved=False).introduce()
    subscribe(pending, follower)
    place(pending)
    pending.buy(1, lots="0.1", sl="1.00", tp="1.20")
    pending.send("StatusHeartbeat", {})
    keys.approve(key_id=pending.key.id, by=OPERATOR, reason="known")
    assert (orders(follower), the_wait().state) == ([("place", 1, "queued")], "waiting")


def test_an_open_that_tells_what_is_left_of_a_placed_order_opens_no_more_than_that(
    master: Desk, follower: Desk
) -> None:
    working(master, follower)
    filled(master, 77, lots="0.04", comment="from #1")
    let_time_pass()
    follower.report(command(follower, "cancel").id, "cancelled", ticket=900)
    opened = command(follower, "open")
    follower.report(opened.id, "filled", ticket=901, lots="0.04")
    assert (opened.lots, orders(follower)[-1]) == (Decimal("0.04"), ("open", 2, "done"))


def test_a_book_after_an_open_of_a_placed_order_finds_no_difference(master: Desk, follower: Desk) -> None:
    working(master, follower)
    anew = filled(master)
    anew.tell(held(None, 1, sl="1.00", tp="1.20"))
    assert (anew.result, FillWait.objects.count()) == ([], 1)


@pytest.mark.parametrize(
    ("told", "code"),
    [({"lots": "0.3"}, "fills_at_own_broker"), ({"side": "sell"}, "master_netting_unsupported")],
)
def test_an_open_with_more_than_was_placed_or_the_other_way_calls_for_netting(
    master: Desk, follower: Desk, told: dict[str, Any], code: str
) -> None:
    working(master, follower)
    anew = master.again()
    anew.intend("open", 1, **({"side": "buy", "lots": "0.1", "price": "1.05"} | told))
    assert Decision.objects.latest("id").code == code
    assert OperatorAlert.objects.filter(code="master_netting").exists()


# Dropped by the follower's broker, or deleted by his hand ------------------------------------------------------------

DROPPED = [
    ("by command", {"status": "expired"}),
    ("by its watcher", {"status": "expired", "cause": "expiry"}),
    ("in MetaTrader 5's words", {"status": "cancelled", "cause": "expiry"}),
    ("by a stop out", {"status": "cancelled", "cause": "stop_out"}),
]
DELETED: list[dict[str, Any]] = [{"cause": "manual"}, {}]


def end(follower: Desk, placed: Command, told: dict[str, Any]) -> None:
    """The follower's working order is gone, and nobody has ordered that."""
    known = {"cause": told["cause"], "copy_no": placed.copy.copy_no} if "cause" in told else {}
    follower.report(None if known else placed.id, told["status"], ticket=900, **known)


@pytest.mark.parametrize("told", [told for _, told in DROPPED], ids=[name for name, _ in DROPPED])
def test_an_order_that_its_broker_dropped_is_opened_at_market_when_the_masters_fills(
    master: Desk, follower: Desk, told: dict[str, Any]
) -> None:
    end(follower, working(master, follower, deviation_points=20), told)
    copy = Copy.objects.get()
    assert (copy.state, copy.close_cause, copy.tombstoned_at) == ("closed", told.get("cause", "expiry"), None)
    activate(master, sl="1.02")
    assert (Decision.objects.latest("id").outcome, Decision.objects.latest("id").code) == ("noop", "opens_at_market")
    assert fill_waits.carry_out() == 1, "there is no order to wait for"
    opened = command(follower, "open")
    assert (opened.seq, opened.copy.copy_no, opened.lots, opened.sl) == (2, 2, Decimal("0.1"), Decimal("1.02"))
    assert (opened.deviation_points, opened.valid_until) == (
        20,
        opened.decision.intent.occurred_at + timedelta(seconds=60) if opened.decision else None,
    )
    assert ([step["result"] for step in the_wait().steps], the_wait().state) == (["reopened"], "reopened")
    assert not OperatorAlert.objects.exists()
    follower.report(opened.id, "filled", ticket=901, lots="0.1")
    master.intend("close", 1)
    assert orders(follower)[2:] == [("close", 2, "queued")]


def test_a_dropped_order_is_opened_by_an_open_and_by_a_book_too(master: Desk, follower: Desk) -> None:
    end(follower, working(master, follower), {"status": "expired"})
    place(master, 2)
    second = command(follower, "place")
    follower.report(second.id, "placed", ticket=902, lots="0.1")
    follower.report(second.id, "expired", ticket=902)
    anew = filled(master)
    anew.tell(held(None, 1, sl="1.00", tp="1.20"), held(None, 2, sl="1.00", tp="1.20"))
    fill_waits.carry_out()
    assert [action for action, *_ in orders(follower)] == ["place", "place", "open", "open"]


def test_a_dropped_order_is_opened_once_however_often_its_fill_is_told(master: Desk, follower: Desk) -> None:
    end(follower, working(master, follower), {"status": "expired"})
    for ticket in (1, 77):
        activate(master, ticket=ticket)
        fill_waits.carry_out()
    assert [action for action, *_ in orders(follower)] == ["place", "open"]


def test_what_is_too_old_is_not_opened_instead_of_a_dropped_order(master: Desk, follower: Desk) -> None:
    end(follower, working(master, follower, max_age_seconds=3), {"status": "expired"})
    activate(master, age_ms=4000)
    fill_waits.carry_out()
    assert (the_wait().state, the_wait().code, len(orders(follower))) == ("denied", "signal_too_old", 1)


def test_a_master_who_closes_first_leaves_nothing_to_open_instead_of_a_dropped_order(
    master: Desk, follower: Desk
) -> None:
    end(follower, working(master, follower), {"status": "expired"})
    activate(master)
    master.intend("close", 1)
    fill_waits.carry_out()
    assert (the_wait().state, len(orders(follower))) == ("ended", 1)


@pytest.mark.parametrize("cancelling", [False, True])
def test_an_order_that_its_broker_drops_while_it_gets_its_time_is_opened_at_market(
    master: Desk, follower: Desk, *, cancelling: bool
) -> None:
    placed = working(master, follower)
    activate(master)
    if cancelling:
        let_time_pass()
    end(follower, placed, {"status": "expired"})
    let_time_pass()
    assert ([action for action, *_ in orders(follower)][-1], the_wait().state) == ("open", "reopened")
    if cancelling:
        follower.report(command(follower, "cancel").id, "cancelled", already=True)
        assert [action for action, *_ in orders(follower)] == ["place", "cancel", "open"]


def test_a_reversed_order_that_its_broker_dropped_is_opened_the_same_way_round(master: Desk, follower: Desk) -> None:
    end(follower, working(master, follower, reverse=True), {"status": "expired"})
    activate(master)
    fill_waits.carry_out()
    opened = command(follower, "open")
    assert (opened.side, opened.sl, opened.copy.reverse) == ("sell", Decimal("1.20"), True)


def test_a_dropped_order_that_had_filled_in_part_stays_as_it_is(master: Desk, follower: Desk) -> None:
    placed = working(master, follower)
    follower.report(placed.id, "partially_filled", ticket=900, lots="0.04")
    end(follower, placed, {"status": "expired"})
    activate(master)
    fill_waits.carry_out()
    assert (Copy.objects.get().state, len(orders(follower))) == ("open", 1)


def test_a_dropped_order_of_a_paused_subscription_is_not_opened(master: Desk, follower: Desk) -> None:
    end(follower, working(master, follower), {"status": "expired"})
    Subscription.objects.update(state="close_only")
    activate(master)
    fill_waits.carry_out()
    assert (the_wait().state, the_wait().code) == ("denied", "subscription_close_only")


def called_for_the_lost_copy() -> str:
    alert = OperatorAlert.objects.get()
    assert (alert.code, alert.account and alert.account.account_id) == ("command_missed", "srv:2")
    return alert.text


@pytest.mark.parametrize("told", DELETED)
def test_an_order_that_its_owner_deleted_stays_away_and_somebody_is_called_when_the_masters_fills(
    master: Desk, follower: Desk, told: dict[str, Any]
) -> None:
    end(follower, working(master, follower), {"status": "cancelled", **told})
    copy = Copy.objects.get()
    assert (copy.state, copy.close_cause, copy.tombstoned_at is not None) == ("closed", "manual", True)
    assert not OperatorAlert.objects.exists()
    activate(master)
    fill_waits.carry_out()
    assert (Decision.objects.latest("id").outcome, Decision.objects.latest("id").code) == ("noop", "tombstoned")
    assert called_for_the_lost_copy() == (
        "copy 1, EURUSD: its master's order has filled, its own was deleted by hand; it is not opened"
    )
    assert (orders(follower), FillWait.objects.count()) == ([("place", 1, "void" if told else "done")], 0)


def test_an_order_that_a_book_does_not_show_is_not_opened_and_somebody_is_called(master: Desk, follower: Desk) -> None:
    follower.hello(installation_id="a")
    working(master, follower)
    follower.tell()
    OperatorAlert.objects.all().delete()
    activate(master)
    assert Decision.objects.latest("id").code == "tombstoned"
    assert called_for_the_lost_copy().endswith("its own is not in its terminal's book; it is not opened")


def test_one_leg_that_was_deleted_by_hand_speaks_for_the_dropped_ones(master: Desk) -> None:
    small = Desk.open("srv:2")
    symbol = {"name": "EURUSD", "digits": 5, "contract_size": "100000"}
    small.send(
        "InitRequest",
        {"currency": "USD", "symbols": [symbol | {"lots_min": "0.01", "lots_step": "0.01", "lots_max": "1"}]},
    )
    subscribe(master, small)
    place(master, lots="2")
    for number, leg in enumerate(Command.objects.filter(account=small.account).order_by("leg")):
        small.report(leg.id, "placed", ticket=900 + number)
        small.report(leg.id, "expired" if number else "cancelled", ticket=900 + number)
    activate(master, lots="2")
    fill_waits.carry_out()
    assert (Decision.objects.latest("id").code, FillWait.objects.count()) == ("tombstoned", 0)
    assert called_for_the_lost_copy()


def test_an_order_that_its_owner_deletes_while_it_gets_its_time_calls_somebody(master: Desk, follower: Desk) -> None:
    working(master, follower)
    activate(master)
    follower.report(None, "cancelled", cause="manual", ticket=900)
    let_time_pass()
    assert (the_wait().state, the_wait().code) == ("ended", "tombstoned")
    assert called_for_the_lost_copy()


def test_a_cancel_of_ours_that_is_told_under_the_place_is_nobodys_hand(master: Desk, follower: Desk) -> None:
    placed = working(master, follower)
    activate(master)
    let_time_pass()
    follower.report(placed.id, "cancelled", ticket=900)
    assert (Copy.objects.get().tombstoned_at, the_wait().state) == (None, "cancelling")
    follower.report(command(follower, "cancel").id, "cancelled", already=True)
    assert ([action for action, *_ in orders(follower)], the_wait().state) == (["place", "cancel", "open"], "reopened")
    assert not OperatorAlert.objects.exists()


def test_a_deleted_order_of_a_master_who_cancels_calls_nobody(master: Desk, follower: Desk) -> None:
    end(follower, working(master, follower), {"status": "cancelled"})
    master.intend("cancel", 1)
    assert (Decision.objects.latest("id").code, OperatorAlert.objects.count()) == ("copy_gone", 0)


def test_an_order_that_came_too_late_to_be_placed_calls_somebody_when_the_masters_fills(
    master: Desk, follower: Desk
) -> None:
    subscribe(master, follower)
    place(master)
    follower.report(command(follower, "place").id, "expired")
    assert Copy.objects.get().state == "failed"
    assert "too late by its terminal" in called_for_the_lost_copy()
    activate(master)
    fill_waits.carry_out()
    assert (orders(follower), FillWait.objects.count()) == ([("place", 1, "expired")], 0)
    assert called_for_the_lost_copy().endswith("its own was never placed; it is not opened")


def test_an_order_that_turns_out_too_late_while_it_gets_its_time_calls_somebody(master: Desk, follower: Desk) -> None:
    subscribe(master, follower)
    place(master)
    activate(master)
    follower.report(command(follower, "place").id, "expired")
    let_time_pass()
    assert (the_wait().state, the_wait().code) == ("ended", "never_placed")
    assert called_for_the_lost_copy().endswith("its own was never placed; it is not opened")


def test_a_lost_order_of_a_subscription_that_was_paused_calls_nobody(master: Desk, follower: Desk) -> None:
    end(follower, working(master, follower), {"status": "cancelled"})
    Subscription.objects.update(state="close_only")
    activate(master)
    assert (Decision.objects.latest("id").code, OperatorAlert.objects.count()) == ("tombstoned", 0)


def test_a_cancel_that_only_a_book_tells_of_opens_nothing_and_calls_somebody(master: Desk, follower: Desk) -> None:
    follower.hello(installation_id="a")
    working(master, follower)
    activate(master)
    let_time_pass()
    follower.report(command(follower, "cancel").id, "unknown", error_code=128)
    end_of_doubt_passed(follower)
    follower.tell()
    OperatorAlert.objects.exclude(code="command_missed").delete()
    assert (the_wait().state, the_wait().code) == ("ended", "not_shown")
    assert called_for_the_lost_copy().endswith("its own is not in its terminal's book; it is not opened")
