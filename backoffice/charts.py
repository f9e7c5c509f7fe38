"""Geometry of the server-drawn SVG charts. Colours and fonts are the stylesheet's."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from backoffice.latency import Bucket, Hop

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


def spans(hops: Sequence[Hop]) -> list[Span]:
    """Each hop's percentiles against the slowest p99 of all."""
    most = max((hop.p99 or 0.0 for hop in hops), default=0.0) or 1.0

    def share(value: float | None) -> float:
        return round((value or 0.0) / most * 100, 2)

    return [Span(hop, share(hop.p50), share(hop.p95), share(hop.p99)) for hop in hops]
