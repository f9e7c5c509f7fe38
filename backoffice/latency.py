"""Latencies of commands from the moments of their time lines: percentiles by hop and a histogram. Milliseconds."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Final

Moments = tuple[datetime | None, ...]
COLUMNS: Final = ("received_at", "committed_at", "pushed_at", "acked_at", "reported_at")
_HOPS: Final = (
    ("received", "committed", 0, 1),
    ("committed", "pushed", 1, 2),
    ("pushed", "acknowledged", 2, 3),
    ("acknowledged", "reported", 3, 4),
    ("received", "reported", 0, 4),
)
HOP_NAMES: Final = tuple(f"{start} to {end}" for start, end, _, _ in _HOPS[:4])
_EDGES: Final = (5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)


@dataclass(frozen=True, slots=True)
class Hop:
    """Percentiles of one stretch of the way; None without a sample. The last hop is the whole way."""

    start: str
    end: str
    samples: int
    p50: float | None
    p95: float | None
    p99: float | None
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Bucket:
    """How many commands took up to `upto` milliseconds, above the bucket before; the last has no upper edge."""

    label: str
    upto: int | None
    count: int


@dataclass(frozen=True, slots=True)
class Hour:
    """The whole way, received to reported, in one hour of the day; None without a sample."""

    hour: int
    samples: int
    p50: float | None
    p95: float | None


def hours(by_hour: Sequence[Sequence[Moments]]) -> list[Hour]:
    """One line for each hour, from rows of COLUMNS by hour."""
    found = []
    for hour, rows in enumerate(by_hour):
        durations = sorted(_durations(rows, 0, 4))
        found.append(Hour(hour, len(durations), percentile(durations, 0.5), percentile(durations, 0.95)))
    return found


def hops(rows: Sequence[Moments]) -> list[Hop]:
    """One line per hop, from rows of COLUMNS."""
    return [
        _hop(start, end, _durations(rows, first, last), whole=(first, last) == (0, 4))
        for start, end, first, last in _HOPS
    ]


def histogram(rows: Sequence[Moments]) -> list[Bucket]:
    """The whole way, received to reported, in steps of 1-2-5."""
    counts = [0] * (len(_EDGES) + 1)
    for duration in _durations(rows, 0, 4):
        counts[bisect_left(_EDGES, duration)] += 1
    buckets = [Bucket(_label(edge), edge, count) for edge, count in zip(_EDGES, counts, strict=False)]
    return [*buckets, Bucket("more", None, counts[-1])]


def _label(milliseconds: int) -> str:
    return f"{milliseconds}" if milliseconds < 1000 else f"{milliseconds // 1000} s"


def _hop(start: str, end: str, durations: list[float], *, whole: bool) -> Hop:
    durations.sort()
    p50, p95, p99 = (percentile(durations, share) for share in (0.5, 0.95, 0.99))
    return Hop(start, end, len(durations), p50, p95, p99, whole)


def _durations(rows: Sequence[Moments], first: int, last: int) -> list[float]:
    """Milliseconds; two of our clocks may disagree by a little, and nothing takes less than no time."""
    return [
        max(0.0, (end - start).total_seconds() * 1000)
        for row in rows
        if (start := row[first]) is not None and (end := row[last]) is not None
    ]


def at_p95(ways: Sequence[Moments]) -> tuple[float | None, tuple[float, ...]]:
    """The p95 of whole ways, and the hops of the command that stands there: together they are that p95. No hops where
    one of its moments is not known."""
    whole = [way for way in ways if way[0] is not None and way[-1] is not None]
    if not whole:
        return None, ()
    timed = sorted(zip(_durations(whole, 0, 4), range(len(whole)), strict=True))
    found, place = timed[max(0, ceil(0.95 * len(timed)) - 1)]
    way = whole[place]
    hops = tuple(duration for at in range(4) for duration in _durations([way], at, at + 1))
    return found, hops if len(hops) == 4 else ()


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """The nearest-rank percentile of values in order."""
    return ordered[max(0, ceil(share * len(ordered)) - 1)] if ordered else None
