"""One gateway process on Daphne. Stopping tells every EA to come back, and finishes the batch in work."""

import math
import os
import signal
from collections.abc import Callable
from typing import Any, Final

from daphne.server import reactor  # it installs the reactor first

from eagateway.servers.callers import callers
from eagateway.servers.daphne_requests import bound_requests
from eagateway.servers.ending import end_soon
from eagateway.servers.interpreter import settle_interpreter
from eagateway.servers.paced_daphne import CLOSE_SECONDS, PacedProtocol, PacedServer
from sessions_app.domain.frames.envelope import MAX_FRAME_BYTES
from sessions_app.transport.runtime import Runtime

BACKLOG: Final = 2048


class DaphneGateway:
    """Daphne on one address. `run()` returns after SIGINT or SIGTERM, when everything is drained."""

    def __init__(self, *, application: Any, host: str, port: int, on_ready: Callable[[int], None]) -> None:
        self._on_ready = on_ready
        self._stopping = False
        self._server = PacedServer(
            application=application,
            endpoints=[f"tcp:port={port}:interface={host}:backlog={BACKLOG}"],
            signal_handlers=False,
            websocket_timeout=-1,
            ping_interval=math.inf,  # Daphne's pings carry a payload, which breaks WinHTTP stacks: heartbeats do it
            websocket_max_message_size=MAX_FRAME_BYTES,
            websocket_max_frame_size=MAX_FRAME_BYTES,
            http_timeout=60,
            server_name="",
        )

    def run(self) -> None:
        """Serve until told to stop.

        :raises OSError: the address cannot be listened on
        """
        reactor.callWhenRunning(self._started)
        self._server.run()
        if not self._server.listening_addresses:
            raise OSError("the address is in use, or not ours")

    def _started(self) -> None:
        self._server.callers = callers()
        self._server.callers.start(reactor._asyncioEventloop)
        bound_requests(self._server.http_factory)
        sockets = self._server.ws_factory
        sockets.protocol = PacedProtocol
        sockets.setProtocolOptions(failByDrop=False)  # a frame over the bound is told 1009
        sockets.setProtocolOptions(closeHandshakeTimeout=CLOSE_SECONDS)
        loop = reactor._asyncioEventloop
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, lambda: loop.create_task(self._stop()))
        if not self._server.listening_addresses:
            self._server.stop()
            return
        settle_interpreter()
        self._on_ready(self._server.listening_addresses[0][1])

    async def _stop(self) -> None:
        if self._stopping:
            os._exit(130)  # told twice: at once
        self._stopping = True
        for runtime in Runtime.running():
            await runtime.drain()
        end_soon()
        self._server.stop()
