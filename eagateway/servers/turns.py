"""Requests to Django take turns: each has a thread and a database connection of its own while it is served.

Without a bound two hundred strangers have two hundred threads, and every connection that the writer of the EAs' frames
would need. People's pages and the API of EAs wait in lines of their own, so that neither holds up the other. The health
pages are no part of Django: whoever watches the process waits behind nobody.

A turn ends after TURN_SECONDS. An answer that is still on its way then, piece by piece, as a long table is, leaves its
turn to the others and goes on in one of a few places for such, as long as its pieces are taken, up to STREAM_SECONDS.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final
from weakref import WeakKeyDictionary

from sessions_app.rest.problem_middleware import is_below_api
from sessions_app.rest.problems import bare_problem

AT_ONCE: Final = {"api": 8, "people": 2}
WAITING: Final = 2000
TURN_SECONDS: Final = 45
STREAMS: Final = 2  # answers beyond their turn, each with a thread and a connection while a piece is made
STREAM_SECONDS: Final = 900
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


@dataclass(slots=True)
class _Line:
    """Who waits for the same few turns."""

    turns: asyncio.Semaphore
    waiting: int = 0


def _lines() -> dict[str, _Line]:
    return {name: _Line(asyncio.Semaphore(count)) for name, count in AT_ONCE.items()}


def _line_of(path: str) -> str:
    return "api" if is_below_api(path) else "people"


class Turns:
    """ASGI: serves a few requests at once, lets so many wait, and answers 503 to the rest."""

    def __init__(self, application: Any) -> None:
        self._application = application
        self._lines: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, _Line]] = WeakKeyDictionary()
        self._streams: WeakKeyDictionary[asyncio.AbstractEventLoop, _Streams] = WeakKeyDictionary()

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        loop = asyncio.get_running_loop()
        line = self._lines.setdefault(loop, _lines())[_line_of(scope["path"])]
        if line.waiting >= WAITING:
            await _refuse(send, scope["path"])
            return
        line.waiting += 1
        try:
            await line.turns.acquire()
        finally:
            line.waiting -= 1
        turn = _Turn(line.turns.release, self._streams.setdefault(loop, _Streams()), send, began=loop.time())
        try:
            async with asyncio.timeout_at(turn.began + TURN_SECONDS) as turn.limit:
                await self._application(scope, receive, turn.send_on)
        except TimeoutError:  # whoever does not read must not keep the turn
            if not turn.begun:
                await _refuse(send, scope["path"])
        finally:
            turn.leave()


@dataclass(slots=True)
class _Streams:
    """The answers that go on beyond their turns."""

    free: int = STREAMS

    def release(self) -> None:
        self.free += 1


@dataclass(slots=True)
class _Turn:
    """One request's turn. `leave`: gives back what it holds, its turn or, later, its place among the streams."""

    leave: Callable[[], None]
    streams: _Streams
    send: Send
    began: float
    begun: bool = False
    beyond: bool = False
    limit: asyncio.Timeout | None = None

    async def send_on(self, message: Any) -> None:
        """Pass a message of the answer on; a piece that was taken, with more to come, is progress."""
        self.begun = True
        await self.send(message)
        if self.limit is not None and message.get("body") and message.get("more_body", False):
            self._go_on(self.limit)

    def _go_on(self, limit: asyncio.Timeout) -> None:
        now = asyncio.get_running_loop().time()
        if now >= self.began + TURN_SECONDS and not self.beyond:
            if not self.streams.free:
                limit.reschedule(now)  # as many go on as may: this one ends here
                return
            self.streams.free -= 1
            self.leave()
            self.leave, self.beyond = self.streams.release, True
        limit.reschedule(min(now + TURN_SECONDS, self.began + STREAM_SECONDS))


async def _refuse(send: Send, path: str) -> None:
    answer = bare_problem("try_later", instance=path)
    headers = [(name.lower().encode(), value.encode()) for name, value in answer.items()]
    await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": answer.content})
