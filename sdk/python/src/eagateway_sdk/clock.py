"""Two clocks: when something was seen here, and what time it is at the server.

A moment keeps the monotonic clock and the wall clock. The monotonic one counts from the machine's boot and is shared by
its processes, so an age survives a restart of the program; after a reboot the wall clock has to do.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_MAX_AGE_MS: Final = 10**10
_WINDOW_SECONDS: Final = 60.0


def _boot() -> str:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


class Moment(NamedTuple):
    """A point in time by both clocks, in milliseconds; `boot` names the run of the machine ("" = unknown)."""

    monotonic_ms: int
    wall_ms: int
    boot: str


@dataclass(slots=True)
class Clock:
    """The local clock; `monotonic` and `wall` in seconds. `sleep`: how long work waits for a moment on this clock."""

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    boot: str = field(default_factory=_boot)
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep

    def now(self, *, ago_ms: int = 0) -> Moment:
        """This moment, or one `ago_ms` milliseconds back."""
        return Moment(int(self.monotonic() * 1000) - ago_ms, int(self.wall() * 1000) - ago_ms, self.boot)

    def age_ms(self, seen: Moment) -> int:
        """Milliseconds since `seen`, 0 or more: monotonic within one boot, by the wall clock across a reboot."""
        same_boot = seen.boot == self.boot and seen.boot != ""
        elapsed = self.monotonic() * 1000 - seen.monotonic_ms if same_boot else self.wall() * 1000 - seen.wall_ms
        return min(max(int(elapsed), 0), _MAX_AGE_MS)

    def sent_at(self) -> str:
        """The wall clock as the wire writes times; informative only, nobody trusts it."""
        return rfc3339(datetime.fromtimestamp(self.wall(), tz=UTC))


def rfc3339(moment: datetime) -> str:
    """`moment` in UTC, with milliseconds and Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_time(text: str) -> datetime | None:
    """The moment that an RFC 3339 text names, or None if it names none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


@dataclass(slots=True)
class ServerClock:
    """The server's time, estimated from the times in its frames.

    A frame can only arrive late, so the largest difference (server's time - ours) of the last one to two minutes is the
    best estimate; forgetting older ones lets it follow a drift.
    """

    clock: Clock
    _best: float | None = None
    _previous: float | None = None
    _since: float = 0.0

    def observe(self, text: str | None) -> None:
        """Take one server time, just received."""
        moment = parse_time(text) if text else None
        if moment is None:
            return
        now = self.clock.monotonic()
        if now - self._since > _WINDOW_SECONDS:
            self._previous, self._best, self._since = self._best, None, now
        difference = moment.timestamp() - now
        self._best = difference if self._best is None else max(self._best, difference)

    def now(self) -> datetime:
        """The server's time; our wall clock as long as no frame has told a time."""
        known = [value for value in (self._best, self._previous) if value is not None]
        if not known:
            return datetime.fromtimestamp(self.clock.wall(), tz=UTC)
        return datetime.fromtimestamp(0, tz=UTC) + timedelta(seconds=max(known) + self.clock.monotonic())
