"""Heartbeat arithmetic. Seconds are whole; moments are aware UTC, all from the database's clock."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

TIMEOUT_PER_INTERVAL: Final = 3
# Half an interval of grace: a beat that is only late is not asked about.
TEST_REQUEST_PER_INTERVAL: Final = 1.5
MIN_INTERVAL: Final = 1
MAX_INTERVAL: Final = 60


def silent_after(interval: int) -> float:
    """Seconds of silence after which the server asks, at this interval of beats."""
    return interval * TEST_REQUEST_PER_INTERVAL


@dataclass(frozen=True, slots=True)
class Pace:
    """Heartbeat interval and timeout in force, in seconds; the timeout is at least three intervals."""

    interval: int
    timeout: int

    @classmethod
    def of(cls, *, wished: int | None, interval: int, timeout: int) -> "Pace":
        """The pace in force: a wish within bounds may slow the beat down to what the timeout still allows."""
        # The timeout holds three intervals, so that a lost heartbeat or two do not end a session.
        longest = min(MAX_INTERVAL, timeout // TIMEOUT_PER_INTERVAL)
        chosen = interval if wished is None else min(max(wished, MIN_INTERVAL), max(longest, MIN_INTERVAL))
        return cls(interval=chosen, timeout=max(timeout, chosen * TIMEOUT_PER_INTERVAL))

    def deadline(self, beat_at: datetime) -> datetime:
        """When the session expires if nothing more is heard after `beat_at`."""
        return beat_at + timedelta(seconds=self.timeout)
