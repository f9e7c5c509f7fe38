"""The demo's four terminals with the EA on their charts: MQL programs in simulated terminals, at simulated brokers.

The EA looks at its book and tells what it finds, so nothing is sent here: the recording changes the master's book, and
waits until his program has looked. Without that, changes that follow at once would be one change.
"""

import asyncio
import random
import re
import threading
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from eagateway_sdk import Transport
from eagateway_sdk.paper import Book, BrokenRecording, Event, MasterTerminal, PaperTerminal, Recording, Tape
from msgspec import structs

from ea.host.build import Options, build
from ea.host.sim.hedging import Hedging
from ea.host.sim.tape import Market, Ordered, TapeBroker, seconds
from ea.host.sim.terminal import Terminal
from eagateway.demo.cast import Part
from eagateway.demo.plan import Plan
from eagateway.demo.stage import Seat, Told

PROGRAMS: Final = Path(__file__).resolve().parents[2] / "ea"
PROGRAM: Final = {"exchange": "EAGatewayNoDll", "socket": "EAGateway"}
SOCKET_ONLY: Final = 1
CONNECT_SECONDS: Final = 90
PASSES: Final = 2
"""The first may have begun before the event, so it takes the end of the next one to be sure. What happens before that
end may make its look void, and then a change of stops that a close follows was never seen.
"""
_UNCONFIRMED: Final = re.compile(r"CHART: EAGateway_4=.*unconfirmed (\d+)")


def check_recording(recording: Recording) -> None:
    """Only what a MetaTrader shows can be told by a program in it.

    :raises BrokenRecording: there are archived results, which no terminal lists, or taxes, which MQL does not know
    """
    if Tape(recording).broken is not None:
        return  # the replay names the line
    for event in recording.events():
        if event.ev == "summary" or event.taxes:
            raise BrokenRecording(f"{event.ev}: archived results and taxes are not told by the EA", line=event.line)


@dataclass(frozen=True, slots=True)
class EaSeat(Seat):
    """A seat whose terminal runs the EA. `running`: its terminals, one after the other. `hedging`: the account as a
    MetaTrader 5 shows it.
    """

    broker: TapeBroker = None  # type: ignore[assignment]  # dataclasses want a default behind one
    hedging: Hedging | None = None
    folder: Path = Path()
    lock: threading.RLock = field(default_factory=threading.RLock)
    running: list[Terminal] = field(default_factory=list)

    @property
    def terminal(self) -> Terminal:
        """The one that runs now."""
        return self.running[-1]

    def start(self, program: Path, url: str, transport: Transport) -> None:
        """Attach the program to a chart of this account. One that speaks over a socket has nothing to fall back to."""
        terminal = Terminal(self.broker, self.folder, self.hedging)
        terminal.told.lock = self.lock
        self.running.append(terminal)
        inputs = {"GatewayUrl": url, "AccountKey": self.part.auth_key, "TimerMilliseconds": 50}
        inputs |= {"Transport": SOCKET_ONLY} if transport == "socket" else {}
        terminal.start(program, inputs=inputs, MQL_URLS=url, ASAN_OPTIONS="detect_leaks=0")

    def unconfirmed(self) -> int:
        """What stands on the chart; a chart on which nothing stands yet has something to say."""
        shown = [match for match in map(_UNCONFIRMED.match, self.terminal.said()) if match]
        return int(shown[-1][1]) if shown else 1


class EaStage:
    """The master and its followers at simulated brokers."""

    def __init__(
        self, *, plan: Plan, recording: Recording, url: str, folder: Path, falsify: str | None, transport: Transport,
        platform: str = "mt4",
    ) -> None:  # fmt: skip
        self._recording, self._url, self._folder = recording, url, folder
        self.transport: Transport = transport
        self.terminal = "ea"
        self.lag = 2.0  # the chart is drawn twice a second, on a machine that may be busy
        self.platform = platform
        self._program = Path()
        self._market = Market()
        self._tape = Tape(recording)
        self._seen: list[Event] = []
        self.master = self._seat(plan.master, None)
        self.followers: Sequence[EaSeat] = [
            self._seat(part, falsify if number == 0 else None) for number, part in enumerate(plan.followers)
        ]
        self._master_terminal = MasterTerminal(recording, book=self.master.book)

    def _seat(self, part: Part, falsify: str | None) -> EaSeat:
        book = Book.for_account(part.listed(self._recording.account), rename=part.rename, balance=part.balance)
        folder = self._folder / part.account_id.replace(":", "-")
        server, _, login = part.account_id.rpartition(":")
        broker = TapeBroker(
            book=book,
            login=int(login),
            server=server,
            clock=self._market.clock,
            quotes={},
            paper=PaperTerminal(book, tape=self._tape, falsify=falsify),  # type: ignore[arg-type]
            position_of=Ordered(folder).position,
            rename=dict(part.rename),
        )
        for opened in reversed(self._tape.opens.values()):
            broker.list_price(opened.symbol, opened.price)
        hedging = Hedging(broker) if self.platform == "mt5" else None
        return EaSeat(part, book, broker.opened, broker=broker, hedging=hedging, folder=folder)

    @property
    def _seats(self) -> Sequence[EaSeat]:
        return [self.master, *self.followers]

    async def start(self) -> None:
        """Build the program, attach it everywhere; returns when each account has a session, pending or not."""
        language = int(self.platform[-1])
        program = PROGRAMS / f"mql{language}" / f"{PROGRAM[self.transport]}.mq{language}"
        self._program = await asyncio.to_thread(build, program, Options(language=language, sanitized=True))
        first = next(iter(self._recording.events()), None)
        self._market.now = seconds(first.t) if first else 0.0
        for seat in self._seats:
            seat.folder.mkdir(parents=True, exist_ok=True)
            seat.start(self._program, self._url, self.transport)
        waiting = "CHART: EAGateway_1=WAITING FOR APPROVAL"
        await asyncio.gather(*(_hears(seat, waiting) for seat in self._seats))

    async def taken_in(self, seats: Sequence[Seat]) -> None:
        """Return when these are live, and have seen what their books held before."""
        for seat in self._seats:
            if seat in seats:
                await _hears(seat, "EA Gateway: LIVE as")
                await _hears(seat, "EA Gateway: watching")

    def play(self, event: Event) -> Sequence[Coroutine[Any, Any, None]]:
        """The market goes on at all brokers; nothing is sent by us.

        :raises BrokenRecording: the event contradicts what came before it
        """
        self._market.now = max(self._market.now, seconds(event.t))
        master = self.master.broker
        with self.master.lock:
            step = self._master_terminal.replay(event)
            if not step.repeat:
                self._book(event)
            master.list_price(event.symbol, event.price)
            master.note(comment=event.comment, ticket=event.ticket)
        for follower in self.followers:
            with follower.lock:
                follower.broker.recorded(event)
        if step.intent is not None and not step.repeat:
            self._seen.append(self._as_told(event))
        return []

    def _as_told(self, event: Event) -> Event:
        """A MetaTrader 5 has one ticket for a position where the recording has one for each rest."""
        hedging = self.master.hedging
        return event if hedging is None else structs.replace(event, ticket=hedging.identifier(event.ticket))

    def _book(self, event: Event) -> None:
        """Money that comes to the master comes to the mirrored account, too."""
        if event.ev != "balance":
            return
        amount = event.amount or event.profit
        self.master.broker.book_money(amount, event.comment, event.ticket)
        mirrored = self.followers[0]
        with mirrored.lock:
            if mirrored.broker.paper.book_account_event(event) is not None:
                mirrored.broker.book_money(amount, event.comment)

    async def noticed(self) -> None:
        """Return when the master's program has looked at what there is now, from beginning to end. One that was killed
        meanwhile may have told nobody: then the one that runs in its place has to.
        """
        terminal, before = self.master.terminal, self.master.terminal.told.passes
        async with asyncio.timeout(CONNECT_SECONDS):
            while terminal.told.passes < before + PASSES:
                await asyncio.sleep(0.01)
                if terminal is not self.master.terminal:
                    terminal, before = self.master.terminal, self.master.terminal.told.passes

    async def kill_terminal(self, draw: random.Random) -> None:
        """As by the task manager, anywhere in its work; it is started again at once."""
        seat = draw.choice(self._seats)
        await asyncio.sleep(draw.random() * 0.3)
        await asyncio.to_thread(seat.terminal.kill)
        seat.start(self._program, self._url, self.transport)

    def unacked(self) -> int:
        return sum(seat.unconfirmed() for seat in self._seats)

    def told(self) -> Told:
        return Told(seen=self._seen)

    async def close(self) -> None:
        """End all programs. What the sanitizers have found is said.

        :raises RuntimeError: a program has ended by a fault of its own
        """
        for seat in self._seats:
            for terminal in seat.running:
                await asyncio.to_thread(terminal.__exit__)
        said = [line for seat in self._seats for terminal in seat.running for line in terminal.said()]
        faults = [line for line in said if "Sanitizer" in line or "runtime error" in line or "CRITICAL" in line]
        if faults:
            raise RuntimeError("\n".join(faults))


async def _hears(seat: EaSeat, beginning: str) -> None:
    await asyncio.to_thread(seat.terminal.hears, beginning, seconds=CONNECT_SECONDS)
