"""The rate between two currencies, from symbol specifications alone."""

from collections.abc import Mapping
from decimal import Decimal

from orders.domain.sizing.rounding import SymbolSpec


def exchange_rate(
    source: str | None, target: str | None, *, sources: Mapping[str, SymbolSpec], targets: Mapping[str, SymbolSpec]
) -> Decimal | None:
    """Units of `target` per unit of `source` currency, from symbol specs alone; None when they do not tell.

    A spec's tick value is in the account's currency, its tick size x contract size in the quote currency: their ratio
    is the rate quote -> account. The follower's specs quoted in the master's currency give it; else the master's,
    inverted.
    """
    # Without a currency nothing is known, not even that they are the same.
    if source is None or target is None or source == target:
        return Decimal(1) if source == target else None
    direct = _quote_rate(source, targets)
    if direct is not None:
        return direct
    # A master who trades what the follower's money is quoted in tells the same rate upside down.
    inverse = _quote_rate(target, sources)
    return None if inverse is None else 1 / inverse


def _quote_rate(quote: str, specs: Mapping[str, SymbolSpec]) -> Decimal | None:
    for spec in specs.values():
        if spec.quote_currency == quote and spec.tick_size and spec.tick_value and spec.contract_size:
            return spec.tick_value / (spec.tick_size * spec.contract_size)
    return None
