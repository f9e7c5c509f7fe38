"""The bench itself: what it computes, and that its client and the bare relay understand each other."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.bench import report, trading
from tests.bench.bars import BARS, Bar, By
from tests.bench.drawing import chart, latency_lines
from tests.bench.report import placed, rows_of
from tests.bench.rounds import Measured, percentile, take_turns
from tests.bench.scenarios import SCENARIOS
from tests.bench.servers import House, Setup
from tests.bench.terminals import Load, Terminal, make_load
from tests.bench.wire import Link

UVICORN = Setup("uvicorn", "postgresql")
LATENCY = Bar("x", "p50", "latency", "ms", By.RATIO, {"uvicorn": 1.5})
RATE = Bar("x", "rate", "rate", "/s", By.RATIO, {"uvicorn": 0.5}, at_least=True)


def told(bar: Bar, ours: float, bare: float) -> report.Row:
    (row,) = rows_of("x", UVICORN, Measured([{bar.figure: ours}], [{bar.figure: bare}]), [bar])
    return row


@pytest.mark.parametrize(
    ("bar", "ours", "met", "short"),
    [(LATENCY, 14.0, True, False), (LATENCY, 17.0, False, False), (LATENCY, 19.0, False, True),
     (RATE, 6.0, True, False), (RATE, 4.5, False, False), (RATE, 3.0, False, True)],
)  # fmt: skip
def test_a_bar_is_met_missed_by_a_little_or_fallen_short_of(bar: Bar, ours: float, met: bool, short: bool) -> None:
    row = told(bar, ours, 10.0)
    assert (row.met, report.falls_short(row, slack=0.2)) == (met, short)


def test_a_figure_that_was_not_measured_falls_short() -> None:
    (row,) = report.failed_rows("x", UVICORN, [LATENCY])
    assert (row.met, report.falls_short(row, slack=0.2)) == (None, True)


def test_a_database_may_have_a_bar_of_its_own() -> None:
    bar = Bar("x", "p99", "", "ms", By.ABSOLUTE, {"daphne": 50.0, "daphne/sqlite": 20.0})
    assert [bar.of(Setup("daphne", database)) for database in ("postgresql", "sqlite")] == [50.0, 20.0]
    assert bar.of(UVICORN) is None


def test_ratios_are_of_medians_and_a_p99_is_of_the_best_round() -> None:
    measured = Measured([{"p": 3.0}, {"p": 9.0}, {"p": 4.0}], [{"p": 2.0}, {"p": 1.0}, {"p": 8.0}])
    assert measured.ratio("p") == 4.0 / 2.0
    assert measured.ratio("p", best=True) == 3.0 / 1.0


def test_percentiles() -> None:
    values = [float(number) for number in range(1, 101)]
    assert (percentile(values, 0.5), percentile(values, 0.99), percentile([7.0], 0.99)) == (51.0, 100.0, 7.0)


@pytest.mark.parametrize(("figures", "rounds"), [((4.0, 4.0, 4.0), 2), ((4.0, 8.0, 8.0, 8.0), 4), ((1.0, 9.0) * 3, 6)])
async def test_rounds_go_on_until_the_medians_stand(figures: tuple[float, ...], rounds: int) -> None:
    coming = iter(figures)

    async def ours() -> dict[str, float]:
        return {"p50": next(coming)}

    async def bare() -> dict[str, float]:
        return {"p50": 1.0}

    measured = await take_turns(ours=ours, bare=bare, watched="p50", least=2, most=6, say=lambda _: None)
    assert len(measured.ours) == len(measured.bare) == rounds


def test_the_page_keeps_what_stands_around_the_table() -> None:
    text = "before\n<!-- bench:bars -->\nold\n<!-- /bench -->\nafter\n"
    assert placed(text, "bars", "new") == text.replace("old", "new")
    with pytest.raises(ValueError, match="bench:other"):
        placed(text, "other", "new")


def test_latencies_are_drawn_by_lane_and_for_the_relay_of_each_database() -> None:
    run = {"server": "uvicorn", "database": "sqlite", "bare": [{"p50": 2.0}]}
    runs: list[dict[str, Any]] = [
        {**run, "scenario": "1-100", "ours": [{"p50": 4.0}, {"p50": 8.0}, {"p50": 6.0}]},
        {**run, "scenario": "1-1", "ours": [{"p50": 1.0}]},
        {**run, "scenario": "idle", "ours": [{"share": 1.0}]},
    ]
    lines = latency_lines(runs)
    assert lines == {"uvicorn, sqlite": [(1.0, 1.0), (100.0, 6.0)], "bare relay, sqlite": [(1.0, 2.0), (100.0, 2.0)]}
    drawn = chart(lines, title="A < B", across="followers", up="ms")
    assert ET.fromstring(drawn).tag.endswith("svg")  # noqa: S314 - drawn here
    assert drawn.count("<polyline") == 2


def test_every_bar_has_a_scenario() -> None:
    assert {bar.scenario for bar in BARS} == set(SCENARIOS)


def test_every_bar_has_a_figure_that_a_scenario_can_give() -> None:
    assert {bar.figure for bar in BARS} <= {"p50", "p99", "rate", "cpu", "seconds", "provision", "capacity", "memory"}


@pytest.mark.parametrize("cut", [1, 2, 3, 7, 1000])
async def test_frames_are_read_however_they_are_cut(cut: int) -> None:
    texts = [b"a", b"b" * 125, b"c" * 126, b"d" * 16_384]
    stream = b"HTTP/1.1 101 Switching\r\nA: b\r\n\r\n" + b"".join(
        bytes((0x81, len(text))) + text if len(text) < 126 else b"\x81\x7e" + len(text).to_bytes(2) + text
        for text in texts
    )
    heard: list[bytes] = []
    link = Link(path="/", token="t", heard=heard.append)
    for at in range(0, len(stream), cut):
        link.data_received(stream[at : at + cut])
    assert link.opened.done()
    assert heard == texts


async def test_a_load_trades_with_the_bare_relay(tmp_path: Path) -> None:
    with House(tmp_path, None, "").relay("sqlite", masters=2, followers=3) as relay:
        load = make_load(relay.groups)
        await load.connect(relay.addresses)
        paced = await trading.paced(load, relay, intents=12, interval=0.0)
        commands = load.commands
        flat = await trading.flat_out(load, relay, seconds=0.2)
        steady = await trading.at_rate(load, relay, rate=300.0, seconds=0.3)
        await load.part()
    assert commands == 12 * 3
    assert 0 < paced["p50"] <= paced["p99"]
    assert set(flat) == {"rate", "cpu", "p50", "p99"}
    assert min(steady["memory"], steady["early_memory"]) > 0
    assert [ea.held for ea in load.terminals] == [{}] * 8


async def test_a_trouble_of_a_terminal_ends_the_round() -> None:
    load = Load()
    ea = Terminal(load, "m0", "t")
    alert: dict[str, Any] = {"type": "ErrorAlert", "payload": {"code": "invalid", "message": "no lots"}}
    ea._heard(json.dumps(alert).encode())
    with pytest.raises(RuntimeError, match="m0: invalid no lots"):
        load.check()
