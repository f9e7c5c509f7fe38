"""What goes out over one link: its queue, and how far the account's command log has gone."""

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from sessions_app.domain.frames.log import LogFrame
from sessions_app.services.ingest.ports import Pushed


@dataclass(frozen=True, slots=True)
class Queued:
    """One encoded frame on its way out; `last`: the highest number of the command log it accounts for, 0 for none."""

    text: bytes
    last: int = 0


class Outbox:
    """Belongs to one connection; each field is written here alone.

    `sent`: the highest command number pushed here; `maybe_sent`: the highest that any link may have carried before;
    `acked`: what its EA acknowledged; `top`: how far the log goes, as far as this link has heard. `behind`: it goes on,
    but the window of unacknowledged commands is full.
    `reading`: its log is being read; `resending`: numbers that were asked for are not all out yet.
    """

    def __init__(self, *, sent: int, maybe_sent: int, acked: int) -> None:
        self.sent, self.maybe_sent, self.acked = sent, maybe_sent, acked
        self.top = maybe_sent
        self.behind = False
        self.reading = False
        self.resending = False
        self.queued_bytes = 0
        self._heard_more = False
        self._queue: deque[Queued] = deque()
        self._drained = asyncio.Event()
        self._pushed: deque[Pushed] = deque()

    # The queue -----------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        """How many frames wait."""
        return len(self._queue)

    def put(self, text: bytes, *, last: int = 0) -> None:
        """Queue one encoded frame."""
        self._drained.clear()
        self._queue.append(Queued(text, last))
        self.queued_bytes += len(text)

    def take(self, most: int | None = None) -> Iterator[Queued]:
        """What waits, in order, with what is queued meanwhile: all of it, or `most` bytes and one frame at least."""
        taken = 0
        while self._queue:
            size = len(self._queue[0].text)
            if most is not None and taken and taken + size > most:
                return
            frame = self._queue.popleft()
            taken += size
            self.queued_bytes -= size
            yield frame
        self._drained.set()

    def clear(self) -> None:
        """Forget what waits; commands stay in the log."""
        self._queue.clear()
        self.queued_bytes = 0
        self._drained.set()

    async def drained(self) -> None:
        """Return when everything queued so far has been sent, or never will be."""
        if self._queue:
            await self._drained.wait()

    def drop(self) -> None:
        """The peer has gone: nothing more is sent, and nobody has to wait for it."""
        self._drained.set()

    # Numbers -------------------------------------------------------------------------------------------------------

    def note_push(self, frame: LogFrame, *, committed_at: datetime, pushed_at: datetime) -> None:
        """A numbered frame was queued."""
        if frame.seq > self.sent:  # a resend is no new push, and nothing a client can make grow
            self._pushed.append(Pushed(frame.seq, committed_at, pushed_at))
        last = frame.last
        if last > self.sent:
            self.sent = last
            if last > self.maybe_sent:
                self.maybe_sent = last

    def acknowledge(self, upto: int) -> bool:
        """Commands up to a number are in the EA's ledger; False if that was known."""
        if upto <= self.acked:
            return False
        self.acked = upto
        return True

    def take_pushed(self, upto: int) -> tuple[Pushed, ...]:
        """The push telemetry of the commands that an acknowledgement covers; each once."""
        taken = []
        while self._pushed and self._pushed[0].seq <= upto:
            taken.append(self._pushed.popleft())
        return tuple(taken)

    def renumber(self) -> None:
        """The account's log begins anew."""
        self.sent = self.maybe_sent = self.acked = self.top = 0
        self._pushed.clear()

    def rewind(self, upto: int) -> None:
        """Commands above this number may have been lost with an answer: forget that they were sent."""
        # Unnumbered frames stay: no log has them.
        kept = [frame for frame in self._queue if not frame.last]
        self._queue = deque(kept)
        self.queued_bytes = sum(len(frame.text) for frame in kept)
        self.sent = upto
        while self._pushed and self._pushed[-1].seq > upto:
            self._pushed.pop()

    # Reading the log -----------------------------------------------------------------------------------------------

    def room(self) -> int:
        """How many more commands may be on their way without acknowledgement."""
        window: int = settings.GATEWAY["max_unacked_commands"]
        return window - (self.sent - self.acked)

    def page(self) -> int:
        """How many numbers may be read now; none when the window is full: it goes on when the EA acknowledges."""
        page = max(0, min(self.room(), settings.GATEWAY["resend_page"]))
        self.behind = page == 0
        self._heard_more = False
        return page

    def hear_of(self, top: int) -> None:
        """The log goes up to this number."""
        if top > self.top:
            self.top, self._heard_more = top, True

    def may_read_on(self) -> bool:
        """Whether the log is known to go on behind what was sent, and a page of it could go out now.

        With a full window none can: the next acknowledgement reads on. A reader that went on asking would hold the
        loop, and everybody else, for ever.
        """
        if self.sent >= self.top:
            return False
        self.behind = self.room() <= 0
        return not self.behind

    def found_end(self) -> None:
        """A page had less than was said: nobody looks again before there is more, if nobody has said so meanwhile."""
        if not self._heard_more:
            self.top = self.sent

    def begin_reading(self) -> bool:
        """Whether the caller is to read the log; one reader at a time."""
        first, self.reading = not self.reading, True
        return first

    def end_reading(self) -> None:
        """The reader is done, or has failed."""
        self.reading = False

    def begin_resend(self) -> None:
        """Numbers were asked for: no others before all of them are out."""
        self.resending = True

    def end_resend(self) -> None:
        """All of them are out, or the read has failed."""
        self.resending = False
