"""The main job from outside: `manage.py demo` on recordings, with kills, falsified books and broken lines."""

import json
import os
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest

from eagateway.demo.faulty_gateway import FOLDER
from tests.e2e.gateway import DATABASE
from tests.e2e.recordings import Recipe, write_recording
from tests.services import nursery
from tests.services.migrated import migrated_file

pytestmark = pytest.mark.lane("embedded")
SECONDS: Final = 180
SMALL: Final = Recipe(trades=30, left_open=4, twice=0.1)
FEW: Final = Recipe(trades=12, left_open=3, partial=0.3)
PASSING: Final = ("latency_ms", "seconds", "restarts")
MIRRORED: Final = "Paper-Demo01:2001 (mirrored)"
LARGER: Final = "Paper-Demo02:2002 (ten times larger)"
FIXED: Final = "Paper-Demo03:2003 (fixed lots)"


def demo(
    report: Path, *options: str, migrated: bool = True, seconds: float = SECONDS
) -> tuple[int, dict[str, Any], str]:
    """Run the demo as fast as it goes; (exit status, report, what it printed).

    `migrated`: in a folder with a database that is migrated already, which saves most of the time. Else in its own.
    """
    command = ["manage.py", "demo", "--speed", "max", "--exit", "--port", "0", "--report", str(report)]
    kept = {name: value for name, value in os.environ.items() if name not in ("EAGATEWAY_DATA_DIR", "DATABASE_URL")}
    if migrated:
        folder = report.with_suffix(".data")
        folder.mkdir()
        shutil.copyfile(migrated_file(), folder / DATABASE)
        kept |= {"EAGATEWAY_DATA_DIR": str(folder), FOLDER: str(folder)}
    ran = nursery.run([*command, *options], env=kept, timeout=seconds)
    content = json.loads(report.read_text()) if report.exists() else {}
    return ran.returncode, content, ran.stdout + ran.stderr


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A small account in yen: odd symbols, pendings, partial closes, some events delivered twice."""
    return write_recording(tmp_path / "recording", SMALL)


# By day each transport once: it brings the frames, and what is counted here comes after it.
@pytest.mark.parametrize("transport", ["socket", pytest.param("exchange", marks=pytest.mark.nightly)])
def test_the_shipped_recording_reaches_every_follower_and_its_figures_are_the_printed_ones(
    tmp_path: Path, transport: str
) -> None:
    own = transport == "socket"  # once as a person does it, database and all
    status, report, printed = demo(tmp_path / "report.json", "--transport", transport, migrated=not own)
    assert status == 0, printed
    assert report["transport"] == transport
    assert (report["intents"], report["decisions"], report["fills"]) == (533, 1599, 781)
    assert (report["lost"], report["duplicated"], report["wrong"], report["findings"]) == (0, 0, 0, [])
    # The cast: one follower's broker has no chfjpyi, which was traded twice; another's lots are cut at 2.50.
    assert (report["denied"], report["cut"], report["expired"]) == ({"symbol_not_found": 2}, 7, 0)
    assert re.search(r"symbol_not_found\W+2\b", printed)
    assert re.search(r"cut by max_lots\W+7\b", printed)
    assert len(report["figures"]) == 23
    assert all(figure["equal"] for figure in report["figures"])
    assert [len(book["open"]) for book in report["books"].values()] == [11, 11, 11, 10]


@pytest.mark.parametrize("transport", [pytest.param("socket", marks=pytest.mark.nightly), "exchange"])
def test_killing_the_gateway_changes_nothing_but_latency_seconds_and_restarts(
    tmp_path: Path, recording: Path, transport: str
) -> None:
    same = ("--recording", str(recording), "--transport", transport)
    status, calm, printed = demo(tmp_path / "calm.json", *same)
    assert status == 0, printed
    assert (calm["wrong"], calm["cut"]) == (0, 0)
    faults = ("--kill-gateway", "2", "--restart-gateway", "1", "--seed", "11")
    status, killed, printed = demo(tmp_path / "killed.json", *same, *faults)
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
    # A change of stops just before a close is looked for in the rows only: a close may overtake it.
    assert report["wrong"] > 0 or falsified == "modify"
    assert len(report["findings"]) == report["lost"] + report["duplicated"] + report["wrong"]


def test_a_gateway_with_a_bug_makes_the_report_fail_and_is_found_by_the_books_alone(tmp_path: Path) -> None:
    """Each bug in a gateway of its own: who is wronged, and in which words. The gateway's rows see none of them."""
    few = write_recording(tmp_path / "recording", FEW)
    bugs = {
        "ratio": ([LARGER], r"expected (buy|sell) .* (opened|placed and cancelled); there "),
        "never-close": (
            [FIXED],
            r"expected (nothing to be left after line \d+: close; there is open|.* to be cancelled; there works) ",
        ),
        "ten-times": ([MIRRORED], r"expected (buy|sell) .* (opened|placed and cancelled); there "),
        "no-stops": ([MIRRORED, LARGER, FIXED], r"expected sl \S+, tp \S+ at the opening; there were sl 0, tp 0"),
        "deny-all": (
            [MIRRORED, LARGER, FIXED],
            r"expected (buy|sell) .*; there (nothing was opened|was no such order)",
        ),
        "extra-open": ([MIRRORED], r"expected (buy|sell) \S+ \S+ opened; there .* and "),
    }

    def found(bug: str) -> tuple[int, dict[str, Any], str]:
        return demo(tmp_path / f"{bug}.json", "--recording", str(few), "--break", bug)

    with ThreadPoolExecutor(max_workers=2) as pool:
        runs = dict(zip(bugs, pool.map(found, bugs), strict=True))
    for bug, (wronged, words) in bugs.items():
        status, report, printed = runs[bug]
        assert status == 1, (bug, printed)
        assert (report["lost"], report["duplicated"]) == (0, 0), (bug, report["findings"])
        assert report["wrong"] == len(report["findings"]) > 0
        assert {finding.partition(": ")[0] for finding in report["findings"]} == set(wronged), bug
        assert [finding for finding in report["findings"] if not re.search(words, finding)] == [], bug
        assert report["findings"][0] in printed


def test_a_broken_line_is_named_and_the_books_hold_what_came_before(tmp_path: Path, recording: Path) -> None:
    stream = recording / "stream.jsonl"
    lines = stream.read_text().splitlines()
    stream.write_text("\n".join([*lines[:40], '{"t": "2015.03.01', *lines[41:]]) + "\n")
    status, report, printed = demo(tmp_path / "report.json", "--recording", str(recording))
    assert status == 2, printed
    assert ":41:" in report["error"]
    assert report["intents"] > 0
    assert (report["lost"], report["duplicated"], report["wrong"]) == (0, 0, 0)
    assert report["fills"] > 0
    assert len({len(book["open"]) for book in report["books"].values()}) == 1


def test_a_folder_without_a_recording_is_named(tmp_path: Path) -> None:
    status, report, printed = demo(tmp_path / "report.json", "--recording", str(tmp_path / "nowhere"))
    assert status == 2, printed
    assert "nowhere" in report["error"]
