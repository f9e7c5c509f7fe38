"""The main job from outside: `manage.py demo` on recordings, with kills, falsified books and broken lines."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from tests.e2e.recordings import Recipe, write_recording

pytestmark = pytest.mark.lane("embedded")
ROOT: Final = Path(__file__).resolve().parents[2]
SECONDS: Final = 180
SMALL: Final = Recipe(trades=30, left_open=4, twice=0.1)
PASSING: Final = ("latency_ms", "seconds", "restarts")


def demo(report: Path, *options: str) -> tuple[int, dict[str, Any], str]:
    """Run the demo as fast as it goes; (exit status, report, what it printed)."""
    command = [sys.executable, "manage.py", "demo", "--speed", "max", "--exit", "--port", "0", "--report", str(report)]
    kept = {name: value for name, value in os.environ.items() if name not in ("EAGATEWAY_DATA_DIR", "DATABASE_URL")}
    ran = subprocess.run(
        [*command, *options], cwd=ROOT, env=kept, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    content = json.loads(report.read_text()) if report.exists() else {}
    return ran.returncode, content, ran.stdout + ran.stderr


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A small account in yen: odd symbols, pendings, partial closes, some events delivered twice."""
    return write_recording(tmp_path / "recording", SMALL)


@pytest.mark.parametrize("transport", ["socket", "exchange"])
def test_the_shipped_recording_reaches_every_follower_and_its_figures_are_the_printed_ones(
    tmp_path: Path, transport: str
) -> None:
    status, report, printed = demo(tmp_path / "report.json", "--transport", transport)
    assert status == 0, printed
    assert report["transport"] == transport
    assert (report["intents"], report["decisions"], report["fills"]) == (533, 1599, 783)
    assert (report["lost"], report["duplicated"], report["expired"], report["denied"]) == (0, 0, 0, {})
    assert len(report["figures"]) == 23
    assert all(figure["equal"] for figure in report["figures"])
    assert {len(book["open"]) for book in report["books"].values()} == {11}


@pytest.mark.parametrize("transport", ["socket", "exchange"])
def test_killing_the_gateway_changes_nothing_but_latency_seconds_and_restarts(
    tmp_path: Path, recording: Path, transport: str
) -> None:
    same = ("--recording", str(recording), "--transport", transport)
    status, calm, printed = demo(tmp_path / "calm.json", *same)
    assert status == 0, printed
    status, killed, printed = demo(tmp_path / "killed.json", *same, "--kill-gateway", "3", "--seed", "11")
    assert status == 0, printed
    assert killed["restarts"] == 3
    assert _lasting(killed) == _lasting(calm)


def _lasting(report: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in report.items() if name not in PASSING}


@pytest.mark.parametrize("falsified", ["drop", "double", "lots", "modify"])
def test_one_falsified_order_makes_the_report_fail(tmp_path: Path, recording: Path, falsified: str) -> None:
    status, report, printed = demo(tmp_path / "report.json", "--recording", str(recording), "--break", falsified)
    assert status == 1, printed
    assert report["lost"] + report["duplicated"] > 0
    assert (report["duplicated"] > 0) is (falsified == "double")


def test_a_broken_line_is_named_and_the_books_hold_what_came_before(tmp_path: Path, recording: Path) -> None:
    stream = recording / "stream.jsonl"
    lines = stream.read_text().splitlines()
    stream.write_text("\n".join([*lines[:40], '{"t": "2015.03.01', *lines[41:]]) + "\n")
    status, report, printed = demo(tmp_path / "report.json", "--recording", str(recording))
    assert status == 2, printed
    assert ":41:" in report["error"]
    assert report["intents"] > 0
    assert (report["lost"], report["duplicated"]) == (0, 0)
    assert report["fills"] > 0
    assert len({len(book["open"]) for book in report["books"].values()}) == 1


def test_a_folder_without_a_recording_is_named(tmp_path: Path) -> None:
    status, report, printed = demo(tmp_path / "report.json", "--recording", str(tmp_path / "nowhere"))
    assert status == 2, printed
    assert "nowhere" in report["error"]
