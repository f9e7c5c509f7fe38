"""The frames that wait for the writer, a lane for each session: who sends much waits behind himself alone.

What others wait for goes first, in a batch of its own: an intent's followers would else wait until a hundred reports
about the last one are stored. It goes with all that its session sent before it, for a session's frames keep their
order. What has waited for PATIENCE_SECONDS comes next, whatever else has come.
"""

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Collection, Sequence
from typing import Final
from uuid import UUID

from sessions_app.services.ingest.ports import Arrival

SUSPECT_SHARE: Final = 8
PATIENCE_SECONDS: Final = 0.1


class FairQueue:
    """A session's frames keep their order. When not everything fits into a batch, each session gets its share.

    Sessions are found by the numbers of their ids: the hash of a number is compiled code, that of a UUID is Python. Who
    puts a frame and who takes them wait for each other.
    """

    def __init__(self) -> None:
        self._lanes: OrderedDict[int, deque[Arrival]] = OrderedDict()
        self._urgent: OrderedDict[int, int] = OrderedDict()  # how many of its lane are, by session
        self._went_first = False
        self._waiting = 0
        self._ended = False
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)

    def __len__(self) -> int:
        return self._waiting

    def put(self, arrival: Arrival) -> None:
        """Queue one frame; never blocks. Who waits for it hears of it by `wake`, once for many frames."""
        with self._lock:
            self._lane_with(arrival).append(arrival)

    def wake(self) -> None:
        """Frames were put: who waits for some goes on."""
        with self._changed:
            self._changed.notify()

    def put_back(self, arrivals: Sequence[Arrival]) -> None:
        """Frames that were taken and not stored, in their order: they come before what their sessions sent since."""
        with self._changed:
            for arrival in reversed(arrivals):
                self._lane_with(arrival).appendleft(arrival)
            # Nobody is woken: the one thread that takes is the one that puts back.

    def _lane_with(self, arrival: Arrival) -> "deque[Arrival]":
        """The lane that a frame goes into; it is counted already."""
        number = arrival.session_id.int
        self._waiting += 1
        if arrival.urgent:
            self._urgent[number] = self._urgent.get(number, 0) + 1
        lane = self._lanes.get(number)
        if lane is None:
            lane = self._lanes[number] = deque()
        return lane

    def end(self) -> None:
        """Nothing more comes: `take` gives what waits, then None."""
        with self._changed:
            self._ended = True
            self._changed.notify()

    def take(self, limit: int, *, apart: Collection[UUID] = ()) -> list[Arrival] | None:
        """Everything that waits, or what goes first of it: one frame at least, and `limit` at most. None when it is
        time to go.

        A suspect session gets a small share: each of its frames may cost as much as a batch.
        """
        with self._changed:
            while not self._waiting and not self._ended:
                self._changed.wait()
            if not self._waiting:
                return None
            taken = self._shares(limit, apart, self._next())
            self._waiting -= len(taken)
            return taken

    def _next(self) -> list[int]:
        """The lanes of the next batch: those with something urgent, then the others; all, where there is one kind."""
        if not self._urgent or len(self._urgent) == len(self._lanes):
            self._went_first = False
            return list(self._lanes)
        others = [number for number in self._lanes if number not in self._urgent]
        # The lane that nothing was taken of for the longest time comes first.
        waited = time.monotonic() - self._lanes[others[0]][0].heard
        self._went_first = not (self._went_first and waited > PATIENCE_SECONDS)
        return list(self._urgent) if self._went_first else others

    def _shares(self, limit: int, apart: Collection[UUID], lanes: Sequence[int]) -> list[Arrival]:
        taken: list[Arrival] = []
        share = limit if self._waiting <= limit else max(1, limit // len(lanes))
        suspects = {session_id.int for session_id in apart}
        for number in lanes:
            most = min(share, limit - len(taken))
            self._move(number, min(most, SUSPECT_SHARE) if number in suspects else most, taken)
            if len(taken) >= limit:
                break
        return taken

    def _move(self, number: int, most: int, taken: list[Arrival]) -> None:
        """Move frames of one lane; of one that goes first, up to its last urgent one. What stays goes to the back of
        the row of lanes."""
        lane = self._lanes[number]
        for _ in range(min(most, len(lane))):
            arrival = lane.popleft()
            taken.append(arrival)
            if arrival.urgent:
                self._urgent[number] -= 1
                if not self._urgent[number]:
                    del self._urgent[number]
                    if self._went_first:
                        break
        if lane:
            self._lanes.move_to_end(number)
        else:
            del self._lanes[number]
