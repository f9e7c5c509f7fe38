"""What a terminal holds, asked for and told whole: the SyncSnapshot frame."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

from msgspec import Meta

from orders.domain.wire.intents import Comment, Magic, OrderType, Side, Ticket
from sessions_app.domain.decimals import Lots, Money, Price
from sessions_app.domain.frames.mending import Mending
from sessions_app.domain.frames.payloads import Count, Digest, Millis, Moment, Name, PartNumber, Payload
from sessions_app.domain.lifecycle import SnapshotReason


class SnapshotPhase(StrEnum):
    REQUEST = "request"
    REPORT = "report"
    RESULT = "result"


MAY_BE_SAME: Final = frozenset({SnapshotReason.SCHEDULE, SnapshotReason.SESSION_START})
"""Asked for these reasons, with the hash of what was told last, an EA may answer that nothing has changed."""


class HeldPosition(Payload, kw_only=True, frozen=True):
    """One open position as the terminal shows it."""

    ticket: Ticket
    symbol: Name
    side: Side
    lots: Lots
    price: Price | None = None
    sl: Price | None = None
    tp: Price | None = None
    magic: Magic | None = None
    parent_ticket: Ticket | None = None
    comment: Comment | None = None


class HeldOrder(Payload, kw_only=True, frozen=True):
    """One working (pending) order as the terminal shows it."""

    ticket: Ticket
    symbol: Name
    side: Side
    order_type: OrderType
    lots: Lots
    price: Price
    sl: Price | None = None
    tp: Price | None = None
    expiry: Moment | None = None
    magic: Magic | None = None
    comment: Comment | None = None


class Quote(Payload, kw_only=True, frozen=True):
    """The market of one symbol at `taken_at`."""

    symbol: Name
    bid: Price
    ask: Price


class DifferenceKind(StrEnum):
    """How the terminal's book and our copies disagree."""

    MISSING = "missing"
    EXTRA = "extra"
    WRONG_LOTS = "wrong_lots"
    WRONG_SIDE = "wrong_side"
    STOPS_DRIFT = "stops_drift"
    FOREIGN = "foreign"


class DifferenceSeverity(StrEnum):
    OK = "ok"
    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"


class Difference(Payload, kw_only=True, frozen=True):
    """One disagreement: what we expected, what is there."""

    kind: DifferenceKind
    severity: DifferenceSeverity
    symbol: str
    copy_no: Count | None = None
    ticket: Ticket | None = None
    expected: str | None = None
    actual: str | None = None


# Without its magic number a copy passes for a foreign trade, without its stops for a bare one.
_LINE: Final = frozenset({"ticket", "symbol", "side", "lots", "magic", "sl", "tp"})
_WHOLE: Final = frozenset(
    [
        "phase",
        "request_id",
        "hash",
        "same",
        "n",
        "of",
        "digest",
        "age_ms",
        "connected",
        "incomplete",
        "positions",
        "working_orders",
    ]
)
MENDING: Final = Mending(
    needs=lambda content: _WHOLE,
    rows={
        "positions": _LINE,
        "working_orders": _LINE | {"order_type", "price"},
        "quotes": frozenset({"symbol", "bid", "ask"}),
    },
    # Without the beginning of its history a book would speak for all times.
    partial=frozenset({"positions", "working_orders", "history_from"}),
)
_WEST_OF_UTC: Final = timedelta(hours=14)


class SyncSnapshot(Payload, kw_only=True, frozen=True):
    """Both: the server asks (`request`), the EA tells what it holds (`report`), the server compares (`result`).

    A report may come in chunks `n` of `of`, all with one `digest`; a lost chunk discards the whole. Never resent,
    always taken anew. `taken_at` and `age_ms`: when the book was read, by the EA's clocks; only `age_ms` is used.
    `incomplete`: a line of it could not be told, or not be read here: what it does not show may be there all the same.
    """

    phase: SnapshotPhase
    request_id: UUID | None = None
    reason: SnapshotReason | None = None
    hash: Digest | None = None
    same: bool = False
    n: PartNumber = 1
    of: PartNumber = 1
    digest: Digest | None = None
    taken_at: Moment | None = None
    age_ms: Millis = 0
    connected: bool = True
    incomplete: bool = False
    applied_server_seq: Count = 0
    history_from: Moment | None = None
    positions: Annotated[list[HeldPosition], Meta(max_length=2000)] = []
    working_orders: Annotated[list[HeldOrder], Meta(max_length=2000)] = []
    balance: Money | None = None
    equity: Money | None = None
    quotes: Annotated[list[Quote], Meta(max_length=2000)] = []
    differences: list[Difference] = []
    differences_total: Count = 0


def history_start(text: str | None) -> datetime | None:
    """When a terminal's history begins, no earlier than it may truly be; None when it does not say readably.

    RFC 3339, or the terminal's own wall clock (`2026.11.01 00:00:00`), whose zone nobody knows: 14 hours are allowed.
    """
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text.replace(".", "-", 2) if text[4:5] == "." else text)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC) + _WEST_OF_UTC


def fault(snapshot: SyncSnapshot) -> tuple[str, str] | None:
    """(path, rule) of what an EA's snapshot lacks, or None."""
    if snapshot.phase is not SnapshotPhase.REPORT:
        return "$.phase", "an EA sends `report`; it asks for nothing and answers with nothing else"
    if snapshot.n > snapshot.of:
        return "$.n", "`n` is at most `of`"
    if snapshot.of > 1 and snapshot.digest is None:
        return "$.digest", "a report in chunks needs the `digest` that all of them share"
    if snapshot.history_from and history_start(snapshot.history_from) is None:
        return "$.history_from", "RFC 3339, or the terminal's wall clock as 2026.11.01 00:00:00"
    return None
