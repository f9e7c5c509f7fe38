"""Every frame that a run has sent or received is held against docs/schemas when the run ends.

What the server said must be valid whatever the test. What a client or a scripted gateway said must be, unless the
client has excused the frame's id, or a test that ran at that moment is marked `sends_invalid_frames`.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import jsonschema_rs
import pytest

from eagateway.documents.frame_types import ENVELOPE
from eagateway.protocol import FRAME_TYPES
from tests.tap import ODD, SCRIPT, SERVER

MARK: Final = "sends_invalid_frames"
SLACK_S: Final = 1.0  # a frame may be read a moment after the test that sent it has ended
SHOWN: Final = 20
_SCHEMAS: Final = Path(__file__).resolve().parents[1] / "docs" / "schemas" / "frames.json"


@dataclass(frozen=True, slots=True)
class Span:
    """When one test ran."""

    test: str
    began: float
    ended: float
    excused: bool


class Schemas:
    """The definitions of docs/schemas/frames.json."""

    @cached_property
    def _validators(self) -> Mapping[str, Any]:
        definitions = json.loads(_SCHEMAS.read_text())["$defs"]
        return {
            name: jsonschema_rs.Draft202012Validator(
                {"$ref": f"#/$defs/{name}", "$defs": definitions}, validate_formats=True
            )
            for name in (ENVELOPE, *FRAME_TYPES)
        }

    def fault(self, sender: str, text: str | None) -> str | None:
        """What is wrong with a frame, or None."""
        if text is None:
            return "a binary message"
        try:
            frame = json.loads(text)
        except (ValueError, RecursionError):
            return "no JSON"
        for name in (ENVELOPE, None):
            kind, part = (name, frame) if name else (frame["type"], frame["payload"])
            try:
                error = next(iter(self._validators[kind].iter_errors(part)), None)
            except UnicodeEncodeError:
                return f"{kind}: a lone surrogate"
            if error is not None:
                return f"{kind}: {error.message[:200]}"
        if FRAME_TYPES[frame["type"]].sender not in (SERVER if sender == SCRIPT else sender, "both"):
            return f"{frame['type']} is not sent by this side"
        return None


@dataclass(eq=False)  # a plugin is looked up by itself
class Heard:
    """A pytest plugin: which test ran when, and at the end what was heard meanwhile."""

    folder: Path
    spans: list[Span] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    odd: set[str | None] = field(default_factory=set)
    frames: int = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.spans.append(Span(report.nodeid, report.start, report.stop, MARK in report.keywords))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self.gather()
        if self.faults and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def gather(self) -> None:
        """Read what was heard, and what is wrong with it."""
        notes = [json.loads(line) for path in self.folder.glob("*.jsonl") for line in path.read_text().splitlines()]
        self.odd = {text for _, sender, text in notes if sender == ODD}
        self.frames = len(notes) - len(self.odd)
        self.faults = list(self._faults(notes))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.frames:
            terminalreporter.write_line(f"frames heard: {self.frames}, invalid: {len(self.faults)}")
        for fault in self.faults[:SHOWN]:
            terminalreporter.write_line(f"  {fault}", red=True)

    def _faults(self, notes: list[tuple[float, str, str | None]]) -> Iterator[str]:
        schemas = Schemas()
        for at, sender, text in notes:
            fault = None if sender == ODD else schemas.fault(sender, text)
            if fault is not None and not (sender != SERVER and (self._excused(at) or _id_of(text) in self.odd)):
                yield f"{sender}, during {self._tests(at)}: {fault}"

    def _excused(self, at: float) -> bool:
        return any(span.excused and span.began <= at <= span.ended + SLACK_S for span in self.spans)

    def _tests(self, at: float) -> str:
        running = {span.test for span in self.spans if span.began <= at <= span.ended + SLACK_S}
        return ", ".join(sorted(running)) or "no test"


def _id_of(text: str | None) -> str:
    """The id in a frame that may be none."""
    found = re.search(r'"id": ?"([^"]+)"', text or "")
    return found[1] if found else ""
