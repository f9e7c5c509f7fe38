"""States of a difference between books, and what a person may decide about it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from orders.domain.wire.snapshots import DifferenceKind


class DifferenceState(StrEnum):
    """`held`: closes that only a missing position tells of, waiting for a person. `adopted`: our rows follow the book.

    `accepted` and `refused` are a person's words: it may stay as it is; it is not true that the copy is gone. Of a
    missing copy a person says that it is gone (`adopted`) or not (`refused`), nothing else.
    """

    OPEN = "open"
    HELD = "held"
    REPAIRING = "repairing"
    REPAIRED = "repaired"
    ADOPTED = "adopted"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    GONE = "gone"


MOVES: Final[Mapping[DifferenceState, frozenset[DifferenceState]]] = {
    DifferenceState.OPEN: frozenset(
        {
            DifferenceState.REPAIRING,
            DifferenceState.ADOPTED,
            DifferenceState.ACCEPTED,
            DifferenceState.REFUSED,
            DifferenceState.GONE,
        }
    ),
    # Never to a repair: nothing is ordered about what waits for a person.
    DifferenceState.HELD: frozenset({DifferenceState.ADOPTED, DifferenceState.REFUSED, DifferenceState.GONE}),
    # Back to open: the repair came to nothing, and the difference stands.
    DifferenceState.REPAIRING: frozenset({DifferenceState.REPAIRED, DifferenceState.ADOPTED, DifferenceState.OPEN}),
    DifferenceState.REPAIRED: frozenset(),
    DifferenceState.ADOPTED: frozenset(),
    DifferenceState.ACCEPTED: frozenset({DifferenceState.ADOPTED, DifferenceState.GONE}),
    DifferenceState.REFUSED: frozenset({DifferenceState.ADOPTED, DifferenceState.GONE}),
    DifferenceState.GONE: frozenset(),
}
WAITING: Final = frozenset({DifferenceState.OPEN, DifferenceState.HELD, DifferenceState.REPAIRING})
STANDING: Final = WAITING | {DifferenceState.ACCEPTED, DifferenceState.REFUSED}
"""States in which the disagreement is still there."""


def may_decide(kind: DifferenceKind, before: DifferenceState, after: DifferenceState) -> bool:
    """Whether a person may say so: of a missing copy that it is gone or not, of another difference that it may stay."""
    of_missing = after in (DifferenceState.ADOPTED, DifferenceState.REFUSED)
    return after in MOVES[before] and (kind is DifferenceKind.MISSING) == of_missing
