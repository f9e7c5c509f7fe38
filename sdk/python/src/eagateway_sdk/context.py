"""What the parts of one client share: its files, its clocks, and the application's hooks."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final, Protocol, runtime_checkable
from uuid import UUID

from eagateway_sdk.clock import Clock, ServerClock
from eagateway_sdk.frames import (
    ErrorAlert,
    ExecutionReport,
    HeldOrder,
    HeldPosition,
    InitAck,
    InitRequest,
    OrderCommand,
    Quote,
    SessionState,
    StatusHeartbeat,
    SyncSnapshot,
)
from eagateway_sdk.journal import Journal, JournalFailed
from eagateway_sdk.ledger import Ledger
from eagateway_sdk.outbox import DurableFrame, Outbox
from eagateway_sdk.session import SessionFile

log = logging.getLogger(__name__)

_MOST_REFUSED: Final = 100
Outcome = ExecutionReport | list[ExecutionReport]


class Executor(Protocol):
    """The terminal behind a follower. Calls come one at a time; the commands of one copy in their order.

    `execute` does what the command says and returns what the broker did; several reports (placed, then filled) are
    sent in their order. Raising means that the outcome is unknown, and so do `unknown` and a rejection with
    MetaTrader's 128, 142 or 143: nothing is sent again, and the broker is asked by `search` until the order is found or
    `Timing.search_window` has passed; other copies go on meanwhile. `search` returns what became of a command that may
    have been executed (by its magic number in the trades and the history for opens, by the state it should have led to
    for the rest), or None when nothing of it is found. It raises when the broker cannot be asked. A call that takes
    longer than `Timing.call_patience` is cancelled, and counts as one that raised.

    One that has `takes_tickets = True` closes by `command.ticket` where there is one: that position, and no other. The
    gateway orders such closes of nobody else.
    """

    async def execute(self, command: OrderCommand) -> Outcome: ...

    async def search(self, command: OrderCommand) -> Outcome | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BookSnapshot:
    """What a terminal holds, ours and all else, read in one go. `connected`: False when it cannot see its broker.

    `history_from`: how far back it sees closed orders, if that differs from what InitRequest told.
    """

    positions: Sequence[HeldPosition] = ()
    working_orders: Sequence[HeldOrder] = ()
    balance: Decimal | None = None
    equity: Decimal | None = None
    quotes: Sequence[Quote] = ()
    connected: bool = True
    history_from: str | None = None


@runtime_checkable
class Holdings(Protocol):
    """A terminal that can tell its whole book. Never called while a command is being executed."""

    async def snapshot(self) -> BookSnapshot: ...


@dataclass(frozen=True, slots=True)
class RefusedFrame:
    """A frame that the gateway refused for good. `path`: the field at fault; `message`: what is wrong with it; the
    gateway tells both behind the code, so `on_refused` is called without them."""

    id: UUID
    frame: DurableFrame
    code: str
    path: str | None = None
    message: str = ""

    def __str__(self) -> str:
        where = f" at {self.path}" if self.path else ""
        return f"{type(self.frame).__name__} was refused: {self.code}{where}" + (self.message and f": {self.message}")


class Refused(Exception):
    """What was sent changed nothing, and never will: `code`, `path` and `message` of the first frame that was refused
    for good since this was last raised. `frames` has all of them, the newest hundred at most."""

    def __init__(self, frames: Sequence[RefusedFrame]) -> None:
        more = f" (and {len(frames) - 1} more)" if len(frames) > 1 else ""
        super().__init__(f"{frames[0]}{more}")
        self.frames = tuple(frames)
        self.code, self.path, self.message = frames[0].code, frames[0].path, frames[0].message


def _ignore(_: object) -> None:
    return None


@dataclass(slots=True)
class Hooks:
    """The application's callbacks; called on the event loop, to return at once. What they raise is logged."""

    on_state: Callable[[SessionState], None] = _ignore
    on_init: Callable[[InitAck], None] = _ignore
    on_refused: Callable[[RefusedFrame], None] = _ignore
    on_alert: Callable[[ErrorAlert], None] = _ignore
    on_differences: Callable[[SyncSnapshot], None] = _ignore
    funds: Callable[[], StatusHeartbeat] = StatusHeartbeat


@dataclass(frozen=True, slots=True)
class Timing:
    """Pauses in seconds. `search_window`: how long an order without an answer may still reach the broker, after a
    timeout as after a crash; only then "not found" is believed. `search_pause`: how often it is looked for meanwhile.
    `call_patience`: how long a call of the executor may take: twice the usual heartbeat timeout. A longer one is
    cancelled, its outcome unknown. `notice_patience`: how long the gateway's notice of its end waits for the order in
    hand. `socket_retry`: how often an exchange that stands in for a WebSocket tries for one."""

    ack_delay: float = 0.05
    retry_pause: float = 1.0
    resend_patience: float = 5.0
    hello_patience: float = 10.0
    close_patience: float = 5.0
    search_window: float = 60.0
    search_pause: float = 1.0
    call_patience: float = 30.0
    notice_patience: float = 1.5
    socket_retry: float = 60.0


@dataclass(slots=True)
class Context:
    """One account's shared state. `ready` wakes who sends, `work` wakes who executes, `changed` wakes who waits.

    `terminal` is held by who talks to the terminal: a command with its outcome, or a reading of the whole book.
    `leaving`: no further command is begun. `parted`: the last numbers, ours and the gateway's, of a session that ended
    in order.
    `refused`: what was refused for good, and not raised yet.
    `last_error`: why there is no connection; None as soon as there is one.
    `losses` counts transactions that could not be written; after each, outbox and ledger are read again from the file.
    """

    journal: Journal
    outbox: Outbox
    ledger: Ledger
    sessions: SessionFile
    clock: Clock
    server_clock: ServerClock
    hooks: Hooks
    timing: Timing
    init_request: InitRequest
    executor: Executor | None
    holdings: Holdings | None = None
    leaving: bool = False
    parted: tuple[int, int] | None = None
    losses: int = 0
    refused: dict[UUID, RefusedFrame] = field(default_factory=dict)
    last_error: Exception | None = None
    events: Counter[str] = field(default_factory=Counter)
    terminal: asyncio.Lock = field(default_factory=asyncio.Lock)
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    work: asyncio.Event = field(default_factory=asyncio.Event)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def enqueue(self, frame: DurableFrame) -> UUID:
        """Write one durable frame; it is sent as soon as it is durable.

        :raises FrameTooBig, ValueError: it can never be sent
        :raises JournalFailed: the file cannot be written
        """
        row = self.outbox.add(frame)
        self.journal.when_durable(lambda error: self._written(row.seq, error))
        self.events[f"written.{row.type}"] += 1
        return UUID(row.id)

    def note_trouble(self, error: Exception) -> None:
        """There is no connection: say why, once, and again only when the reason is another one."""
        if str(error) != str(self.last_error):
            # In the message itself: without any set-up of logging, Python shows nothing else.
            log.warning("client.not_connected: %s", error)
        self.last_error = error
        self.changed.set()

    def note_refusal(self, refused: RefusedFrame) -> None:
        """Keep it for who waits until everything is sent."""
        self.refused[refused.id] = refused
        if len(self.refused) > _MOST_REFUSED:
            del self.refused[next(iter(self.refused))]
        self.changed.set()

    def explain_refusal(self, alert: ErrorAlert) -> None:
        """The gateway says what is wrong with a frame, which it has refused already."""
        known = self.refused.get(alert.ref) if alert.ref is not None else None
        if known is not None and alert.code == known.code:
            self.refused[known.id] = replace(known, path=alert.path, message=alert.message or alert.code)
            self.changed.set()

    def reread(self) -> None:
        """A transaction was lost: go back to what the file holds."""
        self.losses += 1
        self.events["journal.lost"] += 1
        self.outbox.load()
        self.ledger.load()
        self.work.set()
        self.changed.set()

    def _written(self, seq: int, error: JournalFailed | None) -> None:
        if error is None:
            self.outbox.commit(seq)
            self.ready.set()


def call_hook(hook: Callable[..., None], value: object) -> None:
    """Call one of the application's hooks; its errors are its own."""
    try:
        hook(value)
    except Exception:
        log.exception("client.hook_failed")
