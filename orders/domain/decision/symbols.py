"""Symbols of two brokers: specs, affixes, mapping, and rounding to what a broker takes."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import Final

from orders.domain.states.denials import Code, Denied

MAX_LEGS: Final = 20
LOTS_BOUND: Final = Decimal(10) ** 7  # what a column holds: 15 digits, 8 of them behind the point
PRICE_BOUND: Final = Decimal(10) ** 8
LOT_TOLERANCE: Final = Decimal("1e-8")
_CODES: Final = (
    "AED ARS AUD BRL CAD CHF CLP CNH CNY COP CZK DKK EUR GBP HKD HUF IDR ILS INR JPY KRW KWD MXN MYR NOK NZD PEN PHP "
    "PLN RON RUB SAR SEK SGD THB TRY TWD UAH USD ZAR XAU XAG XPT XPD BTC ETH LTC XRP BCH"
)
_CURRENCIES: Final = frozenset(_CODES.split())
_SYNONYMS: Final = tuple(
    frozenset(group.split())
    for group in (
        "XAUUSD GOLD",
        "XAGUSD SILVER",
        "US30 DJ30 WS30",
        "NAS100 US100 USTEC",
        "US500 SPX500 SP500",
        "GER40 DE40 DAX40",
        "UK100 FTSE100",
        "JP225 NIK225",
        "UKOIL BRENT",
        "USOIL WTI",
    )
)


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


@dataclass(frozen=True, slots=True)
class Affixes:
    """What a broker puts around a symbol's plain name, as in `m.EURUSD` or `eurgbpi`."""

    prefix: str = ""
    suffix: str = ""


NO_AFFIXES: Final = Affixes()


def detect_affixes(names: Iterable[str]) -> Affixes:
    """The affixes that most currency pairs among `names` carry; none where there is no pair."""
    votes = Counter(affixes for name in names if (affixes := _pair_affixes(name)) is not None)
    return votes.most_common(1)[0][0] if votes else NO_AFFIXES


def plain_name(name: str, affixes: Affixes) -> str:
    """`name` without its own affixes if it is a currency pair, else without the broker's usual ones; upper case."""
    own = _pair_affixes(name) or affixes
    bare = name.removeprefix(own.prefix).removesuffix(own.suffix)
    return (bare or name).upper()


def _pair_affixes(name: str) -> Affixes | None:
    upper = name.upper()
    for start in range(len(upper) - 5):
        if upper[start : start + 3] in _CURRENCIES and upper[start + 3 : start + 6] in _CURRENCIES:
            return Affixes(name[:start], name[start + 6 :])
    return None


def map_symbol(
    symbol: str,
    *,
    master: Affixes,
    follower: Mapping[str, SymbolSpec],
    explicit: Mapping[str, str],
    wanted: Affixes,
) -> SymbolSpec:
    """The follower's symbol for the master's.

    Explicit map; else the same name where no affix is wanted; else the plain name or a synonym with the wanted affixes.

    :raises Denied: SYMBOL_NOT_FOUND, SYMBOL_AMBIGUOUS, each with suggestions
    """
    if symbol in explicit:
        return _listed(explicit[symbol], follower)
    if wanted == NO_AFFIXES and symbol in follower:
        return follower[symbol]
    plain = plain_name(symbol, master)
    fits = {
        spec.name: spec for name in _synonyms(plain) for spec in _fold(wanted.prefix + name + wanted.suffix, follower)
    }
    if len(fits) == 1:
        return next(iter(fits.values()))
    if fits:
        raise Denied(Code.SYMBOL_AMBIGUOUS, symbol=symbol, suggestions=sorted(fits))
    raise Denied(
        Code.SYMBOL_NOT_FOUND, symbol=symbol, suggestions=sorted(n for n in follower if plain in n.upper())[:5]
    )


def _listed(name: str, follower: Mapping[str, SymbolSpec]) -> SymbolSpec:
    if name not in follower:
        raise Denied(Code.SYMBOL_NOT_FOUND, symbol=name, suggestions=[])
    return follower[name]


def _fold(name: str, follower: Mapping[str, SymbolSpec]) -> list[SymbolSpec]:
    if name in follower:
        return [follower[name]]
    return [spec for listed, spec in follower.items() if listed.upper() == name.upper()]


def _synonyms(plain: str) -> frozenset[str]:
    return next((group for group in _SYNONYMS if plain in group), frozenset({plain}))


def round_lots(exact: Decimal, *, step: Decimal) -> Decimal:
    """`exact` down to a multiple of `step`, forgiving 1e-8 lots of arithmetic dust."""
    return ((exact + LOT_TOLERANCE) / step).to_integral_value(rounding=ROUND_DOWN) * step


def round_price(price: Decimal | None, *, spec: SymbolSpec) -> Decimal | None:
    """A price level on the follower's grid: its tick size, else its digits; half up, and at least one of it. 0 stays
    "not set".

    A grid so coarse that the level would outgrow what a price may be leaves it as it is.
    """
    if not price:
        return price
    grid = spec.tick_size or Decimal(1).scaleb(-spec.digits)
    rounded = max((price / grid).to_integral_value(rounding=ROUND_HALF_UP), Decimal(1)) * grid
    return rounded if rounded < PRICE_BOUND else price


def split_legs(lots: Decimal, *, spec: SymbolSpec, most: int) -> tuple[Decimal, ...]:
    """`lots`, a multiple of the step, as the fewest legs that the broker takes: none above its maximum, none below its
    minimum, the large ones first. A maximum below the step is none.

    :raises Denied: ABOVE_MAXIMUM_LOTS when more than `most` legs would be needed, or no such legs exist
    """
    largest = round_lots(spec.lots_max, step=spec.lots_step)
    if largest <= 0:
        return (lots,)
    count = int((lots / largest).to_integral_value(rounding=ROUND_CEILING))
    if count > most or lots < count * spec.lots_min:
        raise Denied(Code.ABOVE_MAXIMUM_LOTS, lots=lots, lots_max=spec.lots_max, legs_allowed=most)
    legs: list[Decimal] = []
    for others in reversed(range(count)):
        legs.append(min(largest, lots - others * spec.lots_min))
        lots -= legs[-1]
    return tuple(legs)
