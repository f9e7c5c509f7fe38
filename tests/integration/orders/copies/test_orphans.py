"""Copies that outlive what they were copied from are ended, by whichever sweep finds them first."""

import time
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders.domain.copies.orphans import CALL_AFTER, MAX_TRIES
from orders.domain.states.subscriptions import SubscriptionState
from orders.models import Command, Copy, Decision, MasterPosition, Subscription
from orders.services.copies import due_copies, orphans
from orders.services.subscriptions.lifecycle import change_state
from sessions_app.models import OperatorAlert
from sessions_app.queries import database_now
from tests.integration.trading import OPERATOR, Desk, held, subscribe

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


def last(action: str) -> Command:
    found = Command.objects.filter(action=action).order_by("seq").last()
    assert found is not None
    return found


def fill(desk: Desk, command: Command) -> None:
    desk.report(command.id, "filled", ticket=900, lots=str(command.lots), price="1.1")


def opened(master: Desk, follower: Desk) -> None:
    master.buy(1)
    fill(follower, last("open"))


def placed(master: Desk, follower: Desk) -> Command:
    master.intend("place", 1, side="buy", order_type="limit", lots="0.1", price="1.05")
    follower.report(last("place").id, "placed", ticket=900, lots="0.1")
    return last("place")


def reject(desk: Desk, action: str) -> None:
    desk.report(last(action).id, "rejected", error_code=132)


def let_the_pause_pass() -> int:
    Command.objects.filter(reported_at__isnull=False).update(reported_at=database_now() - timedelta(hours=1))
    return orphans.carry_out()


def missed(follower: Desk) -> None:
    """The open was too late for another terminal, and was given up."""
    Command.objects.update(valid_until=database_now() - timedelta(seconds=1))
    follower.hello(installation_id="a")
    assert Copy.objects.get().state == "failed"


def test_a_rejected_close_is_ordered_again_after_a_pause(master: Desk, follower: Desk) -> None:
    opened(master, follower)
    master.intend("close", 1)
    assert orphans.carry_out() == 0
    reject(follower, "close")
    assert orphans.carry_out() == 0
    assert [let_the_pause_pass(), orphans.carry_out()] == [1, 0]
    again = last("close")
    assert (again.seq, again.state, again.lots, again.lots_after) == (3, "queued", Decimal("0.1"), Decimal(0))
    follower.report(again.id, "closed", ticket=900, lots="0.1", remaining_lots="0")
    assert (Copy.objects.get().state, let_the_pause_pass()) == ("closed", 0)


def test_an_operator_is_called_when_the_broker_goes_on_rejecting_and_at_last_nothing_is_ordered(
    master: Desk, follower: Desk
) -> None:
    opened(master, follower)
    master.intend("close", 1)
    for tries in range(1, CALL_AFTER + 1):
        assert not OperatorAlert.objects.exists()
        reject(follower, "close")
        assert let_the_pause_pass() == 1
        assert last("close").attempt == tries
    alert = OperatorAlert.objects.get()
    assert (alert.code, alert.account_id) == ("orphaned_copy", follower.account.id)
    for _ in range(CALL_AFTER, MAX_TRIES):
        reject(follower, "close")
        let_the_pause_pass()
    assert (last("close").state, let_the_pause_pass()) == ("rejected", 0)
    assert Command.objects.filter(action="close").count() == MAX_TRIES


def test_a_voided_open_that_was_filled_all_the_same_follows_its_masters_close(master: Desk, follower: Desk) -> None:
    master.buy(1)
    missed(follower)
    master.intend("close", 1)
    assert Decision.objects.order_by("id").last().code == "copy_gone"  # type: ignore[union-attr]
    fill(follower, last("open"))
    assert orphans.carry_out() == 0
    assert (last("close").state, last("close").lots_after, last("close").copy_id) == (
        "queued", Decimal(0), Copy.objects.get().id,
    )  # fmt: skip


def test_an_open_that_was_missed_and_shows_up_in_a_book_follows_its_masters_close(master: Desk, follower: Desk) -> None:
    master.buy(1)
    missed(follower)
    master.intend("close", 1)
    follower.tell(held(1, 900))
    assert orphans.carry_out() == 0
    assert last("close").state == "queued"


def test_a_pending_order_of_a_subscription_that_was_switched_off_is_cancelled_again_or_closed(
    master: Desk, follower: Desk
) -> None:
    order = placed(master, follower)
    switch(SubscriptionState.OFF)
    reject(follower, "cancel")
    assert let_the_pause_pass() == 1
    assert (last("cancel").attempt, last("cancel").lots_after) == (2, Decimal(0))
    reject(follower, "cancel")
    fill(follower, order)
    assert let_the_pause_pass() == 1
    assert (last("close").lots, last("close").lots_after) == (Decimal("0.1"), Decimal(0))


def test_a_paused_subscription_keeps_its_positions_and_loses_its_working_orders(master: Desk, follower: Desk) -> None:
    placed(master, follower)
    master.buy(2)
    fill(follower, last("open"))
    switch(SubscriptionState.CLOSE_ONLY)
    reject(follower, "cancel")
    assert let_the_pause_pass() == 1
    assert [last("cancel").attempt, Command.objects.filter(action="close").count()] == [2, 0]


def test_detached_copies_are_nobodys_orphans(master: Desk, follower: Desk) -> None:
    opened(master, follower)
    switch(SubscriptionState.OFF, detach=True)
    assert orphans.carry_out() == 0


def test_a_close_whose_outcome_is_unknown_is_not_ordered_beside_it(master: Desk, follower: Desk) -> None:
    opened(master, follower)
    master.intend("close", 1)
    follower.report(last("close").id, "unknown", error_code=128)
    assert let_the_pause_pass() == 0


def test_one_account_that_fails_does_not_hold_up_the_others(
    master: Desk, follower: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Desk.open("srv:3").introduce()
    subscribe(master, other)
    master.buy(1)
    for desk in (follower, other):
        fill(desk, Command.objects.get(account=desk.account))
    master.intend("close", 1)
    for desk in (follower, other):
        desk.report(Command.objects.get(account=desk.account, action="close").id, "rejected", error_code=132)
    end = orphans._end

    def failing(account_pk: UUID) -> int:
        if account_pk == follower.account.id:
            raise RuntimeError("a bad row")
        return end(account_pk)

    monkeypatch.setattr(orphans, "_end", failing)
    assert let_the_pause_pass() == 1


def test_a_copy_that_nobody_ended_is_found_by_the_rows_alone(master: Desk, follower: Desk) -> None:
    opened(master, follower)
    MasterPosition.objects.update(state="closed")
    assert [orphans.carry_out(), orphans.carry_out()] == [1, 0]


def test_the_sweep_of_every_second_looks_for_orphans_every_five(
    master: Desk, follower: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(master, follower)
    MasterPosition.objects.update(state="closed")
    monkeypatch.setattr(due_copies.pace, "looked_at", float("-inf"))
    monkeypatch.setattr(time, "monotonic", lambda: 100.0)
    assert due_copies.carry_out() == 1
    reject(follower, "close")
    Command.objects.filter(reported_at__isnull=False).update(reported_at=database_now() - timedelta(hours=1))
    assert due_copies.carry_out() == 0
    monkeypatch.setattr(time, "monotonic", lambda: 100.0 + due_copies.LOOK_EVERY)
    assert due_copies.carry_out() == 1


def test_a_sweep_that_finds_none_asks_three_times_and_no_more(master: Desk, follower: Desk) -> None:
    opened(master, follower)
    with CaptureQueriesContext(connection) as asked:
        assert orphans.carry_out() == 0
    assert len([query for query in asked if "orders_copy" in query["sql"]]) == 3


def switch(state: SubscriptionState, **how: Any) -> None:
    change_state(subscription_id=Subscription.objects.get().id, state=state, by=OPERATOR, note="", **how)
