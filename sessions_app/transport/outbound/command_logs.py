"""The command logs of accounts on their way to links.

A command goes out directly when its link has everything before it; else the log is read from the database and the link
catches up (resume, a doorbell, the sweep). Either way numbers go out in order, each once per link.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from channels.db import database_sync_to_async

from sessions_app import queries
from sessions_app.services.ingest import ports
from sessions_app.services.ingest.ports import LogFrame
from sessions_app.transport.connection.connections import Connection
from sessions_app.transport.connection.registry import Registry
from sessions_app.transport.outbound.loop_tasks import LoopTasks

MOST_MISSED: Final = 20_000


class CommandLogs:
    """`refresh`: look at the row of a session that is perhaps in charge no more."""

    def __init__(self, registry: Registry, tasks: LoopTasks, *, refresh: Callable[[UUID], None]) -> None:
        self._registry, self._tasks, self._refresh = registry, tasks, refresh
        self._missed: OrderedDict[UUID, None] = OrderedDict()

    def begin(self, connection: Connection) -> None:
        """A link was registered: its log is read if it goes on above what the EA has. What was committed between the
        read of its standing and this moment, no link has taken."""
        missed = self._missed.pop(connection.account_pk, None) is not None
        if missed or connection.standing.top_seq > connection.outbox.sent:
            self.pump(connection)
        else:
            self.ask_for_snapshot(connection)

    def miss(self, account_pk: UUID) -> None:
        """There is something new in a log that no link of this process takes: one may be about to."""
        self._missed[account_pk] = None
        if len(self._missed) > MOST_MISSED:
            self._missed.popitem(last=False)

    def offer(self, account_pk: UUID, frames: Sequence[LogFrame], *, fence: int, committed_at: datetime) -> None:
        """New numbered frames of an account: send them if the socket of the session in charge is here and has all
        before them. They were numbered under this fence: a session of a lower one was preempted, and is to hear of it.
        """
        connection = self._registry.ready_for(account_pk)
        if connection is None:
            self.miss(account_pk)
            return
        if connection.standing.fence != fence:
            self._refresh(connection.session_id)
            return
        contiguous = not connection.outbox.reading and frames[0].seq == connection.outbox.sent + 1
        if not contiguous or connection.outbox.room() < len(frames):
            self.pump(connection)
            return
        for frame in frames:
            connection.push(frame, committed_at=committed_at)

    def pump(self, connection: Connection) -> None:
        """Let a socket catch up with its account's log; one reader per socket."""
        connection.outbox.read_on()
        if connection.ready and connection.outbox.begin_reading():
            self._tasks.spawn(self._catch_up(connection))

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
            self._tasks.look_up(connection, self._request_snapshot(connection, reason))

    async def _request_snapshot(self, connection: Connection, reason: str) -> None:
        write = database_sync_to_async(ports.bound().snapshot_request, thread_sensitive=False)
        request = await write(connection.account_pk, reason)
        connection.post(type(request).__name__, request)

    async def _send_page(self, connection: Connection) -> None:
        outbox = connection.outbox
        page, before = outbox.page(), outbox.sent
        if not page:
            return
        frames = await self.read(connection, before, page)
        if not connection.ready:
            return
        if outbox.sent != before:  # set back meanwhile, by a call that confirmed less
            outbox.read_on()
            return
        for frame in frames:
            connection.push(frame, committed_at=datetime.now(UTC))
        if outbox.sent - before >= page:  # by number: a gap covers many in one frame
            outbox.read_on()

    async def read(self, connection: Connection, after: int, limit: int) -> list[LogFrame]:
        """Numbered frames above `after`, for the session in charge alone: none, once another one has taken over."""
        read = database_sync_to_async(_log_page, thread_sensitive=False)
        fence, frames = await read(connection.account_pk, after, limit)
        if fence == connection.standing.fence:
            return frames
        self._refresh(connection.session_id)
        return []


def _log_page(account_pk: UUID, after: int, limit: int) -> tuple[int, list[LogFrame]]:
    """The account's fence, read after its frames: none of them was numbered for a later session than it tells."""
    frames = ports.bound().commands_after(account_pk, after, limit)
    return queries.fences([account_pk])[account_pk], frames
