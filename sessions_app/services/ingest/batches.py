"""The ingest batch's transaction: number, dedupe, apply and store the frames of many sessions at once.

A single call is a batch of one. Frame handlers run inside this transaction. Nothing is acknowledged or sent from here:
the returned `Batch` says what may be told once COMMIT has returned. An id is the sender's idempotency key: the same
frame again changes nothing, whatever number it comes under; another frame under a known id or number is refused.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, QuerySet

from sessions_app import queries
from sessions_app.domain.alerts import AlertCode
from sessions_app.domain.decimals import to_builtins
from sessions_app.domain.frames import sequence
from sessions_app.domain.frames.payloads import GapFill
from sessions_app.domain.frames.registry import FrameType, Pending
from sessions_app.domain.frames.sequence import Log
from sessions_app.domain.lifecycle import LIVING, KeyState, Reason, SessionStatus
from sessions_app.domain.problems import Refused
from sessions_app.models import EaSession, InboundFrame
from sessions_app.models.bulk import insert_rows, send_update
from sessions_app.models.fields import new_id
from sessions_app.models.statements import Place, Statement, plan_by_index, together
from sessions_app.models.transactions import requires_transaction
from sessions_app.services.ingest import acknowledgements, ports
from sessions_app.services.ingest.groups import group_by_kind, handler_of, lock_accounts
from sessions_app.services.ingest.known_frames import KnownFrames, Sent, ids_by_number, send_for_known
from sessions_app.services.ingest.ports import Arrival, Batch, Fate, Left
from sessions_app.services.ingest.rooms import Room, lock_rooms, write_rooms
from sessions_app.services.operations import alerts

GAP_FILL: Final = GapFill.__name__
MAX_FOREIGN_REPORTS: Final = 3


@dataclass(slots=True)
class _Session:
    """One session's row as locked, and its log."""

    id: UUID
    state: str
    fence: int
    account_pk: UUID
    key_approved: bool
    preempted: bool
    stored_seq: int
    log: Log
    stored: int = 0
    full: bool = False
    room: Room | None = None


@dataclass(slots=True)
class _Locked:
    """The locked sessions and the stored frames that a batch is sorted against.

    `fresh`: this batch's frames that took a number under an id of their own, by that id and its scope (see `_scope`).
    Both are found by the numbers of ids: the hash of a number is compiled code, that of a UUID is Python.
    """

    sessions: dict[int, _Session]
    known: KnownFrames
    fresh: dict[tuple[int, int], tuple[Arrival, _Session]] = field(default_factory=dict)


def store(*, arrivals: Sequence[Arrival]) -> Batch:
    """Store and apply frames in one transaction, in the order given. Sets every arrival's `fate` and `refusal`.

    :raises django.db.Error: nothing is stored then
    """
    # The last writes and the COMMIT are one round trip: it ends after the transaction.
    with ExitStack() as last_trip, transaction.atomic(durable=True):
        locked, now = _lock(arrivals)
        batch = Batch(now=now)
        for arrival in arrivals:
            _sort(arrival, locked)
        groups = group_by_kind(_applied(arrivals, locked))
        lock_accounts(groups)
        left = _apply(groups, batch)
        _count_offences(batch)
        _call_people(arrivals, batch)
        if len(batch.fences) < len(batch.log):  # locked by the handlers: no session takes over
            batch.fences |= queries.fences(batch.log.keys() - batch.fences.keys())
        write_rooms({id(item.room): item.room for item in locked.sessions.values() if item.room is not None}.values())
        last_trip.enter_context(together())
        left()
        _write(arrivals, locked, batch)
    return batch


def _lock(arrivals: Sequence[Arrival]) -> tuple[_Locked, datetime]:
    """Lock the sessions and read what the batch is sorted against, in one round trip; the clock comes along."""
    heard_now = monotonic()
    sent = [
        Sent(arrival.session_id, arrival.account_pk, arrival.frame_id, arrival.seq, pending=arrival.fence == 0)
        for arrival in arrivals
        if arrival.seq is not None
    ]
    # Frames are looked for when the sessions are locked: what another writer has stored meanwhile is seen.
    with together():
        plan_by_index()
        locked = _SESSIONS.send(sessions={arrival.session_id for arrival in arrivals})
        stored = send_for_known(sent)
    sessions, now = _sessions(locked.read())
    known = stored()
    for arrival in arrivals:
        # A try that failed has left its answers here: only the decoder's refusal stands.
        arrival.fate, arrival.refusal = Fate.NEW, arrival.refusal if arrival.payload is None else None
        # When it came, not when the writer had time for it: the age of a signal depends on it.
        arrival.received_at = now - timedelta(seconds=max(0.0, heard_now - arrival.heard))
    _read_numbers(sent, sessions)
    return _Locked(sessions=sessions, known=known), now


def _read_numbers(sent: Sequence[Sent], sessions: Mapping[int, _Session]) -> None:
    """Let the sessions know whose the numbers are that come again; usually none does."""
    again = [
        (item.session_id, item.seq)
        for item in sent
        if (session := sessions.get(item.session_id.int)) is not None and item.seq <= session.stored_seq
    ]
    for (session_id, seq), frame_id in ids_by_number(again).items():
        sessions[session_id.int].log.ids[seq] = frame_id


def _lock_sessions() -> "QuerySet[EaSession, Any]":
    """Lock the sessions so that a change of state or fence waits for this batch, and read the clock with them."""
    rows = EaSession.objects.filter(id__among=Place("sessions")).order_by("id")
    columns = ("id", "state", "fence", "account_id", "key_id", "key__state", "close_reason", "stored_seq")
    locked = rows.select_for_update(of=("self",), no_key=True)
    return locked.annotate(clock=queries.clock()).values_list(*columns, "clock")


_SESSIONS: Final = Statement(_lock_sessions)


def _sessions(locked: Sequence[tuple[Any, ...]]) -> tuple[dict[int, _Session], datetime]:
    """The locked sessions, and the clock."""
    now = locked[0][-1] if locked else queries.database_now()
    sessions = {
        pk.int: _Session(
            id=pk,
            state=state,
            fence=fence,
            account_pk=account_pk,
            key_approved=key_state == KeyState.APPROVED,
            preempted=close_reason == Reason.PREEMPTED,
            stored_seq=stored_seq,
            log=Log(stored_seq, {}),
        )
        for pk, state, fence, account_pk, _key, key_state, close_reason, stored_seq, _ in locked
    }
    keys = {pk: key_id for pk, state, _fence, _account, key_id, *_ in locked if state == SessionStatus.PENDING}
    if keys:
        _count_stored(sessions, keys)
    return sessions, now


def _count_stored(sessions: Mapping[int, _Session], keys: Mapping[UUID, UUID | None]) -> None:
    """Let pending sessions know what they have stored, and what all sessions of their keys have."""
    rooms = lock_rooms({key_id for key_id in keys.values() if key_id is not None})
    for pk, key_id in keys.items():
        sessions[pk.int].room = rooms.get(key_id) if key_id is not None else None
    counts = InboundFrame.objects.filter(session__in=keys).values_list("session_id").annotate(Count("id"))
    for pk, stored in counts:
        sessions[pk.int].stored = stored


# Sorting ----------------------------------------------------------------------------------------------------


def _sort(arrival: Arrival, locked: _Locked) -> None:
    """Decide one frame's fate; take its number if it is the next.

    A session that has ended takes nothing any more, and no number: its frames may come again under the next session.
    Only reports are facts whenever they come, provided that this session was ever in charge of the account.
    """
    session = locked.sessions.get(arrival.session_id.int)
    if session is None:
        arrival.refuse(Refused("session_closed"))
        return
    arrival.account_pk = session.account_pk
    arrival.late = session.state not in LIVING
    if arrival.late and not (session.fence and _type_of(arrival).fact):
        arrival.refuse(Refused("fenced" if session.preempted else "session_closed"))
        return
    if arrival.seq is None:
        arrival.fate = Fate.APPLY if arrival.refusal is None else Fate.REFUSED
        return
    place = session.log.place(arrival.seq, arrival.frame_id)
    if place is sequence.Place.NEXT:
        _take_next(arrival, session, locked)
    else:
        _answer_again(arrival, place, session, locked)


def _applied(arrivals: Sequence[Arrival], locked: _Locked) -> list[Arrival]:
    """What the handlers get: also what a frame acknowledges that is not applied, unless its session has ended."""
    applied = []
    for arrival in arrivals:
        if arrival.fate is Fate.APPLY:
            applied.append(arrival)
        elif arrival.ack and arrival.session_id.int in locked.sessions and not arrival.late:
            applied.append(acknowledgements.alone(arrival))
    return applied


def _type_of(arrival: Arrival) -> FrameType:
    return ports.bound().frames[arrival.kind].type


def _answer_again(arrival: Arrival, place: sequence.Place, session: _Session, locked: _Locked) -> None:
    if place in (sequence.Place.CONFLICT, sequence.Place.USED) and _fills_nothing(arrival, session):
        arrival.fate, arrival.refusal = Fate.REPEAT, None
        return
    known = _known(arrival, session, _scope(arrival, session), locked)
    if place is sequence.Place.REPEAT or (place is sequence.Place.USED and known is not None):
        _repeat(arrival, known)
        return
    arrival.fate = Fate.GAP if place is sequence.Place.AHEAD else Fate.CONFLICT


def _fills_nothing(arrival: Arrival, session: _Session) -> bool:
    """Whether this is a GapFill for numbers that are all stored: late, but no conflict."""
    return arrival.kind == GAP_FILL and _last_number(arrival) <= session.log.top


def _take_next(arrival: Arrival, session: _Session, locked: _Locked) -> None:
    scope = _scope(arrival, session)
    known = _known(arrival, session, scope, locked)
    # Every frame with an id of its own is a row, also one that is refused.
    if known is None and session.state == SessionStatus.PENDING and not _has_room(session):
        arrival.refuse(Refused("session_full", retry_after=60))
        return
    if known is None and arrival.refusal is None:
        waits = session.state == SessionStatus.PENDING and _type_of(arrival).pending is Pending.QUARANTINED
        arrival.fate = Fate.QUARANTINED if waits else Fate.APPLY
    elif known is not None:
        _repeat(arrival, known)
    else:
        arrival.fate = Fate.REFUSED
    session.log.take(_last_number(arrival), arrival.frame_id)
    if known is None:
        locked.fresh[scope] = (arrival, session)


def _has_room(session: _Session) -> bool:
    """Whether a pending session may store one more frame, which is counted then. Once full, it stays so in its batch:
    what follows has a higher number.
    """
    own = session.stored >= settings.GATEWAY["pending_frames"]
    session.full = session.full or own or (session.room is not None and session.room.full)
    if session.full:
        return False
    session.stored += 1
    if session.room is not None:
        session.room.frames += 1
    return True


def _last_number(arrival: Arrival) -> int:
    """The number a frame consumes up to: its own, or for a GapFill the last it fills."""
    seq = arrival.seq or 0
    return max(seq, arrival.payload.next - 1) if isinstance(arrival.payload, GapFill) else seq


def _scope(arrival: Arrival, session: _Session) -> tuple[int, int]:
    """Where a frame's id must be unique, and the id: in the account, or, until its promotion, in the pending session
    alone."""
    where = arrival.session_id if session.state == SessionStatus.PENDING else session.account_pk
    return where.int, arrival.frame_id.int


def _known(arrival: Arrival, session: _Session, scope: tuple[int, int], locked: _Locked) -> tuple[bytes, str] | None:
    """(digest, refusal) of the frame that has this id already: stored, or earlier in this batch."""
    in_batch = locked.fresh.get(scope)
    if in_batch is not None:
        first, _ = in_batch
        return first.digest, first.refusal.code if first.refusal else ""
    if session.state == SessionStatus.PENDING:
        return locked.known.by_session.get((arrival.session_id, arrival.frame_id))
    if not locked.known.by_account:  # nothing of the batch is known, as nearly always
        return None
    return locked.known.by_account.get((arrival.account_pk, arrival.frame_id))


def _repeat(arrival: Arrival, known: tuple[bytes, str] | None) -> None:
    """Answer as before: acknowledged, refused with the same code, or `id_reused` for another body."""
    if known is not None and known[0] != arrival.digest:
        arrival.refuse(Refused("id_reused"))
        return
    arrival.fate = Fate.REPEAT
    arrival.refusal = Refused(known[1]) if known is not None and known[1] else None


# Applying ---------------------------------------------------------------------------------------------------


@requires_transaction
def apply_in_groups(arrivals: Sequence[Arrival], batch: Batch) -> None:
    """Run the handlers, many frames of a type at once, in the caller's transaction; each account keeps its order."""
    left = _apply(group_by_kind(arrivals), batch)
    with together():
        left()


def _apply(groups: Sequence[Sequence[Arrival]], batch: Batch) -> Left:
    """Run the handlers; what the last one has left to write."""
    frames = ports.bound().frames
    left = _nothing
    for group in groups:
        # The next group looks at what this one has written.
        if left is not _nothing:
            with together():
                left()
        handler = handler_of(frames[group[0].kind])
        if not handler.takes_acks:
            acknowledgements.settle(batch)
        left = handler.apply(group, batch) or _nothing
    acknowledgements.settle(batch)
    return left


def _nothing() -> None:
    """Nothing is left to write."""


# Writing ----------------------------------------------------------------------------------------------------


def _write(arrivals: Sequence[Arrival], locked: _Locked, batch: Batch) -> None:
    insert_rows(InboundFrame, [_row(arrival, session) for arrival, session in locked.fresh.values()])
    sessions = locked.sessions.values()
    batch.stored_tops = {item.id: item.log.top for item in sessions}
    batch.promotable |= _promotable(arrivals, locked)
    risen = [_Top(item.id, item.log.top) for item in sessions if item.log.top > item.stored_seq]
    send_update(EaSession, risen, ["stored_seq"])


class _Top(NamedTuple):
    """How far a session's frames are stored now."""

    id: UUID
    stored_seq: int


class _FrameRow(NamedTuple):
    """A row of inbound frames: its columns by their names."""

    id: UUID
    account_id: UUID
    session_id: UUID
    frame_id: UUID
    seq: int
    kind: str
    digest: bytes
    content: Any
    quarantined: bool
    refusal: str
    received_at: datetime


def _row(arrival: Arrival, session: _Session) -> _FrameRow:
    return _FrameRow(
        id=new_id(),
        account_id=arrival.account_pk,
        session_id=arrival.session_id,
        frame_id=arrival.frame_id,
        seq=arrival.seq or 0,
        kind=arrival.kind,
        digest=arrival.digest,
        content=_content(arrival),
        quarantined=session.state == SessionStatus.PENDING,
        refusal=arrival.refusal.code if arrival.refusal else "",
        received_at=arrival.at,
    )


def _content(arrival: Arrival) -> Any:
    return to_builtins(arrival.payload) if arrival.payload is not None and _is_kept(arrival) else None


def kept_content(arrival: Arrival, content: Any) -> Any:
    """What of a frame's content stays."""
    return content if _is_kept(arrival) else None


def _is_kept(arrival: Arrival) -> bool:
    """Frames that still have to be applied keep their content, and so do the types that people read."""
    frame = ports.bound().frames.get(arrival.kind)  # none: stored by another version of the gateway
    return arrival.fate is Fate.QUARANTINED or (frame is not None and frame.type.kept)


def _promotable(arrivals: Sequence[Arrival], locked: _Locked) -> set[UUID]:
    """Pending sessions that are heard of after the approval of their key."""
    may = {item.id for item in locked.sessions.values() if item.key_approved and item.state == SessionStatus.PENDING}
    return may and {item.session_id for item in arrivals if item.session_id in may and _type_of(item).proves_life}


def _count_offences(batch: Batch) -> None:
    """Keep count of reports about other accounts' commands; who sends too many of them is expelled after the commit."""
    for session_id, times in batch.offenders.items():
        EaSession.objects.filter(id=session_id).update(foreign_reports=F("foreign_reports") + times)
    if batch.offenders:
        over = EaSession.objects.filter(id__in=batch.offenders, foreign_reports__gte=MAX_FOREIGN_REPORTS)
        batch.expelled |= set(over.values_list("id", flat=True))


def _call_people(arrivals: Sequence[Arrival], batch: Batch) -> None:
    """Two frames under one number: their session ends after the commit, and a person must look at the terminal. One
    that is refused for good and comes no more: what it told of is copied to nobody, or known to nobody.
    """
    alerts.raise_alerts((call for arrival in arrivals if (call := _call_about(arrival))), batch.now)


_FOR_GOOD: Final = frozenset({"invalid", "id_reused"})


def _call_about(arrival: Arrival) -> alerts.Call | None:
    if arrival.fate is Fate.CONFLICT:
        text = f"Number {arrival.seq} came with another {arrival.kind}"
        return alerts.Call(AlertCode.SEQUENCE_CONFLICT, text, arrival.account_pk)
    refusal = arrival.refusal
    # Who is not in charge of his account trades nothing that anybody should have copied.
    if arrival.fate is not Fate.REFUSED or arrival.seq is None or refusal is None or not arrival.fence:
        return None
    if refusal.code not in _FOR_GOOD:
        return None
    text = f"{arrival.kind} {arrival.seq}: {refusal.path or '$'}: {refusal.message}"
    return alerts.Call(AlertCode.FRAME_REFUSED, text, arrival.account_pk)
