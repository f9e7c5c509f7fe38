"""Request bodies are bounded before anybody holds them: both servers would spool whatever a stranger sends."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

MAX_BODY_BYTES: Final = 2 * 1024 * 1024
"""Above what any door takes; the exchange takes 1 MiB."""
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


class _Unfit(Exception):
    """A body that nobody takes, and the status that says so."""

    def __init__(self, status: int) -> None:
        super().__init__()
        self.status = status


class BoundedBodies:
    """ASGI: answers 413 to what is too large, wherever a server hands bodies on as they come, and 400 to a body with
    two lengths: a proxy and we might believe different ones."""

    def __init__(self, application: Any) -> None:
        self._application = application

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        heard, begun = 0, False

        async def bounded() -> Any:
            nonlocal heard
            message = await receive()
            heard += len(message.get("body", b""))
            if heard > MAX_BODY_BYTES:
                raise _Unfit(413)
            return message

        async def noting(message: Any) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            if _told_twice(scope):
                raise _Unfit(400)
            if _told_length(scope) > MAX_BODY_BYTES:
                raise _Unfit(413)
            await self._application(scope, bounded, noting)
        except _Unfit as unfit:
            if not begun:
                headers = [(b"connection", b"close"), (b"content-length", b"0")]
                await send({"type": "http.response.start", "status": unfit.status, "headers": headers})
                await send({"type": "http.response.body", "body": b""})


def _told_twice(scope: Any) -> bool:
    names = [name for name, _ in scope["headers"]]
    return b"transfer-encoding" in names and b"content-length" in names


def _told_length(scope: Any) -> int:
    told = dict(scope["headers"]).get(b"content-length", b"0")
    return int(told) if told.isdigit() and len(told) < 20 else 0
