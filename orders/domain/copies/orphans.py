"""Copies that are not where they are to be, with nothing on its way there: nothing that comes will do it, but we do.

A close that the broker rejected, an open that was given up and filled all the same, a pending order of a subscription
that is switched off: whatever led to it, the copy stands and its master's position does not. Or less of it does: a
partial close came to nothing, or was decided before there was anything to close.
"""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Final

from orders.domain.copies.desired import cancelling, closing, leading_back
from orders.domain.copies.legs import Leg, Order
from orders.domain.copies.positions import Position, PositionState
from orders.domain.states.copies import CopyState
from orders.domain.states.subscriptions import SubscriptionState

CALL_AFTER: Final = 5
CRUMB: Final = Decimal("0.00001")
"""Less than any broker's lot step: what a terminal's floating point leaves over is no position."""
MAX_TRIES: Final = 80
_FIRST_PAUSE: Final = timedelta(seconds=5)
_LONGEST_PAUSE: Final = timedelta(hours=1)


def ending(copy: Leg, lots_open: Decimal, position: Position | None, subscription: SubscriptionState) -> Order | None:
    """The close or cancel of a copy that is not wanted any more; None for one that is.

    It is not wanted when its master's position is closed or nothing flows to it; a working order is not either while
    its subscription is paused, for it adds exposure when it fills.
    """
    gone = subscription is SubscriptionState.OFF or (position is not None and position.state is PositionState.CLOSED)
    if copy.state is CopyState.OPEN and gone:
        return closing(replace(copy, lots=lots_open))
    if copy.state is CopyState.WORKING and (gone or subscription is not SubscriptionState.ACTIVE):
        return cancelling(copy, keep_filled=False)
    return None


def behind(copy: Leg, lots_open: Decimal) -> Order | None:
    """The close of what a copy has open beyond the lots that it is to have; None if there is none of it."""
    if copy.state is not CopyState.OPEN or lots_open - copy.lots < CRUMB:
        return None
    return leading_back(copy, lots_open)


def pause(tries: int) -> timedelta | None:
    """How long to wait after so many tries that changed nothing; None: for ever.

    Seconds at first, then an hour each time: over a weekend on which the market is closed.
    """
    if tries >= MAX_TRIES:
        return None
    return min(_FIRST_PAUSE * 4 ** min(tries - 1, 8), _LONGEST_PAUSE) if tries else timedelta(0)
