"""States of the wait for a pending order that has filled on the master's side only."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class WaitState(StrEnum):
    """`filled`: the copy filled by itself; `reopened`: cancelled, or dropped by its broker, and opened at market;
    `denied`: cancelled or dropped only, or not cancellable; `ended`: the copy or the master's position is gone.
    """

    WAITING = "waiting"
    CANCELLING = "cancelling"
    FILLED = "filled"
    REOPENED = "reopened"
    DENIED = "denied"
    ENDED = "ended"


MOVES: Final[Mapping[WaitState, frozenset[WaitState]]] = {
    # Without a cancel, where its broker has dropped the order.
    WaitState.WAITING: frozenset(
        {WaitState.CANCELLING, WaitState.FILLED, WaitState.REOPENED, WaitState.DENIED, WaitState.ENDED}
    ),
    # Back to waiting: a broker that refuses to cancel may be about to fill the order.
    WaitState.CANCELLING: frozenset(
        {WaitState.WAITING, WaitState.FILLED, WaitState.REOPENED, WaitState.DENIED, WaitState.ENDED}
    ),
    WaitState.FILLED: frozenset(),
    WaitState.REOPENED: frozenset(),
    WaitState.DENIED: frozenset(),
    WaitState.ENDED: frozenset(),
}
OPEN: Final = frozenset({WaitState.WAITING, WaitState.CANCELLING})
CANCELLED: Final = frozenset({WaitState.REOPENED, WaitState.DENIED})
