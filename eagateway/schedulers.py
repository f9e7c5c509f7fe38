"""Celery's schedulers, which note that beat works each time they look at the schedule, and do not look too early."""

from typing import Any, Final

from celery.beat import PersistentScheduler, Scheduler

from sessions_app.services.operations import ticks

_EVERY_SECONDS: Final = 3.0
# Celery looks 10 ms before an entry is due, and then again and again without a pause until it is: 4 % of a core.
_DRIFT_SECONDS: Final = 0.0
_note: Final = ticks.Every(_EVERY_SECONDS, lambda: ticks.note(ticks.BEAT))


class InMemory(Scheduler):
    """Of the embedded lane: its schedule begins anew with the process."""

    def tick(self, *args: Any, **kwargs: Any) -> float:
        _note()
        return super().tick(*args, **kwargs)

    def adjust(self, n: float, drift: float = _DRIFT_SECONDS) -> float:
        return n + drift


class InFile(PersistentScheduler):
    """Of the beat process."""

    def tick(self, *args: Any, **kwargs: Any) -> float:
        _note()
        return super().tick(*args, **kwargs)

    def adjust(self, n: float, drift: float = _DRIFT_SECONDS) -> float:
        return n + drift
