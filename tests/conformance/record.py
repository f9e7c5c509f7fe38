"""What a conformance run found: an outcome for each case and transport, written as JSON for `report`."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

_NUMBERS: Final = re.compile(r"test_case_((?:\d{3}_and_)*\d{3})_")
_TRANSPORT: Final = re.compile(r"\[(?:.*-)?((?:socket|exchange|rest|rows|sdk|tcp)(?:(?:-mt5)?-ea)?)(?:-.*)?\]")
BY_THE_EA: Final = "-ea"
_WORST: Final = ("failed", "skipped", "passed")


def cases_of(name: str) -> list[int]:
    """The catalogue numbers in a test's name: `test_case_103_and_104_...` is about two."""
    found = _NUMBERS.search(name)
    return [int(number) for number in found[1].split("_and_")] if found else []


Outcomes = dict[int, dict[str, tuple[str, str]]]


@dataclass
class Record:
    """`outcomes`: by case, then by transport, the worst outcome and the reason of what was skipped or may fail.

    What the EA played in the SDK's place is another transport, by the name of `socket-ea`.
    """

    outcomes: Outcomes = field(default_factory=dict)

    def note(self, report: pytest.TestReport) -> None:
        """Take one phase of one test. A phase that passes says nothing unless it is the call itself."""
        if report.when != "call" and report.passed:
            return
        name = report.nodeid.rpartition("::")[2]
        found = _TRANSPORT.search(name)
        outcome = _outcome(report)
        for number in cases_of(name):
            self._keep(number, found[1] if found else "rows", outcome)

    def _keep(self, number: int, transport: str, outcome: tuple[str, str]) -> None:
        known = self.outcomes.setdefault(number, {})
        known[transport] = _worst(outcome, *([known[transport]] if transport in known else []))

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(self.outcomes, sort_keys=True))


def read(path: Path) -> Outcomes:
    """What a run has written; nothing if it broke down before."""
    if not path.exists():
        return {}
    return {
        int(number): {name: (outcome, reason) for name, (outcome, reason) in found.items()}
        for number, found in json.loads(path.read_text()).items()
    }


def _outcome(report: pytest.TestReport) -> tuple[str, str]:
    """What came of it, and why. A case that is allowed to fail for now, and does, has failed."""
    awaited = getattr(report, "wasxfail", None)
    if awaited is not None and not report.passed:
        return "failed", awaited.removeprefix("reason: ")
    return report.outcome, _reason(report) if report.skipped else ""


def _worst(*outcomes: tuple[str, str]) -> tuple[str, str]:
    return min(sorted(outcomes), key=lambda outcome: _WORST.index(outcome[0]))


def _reason(report: pytest.TestReport) -> str:
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")
