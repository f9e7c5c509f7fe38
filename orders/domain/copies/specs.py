"""What a copy's broker takes: as the terminal lists the symbol now, else as it did when the copy was made."""

from collections.abc import Mapping

from orders.domain.copies.legs import Leg
from orders.domain.sizing.rounding import Grid, SymbolSpec


def grid_of(leg: Leg, symbols: Mapping[str, SymbolSpec]) -> Grid | None:
    """The grid that orders for a leg have to keep to; None where nobody ever told one.

    A broker may take a symbol off its list while a copy of it is open.
    """
    return symbols.get(leg.symbol) or leg.kept
