"""Accounts at simulated brokers, each with the EA on its chart, which talks to a real gateway over loopback."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Final, Self, TypedDict

import pytest
from eagateway_sdk.paper import Position, WorkingOrder

from ea.host.build import SOURCES, Options, build
from ea.host.sim.broker import Broker
from ea.host.sim.hedging import Hedging
from ea.host.sim.terminal import Terminal

PLATFORMS: Final = ("mt4", "mt5")
ONE_BY_DAY: Final = ("mt4", pytest.param("mt5", marks=pytest.mark.nightly))
"""Platforms for what lies above the broker, in code that both have, and takes seconds."""
PROGRAM_OF: Final = {"calls": "EAGatewayNoDll", "socket": "EAGateway"}
WAYS: Final = (
    pytest.param(("mt4", "calls"), marks=pytest.mark.nightly),
    ("mt4", "socket"),
    pytest.param(("mt5", "calls"), marks=pytest.mark.nightly),
)
"""Platform and transport: a MetaTrader 5 has no program with a socket yet. One runs always; calls and MetaTrader 5 are
tried by `test_ea_faults.py` and `test_ea_mt5.py` too.
"""
PATIENCE: Final = 30.0
KEY: Final = "gD_fXa8ZGz9mTPZrtHlyfRUU3u7IoIRC5Cp-VcX2Dvw"
ACCOUNT: Final = "Paper-Demo:5012345"
MASTER_ONLY: Final = 1
FOLLOWER_ONLY: Final = 2
NOON: Final = 1_700_000_000.0
WINDOWS_USER: Final = b"trader"


@dataclass(slots=True)
class Clock:
    """A broker's. It goes on when a test says so."""

    now: float = NOON

    def __call__(self) -> float:
        return self.now


class Kind(TypedDict):
    """What a seat's terminal is, and how its program reaches the gateway: one of WAYS."""

    platform: str
    way: str


@cache
def program(name: str = "EAGatewayNoDll", *, platform: str = "mt4", fast: bool = False) -> Path:
    """The executable of one of our programs, with the sanitizers or optimised; once per run."""
    language = int(platform[-1])
    options = Options(language=language, sanitized=not fast, fast=fast)
    return build(SOURCES / f"mql{language}" / f"{name}.mq{language}", options)


def until(what: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Return when it is so.

    :raises TimeoutError: it is not so in time
    """
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.02)


def kept(path: Path) -> str:
    """What a file of the vault keeps, without its checksum; unwrapped as the simulated Windows wraps for its user."""
    text = path.read_text(encoding="utf-8").partition(" ")[2]
    if not text.startswith("dpapi "):
        return text
    wrapped = bytes.fromhex(text.removeprefix("dpapi "))
    plain = bytes(byte ^ WINDOWS_USER[place % len(WINDOWS_USER)] ^ 0x5A for place, byte in enumerate(wrapped))
    return plain.removeprefix(b"dpapi").decode()


@dataclass(slots=True)
class Seat:
    """One account. `start` attaches the EA to its chart. `inputs` beside those that all have. `way`: by calls, with the
    program that has no DLL; or by a socket, with the other one, for which the terminal lists no address. `hedging`: the
    account as a MetaTrader 5 shows it. `fast`: optimised and without sanitizers, for what is measured. `executable`:
    what runs, when it is none of those that this machine runs by itself.
    """

    url: str
    account: str
    key: str
    folder: Path
    inputs: Mapping[str, object] = field(default_factory=dict)
    way: str = "calls"
    broker: Broker = field(default_factory=Broker)
    platform: str = "mt4"
    hedging: Hedging | None = None
    fast: bool = False
    executable: Path | None = None
    _terminals: list[Terminal] = field(default_factory=list)

    def __post_init__(self) -> None:
        server, _, login = self.account.rpartition(":")
        self.broker.server, self.broker.login = server, int(login)
        self.folder.mkdir(exist_ok=True)
        if self.platform == "mt5":
            self.hedging = Hedging(self.broker)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for terminal in self._terminals:
            terminal.__exit__()
        said = self.said()
        assert "Sanitizer" not in said, said
        assert "runtime error" not in said, said
        assert "CRITICAL" not in said, said

    @property
    def terminal(self) -> Terminal:
        """The one that runs now."""
        return self._terminals[-1]

    def start(self, **environment: str) -> Self:
        """Attach the EA."""
        terminal = Terminal(self.broker, self.folder, self.hedging)
        self._terminals.append(terminal)
        inputs = {"GatewayUrl": self.url, "AccountKey": self.key, "TimerMilliseconds": 50, **self.inputs}
        urls = self.url if self.way == "calls" else ""
        given = {"MQL_URLS": urls, "ASAN_OPTIONS": "detect_leaks=0", **environment}
        executable = self.executable or program(PROGRAM_OF[self.way], platform=self.platform, fast=self.fast)
        terminal.start(executable, inputs=inputs, **given)
        return self

    def live(self, role: str, *, seconds: float = PATIENCE) -> Self:
        """Return when the gateway has taken it in, and its book is watched."""
        self.terminal.hears(f"EA Gateway: LIVE as {role}", seconds=seconds)
        return self

    def kill(self) -> None:
        """As by the task manager."""
        self.terminal.kill()

    @property
    def open(self) -> list[Position]:
        """The positions in the book."""
        with self.terminal.told.lock:
            self.broker.trades()  # what is late happens when somebody looks
            return list(self.broker.book.open.values())

    @property
    def working(self) -> list[WorkingOrder]:
        """The pending orders in the book."""
        with self.terminal.told.lock:
            return list(self.broker.book.working.values())

    def lots(self) -> list[Decimal]:
        """The lots of the positions, in order of tickets."""
        return [position.lots for position in self.open]

    def chart(self) -> list[str]:
        """The labels on its chart, from above."""
        shown: dict[int, str] = {}
        for line in self.terminal.said():
            if line.startswith("CHART: EAGateway_"):
                number, _, text = line.removeprefix("CHART: EAGateway_").partition("=")
                shown[int(number)] = text.strip()
        return [shown[number] for number in sorted(shown) if shown[number]]

    def shows(self, text: str, *, seconds: float = PATIENCE) -> None:
        """Return when it stands on the chart.

        :raises TimeoutError: it does not
        """
        until(lambda: any(text in line for line in self.chart()), seconds)

    def said(self) -> str:
        """Everything that its programs have said."""
        return "\n".join(line for terminal in self._terminals for line in terminal.said())
