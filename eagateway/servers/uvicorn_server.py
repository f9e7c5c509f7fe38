"""The same gateway process on uvicorn: faster, and its sends wait for a slow peer. Stopping drains as on Daphne."""

import asyncio
import os
import re
import signal
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

import h11
import uvicorn
from django.conf import settings
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.protocol import OPEN

from eagateway.servers.callers import Callers, Peer, callers
from eagateway.servers.ending import end_soon
from eagateway.servers.interpreter import settle_interpreter
from sessions_app.domain.frames.envelope import MAX_FRAME_BYTES
from sessions_app.transport.runtime import Runtime

BACKLOG: Final = 2048
GRACEFUL_SECONDS: Final = 1
CLOSE_SECONDS: Final = 5
_LINE_BREAKS: Final = re.compile(rb"[\x0b\x0c\x1c-\x1e\x85]")
_IN_2_BYTES: Final = 126
_IN_8_BYTES: Final = 1 << 16
_BAD_REQUEST: Final = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class TimedHttp(H11Protocol):
    """Tells `callers` what its connection does: uvicorn itself never closes one that says nothing, or half of it."""

    callers: Callers
    caller: Peer = ("", 0)

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.caller = self.client or self.caller
        self.callers.came(self.caller, transport.abort)

    def data_received(self, data: bytes) -> None:
        self.callers.heard(self.caller)
        super().data_received(data)
        if self.conn.their_state is h11.SEND_BODY:
            if self._head is not self.cycle:  # once for each request
                self._head = self.cycle
                self.callers.has_head(self.caller)
        elif self.conn.their_state in (h11.DONE, h11.MUST_CLOSE) and not self._upgraded:
            self.callers.works(self.caller)

    _head: Any = None
    _upgraded = False

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._upgraded = True
        super().handle_websocket_upgrade(event)

    def on_response_complete(self) -> None:
        self.callers.answered(self.caller)
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self.callers.gone(self.caller)
        super().connection_lost(exc)


class PacedWebSocket(WebSocketsSansIOProtocol):
    """uvicorn waits for room before it sends anything; a close does not wait, since nothing may follow it, and the peer
    that reads nothing is cut. A handshake that cannot be read is answered, not left hanging; so is one with bytes in
    its header that some readers take for the end of a line (CVE-2026-44546, as Daphne refuses them).
    """

    callers: Callers
    _spoke = False

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.callers.opened(self.client or ("", 0))

    def connection_lost(self, exc: Exception | None) -> None:
        self.callers.gone(self.client or ("", 0))
        super().connection_lost(exc)

    def send_receive_event_to_app(self) -> None:
        if not self._spoke:
            self._spoke = True
            self.callers.works(self.client or ("", 0))
        super().send_receive_event_to_app()

    def data_received(self, data: bytes) -> None:
        if not self.handshake_initiated and _LINE_BREAKS.search(data):
            self._refuse()
            return
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_complete:
            self._refuse()

    def _refuse(self) -> None:
        self.handshake_complete = self.close_sent = True
        self.transport.write(_BAD_REQUEST)
        self.transport.close()

    async def send(self, message: Any) -> None:
        kind = message["type"]
        if kind == "websocket.send" and self._takes_text:
            self.transport.write(text_frame(message["text"].encode()))
            return
        if kind == "websocket.close" and not self.writable.is_set():
            self.writable.set()
            self.loop.call_later(CLOSE_SECONDS, self.transport.abort)
        await super().send(message)

    @property
    def _takes_text(self) -> bool:
        """Whether a text may be written as it stands: the link is open, and its peer reads. Else uvicorn says what is
        to become of it."""
        open_now = self.handshake_complete and self.initial_response is None and self.conn.state is OPEN
        return open_now and not (self.close_sent or self.disconnected) and self.writable.is_set()


def text_frame(text: bytes) -> bytes:
    """A whole message as a server sends it (RFC 6455, 5.2): nothing masked, nothing compressed, in one frame.

    The protocol object of uvicorn takes it through three others, which costs as much as all the rest of a send.
    """
    size = len(text)
    if size < _IN_2_BYTES:
        return b"\x81%c%b" % (size, text)
    if size < _IN_8_BYTES:
        return b"\x81\x7e%b%b" % (size.to_bytes(2), text)
    return b"\x81\x7f%b%b" % (size.to_bytes(8), text)


class UvicornGateway:
    """uvicorn on one address. `run()` returns after SIGINT or SIGTERM, when everything is drained."""

    def __init__(self, *, application: Any, host: str, port: int, on_ready: Callable[[int], None]) -> None:
        self._host, self._port = host, port
        self._on_ready = on_ready
        self._callers = callers()
        self._config = uvicorn.Config(
            application,
            http=type("Http", (TimedHttp,), {"callers": self._callers}),
            ws=type("WebSocket", (PacedWebSocket,), {"callers": self._callers}),
            timeout_keep_alive=settings.GATEWAY["keep_alive_seconds"],
            ws_max_size=MAX_FRAME_BYTES,
            ws_per_message_deflate=False,
            ws_ping_interval=None,  # uvicorn's pings carry a payload, which breaks WinHTTP stacks: heartbeats do it
            lifespan="off",
            backlog=BACKLOG,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=GRACEFUL_SECONDS,
        )

    def run(self) -> None:
        """Serve until told to stop.

        :raises OSError: the address cannot be listened on
        """
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        with socket.create_server((self._host, self._port), family=family, backlog=BACKLOG) as listener:
            port = listener.getsockname()[1]
            server = _Server(self._config, on_ready=lambda: self._begin(port))
            with asyncio.Runner(loop_factory=self._config.get_loop_factory()) as runner:
                runner.run(server.serve(sockets=[listener]))

    def _begin(self, port: int) -> None:
        self._callers.start(asyncio.get_running_loop())
        self._on_ready(port)


class _Server(uvicorn.Server):
    """uvicorn with our goodbye to every EA before it closes their sockets its own way."""

    def __init__(self, config: uvicorn.Config, *, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        settle_interpreter()
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for runtime in Runtime.running():
            await runtime.drain()
        end_soon()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Stop at the first signal, end at once at the second; none is raised again afterwards."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._told)
        yield

    def _told(self, number: int, frame: FrameType | None) -> None:
        if self.should_exit:
            os._exit(130)
        self.should_exit = True
