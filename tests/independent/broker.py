"""A dealing desk: positions of one account, and a broker that refuses, is late, fills in parts, and forgets to answer.

It goes on by itself: an order that was sent is executed whatever becomes of the terminal that sent it.
"""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final

ZERO: Final = Decimal(0)
PRICE: Final = Decimal("1.10000")
BUSY, STOPS, MONEY, REQUOTE, OFF_QUOTES = 146, 130, 134, 138, 136
LATEST_FILL: Final = 1.2  # seconds after the broker should have answered; below what anybody waits for


@dataclass(slots=True)
class Position:
    """One open position. `filling`: its order has not filled to the end."""

    ticket: int
    symbol: str
    side: str
    lots: Decimal
    sl: Decimal
    tp: Decimal
    magic: int = 0
    parent: int | None = None
    filling: bool = False


class Refusal(Exception):
    """The broker said no, with a code of MetaTrader's."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class NoAnswer(Exception):
    """The broker did not answer in time. It may still execute."""


@dataclass
class Broker:
    """One account. `trouble`: how often something goes wrong, 0 to 1.

    By magic number: `given_up`: its opens were refused for good; `lost`: one was never answered, nor carried out;
    `short`: less was filled than was ordered, and no more will be; `own_left`: what its owner left of it by hand;
    `peak`: the most positions that stood at once.
    """

    name: str
    rng: random.Random
    trouble: float = 0.0
    balance: Decimal = Decimal(100000)
    positions: dict[int, Position] = field(default_factory=dict)
    given_up: set[int] = field(default_factory=set)
    lost: set[int] = field(default_factory=set)
    short: dict[int, Decimal] = field(default_factory=dict)
    closed_by_hand: set[int] = field(default_factory=set)
    own_left: dict[int, Decimal] = field(default_factory=dict)
    history: list[tuple[int, int]] = field(default_factory=list)
    peak: Counter[int] = field(default_factory=Counter)
    told: list[str] = field(default_factory=list)
    _tickets: int = 1000
    _had: Counter[tuple[int, str]] = field(default_factory=Counter)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    # What a terminal asks -----------------------------------------------------------------------------------------

    def of_magic(self, magic: int) -> list[Position]:
        """The positions under this number."""
        return [item for item in self.positions.values() if item.magic == magic]

    def past(self, magic: int) -> int | None:
        """The ticket of a closed position under this number."""
        return next((ticket for ticket, number in self.history if number == magic), None)

    # What it orders -----------------------------------------------------------------------------------------------

    async def open(self, order: Position) -> Position:
        """A market order. It may come back while it still fills (`filling`).

        :raises Refusal: :raises NoAnswer:
        """
        kind = self._fate(order.magic, "open", ("late", "lost", "requote", "busy", "parts", "short", "money", "stops"))
        await asyncio.sleep(self.rng.uniform(0, 0.1))
        if kind == "money":
            self.given_up.add(order.magic)
            raise Refusal(MONEY)
        if kind == "stops" and (order.sl or order.tp):
            raise Refusal(STOPS)
        if kind in ("requote", "busy"):
            raise Refusal(REQUOTE if kind == "requote" else BUSY)
        if kind == "lost":
            self.lost.add(order.magic)
            raise NoAnswer
        if kind == "late":
            self._later(self.rng.uniform(0.1, LATEST_FILL), lambda: self._book(order))
            raise NoAnswer
        if kind in ("parts", "short") and order.lots >= Decimal("0.03"):
            return self._fill_in_parts(order, to_the_end=kind == "parts")
        return self._book(order)

    async def close(self, ticket: int, lots: Decimal) -> tuple[Decimal, int | None]:
        """Close so many lots of a position: (what is left, its new ticket).

        :raises Refusal: :raises NoAnswer:
        """
        found = self.positions.get(ticket)
        kind = self._fate(found.magic if found else 0, "close", ("late", "lost", "off", "busy"))
        await asyncio.sleep(self.rng.uniform(0, 0.1))
        if kind in ("off", "busy"):
            raise Refusal(OFF_QUOTES if kind == "off" else BUSY)
        if kind == "lost":
            raise NoAnswer
        if kind == "late":
            self._later(self.rng.uniform(0.1, LATEST_FILL), lambda: self._reduce(ticket, lots))
            raise NoAnswer
        return self._reduce(ticket, lots)

    async def modify(self, ticket: int, sl: Decimal, tp: Decimal) -> None:
        """Set the stops.

        :raises Refusal: :raises NoAnswer:
        """
        found = self.positions.get(ticket)
        kind = self._fate(found.magic if found else 0, "modify", ("lost", "busy"))
        await asyncio.sleep(self.rng.uniform(0, 0.1))
        if kind == "busy":
            raise Refusal(BUSY)
        if kind == "lost":
            raise NoAnswer
        if ticket not in self.positions:
            raise Refusal(4108)
        self.positions[ticket] = replace(self.positions[ticket], sl=sl, tp=tp)

    # What happens to it -------------------------------------------------------------------------------------------

    def close_by_hand(self, ticket: int) -> Position:
        """Its owner closes a position on his phone."""
        gone = self.positions[ticket]
        self.closed_by_hand.add(gone.magic)
        self._reduce(ticket, gone.lots)
        return gone

    def take_by_hand(self, ticket: int, lots: Decimal) -> tuple[Decimal, int | None]:
        """Its owner closes a part."""
        before = self.positions[ticket]
        left, new = self._reduce(ticket, lots)
        self.own_left[before.magic] = left
        return left, new

    def set_by_hand(self, ticket: int, sl: Decimal, tp: Decimal) -> None:
        """Its owner moves the stops."""
        self.positions[ticket] = replace(self.positions[ticket], sl=sl, tp=tp)

    def place_by_hand(self, order: Position) -> Position:
        """Its owner opens a position, and nothing goes wrong: a master."""
        return self._book(order)

    def stop(self) -> None:
        """The day is over."""
        for task in self._tasks:
            task.cancel()

    # Inside -------------------------------------------------------------------------------------------------------

    def _fate(self, magic: int, verb: str, kinds: tuple[str, ...]) -> str:
        """What goes wrong this time, "" if nothing: twice at most for one order of a position, and once badly."""
        if self.rng.random() >= self.trouble or self._had[magic, verb] >= 2:
            return ""
        kind = self.rng.choice(kinds)
        # What leads to no answer, or to fewer lots, is what the next try meets: nothing else befalls this order then.
        self._had[magic, verb] += 1 if kind in ("requote", "busy", "off", "stops") else 2
        self.told.append(f"{self.name} {verb} {magic & 0xFFFFFF}: {kind}")
        return kind

    def _book(self, order: Position, lots: Decimal | None = None) -> Position:
        self._tickets += 1
        booked = replace(order, ticket=self._tickets, lots=lots or order.lots)
        self.positions[booked.ticket] = booked
        self.peak[order.magic] = max(self.peak[order.magic], len(self.of_magic(order.magic)))
        self.told.append(f"{self.name} opened {booked.ticket}: {booked.lots} of {order.magic & 0xFFFFFF}")
        return booked

    def _fill_in_parts(self, order: Position, *, to_the_end: bool) -> Position:
        step = Decimal("0.01")
        first = max(step, (order.lots * Decimal("0.4")).quantize(step))
        booked = self._book(replace(order, filling=True), first)
        second = first if not to_the_end else max(first, (order.lots * Decimal("0.7")).quantize(step))
        last = order.lots if to_the_end else first
        if not to_the_end:
            self.short[order.magic] = first

        def grow(lots: Decimal, *, filling: bool) -> None:
            if booked.ticket in self.positions:
                self.positions[booked.ticket] = replace(self.positions[booked.ticket], lots=lots, filling=filling)

        self._later(0.3, lambda: grow(second, filling=True))
        self._later(0.8, lambda: grow(last, filling=False))
        return booked

    def _reduce(self, ticket: int, lots: Decimal) -> tuple[Decimal, int | None]:
        found = self.positions.pop(ticket, None)
        if found is None:
            raise Refusal(4108)
        left = max(ZERO, found.lots - lots)
        self.told.append(f"{self.name} closed {lots} of {ticket} ({found.magic & 0xFFFFFF}), {left} left")
        if not left:
            self.history.append((ticket, found.magic))
            return ZERO, None
        self._tickets += 1
        self.positions[self._tickets] = replace(found, ticket=self._tickets, lots=left, parent=ticket, filling=False)
        return left, self._tickets

    def _later(self, seconds: float, act: Any) -> None:
        async def wait() -> None:
            await asyncio.sleep(seconds)
            try:
                act()
            except Refusal as refusal:
                self.told.append(f"{self.name}: too late, {refusal.code}")

        task = asyncio.get_running_loop().create_task(wait())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
