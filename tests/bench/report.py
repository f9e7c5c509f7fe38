"""What came out, as rows of bars: printed, as JSON, and in docs/performance.md."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from tests.bench.bars import Bar, By
from tests.bench.drawing import chart, latency_lines
from tests.bench.rounds import Measured
from tests.bench.servers import Setup

_HEAD: Final = ("what", "lane", "ours", "bare", "ratio", "bar", "met")
_CHART: Final = "Median latency to the last follower, by followers"
_BEST: Final = frozenset({"p99"})  # one hiccup of a shared machine is no property of the program


@dataclass(frozen=True, slots=True)
class Row:
    """One bar and what came out. `met` is None where nothing was measured."""

    scenario: str
    what: str
    lane: str
    ours: float | None
    bare: float | None
    ratio: float | None
    bar: str
    met: bool | None
    shortfall: float = 0.0


def rows_of(name: str, setup: Setup, measured: Measured, bars: Sequence[Bar]) -> list[Row]:
    """The rows of one scenario on one lane."""
    return [_row(bar, setup, measured) for bar in bars if bar.scenario == name and bar.of(setup) is not None]


def failed_rows(name: str, setup: Setup, bars: Sequence[Bar]) -> list[Row]:
    """The same when nothing came out."""
    return rows_of(name, setup, Measured(), bars)


def _row(bar: Bar, setup: Setup, measured: Measured) -> Row:
    best, wanted = bar.figure in _BEST, bar.of(setup) or 0.0
    ours, bare = measured.figure(bar.figure, best=best)
    ratio = measured.ratio(bar.figure, best=best)
    value = ratio if bar.by is By.RATIO else ours
    sign = ">=" if bar.at_least else "<="
    unit = "x" if bar.by is By.RATIO else bar.unit
    met = None if value is None else bar.met(value, wanted)
    short = 0.0 if value is None else max(0.0, (1 - value / wanted) if bar.at_least else (value / wanted - 1))
    what = f"{bar.what}, {bar.unit}" if bar.unit else bar.what
    return Row(
        bar.scenario, what, f"{setup.server}, {setup.database}", ours, bare, ratio, f"{sign} {wanted:g} {unit}".strip(),
        met, short,
    )  # fmt: skip


def falls_short(row: Row, *, slack: float) -> bool:
    """Whether a bar was missed by more than this share of it, or not measured at all."""
    return row.met is None or row.shortfall > slack


# Printed --------------------------------------------------------------------------------------------------------------


def table(rows: Iterable[Row]) -> str:
    """As Markdown, which reads well in a terminal too."""
    lines = [_HEAD, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEAD))]
    text = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    text.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(text)


def _cells(row: Row) -> tuple[str, ...]:
    met = {True: "yes", False: "no", None: "not measured"}[row.met]
    return (row.what, row.lane, _number(row.ours), _number(row.bare), _number(row.ratio), row.bar, met)


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


# Written --------------------------------------------------------------------------------------------------------------


def write_json(path: Path, result: dict[str, Any], rows: Sequence[Row]) -> None:
    """All rounds and all rows."""
    path.write_text(json.dumps({**result, "bars": [asdict(row) for row in rows]}, indent=1) + "\n")


def write_docs(folder: Path, result: dict[str, Any], rows: Sequence[Row]) -> None:
    """The table, between its marks in docs/performance.md, with a chart of the latencies where some were measured."""
    page = folder / "performance.md"
    machine = result["machine"]
    text = f"{table(rows)}\n\nMeasured {result['at'][:10]} on {machine['cores']} cores, Python {machine['python']}."
    if lines := latency_lines(result["runs"]):
        drawn = chart(lines, title=_CHART, across="followers", up="ms")
        (folder / "latency.svg").write_text(drawn)
        text += f"\n\n![{_CHART}](latency.svg)"
    page.write_text(placed(page.read_text(), "bars", text))


def placed(text: str, mark: str, inside: str) -> str:
    """The text with what stands between the two marks replaced.

    :raises ValueError: a mark is missing
    """
    begin, end = f"<!-- bench:{mark} -->\n", "<!-- /bench -->"
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"there is no {begin.strip()} ... {end}")
    return f"{before}{begin}{inside}\n{end}{after}"
