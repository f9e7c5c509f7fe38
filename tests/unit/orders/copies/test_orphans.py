"""Copies that outlive what they were copied from: the pure rules."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from orders.domain.copies.legs import Leg
from orders.domain.copies.orphans import MAX_TRIES, behind, ending, pause
from orders.domain.copies.positions import Position, PositionState
from orders.domain.states.copies import CopyState
from orders.domain.states.subscriptions import SubscriptionState
from orders.domain.wire.intents import Action, OrderType
from tests.unit.builders import leg, position

OPEN = leg()
WORKING = replace(OPEN, state=CopyState.WORKING, order_type=OrderType.LIMIT)
CLOSED = position(state=PositionState.CLOSED)
ACTIVE, PAUSED, OFF = SubscriptionState.ACTIVE, SubscriptionState.CLOSE_ONLY, SubscriptionState.OFF


@pytest.mark.parametrize(
    ("copy", "master", "subscription", "action"),
    [
        (OPEN, position(), ACTIVE, None),
        (OPEN, None, ACTIVE, None),
        (OPEN, CLOSED, ACTIVE, Action.CLOSE),
        (OPEN, position(), PAUSED, None),
        (OPEN, CLOSED, PAUSED, Action.CLOSE),
        (OPEN, position(), OFF, Action.CLOSE),
        (WORKING, position(), ACTIVE, None),
        (WORKING, CLOSED, ACTIVE, Action.CANCEL),
        (WORKING, position(), PAUSED, Action.CANCEL),
        (WORKING, position(), OFF, Action.CANCEL),
        (replace(OPEN, state=CopyState.ORDERED), CLOSED, OFF, None),
        (replace(OPEN, state=CopyState.CLOSED), CLOSED, OFF, None),
        (replace(OPEN, state=CopyState.FAILED), CLOSED, OFF, None),
    ],
)
def test_only_a_copy_that_stands_alone_is_ended(
    copy: Leg, master: Position | None, subscription: SubscriptionState, action: Action | None
) -> None:
    order = ending(copy, Decimal("0.06"), master, subscription)
    assert (order and order.action) == action
    assert order is None or order.lots_after == 0


def test_all_that_the_broker_has_is_closed() -> None:
    order = ending(replace(OPEN, lots=Decimal(0)), Decimal("0.06"), CLOSED, ACTIVE)
    assert order is not None
    assert (order.lots, order.lots_before) == (Decimal("0.06"), Decimal("0.06"))


def test_the_pauses_grow_to_an_hour_and_end_after_a_weekend() -> None:
    pauses = [pause(tries) for tries in range(MAX_TRIES + 1)]
    assert pauses[:4] == [timedelta(0), timedelta(seconds=5), timedelta(seconds=20), timedelta(seconds=80)]
    known = [item for item in pauses if item is not None]
    assert (known, max(known), pauses[MAX_TRIES]) == (sorted(known), timedelta(hours=1), None)
    assert sum(known, timedelta()) > timedelta(days=2, hours=12)


@pytest.mark.parametrize(
    ("copy", "has", "expected"),
    [
        (OPEN, "0.25", (Action.PARTIAL_CLOSE, "0.25", "0.10")),
        (replace(OPEN, lots=Decimal(0)), "0.25", (Action.CLOSE, "0.25", "0")),
        (OPEN, "0.10", None),
        (OPEN, "0.04", None),
        (OPEN, "0.10000999", None),
        (OPEN, "0.10001", (Action.PARTIAL_CLOSE, "0.10001", "0.10")),
        (replace(OPEN, state=CopyState.WORKING), "0.25", None),
        (replace(OPEN, state=CopyState.CLOSED), "0.25", None),
    ],
)
def test_what_a_copy_has_beyond_what_it_is_to_have_is_closed(
    copy: Leg, has: str, expected: tuple[Action, str, str] | None
) -> None:
    order = behind(copy, Decimal(has))
    if expected is None:
        assert order is None
    else:
        action, before, after = expected
        assert order is not None
        assert (order.action, order.lots_before, order.lots_after) == (action, Decimal(before), Decimal(after))
