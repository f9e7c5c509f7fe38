"""Sessions whose frames fail alone: how often each frame was tried, and when a session has cost enough."""

import time
from collections import OrderedDict, deque
from typing import Final
from uuid import UUID

from sessions_app.services.ingest.ports import Arrival

POISON_TRIES: Final = 3
WINDOW_SECONDS: Final = 60.0
_MAX_FRAMES: Final = 10_000


class FailingFrames:
    """Counts tries by frame, and failures by sender: by account once it was authenticated, so that a new session of the
    same account has no fresh budget; a pending stranger counts for himself. Used by the writer thread alone.
    """

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._tries: OrderedDict[UUID, int] = OrderedDict()
        self._failures: dict[UUID, deque[float]] = {}
        self._sessions: dict[UUID, UUID] = {}
        self._expelled: OrderedDict[UUID, None] = OrderedDict()

    @property
    def sessions(self) -> set[UUID]:
        """Sessions that are stored apart from the others for now."""
        if not self._failures:
            return set()
        oldest = time.monotonic() - WINDOW_SECONDS
        for sender in [sender for sender, moments in self._failures.items() if moments[-1] < oldest]:
            del self._failures[sender]
        self._sessions = {item: sender for item, sender in self._sessions.items() if sender in self._failures}
        return set(self._sessions)

    def failed(self, arrival: Arrival) -> bool:
        """Count a frame that failed alone; True when it has been tried often enough."""
        tries = self._tries.pop(arrival.frame_id, 0) + 1
        if tries < POISON_TRIES:
            self._tries[arrival.frame_id] = tries
            while len(self._tries) > _MAX_FRAMES:
                self._tries.popitem(last=False)
        sender = arrival.account_pk if arrival.fence else arrival.session_id
        # One more than the budget is all that tells whether it is spent.
        moments = self._failures.setdefault(sender, deque(maxlen=self._budget + 1))
        moments.append(time.monotonic())
        self._sessions[arrival.session_id] = sender
        return tries >= POISON_TRIES

    def over_budget(self, session_id: UUID) -> bool:
        """Whether this session's sender has failed more often within a minute than it may."""
        moments = self._failures.get(self._sessions.get(session_id, session_id), deque())
        return len(moments) > self._budget and moments[0] > time.monotonic() - WINDOW_SECONDS

    def expel(self, session_id: UUID) -> None:
        """Take nothing more of this session: what it has waiting is not even tried."""
        self._expelled[session_id] = None
        while len(self._expelled) > _MAX_FRAMES:
            self._expelled.popitem(last=False)

    def expelled(self, session_id: UUID) -> bool:
        return session_id in self._expelled
