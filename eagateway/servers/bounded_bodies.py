"""Request bodies are bounded before anybody holds them: both servers would spool whatever a stranger sends."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from daphne.http_protocol import WebRequest

MAX_BODY_BYTES: Final = 2 * 1024 * 1024
"""Above what any door takes; the exchange takes 1 MiB."""
_REFUSAL: Final = b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


class BoundedRequest(WebRequest):  # type: ignore[misc]
    """Daphne reads a whole body before any application sees it: one that is too large ends the connection."""

    _heard = 0

    def process(self) -> Any:
        """The request is here as a whole."""
        self._callers.works(self._peer)
        return super().process()

    def finish(self) -> None:
        """Its answer is given."""
        super().finish()
        self._callers.answered(self._peer)

    def gotLength(self, length: int | None) -> None:  # noqa: N802 - Twisted's name
        address = self.channel.getPeer()
        self._callers, self._peer = self.server.callers, (address.host, address.port)
        self._callers.has_head(self._peer)
        super().gotLength(length)
        if length is not None and length > MAX_BODY_BYTES:
            self._refuse()

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        self._heard += len(data)
        if self._heard > MAX_BODY_BYTES:
            self._refuse()
        else:
            super().handleContentChunk(data)

    def _refuse(self) -> None:
        transport = self.channel.transport if self.channel is not None else None
        if transport is not None and not getattr(transport, "disconnecting", False):
            transport.write(_REFUSAL)
            transport.loseConnection()


def bound_requests(factory: Any) -> None:
    """Have the HTTP side of a Daphne server make bounded requests, and tell `callers` of every connection."""
    build, callers = factory.buildProtocol, factory.server.callers

    def bounded(address: Any) -> Any:
        protocol, peer = build(address), (address.host, address.port)
        protocol.requestFactory = BoundedRequest
        make, hear, lose = protocol.makeConnection, protocol.dataReceived, protocol.connectionLost

        def made(transport: Any) -> None:
            callers.came(peer, transport.abortConnection)
            make(transport)

        def heard(data: bytes) -> None:
            callers.heard(peer)
            hear(data)

        def lost(reason: Any) -> None:
            callers.gone(peer)
            lose(reason)

        protocol.makeConnection, protocol.dataReceived, protocol.connectionLost = made, heard, lost
        return protocol

    factory.buildProtocol = bounded


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
