"""What a master did: the OrderIntent frame, and what makes one complete."""

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final

from msgspec import Meta

from sessions_app.domain.decimals import Lots, Money, Price
from sessions_app.domain.frames.mending import Mending
from sessions_app.domain.frames.payloads import Millis, Moment, Name, Payload

Ticket = Annotated[int, Meta(ge=1, le=2**53 - 1)]
Magic = Annotated[int, Meta(ge=-(2**63))]  # 64 bits, with or without a sign: no column keeps it as a number
BrokerTime = Annotated[str, Meta(max_length=19, pattern=r"^[0-9]{4}\.[0-9]{2}\.[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}$")]
Comment = Annotated[str, Meta(max_length=64, pattern=r"^[^\x00]*$")]


class Action(StrEnum):
    """The seven things that can happen to a master's position or working order."""

    OPEN = "open"
    PLACE = "place"
    ACTIVATE = "activate"
    MODIFY = "modify"
    CLOSE = "close"
    PARTIAL_CLOSE = "partial_close"
    CANCEL = "cancel"


class Side(StrEnum):
    BUY = "buy"
    SELL = "sell"


class OrderType(StrEnum):
    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"


class Cause(StrEnum):
    """Why a position closed, or an account changed, without a command of ours."""

    MANUAL = "manual"
    STOP_LOSS = "stop_loss"
    TAKE_PROFIT = "take_profit"
    STOP_OUT = "stop_out"
    CLOSE_BY = "close_by"
    EXPIRY = "expiry"
    DEPOSIT_WITHDRAWAL = "deposit_withdrawal"
    CREDIT = "credit"
    ARCHIVE = "archive"


UNREADABLE: Final = "?"
"""The symbol of a close that names none we can read: its position says which one it is."""
ADDS_EXPOSURE: Final = frozenset({Action.OPEN, Action.PLACE})
ENDS_POSITION: Final = frozenset({Action.CLOSE, Action.CANCEL})
TAKES_OFF: Final = ENDS_POSITION | {Action.PARTIAL_CLOSE}
ACCOUNT_CAUSES: Final = frozenset({Cause.DEPOSIT_WITHDRAWAL, Cause.CREDIT, Cause.ARCHIVE})
DROPS: Final = frozenset(Cause) - ACCOUNT_CAUSES - {Cause.MANUAL}
"""Why a working order is gone that nobody has deleted: its broker or its terminal has dropped it."""


class OrderIntent(Payload, kw_only=True, frozen=True):
    """EA (master): one change of a position. `lots` are the lots opened, or, closing, the lots closed.

    `position_id` is the first ticket of the lineage; `ticket` the ticket acted on; after a partial close the
    remainder's ticket is `new_ticket`. `broker_time` is the broker's wall clock, for statements, never for deadlines;
    `age_ms` the time from seeing the change to sending it, by the EA's monotonic clock.
    """

    action: Action
    position_id: Ticket
    ticket: Ticket
    symbol: Name
    new_ticket: Ticket | None = None
    parent_ticket: Ticket | None = None
    side: Side | None = None
    order_type: OrderType = OrderType.MARKET
    lots: Lots | None = None
    remaining_lots: Lots | None = None
    price: Price | None = None
    sl: Price | None = None
    tp: Price | None = None
    expiry: Moment | None = None
    magic: Magic | None = None
    comment: Comment | None = None
    close_reason: Cause | None = None
    commission: Money | None = None
    taxes: Money | None = None
    swap: Money | None = None
    profit: Money | None = None
    balance: Money | None = None
    equity: Money | None = None
    broker_time: BrokerTime | None = None
    age_ms: Millis = 0


# Bounded, for a comment is free text: no ticket has more digits.
_FROM: Final = re.compile(r"from #(\d{1,16})")


def lineage(intent: OrderIntent) -> list[int]:
    """Every ticket by which the position may be known to us, the likeliest first."""
    return list(dict.fromkeys((intent.position_id, intent.ticket, *former_tickets(intent))))


def former_tickets(intent: OrderIntent) -> list[int]:
    """What the position was called before, as the intent says.

    After a partial close MT4 writes `from #` and the former ticket into the remainder's comment.
    """
    told = _FROM.search(intent.comment or "")
    return [ticket for ticket in (intent.parent_ticket, int(told.group(1)) if told else None) if ticket]


# ASCII, because `\d` takes the digits of other scripts too.
_MOMENT: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})", re.ASCII)
_REQUIRED: Final[Mapping[Action | None, tuple[str, ...]]] = {
    Action.OPEN: ("side", "lots"),
    Action.PLACE: ("side", "lots", "price"),
    Action.ACTIVATE: (),
    Action.MODIFY: (),
    Action.CLOSE: (),
    Action.PARTIAL_CLOSE: ("lots", "remaining_lots"),
    Action.CANCEL: (),
}


def fault(intent: OrderIntent) -> tuple[str, str] | None:
    """(path, rule) of the first field that this action needs and the intent lacks, or None."""
    return _lacking(intent) or _contradiction(intent)


def _grave_fault(intent: OrderIntent) -> tuple[str, str] | None:
    """The same, but for what the master's position tells: a part has one of its two figures at least."""
    told = intent.action is Action.PARTIAL_CLOSE and (intent.lots or intent.remaining_lots)
    return _contradiction(intent) if told else fault(intent)


def _lacking(intent: OrderIntent) -> tuple[str, str] | None:
    for name in _REQUIRED[intent.action]:
        if getattr(intent, name) is None:
            return f"$.{name}", f"`{intent.action}` needs `{name}`"
    for name in ("lots", "remaining_lots"):
        value = getattr(intent, name)
        if name in _REQUIRED[intent.action] and value is not None and value <= 0:
            return f"$.{name}", f"`{intent.action}` needs `{name}` above 0"
    return None


def _contradiction(intent: OrderIntent) -> tuple[str, str] | None:
    if intent.action is Action.PLACE and intent.order_type is OrderType.MARKET:
        return "$.order_type", "`place` needs `order_type` limit or stop"
    if intent.action is Action.OPEN and intent.order_type is not OrderType.MARKET:
        return "$.order_type", "`open` is a market order; a pending order is `place`"
    if intent.expiry and not _is_moment(intent.expiry):
        return "$.expiry", "RFC 3339 with its offset, as 2026-12-31T21:59:00Z; no broker's clock"
    return None


def _is_moment(text: str) -> bool:
    """Whether this is a moment that everyone understands alike: with an offset from UTC."""
    if not _MOMENT.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _needs(content: Mapping[str, Any]) -> Collection[str]:
    """Which position, and what happened to it. What opens is whole anyhow, and of a part `_grave_fault` judges."""
    return ("action", "position_id", "ticket")


def _opens(content: Mapping[str, Any]) -> bool:
    return _action(content) in ADDS_EXPOSURE


def _action(content: Mapping[str, Any]) -> Action | None:
    told = content.get("action")
    return next((action for action in Action if action.value == told), None)


MENDING: Final = Mending(needs=_needs, whole=_opens, stand_ins={"symbol": UNREADABLE}, fault=_grave_fault)
