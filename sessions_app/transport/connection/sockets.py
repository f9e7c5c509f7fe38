"""A link over a WebSocket."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from sessions_app.domain.frames.payloads import Ack
from sessions_app.queries import Standing
from sessions_app.transport.connection.connections import Connection

ACK_SECONDS: Final = 0.1
Send = Callable[[dict[str, Any]], Awaitable[None]]


class SocketConnection(Connection):
    """A writer task of its own sends what is queued."""

    def __init__(self, *, standing: Standing, resume_from: int) -> None:
        super().__init__(standing=standing, resume_from=resume_from)
        self._writing: asyncio.Task[None] | None = None
        self._sending_since = 0.0
        self._ack_timer: asyncio.TimerHandle | None = None
        self._told_at = 0.0

    async def write_forever(self, send: Send) -> None:
        """Send the queue in order until the socket is closed. A send that waits for a slow reader ends with `close`."""
        self._writing = asyncio.create_task(self._write(send))
        try:
            await asyncio.wait([self._writing])
        finally:
            self._writing.cancel()
        if not self._writing.cancelled() and self._writing.exception() is not None:
            return  # the peer has gone in the middle of a frame
        if self.lifecycle.close_code is not None:
            await send({"type": "websocket.close", "code": self.lifecycle.close_code})
            self.lifecycle.finish()

    async def _write(self, send: Send) -> None:
        while self.lifecycle.close_code is None or self.outbox:
            await self._wake.wait()
            self._wake.clear()
            for frame in self.outbox.take():
                self._sending_since = time.monotonic()
                await send({"type": "websocket.send", "text": frame.text.decode()})
                self._sending_since = 0.0

    def stalled(self, seconds: float) -> bool:
        """Whether one frame has been waiting for the peer to read for so long."""
        return bool(self._sending_since) and time.monotonic() - self._sending_since > seconds

    def drop_slow_reader(self) -> None:
        """Close at once: the frame that waits for the peer would never go out."""
        super().drop_slow_reader()
        if self._writing is not None:
            self._writing.cancel()

    def poll(self, hold: float) -> None:
        """Answer with Idle behind everything queued: at once if something was, else after `hold` seconds at most."""
        self._polls.poll(hold)

    def stored_up_to(self, seq: int) -> None:
        """Acknowledge, at most every 100 ms unless a frame goes out anyway."""
        self.inbox.store(seq)
        if not self.inbox.untold or self._ack_timer is not None:
            return
        wait = max(0.0, self._told_at + ACK_SECONDS - time.monotonic())
        self._ack_timer = asyncio.get_running_loop().call_later(wait, self.acknowledge)

    def acknowledge(self) -> None:
        """Tell what is stored, if it has not been told."""
        self._ack_timer = None
        if self.inbox.untold:
            self.post("Ack", Ack(ack=self.inbox.stored))

    def _enqueue(self, text: bytes, *, last: int = 0) -> None:
        self._told_at = time.monotonic()  # each frame tells what is stored
        super()._enqueue(text, last=last)
