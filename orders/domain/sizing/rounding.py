"""What one broker takes: a symbol's specification, and lots and prices rounded to its grid."""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import Final, Protocol

from orders.domain.states.denials import Code, Denied

MAX_LEGS: Final = 20
LOTS_BOUND: Final = Decimal(10) ** 7  # what a column holds: 15 digits, 8 of them behind the point
PRICE_BOUND: Final = Decimal(10) ** 10
# A ratio that ends in 0.29999999 means 0.30: cut down to the step it would lose a whole one.
LOT_TOLERANCE: Final = Decimal("1e-8")


class Grid(Protocol):
    """What lots and prices of a symbol are rounded to."""

    @property
    def lots_step(self) -> Decimal: ...
    @property
    def lots_min(self) -> Decimal: ...
    @property
    def digits(self) -> int: ...
    @property
    def tick_size(self) -> Decimal | None: ...


@dataclass(frozen=True, slots=True)
class KeptSpec:
    """A symbol's grid as it was when a copy was made."""

    lots_step: Decimal
    lots_min: Decimal
    digits: int
    tick_size: Decimal | None = None


@dataclass(frozen=True, slots=True)
class SymbolSpec:
    """One symbol at one broker. Tick value: account currency per lot and tick size."""

    name: str
    digits: int
    contract_size: Decimal
    lots_min: Decimal
    lots_step: Decimal
    lots_max: Decimal
    tick_size: Decimal | None = None
    tick_value: Decimal | None = None
    quote_currency: str | None = None
    calculation_mode: str | None = None


def notional(spec: SymbolSpec | None, lots: Decimal, price: Decimal | None) -> Decimal | None:
    """What these lots are worth in the account's currency; None where the symbol's terms do not tell."""
    if spec is None or not price or not spec.tick_size or not spec.tick_value:
        return None
    return lots * price / spec.tick_size * spec.tick_value


def round_lots(exact: Decimal, *, step: Decimal) -> Decimal:
    """`exact` down to a multiple of `step`, forgiving 1e-8 lots of arithmetic dust."""
    return ((exact + LOT_TOLERANCE) / step).to_integral_value(rounding=ROUND_DOWN) * step


def round_price(price: Decimal | None, *, spec: Grid) -> Decimal | None:
    """A price level on the follower's grid: its tick size, else its digits; half up, and at least one of it. 0 stays
    "not set".

    A grid so coarse that the level would outgrow what a price may be leaves it as it is.
    """
    # 0 says "not set", and must not become the smallest price.
    if not price:
        return price
    grid = spec.tick_size or Decimal(1).scaleb(-spec.digits)
    # A stop of less than one tick would round to "not set".
    rounded = max((price / grid).to_integral_value(rounding=ROUND_HALF_UP), Decimal(1)) * grid
    return rounded if rounded < PRICE_BOUND else price


def split_legs(lots: Decimal, *, spec: SymbolSpec, most: int) -> tuple[Decimal, ...]:
    """`lots`, a multiple of the step, as the fewest legs that the broker takes: none above its maximum, none below its
    minimum, the large ones first. A maximum below the step is none.

    :raises Denied: ABOVE_MAXIMUM_LOTS when more than `most` legs would be needed, or no such legs exist
    """
    # A maximum between two steps cannot be ordered.
    largest = round_lots(spec.lots_max, step=spec.lots_step)
    # Some brokers say 0 where they mean no maximum.
    if largest <= 0:
        return (lots,)
    count = int((lots / largest).to_integral_value(rounding=ROUND_CEILING))
    if count > most or lots < count * spec.lots_min:
        raise Denied(Code.ABOVE_MAXIMUM_LOTS, lots=lots, lots_max=spec.lots_max, legs_allowed=most)
    legs: list[Decimal] = []
    for others in reversed(range(count)):
        # Leave at least the minimum for each leg that follows.
        legs.append(min(largest, lots - others * spec.lots_min))
        lots -= legs[-1]
    return tuple(legs)
