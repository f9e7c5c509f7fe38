"""Daphne with backpressure: it has none of its own, in either direction, and would keep a flood or a stalled reader's
frames in memory.

Outgoing: a send waits until Twisted has written what came before, as on uvicorn; the link's own bounded queue fills up
instead. What the socket takes is sent at once. Incoming: while an application has many frames to hear, the socket is
not read, and TCP slows the sender down.
"""

import asyncio
from typing import Any, Final

from autobahn.websocket.types import ConnectionDeny
from daphne.server import Server
from daphne.ws_protocol import WebSocketProtocol
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from eagateway.protocol import STREAM
from eagateway.servers.callers import Callers

CLOSE_SECONDS: Final = 5
MOST_UNHEARD: Final = 128
_LOOK_AGAIN_SECONDS: Final = 0.005


@implementer(IPushProducer)
class Brake:
    """What Twisted tells when its buffer for one socket is full, and when it is empty again."""

    def __init__(self) -> None:
        self.room = asyncio.Event()
        self.room.set()

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's name
        self.room.clear()

    def resumeProducing(self) -> None:  # noqa: N802 - Twisted's name
        self.room.set()

    def stopProducing(self) -> None:  # noqa: N802 - Twisted's name
        self.room.set()


class PacedProtocol(WebSocketProtocol):  # type: ignore[misc]
    """One socket with a brake for each direction."""

    brake: Brake | None = None
    _reading = True
    _spoke = False

    def onConnect(self, request: Any) -> Any:  # noqa: N802 - autobahn's name
        self.factory.server_class.callers.opened(self._caller)
        if request.path.lstrip("/") != STREAM:
            self.muted, self.request, self.server, self.client_addr = True, request, self.factory.server_class, None
            self.server.protocol_connected(self)
            raise ConnectionDeny(404)  # type: ignore[no-untyped-call] # Daphne would say 403
        return super().onConnect(request)

    def connectionLost(self, reason: Any) -> None:  # noqa: N802 - Twisted's name
        self.factory.server_class.callers.gone(self._caller)
        super().connectionLost(reason)

    @property
    def _caller(self) -> tuple[str, int]:
        address = self.transport.getPeer()
        return address.host, address.port

    def onOpen(self) -> None:  # noqa: N802 - autobahn's name
        self.brake = Brake()
        self.transport.unregisterProducer()  # the HTTP request that this socket was
        self.transport.registerProducer(self.brake, True)
        super().onOpen()

    def onMessage(self, payload: bytes, isBinary: bool) -> None:  # noqa: N802, N803 - autobahn's names
        super().onMessage(payload, isBinary)
        if not self._spoke:
            self._spoke = True
            self.factory.server_class.callers.works(self._caller)
        if self._reading and self.application_queue.qsize() > MOST_UNHEARD:
            self._reading = False
            self.transport.pauseProducing()
            self._read_when_heard()

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        # Autobahn's own makes words in colours of each call, for a log that nobody keeps.
        self._dataReceived(data)

    def sendData(self, data: bytes, sync: bool = False, chopsize: int | None = None) -> None:  # noqa: N802 - autobahn's
        """Send at once what the socket takes, when nothing waits before it.

        Twisted alone would ask the system to tell when the socket takes anything, send then, and ask it to tell no
        more: two calls and a turn of the event loop for each frame.
        """
        transport = self.transport
        if self.state != self.STATE_OPEN or sync or chopsize or self.send_queue:
            super().sendData(data, sync, chopsize)
        elif transport.TLS or transport.dataBuffer or transport._tempDataBuffer:
            transport.write(data)
        else:
            sent = transport.writeSomeData(data)
            if sent != len(data):
                # An error is what Twisted meets again when it sends the same, and it ends the connection then.
                transport.write(data if isinstance(sent, Exception) else data[sent:])

    def _read_when_heard(self) -> None:
        if self.application_queue.qsize() > MOST_UNHEARD // 2 and self.transport.connected:
            asyncio.get_running_loop().call_later(_LOOK_AGAIN_SECONDS, self._read_when_heard)
            return
        self._reading = True
        self.transport.resumeProducing()

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:  # noqa: N802, N803 - autobahn's
        if self.brake is not None:
            self.brake.stopProducing()
        super().onClose(wasClean, code, reason)


class PacedServer(Server):  # type: ignore[misc]
    """Daphne's server, whose sends into a full socket wait. A close does not: nothing may follow it."""

    callers: Callers

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        brake = getattr(protocol, "brake", None)
        if brake is None or message.get("type") != "websocket.send":
            await super().handle_reply(protocol, message)
            return
        if not brake.room.is_set():
            await brake.room.wait()
        connection = self.connections.get(protocol)
        if connection is not None and not connection.get("disconnected"):
            protocol.sendMessage(message["text"].encode(), isBinary=False)
