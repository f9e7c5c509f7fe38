"""Bounds on what one peer may send: a token bucket for each kind of traffic."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from django.conf import settings

from sessions_app.domain.frames.registry import Traffic

MALFORMED_PER_MINUTE: Final = 5
# More of these may come for what has given cause: commands that were sent, pages that were asked for.
GRANTED: Final = frozenset({Traffic.REPORTS, Traffic.ACKS})
MOST: Final = 20_000
T = TypeVar("T")


@dataclass(slots=True)
class Bucket:
    """`rate` tokens a second, at most `burst` at once. Not safe for threads."""

    rate: float
    burst: float
    _tokens: float = field(init=False)
    _at: float = field(init=False)
    _used: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self._tokens, self._at = self.burst, time.monotonic()

    def grant(self, tokens: float) -> None:
        """Add tokens beyond the rate, for something that was asked for."""
        self._tokens += max(0.0, tokens)

    def change(self, rate: float, burst: float) -> None:
        """Another rate from now on. A bucket that nobody has used yet is full by the new one; tokens are never won."""
        self.rate, self.burst = rate, burst
        self._tokens = burst if not self._used else min(self._tokens, burst)

    def take(self) -> bool:
        """Take one token; False when there is none."""
        return self.wait() == 0

    def wait(self) -> float:
        """Take one token: 0, or the seconds until there is one."""
        now, self._used = time.monotonic(), True
        # Granted tokens may stand above the burst, and time does not take them away.
        self._tokens = max(self._tokens, min(self.burst, self._tokens + (now - self._at) * self.rate))
        self._at = now
        if self._tokens < 1:
            return (1 - self._tokens) / self.rate
        self._tokens -= 1
        return 0


class RateLimits:
    """What one session may send, over however many links. `flood`: frames over a rate, before the link is closed;
    `malformed`: how much garbage, before the session ends.
    """

    def __init__(self) -> None:
        bounds = settings.GATEWAY
        self.general = Bucket(bounds["frame_rate"], bounds["frame_burst"])
        self.intents = Bucket(bounds["frame_rate"], bounds["frame_burst"])
        # Anybody may open a pending session: it may send at a small part of the rate of an approved one.
        self.pending = Bucket(bounds["pending_rate_per_minute"] / 60, bounds["pending_frames"])
        self.acks = Bucket(bounds["frame_rate"], bounds["frame_burst"])
        self.reports = Bucket(bounds["frame_rate"], bounds["report_burst"])
        self.flood = Bucket(bounds["flood_frames_per_minute"] / 60, bounds["flood_frames_per_minute"])
        self.malformed = Bucket(MALFORMED_PER_MINUTE / 60, MALFORMED_PER_MINUTE)

        self._by_traffic = {
            Traffic.GENERAL: self.general,
            Traffic.INTENTS: self.intents,
            Traffic.REPORTS: self.reports,
            Traffic.ACKS: self.acks,
        }

    def of(self, traffic: Traffic) -> Bucket:
        """The bucket that counts this traffic of an authenticated session."""
        return self._by_traffic[traffic]

    def set_intent_rate(self, rate: int) -> None:
        """An account's rate may have changed since its session's former link."""
        self.intents.change(rate, max(rate, settings.GATEWAY["frame_burst"]))


def hello_bucket() -> Bucket:
    """How often one token may say Hello: every one is a look at the database and a transaction."""
    return Bucket(settings.GATEWAY["hellos_per_minute"] / 60, settings.GATEWAY["hellos_per_minute"])


class Kept(Generic[T]):
    """What this process keeps of each peer, by whatever names it, longer than a link stands. Beyond `most` the one
    unused longest is forgotten: its buckets have most likely filled up again by then. Not safe for threads.
    """

    def __init__(self, make: Callable[[], T], most: int = MOST) -> None:
        self._make, self._most = make, most
        self._known: OrderedDict[Hashable, T] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def of(self, name: Hashable) -> T:
        """One peer's, new if it is not known."""
        found = self._known.pop(name, None) or self._make()
        self._known[name] = found
        if len(self._known) > self._most:
            self._known.popitem(last=False)
        return found

    def clear(self) -> None:
        """Forget everybody."""
        self._known.clear()
