"""The paper broker's book: positions, working orders, closed trades, balance. It outlives the terminals on it.

MetaTrader 4's rules: a partial close ends the old ticket and leaves the remainder under a new one, with the same open
time, price and magic number. Tickets grow in the order of execution.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from eagateway_sdk.paper.later import Growing, LateOrder, PlacedBy
from eagateway_sdk.paper.recording import AccountInfo, Event, SymbolInfo

ZERO: Final = Decimal(0)
INVALID_STOPS: Final = 130
INVALID_VOLUME: Final = 131
UNKNOWN_TICKET: Final = 4108
_FIRST_TICKET: Final = 1000001


class BrokerError(Exception):
    """The broker says no; `code` is MetaTrader's."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(f"{code}: {why}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Amounts:
    """What a closed trade books; `net` is their sum."""

    commission: Decimal = ZERO
    taxes: Decimal = ZERO
    swap: Decimal = ZERO
    profit: Decimal = ZERO

    @property
    def net(self) -> Decimal:
        return self.commission + self.taxes + self.swap + self.profit

    def share(self, *, lots: Decimal, of: Decimal, money_decimals: int) -> "Amounts":
        """Each amount x lots / of, rounded half-up once."""
        unit = Decimal(1).scaleb(-money_decimals)

        def part(amount: Decimal) -> Decimal:
            return (amount * lots / of).quantize(unit, rounding=ROUND_HALF_UP)

        return Amounts(part(self.commission), part(self.taxes), part(self.swap), part(self.profit))


@dataclass(frozen=True, slots=True)
class Position:
    """An open position. `position_id`: the first ticket of the master's lineage (paper only, a broker knows none)."""

    ticket: int
    position_id: int | None
    symbol: str
    side: str
    lots: Decimal
    price: Decimal
    sl: Decimal = ZERO
    tp: Decimal = ZERO
    magic: int | None = None
    opened_at: str = ""
    parent: int | None = None


@dataclass(frozen=True, slots=True)
class WorkingOrder:
    """A pending order that has not filled."""

    ticket: int
    position_id: int | None
    symbol: str
    side: str
    order_type: str
    lots: Decimal
    price: Decimal
    sl: Decimal = ZERO
    tp: Decimal = ZERO
    magic: int | None = None
    placed_at: str = ""


@dataclass(frozen=True, slots=True)
class ClosedTrade:
    """One line of the statement's closed transactions."""

    ticket: int
    position_id: int | None
    symbol: str
    side: str
    lots: Decimal
    open_price: Decimal
    close_price: Decimal
    opened_at: str
    closed_at: str
    amounts: Amounts
    sl: Decimal = ZERO
    tp: Decimal = ZERO
    magic: int | None = None


@dataclass(frozen=True, slots=True)
class Booking:
    """A change of the balance without a position: deposit, withdrawal, archived result."""

    ticket: int
    at: str
    cause: str
    amounts: Amounts


@dataclass(frozen=True, slots=True)
class Executed:
    """An executed order: `lots` of the order, the position's lots before and after it, its stops before it."""

    copy_no: int | None
    command_id: str | None
    action: str
    ticket: int
    position_id: int | None
    lots: Decimal
    lots_before: Decimal
    lots_after: Decimal
    sl: Decimal
    tp: Decimal


@dataclass(slots=True)
class Book:
    """What the broker knows of one account. `history` holds closed trades, `journal` every executed order.

    Of a recorded market: `now` is the time of its last event, `activated` the recorded fills of pending orders by
    position_id, `tape_places` how many recorded closes were booked per magic number. `placed_by` names the command
    behind a working order's ticket, `orders_seen` counts orders sent here, `falsified`: one was, on purpose.
    `stop_points`: how far from the market stops must be, in points (0: they may be anywhere); `market` the price of a
    symbol, where it is not the order's own. `late` and `growing` are what the broker will do in its own time.
    """

    symbols: Mapping[str, SymbolInfo]
    currency: str = "USD"
    money_decimals: int = 2
    balance: Decimal = ZERO
    next_ticket: int = _FIRST_TICKET
    open: dict[int, Position] = field(default_factory=dict)
    working: dict[int, WorkingOrder] = field(default_factory=dict)
    history: list[ClosedTrade] = field(default_factory=list)
    deleted: list[WorkingOrder] = field(default_factory=list)
    bookings: list[Booking] = field(default_factory=list)
    journal: list[Executed] = field(default_factory=list)
    tape_places: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    placed_by: dict[int, PlacedBy] = field(default_factory=dict)
    activated: dict[int, Event] = field(default_factory=dict)
    now: str = ""
    orders_seen: int = 0
    falsified: bool = False
    stop_points: int = 0
    market: dict[str, Decimal] = field(default_factory=dict)
    late: list[LateOrder] = field(default_factory=list)
    growing: list[Growing] = field(default_factory=list)
    _by_magic: dict[int, list[int]] = field(default_factory=dict)

    @classmethod
    def for_account(
        cls, account: AccountInfo, *, suffix: str = "", rename: Mapping[str, str] | None = None,
        first_ticket: int = _FIRST_TICKET, balance: Decimal | None = None,
    ) -> "Book":  # fmt: skip
        """An empty book on the terms of a recorded account, its symbols renamed if told."""
        start = balance if balance is not None else account.starting_balance or ZERO
        symbols = account.renamed(suffix=suffix, rename=rename).symbols
        return cls(symbols, account.currency, account.money_decimals, start, first_ticket)

    # --- orders ---

    def open_market(self, position: Position) -> Position:
        """Add a position; ticket 0 takes the next one.

        :raises BrokerError: 131 for lots outside the symbol's terms, 130 for stops that are too near
        """
        self.check_lots(position.symbol, position.lots)
        self._check_stops(position)
        booked = replace(position, ticket=self._ticket(position.ticket))
        self._add(booked)
        return booked

    def place(self, order: WorkingOrder) -> WorkingOrder:
        """Add a working order; as `open_market`."""
        self.check_lots(order.symbol, order.lots)
        self._check_stops(order)
        booked = replace(order, ticket=self._ticket(order.ticket))
        self.working[booked.ticket] = booked
        self._remember(booked.magic, booked.ticket)
        return booked

    def fill(self, ticket: int, *, at: str, price: Decimal | None = None, magic: int | None = None) -> Position:
        """A working order becomes a position under the same ticket, at its own price or the one given."""
        order = self.working.pop(ticket)
        position = Position(
            ticket, order.position_id, order.symbol, order.side, order.lots,
            order.price if price is None else price, order.sl, order.tp,
            order.magic if magic is None else magic, at,
        )  # fmt: skip
        self._add(position)
        return position

    def modify(self, ticket: int, *, sl: Decimal, tp: Decimal, price: Decimal | None = None) -> Position | WorkingOrder:
        """Set stops (0: none); a working order's price too, if given.

        :raises BrokerError: 130 for stops that are too near
        """
        if ticket in self.open:
            position = replace(self.open[ticket], sl=sl, tp=tp)
            self._check_stops(position)
            self.open[ticket] = position
            return position
        order = self.working[ticket]
        order = replace(order, sl=sl, tp=tp, price=order.price if price is None else price)
        self._check_stops(order)
        self.working[ticket] = order
        return order

    def grow(self, ticket: int, *, by: Decimal) -> Position:
        """A further part of an order has filled: the position has so many lots more."""
        position = self.open[ticket]
        self.open[ticket] = replace(position, lots=position.lots + by)
        return self.open[ticket]

    def close(
        self, ticket: int, *, lots: Decimal, price: Decimal, at: str, amounts: Amounts, new_ticket: int = 0
    ) -> tuple[ClosedTrade, Position | None]:
        """Close all or a part; a part leaves the remainder under a new ticket.

        :raises BrokerError: 4108 unknown ticket, 131 more lots than there are
        """
        position = self.open.get(ticket)
        if position is None:
            raise BrokerError(UNKNOWN_TICKET, f"no position {ticket}")
        if not ZERO < lots <= position.lots:
            raise BrokerError(INVALID_VOLUME, f"{lots} of {position.lots} lots")
        del self.open[ticket]
        trade = _closed(position, lots, price, at, amounts)
        self.history.append(trade)
        self.balance += amounts.net
        return trade, self._remainder(position, lots, new_ticket)

    def _remainder(self, position: Position, lots: Decimal, new_ticket: int) -> Position | None:
        if lots == position.lots:
            return None
        rest = replace(
            position, ticket=self._ticket(new_ticket), lots=position.lots - lots, parent=position.ticket
        )  # fmt: skip
        self._add(rest)
        return rest

    def delete(self, ticket: int) -> WorkingOrder:
        """Delete a working order."""
        order = self.working.pop(ticket)
        self.deleted.append(order)
        return order

    def add_booking(self, booking: Booking) -> bool:
        """Change the balance; False when this ticket was booked already."""
        if any(known.ticket == booking.ticket for known in self.bookings):
            return False
        self.bookings.append(booking)
        self.balance += booking.amounts.net
        return True

    def check_lots(self, symbol: str, lots: Decimal) -> None:
        """:raises BrokerError: 131, or 4106 for a symbol that this broker does not have"""
        spec = self.symbols.get(symbol)
        if spec is None:
            raise BrokerError(4106, f"unknown symbol {symbol}")
        if not spec.lots_min <= lots <= spec.lots_max or lots % spec.lots_step != 0:
            raise BrokerError(INVALID_VOLUME, f"{lots} lots of {symbol}")

    def _check_stops(self, order: Position | WorkingOrder) -> None:
        """A position's stops are measured from the market, a working order's from its price."""
        market = order.price
        if isinstance(order, Position):
            market = self.market.get(order.symbol, order.price)
        least = self.stop_points * Decimal(1).scaleb(-self.symbols[order.symbol].digits)
        toward_profit = 1 if order.side == "buy" else -1
        near = [
            level
            for level, direction in ((order.sl, -toward_profit), (order.tp, toward_profit))
            if level and (level - market) * direction < least
        ]
        if near and self.stop_points:
            raise BrokerError(INVALID_STOPS, f"{near[0]} is too near to {market}")

    # --- looking ---

    def find(self, magic: int) -> Position | WorkingOrder | None:
        """The living order with this magic number, or None."""
        for ticket in reversed(self._by_magic.get(magic, [])):
            living = self.open.get(ticket) or self.working.get(ticket)
            if living is not None:
                return living
        return None

    def knows(self, magic: int) -> bool:
        """Whether an order with this magic number was ever executed here, also if it is gone."""
        return magic in self._by_magic

    def trades(self, magic: int) -> list[ClosedTrade]:
        """Closed trades with this magic number, oldest first."""
        tickets = set(self._by_magic.get(magic, []))
        return [trade for trade in self.history if trade.ticket in tickets]

    def snapshot(self) -> dict[str, Any]:
        """The book as JSON: decimals as strings, in order of tickets."""
        return {
            "open": [_line(self.open[ticket]) for ticket in sorted(self.open)],
            "working": [_line(self.working[ticket]) for ticket in sorted(self.working)],
            "balance": plain(self.balance),
        }

    def positions(self) -> Iterator[Position]:
        """Open positions in order of tickets."""
        return (self.open[ticket] for ticket in sorted(self.open))

    # --- inside ---

    def _ticket(self, given: int) -> int:
        ticket = given or self.next_ticket
        self.next_ticket = max(self.next_ticket, ticket + 1)
        return ticket

    def _add(self, position: Position) -> None:
        self.open[position.ticket] = position
        self._remember(position.magic, position.ticket)

    def _remember(self, magic: int | None, ticket: int) -> None:
        if magic is not None:
            self._by_magic.setdefault(magic, []).append(ticket)


def _closed(position: Position, lots: Decimal, price: Decimal, at: str, amounts: Amounts) -> ClosedTrade:
    return ClosedTrade(
        position.ticket, position.position_id, position.symbol, position.side, lots, position.price, price,
        position.opened_at, at, amounts, position.sl, position.tp, position.magic,
    )  # fmt: skip


def plain(value: Decimal) -> str:
    """Without exponent."""
    return format(value, "f")


def _line(order: Position | WorkingOrder) -> dict[str, Any]:
    line: dict[str, Any] = {"ticket": order.ticket}
    if order.position_id is not None:
        line["position_id"] = order.position_id
    line |= {"symbol": order.symbol, "side": order.side}
    if isinstance(order, WorkingOrder):
        line["order_type"] = order.order_type
    for name in ("lots", "price", "sl", "tp"):
        line[name] = plain(getattr(order, name))
    return line | {"magic": order.magic}
