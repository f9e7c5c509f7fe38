"""Requests to Django take turns: each has a thread and a database connection of its own while it is served.

Without a bound two hundred strangers have two hundred threads, and every connection that the writer of the EAs' frames
would need. People's pages and the API of EAs wait in lines of their own, so that neither holds up the other. The health
pages are no part of Django: whoever watches the process waits behind nobody.
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

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        line = self._lines.setdefault(asyncio.get_running_loop(), _lines())[_line_of(scope["path"])]
        if line.waiting >= WAITING:
            await _refuse(send, scope["path"])
            return
        line.waiting += 1
        try:
            await line.turns.acquire()
        finally:
            line.waiting -= 1
        begun = False

        async def noting(message: Any) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            async with asyncio.timeout(TURN_SECONDS):
                await self._application(scope, receive, noting)
        except TimeoutError:  # whoever does not read must not keep the turn
            if not begun:
                await _refuse(send, scope["path"])
        finally:
            line.turns.release()


async def _refuse(send: Send, path: str) -> None:
    answer = bare_problem("try_later", instance=path)
    headers = [(name.lower().encode(), value.encode()) for name, value in answer.items()]
    await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": answer.content})
