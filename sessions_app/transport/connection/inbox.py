"""What one link has brought: how far its frames are stored and told, what is missing, and what is at work still."""

import time
from collections import deque
from typing import Final

from django.conf import settings

from sessions_app.transport.connection.chunks import Chunks

# Below every number, so that 0 counts as untold too.
UNTOLD: Final = -1
# A broken EA may have a new oddity in every frame: the memory of them has a bound.
MAX_WARNINGS: Final = 200
RESEND_PATIENCE: Final = 5.0
"""So long is waited for more of what was asked for. Then the request, or its answer, counts as lost."""
QUIET_SECONDS: Final = 1.0
"""An EA tells the last number of its backlog, and sends that as fast as it may: while it comes, nothing is missing. So
does the frame that came ahead follow what was asked for, with most EAs."""


class Inbox:
    """Belongs to one connection; each field is written here alone.

    `stored`: the top of its frames that are committed; `told`: how far the EA has heard of that. `in_work`: its frames
    in the ingest queue; `lookups`: reads of its rows under way. `ahead`: the highest number whose frame came ahead of
    others and was dropped; `given`: the highest that the EA says it has given. `asked_upto`: the last number that was
    asked for again.
    `chunks`: the parts of a frame that is not whole yet. A heartbeat's answer waits for the frames before it.
    """

    def __init__(self, *, stored: int) -> None:
        self.stored = self.told = stored
        self.in_work = 0
        self._handed = self._settled = 0
        self._owed: deque[int] = deque()
        self.lookups = 0
        self.ahead = self.given = self.asked_upto = 0
        self.chunks = Chunks()
        self._ask_after = self._asked_at = self._grown_at = 0.0
        self._beaten_at = time.monotonic()
        self._tested = False
        self._warned: set[str] = set()

    @property
    def busy(self) -> bool:
        """Whether something is under way that may still change what the EA is to hear."""
        return bool(self.in_work or self.lookups)

    # Stored and told -----------------------------------------------------------------------------------------------

    @property
    def untold(self) -> bool:
        """Whether more is stored than the EA has heard of."""
        return self.told < self.stored

    def store(self, upto: int) -> None:
        """Its frames up to this number are committed."""
        if upto > self.stored:
            self.stored, self._grown_at = upto, time.monotonic()

    def tell(self) -> None:
        """A frame goes out: whatever it is, it says how far the EA's frames are stored."""
        self.told = self.stored

    def tell_again(self) -> None:
        """A frame came twice: its answer was lost, so it is answered even when nothing new was stored."""
        if not self.untold:
            self.told = UNTOLD

    # What is missing -----------------------------------------------------------------------------------------------

    def wait_for_gaps(self, seconds: float) -> None:
        """A frame was refused for so long: what stands behind it comes again with it, and is not asked for before."""
        self._ask_after = time.monotonic() + seconds

    def miss(self, seq: int) -> None:
        """The frame of this number came ahead and was dropped: it is missing until it is stored."""
        self.ahead = max(self.ahead, seq)

    @property
    def lacks(self) -> bool:
        """Whether a number is missing for certain."""
        return self.ahead > self.stored

    def ask_for_gap(self, named: int = 0) -> tuple[int, int] | None:
        """The first and last number to ask for now, of those that are missing; None: of none. `named`: the last number
        of an EA that leaves.

        One page at a time, and none while one that was asked for is on its way.
        """
        first, now = self.stored + 1, time.monotonic()
        upto = max(named, self.ahead - 1)
        if upto < first and now >= self._grown_at + QUIET_SECONDS:
            upto = max(self.ahead, self.given)
        coming = self.asked_upto >= first and now < max(self._asked_at, self._grown_at) + RESEND_PATIENCE
        if upto < first or coming or now < self._ask_after:
            return None
        self._asked_at = now
        self.asked_upto = min(upto, self.stored + settings.GATEWAY["resend_page"])
        return first, self.asked_upto

    # At work -------------------------------------------------------------------------------------------------------

    def put_to_work(self) -> int:
        """A frame goes to the ingest queue; how many of this link are in it now."""
        self.in_work += 1
        self._handed += 1
        return self.in_work

    def take_from_work(self, frames: int) -> None:
        """So many have come back from it."""
        self.in_work -= frames
        self._settled += frames

    def begin_lookup(self) -> None:
        """A read of this link's rows is under way."""
        self.lookups += 1

    def end_lookup(self) -> None:
        """It is over, with or without an outcome."""
        self.lookups -= 1

    def owe_answer(self, given: int) -> None:
        """A heartbeat came: it is answered when everything that was handed over before it has come back. `given`: the
        highest number that the EA has given, as it says."""
        self.given = max(self.given, given)
        self._owed.append(self._handed)

    def due_answers(self) -> int:
        """How many heartbeats are to be answered now; each is told once."""
        due = 0
        while self._owed and self._owed[0] <= self._settled:
            self._owed.popleft()
            due += 1
        return due

    # Alive ---------------------------------------------------------------------------------------------------------

    def hear_heartbeat(self) -> None:
        """The EA is alive."""
        self._beaten_at = time.monotonic()

    @property
    def silent_seconds(self) -> float:
        """How long its last heartbeat is past."""
        return time.monotonic() - self._beaten_at

    def tests_silence(self, after: float) -> bool:
        """Whether it has been silent for so long, and was not asked yet: True once in each silence."""
        if self.silent_seconds < after:
            self._tested = False
            return False
        first, self._tested = not self._tested, True
        return first

    def hear_of(self, oddity: str) -> bool:
        """Its frames have this oddity; True if that is new, and there is room to remember that it was told."""
        if oddity in self._warned or len(self._warned) >= MAX_WARNINGS:
            return False
        self._warned.add(oddity)
        return True

    def drop(self) -> None:
        """The peer has gone: what it left half told is forgotten."""
        self.chunks = Chunks()
