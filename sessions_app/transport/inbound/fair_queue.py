"""The frames that wait for the writer, a lane for each session: who sends much waits behind himself alone."""

import threading
from collections import OrderedDict, deque
from collections.abc import Collection, Sequence
from typing import Final
from uuid import UUID

from sessions_app.services.ingest.ports import Arrival

SUSPECT_SHARE: Final = 8


class FairQueue:
    """A session's frames keep their order. When not everything fits into a batch, each session gets its share."""

    def __init__(self) -> None:
        self._lanes: OrderedDict[UUID, deque[Arrival]] = OrderedDict()
        self._waiting = 0
        self._ended = False
        self._changed = threading.Condition(threading.Lock())

    def __len__(self) -> int:
        return self._waiting

    def put(self, arrival: Arrival) -> None:
        """Queue one frame; never blocks. Who waits for it hears of it by `wake`, once for many frames."""
        with self._changed:
            self._lanes.setdefault(arrival.session_id, deque()).append(arrival)
            self._waiting += 1

    def wake(self) -> None:
        """Frames were put: who waits for some goes on."""
        with self._changed:
            self._changed.notify()

    def put_back(self, arrivals: Sequence[Arrival]) -> None:
        """Frames that were taken and not stored, in their order: they come before what their sessions sent since."""
        with self._changed:
            for arrival in reversed(arrivals):
                self._lanes.setdefault(arrival.session_id, deque()).appendleft(arrival)
            # Nobody is woken: the one thread that takes is the one that puts back.
            self._waiting += len(arrivals)

    def end(self) -> None:
        """Nothing more comes: `take` gives what waits, then None."""
        with self._changed:
            self._ended = True
            self._changed.notify()

    def take(self, limit: int, *, apart: Collection[UUID] = ()) -> list[Arrival] | None:
        """Everything that waits, at least one frame and at most `limit`; None when it is time to go.

        A suspect session gets a small share: each of its frames may cost as much as a batch.
        """
        with self._changed:
            while not self._waiting and not self._ended:
                self._changed.wait()
            if not self._waiting:
                return None
            taken = self._shares(limit, apart)
            self._waiting -= len(taken)
            return taken

    def _shares(self, limit: int, apart: Collection[UUID]) -> list[Arrival]:
        taken: list[Arrival] = []
        share = limit if self._waiting <= limit else max(1, limit // len(self._lanes))
        for session_id in list(self._lanes):
            most = min(share, limit - len(taken))
            self._move(session_id, min(most, SUSPECT_SHARE) if session_id in apart else most, taken)
            if len(taken) >= limit:
                break
        return taken

    def _move(self, session_id: UUID, most: int, taken: list[Arrival]) -> None:
        """Move frames of one lane; what stays goes to the back of the row of lanes."""
        lane = self._lanes[session_id]
        taken.extend(lane.popleft() for _ in range(min(most, len(lane))))
        if lane:
            self._lanes.move_to_end(session_id)
        else:
            del self._lanes[session_id]
