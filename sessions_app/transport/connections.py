"""One event socket, and the registry of this process's sockets.

A connection owns its outgoing queue: a writer task of its own sends, so that a slow peer delays nobody else. Over the
bound the peer is dropped; its commands stay in the log, and it resumes by sequence.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import msgspec
import structlog

from sessions_app.domain.envelope import write_frame
from sessions_app.domain.frames import Ack, Payload
from sessions_app.domain.lifecycle import CloseCode, SessionStatus
from sessions_app.models.fields import new_id
from sessions_app.queries import Standing
from sessions_app.services.ports import LogFrame, Pushed

MAX_QUEUED_BYTES: Final = 4 * 1024 * 1024
ACK_SECONDS: Final = 0.1
_log = structlog.get_logger(__name__)
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Connection:
    """One socket of one session. All methods run in its event loop.

    `sent`: the highest command number pushed here; `acked`: what its EA acknowledged; `stored`: the top of its own
    frames that are committed. `behind`: its log goes on, but its window is full. `ready`: authenticated, and its
    terminal has introduced itself. `leaving`: the gateway has said goodbye, and takes nothing more; `closing`: nothing
    more is queued; `closed`: all of it has been sent.
    """

    def __init__(self, *, send: Send, standing: Standing, resume_from: int) -> None:
        self._send = send
        self._queue: deque[bytes] = deque()
        self._queued_bytes = 0
        self._wake = asyncio.Event()
        self._close_code: int | None = None
        self._ack_timer: asyncio.TimerHandle | None = None
        self._acked_at = 0.0
        self.standing = standing
        self.sent = resume_from
        self.acked = resume_from
        self.stored = standing.stored_seq
        self.told_stored = standing.stored_seq
        self.pushed: deque[Pushed] = deque()
        self.pumping = False
        self.pump_again = False
        self.behind = False
        self.in_work = 0
        self.gaps_held_until = 0.0
        self.resend_asked_upto = 0
        self.beaten = time.monotonic()
        self.tested = False
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
    def ready(self) -> bool:
        return self.authenticated and self.standing.initialised and not self.closing

    def post(self, kind: str, payload: Payload) -> None:
        """Queue one unnumbered frame."""
        self._enqueue(
            write_frame(kind=kind, frame_id=new_id(), payload=payload, sent_at=datetime.now(UTC), ack=self.stored)
        )

    def push(self, frame: LogFrame, *, committed_at: datetime, resent: bool = False) -> None:
        """Queue one numbered frame of the account's command log."""
        now = datetime.now(UTC)
        self._enqueue(
            write_frame(
                kind=frame.kind,
                frame_id=frame.frame_id,
                payload=msgspec.Raw(frame.payload),
                sent_at=now,
                seq=frame.seq,
                ack=self.stored,
                resent=resent,
            )
        )
        if frame.seq > self.sent:  # a resend is no new push, and nothing a client can make grow
            self.pushed.append(Pushed(seq=frame.seq, committed_at=committed_at, pushed_at=now))
        self.sent = max(self.sent, frame.last)

    def _enqueue(self, frame: bytes) -> None:
        if self.closing:
            return
        self.told_stored = self.stored
        self._acked_at = time.monotonic()
        self._queue.append(frame)
        self._queued_bytes += len(frame)
        self._wake.set()
        if self._queued_bytes > MAX_QUEUED_BYTES:
            _log.warning("socket.slow_reader", session_id=str(self.session_id), queued=self._queued_bytes)
            self._queue.clear()
            self.close(CloseCode.FLOOD)

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
            self.closing, self._close_code = True, code
            self._wake.set()

    async def write_forever(self) -> None:
        """Send the queue in order until the socket is closed."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                frame = self._queue.popleft()
                self._queued_bytes -= len(frame)
                await self._send({"type": "websocket.send", "text": frame.decode()})
            if self._close_code is not None:
                await self._send({"type": "websocket.close", "code": self._close_code})
                self.closed.set()
                return


class Registry:
    """The sockets of this process: one per session, by session and by account."""

    def __init__(self) -> None:
        self._by_session: dict[UUID, Connection] = {}
        self._by_account: dict[UUID, dict[UUID, Connection]] = {}

    def __iter__(self) -> Iterator[Connection]:
        return iter(list(self._by_session.values()))

    def __len__(self) -> int:
        return len(self._by_session)

    def add(self, connection: Connection) -> Connection | None:
        """Register a socket; the former one of the same session, which it supersedes, is returned."""
        former = self._by_session.get(connection.session_id)
        self._by_session[connection.session_id] = connection
        self._by_account.setdefault(connection.account_pk, {})[connection.session_id] = connection
        return former

    def remove(self, connection: Connection) -> None:
        """Forget a socket, unless a newer one of its session has taken its place."""
        if self._by_session.get(connection.session_id) is not connection:
            return
        del self._by_session[connection.session_id]
        sockets = self._by_account[connection.account_pk]
        del sockets[connection.session_id]
        if not sockets:
            del self._by_account[connection.account_pk]

    def of_session(self, session_id: UUID) -> Connection | None:
        return self._by_session.get(session_id)

    def of_account(self, account_pk: UUID) -> list[Connection]:
        return list(self._by_account.get(account_pk, {}).values())

    def ready_for(self, account_pk: UUID) -> Connection | None:
        """The socket that takes this account's commands, if it is here."""
        return next((item for item in self.of_account(account_pk) if item.ready), None)
