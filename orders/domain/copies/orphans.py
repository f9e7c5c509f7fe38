"""Copies that no event will bring to where they shall be.

A close was rejected; an open was given up and filled all the same; a subscription was switched off while a pending
order worked. The copy is at the broker and its master's position is not, or there is less of it than of the copy: a
partial close came to nothing, or came before the fill. Nobody will report this again, so the sweep looks for it and
orders what is missing.
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
    """The close or cancel of a copy that shall not exist any more; None for one that shall.

    A copy ends with its master's position, and with its subscription. A working order ends with a pause too, because it
    adds exposure when it fills.
    """
    gone = subscription is SubscriptionState.OFF or (position is not None and position.state is PositionState.CLOSED)
    # What is open is closed by its own lots: what was decided may be more or less than has filled.
    if copy.state is CopyState.OPEN and gone:
        return closing(replace(copy, lots=lots_open))
    if copy.state is CopyState.WORKING and (gone or subscription is not SubscriptionState.ACTIVE):
        return cancelling(copy, keep_filled=False)
    return None


def behind(copy: Leg, lots_open: Decimal) -> Order | None:
    """The close of what a copy has open beyond the lots that it is to have; None if there is none of it."""
    # A terminal counts lots in binary floats: 0.1 + 0.2 leaves a crumb that no broker can close.
    if copy.state is not CopyState.OPEN or lots_open - copy.lots < CRUMB:
        return None
    return leading_back(copy, lots_open)


def pause(tries: int) -> timedelta | None:
    """How long to wait after so many tries that changed nothing; None: for ever.

    Seconds at first, then an hour each time: over a weekend on which the market is closed.
    """
    # After three days of hourly tries a person has been called many times; more tries tell nobody anything new.
    if tries >= MAX_TRIES:
        return None
    # The exponent has a bound because a timedelta has one, and the number of tries has none worth the name.
    return min(_FIRST_PAUSE * 4 ** min(tries - 1, 8), _LONGEST_PAUSE) if tries else timedelta(0)
