"""What the gateway refuses of an intent, told before it is written: a refused open is a trade that nobody copies.

Of what closes or modifies it drops what it cannot read and takes the rest: only what opens must be whole, and a partial
close must say its lots.
"""

import difflib
import re
from collections.abc import Collection, Iterator
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from eagateway_sdk.frames import Action, Cause, OrderIntent, OrderType, Side

_DIGITS: Final = 20  # of the text of a decimal, on either side of the point
_NAME: Final = 64
_TICKET: Final = 2**53 - 1
_MOST_AGE_MS: Final = 10**10
_LOTS: Final = ("lots", "remaining_lots")
_WHOLE: Final = {
    **dict.fromkeys(_LOTS, 7),
    **dict.fromkeys(("price", "sl", "tp"), 10),
    **dict.fromkeys(("commission", "taxes", "swap", "profit", "balance", "equity"), 15),
}
_SIGNED: Final = frozenset({"commission", "taxes", "swap", "profit", "balance", "equity"})
_MOMENT: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})", re.ASCII)
_BROKER_TIME: Final = re.compile(r"\d{4}\.\d{2}\.\d{2} \d{2}:\d{2}:\d{2}", re.ASCII)
_TICKETS: Final = ("position_id", "ticket", "new_ticket", "parent_ticket")
_TEXTS: Final = ("symbol", "expiry", "broker_time")
_NAMES: Final[tuple[tuple[str, type[StrEnum]], ...]] = (
    ("side", Side), ("order_type", OrderType), ("close_reason", Cause),
)  # fmt: skip
_NAMED: Final = 5
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


class Unsendable(ValueError):
    """The gateway would refuse this intent for good: `field` is at fault."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}")
        self.field = field


def check_intent(intent: OrderIntent, symbols: Collection[str] = ()) -> None:
    """Look at all of what opens, and at what a partial close rests on; closes and modifies pass.

    `symbols`: the names that this terminal has told of itself; empty: it has told none, and each may be right.

    :raises Unsendable: the first field that the gateway would refuse
    """
    for field, why in _faults_of(intent, symbols):
        raise Unsendable(field, why)


def _faults_of(intent: OrderIntent, symbols: Collection[str]) -> Iterator[tuple[str, str]]:
    if not _is_one_of(Action, intent.action):
        yield "action", _one_of(Action)
    elif intent.action in (Action.OPEN, Action.PLACE):
        yield from _wrong_types(intent)
        yield from _faults(intent)
        if symbols and intent.symbol not in symbols:
            yield "symbol", _unknown(intent.symbol, symbols)
    elif intent.action == Action.PARTIAL_CLOSE:
        told = [(field, value) for field in _LOTS if (value := getattr(intent, field)) is not None]
        if not told:
            yield "lots", "a partial close needs them, or `remaining_lots`"
        for field, value in told:
            fault = _decimal_fault(value, _WHOLE[field], signed=False)
            if fault or value <= 0:
                yield field, f"a partial close needs more than 0: {fault or value}"


def _wrong_types(intent: OrderIntent) -> Iterator[tuple[str, str]]:
    """The types stand in the signature, but nothing checks them at run time, and JSON takes them all."""
    for field, names in _NAMES:
        value = getattr(intent, field)
        if value is not None and not _is_one_of(names, value):
            yield field, _one_of(names)
    for field in (*_TICKETS, "magic", "age_ms"):
        value = getattr(intent, field)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            yield field, f"an int, not {type(value).__name__}"
    for field in _TEXTS:
        value = getattr(intent, field)
        if value is not None and not isinstance(value, str):
            yield field, f"a str, not {type(value).__name__}"


def _is_one_of(names: type[StrEnum], value: object) -> bool:
    return value in {name.value for name in names}


def _one_of(names: type[StrEnum]) -> str:
    return "one of " + ", ".join(name.value for name in names)


def _unknown(symbol: str, symbols: Collection[str]) -> str:
    near = difflib.get_close_matches(symbol, symbols, n=1, cutoff=0.5)
    known = ", ".join(sorted(symbols)[:_NAMED]) + (", ..." if len(symbols) > _NAMED else "")
    return f"{symbol} is none of InitRequest.symbols" + (f": did you mean {near[0]}?" if near else f" ({known})")


def _faults(intent: OrderIntent) -> Iterator[tuple[str, str]]:
    for field, whole in _WHOLE.items():
        value = getattr(intent, field)
        if value is not None and (why := _decimal_fault(value, whole, signed=field in _SIGNED)):
            yield field, why
    yield from _missing(intent)
    for field in _TICKETS:
        ticket = getattr(intent, field)
        if ticket is not None and not 1 <= ticket <= _TICKET:
            yield field, f"a ticket is a number from 1 to {_TICKET}"
    if not 1 <= len(intent.symbol) <= _NAME or _CONTROL.search(intent.symbol):
        yield "symbol", f"1 to {_NAME} characters, none of them a control character"
    if intent.magic is not None and intent.magic < -(2**63):
        yield "magic", "a number of 64 bits"
    if not 0 <= intent.age_ms <= _MOST_AGE_MS:
        yield "age_ms", f"0 to {_MOST_AGE_MS} milliseconds"
    if intent.expiry and not _is_moment(intent.expiry):
        yield "expiry", "RFC 3339 with its offset, as 2026-12-31T21:59:00Z"
    if intent.broker_time is not None and not _BROKER_TIME.fullmatch(intent.broker_time):
        yield "broker_time", "the broker's wall clock as 2026.12.31 21:59:00"


def _missing(intent: OrderIntent) -> Iterator[tuple[str, str]]:
    if intent.side is None:
        yield "side", "an open needs it"
    if intent.lots is None or intent.lots <= 0:
        yield "lots", "an open needs more than 0"
    if (intent.action == Action.PLACE) is (intent.order_type == OrderType.MARKET):
        yield "order_type", "`open` is a market order, `place` a limit or a stop"
    if intent.action == Action.PLACE and intent.price is None:
        yield "price", "a pending order needs it"


def _decimal_fault(value: object, whole: int, *, signed: bool) -> str:
    if not isinstance(value, Decimal):
        return f'a Decimal, not {type(value).__name__}: Decimal("{value}")'
    if not value.is_finite():
        return "a finite number"
    if value < 0 and not signed:
        return "0 or more"
    if value and value.adjusted() >= whole:
        return f"at most {whole} digits before the point"
    exponent = value.as_tuple().exponent
    return f"at most {_DIGITS} digits behind the point" if isinstance(exponent, int) and exponent < -_DIGITS else ""


def _is_moment(text: str) -> bool:
    if not _MOMENT.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
