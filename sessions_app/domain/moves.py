"""Whether something may go from one state to another: asked of the literal tables, never written twice."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

S = TypeVar("S", bound=StrEnum)


class ForbiddenMove(ValueError):
    """The table has no such move."""

    def __init__(self, what: str, before: StrEnum, after: StrEnum) -> None:
        super().__init__(f"{what}: {before.value} does not become {after.value}")
        self.before, self.after = before, after


def check_move(what: str, moves: Mapping[S, frozenset[S]], before: S, after: S) -> S:
    """`after`, if the table lets `before` become it; staying is no move, and always allowed.

    :raises ForbiddenMove: it does not
    """
    # A repeated report leaves a row where it is, and must not fail its batch.
    if before is not after and after not in moves[before]:
        raise ForbiddenMove(what, before, after)
    return after
