"""Links that come back at once are served together: one transaction for all whose Hello waits.

No timer: while one transaction commits, the next Hellos gather. A gateway that starts again meets all of its EAs within
a moment, and a COMMIT each is what would keep them waiting.
"""

import asyncio
from typing import Final

from channels.db import database_sync_to_async

from sessions_app.domain.frames.payloads import Hello
from sessions_app.services.lifecycle import resuming
from sessions_app.services.lifecycle.resuming import Coming, Resumed

# Their sessions are locked together until the one commit.
MOST: Final = 200
_Answer = asyncio.Future[Resumed | None]


class Resumes:
    """Lives in one event loop."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Coming, _Answer]] = []
        self._serving: asyncio.Task[None] | None = None

    async def resume(self, *, token: str, hello: Hello) -> Resumed:
        """See `resuming.resume`.

        :raises Refused: `token_invalid`, `maintenance`
        :raises django.db.Error: the database is away
        """
        answer: _Answer = asyncio.get_running_loop().create_future()
        self._waiting.append((Coming(token, hello), answer))
        if self._serving is None:
            self._serving = asyncio.create_task(self._serve())
        known = await answer
        if known is not None:
            return known
        other = database_sync_to_async(resuming.resume_other, thread_sensitive=False)
        resumed: Resumed = await other(token=token, hello=hello)
        return resumed

    async def _serve(self) -> None:
        try:
            while self._waiting:
                some, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
                await self._serve_some(some)
        finally:
            self._serving = None

    async def _serve_some(self, some: list[tuple[Coming, _Answer]]) -> None:
        resume = database_sync_to_async(resuming.resume_known, thread_sensitive=False)
        try:
            found = await resume([coming for coming, _ in some])
        except Exception as error:  # noqa: BLE001 - each of those who wait is told what went wrong
            for _, answer in some:
                if not answer.done():
                    answer.set_exception(error)
            return
        for (_, answer), resumed in zip(some, found, strict=True):
            if not answer.done():  # its link may have gone
                answer.set_result(resumed)
