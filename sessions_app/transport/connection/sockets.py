"""A link over a WebSocket."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final

import structlog

from sessions_app.domain.frames.payloads import Ack
from sessions_app.domain.problems import close_words
from sessions_app.queries import Standing
from sessions_app.transport.connection.connections import Connection
from sessions_app.transport.connection.eager import begin

# Frames that come close together share one acknowledgement.
ACK_SECONDS: Final = 0.1
Send = Callable[[dict[str, Any]], Coroutine[Any, Any, None]]
_log = structlog.get_logger(__name__)


class SocketConnection(Connection):
    """What is queued is sent at once, by whoever queues it. Only a send that waits for its peer gets a task, and what
    is queued meanwhile waits behind it.
    """

    def __init__(self, *, standing: Standing, resume_from: int) -> None:
        super().__init__(standing=standing, resume_from=resume_from)
        self._send: Send | None = None
        self._waiting: asyncio.Task[None] | None = None
        self._sending_since = 0.0
        self._lost = False
        self._close_said = False
        self._ack_timer: asyncio.TimerHandle | None = None
        self._told_at = 0.0

    def carry(self, send: Send) -> None:
        """Send by this from now on, beginning with what has been queued."""
        self._send = send
        self._write()

    def _write(self) -> None:
        """Send everything that is queued, as far as the peer takes it; then close, if that was said."""
        if self._send is None or self._waiting is not None or self._lost:
            return
        for frame in self.outbox.take():
            if not self._say({"type": "websocket.send", "text": frame.text.decode()}):
                return
        code = self.lifecycle.close_code
        if code is not None and not self._close_said:
            self._close_said = True
            if not self._say({"type": "websocket.close", "code": code, "reason": close_words(code)}):
                return
        if self._close_said:
            self.lifecycle.finish()

    def _say(self, message: dict[str, Any]) -> bool:
        """Whether it was sent: not, if the peer has gone, and not yet, if it does not read."""
        if self._send is None:
            return False
        try:
            rest = begin(self._send(message))
        except Exception as error:  # noqa: BLE001 - servers say so each in their own way
            self._lose(error)
            return False
        if rest is not None:
            self._sending_since = time.monotonic()
            self._waiting = asyncio.get_running_loop().create_task(self._wait(rest))
        return rest is None

    async def _wait(self, rest: Coroutine[Any, Any, None]) -> None:
        try:
            await rest
        except Exception as error:  # noqa: BLE001 - as above
            self._lose(error)
        if self._waiting is asyncio.current_task():  # nobody has given it up meanwhile
            self._waiting, self._sending_since = None, 0.0
            self._write()

    def _lose(self, error: Exception) -> None:
        """The peer has gone in the middle of a frame: its receiver hears of it as well, and ends the link."""
        _log.debug("socket.lost", session_id=str(self.session_id), error=type(error).__name__)
        self._lost = True
        self.lifecycle.finish()

    def stalled(self, seconds: float) -> bool:
        """Whether one frame has been waiting for the peer to read for so long."""
        return bool(self._sending_since) and time.monotonic() - self._sending_since > seconds

    def drop_slow_reader(self) -> None:
        """Close at once: the frame that waits for the peer would never go out."""
        self._abandon()
        super().drop_slow_reader()

    def close(self, code: int) -> None:
        """Send what is queued, then close; nothing more is queued."""
        super().close(code)
        self._write()

    def drop(self) -> None:
        """The peer has gone: nothing more is sent, and nothing waits for it."""
        self._lost = True
        super().drop()
        self._abandon()

    def _abandon(self) -> None:
        """Give up the frame that waits; whether its send ever returns is no matter any more."""
        waiting, self._waiting, self._sending_since = self._waiting, None, 0.0
        if waiting is not None:
            waiting.cancel()

    def poll(self, hold: float) -> None:
        """Answer with Idle behind everything queued: at once if something was, else after `hold` seconds at most."""
        self._polls.poll(hold)

    # In ------------------------------------------------------------------------------------------------------------

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
        self._write()
