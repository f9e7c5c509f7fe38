"""A trade server that numbers anew: a ticket that opens something else is no repeat, and somebody hears of it."""

from typing import Any

import pytest

from orders.models import Command, Intent
from sessions_app.models import InboundFrame, OperatorAlert
from sessions_app.services.ingest import batches
from sessions_app.services.ingest.ports import Fate
from tests.integration.trading import Desk, subscribe

pytestmark = pytest.mark.django_db(transaction=True)
REUSED = "report_discrepancy"


@pytest.fixture
def master() -> Desk:
    master, follower = (
        Desk.open("srv:1").introduce("EURUSD", "GBPUSD"),
        Desk.open("srv:2").introduce("EURUSD", "GBPUSD"),
    )
    subscribe(master, follower)
    master.buy(7)
    return master


def alerts() -> list[tuple[str, str]]:
    return list(OperatorAlert.objects.order_by("id").values_list("code", "text"))


@pytest.mark.parametrize(
    ("told", "named"),
    [
        ({"symbol": "GBPUSD", "side": "sell", "lots": "0.5"}, "GBPUSD sell 0.5"),
        ({"symbol": "GBPUSD"}, "GBPUSD buy 0.1"),
        ({"side": "sell"}, "EURUSD sell 0.1"),
    ],
)
def test_another_open_of_a_ticket_that_is_over_is_refused_and_told(
    master: Desk, told: dict[str, Any], named: str
) -> None:
    master.intend("close", 7)
    again = master.intend("open", 7, **{"side": "buy", "lots": "0.10", **told})
    assert (again.fate, again.refusal and again.refusal.code) == (Fate.REFUSED, "ticket_reused")
    assert again.refusal is not None
    assert again.refusal.problem.final
    assert InboundFrame.objects.get(frame_id=again.frame_id).refusal == "ticket_reused"
    assert alerts() == [(REUSED, f"ticket 7 was EURUSD buy 0.1 at first, and now opens {named}: not copied")]
    alert = OperatorAlert.objects.get()
    assert (alert.account_id, Command.objects.count(), Intent.objects.count()) == (master.account.id, 2, 2)


def test_the_refused_frame_is_refused_again_when_it_comes_again(master: Desk) -> None:
    master.intend("close", 7)
    again = master.intend("open", 7, symbol="GBPUSD", side="sell", lots="0.5")
    batches.store(arrivals=[again])
    assert (again.fate, again.refusal and again.refusal.code) == (Fate.REPEAT, "ticket_reused")
    assert OperatorAlert.objects.get().times == 1


def test_a_pending_order_under_the_ticket_of_a_position_is_another_opening(master: Desk) -> None:
    master.intend("close", 7)
    placed = {"order_type": "limit", "symbol": "GBPUSD", "side": "buy", "lots": "0.1", "price": "1.2"}
    assert master.intend("place", 7, **placed).fate is Fate.REFUSED
    assert [code for code, _ in alerts()] == [REUSED]


def test_another_symbol_is_another_position_while_the_first_one_lives(master: Desk) -> None:
    assert master.intend("open", 7, symbol="GBPUSD", side="buy", lots="0.10").fate is Fate.REFUSED
    assert [code for code, _ in alerts()] == [REUSED]


def test_both_openings_may_come_in_one_batch(master: Desk) -> None:
    frames = [
        {"action": "open", "symbol": "EURUSD", "side": "buy", "lots": "0.1"},
        {"action": "close", "symbol": "EURUSD"},
        {"action": "open", "symbol": "GBPUSD", "side": "buy", "lots": "0.1"},
    ]
    arrivals = [
        master.arrival("OrderIntent", {"position_id": 8, "ticket": 8, **frame}, seq=number)
        for number, frame in enumerate(frames, master.seq + 1)
    ]
    batches.store(arrivals=arrivals)
    assert [arrival.fate for arrival in arrivals] == [Fate.APPLY, Fate.APPLY, Fate.REFUSED]


def test_the_same_open_told_anew_stays_a_repeat(master: Desk) -> None:
    for _ in range(2):
        assert master.intend("open", 7, side="buy", lots="0.10", price="1.2").fate is Fate.APPLY
        master.intend("close", 7)
    assert (alerts(), Command.objects.count()) == ([], 2)


@pytest.mark.parametrize("at_once", [False, True])
def test_a_deal_that_netted_is_a_repeat_when_it_is_told_anew_after_the_position_is_over(
    master: Desk, at_once: bool
) -> None:
    deal = {"action": "open", "position_id": 7, "ticket": 7, "symbol": "EURUSD", "side": "sell", "lots": "0.3"}
    told = [deal, {"action": "close", "position_id": 7, "ticket": 7, "symbol": "EURUSD"}, deal]
    arrivals = [master.arrival("OrderIntent", frame, seq=number) for number, frame in enumerate(told, master.seq + 1)]
    for part in [arrivals] if at_once else [[arrival] for arrival in arrivals]:
        batches.store(arrivals=part)
    assert [arrival.fate for arrival in arrivals] == [Fate.APPLY] * 3
    assert REUSED not in [code for code, _ in alerts()]
    assert Intent.objects.get(frame_id=arrivals[-1].frame_id).repeated


def test_two_masters_with_one_ticket_are_two_alerts(master: Desk) -> None:
    other = Desk.open("srv:3").introduce("EURUSD", "GBPUSD")
    other.buy(7)
    for desk in (master, other):
        desk.intend("open", 7, symbol="GBPUSD", side="buy", lots="0.10")
    assert [alert.account_id for alert in OperatorAlert.objects.order_by("id")] == [master.account.id, other.account.id]
