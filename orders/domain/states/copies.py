"""States of a copy: the follower's position or working order that came of one copied leg."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class CopyState(StrEnum):
    """`held` and `ordered`: decided, no outcome yet. `failed`: it never came to life."""

    HELD = "held"
    ORDERED = "ordered"
    WORKING = "working"
    OPEN = "open"
    CLOSED = "closed"
    FAILED = "failed"


MOVES: Final[Mapping[CopyState, frozenset[CopyState]]] = {
    CopyState.HELD: frozenset({CopyState.ORDERED, CopyState.FAILED}),
    CopyState.ORDERED: frozenset({CopyState.WORKING, CopyState.OPEN, CopyState.CLOSED, CopyState.FAILED}),
    CopyState.WORKING: frozenset({CopyState.OPEN, CopyState.CLOSED, CopyState.FAILED}),
    CopyState.OPEN: frozenset({CopyState.CLOSED}),
    CopyState.FAILED: frozenset({CopyState.WORKING, CopyState.OPEN, CopyState.CLOSED}),  # a late fact wins
    # A fill that was told late, or a position that one book did not show and the next one does.
    CopyState.CLOSED: frozenset({CopyState.WORKING, CopyState.OPEN}),
}
ALIVE: Final = frozenset({CopyState.HELD, CopyState.ORDERED, CopyState.WORKING, CopyState.OPEN})
