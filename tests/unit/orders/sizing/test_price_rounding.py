"""Price levels on the grid of another broker."""

from decimal import Decimal

import pytest

from orders.domain.sizing.rounding import round_price
from tests.unit.builders import spec


@pytest.mark.parametrize(
    ("price", "tick", "rounded"),
    [
        ("1.123456", None, "1.12346"),
        ("1.123455", None, "1.12346"),
        ("1.123454", None, "1.12345"),
        ("1.123445", None, "1.12345"),
        ("4210.13", "0.25", "4210.25"),
        ("4210.12", "0.25", "4210.00"),
        ("0", "0.25", "0"),
        ("1.1", "0", "1.10000"),
    ],
)
def test_a_price_lies_on_the_followers_grid(price: str, tick: str | None, rounded: str) -> None:
    grid = spec(tick_size=None if tick is None else Decimal(tick))
    assert round_price(Decimal(price), spec=grid) == Decimal(rounded)


def test_a_price_that_is_not_there_stays_away() -> None:
    assert round_price(None, spec=spec()) is None


@pytest.mark.parametrize("price", ["0.000001", "0.000009", "0.00001"])
def test_a_level_that_is_set_is_at_least_one_step(price: str) -> None:
    assert round_price(Decimal(price), spec=spec()) == Decimal("0.00001")


def test_a_level_that_would_outgrow_a_price_stays_as_it_is() -> None:
    """A price has ten digits before the point."""
    whole = spec(digits=0)
    assert round_price(Decimal("9999999998.7"), spec=whole) == Decimal(9_999_999_999)
    assert round_price(Decimal("9999999999.7"), spec=whole) == Decimal("9999999999.7")
