"""Rounds in turn: bare, ours, bare, ours, until the medians stand."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Final

STANDS: Final = 0.05
Round = Mapping[str, float]


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that this share of all values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@dataclass(slots=True)
class Measured:
    """What rounds of one scenario gave: figures by name, for ours and for what it is compared with."""

    ours: list[Round] = field(default_factory=list)
    bare: list[Round] = field(default_factory=list)
    compared_with: str = ""

    def figure(self, name: str, *, best: bool = False) -> tuple[float | None, float | None]:
        """(ours, bare): the median over the rounds, or the best round."""
        return _one(self.ours, name, best), _one(self.bare, name, best)

    def ratio(self, name: str, *, best: bool = False) -> float | None:
        """Ours divided by bare."""
        ours, bare = self.figure(name, best=best)
        return None if ours is None or not bare else ours / bare


def _one(rounds: Sequence[Round], name: str, best: bool) -> float | None:
    values = [one[name] for one in rounds if name in one]
    if not values:
        return None
    return min(values) if best else median(values)


async def take_turns(
    *,
    ours: Callable[[], Awaitable[Round]],
    bare: Callable[[], Awaitable[Round]],
    watched: str,
    least: int,
    most: int,
    say: Callable[[str], None],
) -> Measured:
    """Alternate until the ratio of the watched figure's medians moves by less than STANDS, within the bounds."""
    measured = Measured()
    former: float | None = None
    for number in range(1, most + 1):
        measured.bare.append(await bare())
        measured.ours.append(await ours())
        ratio = measured.ratio(watched)
        say(f"round {number}: ours {_told(measured.ours[-1])} | bare {_told(measured.bare[-1])}")
        stands = former is not None and ratio is not None and abs(ratio - former) <= STANDS * former
        if number >= least and (stands or least == 1):
            break
        former = ratio
    return measured


def _told(figures: Round) -> str:
    return ", ".join(f"{name} {value:,.2f}" for name, value in figures.items())
