"""What sockets are told after a commit: answers to their own frames, and the command logs of their accounts.

A command goes out directly when its socket has everything before it; else the log is read from the database and the
socket catches up (resume, a doorbell, the sweep). Either way numbers go out in order, each once per socket.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Coroutine, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import msgspec
import structlog
from channels.db import database_sync_to_async

from sessions_app import queries
from sessions_app.domain.frames.payloads import (
    Ack,
    InitAck,
    RefusedFrame,
    ResendRequest,
    SessionState,
    ShutdownNotice,
)
from sessions_app.domain.lifecycle import LIVING, CloseCode, Reason, SessionStatus, close_code
from sessions_app.domain.problems import Refused
from sessions_app.queries import Standing
from sessions_app.services.ingest import heartbeats, ports
from sessions_app.services.ingest.ports import Arrival, Batch, Fate, LogFrame
from sessions_app.services.lifecycle import sessions
from sessions_app.services.operations.history import GATEWAY
from sessions_app.services.operations.maintenance import SentAway
from sessions_app.transport.connection.connections import Connection
from sessions_app.transport.connection.registry import Registry
from sessions_app.transport.connection.sockets import SocketConnection
from sessions_app.transport.outbound.resends import Resends

NEXT_STEP: Final = {
    SessionStatus.PENDING: "wait for the approval of your key",
    SessionStatus.AUTHENTICATED: "send InitRequest",
}
GO_ON: Final = "go on: your InitRequest is known"
ANSWER_SECONDS: Final = 2.0
_log = structlog.get_logger(__name__)


class Delivery:
    """Everything that is sent to the sockets of one registry. Runs in their event loop."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._tasks: set[asyncio.Task[None]] = set()
        self.resends = Resends(read=self._read_log, spawn=self.spawn)

    # Own frames ----------------------------------------------------------------------------------------------------

    def settle(self, batch: Batch, arrivals: Sequence[Arrival]) -> None:
        """Tell a committed batch: acknowledgements, refusals and replies to its senders, new commands to followers."""
        by_connection: dict[Connection, list[Arrival]] = defaultdict(list)
        for arrival in arrivals:
            if isinstance(arrival.source, Connection):
                by_connection[arrival.source].append(arrival)
        for connection, mine in by_connection.items():
            connection.inbox.take_from_work(len(mine))
            self._answer(connection, mine, batch)
            if connection.lifecycle.goodbye is not None:
                connection.lifecycle.goodbye.look()
            connection.wake()
        for arrival, reply in batch.replies:
            if isinstance(arrival.source, Connection):
                arrival.source.post(type(reply).__name__, reply)
        self._note_introductions(arrivals)
        committed_at = datetime.now(UTC)
        for account_pk, frames in batch.log.items():
            self.offer(account_pk, frames, fence=batch.fences[account_pk], committed_at=committed_at)
        for session_id in batch.changed_sessions:
            self.refresh(session_id)

    def _answer(self, connection: Connection, arrivals: Sequence[Arrival], batch: Batch) -> None:
        refused = [arrival for arrival in arrivals if arrival.refusal is not None and arrival.fate is not Fate.CONFLICT]
        connection.inbox.store(batch.stored_tops.get(connection.session_id, 0))
        if refused:
            self._tell_refusals(connection, refused)
        if any(arrival.fate is Fate.CONFLICT for arrival in arrivals):
            self.refuse(connection, Refused("sequence_conflict"))
            self.close_for_protocol_error(connection, "sequence conflict")
            return
        gaps = [arrival.seq for arrival in arrivals if arrival.fate is Fate.GAP and arrival.seq is not None]
        if gaps:
            self.ask_again(connection, max(gaps))
        if any(arrival.fate is Fate.REPEAT for arrival in arrivals):
            connection.inbox.tell_again()
        connection.stored_up_to(connection.inbox.stored)

    def _tell_refusals(self, connection: Connection, refused: Sequence[Arrival]) -> None:
        waits = [a.refusal.retry_after for a in refused if a.seq is not None and a.refusal and a.refusal.retry_after]
        if waits:
            connection.inbox.wait_for_gaps(max(waits))
        if not connection.authenticated:
            full = next((a.refusal for a in refused if a.refusal and not a.refusal.problem.final), None)
            if full is not None:
                self.post_state(connection, retry_after=full.retry_after)
            return
        durable = [
            RefusedFrame(seq=arrival.seq, id=arrival.frame_id, code=refusal.code, final=refusal.problem.final)
            for arrival in refused
            if arrival.seq is not None and (refusal := arrival.refusal) is not None
        ]
        if durable:
            connection.post("Ack", Ack(ack=connection.inbox.stored, refused=durable))
        for arrival in refused:
            if arrival.refusal is not None:
                self.refuse(connection, arrival.refusal, ref=arrival.frame_id)

    def ask_again(self, connection: Connection, upto: int) -> None:
        """Ask for what is missing before `upto`, if it is time to ask for some of it."""
        gap = connection.inbox.ask_for_gap(upto)
        if gap is not None:
            first, last = gap
            connection.post("ResendRequest", ResendRequest(from_=first, to=last))

    def refuse(self, connection: Connection, refusal: Refused, ref: UUID | None = None) -> None:
        """One ErrorAlert for one refused frame; a pending session is told when to come back, and nothing else."""
        if not connection.authenticated:
            _log.info("socket.pending_refused", session_id=str(connection.session_id), code=refusal.code)
            if refusal.retry_after is not None:
                self.post_state(connection, retry_after=refusal.retry_after)
            return
        connection.post("ErrorAlert", msgspec.structs.replace(refusal.alert(), ref=ref))

    def close_for_protocol_error(self, connection: Connection, note: str) -> None:
        """End the session of a peer that does not keep to the protocol; its link follows, with the call in flight."""

        async def end() -> None:
            close = database_sync_to_async(sessions.close, thread_sensitive=False)
            await close(session_id=connection.session_id, reason=Reason.PROTOCOL_ERROR, actor=GATEWAY, note=note)
            self.refresh(connection.session_id)

        self.look_up(connection, end())

    def _note_introductions(self, arrivals: Sequence[Arrival]) -> None:
        for arrival in arrivals:
            if not isinstance(arrival.source, Connection):
                continue
            if arrival.kind == "InitRequest":
                self.refresh(arrival.session_id)
            elif arrival.kind == "SyncSnapshot" and arrival.fate is Fate.APPLY:
                arrival.source.inbox.chunks.answered()
                self.refresh(arrival.session_id)

    # Command logs --------------------------------------------------------------------------------------------------

    def offer(self, account_pk: UUID, frames: Sequence[LogFrame], *, fence: int, committed_at: datetime) -> None:
        """New numbered frames of an account: send them if the socket of the session in charge is here and has all
        before them. They were numbered under this fence: a session of a lower one was preempted, and is to hear of it.
        """
        connection = self._registry.ready_for(account_pk)
        if connection is None:
            return
        if connection.standing.fence != fence:
            self.refresh(connection.session_id)
            return
        contiguous = not connection.outbox.reading and frames[0].seq == connection.outbox.sent + 1
        if not contiguous or connection.outbox.room() < len(frames):
            self.pump(connection)
            return
        for frame in frames:
            connection.push(frame, committed_at=committed_at)

    def ring(self, sessions: Iterable[UUID], accounts: Iterable[UUID]) -> None:
        """A doorbell: look at these sessions and logs again."""
        for session_id in sessions:
            self.refresh(session_id)
        for account_pk in accounts:
            connection = self._registry.ready_for(account_pk)
            if connection is not None:
                self.pump(connection)

    def pump(self, connection: Connection) -> None:
        """Let a socket catch up with its account's log; one reader per socket."""
        connection.outbox.read_on()
        if connection.ready and connection.outbox.begin_reading():
            self.spawn(self._catch_up(connection))

    async def _catch_up(self, connection: Connection) -> None:
        try:
            while connection.ready and connection.outbox.reads_on():
                await self._send_page(connection)
        finally:
            connection.outbox.end_reading()
            connection.wake()
        self.ask_for_snapshot(connection)

    def ask_for_snapshot(self, connection: Connection) -> None:
        """Ask for a snapshot that is due, once what was in the log before is on its way."""
        standing = connection.standing
        outbox, chunks = connection.outbox, connection.inbox.chunks
        behind = connection.ready and outbox.sent < standing.top_seq and not outbox.behind
        reason = chunks.wants(standing) if connection.introduced else ""
        if reason and not behind and not outbox.reading:
            chunks.asked()
            self.look_up(connection, self._request_snapshot(connection, reason))

    async def _request_snapshot(self, connection: Connection, reason: str) -> None:
        write = database_sync_to_async(ports.bound().snapshot_request, thread_sensitive=False)
        request = await write(connection.account_pk, reason)
        connection.post(type(request).__name__, request)

    async def _send_page(self, connection: Connection) -> None:
        outbox = connection.outbox
        page, before = outbox.page(), outbox.sent
        if not page:
            return
        frames = await self._read_log(connection, before, page)
        if not connection.ready:
            return
        if outbox.sent != before:  # set back meanwhile, by a call that confirmed less
            outbox.read_on()
            return
        for frame in frames:
            connection.push(frame, committed_at=datetime.now(UTC))
        if outbox.sent - before >= page:  # by number: a gap covers many in one frame
            outbox.read_on()

    async def _read_log(self, connection: Connection, after: int, limit: int) -> list[LogFrame]:
        """Numbered frames above `after`, for the session in charge alone: none, once another one has taken over."""
        read = database_sync_to_async(_log_page, thread_sensitive=False)
        fence, frames = await read(connection.account_pk, after, limit)
        if fence == connection.standing.fence:
            return frames
        self.refresh(connection.session_id)
        return []

    # Sessions ------------------------------------------------------------------------------------------------------

    def refresh(self, session_id: UUID) -> None:
        """Look at a session's row again and tell its socket what has changed."""
        connection = self._registry.of_session(session_id)
        if connection is not None:
            self.look_up(connection, self._refresh(connection))

    async def _refresh(self, connection: Connection) -> None:
        read = database_sync_to_async(queries.standings, thread_sensitive=False)
        standing = (await read([connection.session_id])).get(connection.session_id)
        if standing is not None:
            await self.update(connection, standing)

    async def update(self, connection: Connection, standing: Standing) -> None:
        """Bring a socket up to its session's row: ended, promoted, introduced, or just behind its log.

        A promoted one is told SessionState, InitAck, backlog, in this order: it takes commands from then on.
        """
        ack = await self._introduction(connection, standing)
        read_before_promotion = connection.authenticated and standing.state == SessionStatus.PENDING
        if connection.lifecycle.closing or read_before_promotion:
            return
        former = connection.stand(standing)
        if standing.links > connection.link_no:
            self.supersede(connection)  # in another process
            return
        if standing.state not in LIVING:
            self._tell_end(connection)
            return
        if standing.epoch != former.epoch:
            connection.renumber()
            self.post_state(connection, recovered=False)
        elif standing.state != former.state:
            self.post_state(connection)
        if standing.state != former.state and ack is not None:
            connection.post("InitAck", ack)
        if standing.top_seq > connection.outbox.sent:
            self.pump(connection)
        self.ask_for_snapshot(connection)

    async def _introduction(self, connection: Connection, standing: Standing) -> InitAck | None:
        """The deferred InitAck of a terminal that introduced itself before its promotion."""
        promoted = standing.state == SessionStatus.AUTHENTICATED and not connection.authenticated
        if not promoted or not standing.initialised:
            return None
        read = database_sync_to_async(_init_ack, thread_sensitive=False)
        ack: InitAck = await read(standing.session_id)
        return ack

    def post_state(self, connection: Connection, *, recovered: bool = True, retry_after: int | None = None) -> None:
        """SessionState: after Hello and at every change."""
        standing = connection.standing
        connection.post(
            "SessionState",
            SessionState(
                status=standing.state,
                reason=standing.close_reason or None,
                next_step=_next_step(standing),
                session_id=standing.session_id,
                epoch=standing.epoch,
                stored_seq=connection.inbox.stored,
                top_seq=standing.top_seq,
                recovered=recovered,
                retry_after_seconds=retry_after,
            ),
        )

    def _tell_end(self, connection: Connection) -> None:
        reason = Reason(connection.standing.close_reason or Reason.CLOSED_BY_OPERATOR)
        self.post_state(connection)
        if reason is Reason.HEARTBEAT_TIMEOUT:
            notice = ShutdownNotice(
                reason=reason, reconnect=True, reconnect_after_seconds=1, last_seq=connection.outbox.sent
            )
            connection.post("ShutdownNotice", notice)
        connection.close(close_code(reason))

    def announce_end(self, reason: Reason) -> None:
        """The process is going: tell every EA to come back. What it sends from now on is ignored, and comes again."""
        for connection in self._registry:
            self.announce(connection, ShutdownNotice(reason=reason, reconnect=True, reconnect_after_seconds=1))

    def announce(self, connection: Connection, notice: ShutdownNotice) -> None:
        """Say that this link will be closed; nothing is taken from it from now on but the answer."""
        if connection.lifecycle.ending:
            return
        connection.post("ShutdownNotice", msgspec.structs.replace(notice, last_seq=connection.outbox.sent))
        connection.lifecycle.leave()

    def send_away(self, away: SentAway) -> None:
        """Maintenance begins for a session: told once, its answer awaited, its link closed; the session is kept."""
        connection = self._registry.of_session(away.session_id)
        if connection is None or connection.lifecycle.ending:
            return
        connection.lifecycle.come_back_after(away.reconnect_after_seconds)
        if not away.first:
            connection.close(CloseCode.SERVICE_RESTART)
            return
        notice = ShutdownNotice(
            reason="maintenance",
            message=away.reason,
            reconnect=True,
            reconnect_after_seconds=away.reconnect_after_seconds,
        )
        self.announce(connection, notice)
        self.spawn(self._part(connection))

    async def _part(self, connection: Connection) -> None:
        """Close a link that was told so, after its answer or without it. What is still at work comes again."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(connection.lifecycle.answered.wait(), ANSWER_SECONDS)
        connection.acknowledge()
        connection.close(CloseCode.SERVICE_RESTART)

    async def answers(self, seconds: float) -> None:
        """Wait until every EA has answered the announcement, or the time is up. A caller may not call again."""
        waiting = [item for item in self._registry if item.lifecycle.leaving and isinstance(item, SocketConnection)]
        if waiting and seconds > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.gather(*(item.lifecycle.answered.wait() for item in waiting)), seconds)

    async def close_all(self, code: int, *, seconds: float) -> None:
        """Acknowledge what was stored since, close every socket, and wait until all of it is on its way."""
        closing = list(self._registry)
        for connection in closing:
            connection.acknowledge()
            connection.close(code)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(
                asyncio.gather(*(connection.lifecycle.closed.wait() for connection in closing)), seconds
            )

    def supersede(self, connection: Connection) -> None:
        """A newer socket of the same session has taken over."""
        connection.close(CloseCode.SUPERSEDED)

    def look_up(self, connection: Connection, work: Coroutine[Any, Any, None]) -> None:
        """Run a task that reads a link's rows; a call that waits takes its outcome along."""

        async def run() -> None:
            try:
                await work
            finally:
                connection.inbox.end_lookup()
                connection.wake()

        connection.inbox.begin_lookup()
        self.spawn(run())

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a task of this loop; its failure is logged, never lost."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.error("delivery.failed", exc_info=task.exception())


def _next_step(standing: Standing) -> str:
    state = SessionStatus(standing.state)
    if state is SessionStatus.AUTHENTICATED and standing.initialised:
        return GO_ON
    return NEXT_STEP.get(state, "open a new session")


def _init_ack(session_id: UUID) -> InitAck:
    session = queries.session(session_id)
    if session is None:
        raise LookupError(session_id)
    return heartbeats.init_ack(session, queries.database_now())


def _log_page(account_pk: UUID, after: int, limit: int) -> tuple[int, list[LogFrame]]:
    """The account's fence, read after its frames: none of them was numbered for a later session than it tells."""
    frames = ports.bound().commands_after(account_pk, after, limit)
    return queries.fences([account_pk])[account_pk], frames
