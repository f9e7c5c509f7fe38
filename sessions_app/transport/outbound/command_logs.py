"""The command logs of accounts on their way to links.

A command goes out directly when its link has everything before it; else the log is read from the database and the link
catches up (resume, a doorbell, the sweep). Either way numbers go out in order, each once per link. Whoever reads takes
everything that waits: one statement for the logs of many links.
"""

from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final
from uuid import UUID

import structlog
from channels.db import database_sync_to_async

from sessions_app.domain.frames.log import LogFrame
from sessions_app.doorbell import News
from sessions_app.services.ingest import ports
from sessions_app.services.ingest.ports import LogPage
from sessions_app.transport.connection.connections import Connection
from sessions_app.transport.connection.outbox import Outbox
from sessions_app.transport.connection.registry import Registry
from sessions_app.transport.outbound.loop_tasks import LoopTasks

MOST_MISSED: Final = 20_000
MOST_LOGS: Final = 200
MOST_NUMBERS: Final = 2000
"""Of how many accounts, and how many numbers in all, one statement reads."""
_log = structlog.get_logger(__name__)


class CommandLogs:
    """`refresh`: look at the row of a session that is perhaps in charge no more."""

    def __init__(self, registry: Registry, tasks: LoopTasks, *, refresh: Callable[[UUID], None]) -> None:
        self._registry, self._tasks, self._refresh = registry, tasks, refresh
        self._behind: dict[Connection, None] = {}
        self._reading = False
        self._missed: OrderedDict[UUID, int] = OrderedDict()

    def begin(self, connection: Connection) -> None:
        """A link was registered: its log is read if it goes on above what the EA has. What was committed between the
        read of its standing and this moment, no link has taken."""
        self.pump(connection, max(connection.standing.top_seq, self._missed.pop(connection.account_pk, 0)))
        if not connection.outbox.reading:
            self.ask_for_snapshot(connection)

    def miss(self, account_pk: UUID, top: int) -> None:
        """There is something new in a log that no link of this process takes: one may be about to."""
        self._missed[account_pk] = top
        if len(self._missed) > MOST_MISSED:
            self._missed.popitem(last=False)

    def offer(self, account_pk: UUID, news: News, *, committed_at: datetime, sent_at: datetime) -> None:
        """An account's log has grown: send the new frames if the socket of the session in charge is here and has all
        before them. They were numbered under a fence: a session of a lower one was preempted, and is to hear of it.

        Whoever told it: frames that do not continue the log exactly are not sent, the log is read instead.
        """
        connection = self._registry.ready_for(account_pk)
        if connection is None:
            self.miss(account_pk, max([news.top, *(frame.last for frame in news.frames[-1:])]))
            return
        standing, outbox, frames = connection.standing, connection.outbox, news.frames
        if frames and (standing.fence != news.fence or standing.epoch != frames[0].epoch):
            self._refresh(connection.session_id)
            return
        if frames and frames[0].seq <= outbox.sent:  # told twice, or in part
            frames = [frame for frame in frames if frame.last > outbox.sent]
        if not frames or not _continues(outbox, frames) or outbox.room() < len(frames):
            self.pump(connection, max([news.top, *(frame.last for frame in frames[-1:])]))
            return
        for frame in frames:
            connection.push(frame, committed_at=committed_at, sent_at=sent_at)

    def pump(self, connection: Connection, top: int = 0) -> None:
        """Let a socket catch up with its account's log, which goes up to `top` as far as the caller knows."""
        connection.outbox.hear_of(top)
        if connection.ready and connection.outbox.may_read_on() and connection.outbox.begin_reading():
            self._behind[connection] = None
            if not self._reading:
                self._reading = True
                self._tasks.spawn(self._catch_up())

    async def _catch_up(self) -> None:
        """Read for everybody who is behind, until nobody is."""
        try:
            while self._behind:
                readers, wanted = self._next_readers()
                try:
                    await self._send_pages(readers, wanted)
                finally:
                    for connection in readers:
                        self._behind.pop(connection, None)
                        connection.outbox.end_reading()
                        connection.wake()
                for connection in readers:
                    self.pump(connection)
                    self.ask_for_snapshot(connection)
        finally:
            self._reading = False
            if self._behind:  # this round has failed; the others are not to wait for the sweep
                self._reading = True
                self._tasks.spawn(self._catch_up())

    def _next_readers(self) -> tuple[list[Connection], dict[UUID, tuple[int, int]]]:
        """Who reads now, and from which number to which: no more than one statement is to bring."""
        readers: list[Connection] = []
        wanted: dict[UUID, tuple[int, int]] = {}
        room = MOST_NUMBERS
        for connection in list(self._behind):
            outbox = connection.outbox
            after, upto = outbox.sent, min(outbox.top, outbox.sent + outbox.page())
            if readers and (len(readers) >= MOST_LOGS or upto - after > room or connection.account_pk in wanted):
                continue
            readers.append(connection)
            if connection.ready and upto > after:
                wanted[connection.account_pk] = (after, upto)
                room -= upto - after
        return readers, wanted

    async def _send_pages(self, readers: Collection[Connection], wanted: Mapping[UUID, tuple[int, int]]) -> None:
        if not wanted:
            return
        pages = await self.read(wanted)
        now = datetime.now(UTC)
        for connection in readers:
            if connection.account_pk in wanted and connection.ready:
                after, upto = wanted[connection.account_pk]
                self._send_page(connection, pages.get(connection.account_pk), after=after, upto=upto, now=now)

    def _send_page(self, connection: Connection, page: LogPage | None, *, after: int, upto: int, now: datetime) -> None:
        outbox = connection.outbox
        if outbox.sent != after:  # set back meanwhile, by a call that confirmed less
            return
        for frame in self._own(connection, page):
            connection.push(frame, committed_at=now, sent_at=now)
        if outbox.sent < upto:  # the rows have less than was said: nobody reads for it again before there is more
            outbox.found_end()

    def _own(self, connection: Connection, page: LogPage | None) -> Sequence[LogFrame]:
        """What a page has for this link: nothing, once another session or another log has taken over."""
        if page is None:
            return ()
        standing = connection.standing
        if page.fence == standing.fence and all(frame.epoch == standing.epoch for frame in page.frames):
            return page.frames
        self._refresh(connection.session_id)
        return ()

    async def read(self, wanted: Mapping[UUID, tuple[int, int]]) -> dict[UUID, LogPage]:
        """Numbered frames of these accounts, in one statement."""
        read = database_sync_to_async(ports.bound().commands_after, thread_sensitive=False)
        pages: dict[UUID, LogPage] = await read(wanted)
        return pages

    async def read_own(self, connection: Connection, after: int, limit: int) -> Sequence[LogFrame]:
        """Numbered frames above `after`, for the session in charge alone: none, once another one has taken over."""
        pages = await self.read({connection.account_pk: (after, after + limit)})
        return self._own(connection, pages.get(connection.account_pk))

    # Snapshots -------------------------------------------------------------------------------------------------------

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


def _continues(outbox: Outbox, frames: Sequence[LogFrame]) -> bool:
    """Whether these are exactly the next numbers of this link's log, and nobody is reading it."""
    if outbox.reading or frames[0].seq != outbox.sent + 1:
        return False
    return len(frames) == 1 or all(
        after.seq == before.last + 1 and after.epoch == before.epoch for before, after in pairwise(frames)
    )
