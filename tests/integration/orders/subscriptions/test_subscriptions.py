"""What people do to subscriptions and copies, and who may copy whom."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from orders.domain.decision.settings import Settings
from orders.domain.states.subscriptions import SubscriptionState
from orders.domain.wire.snapshots import Quote
from orders.models import Command, Copy, Decision, FollowerQuote, Strategy, Subscription, SubscriptionEvent
from orders.services.reconciliation import quotes
from orders.services.subscriptions import lifecycle
from orders.services.subscriptions.lifecycle import CopyCycle, NoTombstone, OpenCopies, StateUnchanged, Wanted
from sessions_app import queries
from sessions_app.domain.decimals import Price
from sessions_app.models import BrokerAccount
from sessions_app.services.access import keys
from sessions_app.services.ingest.ports import Batch
from sessions_app.services.operations.history import Actor
from tests.factories import CopyFactory, StrategyFactory, SubscriptionFactory
from tests.integration.trading import OPERATOR, Desk, subscribe, time_passes

pytestmark = pytest.mark.django_db(transaction=True)

OLGA = Actor("olga")
ACTIVE, CLOSE_ONLY, OFF = SubscriptionState


@pytest.fixture
def master() -> Desk:
    return Desk.open("srv:1").introduce()


@pytest.fixture
def follower() -> Desk:
    return Desk.open("srv:2").introduce()


def place(master: Desk, position: int = 1) -> None:
    master.intend("place", position, side="buy", order_type="limit", lots="0.1", price="1.05")


def change(subscription: Subscription, state: SubscriptionState, **options: Any) -> Subscription:
    return lifecycle.change_state(subscription_id=subscription.id, state=state, by=OLGA, note="because", **options)


def commands(desk: Desk) -> list[tuple[str, str]]:
    rows = Command.objects.filter(account=desk.account).order_by("seq", "hold_no")
    return list(rows.values_list("action", "state"))


def codes() -> list[str]:
    return list(Decision.objects.order_by("id").values_list("code", flat=True))


# Pausing -------------------------------------------------------------------------------------------------------------


def test_pausing_cancels_the_working_pending_copies_and_nothing_else(master: Desk, follower: Desk) -> None:
    subscription = subscribe(master, follower)
    master.buy(1)
    BrokerAccount.objects.filter(id=follower.account.id).update(acked_seq=1)
    place(master, 2)
    follower.report(Command.objects.get(action="place").id, "placed", ticket=900, lots="0.1")
    change(subscription, CLOSE_ONLY)
    cancel = Command.objects.get(action="cancel")
    assert (cancel.seq, cancel.lots_after, cancel.position_id) == (3, Decimal(0), 2)
    follower.report(cancel.id, "cancelled", ticket=900)
    assert list(Copy.objects.order_by("position_id").values_list("state", flat=True)) == ["ordered", "closed"]
    place(master, 3)
    master.intend("close", 1)
    assert codes()[-2:] == ["subscription_close_only", ""]


@pytest.mark.parametrize("detach", [False, True])
def test_an_open_that_its_ea_has_not_heard_of_is_not_sent_after_a_pause_or_the_end(
    master: Desk, follower: Desk, detach: bool
) -> None:
    subscription = subscribe(master, follower, max_age_seconds=3600)
    master.buy(1)
    change(subscription, OFF if detach else CLOSE_ONLY, detach=detach)
    assert [frame.kind for frame in follower.log()] == ["GapFill"]
    opening = Command.objects.get()
    assert (opening.state, opening.reason) == ("void", "subscription_close_only")
    follower.report(opening.id, "filled", ticket=900, lots="0.1")
    # Who detaches keeps what he has, also what fills afterwards.
    assert Copy.objects.get().state == ("closed" if detach else "open")
    assert commands(follower)[1:] == []


def test_a_change_of_state_is_a_row_with_its_author_and_reason(master: Desk, follower: Desk) -> None:
    subscription = subscribe(master, follower)
    change(subscription, CLOSE_ONLY)
    change(subscription, ACTIVE)
    rows = SubscriptionEvent.objects.order_by("id").values_list("from_state", "to_state", "actor", "note")
    assert list(rows) == [("active", "close_only", "olga", "because"), ("close_only", "active", "olga", "because")]


def test_the_second_of_two_who_pause_is_told_that_it_is_done(master: Desk, follower: Desk) -> None:
    subscription = subscribe(master, follower)
    change(subscription, CLOSE_ONLY)
    with pytest.raises(StateUnchanged):
        change(subscription, CLOSE_ONLY)
    assert SubscriptionEvent.objects.count() == 1


def test_a_cancel_that_was_rejected_is_ordered_again(master: Desk, follower: Desk) -> None:
    subscription = subscribe(master, follower)
    place(master)
    follower.report(Command.objects.get().id, "placed", ticket=900, lots="0.1")
    change(subscription, CLOSE_ONLY)
    follower.report(Command.objects.get(action="cancel").id, "rejected", error_code=145)
    assert time_passes(2) == 1
    assert list(Command.objects.filter(action="cancel").order_by("seq").values_list("attempt", flat=True)) == [1, 2]


def test_what_waits_for_an_approval_is_void_when_its_subscription_is_paused(master: Desk) -> None:
    pending = Desk.open("srv:5", approved=False).introduce()
    pending.send("StatusHeartbeat", {"balance": "1000"})
    subscription = subscribe(master, pending)
    master.buy(1)
    place(master, 2)
    master.intend("modify", 1, sl="1.01")
    change(subscription, CLOSE_ONLY)
    keys.approve(key_id=pending.key.id, by=OPERATOR, reason="known")
    assert commands(pending) == [("open", "void"), ("place", "void"), ("modify", "void")]


# Switching off -------------------------------------------------------------------------------------------------------


def open_copy(master: Desk, follower: Desk) -> Subscription:
    subscription = subscribe(master, follower)
    master.buy(1)
    follower.report(Command.objects.get().id, "filled", ticket=900, lots="0.1")
    return subscription


def test_a_subscription_with_open_copies_is_not_switched_off(master: Desk, follower: Desk) -> None:
    subscription = open_copy(master, follower)
    with pytest.raises(OpenCopies) as refusal:
        change(subscription, OFF)
    assert refusal.value.count == 1
    subscription.refresh_from_db()
    assert (subscription.state, SubscriptionEvent.objects.count()) == ("active", 0)


def test_detached_copies_stay_as_they_are_and_nothing_flows_to_them(master: Desk, follower: Desk) -> None:
    subscription = open_copy(master, follower)
    place(master, 2)
    follower.report(Command.objects.get(action="place").id, "placed", ticket=901, lots="0.1")
    change(subscription, OFF, detach=True)
    detached = Copy.objects.get(position_id=1)
    assert (detached.state, detached.close_cause, detached.detached_at is not None) == ("closed", "detached", True)
    master.intend("close", 1)
    change(subscription, ACTIVE)
    master.intend("modify", 1, sl="1.01")
    assert [action for action, _ in commands(follower)] == ["open", "place", "cancel"]


def test_without_open_copies_it_is_switched_off_and_nothing_is_decided_any_more(master: Desk, follower: Desk) -> None:
    subscription = subscribe(master, follower)
    change(subscription, OFF)
    master.buy(1)
    assert (Decision.objects.count(), commands(follower)) == (0, [])


# Loops ---------------------------------------------------------------------------------------------------------------


def desk_account(number: int) -> BrokerAccount:
    return Desk.open(f"srv:{number}").account


def wanted(strategy: Strategy, follower: BrokerAccount, **options: Any) -> list[Subscription]:
    from_now = Batch(now=queries.database_now())
    items = [Wanted(follower=follower, settings=Settings(), **options)]
    with transaction.atomic():
        return lifecycle.store(strategy=strategy, wanted=items, by=OLGA, batch=from_now)


@pytest.mark.parametrize("length", [1, 2, 3, 6])
def test_case_153_a_circle_of_accounts_cannot_be_stored(length: int) -> None:
    accounts = [desk_account(number) for number in range(10, 10 + length)]
    strategies = [StrategyFactory.create(master=account, tenant=account.tenant) for account in accounts]
    for strategy, account in zip(strategies, accounts[1:], strict=False):
        wanted(strategy, account)
    with pytest.raises(CopyCycle) as refusal:
        wanted(strategies[-1], accounts[0])
    assert (refusal.value.accounts[0], len(refusal.value.accounts)) == (refusal.value.accounts[-1], length + 1)
    assert Subscription.objects.count() == length - 1


def test_case_153_what_is_off_closes_no_circle_until_it_is_resumed() -> None:
    first, second = desk_account(10), desk_account(11)
    there = StrategyFactory.create(master=first, tenant=first.tenant)
    back = StrategyFactory.create(master=second, tenant=second.tenant)
    wanted(there, second)
    (subscription,) = wanted(back, first, state=OFF)
    for state in (ACTIVE, CLOSE_ONLY):
        with pytest.raises(CopyCycle):
            change(subscription, state)
    subscription.refresh_from_db()
    assert subscription.state == "off"


def test_case_153_a_circle_over_two_tenants_is_one_too() -> None:
    one, other = SubscriptionFactory.create(), SubscriptionFactory.create()
    wanted(other.strategy, one.strategy.master)
    with pytest.raises(CopyCycle):
        wanted(one.strategy, other.strategy.master)


def test_case_153_copies_are_not_relayed_and_their_closes_need_nothing(master: Desk, follower: Desk) -> None:
    subscribe(master, follower)
    CopyFactory.create(account=master.account, copy_no=17)
    master.buy(1, magic=0x5A000000 | 17)
    master.intend("close", 1, magic=0x5A000000 | 17)
    assert (codes(), commands(follower)) == (["copy_not_relayed", "not_copied"], [])


def test_a_number_of_our_range_that_marks_no_copy_of_the_master_is_his_own(master: Desk, follower: Desk) -> None:
    """A time of 2017 as a magic number; and the followers' copies of him are no copies of his."""
    subscribe(master, follower)
    for position, magic in enumerate((1_512_345_678, 0x5A000000 | 1, 0x5A000000 | 17), start=1):
        CopyFactory.create(account=follower.account, copy_no=magic & 0xFFFFFF if position > 2 else None)
        master.buy(position, magic=magic)
    assert codes() == ["", "", ""]


def test_case_153_a_strategy_may_relay_copies(master: Desk, follower: Desk) -> None:
    subscribe(master, follower)
    Strategy.objects.update(relay_copies=True)
    master.buy(1, magic=0x5A000000 | 17)
    assert commands(follower) == [("open", "queued")]


# Tombstones ----------------------------------------------------------------------------------------------------------


def tombstoned(master: Desk, follower: Desk) -> Copy:
    open_copy(master, follower)
    follower.report(None, "closed", cause="manual", ticket=900, lots="0.1", remaining_lots="0")
    return Copy.objects.get()


def test_a_position_closed_by_hand_is_not_opened_again_by_a_resync(master: Desk, follower: Desk) -> None:
    copy = tombstoned(master, follower)
    master.again().buy(1)
    master.again().intend("open", 1, ticket=2, side="buy", lots="0.1")
    assert codes()[-1] == "tombstoned"
    assert len(commands(follower)) == 1
    assert copy.tombstoned_at is not None


def test_lifting_a_tombstone_is_a_persons_act_and_opens_nothing(master: Desk, follower: Desk) -> None:
    copy = tombstoned(master, follower)
    lifecycle.lift_tombstone(copy_id=copy.id, by=OLGA, note="by mistake")
    assert len(commands(follower)) == 1
    event = SubscriptionEvent.objects.get()
    assert (event.from_state, event.to_state, event.actor, event.copy_id) == (
        "tombstoned",
        "lifted",
        "olga",
        copy.id,
    )
    with pytest.raises(NoTombstone):
        lifecycle.lift_tombstone(copy_id=copy.id, by=OLGA, note="again")


def test_a_lifted_position_is_copied_when_it_is_told_anew(master: Desk, follower: Desk) -> None:
    copy = tombstoned(master, follower)
    lifecycle.lift_tombstone(copy_id=copy.id, by=OLGA, note="by mistake")
    master.intend("open", 1, ticket=2, side="buy", lots="0.1")
    assert [(row.leg, row.copy_no, row.state) for row in Copy.objects.order_by("leg")] == [
        (1, 1, "closed"),
        (2, 2, "ordered"),
    ]


# Settings that look at the market ------------------------------------------------------------------------------------


def quote(follower: Desk, bid: str, ask: str, *, age: int = 0) -> None:
    at = queries.database_now() - timedelta(seconds=age)
    FollowerQuote.objects.create(account=follower.account, symbol="EURUSD", bid=Decimal(bid), ask=Decimal(ask), at=at)


def test_a_deviation_is_told_to_the_ea_and_checked_where_the_market_is_known(master: Desk, follower: Desk) -> None:
    subscribe(master, follower, deviation_points=15)
    master.buy(1)
    quote(follower, "1.10010", "1.10020")
    master.buy(2)
    assert codes() == ["", "price_deviation"]
    assert Command.objects.get().deviation_points == 15


def test_a_late_open_waits_at_the_masters_price_on_the_right_side_of_the_market(master: Desk, follower: Desk) -> None:
    subscribe(master, follower, late_policy="pending_at_master_price", late_seconds=600)
    quote(follower, "1.09000", "1.09010")
    master.buy(1, age_ms=70_000)
    placed = Command.objects.get()
    assert (placed.action, placed.order_type, placed.price) == ("place", "stop", Decimal("1.1"))
    assert placed.valid_until == placed.occurred_at + timedelta(seconds=660)
    follower.report(placed.id, "placed", ticket=900, lots="0.1")
    master.intend("modify", 1, sl="1.01")
    master.intend("close", 1)
    assert [action for action, _ in commands(follower)] == ["place", "modify", "close"]


def test_filters_come_from_the_subscriptions_own_settings(master: Desk, follower: Desk) -> None:
    subscribe(master, follower, filters={"sides": ["sell"], "hours": [{"since": "00:00"}], "time_zone": "Asia/Tokyo"})
    master.buy(1)
    master.intend("open", 2, side="sell", lots="0.1", price="1.1")
    assert codes() == ["filtered_side", ""]


def test_filters_that_cannot_be_read_deny_for_their_subscription_alone(master: Desk, follower: Desk) -> None:
    other = Desk.open("srv:3").introduce()
    subscribe(master, follower, filters={"time_zone": "Mars/Base"})
    subscribe(master, other)
    master.buy(1)
    assert sorted(codes()) == ["", "filters_unreadable"]
    assert (commands(follower), commands(other)) == ([], [("open", "queued")])


def test_an_equity_ratio_uses_what_the_signal_tells_and_what_the_follower_told_last(
    master: Desk, follower: Desk
) -> None:
    subscribe(master, follower, mode="equity_ratio")
    follower.send("StatusHeartbeat", {"balance": "1", "equity": "3000"})
    master.buy(1, balance="1", equity="1000")
    master.buy(2, balance="1")
    assert codes() == ["", "allocation_data_missing"]
    assert Command.objects.get().lots == Decimal("0.3")


def told(*markets: tuple[str, str, str]) -> list[Quote]:
    return [Quote(symbol=symbol, bid=Price(bid), ask=Price(ask)) for symbol, bid, ask in markets]


def test_what_a_terminal_tells_of_its_market_is_kept_and_replaced(master: Desk, follower: Desk) -> None:
    subscribe(master, follower, deviation_points=15)
    first, second = queries.database_now() - timedelta(seconds=5), queries.database_now()
    with transaction.atomic():
        assert quotes.keep(follower.account.id, told(("EURUSD", "1.1", "1.2"), ("GOLD", "0", "0")), at=first) == 1
        quotes.keep(follower.account.id, told(("EURUSD", "1.10010", "1.10020")), at=second)
    row = FollowerQuote.objects.get()
    assert (row.bid, row.ask, row.at) == (Decimal("1.1001"), Decimal("1.1002"), second)
    master.buy(1)
    assert codes() == ["price_deviation"]


def test_a_market_that_no_setting_looks_at_is_not_kept(master: Desk, follower: Desk) -> None:
    subscribe(master, follower)
    with transaction.atomic():
        assert quotes.keep(follower.account.id, told(("EURUSD", "1.1", "1.2")), at=queries.database_now()) == 0
