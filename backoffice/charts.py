"""Geometry of the server-drawn SVG charts. Colours and fonts are the stylesheet's."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple, Protocol
from uuid import UUID

from backoffice.latency import HOP_NAMES, Bucket, Hop, Hour
from backoffice.own_clock import clock

WIDTH: Final = 480
HEIGHT: Final = 120
_GAP: Final = 6


@dataclass(frozen=True, slots=True)
class Bar:
    """One column of a histogram, in units of its view box."""

    x: float
    y: float
    width: float
    height: float
    centre: float
    label: str
    count: int


@dataclass(frozen=True, slots=True)
class Span:
    """A hop's percentiles on one scale that all hops share, in percent of the width."""

    hop: Hop
    p50: float
    p95: float
    p99: float


def bars(buckets: Sequence[Bucket]) -> list[Bar]:
    """Columns that fill WIDTH x HEIGHT; the tallest takes the whole height."""
    most = max((bucket.count for bucket in buckets), default=0) or 1
    step = WIDTH / max(len(buckets), 1)
    columns = []
    for number, bucket in enumerate(buckets):
        height = round(bucket.count / most * HEIGHT, 1)
        height = max(height, 2.0) if bucket.count else 0.0
        x, width = round(number * step + _GAP / 2, 1), round(step - _GAP, 1)
        centre = round(x + width / 2, 1)
        columns.append(Bar(x, HEIGHT - height, width, height, centre, bucket.label, bucket.count))
    return columns


@dataclass(frozen=True, slots=True)
class HourBar:
    """One hour: its p95 as a column, cut at the top of the chart. `late`: over the target; `starts`: when it has begun,
    by the clock of whoever looks."""

    bar: Bar
    hour: Hour
    late: bool
    starts: str


TOP: Final = 4
"""How many times the target fits into the chart of hours: one bad hour must not flatten all others."""


def hour_bars(hours: Sequence[Hour], midnight: datetime, target: int) -> list[HourBar]:
    """Columns over the whole day that has begun at `midnight`, WIDTH x HEIGHT. Its hours are those of UTC, named as the
    clock of whoever looks shows them: where that is half an hour off, so are they."""
    step, most = WIDTH / 24, _scale(hours, target)
    found = []
    for hour in hours:
        height = 0.0 if hour.p95 is None else max(2.0, round(min(hour.p95 / most, 1.0) * HEIGHT, 1))
        x, width = round(hour.hour * step + 1, 1), round(step - 2, 1)
        starts = clock(midnight + timedelta(hours=hour.hour), "%H:%M")
        bar = Bar(x, round(HEIGHT - height, 1), width, height, round(x + width / 2, 1), starts[:2], hour.samples)
        found.append(HourBar(bar, hour, late=hour.p95 is not None and hour.p95 > target, starts=starts))
    return found


def target_line(hours: Sequence[Hour], target: int) -> float:
    """Where the target stands in that chart."""
    return round(HEIGHT * (1 - target / _scale(hours, target)), 1)


def _scale(hours: Sequence[Hour], target: int) -> float:
    worst = max((hour.p95 or 0.0 for hour in hours), default=0.0)
    return min(max(worst, target * 1.25), target * TOP)


class Timed(Protocol):
    """Who has a p95, and the hops that make it up."""

    p95: float | None
    hops: Sequence[float]


@dataclass(frozen=True, slots=True)
class Segment:
    """One hop in a follower's bar, in percent of the width. `number`: which hop, from 1; 0: all of the way at once."""

    number: int
    name: str
    milliseconds: float
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class FollowerBar:
    """A follower's p95 today as a bar of its hops, cut at the edge of the chart."""

    row: Timed
    segments: Sequence[Segment]


def follower_bars(rows: Sequence[Timed], target: int) -> list[FollowerBar]:
    """A bar for each, all on one scale."""
    most = follower_scale(rows, target)
    return [FollowerBar(row, _segments(row, most)) for row in rows]


def follower_target(rows: Sequence[Timed], target: int) -> float:
    """Where the target stands in that chart, in percent of the width."""
    return round(target / follower_scale(rows, target) * 100, 2)


def follower_scale(rows: Sequence[Timed], target: int) -> float:
    """How many milliseconds the width stands for."""
    worst = max((row.p95 or 0.0 for row in rows), default=0.0)
    return min(max(worst, target * 1.25), float(target * TOP))


def _segments(row: Timed, most: float) -> list[Segment]:
    hops = list(enumerate(row.hops, 1)) if row.hops else [(0, row.p95 or 0.0)]
    found, start = [], 0.0
    for number, milliseconds in hops:
        x, end = (min(at / most * 100, 100.0) for at in (start, start + milliseconds))
        name = HOP_NAMES[number - 1] if number else "received to reported"
        found.append(Segment(number, name, milliseconds, round(x, 2), round(end - x, 2)))
        start += milliseconds
    return found


def spans(hops: Sequence[Hop]) -> list[Span]:
    """Each hop's percentiles against the slowest p99 of all."""
    most = max((hop.p99 or 0.0 for hop in hops), default=0.0) or 1.0

    def share(value: float | None) -> float:
        return round((value or 0.0) / most * 100, 2)

    return [Span(hop, share(hop.p50), share(hop.p95), share(hop.p99)) for hop in hops]


# Lines of equity ------------------------------------------------------------------------------------------------------

LINE_WIDTH: Final = 96
LINE_HEIGHT: Final = 24
_STEPS: Final = 48
_NONE: Final = Decimal(0)


class Equity(NamedTuple):
    """What an account had at a moment."""

    account_pk: UUID
    at: datetime
    equity: Decimal


@dataclass(frozen=True, slots=True)
class Line:
    """An account's equity: its first figure and how old that is, its last one, the change in percent of the first, the
    points on the drawing, and where the first figure stands there."""

    span: timedelta
    first: Decimal
    last: Decimal
    percent: Decimal
    points: str
    level: float


def equity_lines(told: Sequence[Equity], now: datetime) -> Mapping[UUID, Line]:
    """A line for each account with two figures or more: from the first that is known of any of them until now, in equal
    steps, of each step the last figure. `told` comes the latest first."""
    if not told:
        return {}
    begins = told[-1].at
    step = max((now - begins) / _STEPS, timedelta(milliseconds=1))
    figures: dict[UUID, dict[int, Equity]] = defaultdict(dict)
    for one in told:
        figures[one.account_pk].setdefault((one.at - begins) // step, one)
    known = {pk: sorted(places.items()) for pk, places in figures.items() if len(places) > 1}
    changes = {
        pk: [(place, _percent(one.equity, places[0][1].equity)) for place, one in places]
        for pk, places in known.items()
        if places[0][1].equity > 0
    }
    every = [change for places in changes.values() for _, change in places]
    low, high = min(every, default=_NONE), max(every, default=_NONE)
    return {
        pk: Line(
            span=now - known[pk][0][1].at,
            first=known[pk][0][1].equity,
            last=known[pk][-1][1].equity,
            percent=places[-1][1],
            points=" ".join(f"{_x(place)},{_y(change, low, high)}" for place, change in places),
            level=_y(_NONE, low, high),
        )
        for pk, places in changes.items()
    }


def _percent(equity: Decimal, first: Decimal) -> Decimal:
    return (equity - first) * 100 / first


def _x(step: int) -> float:
    return round(min(max(step, 0), _STEPS) * LINE_WIDTH / _STEPS, 1)


def _y(change: Decimal, low: Decimal, high: Decimal) -> float:
    """With a unit of room above and below, for lines have a width."""
    share = (change - low) / (high - low) if high > low else Decimal("0.5")
    return round(1 + float(1 - share) * (LINE_HEIGHT - 2), 1)
