"""The other way round: sides, stops, kinds of orders."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.domain.copies.positions import PositionState
from orders.domain.decision.inputs import Draft, Rules, turned
from orders.domain.decision.pipeline import decide
from orders.domain.states.copies import CopyState
from orders.domain.wire.intents import Action, OrderType, Side
from sessions_app.domain.decimals import Price
from tests.unit.builders import case, intent, leg, position, rules

REVERSE: Rules = rules(reverse=True)
LEVELS = st.one_of(st.none(), st.decimals(min_value=0, max_value=2, places=5))


@given(st.sampled_from(Side), st.sampled_from(OrderType), LEVELS, LEVELS)
def test_reversing_twice_is_the_same_again(
    side: Side, order_type: OrderType, sl: Decimal | None, tp: Decimal | None
) -> None:
    draft = Draft(side=side, order_type=order_type, sl=sl, tp=tp)
    once = turned(draft)
    assert turned(once) == draft
    assert once.side is not side
    assert (once.sl, once.tp) == (tp, sl)


def test_a_reversed_open_sells_with_the_stops_as_price_levels() -> None:
    asked = case(intent(sl=Price("1.09"), tp=Price("1.12")), rules=REVERSE)
    (order,) = decide(asked).orders
    assert (order.side, order.sl, order.tp, order.reverse) == (Side.SELL, Decimal("1.12"), Decimal("1.09"), True)
    assert (order.lots, order.price) == (Decimal("0.10"), Decimal("1.1"))


@pytest.mark.parametrize(("told", "ours"), [(OrderType.LIMIT, OrderType.STOP), (OrderType.STOP, OrderType.LIMIT)])
def test_a_reversed_pending_order_keeps_its_price_and_changes_its_kind(told: OrderType, ours: OrderType) -> None:
    (order,) = decide(case(intent(Action.PLACE, order_type=told, side=Side.SELL), rules=REVERSE)).orders
    assert (order.action, order.order_type, order.side, order.price) == (Action.PLACE, ours, Side.BUY, Decimal("1.1"))


def test_changes_of_stops_reach_a_reversed_copy_the_right_way_round() -> None:
    asked = case(intent(Action.MODIFY, sl=Price("1.09")), legs=[leg(side=Side.SELL, reverse=True)], rules=REVERSE)
    (order,) = decide(replace(asked, position=position(tp=Decimal("1.12")))).orders
    assert (order.sl, order.tp, order.side) == (Decimal("1.12"), Decimal("1.09"), Side.SELL)


def test_how_a_copy_was_made_counts_and_not_what_the_setting_says_now() -> None:
    legs = [leg(side=Side.SELL, reverse=True), leg(number=2)]
    asked = case(intent(Action.MODIFY, sl=Price("1.09"), tp=Price("1.12")), legs=legs)
    for setting in (rules(), REVERSE):
        first, second = decide(replace(asked, rules=setting)).orders
        assert (first.sl, first.tp) == (second.tp, second.sl) == (Decimal("1.12"), Decimal("1.09"))


def test_stops_that_change_with_a_fill_reach_a_reversed_copy_the_right_way_round() -> None:
    pending = leg(side=Side.SELL, reverse=True, state=CopyState.WORKING, order_type=OrderType.STOP)
    asked = case(intent(Action.ACTIVATE, sl=Price("1.09")), legs=[pending], rules=REVERSE)
    verdict = decide(replace(asked, position=position(state=PositionState.WORKING, tp=Decimal("1.12"))))
    assert [(order.sl, order.tp) for order in verdict.orders] == [(Decimal("1.12"), Decimal("1.09"))]
    assert verdict.waiting == (1,)


def test_a_price_moved_by_the_master_moves_a_reversed_pending_order_to_the_same_price() -> None:
    pending = leg(side=Side.SELL, reverse=True, state=CopyState.WORKING, order_type=OrderType.STOP)
    asked = case(intent(Action.MODIFY, price=Price("1.05")), legs=[pending], rules=REVERSE)
    (order,) = decide(replace(asked, position=position(state=PositionState.WORKING))).orders
    assert (order.price, order.order_type) == (Decimal("1.05"), OrderType.STOP)


def test_closes_need_no_turning() -> None:
    reversed_leg = leg("0.20", side=Side.SELL, reverse=True)
    (order,) = decide(case(intent(Action.PARTIAL_CLOSE), legs=[reversed_leg], rules=REVERSE)).orders
    assert (order.lots, order.lots_after, order.side) == (Decimal("0.10"), Decimal("0.10"), Side.SELL)
