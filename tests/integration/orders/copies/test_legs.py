"""Copies of several orders: all of them together have what is due, whatever becomes of one."""

from decimal import Decimal
from typing import Any

import pytest

from orders.models import Command, Copy
from orders.services.copies import convergence
from sessions_app.services.ingest import batches
from tests.integration.orders.copies.test_pending_orders import let_time_pass
from tests.integration.sessions_app.lifecycle.test_kept_until_promotion import approve
from tests.integration.trading import Desk, subscribe

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def master() -> Desk:
    return Desk.open("srv:1").introduce()


@pytest.fixture
def small(master: Desk) -> Desk:
    """A follower whose broker takes no more than 0.40 at once."""
    return follower_of(master)


def follower_of(master: Desk, *, approved: bool = True) -> Desk:
    desk = Desk.open("srv:5", approved=approved)
    lots = {"lots_min": "0.01", "lots_step": "0.01", "lots_max": "0.4"}
    symbol = {"name": "EURUSD", "digits": 5, "contract_size": "100000"} | lots
    desk.send("InitRequest", {"currency": "USD", "symbols": [symbol]})
    subscribe(master, desk)
    return desk


def opens(desk: Desk, **changes: Any) -> list[Command]:
    return list(Command.objects.filter(account=desk.account, action="open", **changes).order_by("leg"))


def part(master: Desk, lots: str, left: str, *, ticket: int = 1) -> None:
    master.intend("partial_close", 1, lots=lots, remaining_lots=left, ticket=ticket, new_ticket=ticket + 1)


def test_a_leg_that_is_closed_by_hand_counts_also_when_its_fill_was_never_told(master: Desk, small: Desk) -> None:
    """0.75 in two orders; of 0.75 x 0.31 and then x 0.25 the follower has left the 0.40 that he holds."""
    master.buy(1, lots="0.75")
    first, second = opens(small)
    small.report(first.id, "filled", ticket=900, lots="0.4")
    small.report(
        None, "closed", copy_no=second.copy.copy_no, ticket=901, lots="0.35", remaining_lots="0", cause="manual"
    )
    part(master, "0.5175", "0.2325")
    part(master, "0.045", "0.1875", ticket=2)
    rows = Command.objects.filter(account=small.account, action="partial_close").order_by("seq")
    assert [(row.leg, row.lots_after) for row in rows] == [(1, Decimal("0.23")), (1, Decimal("0.18"))]
    assert list(Copy.objects.order_by("leg").values_list("state", flat=True)) == ["open", "closed"]


def test_what_is_told_of_two_legs_at_once_is_looked_at_together(master: Desk, small: Desk) -> None:
    """One order is cancelled, to be opened at market; the other leg is closed by hand, and nothing of it is there: of
    0.70 the first is opened whole, and not less what the second has no more.
    """
    master.intend("place", 1, side="buy", order_type="limit", lots="0.8", price="1.05")
    first, second = Command.objects.filter(account=small.account).order_by("leg")
    for number, command in enumerate((first, second)):
        small.report(command.id, "placed", ticket=900 + number, lots="0.4")
    master.intend("activate", 1, lots="0.8", price="1.05")
    small.report(second.id, "filled", ticket=901, lots="0.4")
    part(master, "0.1", "0.7")
    let_time_pass()
    cancel = Command.objects.get(account=small.account, action="cancel")
    told = [
        {"status": "closed", "copy_no": 2, "ticket": 901, "lots": "0.4", "remaining_lots": "0", "cause": "manual"},
        {"status": "cancelled", "command_id": str(cancel.id), "ticket": 900},
    ]
    reports = [small.arrival("ExecutionReport", item, seq=small.seq + n) for n, item in enumerate(told, 1)]
    batches.store(arrivals=reports)
    assert [command.lots for command in opens(small)] == [Decimal("0.4")]


@pytest.mark.parametrize("swept", [False, True])
def test_what_its_master_closed_while_its_key_waited_is_closed_when_both_legs_have_filled(
    master: Desk, swept: bool
) -> None:
    """Of two legs that nobody has seen at the broker none is reduced: it is made up when both are there."""
    small = follower_of(master, approved=False)
    master.buy(1, lots="0.6")
    part(master, "0.4", "0.2")
    if swept:
        convergence.carry_out()
    approve(small)
    first, second = opens(small)
    assert not Command.objects.filter(account=small.account).exclude(action="open").exists()
    small.report(first.id, "filled", ticket=900, lots="0.4")
    small.report(second.id, "filled", ticket=901, lots="0.2")
    taken = Command.objects.filter(account=small.account).exclude(action="open").order_by("leg")
    assert [(row.action, row.leg, row.lots_after) for row in taken] == [
        ("partial_close", 1, Decimal("0.2")),
        ("close", 2, Decimal(0)),
    ]


def test_what_leaves_when_all_legs_are_there_is_not_forgotten_for_a_stop_that_moves_meanwhile(
    master: Desk, small: Desk
) -> None:
    master.buy(1, lots="0.8")
    first, second = opens(small)
    small.report(first.id, "filled", ticket=900, lots="0.4")
    part(master, "0.4", "0.4")
    small.report(second.id, "partially_filled", ticket=901, lots="0.2")
    master.intend("modify", 1, ticket=2, sl="1.05")
    moves = Command.objects.filter(account=small.account, action="modify").order_by("leg")
    for ticket, sent in enumerate(moves, 900):
        small.report(sent.id, "modified", ticket=ticket, sl="1.05", tp="0")
    assert not Command.objects.filter(account=small.account, action__in=["close", "partial_close"]).exists()
    small.report(second.id, "filled", ticket=901, lots="0.3", sl="1.05", tp="0")
    taken = Command.objects.filter(account=small.account, action__in=["close", "partial_close"])
    assert [(row.action, row.leg, row.lots_after) for row in taken] == [("close", 2, Decimal(0))]
    # An order that fills on says nothing of the stop that was set since its first fill.
    assert moves.count() == 2
    assert [copy.sl_at_broker for copy in Copy.objects.all()] == [Decimal("1.05")] * 2
