"""The rate between two currencies, from the forex pairs that two terminals list."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from statistics import median
from typing import Final

from orders.domain.sizing.currencies import Pair, pair_of
from orders.domain.sizing.rounding import SymbolSpec

MOST_APART: Final = Decimal("0.02")


@dataclass(frozen=True, slots=True)
class Rate:
    """Units of one currency per unit of another: the middle of what the pairs say, and how far they are apart."""

    value: Decimal
    least: Decimal
    most: Decimal

    @property
    def unclear(self) -> bool:
        """Whether two of them are too far apart to rely on any."""
        return self.most > self.least * (1 + MOST_APART)


SAME: Final = Rate(Decimal(1), Decimal(1), Decimal(1))


def exchange_rate(
    source: str | None, target: str | None, *, sources: Mapping[str, SymbolSpec], targets: Mapping[str, SymbolSpec]
) -> Rate | None:
    """Units of `target` per unit of `source` currency; None when no pair tells.

    A spec's tick value is in its account's currency, its tick size x contract size in the currency of the price: their
    ratio is the rate price -> account. So the follower's pairs that are quoted in the master's currency tell it, and
    the master's that are quoted in the follower's, inverted. Pairs of just these two go before all others.
    """
    # Without a currency nothing is known, not even that they are the same.
    if source is None or target is None or source == target:
        return SAME if source == target and source is not None else None
    told = [*_told(source, targets), *((pair, 1 / rate) for pair, rate in _told(target, sources))]
    both = frozenset({source, target})
    rates = [rate for pair, rate in told if {pair.base, pair.quote} == both] or [rate for _, rate in told]
    # The median: one pair with a wrong tick value must not set the rate.
    return Rate(median(rates), min(rates), max(rates)) if rates else None


def _told(quote: str, specs: Mapping[str, SymbolSpec]) -> Iterator[tuple[Pair, Decimal]]:
    """The pairs quoted in this currency, with its rate to their account's."""
    for spec in specs.values():
        pair = pair_of(spec)
        if pair is None or pair.quote != quote:
            continue
        if spec.tick_size and spec.tick_value and spec.contract_size:
            yield pair, spec.tick_value / (spec.tick_size * spec.contract_size)
