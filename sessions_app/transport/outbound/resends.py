"""What an EA asks to be sent again: any numbers that were sent, page by page, with other frames between the pages."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from django.conf import settings

from sessions_app.domain.frames.log import LogFrame
from sessions_app.domain.frames.payloads import ResendRequest
from sessions_app.domain.problems import Refused
from sessions_app.transport.connection.connections import Connection

PAGE_SECONDS: Final = 0.05
Read = Callable[[Connection, int, int], Awaitable[Sequence[LogFrame]]]
Spawn = Callable[[Coroutine[Any, Any, None]], None]


class Resends:
    """`read(connection, after, limit)`: numbered frames of the connection's log; `spawn`: start a task of the loop."""

    def __init__(self, *, read: Read, spawn: Spawn) -> None:
        self._read, self._spawn = read, spawn

    async def serve(self, connection: Connection, asked: ResendRequest) -> None:
        """Send numbers `from`..`to` again, page by page, each when the one before is out.

        :raises Refused: `not_authenticated`: no command goes to a pending session; `resend_out_of_range`;
            `resend_in_flight`: what was asked for before is not out yet
        """
        if not connection.authenticated:
            raise Refused("not_authenticated")
        if connection.outbox.resending:
            raise Refused("resend_in_flight", retry_after=1)
        # What was never sent must not be had by asking: the window of unacknowledged commands would bound nothing.
        if asked.from_ > asked.to or asked.to > connection.outbox.sent:
            raise Refused("resend_out_of_range", f"Numbers 1 to {connection.outbox.sent} were sent on this log")
        connection.outbox.begin_resend()
        try:
            following = await self._page(connection, asked.from_, asked.to)
        except BaseException:
            connection.outbox.end_resend()
            raise
        self._spawn(self._others(connection, following, asked.to))

    async def _page(self, connection: Connection, first: int, upto: int) -> int:
        """Queue one page of numbers from `first` on; the number after it."""
        page = min(upto - first + 1, settings.GATEWAY["resend_page"])
        connection.inbox.begin_lookup()
        try:
            frames = await self._read(connection, first - 1, page)
        finally:
            connection.inbox.end_lookup()
        now = datetime.now(UTC)
        for frame in frames:
            if frame.seq <= upto:
                connection.push(frame, committed_at=now, sent_at=now)
        connection.wake()
        return max([first + page, *(frame.last + 1 for frame in frames)])

    async def _others(self, connection: Connection, first: int, upto: int) -> None:
        """Other frames pass between the pages, and no client makes the gateway read its log without a pause."""
        try:
            await connection.outbox.drained()
            while first <= min(upto, connection.outbox.sent) and connection.ready:
                first = await self._page(connection, first, upto)
                await connection.outbox.drained()
                await asyncio.sleep(PAGE_SECONDS)
        finally:
            connection.outbox.end_resend()
