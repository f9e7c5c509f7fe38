"""The demo's four terminals: each a client of the public protocol with a paper broker behind it."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eagateway_sdk import Backoff, GatewayClient, Transport
from eagateway_sdk.frames import StatusHeartbeat
from eagateway_sdk.paper import Book, BookHoldings, MasterTerminal, PaperTerminal, Recording, Tape, init_request

from eagateway.demo.cast import Part
from eagateway.demo.plan import Plan
from eagateway.demo.witness import Witness

CONNECT_SECONDS: Final = 60
_BACKOFF: Final = Backoff(first=0.05, longest=0.5, penalty=1.0, draw=random.random)


@dataclass(frozen=True, slots=True)
class Seat:
    """One account: its part, its broker's book, its client."""

    part: Part
    book: Book
    client: GatewayClient


@dataclass(frozen=True, slots=True)
class FollowerSeat(Seat):
    """A follower's seat, with the terminal that executes its commands, and who saw them come."""

    terminal: PaperTerminal
    witness: Witness


class Stage:
    """The master, its followers, and the recording that all their terminals know."""

    def __init__(
        self, *, plan: Plan, recording: Recording, url: str, folder: Path, falsify: str | None, transport: Transport
    ) -> None:
        self._recording, self._url, self._folder = recording, url, folder
        self.transport: Transport = transport
        tape = Tape(recording)
        book = Book.for_account(recording.account)
        self.master_terminal = MasterTerminal(recording, book=book)
        self.master = Seat(plan.master, book, self._client(plan.master, book, None))
        self.followers: Sequence[FollowerSeat] = [
            self._follower(part, tape, falsify if number == 0 else None) for number, part in enumerate(plan.followers)
        ]

    @property
    def seats(self) -> Sequence[Seat]:
        return [self.master, *self.followers]

    @property
    def mirrored(self) -> FollowerSeat:
        return self.followers[0]

    def _follower(self, part: Part, tape: Tape, falsify: str | None) -> FollowerSeat:
        account = part.listed(self._recording.account)
        book = Book.for_account(account, rename=part.rename, balance=part.balance)
        terminal = PaperTerminal(book, tape=tape, falsify=falsify)  # type: ignore[arg-type]
        witness = Witness(terminal)
        return FollowerSeat(part, book, self._client(part, book, witness), terminal, witness)

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
        await asyncio.gather(*(seat.client.start() for seat in self.seats))
        async with asyncio.timeout(CONNECT_SECONDS):
            for seat in self.seats:
                await _seated(seat)

    def unacked(self) -> int:
        """Frames that the gateway has not confirmed, over all terminals."""
        return sum(seat.client.unacked for seat in self.seats)

    def books(self) -> Mapping[str, object]:
        """Every account's own book, as JSON."""
        return {seat.part.account_id: seat.book.snapshot() for seat in self.seats}

    async def close(self) -> None:
        await asyncio.gather(*(seat.client.close() for seat in self.seats), return_exceptions=True)


async def _seated(seat: Seat) -> None:
    """Return when the gateway has given this terminal a session, whatever its state."""
    while seat.client.status not in ("pending", "authenticated"):  # noqa: ASYNC110 - the client has no event for either
        await asyncio.sleep(0.05)
