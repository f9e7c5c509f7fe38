"""A broker's book, written from what MetaTrader brokers do: tickets, magic numbers, partial closes, refusals.

Lots and prices are Decimal. 0 is "no stop".
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from tests.histories.clock import Clock

ZERO: Final = Decimal(0)
OK: Final = 0
NO_RESULT: Final = 1
INVALID_STOPS: Final = 130
INVALID_LOTS: Final = 131
MARKET_CLOSED: Final = 132
REQUOTE: Final = 138
NO_TICKET: Final = 4108
NO_SYMBOL: Final = 4106
TICKETS: Final = 1_000_000


@dataclass(slots=True)
class Ticket:
    """One position, or one working order (`working`). `wanted`: the lots that its order asks for, while it fills."""

    number: int
    symbol: str
    side: str
    lots: Decimal
    price: Decimal
    sl: Decimal
    tp: Decimal
    magic: int
    working: bool = False
    order_type: str = "market"
    parent: int | None = None
    wanted: Decimal = ZERO
    expiry: str = ""


@dataclass(frozen=True, slots=True)
class Spec:
    """What this broker lists of every symbol."""

    lots_min: Decimal
    lots_step: Decimal
    lots_max: Decimal


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the broker's journal: `lots` opened (positive) or closed (negative) under a magic number."""

    at: float
    magic: int
    lots: Decimal
    how: str
    ticket: int


class Refusal(Exception):
    """The broker says no, with MT4's number for it."""

    def __init__(self, code: int) -> None:
        super().__init__(str(code))
        self.code = code


class Broker:
    """One account's book. `new_tickets`: a partial close leaves the remainder under a new ticket, as MT4 does.
    `requotes`: so many calls are answered with another price before one is carried out. `cut_short`: the magic numbers
    whose order a close ended before all of it had filled.
    """

    def __init__(self, clock: Clock, spec: Spec, symbols: set[str], *, first: int, new_tickets: bool) -> None:
        self._clock, self.spec, self.symbols = clock, spec, symbols
        self.tickets: dict[int, Ticket] = {}
        self.journal: list[Change] = []
        self.cut_short: set[int] = set()
        self.market_closed_until = self.stops_forbidden_until = float("-inf")
        self.requotes = 0
        self.watcher: Callable[[Change], None] = lambda _: None
        self._next, self._new_tickets = first, new_tickets

    # Looking -------------------------------------------------------------------------------------------------------

    def held(self, magic: int) -> list[Ticket]:
        """Positions under a magic number, the oldest first."""
        return [item for item in self.tickets.values() if item.magic == magic and not item.working]

    def working(self, magic: int) -> list[Ticket]:
        return [item for item in self.tickets.values() if item.magic == magic and item.working]

    def positions(self) -> list[Ticket]:
        return [item for item in self.tickets.values() if not item.working]

    def lots(self, magic: int) -> Decimal:
        return sum((item.lots for item in self.held(magic)), ZERO)

    # Trading -------------------------------------------------------------------------------------------------------

    def check_market(self) -> None:
        if self._clock.seconds < self.market_closed_until:
            raise Refusal(MARKET_CLOSED)
        if self.requotes:
            self.requotes -= 1
            raise Refusal(REQUOTE)

    def _check_stops(self, sl: Decimal, tp: Decimal) -> None:
        if (sl or tp) and self._clock.seconds < self.stops_forbidden_until:
            raise Refusal(INVALID_STOPS)

    def send(self, order: Ticket, *, filled: Decimal | None = None) -> Ticket:
        """Open a position, or place a working order; `filled`: so much of it at first."""
        self.check_market()
        self._check_stops(order.sl, order.tp)
        spec = self.spec
        if order.symbol not in self.symbols:
            raise Refusal(NO_SYMBOL)
        if not spec.lots_min <= order.lots <= spec.lots_max or order.lots % spec.lots_step:
            raise Refusal(INVALID_LOTS)
        ticket = replace(order, number=self._take_number(), wanted=order.lots)
        if filled is not None:
            ticket.lots = filled
        self.tickets[ticket.number] = ticket
        if not ticket.working:
            self._note(ticket, ticket.lots, "opened")
        return ticket

    def fill_more(self, number: int, lots: Decimal) -> Ticket | None:
        """A market order goes on filling, up to `lots` in all; None if it has ended meanwhile."""
        ticket = self.tickets.get(number)
        if ticket is None or ticket.working or not ticket.lots < lots <= ticket.wanted:
            return None
        self._note(ticket, lots - ticket.lots, "opened")
        ticket.lots = lots
        return ticket

    def trigger(self, number: int, lots: Decimal | None = None) -> Ticket | None:
        """A working order fills; `lots`: so much of it at first."""
        ticket = self.tickets.get(number)
        if ticket is None or not ticket.working:
            return None
        ticket.working = False
        ticket.lots = ticket.lots if lots is None else lots
        self._note(ticket, ticket.lots, "opened")
        return ticket

    def modify(self, number: int, *, sl: Decimal, tp: Decimal, price: Decimal | None = None) -> Ticket:
        ticket = self._known(number)
        self.check_market()
        self._check_stops(sl, tp)
        ticket.sl, ticket.tp = sl, tp
        if ticket.working and price is not None:
            ticket.price = price
        return ticket

    def delete(self, number: int) -> None:
        """Delete a working order."""
        self.check_market()
        if not self._known(number).working:
            raise Refusal(NO_TICKET)
        del self.tickets[number]

    def close(
        self, number: int, lots: Decimal | None = None, *, how: str = "closed", forced: bool = False
    ) -> Ticket | None:
        """Close a position, or `lots` of it; what remains, perhaps under a new ticket. `forced`: by the broker."""
        ticket = self._known(number)
        if not forced:
            self.check_market()
        closed = ticket.lots if lots is None else lots
        part = closed != ticket.lots  # all of it may always go, also where the step has become coarser
        if not ZERO < closed <= ticket.lots or (part and closed % self.spec.lots_step):
            raise Refusal(INVALID_LOTS)
        if ticket.lots < ticket.wanted:
            self.cut_short.add(ticket.magic)
        ticket.wanted = ZERO  # what has not filled yet never will
        self._note(ticket, -closed, how)
        if closed == ticket.lots:
            del self.tickets[number]
            return None
        ticket.lots -= closed
        if self._new_tickets:
            del self.tickets[number]
            ticket = replace(ticket, number=self._take_number(), parent=number)
            self.tickets[ticket.number] = ticket
        return ticket

    def net(self, number: int, side: str, lots: Decimal) -> Ticket | None:
        """A deal on an account that nets: the position grows, shrinks, ends or turns. What there is of it then."""
        ticket = self._known(number)
        signed = ticket.lots + (lots if side == ticket.side else -lots)
        self._note(ticket, signed - ticket.lots, "netted")
        if not signed:
            del self.tickets[number]
            return None
        if signed < 0:
            ticket.side = side
        ticket.lots = abs(signed)
        return ticket

    # -----------------------------------------------------------------------------------------------------------------

    def _known(self, number: int) -> Ticket:
        if number not in self.tickets:
            raise Refusal(NO_TICKET)
        return self.tickets[number]

    def _take_number(self) -> int:
        self._next += 1
        return self._next

    def _note(self, ticket: Ticket, lots: Decimal, how: str) -> None:
        change = Change(self._clock.seconds, ticket.magic, lots, how, ticket.number)
        self.journal.append(change)
        self.watcher(change)
