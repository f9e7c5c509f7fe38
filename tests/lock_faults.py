"""What gateway processes of a run have locked out of order, told when the run ends: see `tests.lock_order`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

SHOWN: Final = 20


@dataclass(eq=False)  # a plugin is looked up by itself
class LockFaults:
    """A pytest plugin: the run fails when a process that it has started left the order of locks."""

    folder: Path
    faults: list[str] = field(default_factory=list)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self.faults = [line for path in sorted(self.folder.glob("*.txt")) for line in path.read_text().splitlines()]
        if self.faults and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.faults:
            terminalreporter.write_line(f"locked out of order in processes of this run: {len(self.faults)}", red=True)
        for fault in self.faults[:SHOWN]:
            terminalreporter.write_line(f"  {fault}", red=True)
