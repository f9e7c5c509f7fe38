"""What goes out next on one connection: replies first, then the outbox in order, then an acknowledgement on its own."""

import asyncio
from collections import deque

from eagateway_sdk.context import Context
from eagateway_sdk.envelope import payload_json, write_frame
from eagateway_sdk.frames import Ack, Frame, GapFill
from eagateway_sdk.ids import uuid7
from eagateway_sdk.outbox import Row
from eagateway_sdk.receiver import PAGE


class Sender:
    """`open`: the gateway answered Hello and takes numbered frames; `acking`: it sends some, too.

    `_cursor` is the last number sent here.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._now = context.clock.monotonic
        self._replies: deque[bytes | Frame | Row] = deque()
        self._cursor = 0
        self._held_until = 0.0
        self._progress_at = self._now()
        self._owed = 0
        self._ack_timer: asyncio.TimerHandle | None = None
        self._ack_due = False
        self._window = 0
        self._rate = 0
        self._tokens = 0.0
        self._tokens_at = 0.0
        self.open = self.acking = False

    def begin(self, *, after: int) -> None:
        """The gateway has everything up to `after`."""
        self._cursor = after
        self._progress_at = self._now()

    @property
    def sent_seq(self) -> int:
        """The highest number that this connection has sent, or need not send."""
        return self._cursor

    @property
    def idle(self) -> bool:
        """Whether everything that may be sent has been handed over."""
        return not self._replies and (not self.open or self._context.outbox.following(self._cursor) is None)

    def say(self, payload: Frame) -> None:
        """Queue a frame that is not numbered."""
        self._replies.append(payload)
        self._context.ready.set()

    def repeat(self, frame_id: str) -> None:
        """Send a waiting frame again, if it was sent here and is still not acknowledged."""
        row = self._context.outbox.find(frame_id)
        if row is not None and row.seq <= self._cursor:
            self._replies.append(row)
            self._context.ready.set()

    def resend(self, first: int, last: int) -> bool:
        """Answer a request for numbers; False when they were never sent. What is not here any more is filled."""
        if not 1 <= first <= last or last > self._context.outbox.committed_seq:
            return False
        last = min(last, first + PAGE - 1)
        self._context.events["resends.answered"] += 1
        expected = first
        for row in self._context.outbox.between(first, last):
            if row.seq > expected:
                self._replies.append(self._gap(expected, row.seq))
            self._replies.append(row)
            expected = row.seq + 1
        if expected <= last:
            self._replies.append(self._gap(expected, last + 1))
        self._context.ready.set()
        return True

    def rewind(self, *, pause: float) -> None:
        """Send everything unacknowledged again, in order, after the pause."""
        self._cursor = self._context.outbox.acked_seq
        self._held_until = max(self._held_until, self._now() + pause)
        asyncio.get_running_loop().call_later(pause, self._context.ready.set)

    def heal(self, *, patience: float) -> None:
        """Nothing was acknowledged for long although frames wait: send them again."""
        if self.open and len(self._context.outbox) and self._now() - self._progress_at > patience:
            self._context.events["outbox.healed"] += 1
            self._progress_at = self._now()
            self.rewind(pause=0.0)

    def progressed(self) -> None:
        """The gateway acknowledged something new."""
        self._progress_at = self._now()

    def keep_to(self, *, window: int, intent_rate: int) -> None:
        """Take over the bounds in force: commands without acknowledgement, intents per second; 0: not told."""
        self._window, self._rate = window, intent_rate

    def owe(self, frames: int) -> None:
        """That many numbered frames came and wait for their acknowledgement."""
        self._owed += frames
        if self._window and frames and self._owed * 2 >= self._window:
            self._ack_now()
        elif self._owed and self._ack_timer is None:
            loop = asyncio.get_running_loop()
            self._ack_timer = loop.call_later(self._context.timing.ack_delay, self._ack_now)

    def next_frame(self) -> bytes | None:
        """The next frame to write to the socket, or None when there is nothing for now."""
        if self._replies:
            return self._encode(self._replies.popleft())
        row = self._next_row()
        if row is not None:
            return self._numbered(row)
        return self._ack() if self._ack_due and self.acking else None

    def _ack(self) -> bytes:
        self._ack_due = False
        frame = self._plain(Ack(ack=self._context.ledger.durable_head))
        self.owe(0)
        return frame

    def _next_row(self) -> Row | None:
        if not self.open or self._now() < self._held_until:
            return None
        row = self._context.outbox.following(self._cursor)
        if row is None or (row.type == "OrderIntent" and not self._may_spend()):
            return None
        return row

    def _may_spend(self) -> bool:
        """A token bucket of half a second's intents; when it is empty, sending goes on as soon as there is a token."""
        if not self._rate:
            return True
        now = self._now()
        most = max(1.0, self._rate / 2)  # half of what the gateway lets through at once: the network may bunch them
        self._tokens = min(most, self._tokens + (now - self._tokens_at) * self._rate)
        self._tokens_at = now
        if self._tokens < 1.0:
            asyncio.get_running_loop().call_later((1.0 - self._tokens) / self._rate, self._context.ready.set)
            return False
        self._tokens -= 1.0
        return True

    def _numbered(self, row: Row) -> bytes:
        """The row behind the cursor, or first a GapFill for numbers that carry nothing any more."""
        if row.seq > self._cursor + 1:
            gap = self._gap(self._cursor + 1, row.seq)
            self._cursor = row.seq - 1
            return gap
        if self._cursor == self._context.outbox.acked_seq:
            self._progress_at = self._now()  # nothing else is under way: the patience begins here
        self._cursor = row.seq
        return self._row(row)

    def _encode(self, reply: bytes | Frame | Row) -> bytes:
        if isinstance(reply, bytes):
            return reply
        return self._row(reply) if isinstance(reply, Row) else self._plain(reply)

    def _row(self, row: Row) -> bytes:
        resent, row.sent = row.sent, True
        self._context.events["sent.again" if resent else "sent.first"] += 1
        payload = self._context.outbox.wire_payload(row)
        return self._frame(row.type, row.id, payload, seq=row.seq, resent=resent)

    def _plain(self, payload: Frame) -> bytes:
        return self._frame(type(payload).__name__, str(uuid7()), payload_json(payload))

    def _gap(self, first: int, following: int) -> bytes:
        return self._frame("GapFill", str(uuid7()), payload_json(GapFill(next=following)), seq=first)

    def _frame(
        self, kind: str, frame_id: str, payload: bytes, *, seq: int | None = None, resent: bool = False
    ) -> bytes:
        return write_frame(
            kind=kind, frame_id=frame_id, payload=payload, sent_at=self._context.clock.sent_at(),
            seq=seq, ack=self.carry_ack(), resent=resent,
        )  # fmt: skip

    def carry_ack(self) -> int | None:
        """What is durable here. Nothing more is owed then, unless a part is still being written."""
        if not self.acking:
            return None
        ledger = self._context.ledger
        if ledger.durable_head == ledger.head:
            self._owed = 0
            self._ack_due = False
            self._stop_timer()
        return ledger.durable_head

    def _ack_now(self) -> None:
        self._stop_timer()
        self._ack_due = True
        self._context.ready.set()

    def _stop_timer(self) -> None:
        if self._ack_timer is not None:
            self._ack_timer.cancel()
            self._ack_timer = None
