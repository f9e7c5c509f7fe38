"""Copies that are not where they shall be are led there: at once, after a pause, and for as long as it takes."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from orders.domain.copies.converge import OVERDUE_TRIES
from orders.domain.states.subscriptions import SubscriptionState
from orders.models import Command, Copy, Decision, Subscription
from orders.services.copies import convergence
from orders.services.subscriptions.lifecycle import change_state
from sessions_app.models import OperatorAlert
from sessions_app.queries import database_now
from tests.integration.counting import counted
from tests.integration.trading import OPERATOR, Desk, held, subscribe, time_passes

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


def missed(follower: Desk) -> None:
    """The open was too late for another terminal, and was given up."""
    Command.objects.update(valid_until=database_now() - timedelta(seconds=1))
    follower.hello(installation_id="a")
    assert Copy.objects.get().state == "failed"


def test_a_rejected_close_is_ordered_again_after_a_pause(master: Desk, follower: Desk) -> None:
    opened(master, follower)
    master.intend("close", 1)
    assert convergence.carry_out() == 0
    reject(follower, "close")
    assert convergence.carry_out() == 0
    assert [time_passes(61), convergence.carry_out()] == [1, 0]
    again = last("close")
    assert (again.seq, again.state, again.lots, again.lots_after) == (3, "queued", Decimal("0.1"), Decimal(0))
    follower.report(again.id, "closed", ticket=900, lots="0.1", remaining_lots="0")
    assert (Copy.objects.get().state, time_passes(61)) == ("closed", 0)


def test_a_close_is_never_given_up_and_an_operator_is_called_once_a_day(master: Desk, follower: Desk) -> None:
    opened(master, follower)
    master.intend("close", 1)
    for tries in range(1, OVERDUE_TRIES + 1):
        assert not OperatorAlert.objects.exists()
        follower.report(last("close").id, "rejected", error_code=136)
        assert time_passes(61) == 1
        assert last("close").attempt == tries + 1
    for _ in range(100):
        follower.report(last("close").id, "rejected", error_code=136)
        assert time_passes(61) == 1
    alert = OperatorAlert.objects.get()
    assert (alert.code, alert.account_id, alert.times) == ("close_overdue", follower.account.id, 1)
    follower.report(last("close").id, "closed", ticket=900, lots="0.1", remaining_lots="0")
    alert.refresh_from_db()
    assert (alert.resolved_at is not None, time_passes(61)) == (True, 0)
    assert Command.objects.filter(action="close").count() == 106


def test_a_call_for_a_close_is_renewed_every_day_that_it_lasts(master: Desk, follower: Desk) -> None:
    opened(master, follower)
    master.intend("close", 1)
    for hours, times in ((23, 1), (1, 1), (1, 2), (1, 2)):
        for seconds in (*[61] * OVERDUE_TRIES, hours * 3600):
            follower.report(last("close").id, "rejected", error_code=136)
            time_passes(seconds)
        assert OperatorAlert.objects.get().times == times


def called() -> dict[str, tuple[int, bool]]:
    """By code: how often somebody was called in all, and whether one of these calls stands."""
    found: dict[str, tuple[int, bool]] = {}
    for alert in OperatorAlert.objects.order_by("first_at"):
        times, stands = found.get(alert.code, (0, False))
        found[alert.code] = (times + alert.times, stands or alert.resolved_at is None)
    return found


def refuse(desk: Desk, action: str, times: int, code: int = 136) -> None:
    """The broker refuses what is ordered, each time that it is ordered again."""
    for _ in range(times):
        desk.report(last(action).id, "rejected", error_code=code)
        time_passes(61)


def without_its_stop(master: Desk, follower: Desk) -> None:
    """0.1 lots stand at the follower's broker without the stop that the master has; a person was called for it."""
    master.buy(1, sl="1.05")
    follower.report(last("open").id, "filled", ticket=900, lots="0.1", price="1.1", sl="0")
    refuse(follower, "modify", 1, code=130)
    assert called() == {"unprotected": (1, True)}


def test_a_close_that_was_not_tried_and_is_refused_then_is_called_for_twice(master: Desk, follower: Desk) -> None:
    opened(master, follower)
    master.intend("close", 1)
    time_passes(31)
    assert called() == {"close_undelivered": (1, True)}
    refuse(follower, "close", OVERDUE_TRIES)
    assert called() == {"close_undelivered": (1, True), "close_overdue": (1, True)}
    follower.report(last("close").id, "closed", ticket=900, lots="0.1", remaining_lots="0")
    assert called() == {"close_undelivered": (1, False), "close_overdue": (1, False)}


def test_a_close_is_called_for_anew_beside_a_stop_that_stays_missing(master: Desk, follower: Desk) -> None:
    without_its_stop(master, follower)
    master.intend("partial_close", 1, lots="0.05", remaining_lots="0.05")
    time_passes(31)
    assert called() == {"unprotected": (1, True), "close_undelivered": (1, True)}
    follower.report(last("partial_close").id, "closed", ticket=900, lots="0.05", remaining_lots="0.05")
    assert called() == {"unprotected": (1, True), "close_undelivered": (1, False)}, "the part is closed"
    master.intend("close", 1)
    time_passes(31)
    assert called() == {"unprotected": (1, True), "close_undelivered": (2, True)}


def test_a_stop_that_goes_missing_again_is_called_for_beside_a_close_that_is_refused(
    master: Desk, follower: Desk
) -> None:
    without_its_stop(master, follower)
    master.intend("partial_close", 1, lots="0.05", remaining_lots="0.05")
    refuse(follower, "partial_close", OVERDUE_TRIES)
    assert called() == {"unprotected": (1, True), "close_overdue": (1, True)}
    follower.report(last("modify").id, "modified", ticket=900, sl="1.05")
    assert called() == {"unprotected": (1, False), "close_overdue": (1, True)}, "the stop stands"
    master.intend("modify", 1, sl="1.06")
    refuse(follower, "modify", 1, code=130)
    # Meanwhile nobody has tried the next close of the part: that is told too, beside the refusals.
    assert called() == {"unprotected": (2, True), "close_overdue": (1, True), "close_undelivered": (1, True)}


def test_a_stop_that_is_set_meanwhile_begins_no_new_count_of_a_closes_refusals(master: Desk, follower: Desk) -> None:
    opened(master, follower)
    master.intend("partial_close", 1, lots="0.05", remaining_lots="0.05")
    refuse(follower, "partial_close", OVERDUE_TRIES - 1)
    master.intend("modify", 1, sl="1.05")
    follower.report(last("modify").id, "modified", ticket=900, sl="1.05")
    assert (Copy.objects.get().sl_at_broker, called()) == (Decimal("1.05"), {})
    refuse(follower, "partial_close", 1)
    assert called() == {"close_overdue": (1, True)}


def test_a_copy_that_cannot_be_led_on_holds_up_no_other_one_of_its_account(master: Desk, follower: Desk) -> None:
    for number in (1, 2):
        master.buy(number)
        follower.report(last("open").id, "filled", ticket=900 + number, lots="0.1", price="1.1")
    for number in (1, 2):
        master.intend("close", number)
        reject(follower, "close")
    Copy.objects.filter(position_id=1).update(side="sideways")
    time_passes(61)
    assert list(Command.objects.filter(attempt=2).values_list("action", "position_id")) == [("close", 2)]
    alert = OperatorAlert.objects.get(code="internal")
    assert (alert.account_id, "position 1" in alert.text) == (follower.account.id, True)
    assert Copy.objects.get(position_id=1).wait_reason == "fault"


def test_a_market_that_was_closed_for_a_moment_is_tried_again_within_a_quarter_of_a_minute(
    master: Desk, follower: Desk
) -> None:
    opened(master, follower)
    master.intend("close", 1)
    reject(follower, "close")
    assert [time_passes(14), time_passes(2)] == [0, 1]
    follower.report(last("close").id, "closed", ticket=900, lots="0.1", remaining_lots="0")
    assert Copy.objects.get().state == "closed"


def test_a_market_that_stays_closed_is_tried_every_minute_and_told_after_ten(master: Desk, follower: Desk) -> None:
    opened(master, follower)
    master.intend("close", 1)
    reject(follower, "close")
    assert time_passes(16) == 1
    for _ in range(9):
        reject(follower, "close")
        assert (time_passes(30), Copy.objects.get().wait_reason) == (0, "market_closed")
        assert time_passes(31) == 1
    assert not OperatorAlert.objects.exists()
    for _ in range(2):
        reject(follower, "close")
        time_passes(61)
    assert OperatorAlert.objects.get().code == "close_overdue"


def test_a_voided_open_that_was_filled_all_the_same_follows_its_masters_close(master: Desk, follower: Desk) -> None:
    master.buy(1)
    missed(follower)
    master.intend("close", 1)
    assert Decision.objects.order_by("id").last().code == "copy_gone"  # type: ignore[union-attr]
    fill(follower, last("open"))
    assert convergence.carry_out() == 0
    assert (last("close").state, last("close").lots_after, last("close").copy_id) == (
        "queued", Decimal(0), Copy.objects.get().id,
    )  # fmt: skip


def test_an_open_that_was_missed_and_shows_up_in_a_book_follows_its_masters_close(master: Desk, follower: Desk) -> None:
    master.buy(1)
    missed(follower)
    master.intend("close", 1)
    follower.tell(held(1, 900))
    assert convergence.carry_out() == 0
    assert last("close").state == "queued"


def test_a_pending_order_of_a_subscription_that_was_switched_off_is_cancelled_again_or_closed(
    master: Desk, follower: Desk
) -> None:
    order = placed(master, follower)
    switch(SubscriptionState.OFF)
    reject(follower, "cancel")
    assert time_passes(61) == 1
    assert (last("cancel").attempt, last("cancel").lots_after) == (2, Decimal(0))
    reject(follower, "cancel")
    fill(follower, order)
    assert (last("close").lots, last("close").lots_after) == (Decimal("0.1"), Decimal(0))


def test_a_paused_subscription_keeps_its_positions_and_loses_its_working_orders(master: Desk, follower: Desk) -> None:
    placed(master, follower)
    master.buy(2)
    fill(follower, last("open"))
    switch(SubscriptionState.CLOSE_ONLY)
    reject(follower, "cancel")
    time_passes(61)
    assert [last("cancel").attempt, Command.objects.filter(action="close").count()] == [2, 0]


def test_detached_copies_are_nobodys_orphans(master: Desk, follower: Desk) -> None:
    opened(master, follower)
    switch(SubscriptionState.OFF, detach=True)
    assert convergence.carry_out() == 0


def test_a_close_whose_outcome_is_unknown_is_not_ordered_beside_it(master: Desk, follower: Desk) -> None:
    opened(master, follower)
    master.intend("close", 1)
    follower.report(last("close").id, "unknown", error_code=128)
    assert time_passes(61) == 1
    assert (Copy.objects.get().wait_reason, Command.objects.count()) == ("in_doubt", 2)


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
    carry_out = convergence._carry_out

    def failing(account_pk: UUID) -> int:
        if account_pk == follower.account.id:
            raise RuntimeError("a bad row")
        return carry_out(account_pk)

    monkeypatch.setattr(convergence, "_carry_out", failing)
    assert time_passes(61) == 1


def test_a_close_that_nobody_hears_of_is_told_after_half_a_minute(master: Desk, follower: Desk) -> None:
    opened(master, follower)
    master.intend("close", 1)
    assert (time_passes(20), OperatorAlert.objects.count()) == (0, 0)
    assert time_passes(11) == 1
    alert = OperatorAlert.objects.get()
    assert (alert.code, alert.account_id) == ("close_undelivered", follower.account.id)
    assert Command.objects.filter(action="close").count() == 1, "nothing is ordered beside it"
    follower.report(last("close").id, "closed", ticket=900, lots="0.1")
    alert.refresh_from_db()
    assert alert.resolved_at is not None


def test_a_sweep_reads_what_is_due_and_nothing_else(master: Desk, follower: Desk) -> None:
    opened(master, follower)
    with counted() as cost:
        assert convergence.carry_out() == 0
    assert len(cost.naming("orders_copy")) == 1


def test_an_open_that_is_refused_after_a_pause_is_not_ordered_again(master: Desk, follower: Desk) -> None:
    master.buy(1)
    follower.report(last("open").id, "accepted")
    switch(SubscriptionState.CLOSE_ONLY)
    follower.report(last("open").id, "rejected", error_code=138)
    time_passes(1)
    assert (Command.objects.count(), Copy.objects.get().state) == (1, "failed")


def test_an_open_that_a_pause_took_back_and_nobody_executed_is_not_ordered_again(master: Desk, follower: Desk) -> None:
    master.buy(1)
    switch(SubscriptionState.CLOSE_ONLY)
    time_passes(120)
    Command.objects.update(valid_until=database_now() + timedelta(minutes=10))
    follower.tell()
    time_passes(1)
    assert (Command.objects.count(), Copy.objects.get().state) == (1, "failed")


def switch(state: SubscriptionState, **how: Any) -> None:
    change_state(subscription_id=Subscription.objects.get().id, state=state, by=OPERATOR, note="", **how)
