"""Charts of the figures as SVG, drawn here: a logarithmic scale on both axes, one line for each subject."""

import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, Final
from xml.sax.saxutils import escape

WIDTH: Final = 640
HEIGHT: Final = 360
_LEFT, _TOP, _RIGHT, _BOTTOM = 64, 24, 200, 48
_COLOURS: Final = ("#1f6feb", "#8250df", "#1a7f37", "#bf8700", "#57606a", "#8c959f")
FAN_OUT: Final = {"1-1": 1.0, "1-10": 10.0, "1-100": 100.0, "1-1000": 1000.0}
Lines = Mapping[str, Sequence[tuple[float, float]]]


def latency_lines(runs: Sequence[Mapping[str, Any]]) -> dict[str, list[tuple[float, float]]]:
    """For each lane, and for the bare relay on each database: (followers, median of the rounds' p50 in ms)."""
    lines: dict[str, list[tuple[float, float]]] = {}
    for run in runs:
        followers = FAN_OUT.get(run["scenario"])
        names = {"ours": f"{run['server']}, {run['database']}", "bare": f"bare relay, {run['database']}"}
        for side, name in names.items():
            values = [figures["p50"] for figures in run[side] if "p50" in figures]
            if followers is not None and values:
                points = dict(lines.get(name, ()))
                points.setdefault(followers, median(values))
                lines[name] = sorted(points.items())
    return lines


def chart(lines: Lines, *, title: str, across: str, up: str) -> str:
    """One chart. What is described in words besides is the table of the page."""
    points = [point for line in lines.values() for point in line]
    if not points:
        raise ValueError("nothing to draw")
    xs, ys = _decades([x for x, _ in points]), _decades([y for _, y in points])
    body = [*_grid(xs, ys), *_lines(lines, xs, ys)]
    body.append(_text(_LEFT, 14, title, weight="600"))
    body.append(_text((_LEFT + WIDTH - _RIGHT) / 2, HEIGHT - 10, across, anchor="middle"))
    body.append(_text(4, _TOP - 2, up))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'font-family="system-ui, sans-serif" font-size="11" fill="#57606a"><title>{escape(title)}</title>\n'
        + "\n".join(body)
        + "\n</svg>\n"
    )


def _decades(values: Sequence[float]) -> tuple[int, int]:
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return low, max(high, low + 1)


def _x(value: float, decades: tuple[int, int]) -> float:
    share = (math.log10(value) - decades[0]) / (decades[1] - decades[0])
    return round(_LEFT + share * (WIDTH - _LEFT - _RIGHT), 1)


def _y(value: float, decades: tuple[int, int]) -> float:
    share = (math.log10(value) - decades[0]) / (decades[1] - decades[0])
    return round(HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM), 1)


def _grid(xs: tuple[int, int], ys: tuple[int, int]) -> list[str]:
    drawn = []
    for power in range(ys[0], ys[1] + 1):
        y = _y(10.0**power, ys)
        drawn.append(f'<line x1="{_LEFT}" y1="{y}" x2="{WIDTH - _RIGHT}" y2="{y}" stroke="#d0d7de"/>')
        drawn.append(_text(_LEFT - 6, y + 4, f"{10.0**power:g}", anchor="end"))
    marks = [10.0**power for power in range(xs[0], xs[1] + 1)]
    return drawn + [_text(_x(mark, xs), HEIGHT - _BOTTOM + 16, f"{mark:g}", anchor="middle") for mark in marks]


def _lines(lines: Lines, xs: tuple[int, int], ys: tuple[int, int]) -> list[str]:
    drawn = []
    for number, (name, points) in enumerate(sorted(lines.items())):
        colour, dash = _COLOURS[number % len(_COLOURS)], ' stroke-dasharray="4 3"' if name.startswith("bare") else ""
        path = " ".join(f"{_x(x, xs)},{_y(y, ys)}" for x, y in points)
        drawn.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
        drawn += [f'<circle cx="{_x(x, xs)}" cy="{_y(y, ys)}" r="3" fill="{colour}"/>' for x, y in points]
        y = _TOP + 14 + 18 * number
        begin = WIDTH - _RIGHT + 16
        drawn.append(
            f'<line x1="{begin}" y1="{y}" x2="{begin + 20}" y2="{y}" stroke="{colour}"{dash} stroke-width="2"/>'
        )
        drawn.append(_text(begin + 26, y + 4, name))
    return drawn


def _text(x: float, y: float, text: str, *, anchor: str = "start", weight: str = "400") -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-weight="{weight}">{escape(text)}</text>'
