"""What the gateway refuses of an open, told before it is sent: a refused open is a trade that nobody copies.

Of everything else it drops what it cannot read and takes the rest; only what opens must be whole.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Final

from eagateway_sdk.frames import Action, OrderIntent, OrderType

_DIGITS: Final = 20  # of the text of a decimal, on either side of the point
_NAME: Final = 64
_TICKET: Final = 2**53 - 1
_WHOLE: Final = {
    **dict.fromkeys(("lots", "remaining_lots"), 7),
    **dict.fromkeys(("price", "sl", "tp"), 10),
    **dict.fromkeys(("commission", "taxes", "swap", "profit", "balance", "equity"), 15),
}
_SIGNED: Final = frozenset({"commission", "taxes", "swap", "profit", "balance", "equity"})
_MOMENT: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})", re.ASCII)
_BROKER_TIME: Final = re.compile(r"\d{4}\.\d{2}\.\d{2} \d{2}:\d{2}:\d{2}", re.ASCII)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


class Unsendable(ValueError):
    """The gateway would refuse this open for good: `field` is at fault."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}")
        self.field = field


def check_open(intent: OrderIntent) -> None:
    """Look at what opens; everything else passes.

    :raises Unsendable: the first field that the gateway would refuse
    """
    if intent.action not in (Action.OPEN, Action.PLACE):
        return
    for field, why in _faults(intent):
        raise Unsendable(field, why)


def _faults(intent: OrderIntent) -> Iterator[tuple[str, str]]:
    for field, whole in _WHOLE.items():
        value = getattr(intent, field)
        if value is not None and (why := _decimal_fault(value, whole, signed=field in _SIGNED)):
            yield field, why
    yield from _missing(intent)
    for field in ("position_id", "ticket", "new_ticket", "parent_ticket"):
        ticket = getattr(intent, field)
        if ticket is not None and not 1 <= ticket <= _TICKET:
            yield field, f"a ticket is a number from 1 to {_TICKET}"
    if not 1 <= len(intent.symbol) <= _NAME or _CONTROL.search(intent.symbol):
        yield "symbol", f"1 to {_NAME} characters, none of them a control character"
    if intent.magic is not None and intent.magic < -(2**63):
        yield "magic", "a number of 64 bits"
    if intent.expiry and not _is_moment(intent.expiry):
        yield "expiry", "RFC 3339 with its offset, as 2026-12-31T21:59:00Z"
    if intent.broker_time is not None and not _BROKER_TIME.fullmatch(intent.broker_time):
        yield "broker_time", "the broker's wall clock as 2026.12.31 21:59:00"


def _missing(intent: OrderIntent) -> Iterator[tuple[str, str]]:
    if intent.side is None:
        yield "side", "an open needs it"
    if intent.lots is None or intent.lots <= 0:
        yield "lots", "an open needs more than 0"
    if (intent.action is Action.PLACE) is (intent.order_type is OrderType.MARKET):
        yield "order_type", "`open` is a market order, `place` a limit or a stop"
    if intent.action is Action.PLACE and intent.price is None:
        yield "price", "a pending order needs it"


def _decimal_fault(value: Decimal, whole: int, *, signed: bool) -> str:
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
