"""The demo with the EA in simulated terminals: what the EA tells and does, judged by the recording alone."""

from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from ea.host.build import compiler
from tests.e2e.recordings import Recipe, write_recording
from tests.e2e.test_demo import FEW, demo
from tests.ea.conftest import WITHOUT

pytestmark = [pytest.mark.lane("embedded"), pytest.mark.skipif(compiler() is None, reason=WITHOUT)]
EA: Final = ("--terminal", "ea")
SHORT: Final = replace(FEW, trades=8, left_open=2, summaries=0, starting_balance="10000")
FAULTS: Final = ("lost", "duplicated", "wrong")
# Platform and transport: a MetaTrader 5 has no program with a socket yet. One runs always, all run nightly.
WAYS: Final = (
    pytest.param("mt4", "exchange", marks=pytest.mark.nightly),
    ("mt4", "socket"),
    pytest.param("mt5", "exchange", marks=pytest.mark.nightly),
)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A few trades with pending orders, partial closes and changes of stops."""
    return write_recording(tmp_path / "recording", SHORT)


@pytest.mark.parametrize(("platform", "transport"), WAYS)
def test_the_ea_copies_a_recording_through_kills_of_the_gateway_and_of_terminals(
    platform: str, transport: str, tmp_path: Path, recording: Path
) -> None:
    way = ("--platform", platform, "--transport", transport)
    kills = ("--kill-gateway", "1", "--kill-terminal", "2", "--seed", "4")
    status, report, printed = demo(tmp_path / "report.json", "--recording", str(recording), *EA, *way, *kills)
    assert status == 0, printed
    assert (report["terminal"], report["platform"], report["transport"]) == ("ea", platform, transport)
    assert (report["restarts"], report["terminals_killed"]) == (1, 2)
    assert [report[name] for name in FAULTS] == [0, 0, 0]
    assert report["fills"] > 0


@pytest.mark.nightly
def test_an_order_that_the_broker_drops_is_found(tmp_path: Path, recording: Path) -> None:
    status, report, printed = demo(tmp_path / "report.json", "--recording", str(recording), *EA, "--break", "drop")
    assert status == 1, printed
    assert report["wrong"] > 0


@pytest.mark.nightly
@pytest.mark.parametrize(("platform", "transport"), WAYS)
@pytest.mark.parametrize("kills", [(), ("--kill-gateway", "3", "--kill-terminal", "3")])
def test_the_shipped_recording_comes_out_as_printed(
    platform: str, transport: str, tmp_path: Path, kills: tuple[str, ...]
) -> None:
    way = ("--platform", platform, "--transport", transport)
    status, report, printed = demo(tmp_path / "report.json", *EA, *way, *kills, seconds=900)
    assert status == 0, printed
    assert (report["intents"], report["decisions"], report["fills"]) == (533, 1599, 781)
    assert [report[name] for name in FAULTS] == [0, 0, 0]
    assert [figure["equal"] for figure in report["figures"]] == [True] * 23


def test_what_no_terminal_lists_is_refused_with_its_line(tmp_path: Path) -> None:
    folder = write_recording(tmp_path / "recording", Recipe(trades=1, summaries=1, balance_rows=0, twice=0))
    status, report, printed = demo(tmp_path / "report.json", "--recording", str(folder), *EA)
    assert status == 2, printed
    assert "stream.jsonl:1: summary" in report["error"]
