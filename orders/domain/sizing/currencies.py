"""Currencies, and which symbols are pairs of two of them."""

from dataclasses import dataclass
from typing import Final

from orders.domain.sizing.rounding import SymbolSpec

_CODES: Final = (
    "AED ARS AUD BDT BGN BHD BRL CAD CHF CLP CNH CNY COP CZK DKK EGP EUR GBP GEL GHS HKD HUF IDR ILS INR ISK JOD JPY "
    "KES KRW KWD KZT LKR MAD MXN MYR NGN NOK NZD OMR PEN PHP PKR PLN QAR RON RSD RUB SAR SEK SGD THB TND TRY TWD UAH "
    "UGX USD UYU VND ZAR"
)
CURRENCIES: Final = frozenset(_CODES.split())
"""Money of states. Metals and coins are none: what one of them is worth says nothing of an account's currency."""
METALS_AND_COINS: Final = frozenset(["XAU", "XAG", "XPT", "XPD", "BTC", "ETH", "LTC", "XRP", "BCH"])
_MAX_AFFIX: Final = 8


@dataclass(frozen=True, slots=True)
class Pair:
    """One unit of `base` is quoted in `quote`."""

    base: str
    quote: str


def pair_of(spec: SymbolSpec) -> Pair | None:
    """The two currencies of a forex pair, by its name: six letters with what a broker puts around them.

    None for what is none: another calculation mode, or another currency of the price, than the name would have.
    """
    if spec.calculation_mode and not spec.calculation_mode.lower().startswith("forex"):
        return None
    found = _in_name(spec.name.upper())
    if found is None or (spec.quote_currency and spec.quote_currency.upper() != found.quote):
        return None
    return found


def _in_name(name: str) -> Pair | None:
    for start in range(min(len(name) - 5, _MAX_AFFIX + 1)):
        base, quote = name[start : start + 3], name[start + 3 : start + 6]
        if base in CURRENCIES and quote in CURRENCIES and base != quote:
            return Pair(base, quote) if len(name) - start - 6 <= _MAX_AFFIX else None
    return None
