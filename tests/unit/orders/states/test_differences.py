"""What a person may decide about a difference."""

import pytest

from orders.domain.states.differences import MOVES, STANDING, DifferenceState, may_decide
from orders.domain.wire.snapshots import DifferenceKind

GONE_OR_NOT = {DifferenceState.ADOPTED, DifferenceState.REFUSED}


@pytest.mark.parametrize("after", DifferenceState)
@pytest.mark.parametrize("before", DifferenceState)
@pytest.mark.parametrize("kind", DifferenceKind)
def test_a_missing_copy_is_gone_or_not_and_every_other_difference_may_only_stay(
    kind: DifferenceKind, before: DifferenceState, after: DifferenceState
) -> None:
    sayable = after in GONE_OR_NOT if kind is DifferenceKind.MISSING else after not in GONE_OR_NOT
    assert may_decide(kind, before, after) is (sayable and after in MOVES[before])


def test_a_missing_copy_that_waits_may_be_said_to_be_gone_or_not() -> None:
    assert may_decide(DifferenceKind.MISSING, DifferenceState.HELD, DifferenceState.ADOPTED)
    assert may_decide(DifferenceKind.MISSING, DifferenceState.HELD, DifferenceState.REFUSED)
    assert may_decide(DifferenceKind.EXTRA, DifferenceState.OPEN, DifferenceState.ACCEPTED)


def test_a_disagreement_stands_until_it_is_repaired_followed_or_gone() -> None:
    ended = {DifferenceState.REPAIRED, DifferenceState.ADOPTED, DifferenceState.GONE}
    assert set(DifferenceState) - ended == STANDING
