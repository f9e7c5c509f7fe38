"""What a conformance run found: an outcome for each case and transport, written as JSON for `report`."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

_NUMBERS: Final = re.compile(r"test_case_((?:\d{3}_and_)*\d{3})_")
_TRANSPORT: Final = re.compile(r"\[(?:.*-)?(socket|exchange|rest|rows|sdk|tcp)(?:-.*)?\]")
_WORST: Final = ("failed", "skipped", "passed")


def cases_of(name: str) -> list[int]:
    """The catalogue numbers in a test's name: `test_case_103_and_104_...` is about two."""
    found = _NUMBERS.search(name)
    return [int(number) for number in found[1].split("_and_")] if found else []


@dataclass
class Record:
    """`outcomes`: by case, then by transport, the worst outcome and the reasons of what was skipped."""

    outcomes: dict[int, dict[str, tuple[str, str]]] = field(default_factory=dict)

    def note(self, report: pytest.TestReport) -> None:
        """Take one phase of one test. A phase that passes says nothing unless it is the call itself."""
        if report.when != "call" and report.passed:
            return
        name = report.nodeid.rpartition("::")[2]
        found = _TRANSPORT.search(name)
        outcome = (report.outcome, _reason(report) if report.skipped else "")
        for number in cases_of(name):
            self._keep(number, found[1] if found else "rows", outcome)

    def _keep(self, number: int, transport: str, outcome: tuple[str, str]) -> None:
        known = self.outcomes.setdefault(number, {})
        known[transport] = _worst(outcome, *([known[transport]] if transport in known else []))

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(self.outcomes, sort_keys=True))


def _worst(*outcomes: tuple[str, str]) -> tuple[str, str]:
    return min(_in_order(outcomes), key=lambda outcome: _WORST.index(outcome[0]))


def _in_order(outcomes: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return sorted(outcomes)


def _reason(report: pytest.TestReport) -> str:
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")
