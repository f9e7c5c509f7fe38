"""Daphne's requests with a bound on their bodies, and `callers` told of what their connections do."""

from typing import Any, Final

from daphne.http_protocol import WebRequest

from eagateway.servers.bounded_bodies import MAX_BODY_BYTES

_REFUSAL: Final = b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


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
