"""What a broker did: the ExecutionReport frame."""

from collections.abc import Collection, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Final
from uuid import UUID

from msgspec import Meta

from orders.domain.wire.intents import ACCOUNT_CAUSES, BrokerTime, Cause, Comment, Side, Ticket
from sessions_app.domain.decimals import Lots, Money, Price
from sessions_app.domain.frames.mending import Mending
from sessions_app.domain.frames.payloads import Count, Millis, Payload


class ReportStatus(StrEnum):
    ACCEPTED = "accepted"
    FILLED = "filled"
    PARTIALLY_FILLED = "partially_filled"
    PLACED = "placed"
    MODIFIED = "modified"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


class ExecutionReport(Payload, kw_only=True, frozen=True):
    """EA: the outcome of a command, or, without `command_id`, a fact with a `cause`.

    `closed` with `remaining_lots` above 0 is a partial close; `new_ticket` is then the remainder's ticket. `already`:
    nothing was left to do. `found`: an unknown outcome was searched for at the broker. For account causes `profit` is
    the amount. `execution_ms`: the broker call's duration; `age_ms`: from its end to this sending (monotonic clock).
    """

    status: ReportStatus
    command_id: UUID | None = None
    command_seq: Count | None = None
    copy_no: Count | None = None
    attempt: Annotated[int, Meta(ge=1)] = 1
    cause: Cause | None = None
    ticket: Ticket | None = None
    parent_ticket: Ticket | None = None
    new_ticket: Ticket | None = None
    side: Side | None = None
    lots: Lots | None = None
    remaining_lots: Lots | None = None
    price: Price | None = None
    sl: Price | None = None
    tp: Price | None = None
    commission: Money | None = None
    taxes: Money | None = None
    swap: Money | None = None
    profit: Money | None = None
    slippage_points: Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)] | None = None
    error_code: Annotated[int, Meta(ge=0, le=10**6)] | None = None
    already: bool = False
    found: bool | None = None
    balance: Money | None = None
    equity: Money | None = None
    broker_time: BrokerTime | None = None
    comment: Comment | None = None
    execution_ms: Millis | None = None
    age_ms: Millis = 0


# Which command, what became of it, and how many lots; the tickets name the position, and what follows from it.
_NEEDS: Final = frozenset(
    {"status", "command_id", "copy_no", "cause", "ticket", "parent_ticket", "new_ticket", "lots", "remaining_lots"}
)
_OF_A_COMMAND: Final = frozenset({"attempt", "already"})


def _needs(content: Mapping[str, Any]) -> Collection[str]:
    """A fact without a command has no attempt; only an unknown outcome was searched for; a ticket of 0 is none."""
    needed = _NEEDS if content.get("command_id") is None else _NEEDS | _OF_A_COMMAND
    if content.get("status") == ReportStatus.UNKNOWN.value:
        needed |= {"found"}
    return needed - {name for name in ("parent_ticket", "new_ticket") if content.get(name) == 0}


MENDING: Final = Mending(needs=_needs)
ONCE: Final = frozenset({ReportStatus.FILLED, ReportStatus.PLACED, ReportStatus.CLOSED})
"""Told once for each attempt: a second one can only repeat the first, or contradict it."""


def contradicts(report: ExecutionReport, ticket: int | None, lots: Decimal | None, price: Decimal | None) -> bool:
    """Whether a report gives other figures than the first one of its attempt did; what one of them omits agrees."""
    pairs = ((report.ticket, ticket), (report.lots, lots), (report.price, price))
    return any(one is not None and other is not None and one != other for one, other in pairs)


def fault(report: ExecutionReport) -> tuple[str, str] | None:
    """(path, rule) of what this report lacks, or None."""
    if report.command_id is None and report.cause is None:
        return "$.cause", "a report without `command_id` needs its `cause`"
    if report.cause in ACCOUNT_CAUSES and report.profit is None:
        return "$.profit", f"`{report.cause}` needs its amount in `profit`"
    return None
