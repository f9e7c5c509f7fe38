"""What this app needs from the app above it. `eagateway.routing` binds it; nothing here knows of orders.

An `Arrival` is one frame on its way into the database; a `Batch` is what one transaction did with its arrivals, and
what may be told to the sockets after the commit.
"""

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import Enum
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db.models import Exists, Subquery

from sessions_app.domain.frames.log import LogFrame
from sessions_app.domain.frames.mending import Note
from sessions_app.domain.frames.payloads import Payload, SubscriptionSummary
from sessions_app.domain.frames.registry import FrameType, Taker
from sessions_app.domain.problems import Refused


class Fate(Enum):
    """What became of a frame in its batch."""

    NEW = "new"
    APPLY = "apply"
    QUARANTINED = "quarantined"
    REPEAT = "repeat"
    REFUSED = "refused"
    GAP = "gap"
    CONFLICT = "conflict"


@dataclass(slots=True, eq=False)
class Arrival:
    """One frame of one session. `heard`: monotonic seconds when it came.

    `received_at`: the same moment on the database's clock. `source` is the transport's own handle.
    `late`: it came from a session that has ended; only reports are taken then. `raced`: it failed once
    because another gateway process may have stored the same id at that moment.
    `mended`: what of it could not be read as it came. `urgent`: others wait for what follows from it.
    `ack`: what its sender acknowledged with it, 0 for nothing, and `pushed` what is known of those commands.
    """

    session_id: UUID
    account_pk: UUID
    fence: int
    kind: str
    frame_id: UUID
    seq: int | None
    payload: Payload | None
    digest: bytes
    heard: float
    source: Any = None
    received_at: datetime | None = None
    refusal: Refused | None = None
    fate: Fate = Fate.NEW
    late: bool = False
    ack: int = 0
    pushed: "tuple[Pushed, ...]" = ()
    raced: bool = False
    mended: tuple[Note, ...] = ()
    urgent: bool = False

    @property
    def at(self) -> datetime:
        """`received_at`, which the batch has set."""
        if self.received_at is None:
            raise RuntimeError("this arrival is in no batch yet")
        return self.received_at

    def refuse(self, refusal: Refused) -> None:
        """The handler's own no."""
        self.fate, self.refusal = Fate.REFUSED, refusal


@dataclass(frozen=True, slots=True)
class LogPage:
    """Some frames of one account's log in order, and the fence of the session that is in charge of it: read in the same
    moment, so none of the frames was numbered for a later session.
    """

    fence: int
    frames: Sequence[LogFrame]


@dataclass(frozen=True, slots=True)
class Pushed:
    """When a numbered command was committed and pushed: telemetry for its time line."""

    seq: int
    committed_at: datetime
    pushed_at: datetime


class Acknowledged(NamedTuple):
    """How far an account's EA has stored its commands: up to `acked_seq` now, up to `former_seq` before."""

    id: UUID
    epoch: UUID
    former_seq: int
    acked_seq: int


@dataclass(slots=True)
class Batch:
    """What one transaction did. Everything here is told after the commit, never before.

    `log`: the new numbered frames of each account; `fences`: whose they are, the account's fence when they were
    numbered. `acks`: acknowledgements that are not written yet (see ingest.acknowledgements). `books_wanted`: accounts
    whose terminals are asked what they hold, in a transaction of its own: this one may hold accounts that come behind
    theirs in the order of locks. `offenders`: how many reports about other accounts' commands each session has sent;
    `expelled`: who sent too many.
    """

    now: datetime
    log: dict[UUID, list[LogFrame]] = field(default_factory=dict)
    acks: list[Arrival] = field(default_factory=list)
    fences: dict[UUID, int] = field(default_factory=dict)
    tops: dict[UUID, int] = field(default_factory=dict)
    replies: list[tuple[Arrival, Payload]] = field(default_factory=list)
    changed_sessions: set[UUID] = field(default_factory=set)
    books_wanted: set[UUID] = field(default_factory=set)
    promotable: set[UUID] = field(default_factory=set)
    leaving: set[UUID] = field(default_factory=set)
    offenders: Counter[UUID] = field(default_factory=Counter)
    expelled: set[UUID] = field(default_factory=set)
    stored_tops: dict[UUID, int] = field(default_factory=dict)

    def append(self, account_pk: UUID, frames: Sequence[LogFrame]) -> None:
        """Note new numbered frames of one account, in order."""
        if frames:
            self.log.setdefault(account_pk, []).extend(frames)
            self.tops[account_pk] = frames[-1].last

    def copied(self) -> "Batch":
        """Everything noted so far, to return to if a step is undone."""
        copies: dict[str, Any] = {item.name: copy(getattr(self, item.name)) for item in fields(self)}
        copies["log"] = {account: list(frames) for account, frames in self.log.items()}
        return Batch(**copies)

    def restore(self, before: "Batch") -> None:
        """Forget what was noted since `before` was copied; a copy serves once."""
        for item in fields(self):
            setattr(self, item.name, getattr(before, item.name))


Left = Callable[[], None]
Apply = Callable[[Sequence[Arrival], Batch], Left | None]


def senders(arrivals: Sequence[Arrival]) -> set[UUID]:
    """The accounts that sent these frames."""
    return {arrival.account_pk for arrival in arrivals}


@dataclass(frozen=True, slots=True)
class Chunking:
    """How a frame that comes in parts becomes whole.

    `place(payload)`: the name of its set, its number in it, and of how many. `weight(payload)`: how many items it
    carries; `most`: how many the whole may. `join(parts)`: the whole, from all parts in order. `asked_for`: the gateway
    asks for it, and again for one that was lost.
    """

    place: Callable[[Any], tuple[Hashable, int, int]]
    weight: Callable[[Any], int]
    join: Callable[[Sequence[Any]], Payload]
    most: int
    asked_for: bool = False


@dataclass(frozen=True, slots=True)
class FrameHandler:
    """How frames of one type change rows: inside the batch's transaction, many at once, in their order.

    `apply` may return what is left to write: nothing but `insert_rows` and `send_update`, for it is sent in one round
    trip with the batch's own rows and the COMMIT, or before the handler of the next group runs.
    `touches`: the accounts whose rows they change; the batch locks them all before the first handler runs.
    `takes_acks`: it writes the batch's acknowledgements too, with what it writes anyway, and locks all accounts of both
    in one statement; `collects`: it only keeps its frames for the next handler; `locks_all`: all accounts whose rows it
    changes, in one statement and in the order of their ids, before anything else.
    `fault(payload)`: the path and the rule that a payload breaks, beyond what its type says. `chunking`: they may come
    in parts, and only the whole goes into a batch.
    """

    apply: Apply
    touches: Callable[[Sequence[Arrival]], set[UUID]] = senders
    fault: Callable[[Any], tuple[str, str] | None] | None = None
    chunking: Chunking | None = None
    takes_acks: bool = False
    collects: bool = False
    locks_all: bool = False


@dataclass(frozen=True, slots=True)
class BoundFrame:
    """A frame type's row, and how the batch applies it, if it does."""

    type: FrameType
    handler: FrameHandler | None

    @property
    def carries_acks(self) -> bool:
        """Whether an acknowledgement that came with such a frame is written with it."""
        return self.handler is not None and self.handler.takes_acks and not self.handler.collects


def bound_frames(types: Mapping[str, FrameType], handlers: Mapping[str, FrameHandler]) -> Mapping[str, BoundFrame]:
    """Each frame type with its handler, by the type's name: one look-up says all about a frame.

    :raises LookupError: a row names a handler of the batch that is not there, or a handler has no row
    """
    named = {row.handler for row in types.values()}
    lacking = {row.handler for row in types.values() if row.taker is Taker.BATCH} - handlers.keys()
    if lacking or handlers.keys() - named:
        raise LookupError(f"rows and handlers differ: {sorted(lacking | (handlers.keys() - named))}")
    return {name: BoundFrame(row, handlers.get(row.handler)) for name, row in types.items()}


@dataclass(frozen=True, slots=True)
class Summaries:
    """An account's subscriptions: its role in them, the first of them, and how many there are."""

    role: str
    rows: Sequence[SubscriptionSummary]
    total: int


@dataclass(frozen=True, slots=True)
class Ports:
    """What orders provides.

    frames: every frame type of the protocol.
    commands_after(wanted): the numbered frames of some accounts, each above one number and up to another; in one
        statement.
    void_overdue(account_pk, above, now): before a resend, void what may not be executed any more; its own transaction.
    overdue(account, seq, now): for a query that knows an account and a number by these names, whether `void_overdue`
        has something to void above that number.
    acknowledged(accounts, pushed, now): the EAs have stored their commands up to their accounts' `acked_seq`.
    release(account_pk, session_id, batch): number what was held, inside the promotion's transaction.
    summaries(account_pks): what each of these accounts publishes and copies.
    carry_out_due(): carry out the stored deadlines that have passed, each exactly once; transactions of its own.
    frame_at(account, epoch, seq): for a query that knows an account, its epoch and a number by these names, the id of
        the frame that has this number, or nothing.
    frame_ids(frame_id): the ids by which an EA may know such a frame: its own, or that of a gap that ends with it.
    doubt(account_pk, decided_by, since): commands without outcome, decided by then, may have been executed by another
        terminal: set them aside; their absence at the broker counts some time after `since`. How many; in the caller's
        transaction.
    snapshot_request(account_pk, reason): the frame that asks the account's EA what it holds.
    gone(account_pks, now): nobody serves these accounts any more, and nobody has said farewell; in the caller's
        transaction.
    """

    frames: Mapping[str, BoundFrame]
    commands_after: Callable[[Mapping[UUID, tuple[int, int]]], dict[UUID, LogPage]]
    void_overdue: Callable[[UUID, int, datetime], int]
    overdue: "Callable[[str, str, Any], Exists]"
    acknowledged: Callable[[Sequence[Acknowledged], Mapping[UUID, Collection[Pushed]], datetime], None]
    release: Callable[[UUID, UUID, Batch], None]
    summaries: Callable[[Collection[UUID]], dict[UUID, Summaries]]
    carry_out_due: Callable[[], int]
    frame_at: Callable[[str, str, str], "Subquery[Any]"]
    frame_ids: Callable[[UUID], frozenset[UUID]]
    doubt: Callable[[UUID, datetime, datetime], int]
    snapshot_request: Callable[[UUID, str], Payload]
    gone: Callable[[Collection[UUID], datetime], None]


_bound: Final[list[Ports]] = []


def bind(ports: Ports) -> None:
    """Set the ports of this process; done once, by the composition root."""
    _bound[:] = [ports]


def bound() -> Ports:
    """The ports in force."""
    if not _bound:
        raise RuntimeError("the ports of sessions_app are not bound; eagateway.routing.bind() does it")
    return _bound[0]
