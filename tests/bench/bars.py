"""What is promised, in one table: for each scenario a figure, how it is compared, and the bar for each server.

`RATIO`: ours divided by the bare relay's (or echo's, or one process's) of the same interleaved run. `ABSOLUTE`: the
figure itself, in its own unit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from tests.bench.servers import Setup


class By(Enum):
    RATIO = "ratio"
    ABSOLUTE = "absolute"


@dataclass(frozen=True, slots=True)
class Bar:
    """A promise about one figure of one scenario. `at_least`: more is better.

    `bars`: by "server", or by "server/database" where that is another.
    """

    scenario: str
    figure: str
    what: str
    unit: str
    by: By
    bars: Mapping[str, float]
    at_least: bool = False

    def of(self, setup: Setup) -> float | None:
        """The bar for the gateway run in this way, or None: nothing is promised."""
        return self.bars.get(f"{setup.server}/{setup.database}", self.bars.get(setup.server))

    def met(self, value: float, bar: float, *, slack: float = 0.0) -> bool:
        """Whether a value keeps to the bar, or misses it by no more than this share of it."""
        return value >= bar * (1 - slack) if self.at_least else value <= bar * (1 + slack)


BARS: Final = (
    Bar("1-1", "p50", "1 -> 1: last, p50", "ms", By.RATIO, {"uvicorn": 2.0, "daphne": 2.2}),
    Bar("1-10", "p50", "1 -> 10: last, p50", "ms", By.RATIO, {"uvicorn": 2.0, "daphne": 2.2}),
    Bar("1-100", "p50", "1 -> 100: last, p50", "ms", By.RATIO, {"uvicorn": 1.5, "daphne": 2.2}),
    Bar("1-100", "p99", "1 -> 100: last, p99", "ms", By.RATIO, {"uvicorn": 2.0, "daphne": 3.0}),
    Bar("1-100", "p99", "1 -> 100: last, p99", "ms", By.ABSOLUTE,
        {"uvicorn": 50.0, "daphne": 50.0, "daphne/sqlite": 20.0}),
    Bar("1-1000", "p50", "1 -> 1,000: last, p50", "ms", By.RATIO, {"uvicorn": 1.5, "daphne": 2.5}),
    Bar("10x100", "rate", "10 x 100 flat out: commands, each reported", "/s", By.RATIO,
        {"uvicorn": 0.55, "daphne": 0.28}, at_least=True),
    Bar("10x100", "rate", "10 x 100 flat out: commands, each reported", "/s", By.ABSOLUTE,
        {"daphne/sqlite": 5000.0}, at_least=True),
    Bar("10x100", "cpu", "CPU per command and report", "us", By.RATIO, {"uvicorn": 2.7, "daphne": 6.0}),
    Bar("heartbeat", "cpu", "heartbeat: CPU, against a bare echo", "us", By.RATIO, {"uvicorn": 1.5, "daphne": 1.8}),
    Bar("resume", "seconds", "1,000 EAs resumed, against 1,000 accepted", "s", By.RATIO,
        {"uvicorn": 2.0, "daphne": 2.0}),
    Bar("resume", "seconds", "1,000 EAs resumed", "s", By.ABSOLUTE, {"uvicorn": 1.5}),
    Bar("new", "seconds", "1,000 EAs from nothing", "s", By.ABSOLUTE, {"uvicorn": 15.0, "daphne": 20.0}),
    Bar("new", "provision", "1,000 accounts provisioned", "s", By.ABSOLUTE, {"uvicorn": 3.0, "daphne": 3.0}),
    Bar("idle", "capacity", "EAs that half a core holds, a heartbeat each 5 s", "", By.ABSOLUTE,
        {"uvicorn": 10_000.0, "daphne": 5_000.0}, at_least=True),
    Bar("two", "p50", "two processes: 1 -> 100 last, p50, against one", "ms", By.RATIO,
        {"uvicorn/postgresql": 1.5, "daphne/postgresql": 1.5}),
    Bar("two", "rate", "two processes: 10 x 100 flat out, against one", "/s", By.RATIO,
        {"uvicorn/postgresql": 1.7, "daphne/postgresql": 1.7}, at_least=True),
    Bar("history", "p50", "446,000 rows of history: 1 -> 100 last, p50, against none", "ms", By.RATIO,
        {"uvicorn": 1.2, "daphne": 1.2}),
    Bar("soak", "p99", "soak at 80 %: last, p99", "ms", By.ABSOLUTE, {"uvicorn": 150.0, "daphne": 150.0}),
    Bar("soak", "memory", "soak at 80 %: memory at its end, against its first tenth", "MiB", By.RATIO,
        {"uvicorn": 1.2, "daphne": 1.2}),
)  # fmt: skip
