"""Two hands on a subscription, a deadline, the graph of accounts: real transactions."""

from datetime import timedelta
from typing import Any

import pytest

from orders.domain.states.subscriptions import SubscriptionState
from orders.models import Command, Copy, FillWait, MasterPosition, Subscription, SubscriptionEvent
from orders.services.copies import convergence, fill_waits
from orders.services.provisioning import deployment
from orders.services.provisioning.deployment import ProvisioningRefused
from orders.services.subscriptions import lifecycle
from orders.services.subscriptions.lifecycle import CopyCycle, StateUnchanged
from sessions_app import queries
from sessions_app.models import BrokerAccount
from sessions_app.services.operations.history import Actor
from tests.concurrency.hands import at_once, store
from tests.factories import StrategyFactory, SubscriptionFactory
from tests.integration.trading import Desk, subscribe

pytestmark = pytest.mark.django_db(transaction=True)

OLGA = Actor("olga")
PLACE: dict[str, Any] = {"side": "buy", "order_type": "limit", "lots": "0.1", "price": "1.05"}


def waiting(master: Desk, follower: Desk) -> Command:
    """A working copy whose time is over."""
    subscribe(master, follower)
    master.intend("place", 1, **PLACE)
    placed = Command.objects.get()
    follower.report(placed.id, "placed", ticket=900, lots="0.1")
    master.intend("activate", 1, lots="0.1")
    FillWait.objects.update(due_at=queries.database_now() - timedelta(seconds=1))
    return placed


def actions() -> list[str]:
    return list(Command.objects.order_by("seq").values_list("action", flat=True))


def numbers() -> list[int | None]:
    return list(Command.objects.order_by("seq").values_list("seq", flat=True))


@pytest.fixture
def desks() -> tuple[Desk, Desk]:
    return Desk.open("srv:1").introduce(), Desk.open("srv:2").introduce()


@pytest.mark.parametrize("attempt", range(5))
def test_case_159_a_deadline_that_three_sweep_at_once_is_carried_out_once(
    attempt: int, desks: tuple[Desk, Desk]
) -> None:
    waiting(*desks)
    assert sorted(at_once(*[fill_waits.carry_out] * 3)) == [0, 0, 1]
    assert (actions(), numbers()) == (["place", "cancel"], [1, 2])


@pytest.mark.parametrize("attempt", range(5))
def test_an_orphan_that_three_sweep_at_once_is_closed_once(attempt: int, desks: tuple[Desk, Desk]) -> None:
    master, follower = desks
    subscribe(master, follower)
    master.buy(1)
    follower.report(Command.objects.get().id, "filled", ticket=900, lots="0.1")
    MasterPosition.objects.update(state="closed")
    Copy.objects.update(next_check_at=queries.database_now())
    assert sorted(at_once(*[convergence.carry_out] * 3)) == [0, 0, 1]
    assert (actions(), numbers()) == (["open", "close"], [1, 2])


@pytest.mark.parametrize("attempt", range(5))
def test_case_159_a_fill_and_a_sweep_in_one_instant_leave_one_position(attempt: int, desks: tuple[Desk, Desk]) -> None:
    master, follower = desks
    placed = waiting(master, follower)
    filled = {"status": "filled", "command_id": str(placed.id), "ticket": 900, "lots": "0.1"}
    report = follower.arrival("ExecutionReport", filled, seq=2)
    at_once(fill_waits.carry_out, lambda: store([report]))
    follower.seq = 2
    cancel = Command.objects.filter(action="cancel").first()
    if cancel is not None:  # it was ordered first: the EA finds a filled order and leaves it
        follower.report(cancel.id, "closed", already=True, ticket=900, remaining_lots="0.1")
    fill_waits.carry_out()
    assert (Copy.objects.get().state, FillWait.objects.get().state) == ("open", "filled")
    assert "open" not in actions()


@pytest.mark.parametrize("attempt", range(5))
def test_case_159_a_close_and_a_cancelled_report_in_one_instant_leave_nothing_open(
    attempt: int, desks: tuple[Desk, Desk]
) -> None:
    master, follower = desks
    waiting(master, follower)
    fill_waits.carry_out()
    cancelled = {"status": "cancelled", "command_id": str(Command.objects.get(action="cancel").id), "ticket": 900}
    report = follower.arrival("ExecutionReport", cancelled, seq=2)
    close = {"action": "close", "position_id": 1, "ticket": 1, "symbol": "EURUSD"}
    closing = master.arrival("OrderIntent", close, seq=3)
    at_once(lambda: store([report]), lambda: store([closing]))
    opened = Command.objects.filter(action="open").first()
    closed = Command.objects.filter(action="close").first()
    if opened is not None:  # then the close came after it, and closes just that copy
        assert closed is not None
        assert (closed.copy_id, (closed.seq or 0) > (opened.seq or 0)) == (opened.copy_id, True)
    else:
        assert FillWait.objects.get().state == "ended"
    assert numbers() == list(range(1, len(numbers()) + 1))


@pytest.mark.parametrize("attempt", range(5))
def test_a_pause_and_an_open_in_one_instant_come_one_after_the_other(attempt: int, desks: tuple[Desk, Desk]) -> None:
    master, follower = desks
    subscription = subscribe(master, follower)
    placing = {"action": "place", "position_id": 1, "ticket": 1, "symbol": "EURUSD", **PLACE}
    arrival = master.arrival("OrderIntent", placing, seq=1)

    def pause() -> None:
        lifecycle.change_state(subscription_id=subscription.id, state=SubscriptionState.CLOSE_ONLY, by=OLGA, note="now")

    assert [item for item in at_once(pause, lambda: store([arrival])) if isinstance(item, Exception)] == []
    assert actions() in (["place", "cancel"], [])


@pytest.mark.parametrize("attempt", range(5))
def test_of_two_who_pause_at_once_one_is_told_that_it_is_done(attempt: int) -> None:
    subscription = SubscriptionFactory.create()

    def pause() -> None:
        lifecycle.change_state(subscription_id=subscription.id, state=SubscriptionState.CLOSE_ONLY, by=OLGA, note="now")

    outcomes = at_once(pause, pause)
    assert [type(outcome) for outcome in outcomes if outcome is not None] == [StateUnchanged]
    assert SubscriptionEvent.objects.count() == 1


@pytest.mark.parametrize("attempt", range(5))
def test_case_153_two_halves_of_a_circle_resumed_in_one_instant_leave_one(attempt: int) -> None:
    first = SubscriptionFactory.create(state="off")
    back = StrategyFactory.create(master=first.follower, tenant=first.strategy.tenant)
    second = SubscriptionFactory.create(strategy=back, follower=first.strategy.master, state="off")

    def resume(row: Subscription) -> None:
        lifecycle.change_state(subscription_id=row.id, state=SubscriptionState.ACTIVE, by=OLGA, note="go")

    outcomes = at_once(lambda: resume(first), lambda: resume(second))
    assert [type(outcome) for outcome in outcomes if outcome is not None] == [CopyCycle]
    assert sorted(Subscription.objects.values_list("state", flat=True)) == ["active", "off"]


@pytest.mark.parametrize("attempt", range(3))
def test_case_153_two_halves_of_a_circle_provisioned_in_one_instant_leave_one(attempt: int) -> None:
    def document(master: str, follower: str) -> dict[str, Any]:
        strategy = {"name": f"of {master}", "master": master, "subscriptions": [{"follower": follower}]}
        accounts = [{"account_id": "Paper:1"}, {"account_id": "Paper:2"}]
        return {"tenants": [{"name": "Acme", "accounts": accounts, "strategies": [strategy]}]}

    deployment.provision(
        document={"tenants": [document("Paper:1", "Paper:2")["tenants"][0] | {"strategies": []}]}, by=OLGA
    )
    acts = [
        lambda: deployment.provision(document=document("Paper:1", "Paper:2"), by=OLGA),
        lambda: deployment.provision(document=document("Paper:2", "Paper:1"), by=OLGA),
    ]
    refused = [outcome for outcome in at_once(*acts) if isinstance(outcome, Exception)]
    assert [type(outcome) for outcome in refused] == [ProvisioningRefused]
    assert (Subscription.objects.count(), BrokerAccount.objects.count()) == (1, 2)
