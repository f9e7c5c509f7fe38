"""What ends first with so many followers: `python -m tests.bench.capacity`; `--docs` writes docs/performance.md.

A model, no measurement: each default says where it is from. It needs no database and ends within seconds.
"""

import argparse
import random
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

from tests.bench.report import placed
from tests.bench.rounds import percentile

_PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "performance.md"
_SIZES: Final = (1_000, 10_000, 100_000, 1_000_000)
_DAY: Final = 86_400
_ARRIVALS: Final = 20_000


@dataclass(frozen=True, kw_only=True)
class Load:
    """Who is there and what they do, and what a machine of today's shape offers."""

    followers: int
    followers_per_master: int = 100  # assumed; the bench's 10x100
    intents_a_day: float = 20  # of one master; assumed
    peak: float = 10  # busiest second above the mean of the day; assumed
    heartbeat_s: float = 5  # HEARTBEAT_INTERVAL_SECONDS
    command_ms: float = 2.5  # writer's CPU for a command with its report: ADR 55, one process, a busy machine
    heartbeat_ms: float = 0.25  # the bar (10,000 idle EAs on half a core), not a measurement
    send_ms: float = 0.05  # one frame to one socket; assumed
    database_ms: float = 0.5  # backend's CPU for a command with its report; assumed
    beat_row_ms: float = 0.01  # backend's CPU for one changed row by unnest; assumed
    row_bytes: int = (
        3_000  # command, decision, report, frame, their share of copy; 972 of it are indexes (see the page)
    )
    wal_factor: float = 2  # changes of rows and whole pages after a checkpoint; assumed
    beat_wal_bytes: int = 300  # one changed session or account; assumed
    frame_bytes: int = 500  # one encoded command; assumed
    socket_bytes: int = 100_000  # memory of a link; assumed
    retention_days: int = 365  # assumed; nothing deletes approved rows today
    processes: int = 8  # gateway processes, one core each
    database_cores: float = 16
    wal_mb_s: float = 100
    disk_gb: float = 2_000
    bus_messages_s: float = 50_000
    bus_mb_s: float = 100
    sockets: int = 10_000  # of one process
    memory_gb: float = 4  # of one process

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not 0 < value < float("inf"):  # also refuses NaN
                raise ValueError(f"{field.name} must be above 0 and finite, not {value}")


@dataclass(frozen=True)
class Use:
    """How much of one resource is asked for, and how much there is."""

    name: str
    asked: float
    there: float
    unit: str

    @property
    def share(self) -> float:
        return self.asked / self.there


def uses(load: Load) -> list[Use]:
    """Every resource at the busiest second; the disk after the whole retention."""
    masters = load.followers / load.followers_per_master
    intents_a_day = masters * load.intents_a_day
    intents = intents_a_day * load.peak / _DAY
    commands = intents * load.followers_per_master
    links = load.followers + masters
    beats = links / load.heartbeat_s
    writer = commands * load.command_ms / 1000
    loop = (beats * load.heartbeat_ms + commands * load.send_ms) / 1000
    written = 2 * beats  # a session and an account, see ADR 54
    database = (commands * load.database_ms + written * load.beat_row_ms) / 1000
    wal = commands * load.row_bytes * load.wal_factor + written * load.beat_wal_bytes
    a_day = intents_a_day * load.followers_per_master * load.row_bytes
    heard = load.processes - 1  # every other process hears each message
    each = links / load.processes
    return [
        Use("gateway CPU", writer + loop, load.processes, "cores"),
        Use("writers' time", writer, load.processes, "s/s"),
        Use("database CPU", database, load.database_cores, "cores"),
        Use("WAL", wal / 1e6, load.wal_mb_s, "MB/s"),
        Use("disk", a_day * load.retention_days / 1e9, load.disk_gb, "GB"),
        Use("bus messages", intents * heard, load.bus_messages_s, "/s"),
        Use("bus bytes", commands * load.frame_bytes * heard / 1e6, load.bus_mb_s, "MB/s"),
        Use("sockets a process", each, load.sockets, ""),
        Use("memory a process", each * load.socket_bytes / 1e9, load.memory_gb, "GB"),
    ]


def first(load: Load) -> Use:
    """The resource that is nearest to its end, or furthest beyond it."""
    return max(uses(load), key=lambda use: use.share)


def last_follower(followers: int, *, per_second: float, command_ms: float, send_ms: float) -> tuple[float, float]:
    """p50 and p99 in ms until the last follower of an intent was sent his command.

    One writer, intents at random moments, each served alone (Lindley's recursion): an upper bound, as the writer
    takes what waits in one batch. Always the same random numbers, so that equal inputs give equal figures.

    :raises ValueError: more arrives than one writer can serve, or an input is not above 0
    """
    if not min(followers, per_second, command_ms, send_ms) > 0:
        raise ValueError("followers, intents a second and costs must be above 0")
    service = followers * command_ms
    if per_second * service >= 1000:
        raise ValueError(f"{per_second:g} intents/s of {service:g} ms are more than one writer can serve")
    moments, waited, seen = random.Random(1), 0.0, []
    for _ in range(_ARRIVALS):
        seen.append(waited + service + followers * send_ms)
        waited = max(0.0, waited + service - moments.expovariate(per_second / 1000))
    return percentile(seen, 0.5), percentile(seen, 0.99)


def table() -> str:
    """Uses at each size, as Markdown; what is beyond its end is bold."""
    loads = [Load(followers=size) for size in _SIZES]
    columns = [uses(load) for load in loads]
    lines = ["| resource (of how much) | " + " | ".join(f"{size:,}" for size in _SIZES) + " |", "|---|---|---|---|---|"]
    for row in zip(*columns, strict=True):
        cells = [f"**{_number(use.asked)}**" if use.share > 1 else _number(use.asked) for use in row]
        lines.append(f"| {row[0].name} ({row[0].there:,g} {row[0].unit}".rstrip() + ") | " + " | ".join(cells) + " |")
    firsts = [f"{use.name}, {use.share:.0%}" for use in map(first, loads)]
    return "\n".join([*lines, "| nearest to its end | " + " | ".join(firsts) + " |"])


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.capacity", description=__doc__)
    parser.add_argument("--docs", action="store_true", help="write the table into docs/performance.md")
    text = table()
    if parser.parse_args(arguments).docs:
        _PAGE.write_text(placed(_PAGE.read_text(), "capacity", text))
    print(text)
    for size in (1, 10, 100):
        p50, p99 = last_follower(size, per_second=1, command_ms=2.5, send_ms=0.05)
        print(f"one master, {size} followers, an intent a second: last p50 {p50:.1f} ms, p99 {p99:.1f} ms")


if __name__ == "__main__":
    main()
