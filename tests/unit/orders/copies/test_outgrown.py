"""Whether a master tells of more than his position's copies were made from: his account nets, whatever it says."""

from dataclasses import replace
from decimal import Decimal

import pytest

from orders.domain.copies.desired import closing
from orders.domain.copies.legs import Leg, outgrown
from orders.domain.states.copies import CopyState
from orders.domain.wire.intents import Side
from tests.unit.builders import leg

BUY: Leg = replace(leg("0.10"), side=Side.BUY, master_lots=Decimal("0.50"), filled=True)
REVERSED: Leg = replace(BUY, side=Side.SELL, reverse=True)
INSTEAD: Leg = replace(BUY, leg=2, master_lots=Decimal(0))
OLD: Leg = replace(BUY, master_lots=None)
REFUSED: Leg = replace(BUY, leg=3, state=CopyState.FAILED, filled=False, master_lots=Decimal(9))
ENDED: Leg = replace(BUY, leg=3, state=CopyState.CLOSED, lots=Decimal(0))


@pytest.mark.parametrize(
    ("legs", "side", "lots", "has_outgrown"),
    [
        ([BUY], Side.BUY, "0.50", False),
        ([BUY], Side.BUY, "0.51", True),
        ([BUY], Side.SELL, "0.50", True),  # the other side
        ([BUY], Side.SELL, None, True),
        ([BUY], None, None, False),  # nothing is told
        ([BUY], None, "0.51", True),
        ([REVERSED], Side.BUY, "0.50", False),
        ([REVERSED], Side.SELL, "0.50", True),
        ([REVERSED], None, None, False),
        ([OLD], Side.BUY, "99", False),  # nobody knows what the master had
        # What stands in for another order is measured by what the others name; what was refused names nothing.
        ([BUY, INSTEAD], Side.BUY, "0.50", False),
        ([INSTEAD], Side.BUY, "99", False),
        ([replace(BUY, state=CopyState.CLOSED, lots=Decimal(0)), INSTEAD], Side.BUY, "0.51", True),
        ([INSTEAD, REFUSED, replace(BUY, leg=4)], Side.BUY, "0.60", True),
        ([replace(INSTEAD, leg=1), REFUSED, replace(BUY, state=CopyState.CLOSED, lots=Decimal(0))], None, "0.60", True),
        # Each leg by its own: one was copied when the master had less.
        ([replace(BUY, master_lots=Decimal("0.20")), replace(BUY, leg=2)], Side.BUY, "0.30", True),
        ([ENDED], Side.SELL, "99", False),  # what has ended follows nobody
        ([], Side.BUY, "1", False),
    ],
)
def test_more_lots_or_the_other_side_of_a_position_outgrow_its_copies(
    legs: list[Leg], side: Side | None, lots: str | None, has_outgrown: bool
) -> None:
    assert outgrown(legs, side, None if lots is None else Decimal(lots)) is has_outgrown


def test_an_order_that_closes_says_nothing_of_a_direction() -> None:
    assert closing(REVERSED).reverse is False
