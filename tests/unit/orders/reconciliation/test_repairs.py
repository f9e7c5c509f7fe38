"""What may be done about a difference, and what is ordered."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from orders.domain.copies.repair_policies import Policy
from orders.domain.copies.report_effects import CopyFacts
from orders.domain.reconciliation.books import Held
from orders.domain.reconciliation.comparison import Copied, Found
from orders.domain.reconciliation.differences import Repair, Undecided, next_try, repair
from orders.domain.states.copies import CopyState
from orders.domain.wire.intents import Action, Side
from orders.domain.wire.snapshots import DifferenceKind, DifferenceSeverity, Quote
from sessions_app.domain.decimals import Price
from tests.unit.orders.reconciliation.books import NOON, TENTH, copied, position

AT = position(price=Decimal("1.00"), lots=Decimal("0.3"))


def quote(bid: str, ask: str) -> Quote:
    return Quote(symbol="EURUSD", bid=Price(bid), ask=Price(ask))


NEAR = quote("1.00", "1.00")


def ordered(
    kind: DifferenceKind,
    item: Held | None = AT,
    row: Copied | None = None,
    *,
    policy: Policy = Policy.REPAIR,
    market: Quote | None = NEAR,
    known: bool = True,
    beside: bool = False,
    tickets: bool = False,
) -> Repair | str:
    """The repair, or why there is none, with a gate of one per cent."""
    found = Found(kind, DifferenceSeverity.MAJOR, "EURUSD", "", "", item=item, beside=beside)
    made = repair(
        found, row or copied() if known else None, policy, quote=market, gate_percent=Decimal(1), tickets=tickets
    )
    return made.reason if isinstance(made, Undecided) else made


# Positions ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [DifferenceKind.EXTRA, DifferenceKind.WRONG_LOTS, DifferenceKind.STOPS_DRIFT])
def test_nothing_is_ordered_by_who_only_tells_or_where_there_is_nothing_to_act_on(kind: DifferenceKind) -> None:
    assert ordered(kind, policy=Policy.NOTIFY) == "notify"
    assert ordered(kind, None) == "notify"
    assert ordered(kind, known=False) == "notify"


def test_an_extra_position_is_closed_whole() -> None:
    closed = Repair(Action.CLOSE, Decimal("0.3"), Decimal("0.3"), Decimal(0))
    assert ordered(DifferenceKind.EXTRA) == closed
    assert ordered(DifferenceKind.EXTRA, policy=Policy.FLATTEN) == closed
    assert ordered(DifferenceKind.WRONG_SIDE, policy=Policy.FLATTEN) == closed


def test_a_second_position_is_closed_by_its_ticket_where_the_ea_can_tell_two_apart() -> None:
    twin = replace(AT, ticket=950, side=Side.SELL)
    closed = Repair(Action.CLOSE, Decimal("0.3"), Decimal("0.3"), Decimal(0), ticket=950, side=Side.SELL)
    for policy in (Policy.REPAIR, Policy.FLATTEN):
        assert ordered(DifferenceKind.EXTRA, twin, policy=policy, beside=True, tickets=True) == closed
        assert ordered(DifferenceKind.EXTRA, twin, policy=policy, beside=True) == "no_tickets"
    placed = replace(twin, working=True)
    assert ordered(DifferenceKind.EXTRA, placed, beside=True, tickets=True) == replace(closed, action=Action.CANCEL)
    # The policy and the price gate hold for it as for any other one.
    assert ordered(DifferenceKind.EXTRA, twin, policy=Policy.NOTIFY, beside=True, tickets=True) == "notify"
    far = quote("1.20", "1.20")
    assert ordered(DifferenceKind.EXTRA, twin, market=far, beside=True, tickets=True) == "price_gate"
    # Alone with its number it is closed by that, whatever the EA can do.
    assert ordered(DifferenceKind.EXTRA, tickets=True) == replace(closed, ticket=None, side=None)


def test_a_refused_close_by_ticket_is_tried_again_as_other_closes_are() -> None:
    assert next_try([]) is None
    assert next_try([(136, NOON)]) == NOON + timedelta(seconds=1)
    assert next_try([(136, NOON), (137, later := NOON + timedelta(hours=1))]) == later + timedelta(seconds=2)
    assert next_try([(132, NOON)]) == NOON + timedelta(seconds=15)
    assert next_try([(132, NOON), (132, later)]) == later + timedelta(minutes=1)
    assert next_try([(None, NOON)]) == NOON + timedelta(minutes=1)


def test_lots_beyond_what_was_ordered_are_closed_and_flattened_ones_are_all_closed() -> None:
    part = Repair(Action.PARTIAL_CLOSE, Decimal("0.2"), Decimal("0.3"), TENTH)
    assert ordered(DifferenceKind.WRONG_LOTS) == part
    whole = Repair(Action.CLOSE, Decimal("0.3"), Decimal("0.3"), Decimal(0))
    assert ordered(DifferenceKind.WRONG_LOTS, policy=Policy.FLATTEN) == whole


@pytest.mark.parametrize("state", [CopyState.CLOSED, CopyState.FAILED])
def test_of_a_copy_that_has_ended_nothing_is_kept(state: CopyState) -> None:
    ended = copied(state, facts=CopyFacts(state, TENTH, TENTH))
    assert ordered(DifferenceKind.WRONG_LOTS, row=ended) == Repair(
        Action.CLOSE, Decimal("0.3"), Decimal("0.3"), Decimal(0)
    )


def test_a_working_order_is_cancelled() -> None:
    working = replace(AT, working=True)
    assert ordered(DifferenceKind.EXTRA, working) == Repair(Action.CANCEL, None, Decimal("0.3"), Decimal(0))


@pytest.mark.parametrize(
    ("side", "market", "waits"),
    [
        (Side.BUY, quote("1.01", "9"), False),
        (Side.BUY, quote("1.0101", "1.00"), True),
        (Side.BUY, quote("0.99", "9"), False),
        (Side.BUY, quote("0.9899", "1.00"), True),
        (Side.SELL, quote("9", "1.01"), False),
        (Side.SELL, quote("1.00", "1.0101"), True),
    ],
)
def test_a_repair_that_closes_waits_while_the_market_is_far_from_its_price(
    side: Side, market: Quote, waits: bool
) -> None:
    item = replace(AT, side=side)
    made = ordered(DifferenceKind.EXTRA, item, market=market)
    assert (made == "price_gate") is waits
    assert ordered(DifferenceKind.EXTRA, item, market=market, policy=Policy.FLATTEN) != "price_gate"


def test_the_gate_is_a_share_of_the_price() -> None:
    assert ordered(DifferenceKind.EXTRA, replace(AT, price=Decimal(200)), market=quote("202", "1")) != "price_gate"
    assert ordered(DifferenceKind.EXTRA, replace(AT, price=Decimal(200)), market=quote("202.1", "1")) == "price_gate"


@pytest.mark.parametrize("price", [None, Decimal(0)])
def test_without_a_price_or_a_quote_nobody_knows_how_far_it_is(price: Decimal | None) -> None:
    assert ordered(DifferenceKind.EXTRA, replace(AT, price=price)) == "no_quote"
    assert ordered(DifferenceKind.EXTRA, market=None) == "no_quote"


# Stops ----------------------------------------------------------------------------------------------------------------

MASTERS: dict[str, Any] = {"sl": Decimal("0.9"), "tp": Decimal("1.1")}


def test_stops_are_set_as_the_masters() -> None:
    asked = ordered(DifferenceKind.STOPS_DRIFT, row=copied(**MASTERS))
    assert asked == Repair(Action.MODIFY, None, Decimal("0.3"), Decimal("0.3"), Decimal("0.9"), Decimal("1.1"))


def test_a_stop_that_the_master_has_not_set_stays_as_it_is() -> None:
    own = replace(AT, sl=Decimal("0.8"), tp=Decimal("1.3"))
    for row, stops in (
        (copied(sl=Decimal("0.9")), (Decimal("0.9"), Decimal("1.3"))),
        (copied(tp=Decimal("1.1")), (Decimal("0.8"), Decimal("1.1"))),
    ):
        made = ordered(DifferenceKind.STOPS_DRIFT, own, row)
        assert isinstance(made, Repair)
        assert (made.sl, made.tp) == stops
    assert ordered(DifferenceKind.STOPS_DRIFT, own, copied()) == "own_stops"


def test_without_a_quote_stops_are_set_for_the_broker_tells_whether_they_may_stand() -> None:
    made = ordered(DifferenceKind.STOPS_DRIFT, row=copied(**MASTERS), market=None)
    assert isinstance(made, Repair)
    assert (made.sl, made.tp) == (Decimal("0.9"), Decimal("1.1"))


@pytest.mark.parametrize(
    ("side", "stops", "market", "waits"),
    [
        (Side.BUY, {"sl": "0.9"}, quote("0.9", "1"), True),
        (Side.BUY, {"sl": "0.9"}, quote("0.9001", "0.8"), False),
        (Side.BUY, {"tp": "1.1"}, quote("1.1", "1"), True),
        (Side.BUY, {"tp": "1.1"}, quote("1.0999", "1.2"), False),
        (Side.SELL, {"sl": "1.1"}, quote("1", "1.1"), True),
        (Side.SELL, {"sl": "1.1"}, quote("1.2", "1.0999"), False),
        (Side.SELL, {"tp": "0.9"}, quote("1", "0.9"), True),
        (Side.SELL, {"tp": "0.9"}, quote("0.8", "0.9001"), False),
    ],
)
def test_a_stop_that_the_market_has_passed_is_not_set(
    side: Side, stops: dict[str, str], market: Quote, waits: bool
) -> None:
    levels: dict[str, Any] = {name: Decimal(level) for name, level in stops.items()}
    row = copied(side=side, **levels)
    made = ordered(DifferenceKind.STOPS_DRIFT, replace(AT, side=side), row, market=market)
    assert (made == "price_gate") is waits
    assert waits or isinstance(made, Repair)


def test_a_working_order_gets_its_price_and_its_stops_wherever_the_market_is() -> None:
    working = replace(AT, working=True, **MASTERS)
    row = copied(price=Decimal("1.05"), **MASTERS)
    made = ordered(DifferenceKind.STOPS_DRIFT, working, row, market=quote("0.5", "0.5"))
    lots = Decimal("0.3")
    assert isinstance(made, Repair)
    assert made == Repair(Action.MODIFY, None, lots, lots, Decimal("0.9"), Decimal("1.1"), Decimal("1.05"), made.found)
    assert ordered(DifferenceKind.STOPS_DRIFT, replace(working, price=Decimal("1.05")), row) == "own_stops"
    assert ordered(DifferenceKind.STOPS_DRIFT, working, copied(**MASTERS)) == "own_stops"


def test_a_position_has_no_price_to_be_moved_to() -> None:
    made = ordered(DifferenceKind.STOPS_DRIFT, row=copied(price=Decimal("1.05"), **MASTERS))
    assert isinstance(made, Repair)
    assert made.price is None
    there = replace(AT, **MASTERS)
    assert ordered(DifferenceKind.STOPS_DRIFT, there, copied(price=Decimal("1.05"), **MASTERS)) == "own_stops"
