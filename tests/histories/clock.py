"""The virtual clock of a history: what is due happens in its order, and no time passes in between."""

import heapq
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Final
from unittest.mock import patch

import time_machine

START: Final = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
_monotonic = [time.monotonic()]
"""Where the next history's monotonic clock begins: what a process remembers of the one before is past."""


class Clock:
    """Use it as a context: inside, the process's clocks stand still at `now` until it is moved."""

    def __init__(self) -> None:
        self.now = START
        self._due: list[tuple[datetime, int, Callable[[], object]]] = []
        self._order = count()
        self._travel = time_machine.travel(START, tick=False)
        self._coordinates: Any = None
        self._steady = patch.object(time, "monotonic", lambda: _monotonic[0] + self.seconds)

    def __enter__(self) -> "Clock":
        self._coordinates = self._travel.start()
        self._steady.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._steady.stop()
        _monotonic[0] += self.seconds + 1000
        self._travel.stop()

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return (self.now - START).total_seconds()

    def after(self, seconds: float, act: Callable[[], object]) -> None:
        """Let something happen in so many seconds."""
        heapq.heappush(self._due, (self.now + timedelta(seconds=seconds), next(self._order), act))

    def advance(self, seconds: float) -> None:
        """Let time pass, with all that falls due in it."""
        until = self.now + timedelta(seconds=seconds)
        while self._due and self._due[0][0] <= until:
            moment, _, act = heapq.heappop(self._due)
            self._move(moment)
            act()
        self._move(until)

    def _move(self, moment: datetime) -> None:
        self.now = max(self.now, moment)
        if self._coordinates is not None:
            self._coordinates.move_to(self.now)
