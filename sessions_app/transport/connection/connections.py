"""One link to one EA: a socket, or the calls of an exchange.

A connection owns its outgoing queue: a writer task of its own sends, so that a slow peer delays nobody else. Over the
bound the peer is dropped; its commands stay in the log, and it resumes by sequence.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol
from uuid import UUID

import msgspec
import structlog
from django.conf import settings

from sessions_app.domain.frames.envelope import write_frame
from sessions_app.domain.frames.payloads import Ack, Idle, Payload
from sessions_app.domain.lifecycle import CloseCode, SessionStatus
from sessions_app.models.fields import new_id
from sessions_app.queries import Standing
from sessions_app.services.ingest.ports import LogFrame, Pushed
from sessions_app.transport.connection.chunks import Chunks

ACK_SECONDS: Final = 0.1
_log = structlog.get_logger(__name__)
Send = Callable[[dict[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Queued:
    """One encoded frame on its way out; `last`: the highest number of the command log it accounts for, 0 for none."""

    text: bytes
    last: int = 0


class Goodbye(Protocol):
    """An EA's goodbye under way; see transport.goodbye."""

    def look(self) -> None:
        """Something of this link was stored."""


class Connection:
    """One link of one session. All methods run in its event loop.

    `sent`: the highest command number pushed here; `maybe_sent`: the highest that any link may have carried before;
    `acked`: what its EA acknowledged; `stored`: the top of its own frames that are committed. `behind`: its log goes
    on, but its window is full. `introduced`: authenticated, and its terminal has introduced itself; `ready`: it may be
    sent commands. `in_work`: its frames in the ingest queue; `lookups`: reads of its rows under way. `resending`:
    numbers that were asked for are not all out yet. `goodbye`: the EA has said that it goes. `leaving`: the gateway has
    said so, and takes nothing more but the answer (`answered`); `ignored`: frames that came after that. `closing`:
    nothing more is queued; `closed`: all of it has been sent. `door`: its incoming side; see transport.door.
    """

    door: Any = None

    def __init__(self, *, standing: Standing, resume_from: int) -> None:
        self._queue: deque[Queued] = deque()
        self._queued_bytes = 0
        self._wake = asyncio.Event()
        self._drained = asyncio.Event()
        self._ack_timer: asyncio.TimerHandle | None = None
        self._acked_at = 0.0
        self._idle_timer: asyncio.Handle | None = None
        self._since_idle = 0
        self.close_code: int | None = None
        self.standing = standing
        self.link_no = standing.links
        self.sent = resume_from
        self.maybe_sent = standing.top_seq
        self.acked = min(resume_from, standing.acked_seq)
        self.stored = standing.stored_seq
        self.told_stored = standing.stored_seq
        self.pushed: deque[Pushed] = deque()
        self.chunks = Chunks()
        self.pumping = False
        self.pump_again = False
        self.behind = False
        self.in_work = 0
        self.lookups = 0
        self.gaps_held_until = 0.0
        self.resend_asked_upto = 0
        self.beaten = time.monotonic()
        self.tested = False
        self.resending = False
        self.goodbye: Goodbye | None = None
        self.ignored = 0
        self.retry_after: int | None = None
        self.answered = asyncio.Event()
        self.leaving = False
        self.closing = False
        self.closed = asyncio.Event()

    @property
    def session_id(self) -> UUID:
        return self.standing.session_id

    @property
    def account_pk(self) -> UUID:
        return self.standing.account_pk

    @property
    def authenticated(self) -> bool:
        return self.standing.state == SessionStatus.AUTHENTICATED

    @property
    def introduced(self) -> bool:
        return self.authenticated and self.standing.initialised and not self.closing

    @property
    def ready(self) -> bool:
        return self.introduced and not self.standing.needs_snapshot

    def renumber(self) -> None:
        """The account's log begins anew."""
        self.sent = self.maybe_sent = self.acked = 0
        self.pushed.clear()

    def post(self, kind: str, payload: Payload) -> None:
        """Queue one unnumbered frame."""
        self._enqueue(
            write_frame(kind=kind, frame_id=new_id(), payload=payload, sent_at=datetime.now(UTC), ack=self.stored)
        )

    def push(self, frame: LogFrame, *, committed_at: datetime) -> None:
        """Queue one numbered frame of the account's command log, marked if it may have come before."""
        now = datetime.now(UTC)
        self._enqueue(
            write_frame(
                kind=frame.kind,
                frame_id=frame.frame_id,
                payload=msgspec.Raw(frame.payload),
                sent_at=now,
                seq=frame.seq,
                ack=self.stored,
                resent=frame.seq <= self.maybe_sent,
            ),
            last=frame.last,
        )
        if frame.seq > self.sent:  # a resend is no new push, and nothing a client can make grow
            self.pushed.append(Pushed(seq=frame.seq, committed_at=committed_at, pushed_at=now))
        self.sent = max(self.sent, frame.last)
        self.maybe_sent = max(self.maybe_sent, self.sent)

    def _enqueue(self, text: bytes, *, last: int = 0) -> None:
        if self.closing:
            return
        self.told_stored = self.stored
        self._acked_at = time.monotonic()
        self._drained.clear()
        self._queue.append(Queued(text, last))
        self._queued_bytes += len(text)
        self._since_idle += 1
        if self._idle_timer is not None:
            self._idle_soon()
        self._wake.set()
        if self._queued_bytes > settings.GATEWAY["send_queue_kib"] * 1024:
            self.drop_slow_reader()

    def drop_slow_reader(self) -> None:
        """It does not read: forget what waits for it. Its commands stay in the log."""
        _log.warning("socket.slow_reader", session_id=str(self.session_id), queued=self._queued_bytes)
        self._queue.clear()
        self._queued_bytes = 0
        self._drained.set()
        self.close(CloseCode.FLOOD)

    def wake(self) -> None:
        """Something has changed for whoever waits on this link."""
        self._wake.set()

    async def drained(self) -> None:
        """Return when everything queued so far has been sent, or never will be."""
        if self._queue:
            await self._drained.wait()

    # Poll and Idle -------------------------------------------------------------------------------------------------

    def poll(self, hold: float) -> None:
        """Answer with Idle behind everything queued: at once if something was, else when something is, or after `hold`
        seconds. A newer Poll takes the place of the one before."""
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        if self._since_idle:
            self._idle_soon()
        else:
            self._idle_timer = asyncio.get_running_loop().call_later(hold, self._idle)

    def _idle_soon(self) -> None:
        """After the frames that are being queued in this very turn of the loop."""
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        self._idle_timer = asyncio.get_running_loop().call_soon(self._idle)

    def _idle(self) -> None:
        self._idle_timer = None
        self.post("Idle", Idle(top_seq=max(self.sent, self.standing.top_seq)))
        self._since_idle = 0

    def take_pushed(self, upto: int) -> tuple[Pushed, ...]:
        """The push telemetry of the commands that an acknowledgement covers; each once."""
        taken = []
        while self.pushed and self.pushed[0].seq <= upto:
            taken.append(self.pushed.popleft())
        return tuple(taken)

    def stored_up_to(self, seq: int) -> None:
        """Its frames up to `seq` are committed: acknowledge, at most every 100 ms unless a frame goes out anyway."""
        self.stored = max(self.stored, seq)
        if self.told_stored >= self.stored or self._ack_timer is not None:
            return
        wait = max(0.0, self._acked_at + ACK_SECONDS - time.monotonic())
        self._ack_timer = asyncio.get_running_loop().call_later(wait, self.acknowledge)

    def acknowledge(self) -> None:
        """Tell what is stored, if it has not been told."""
        self._ack_timer = None
        if self.told_stored < self.stored:
            self.post("Ack", Ack(ack=self.stored))

    def close(self, code: int) -> None:
        """Send what is queued, then close; nothing more is queued."""
        if not self.closing:
            self.closing, self.close_code = True, code
            self._wake.set()

    def drop(self) -> None:
        """The peer has gone: nothing more is sent, and what it left half told is forgotten."""
        self.closing = True
        self.chunks = Chunks()
        self.closed.set()
        self._drained.set()
        if self.ignored:
            _log.info("socket.ignored_after_notice", session_id=str(self.session_id), frames=self.ignored)
            self.ignored = 0

    def _take_queue(self) -> Iterator[Queued]:
        while self._queue:
            frame = self._queue.popleft()
            self._queued_bytes -= len(frame.text)
            yield frame
        self._drained.set()


class SocketConnection(Connection):
    """A WebSocket."""

    def __init__(self, *, standing: Standing, resume_from: int) -> None:
        super().__init__(standing=standing, resume_from=resume_from)
        self._writing: asyncio.Task[None] | None = None
        self._sending_since = 0.0

    async def write_forever(self, send: Send) -> None:
        """Send the queue in order until the socket is closed. A send that waits for a slow reader ends with `close`."""
        self._writing = asyncio.create_task(self._write(send))
        try:
            await asyncio.wait([self._writing])
        finally:
            self._writing.cancel()
        if not self._writing.cancelled() and self._writing.exception() is not None:
            return  # the peer has gone in the middle of a frame
        if self.close_code is not None:
            await send({"type": "websocket.close", "code": self.close_code})
            self.closed.set()

    async def _write(self, send: Send) -> None:
        while self.close_code is None or self._queue:
            await self._wake.wait()
            self._wake.clear()
            for frame in self._take_queue():
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


class ExchangeConnection(Connection):
    """The calls of one session over REST. It stands between the calls, and takes what is pushed meanwhile.

    An answer may be lost on its way: what the next call does not confirm is sent again. `call`: the call in flight.
    """

    def __init__(self, *, standing: Standing, resume_from: int) -> None:
        super().__init__(standing=standing, resume_from=resume_from)
        self.delivered = resume_from
        self.called = time.monotonic()
        self.call: object | None = None

    def begin_call(self) -> object:
        """A call is in flight from now on; the one before, if it still waits, is superseded."""
        self.call = object()
        self.called = time.monotonic()
        self.wake()
        return self.call

    def close(self, code: int) -> None:
        """End the link with its next answer; without a call in flight there is nothing to wait for."""
        super().close(code)
        if self.call is None:
            self.closed.set()

    def stored_up_to(self, seq: int) -> None:
        """The answer itself acknowledges."""
        self.stored = max(self.stored, seq)
        self._wake.set()

    def acknowledge(self) -> None:
        """The answer itself acknowledges."""

    def poll(self, hold: float) -> None:
        """The call itself is held: Idle comes at once."""
        self._idle_soon()

    @property
    def at_rest(self) -> bool:
        """Whether nothing is under way that a waiting call should still take along."""
        return not (self.in_work or self.lookups or self.pumping or self._idle_timer)

    @property
    def has_news(self) -> bool:
        return bool(self._queue) or self.told_stored != self.stored or self.closing

    def renumber(self) -> None:
        """The account's log begins anew."""
        super().renumber()
        self.delivered = 0

    def rewind(self, confirmed: int) -> bool:
        """Everything above `confirmed` that an answer took along may have been lost: forget that it was sent.

        False if there was nothing of that.
        """
        if confirmed >= self.delivered:
            return False
        kept = [frame for frame in self._queue if not frame.last]
        self._queue = deque(kept)
        self._queued_bytes = sum(len(frame.text) for frame in kept)
        self.sent = self.delivered = confirmed
        while self.pushed and self.pushed[-1].seq > confirmed:
            self.pushed.pop()
        return True

    async def woken(self, seconds: float) -> None:
        """Return when something has changed, or after so long."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), seconds)
        self._wake.clear()

    def collect(self) -> list[bytes]:
        """Everything queued, for an answer."""
        frames = list(self._take_queue())
        self.delivered = max([self.delivered, *(frame.last for frame in frames)])
        self.told_stored = self.stored
        self.called = time.monotonic()
        if self.close_code is not None:
            self.closed.set()
        return [frame.text for frame in frames]
