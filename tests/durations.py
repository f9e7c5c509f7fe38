"""Where the time of a run went: how many tests each folder has, and how many seconds they took."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Self

import pytest


@dataclass(frozen=True, slots=True)
class Spent:
    """Tests and their seconds, set-up and tear-down included."""

    tests: int = 0
    seconds: float = 0.0

    def __add__(self, other: Self) -> Self:
        return type(self)(self.tests + other.tests, self.seconds + other.seconds)


Folders = Mapping[str, Spent]


def by_folder(reports: Iterable[object]) -> dict[str, Spent]:
    """From the reports of all phases; what a session shares counts where it was made."""
    spent: dict[str, Spent] = {}
    for report in reports:
        if isinstance(report, pytest.TestReport):
            folder = str(PurePosixPath(report.nodeid.partition("::")[0]).parent)
            one = Spent(tests=int(report.when == "setup"), seconds=report.duration)
            spent[folder] = spent.get(folder, Spent()) + one
    return spent


def lines(lanes: Mapping[str, Folders]) -> Iterable[str]:
    """A table: each lane with its share of everything, and under it its folders, the longest first."""
    everything = _sum(spent for folders in lanes.values() for spent in folders.values())
    for lane, folders in lanes.items():
        whole = _sum(folders.values())
        yield _line(lane, whole, of=everything)
        for folder, spent in sorted(folders.items(), key=lambda item: -item[1].seconds):
            yield _line(f"  {folder}", spent, of=whole)


def _line(name: str, spent: Spent, *, of: Spent) -> str:
    share = 100 * spent.seconds / of.seconds if of.seconds else 0.0
    return f"  {name:<46} {spent.tests:>5} tests {spent.seconds:>8.1f} s {share:>5.1f} %"


def _sum(spents: Iterable[Spent]) -> Spent:
    return sum(spents, Spent())
