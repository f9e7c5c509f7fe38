"""What the suite does without mutants: how long each test takes, and which lines of the domain it runs."""

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Final

from tests.mutants.mutate import Mutant
from tests.mutants.suite import Collected

_LEAST_SECONDS: Final = 5.0
_SLOWER: Final = 2  # tracing has made them slower already

Line = tuple[str, int]
Measured = list[tuple[str, float, list[Line]]]


@dataclass(frozen=True, slots=True)
class Seen:
    """`seconds` of each test, `tests` of each line, the lines that run `at_import`."""

    seconds: Mapping[str, float]
    tests: Mapping[Line, Sequence[str]]
    at_import: frozenset[Line]

    @classmethod
    def of(cls, measured: Measured, at_import: Sequence[Line]) -> "Seen":
        tests: dict[Line, list[str]] = {}
        for name, _, lines in measured:
            for file, line in lines:
                tests.setdefault((file, line), []).append(name)
        seconds = {name: taken for name, taken, _ in measured}
        return cls(seconds, tests, frozenset((file, line) for file, line in at_import))

    def tests_of(self, mutant: Mutant) -> list[str]:
        """The tests that run a mutant's statement, the quickest first."""
        found = {test for line in mutant.lines for test in self.tests.get((mutant.path.as_posix(), line), ())}
        return sorted(found, key=lambda test: self.seconds[test])

    def runs_at_import(self, mutant: Mutant) -> bool:
        return mutant.entry is None or any((mutant.path.as_posix(), line) in self.at_import for line in mutant.lines)

    def limit(self, tests: Sequence[str]) -> float:
        """The processor's seconds that these tests may take: far more than they need, and not for ever."""
        return _LEAST_SECONDS + _SLOWER * sum(self.seconds[test] for test in tests)


class Coverage:
    """A tracing function for the files of one folder; (file, line), as seen from the root."""

    def __init__(self, root: Path, folder: str) -> None:
        self._root, self._folder = f"{root}/", f"{root / folder}/"
        self._lines: set[Line] = set()

    def __enter__(self) -> "Coverage":
        sys.settrace(self._enter)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)

    def taken(self) -> list[Line]:
        """What has run since the last call."""
        lines, self._lines = self._lines, set()
        return sorted((file.removeprefix(self._root), line) for file, line in lines)

    def _enter(self, frame: FrameType, event: str, argument: Any) -> Any:
        if not frame.f_code.co_filename.startswith(self._folder):
            return None
        self._lines.add((frame.f_code.co_filename, frame.f_lineno))
        return self._line

    def _line(self, frame: FrameType, event: str, argument: Any) -> Any:
        if event == "line":
            self._lines.add((frame.f_code.co_filename, frame.f_lineno))
        return self._line


def measure(suite: Collected, coverage: Coverage) -> Measured:
    """Run every test: (name, seconds, lines).

    :raises RuntimeError: one fails, without any mutant
    """
    measured: Measured = []
    coverage.taken()
    for name in suite.items:
        started = time.process_time()
        with coverage:
            failed = suite.first_failure([name])
        if failed:
            raise RuntimeError(f"{failed} fails without any mutant")
        measured.append((name, time.process_time() - started, coverage.taken()))
    return measured
