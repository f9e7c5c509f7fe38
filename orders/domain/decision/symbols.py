"""Names of symbols at two brokers: affixes, synonyms, and the mapping of one to the other."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from orders.domain.sizing.currencies import CURRENCIES, METALS_AND_COINS
from orders.domain.sizing.rounding import SymbolSpec
from orders.domain.states.denials import Code, Denied
from sessions_app.domain.said import say

MAX_SYMBOL: Final = 64
_PARTS: Final = CURRENCIES | METALS_AND_COINS
_SYNONYMS: Final = tuple(
    frozenset(group.split())
    for group in (
        "XAUUSD GOLD GOLDUSD",
        "XAGUSD SILVER SILVERUSD",
        "XPTUSD PLATINUM",
        "XPDUSD PALLADIUM",
        "US30 DJ30 WS30 DJI30 DOW30 DOWJONES30 USA30 DJIA",
        "NAS100 US100 USTEC NDX100 NASDAQ100 NSDQ100 USTECH100 USATECH USA100 NDX",
        "US500 SPX500 SP500 USA500 SPX SANDP500",
        "US2000 RUSSELL2000 USSMALLCAP2000 RUT2000",
        "GER40 DE40 DAX40 GER30 DE30 DAX30 GERMANY40 DEU40 DAX",
        "UK100 FTSE100 GB100 GBR100",
        "FRA40 FR40 CAC40 FRANCE40",
        "EU50 STOXX50 EUSTX50 EURO50 ESTX50 EUSTOXX50 SX5E",
        "ESP35 ES35 SPA35 IBEX35",
        "ITA40 IT40",
        "SUI20 SWI20 CH20 SMI20",
        "NETH25 NED25 NL25 AEX25",
        "JP225 JPN225 NIK225 NIKKEI225 JAP225 NI225",
        "AUS200 AU200 ASX200",
        "HK50 HKG50 HSI50 HSI HANGSENG",
        "CHINA50 CN50 CHN50 CHINAA50",
        "UKOIL BRENT XBRUSD UKBRENT BRENTOIL",
        "USOIL WTI XTIUSD CL USWTI WTIOIL CRUDEOIL",
        "NATGAS NGAS XNGUSD NGC",
        "BTCUSD BITCOIN XBTUSD",
        "ETHUSD ETHEREUM",
    )
)
_ENDINGS: Final = re.compile(r"[._-]?CASH$|[._-](C|M|R|I|S|SPOT)$")
"""What brokers put behind the names of indices and metals, and of these alone."""
_SEPARATORS: Final = re.compile(r"[^A-Z0-9]+")
# Two letters, such as CL, stand in half of all other names.
_LEAST_ROOT: Final = 3
_SUGGESTED: Final = 5


@dataclass(frozen=True, slots=True)
class Affixes:
    """What a broker puts around a symbol's plain name, as in `m.EURUSD` or `eurgbpi`."""

    prefix: str = ""
    suffix: str = ""


NO_AFFIXES: Final = Affixes()


def detect_affixes(names: Iterable[str]) -> Affixes:
    """The affixes that most currency pairs among `names` carry; none where there is no pair."""
    # Brokers list some symbols bare; what most of the pairs carry is their habit.
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
        if upper[start : start + 3] in _PARTS and upper[start + 3 : start + 6] in _PARTS:
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

    Explicit map; else the same name where no affix is wanted; else the plain name or a synonym with the wanted affixes;
    else, where none are wanted, what is called so but for the usual ending of an index or a metal.

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
    if not fits and wanted == NO_AFFIXES:
        fits = {name: follower[name] for name in _same_but_for_its_ending(plain, follower)}
    if len(fits) == 1:
        return next(iter(fits.values()))
    # Two symbols that fit may have other contracts: a person has to say which.
    if fits:
        raise Denied(Code.SYMBOL_AMBIGUOUS, symbol=symbol, suggestions=sorted(fits))
    raise Denied(Code.SYMBOL_NOT_FOUND, symbol=symbol, suggestions=_suggestions(plain, follower))


def map_mistakes(symbols: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Whether an explicit map holds anything but names."""
    names = [*symbols, *symbols.values()]
    if not all(isinstance(name, str) and 0 < len(name) <= MAX_SYMBOL for name in names):
        yield "", say("expected symbol names of 1 to %(most)s characters", most=MAX_SYMBOL)


def _listed(name: str, follower: Mapping[str, SymbolSpec]) -> SymbolSpec:
    if name not in follower:
        raise Denied(Code.SYMBOL_NOT_FOUND, symbol=name, suggestions=_suggestions(name.upper(), follower))
    return follower[name]


def _fold(name: str, follower: Mapping[str, SymbolSpec]) -> list[SymbolSpec]:
    if name in follower:
        return [follower[name]]
    # Brokers differ in case too, and the exact name was looked for first.
    return [spec for listed, spec in follower.items() if listed.upper() == name.upper()]


def _root(name: str) -> str:
    """A name without the ending that brokers give indices and metals; upper case."""
    return _ENDINGS.sub("", name.upper().lstrip("#.")) or name.upper()


def _same_but_for_its_ending(plain: str, follower: Mapping[str, SymbolSpec]) -> list[str]:
    """Listed names of the same group of synonyms. Of other symbols an ending may mark another market."""
    group = _synonyms(_root(plain))
    return [name for name in follower if _root(name) in group] if len(group) > 1 else []


def _suggestions(plain: str, follower: Mapping[str, SymbolSpec]) -> list[str]:
    """Listed names that may be meant: those of a synonym, those that have the name in theirs, and the reverse."""
    roots = {plain, _root(plain), *_SEPARATORS.split(plain)}
    group = {name for root in roots for name in _synonyms(root) if len(name) >= _LEAST_ROOT}
    found = [name for name in sorted(follower) if any(_related(root, _root(name)) for root in group)]
    # The nearest first: one that is the name itself, but for an affix.
    return sorted(found, key=lambda name: _root(name) not in group)[:_SUGGESTED]


def _related(one: str, other: str) -> bool:
    return one in other or (len(other) >= _LEAST_ROOT and other in one)


def _synonyms(plain: str) -> frozenset[str]:
    return next((group for group in _SYNONYMS if plain in group), frozenset({plain}))
