"""What links are told: after a commit, the answers to their own frames and the new commands of their accounts; and what
has changed in their sessions' rows."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import msgspec
import structlog
from channels.db import database_sync_to_async

from sessions_app import queries
from sessions_app.domain.frames.pages import pages
from sessions_app.domain.frames.payloads import (
    Ack,
    InitAck,
    RefusedFrame,
    SessionState,
    ShutdownNotice,
)
from sessions_app.domain.keys import grouped
from sessions_app.domain.lifecycle import LIVING, CloseCode, Reason, SessionStatus, close_code
from sessions_app.domain.problems import Refused
from sessions_app.doorbell import News, Ring
from sessions_app.queries import Standing
from sessions_app.services.ingest import introducing, ports
from sessions_app.services.ingest.ports import Arrival, Batch, Fate
from sessions_app.services.lifecycle import ending
from sessions_app.services.operations.history import GATEWAY
from sessions_app.transport.connection.connections import Connection
from sessions_app.transport.connection.registry import Registry
from sessions_app.transport.outbound.beat_answers import answer_beats
from sessions_app.transport.outbound.command_logs import CommandLogs
from sessions_app.transport.outbound.gaps import ask_again
from sessions_app.transport.outbound.loop_tasks import LoopTasks
from sessions_app.transport.outbound.resends import Resends
from sessions_app.transport.outbound.shutdown import Shutdown
from sessions_app.transport.outbound.standings import Standings

NEXT_STEP: Final = {
    SessionStatus.PENDING: "wait for the approval of your key",
    SessionStatus.AUTHENTICATED: "send InitRequest",
}
GO_ON: Final = "go on: your InitRequest is known"
# Another session would be refused as this one was: the EA stops and shows what a person has to do.
FOR_A_PERSON: Final[Mapping[Reason | None, str]] = {
    Reason.KEY_REVOKED: "stop: the key or grant was revoked; a person has to give this EA a new one",
    Reason.KEY_REJECTED: "stop: the key was rejected; a person has to give this EA a new one",
    Reason.ACCOUNT_SUSPENDED: "stop: the account is suspended; a person starts this EA again when that is lifted",
    Reason.PREEMPTED: "stop: another terminal serves this account; a person has to stop one of them",
}
_log = structlog.get_logger(__name__)


class Delivery:
    """Everything that is sent to the sockets of one registry. Runs in their event loop."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._tasks = LoopTasks()
        self._standings = Standings(self._tasks, update=self.update)
        self.logs = CommandLogs(registry, self._tasks, refresh=self.refresh)
        self.resends = Resends(read=self.logs.read_own, spawn=self._tasks.spawn)
        self.shutdown = Shutdown(registry, self._tasks)

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
            answer_beats(connection)
            if connection.lifecycle.goodbye is not None:
                connection.lifecycle.goodbye.look()
            connection.wake()
        for arrival, reply in batch.replies:
            if isinstance(arrival.source, Connection):
                arrival.source.post(type(reply).__name__, reply)
        self._renew_standings(arrivals)
        committed_at = datetime.now(UTC)
        for account_pk, frames in batch.log.items():
            news = News(batch.tops[account_pk], batch.fences[account_pk], frames)
            self.logs.offer(account_pk, news, committed_at=committed_at, sent_at=committed_at)
        for session_id in batch.changed_sessions:
            self.refresh(session_id)

    def _answer(self, connection: Connection, arrivals: Sequence[Arrival], batch: Batch) -> None:
        refused = [arrival for arrival in arrivals if arrival.refusal is not None and arrival.fate is not Fate.CONFLICT]
        connection.inbox.store(batch.stored_tops.get(connection.session_id, 0))
        if refused:
            self._tell_refusals(connection, refused)
        # Two frames claim one number: what the EA means by any other one is not sure any more.
        if any(arrival.fate is Fate.CONFLICT for arrival in arrivals):
            self.refuse(connection, Refused("sequence_conflict"))
            self.close_for_protocol_error(connection, "sequence conflict")
            return
        gaps = [arrival.seq for arrival in arrivals if arrival.fate is Fate.GAP and arrival.seq is not None]
        for seq in gaps:
            connection.inbox.miss(seq)
        # What is at work may be the rest of it.
        if gaps or (connection.inbox.lacks and not connection.inbox.in_work):
            ask_again(connection)
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
        for page in pages(durable):
            connection.post("Ack", Ack(ack=connection.inbox.stored, refused=page))
        for arrival in refused:
            if arrival.refusal is not None:
                self.refuse(connection, arrival.refusal, ref=arrival.frame_id)

    def refuse(self, connection: Connection, refusal: Refused, ref: UUID | None = None) -> None:
        """One ErrorAlert for one refused frame; a pending session is told when to come back, and nothing else."""
        if not connection.authenticated:
            _log.info("socket.pending_refused", session_id=str(connection.session_id), code=refusal.code)
            if refusal.retry_after is not None:
                step = refusal.problem.remediation if refusal.code == "parts_incomplete" else None
                self.post_state(connection, retry_after=refusal.retry_after, next_step=step)
            return
        connection.post("ErrorAlert", msgspec.structs.replace(refusal.alert(), ref=ref))

    def close_for_protocol_error(self, connection: Connection, note: str) -> None:
        """End the session of a peer that does not keep to the protocol; its link follows, with the call in flight."""

        async def end() -> None:
            close = database_sync_to_async(ending.close_session, thread_sensitive=False)
            await close(session_id=connection.session_id, reason=Reason.PROTOCOL_ERROR, actor=GATEWAY, note=note)
            self.refresh(connection.session_id)

        self._tasks.look_up(connection, end())

    def _renew_standings(self, arrivals: Sequence[Arrival]) -> None:
        """Some frames change what a link may do: introduced, or told whole, it may get its first command."""
        frames = ports.bound().frames
        for arrival in arrivals:
            if not isinstance(arrival.source, Connection):
                continue
            frame = frames[arrival.kind]
            if not frame.type.renews_standing:
                continue
            chunking = frame.handler.chunking if frame.handler is not None else None
            if chunking is not None and chunking.asked_for:
                if arrival.fate is not Fate.APPLY:
                    continue  # no whole answer: what was asked for is still to come
                arrival.source.inbox.chunks.answered()
            self.refresh(arrival.session_id)

    def ring(self, news: Ring) -> None:
        """A doorbell: look at these sessions again, and at these logs, unless their new frames came with it."""
        for session_id in news.sessions:
            self.refresh(session_id)
        now = datetime.now(UTC)
        for account_pk, grown in news.accounts.items():
            self.logs.offer(account_pk, grown, committed_at=news.rung_at or now, sent_at=now)

    # Sessions ------------------------------------------------------------------------------------------------------

    def refresh(self, session_id: UUID) -> None:
        """Look at a session's row again and tell its socket what has changed."""
        connection = self._registry.of_session(session_id)
        if connection is not None:
            self._standings.ask(connection)

    def is_news(self, connection: Connection, standing: Standing) -> bool:
        """Whether a row that was read again says anything that its socket has not been told, or is still to do."""
        done = connection.outbox.sent >= standing.top_seq and not standing.snapshot_due
        return not done or standing != connection.standing

    async def update(self, connection: Connection, standing: Standing) -> None:
        """Bring a socket up to its session's row: ended, promoted, introduced, or just behind its log.

        A promoted one is told SessionState, InitAck, backlog, in this order: it takes commands from then on.
        """
        # The only read, and before all else: nothing waits from here on, so no command comes before the InitAck.
        ack = await self._introduction(connection, standing)
        # Two looks may overtake each other: the later one has told the promotion already.
        read_before_promotion = connection.authenticated and standing.state == SessionStatus.PENDING
        if connection.lifecycle.closing or read_before_promotion:
            return
        former = connection.stand(standing)
        if standing.links > connection.link_no:
            self.supersede(connection)  # in another process
            return
        if standing.state not in LIVING:
            self.tell_end(connection)
            return
        if standing.epoch != former.epoch:
            connection.renumber()
            self.post_state(connection, recovered=False)
        elif standing.state != former.state:
            self.post_state(connection)
        if standing.state != former.state and ack is not None:
            connection.post("InitAck", ack)
        self.logs.pump(connection, standing.top_seq)
        self.logs.ask_for_snapshot(connection)

    async def _introduction(self, connection: Connection, standing: Standing) -> InitAck | None:
        """The deferred InitAck of a terminal that introduced itself before its promotion."""
        promoted = standing.state == SessionStatus.AUTHENTICATED and not connection.authenticated
        if not promoted or not standing.initialised:
            return None
        read = database_sync_to_async(_init_ack, thread_sensitive=False)
        ack: InitAck = await read(standing.session_id)
        return ack

    def post_state(
        self,
        connection: Connection,
        *,
        recovered: bool = True,
        retry_after: int | None = None,
        next_step: str | None = None,
    ) -> None:
        """SessionState: after Hello and at every change. `next_step`: what the EA is to do, if not the usual."""
        standing = connection.standing
        connection.post(
            "SessionState",
            SessionState(
                status=standing.state,
                reason=standing.close_reason or None,
                next_step=next_step or _next_step(standing),
                session_id=standing.session_id,
                epoch=standing.epoch,
                stored_seq=connection.inbox.stored,
                top_seq=standing.top_seq,
                recovered=recovered,
                retry_after_seconds=retry_after,
                # What its owner tells whoever approves the key; nobody asks for it afterwards.
                key_code=grouped(standing.key_code) or None if standing.state == SessionStatus.PENDING else None,
            ),
        )

    def tell_end(self, connection: Connection) -> None:
        """Its session has ended: say why, and close the link."""
        reason = Reason(connection.standing.close_reason or Reason.CLOSED_BY_OPERATOR)
        self.post_state(connection)
        if reason is Reason.HEARTBEAT_TIMEOUT:
            notice = ShutdownNotice(
                reason=reason, reconnect=True, reconnect_after_seconds=1, last_seq=connection.outbox.sent
            )
            connection.post("ShutdownNotice", notice)
        connection.close(close_code(reason))

    def supersede(self, connection: Connection) -> None:
        """A newer socket of the same session has taken over."""
        connection.close(CloseCode.SUPERSEDED)


def _next_step(standing: Standing) -> str:
    state = SessionStatus(standing.state)
    if state is SessionStatus.AUTHENTICATED and standing.initialised:
        return GO_ON
    reason = Reason(standing.close_reason) if standing.close_reason else None
    return NEXT_STEP.get(state) or FOR_A_PERSON.get(reason, "open a new session")


def _init_ack(session_id: UUID) -> InitAck:
    session = queries.session(session_id)
    if session is None:
        raise LookupError(session_id)
    return introducing.init_ack(session, queries.database_now())
