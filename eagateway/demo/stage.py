"""The demo's four terminals: each a client of the public protocol with a paper broker behind it."""

import asyncio
import random
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol
from uuid import UUID

import msgspec
from eagateway_sdk import Backoff, GatewayClient, Transport
from eagateway_sdk.frames import ExecutionReport, OrderIntent, StatusHeartbeat
from eagateway_sdk.paper import (
    Book,
    BookHoldings,
    Event,
    MasterTerminal,
    PaperTerminal,
    Recording,
    Step,
    Tape,
    init_request,
)

from eagateway.demo.cast import Copying, Part, part
from eagateway.demo.plan import Plan
from eagateway.demo.witness import Witness

CONNECT_SECONDS: Final = 60
NEWCOMER: Final = "Paper-Demo04:2004"
_BACKOFF: Final = Backoff(first=0.05, longest=0.5, penalty=1.0, draw=random.random)


@dataclass(frozen=True, slots=True)
class Seat:
    """One account: its part, its broker's book. `opened`: seconds at which each position was first opened in it."""

    part: Part
    book: Book
    opened: Mapping[int, float] = field(default_factory=dict)


class Stage(Protocol):
    """Everybody who takes part, whatever programs their terminals run. `lag`: seconds by which `unacked` may be old."""

    lag: float
    master: Any
    followers: Sequence[Any]
    transport: Transport
    terminal: str
    platform: str

    async def start(self) -> None:
        """Connect everybody; returns when each has a session, pending or not."""
        ...

    async def taken_in(self, seats: Sequence[Seat]) -> None:
        """Return when the gateway has taken these in, and they are ready for what comes."""
        ...

    def play(self, event: Event) -> Sequence[Coroutine[Any, Any, None]]:
        """The recorded market goes on by one event; what is to be sent because of it.

        :raises BrokenRecording: the event contradicts what came before it
        """
        ...

    async def noticed(self) -> None:
        """Return when the master's terminal has seen the last event by itself."""
        ...

    async def kill_terminal(self, draw: random.Random) -> None:
        """End the program of one terminal in the middle of its work, and start it again."""
        ...

    def unacked(self) -> int:
        """Frames that the gateway has not confirmed, over all terminals."""
        ...

    def told(self) -> "Told":
        """What the master's terminal has told."""
        ...

    async def close(self) -> None:
        """End all programs."""
        ...


@dataclass(frozen=True, slots=True)
class Told:
    """The master's events, repeats aside: those sent under a frame's id, and those that a program tells by itself."""

    sent: Mapping[UUID, str] = field(default_factory=dict)
    seen: Sequence[Event] = ()


def name_of(event: Event) -> str:
    """An event in the words of a finding."""
    return f"line {event.line}: {event.ev} of ticket {event.ticket}"


@dataclass(frozen=True, slots=True)
class ClientSeat(Seat):
    """A seat whose terminal runs the SDK's client."""

    client: GatewayClient = None  # type: ignore[assignment]  # dataclasses want a default behind one
    terminal: PaperTerminal = None  # type: ignore[assignment]


class ClientStage:
    """The master and its followers as clients of the SDK, and the recording that all their terminals know."""

    def __init__(
        self, *, plan: Plan, recording: Recording, url: str, folder: Path, falsify: str | None, transport: Transport
    ) -> None:
        self._recording, self._url, self._folder = recording, url, folder
        self.transport: Transport = transport
        self.terminal = self.platform = "sdk"
        self.lag = 0.0
        self._sent: dict[UUID, str] = {}
        self._tape = tape = Tape(recording)
        self._newcomers: list[GatewayClient] = []
        book = Book.for_account(recording.account)
        self._master_terminal = MasterTerminal(recording, book=book)
        self.master = ClientSeat(plan.master, book, client=self._client(plan.master, book, None))
        self.followers: Sequence[ClientSeat] = [
            self._follower(part, tape, falsify if number == 0 else None) for number, part in enumerate(plan.followers)
        ]

    @property
    def _seats(self) -> Sequence[ClientSeat]:
        return [self.master, *self.followers]

    def _follower(self, part: Part, tape: Tape, falsify: str | None) -> ClientSeat:
        account = part.listed(self._recording.account)
        book = Book.for_account(account, rename=part.rename, balance=part.balance)
        terminal = PaperTerminal(book, tape=tape, falsify=falsify)  # type: ignore[arg-type]
        witness = Witness(terminal)
        client = self._client(part, book, witness)
        return ClientSeat(part, book, witness.opened, client=client, terminal=terminal)

    def _client(self, part: Part, book: Book, witness: Witness | None) -> GatewayClient:
        return GatewayClient(
            base_url=self._url,
            account_id=part.account_id,
            auth_key=part.auth_key,
            store=self._folder / f"{part.account_id.replace(':', '-')}.sqlite3",
            init_request=init_request(part.listed(self._recording.account), rename=dict(part.rename)),
            transport=self.transport,
            executor=witness,
            holdings=witness or BookHoldings(book),
            funds=lambda: StatusHeartbeat(balance=book.balance, equity=book.balance),
            ea_version="demo",
            durability="process",
            backoff=_BACKOFF,
        )

    async def start(self) -> None:
        """Connect everybody; returns when each has a session, pending or not."""
        self._folder.mkdir(parents=True, exist_ok=True)
        await asyncio.gather(*(seat.client.start() for seat in self._seats))
        async with asyncio.timeout(CONNECT_SECONDS):
            for seat in self._seats:
                await _seated(seat)

    async def taken_in(self, seats: Sequence[Seat]) -> None:
        """Return when these are authenticated."""
        await asyncio.gather(*(one.client.wait_status("authenticated") for one in self._seats if one in seats))

    def play(self, event: Event) -> Sequence[Coroutine[Any, Any, None]]:
        """The market goes on for everybody; the master's terminal says what it has to tell.

        :raises BrokenRecording: the event contradicts what came before it
        """
        step = self._master_terminal.replay(event)
        sending = [
            _report(follower, report) for follower in self.followers for report in follower.terminal.on_recorded(event)
        ]
        if step.report is not None:
            sending.append(_report(self.master, step.report))
            mirrored = self.followers[0]
            booked = mirrored.terminal.book_account_event(event)
            if booked is not None:
                sending.append(_report(mirrored, booked))
        elif step.intent is not None:
            sending.append(self._intent(step, step.intent))
        return sending

    async def _intent(self, step: Step, intent: OrderIntent) -> None:
        frame_id = await self.master.client.send_intent(intent)
        if not step.repeat:
            self._sent[frame_id] = name_of(step.event)

    async def noticed(self) -> None:
        """At once: it is told by us."""

    async def kill_terminal(self, draw: random.Random) -> None:
        """Not offered: a client of the SDK is a part of the demo's own process.

        :raises NotImplementedError: always
        """
        raise NotImplementedError("only terminals with the EA can be killed")

    def unacked(self) -> int:
        return sum(seat.client.unacked for seat in self._seats)

    def told(self) -> Told:
        return Told(sent=self._sent)

    async def leave_something_to_see(self) -> Sequence[str]:
        """When all is told: one follower's terminal is switched off, its master trades once more, and an EA that
        nobody knows asks to be let in. What was done, in sentences.
        """
        away = self.followers[1]
        await away.client.close()
        trade = self._one_more_trade()
        await asyncio.gather(*self.play(trade))
        newcomer = part("newcomer", NEWCOMER, None, {}, Copying())
        client = self._client(newcomer, Book.for_account(self._recording.account), None)
        self._newcomers.append(client)
        await client.start()
        opened = f"{trade.lots} {trade.symbol}"
        return [
            f"the terminal of {away.part.account_id} is switched off, and its master has opened {opened} since",
            f"{NEWCOMER} asks to be let in; its owner's code is {client.key_code}",
        ]

    def _one_more_trade(self) -> Event:
        """The last opening of the recording once more, under a ticket of its own, at the same price."""
        events = list(self._recording.events())
        last = next(event for event in reversed(events) if event.ev == "open")
        ticket = max(max(event.ticket, event.new_ticket) for event in events) + 1
        trade = msgspec.structs.replace(last, ticket=ticket, t=events[-1].t)
        self._tape.opens[ticket] = trade
        return trade

    async def close(self) -> None:
        clients = [*(seat.client for seat in self._seats), *self._newcomers]
        await asyncio.gather(*(client.close() for client in clients), return_exceptions=True)


async def _report(seat: ClientSeat, report: ExecutionReport) -> None:
    await seat.client.send_report(report)


async def _seated(seat: ClientSeat) -> None:
    """Return when the gateway has given this terminal a session, whatever its state."""
    while seat.client.status not in ("pending", "authenticated"):  # noqa: ASYNC110 - the client has no event for either
        await asyncio.sleep(0.05)
