"""From an account's stored InitRequest to what decisions need of it."""

import sys
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from orders.domain.decision.inputs import Terminal
from orders.domain.decision.symbols import detect_affixes
from orders.domain.sizing.rounding import SymbolSpec
from orders.domain.wire.commands import TICKETS


def read_terminal(content: Mapping[str, Any]) -> Terminal:
    """The terminal of an InitRequest as stored. Symbols without a usable lot size are left out."""
    currency = content.get("currency")
    specs = [_spec(item, currency) for item in content.get("symbols", [])]
    # A symbol of zero lots cannot be traded, and would divide by zero.
    symbols = {spec.name: spec for spec in specs if _tradable(spec)}
    return Terminal(
        currency=currency,
        netting=content.get("margin_mode") == "netting",
        fifo=bool(content.get("fifo", False)),
        tickets=TICKETS in content.get("capabilities", []),
        symbols=symbols,
        affixes=detect_affixes(symbols),
    )


def _spec(item: Mapping[str, Any], currency: str | None) -> SymbolSpec:
    contract_size, tick_size = _number(item["contract_size"]), _optional(item.get("tick_size"))
    # A terminal tells 0 until it has a quote. Where prices are in the account's currency it follows from the rest, and
    # the ceiling needs it.
    own = currency is not None and item.get("quote_currency") == currency and tick_size is not None
    follows = contract_size * tick_size if own and tick_size is not None else None
    return SymbolSpec(
        # A thousand terminals list the same names: each is kept once.
        name=sys.intern(item["name"]),
        digits=item["digits"],
        contract_size=contract_size,
        lots_min=_number(item["lots_min"]),
        lots_step=_number(item["lots_step"]),
        lots_max=_number(item["lots_max"]),
        tick_size=tick_size,
        tick_value=_optional(item.get("tick_value")) or follows,
        quote_currency=item.get("quote_currency"),
        calculation_mode=item.get("calculation_mode"),
    )


@lru_cache(maxsize=4096)
def _number(text: str) -> Decimal:
    """One object for equal figures: the symbols of a broker have few different ones, and there are thousands."""
    return Decimal(text)


def _optional(text: str | None) -> Decimal | None:
    return None if text is None else _number(text)


def _tradable(spec: SymbolSpec) -> bool:
    return spec.lots_step > 0 and spec.lots_min > 0 and spec.lots_max >= max(spec.lots_min, spec.lots_step)
