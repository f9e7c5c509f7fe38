"""Names of symbols at two brokers: affixes, synonyms, and the mapping of one to the other."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from orders.domain.sizing.rounding import SymbolSpec
from orders.domain.states.denials import Code, Denied

MAX_SYMBOL: Final = 64
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
    # What a person has written down wins, even over the same name.
    if symbol in explicit:
        return _listed(explicit[symbol], follower)
    # Where affixes are wanted, the plain name may be another market of the same broker.
    if wanted == NO_AFFIXES and symbol in follower:
        return follower[symbol]
    plain = plain_name(symbol, master)
    fits = {
        spec.name: spec for name in _synonyms(plain) for spec in _fold(wanted.prefix + name + wanted.suffix, follower)
    }
    if len(fits) == 1:
        return next(iter(fits.values()))
    # Two symbols that fit may have other contracts: a person has to say which.
    if fits:
        raise Denied(Code.SYMBOL_AMBIGUOUS, symbol=symbol, suggestions=sorted(fits))
    raise Denied(
        Code.SYMBOL_NOT_FOUND, symbol=symbol, suggestions=sorted(n for n in follower if plain in n.upper())[:5]
    )


def map_mistakes(symbols: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Whether an explicit map holds anything but names."""
    names = [*symbols, *symbols.values()]
    if not all(isinstance(name, str) and 0 < len(name) <= MAX_SYMBOL for name in names):
        yield "", f"expected symbol names of 1 to {MAX_SYMBOL} characters"


def _listed(name: str, follower: Mapping[str, SymbolSpec]) -> SymbolSpec:
    if name not in follower:
        raise Denied(Code.SYMBOL_NOT_FOUND, symbol=name, suggestions=[])
    return follower[name]


def _fold(name: str, follower: Mapping[str, SymbolSpec]) -> list[SymbolSpec]:
    if name in follower:
        return [follower[name]]
    # Brokers differ in case too, and the exact name was looked for first.
    return [spec for listed, spec in follower.items() if listed.upper() == name.upper()]


def _synonyms(plain: str) -> frozenset[str]:
    return next((group for group in _SYNONYMS if plain in group), frozenset({plain}))
