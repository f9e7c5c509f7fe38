"""What a copy that came to life late has missed: the pure rules."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from orders.domain.copies.positions import Position, PositionState
from orders.domain.copies.revivals import Revived, catch_up
from orders.domain.states.copies import CopyState
from orders.domain.states.subscriptions import SubscriptionState
from orders.domain.wire.intents import Action, OrderType
from tests.unit.builders import leg, position, spec

ONE = Decimal(1)
LATE = Revived(leg("1"), ONE, SubscriptionState.ACTIVE, (None, Decimal("1.05"), Decimal("1.2")), None, ONE, spec())
AS_ORDERED = position(lots=ONE, sl=Decimal("1.05"), tp=Decimal("1.2"))


def caught_up(now: Position | None, **changes: Any) -> list[tuple[Action, Decimal, Decimal | None, Decimal | None]]:
    """(action, lots after, stop loss, take profit) of what is ordered."""
    orders = catch_up(replace(LATE, position=now, **changes))
    return [(order.action, order.lots_after, order.sl, order.tp) for order in orders]


@pytest.mark.parametrize("now", [None, AS_ORDERED, replace(AS_ORDERED, lots=None)])
def test_nothing_is_ordered_for_what_is_unchanged_or_unknown(now: Position | None) -> None:
    assert caught_up(now) == []


def test_what_is_not_wanted_any_more_is_only_closed() -> None:
    closed = replace(AS_ORDERED, state=PositionState.CLOSED, lots=Decimal(0), sl=ONE)
    assert [action for action, *_ in caught_up(closed)] == [Action.CLOSE]
    assert [action for action, *_ in caught_up(AS_ORDERED, subscription=SubscriptionState.OFF)] == [Action.CLOSE]


def test_nothing_is_ordered_for_what_its_commands_close() -> None:
    assert caught_up(replace(AS_ORDERED, lots=Decimal("0.5"), sl=Decimal("1.06")), leg=leg("0")) == []


def test_the_same_part_is_closed_as_of_the_masters_lots_and_never_all() -> None:
    assert caught_up(replace(AS_ORDERED, lots=Decimal("0.4"))) == [(Action.PARTIAL_CLOSE, Decimal("0.4"), None, None)]
    tiny = caught_up(replace(AS_ORDERED, lots=Decimal("0.4")), leg=leg("0.01"))
    assert tiny == []


def test_stops_are_set_behind_the_partial_close_and_the_right_way_round() -> None:
    moved = replace(AS_ORDERED, lots=Decimal("0.5"), sl=Decimal("1.06"))
    assert caught_up(moved)[1] == (Action.MODIFY, Decimal("0.5"), Decimal("1.06"), Decimal("1.2"))
    reverse = caught_up(moved, leg=replace(leg("1"), reverse=True))
    assert reverse[1] == (Action.MODIFY, Decimal("0.5"), Decimal("1.2"), Decimal("1.06"))


def test_a_working_order_gets_its_price_and_keeps_its_lots() -> None:
    working = replace(leg("1"), state=CopyState.WORKING, order_type=OrderType.LIMIT)
    waiting = replace(AS_ORDERED, state=PositionState.WORKING, lots=Decimal("0.5"), price=Decimal("1.09"))
    (order,) = catch_up(replace(LATE, leg=working, position=waiting))
    assert (order.action, order.price, order.lots_after) == (Action.MODIFY, Decimal("1.09"), ONE)
    levels = (Decimal("1.09"), waiting.sl, waiting.tp)
    assert catch_up(replace(LATE, leg=working, position=waiting, levels=levels)) == []


def test_the_part_is_the_masters_share_whatever_its_lots_were() -> None:
    quarter = caught_up(replace(AS_ORDERED, lots=Decimal("0.5")), master_lots=Decimal(2))
    assert quarter == [(Action.PARTIAL_CLOSE, Decimal("0.25"), None, None)]


@pytest.mark.parametrize("master_lots", [None, Decimal(0)])
def test_no_part_is_closed_where_nobody_knows_what_the_master_had(master_lots: Decimal | None) -> None:
    assert caught_up(replace(AS_ORDERED, lots=Decimal("0.5")), master_lots=master_lots) == []


def test_the_price_that_an_open_copy_was_ordered_at_is_no_reason_to_modify_it() -> None:
    assert caught_up(AS_ORDERED, levels=(Decimal("1.3"), AS_ORDERED.sl, AS_ORDERED.tp)) == []


def test_stops_that_were_not_ordered_are_as_the_masters_that_are_not_set() -> None:
    bare = replace(AS_ORDERED, sl=Decimal(0), tp=Decimal(0))
    assert caught_up(bare, levels=(None, None, None)) == []
    assert caught_up(replace(bare, tp=ONE), levels=(None, None, None)) == [(Action.MODIFY, ONE, Decimal(0), ONE)]
