"""Bars of any length, made of a price that is a function of time: the same each time that they are asked for."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

BARS: Final = 500
_SAMPLES: Final = 12
_TICK_SECONDS: Final = 20


def waves(moment: float) -> float:
    """Some dozens of points up and down around 1.1, and now and then a hundred."""
    return 1.1 + 0.004 * (math.sin(moment / 540) + 0.3 * math.sin(moment / 138)) + 0.01 * math.sin(moment / 90_000)


@dataclass(frozen=True, slots=True)
class Bars:
    """`price`: at a moment, in seconds since 1970; a bar shows it at a dozen moments."""

    price: Callable[[float], float] = waves

    def lines(self, minutes: int, now: float, since: int) -> list[str]:
        """The bars that began at `since` or later, 500 at most, the oldest first; the newest is not over."""
        length = max(minutes, 1) * 60
        newest = int(now) // length * length
        first = max(since, newest - (BARS - 1) * length)
        return [self._line(begins, length, now) for begins in range(first, newest + 1, length)]

    def _line(self, begins: int, length: int, now: float) -> str:
        ends = min(begins + length, now)
        step = (ends - begins) / _SAMPLES
        seen = [round(self.price(begins + place * step), 5) for place in range(_SAMPLES + 1)]
        ticks = int(ends - begins - 1) // _TICK_SECONDS + 1 if ends > begins else 1  # the first makes the bar
        return f"{begins}\t{seen[0]}\t{max(seen)}\t{min(seen)}\t{seen[-1]}\t{ticks}"
