"""The terminal around a program: its process, its events, and the broker's answers, one line a question."""

import contextlib
import os
import queue
import socketserver
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Final, Self

from ea.host.sim.bars import Bars
from ea.host.sim.broker import Broker
from ea.host.sim.hedging import Hedging

_LEVERAGE: Final = 100
_POLL_SECONDS: Final = 0.02
_WHOLE_LIST: Final = 2  # questions: a list is looked at again when it was read, to see that it did not move
_MARKET: Final = {9: "bid", 10: "ask"}


@dataclass(slots=True)
class Told:
    """The answers to what a program asks of its broker. `lock`: tests move the broker while a program asks. `market`:
    called before each tick, to move the prices. `asked`: called before each question, with it, under the lock. `bars`:
    what the charts show. `looks`: how often it has asked for the list of orders. `passes`: how many events are over
    in which it has read that list from beginning to end. `hedging`: the account for a program in a MetaTrader 5.
    """

    broker: Broker
    events: "queue.Queue[str]" = field(default_factory=queue.Queue)
    lock: threading.RLock = field(default_factory=threading.RLock)
    market: Callable[[], None] = lambda: None
    asked: Callable[[str], None] = lambda _: None
    bars: Bars = field(default_factory=Bars)
    looks: int = 0
    passes: int = 0
    hedging: Hedging | None = None
    _asked: int = 0

    def answer(self, question: str) -> str:
        """One line for one line."""
        words = tuple(question.split("\t"))
        if words[0] == "poll":
            self.passes += self._asked >= _WHOLE_LIST
            self._asked = 0
            return self._event(int(words[1]))
        ask = self._questions().get(words[0])
        with self.lock:
            self.asked(words[0])
            if words[0] in ("orders", "pending"):
                self.looks += 1
                self._asked += 1
            return str(ask(*words[1:])) if ask is not None else self.broker.order(words)

    def _questions(self) -> dict[str, Callable[..., object]]:
        """What is no order in MetaTrader 4's words."""
        return self._mql4() if self.hedging is None else self._mql4() | self._mql5(self.hedging)

    def _mql5(self, account: Hedging) -> dict[str, Callable[..., object]]:
        return {
            "positions": lambda: "\x1e".join(account.positions()),
            "pending": lambda: "\x1e".join(account.pending()),
            "deals": lambda since, until: "\x1e".join(account.listed(int(since), int(until))),
            "ended": lambda since, until: "\x1e".join(account.ended(int(since), int(until))),
            "deals_of": lambda position: "\x1e".join(account.of_position(int(position))),
            "deal": lambda ticket: "\x1e".join(account.deal(int(ticket))),
            "symbol": lambda _, what: account.filling if what == "filling" else 0,
            "request": lambda *words: account.request(words),
        }

    def _mql4(self) -> dict[str, Callable[..., object]]:
        return {
            "orders": lambda: "\x1e".join(self.broker.trades()),
            "history": lambda: "\x1e".join(self.broker.history()),
            "order": lambda ticket: self.broker.find(int(ticket)),
            "account": self._account,
            "symbols": lambda: "\t".join(self.broker.book.symbols),
            "market": lambda symbol, what: self._market(symbol, int(what)),
            "series": lambda symbol, frame, since: self._series(symbol, int(frame), int(since)),
        }

    def _event(self, milliseconds: int) -> str:
        if self.hedging is not None:
            with self.lock:
                news = self.hedging.news()
            if news:
                return news
        try:
            event = self.events.get(timeout=max(milliseconds, 1) / 1000)
        except queue.Empty:
            return "none"
        if event == "tick":
            self.market()
        return event

    def _account(self, what: str) -> str:
        broker = self.broker
        figures = {
            "number": broker.login, "server": broker.server, "currency": broker.book.currency, "leverage": _LEVERAGE,
            "balance": broker.book.balance, "equity": broker.book.balance, "free": broker.book.balance, "margin": 0,
            "time": int(broker.clock()), "connected": int(broker.connected), "allowed": int(broker.allowed),
            "busy": int(broker.busy), "netting": int(self.hedging is not None and self.hedging.netting),
        }  # fmt: skip
        return str(figures[what])

    def _market(self, symbol: str, what: int) -> Decimal | int:
        spec, quote = self.broker.book.symbols.get(symbol), self.broker.quotes.get(symbol)
        if spec is None or quote is None:
            return 0
        if what in _MARKET:
            return quote.bid if _MARKET[what] == "bid" else quote.ask
        point = Decimal(1).scaleb(-spec.digits)
        figures: dict[int, Decimal | int] = {
            11: point, 12: spec.digits, 13: int((quote.ask - quote.bid) / point), 14: self.broker.book.stop_points,
            15: spec.contract_size, 16: spec.contract_size * point, 17: point, 22: 1, 23: spec.lots_min,
            24: spec.lots_step, 25: spec.lots_max, 32: 1000,
        }  # fmt: skip
        return figures.get(what, 0)

    def _series(self, symbol: str, minutes: int, since: int) -> str:
        if symbol not in self.broker.quotes:
            return ""
        return "\x1e".join(self.bars.lines(minutes, self.broker.clock(), since))


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, told: Told) -> None:
        self.told = told
        super().__init__(("127.0.0.1", 0), _Line)


class _Line(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True

    def handle(self) -> None:
        """Until the program goes, perhaps in the middle of a question."""
        server = self.server
        assert isinstance(server, _Server)
        with contextlib.suppress(ConnectionError):
            for line in self.rfile:
                self.wfile.write(server.told.answer(line.decode().rstrip("\n")).encode() + b"\n")


class Terminal:
    """Runs one program on one broker. Use as a context: what is left of the program ends with it."""

    def __init__(self, broker: Broker, folder: Path, hedging: Hedging | None = None) -> None:
        self.told = Told(broker, hedging=hedging)
        self.broker = broker
        self.folder = folder
        self._said: list[str] = []
        self._more = threading.Condition()
        self._listener: threading.Thread | None = None
        self._server = _Server(self.told)
        self._process: subprocess.Popen[bytes] | None = None
        threading.Thread(target=self._server.serve_forever, args=(_POLL_SECONDS,), daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        if self._listener is not None:
            self._listener.join()
        self._server.shutdown()
        self._server.server_close()

    def start(self, program: Path, *, inputs: Mapping[str, object] | None = None, **environment: str) -> None:
        """Attach the program to a chart. `inputs` by name."""
        given = {f"MQL_INPUT_{name}": str(value) for name, value in (inputs or {}).items()}
        address = "{}:{}".format(*self._server.server_address[:2])
        told = {**os.environ, **given, "MQL_SIM": address, "MQL_DATA": str(self.folder), **environment}
        self._process = subprocess.Popen(  # noqa: S603
            [program], env=told, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self._listener = threading.Thread(target=self._listen, args=(self._process,), daemon=True)
        self._listener.start()

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                with self._more:
                    self._said.append(line.decode(errors="replace").rstrip("\n"))
                    self._more.notify_all()

    def tick(self) -> None:
        """A price comes."""
        self.told.events.put("tick")

    def flood(self, times: int) -> None:
        """So many events of the timer at once, as some terminals hand them over after the computer has slept."""
        self.told.events.put(f"timer\t{times}")

    def click(self, name: str) -> None:
        """A person clicks on an object of the chart."""
        self.told.events.put(f"click\t{name}")

    def remove(self, reason: int = 1) -> None:
        """Take the program from the chart, for a reason of OnDeinit."""
        self.told.events.put(f"deinit\t{reason}")

    def kill(self) -> None:
        """As by the task manager."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def wait(self, seconds: float = 30.0) -> int:
        """Its exit status.

        :raises subprocess.TimeoutExpired: it goes on
        """
        assert self._process is not None
        return self._process.wait(seconds)

    def said(self) -> list[str]:
        """What it has printed, this time and before."""
        with self._more:
            return list(self._said)

    def hears(self, beginning: str, *, after: int = 0, seconds: float = 30.0) -> str:
        """The first line from number `after` on that begins so, as soon as it comes.

        :raises TimeoutError: it does not
        """

        def found() -> str | None:
            return next((line for line in self._said[after:] if line.startswith(beginning)), None)

        with self._more:
            line = self._more.wait_for(found, seconds)
            if line is None:
                raise TimeoutError(f"no line {beginning!r} in {self._said}")
            return line
