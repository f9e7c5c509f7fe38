"""The orders that lead one leg somewhere, and which legs are not there yet."""

from decimal import Decimal

import pytest

from orders.domain.copies.desired import largest_part, moving, not_filled
from orders.domain.copies.positions import PositionState
from orders.domain.states.copies import CopyState
from orders.domain.wire.intents import OrderType
from tests.unit.builders import leg, position, spec


@pytest.mark.parametrize("state", CopyState)
def test_only_a_pending_order_can_be_waiting_for_its_fill(state: CopyState) -> None:
    waits = state in (CopyState.HELD, CopyState.ORDERED, CopyState.WORKING)
    assert not_filled(OrderType.LIMIT, state) is waits
    assert not_filled(OrderType.STOP, state) is waits
    assert not_filled(OrderType.MARKET, state) is False


def test_a_market_order_gets_no_price_from_a_master_that_still_works() -> None:
    wanted = position(state=PositionState.WORKING, price=Decimal("1.05"))
    assert moving(leg(), wanted, spec()).price is None
    assert moving(leg(order_type=OrderType.LIMIT), wanted, spec()).price == Decimal("1.05")


def test_stops_are_sent_as_they_are_where_the_brokers_grid_is_not_known() -> None:
    assert moving(leg(), position(sl=Decimal("1.0912345")), None).sl == Decimal("1.0912345")


@pytest.mark.parametrize("state", CopyState)
def test_a_leg_lives_while_its_state_does_and_it_has_lots(state: CopyState) -> None:
    ended = state in (CopyState.CLOSED, CopyState.FAILED)
    assert leg("0.10", state=state).alive is not ended
    assert leg("0", state=state).alive is False


@pytest.mark.parametrize(
    ("lots", "exact", "least", "left"),
    [
        ("0.10", "0.10", "0.01", "0.01"),
        ("0.10", "0.07", "0.05", "0.05"),
        ("0.10", "0.04", "0.01", "0.06"),
        ("0.01", "0.01", "0.01", "0.01"),
        ("0.10", "0.009", "0.01", "0.10"),
    ],
)
def test_one_leg_is_reduced_and_never_ended(lots: str, exact: str, least: str, left: str) -> None:
    part = largest_part(leg(lots), Decimal(exact), spec(least=least), may_end=False)
    assert Decimal(lots) - max(part, Decimal(0)) == Decimal(left)


def test_a_leg_whose_broker_tells_no_steps_is_reduced_by_hundredths() -> None:
    assert largest_part(leg("0.10"), Decimal("0.0456"), None, may_end=False) == Decimal("0.04")
