"""Payloads of the frames that say who is connected. The trade frames live in `orders.domain.wire`.

One meaning of a frame: `docs/schemas` is generated from these classes, and the SDKs' types from the schemas.
Unknown fields are ignored. Times are RFC 3339 in UTC; durations say their unit in their name.
"""

from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

import msgspec
from msgspec import Meta

from sessions_app.domain.decimals import Money, Price, Quantity

# PostgreSQL keeps no NUL in a text: one such comment would fail a whole batch.
Text = Annotated[str, Meta(max_length=255, pattern=r"^[^\x00]*$")]
Name = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]*$")]
Moment = Annotated[str, Meta(max_length=40, pattern=r"^[^\x00-\x1f\x7f]*$")]
# Up to here a client that reads JSON numbers as doubles still counts by one.
Seq = Annotated[int, Meta(ge=1, le=2**53 - 1)]
Count = Annotated[int, Meta(ge=0, le=2**53 - 1)]
MAX_SYMBOL_DIGITS: Final = 15
Millis = Annotated[int, Meta(ge=0, le=10**10)]
# The parts of a frame wait in memory until the last one is here.
MAX_PARTS = 256
MAX_SYMBOLS = 2000
PartNumber = Annotated[int, Meta(ge=1, le=MAX_PARTS)]
Digest = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]*$")]


class Payload(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """Base of every frame's payload."""


class MarginMode(StrEnum):
    HEDGING = "hedging"
    NETTING = "netting"


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


class RetryPolicy(StrEnum):
    """How a client comes back: by itself after a time, or when something has happened, or never."""

    NEVER = "never"
    SAME_FRAME_AFTER = "same_frame_after"
    NEW_SESSION_AFTER = "new_session_after"
    AFTER_PROMOTION = "after_promotion"
    AFTER_OPERATOR = "after_operator"


class ShutdownPhase(StrEnum):
    NOTICE = "notice"
    ACK = "ack"


class GapReason(StrEnum):
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    VOID = "void"


class Hello(Payload, kw_only=True, frozen=True):
    """EA, always first: who resumes, and how far its ledger of server frames reaches."""

    token: Annotated[str, Meta(max_length=128)] | None = None
    epoch: UUID | None = None
    last_server_seq: Count = 0
    last_server_id: UUID | None = None
    installation_id: Name | None = None
    ledger_head: Count = 0
    max_copy_no_seen: Count = 0


class SessionState(Payload, kw_only=True, frozen=True):
    """Server: after Hello and at every change of the session."""

    status: str
    reason: str | None = None
    next_step: str | None = None
    session_id: UUID | None = None
    epoch: UUID | None = None
    stored_seq: Count = 0
    top_seq: Count = 0
    recovered: bool = True
    retry_after_seconds: Count | None = None
    key_code: str | None = None


class TestRequest(Payload, kw_only=True, frozen=True):
    """Server, after 1.5 heartbeat intervals of silence; answered by a StatusHeartbeat."""

    __test__ = False  # not a test class, whatever its name says to a collector
    reply_by: str


class SymbolSpec(Payload, kw_only=True, frozen=True):
    """What the terminal's MarketInfo says of one symbol. Tick value: account currency per lot and tick."""

    name: Name
    digits: Annotated[int, Meta(ge=0, le=MAX_SYMBOL_DIGITS)]
    contract_size: Quantity
    lots_min: Quantity
    lots_step: Quantity
    lots_max: Quantity
    point: Price | None = None
    tick_size: Price | None = None
    tick_value: Price | None = None
    stop_level: Count = 0
    freeze_level: Count = 0
    trade_mode: Name | None = None
    quote_currency: Name | None = None
    calculation_mode: Name | None = None


SYMBOL_NEEDS: Final = frozenset({"name", "digits", "contract_size", "lots_min", "lots_step", "lots_max"})


class InitRequest(Payload, kw_only=True, frozen=True):
    """EA: the terminal, the broker and the symbols it trades. Without it an account gets no command.

    It may come in parts `n` of `of`, all with one `digest`; a lost part discards the whole. What is not a list is taken
    from the first part. Money in the account's currency.
    """

    platform: Name = "mt4"
    build: Count | None = None
    broker: Text | None = None
    server: Text | None = None
    currency: Name
    money_decimals: Annotated[int, Meta(ge=0, le=8)] = 2
    leverage: Count | None = None
    margin_mode: MarginMode = MarginMode.HEDGING
    fifo: bool = False
    dll_allowed: bool | None = None
    trade_allowed: bool | None = None
    utc_offset_seconds: Annotated[int, Meta(ge=-86400, le=86400)] | None = None
    symbols: Annotated[list[SymbolSpec], Meta(max_length=MAX_SYMBOLS)] = []
    history_from: Moment | None = None
    # Any wish is taken and brought within bounds: none may keep a terminal from introducing itself.
    heartbeat_interval_seconds: Annotated[int, Meta(ge=-(2**31), le=2**31)] | None = None
    balance: Money | None = None
    equity: Money | None = None
    free_margin: Money | None = None
    ea_version: Name | None = None
    transport: Name | None = None
    capabilities: Annotated[list[Name], Meta(max_length=32)] = []
    n: PartNumber = 1
    of: PartNumber = 1
    digest: Digest | None = None


# An account that nets, or closes first in, first out, must not pass for one that hedges.
INIT_NEEDS: Final = frozenset({"currency", "margin_mode", "fifo", "symbols", "n", "of", "digest"})


class HeartbeatPace(Payload, kw_only=True, frozen=True):
    """The liveness figures in force: the server's values win."""

    interval_seconds: Count
    timeout_seconds: Count


class SessionLimits(Payload, kw_only=True, frozen=True):
    """Bounds that a client must keep to."""

    frame_bytes: Count
    max_unacked_commands: Count
    intent_rate: Count
    resend_page: Count


class SubscriptionSummary(Payload, kw_only=True, frozen=True):
    """One line per subscription of the account, for the EA's screen."""

    strategy: str
    role: str
    mode: str | None = None
    state: str | None = None


class LocalGuards(Payload, kw_only=True, frozen=True):
    """Limits that the terminal keeps by itself, whatever it is ordered; null: none.

    They stand in the way of what opens, and never of what closes or protects. Lots of one order; copies that are open
    or work; equity in the account's currency; points of the symbol.
    """

    max_lots: Quantity | None = None
    max_open_copies: Count | None = None
    min_equity: Money | None = None
    max_spread_points: Count | None = None
    max_slippage_points: Count | None = None
    close_only: bool = False


class InitAck(Payload, kw_only=True, frozen=True):
    """Server: the answer to InitRequest, only after authentication."""

    server_time: str
    role: str
    capabilities: list[str]
    heartbeat: HeartbeatPace
    limits: SessionLimits
    subscriptions: list[SubscriptionSummary] = []
    subscriptions_total: Count = 0
    guards: LocalGuards | None = None


class StatusHeartbeat(Payload, kw_only=True, frozen=True):
    """EA: alive, with the account's funds. Money in the account's currency."""

    balance: Money | None = None
    equity: Money | None = None
    margin: Money | None = None
    free_margin: Money | None = None
    connected: bool | None = None
    trade_allowed: bool | None = None
    terminal_time: Moment | None = None
    ping_ms: Millis | None = None
    outbox_size: Count | None = None
    top_seq: Count | None = None
    busy_until_ms: Millis | None = None


class HeartbeatAck(Payload, kw_only=True, frozen=True):
    """Server: its clock and the top of the account's command log, so that a silent loss shows."""

    server_time: str
    epoch: UUID
    top_seq: Count


class Retry(Payload, kw_only=True, frozen=True):
    """How to come back after a problem."""

    policy: RetryPolicy
    after_seconds: Count


class ErrorAlert(Payload, kw_only=True, frozen=True):
    """Both directions: one coded problem, and what to do about it."""

    code: Name
    severity: Severity = Severity.ERROR
    retryable: bool = False
    retry: Retry | None = None
    ref: UUID | None = None
    path: Text | None = None
    message: Annotated[str, Meta(max_length=1000, pattern=r"^[^\x00]*$")] = ""
    remediation: Text | None = None


class ShutdownNotice(Payload, kw_only=True, frozen=True):
    """Both directions: the sender will close; the receiver finishes, acks, and the initiator closes."""

    reason: Name
    phase: ShutdownPhase = ShutdownPhase.NOTICE
    reconnect: bool = False
    reconnect_after_seconds: Count | None = None
    message: Text | None = None
    last_seq: Count = 0


class RefusedFrame(Payload, kw_only=True, frozen=True):
    """One durable frame that changed nothing; a final refusal consumed its number."""

    seq: Count
    id: UUID
    code: str
    final: bool


class Ack(Payload, kw_only=True, frozen=True):
    """Both directions: every frame of the peer up to `ack` is committed, or finally refused."""

    ack: Count
    refused: Annotated[list[RefusedFrame], Meta(max_length=1000)] = []


class ResendRequest(Payload, kw_only=True, frozen=True):
    """Both directions: frames `from`..`to` (inclusive) are missing here."""

    from_: Seq = msgspec.field(name="from")
    to: Seq


class GapFill(Payload, kw_only=True, frozen=True):
    """Both directions: the numbers from this frame's seq up to, not including, `next` carry nothing."""

    next: Seq
    reason: GapReason = GapReason.VOID


class Poll(Payload, kw_only=True, frozen=True):
    """EA that cannot receive asynchronously: send what waits, then Idle; with nothing waiting, hold the answer."""

    ack: Count | None = None
    hold_ms: Annotated[int, Meta(ge=0, le=60_000)] = 0


class Idle(Payload, kw_only=True, frozen=True):
    """Server: the answer to Poll, after everything that waited."""

    top_seq: Count
