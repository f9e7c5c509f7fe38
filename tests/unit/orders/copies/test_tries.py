"""What was ordered of a copy, and what became of it."""

from decimal import Decimal

import pytest

from orders.domain.copies.tries import Levels, Tried
from orders.domain.states.commands import CommandState
from orders.domain.wire.intents import Action
from tests.unit.builders import NOW

PLAIN = Levels()
STOP = Levels(sl=Decimal("1.09"))
TARGET = Levels(tp=Decimal("1.2"))
UNTIL = Levels(expiry="2026-12-01T00:00:00Z")


@pytest.mark.parametrize(
    ("error_code", "levels", "named_too_much"),
    [
        (130, STOP, True),
        (130, TARGET, True),
        (130, PLAIN, False),  # it named no stops: the price itself is too close
        (130, UNTIL, False),
        (147, UNTIL, True),
        (147, STOP, False),
        (146, STOP, False),  # a busy broker says nothing of what it was asked
        (146, UNTIL, False),
        (None, STOP, False),
    ],
)
def test_an_order_named_too_much_if_it_was_refused_for_what_can_be_left_out(
    error_code: int | None, levels: Levels, named_too_much: bool
) -> None:
    def tried(state: CommandState) -> Tried:
        return Tried(action=Action.OPEN, state=state, at=NOW, levels=levels, error_code=error_code)

    assert tried(CommandState.REJECTED).named_too_much is named_too_much
    assert tried(CommandState.DONE).named_too_much is False
