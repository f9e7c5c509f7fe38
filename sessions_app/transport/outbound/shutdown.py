"""Goodbyes of both sides.

The EA's: everything up to its last number is fetched, within a bound, before it is answered. The notice travels on to
the ingest batch when nothing is missing any more, or when its time is up: the answer then says which numbers the
gateway has, and both sides know the same last ones.

The gateway's: every EA is told to come back, its answer awaited, its link closed.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

import msgspec

from sessions_app.domain.frames.payloads import ShutdownNotice
from sessions_app.domain.lifecycle import CloseCode, Reason
from sessions_app.services.operations.maintenance import SentAway
from sessions_app.transport.connection.connections import Connection
from sessions_app.transport.connection.registry import Registry
from sessions_app.transport.connection.sockets import SocketConnection
from sessions_app.transport.outbound.gaps import ask_again
from sessions_app.transport.outbound.loop_tasks import LoopTasks

GOODBYE_SECONDS: Final = 1.5  # MT4 gives an EA 2.5 s to end
ANSWER_SECONDS: Final = 2.0


class FetchingGoodbye:
    """Waits for what is missing up to `upto`; then `answer` is called, once."""

    def __init__(self, connection: Connection, upto: int, *, answer: Callable[[], None]) -> None:
        self._connection, self._upto, self._answer = connection, upto, answer
        self._timer = asyncio.get_running_loop().call_later(GOODBYE_SECONDS, self._end)

    def look(self) -> None:
        """Something was stored: is it all? If not, ask for the next page once nothing more is under way."""
        if self._connection.inbox.stored >= self._upto:
            self._end()
        # What is at work may be the rest of it.
        elif not self._connection.inbox.in_work:
            ask_again(self._connection, self._upto)

    def _end(self) -> None:
        self._timer.cancel()
        if self._connection.lifecycle.end_goodbye(self):
            self._answer()


class Shutdown:
    """The gateway's goodbyes to the links of one registry."""

    def __init__(self, registry: Registry, tasks: LoopTasks) -> None:
        self._registry, self._tasks = registry, tasks

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
        self._tasks.spawn(self._part(connection))

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
