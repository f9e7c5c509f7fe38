"""Each lane in a child process, one after the other, and the closing lines that sum them up."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn, Self

import pytest

from tests.durations import Folders, Spent, by_folder, lines

REPORT_VARIABLE: Final = "EAGATEWAY_LANE_REPORT"
BUSY: Final = "browser"
MOST_WORKERS: Final = 4
_GOODBYE_S: Final = 30


@dataclass(frozen=True)
class Tally:
    """What one lane counted, and on what."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    ran_on: str = ""
    folders: Folders = field(default_factory=dict)

    @classmethod
    def of(cls, stats: Mapping[str, Sequence[object]], *, ran_on: str) -> Self:
        """From the terminal reporter's own counts; those under "" are the set-ups and tear-downs that went well."""

        def count(*outcomes: str) -> int:
            return sum(len(stats.get(outcome, ())) for outcome in outcomes)

        counts = count("passed", "xpassed"), count("failed", "error"), count("skipped", "xfailed")
        return cls(*counts, ran_on, by_folder(report for reports in stats.values() for report in reports))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Nothing at all when the lane ended before it could write."""
        if not path.exists():
            return cls()
        told = json.loads(path.read_text())
        return cls(**{**told, "folders": {name: Spent(**spent) for name, spent in told["folders"].items()}})

    def write(self, path: str) -> None:
        Path(path).write_text(json.dumps(asdict(self)))

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


@dataclass
class Closing:
    """The last lines of a run."""

    lines: list[str] = field(default_factory=list)
    tallies: list[Tally] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    spent: dict[str, Folders] = field(default_factory=dict)

    def skip(self, lane: str, *, reason: str) -> None:
        self.lines.append(f"{lane}: skipped, {reason}")

    def add(self, lane: str, *, tally: Tally, code: int, seconds: float) -> None:
        """Count a lane. One that broke down without a failed test counts as one failure."""
        self.codes.append(code)
        broke = code not in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED} and not tally.failed
        if broke:
            tally = replace(tally, failed=1)
        self.tallies.append(tally)
        self.spent[lane] = tally.folders
        remark = f"; ended with exit code {code}" if broke else ""
        self.lines.append(f"{lane}: {tally} in {seconds:.1f} s, on {tally.ran_on or 'nothing'}{remark}")

    @property
    def code(self) -> int:
        """The first failure's; "no tests" only when no lane found any."""
        failures = [code for code in self.codes if code not in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}]
        if failures:
            return failures[0]
        return pytest.ExitCode.OK if pytest.ExitCode.OK in self.codes else pytest.ExitCode.NO_TESTS_COLLECTED

    def show(self) -> None:
        """The sum comes last, alone on its line."""
        print("\nwhere the time went (seconds of tests, several of which run at a time)")
        for line in lines(self.spent):
            print(line)
        print("\nlanes")
        for line in self.lines:
            print(f"  {line}")
        print(Tally(*(sum(getattr(each, name) for each in self.tallies) for name in ("passed", "failed", "skipped"))))


def run(lanes: Mapping[str, str | None], *, arguments: Sequence[str], stop_at_failure: bool) -> int:
    """Run the lanes that have no reason to be skipped; the exit code of the whole."""
    signal.signal(signal.SIGTERM, _leave)
    closing = Closing()
    try:
        for lane, reason in lanes.items():
            if reason is not None:
                closing.skip(lane, reason=reason)
            elif stop_at_failure and closing.codes and closing.code == pytest.ExitCode.TESTS_FAILED:
                closing.skip(lane, reason="an earlier lane failed")
            else:
                _run_one(lane, arguments=arguments, closing=closing)
    except KeyboardInterrupt:
        closing.lines.append("interrupted")
        closing.codes.insert(0, pytest.ExitCode.INTERRUPTED)
    closing.show()
    return closing.code


def _run_one(lane: str, *, arguments: Sequence[str], closing: Closing) -> None:
    print(f"\nlane {lane}", flush=True)
    with tempfile.TemporaryDirectory(prefix="eag-report-") as folder:
        report = Path(folder) / "tally.json"
        # A cache per lane: otherwise --last-failed would forget what failed on one and passed on the other.
        options = ("--lane", lane, "-o", f"cache_dir=.pytest_cache/{lane}")
        command = [sys.executable, "-m", "pytest", *_spread(lane, arguments), *arguments, *options]
        began = time.monotonic()
        code = _wait(subprocess.Popen(command, env={**os.environ, REPORT_VARIABLE: str(report)}))
        closing.add(lane, tally=Tally.read(report), code=code, seconds=time.monotonic() - began)


def _spread(lane: str, arguments: Sequence[str]) -> tuple[str, ...]:
    """Two hands for a core, for many tests wait for a child process or a deadline: with three hands for two cores these
    rested for 40 % of the time. A browser is busy all the time. Unless somebody says otherwise."""
    told = any(argument.startswith(("-n", "--numprocesses", "--pdb")) for argument in arguments)
    cores = os.cpu_count() or 1
    if told or cores == 1:
        return ()
    hands = cores if lane == BUSY else 2 * cores
    return ("-n", str(min(hands, MOST_WORKERS)), "--dist", "worksteal")


def _wait(child: "subprocess.Popen[bytes]") -> int:
    try:
        return child.wait()
    except KeyboardInterrupt:
        child.wait(_GOODBYE_S)  # the terminal has told it too
        raise
    except SystemExit:
        child.terminate()
        child.wait(_GOODBYE_S)
        raise


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)
