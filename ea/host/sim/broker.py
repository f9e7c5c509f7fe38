"""One account at a broker that lies as brokers do. The book is the SDK's paper book; the lies stand in front of it."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from eagateway_sdk.paper import Amounts, Book, BrokerError, ClosedTrade, Position, SymbolInfo, WorkingOrder

ZERO: Final = Decimal(0)
TYPES: Final = ("buy", "sell", "buy limit", "sell limit", "buy stop", "sell stop")
REQUOTE: Final = 138
NO_CONNECTION: Final = 6
UNKNOWN_TICKET: Final = 4108
INVALID_PRICE: Final = 129
_DAY: Final = 86_400
EURUSD: Final = SymbolInfo(5, Decimal(100_000), Decimal("0.01"), Decimal("0.01"), Decimal(50))


@dataclass(frozen=True, slots=True)
class Answer:
    """What the next order is answered. `executed`: it is carried out all the same; `after`: so many seconds later."""

    code: int
    executed: bool = False
    after: float = 0.0


@dataclass(slots=True)
class Lies:
    """How this broker and its terminal mislead.

    `backwards`: lists come in the other order. `comment_length`: comments are cut. `erased`: comments of rests and of
    closed trades say nothing. `late_seconds`: a new order is in no list for so long. `empty_until`: before this moment
    the lists are empty, as just after a connection. `history_days`: older closes are not shown. `latency`: of a call.
    """

    backwards: bool = False
    comment_length: int = 31
    erased: bool = False
    late_seconds: float = 0.0
    empty_until: float = 0.0
    history_days: float | None = None
    latency: float = 0.0


@dataclass(slots=True)
class Note:
    """What a terminal shows of an order and the paper book does not keep. Times in seconds since 1970."""

    comment: str = ""
    opened: float = 0.0
    closed: float = 0.0
    expiry: int = 0
    close_price: Decimal = ZERO


@dataclass(slots=True)
class Quote:
    """A symbol's prices."""

    bid: Decimal
    ask: Decimal


@dataclass(slots=True)
class Broker:
    """The account. `answers` are used up one an order; `sent` are all orders that came, with their words.

    What the terminal may lose and the broker knows: `roots`, of each rest the ticket that it is the rest of; `marks`,
    why a ticket was closed; `comments`, as they were when it was opened.
    """

    book: Book = field(default_factory=lambda: Book({"EURUSD": EURUSD}, balance=Decimal(10_000)))
    login: int = 5012345
    server: str = "Paper-Demo"
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    lies: Lies = field(default_factory=Lies)
    answers: list[Answer] = field(default_factory=list)
    sent: list[tuple[str, ...]] = field(default_factory=list)
    quotes: dict[str, Quote] = field(default_factory=lambda: {"EURUSD": Quote(Decimal("1.10000"), Decimal("1.10010"))})
    connected: bool = True
    allowed: bool = True
    busy: bool = False
    notes: dict[int, Note] = field(default_factory=dict)
    operations: list[tuple[float, str]] = field(default_factory=list)
    roots: dict[int, int] = field(default_factory=dict)
    marks: dict[int, str] = field(default_factory=dict)
    comments: dict[int, str] = field(default_factory=dict)
    _later: list[tuple[float, tuple[str, ...]]] = field(default_factory=list)

    # --- what a hand or the market does ---

    def open(self, side: str, lots: str, *, comment: str = "", sl: str = "0", tp: str = "0", magic: int = 0) -> int:
        """A market order; its ticket."""
        quote = self.quotes["EURUSD"]
        price = quote.ask if side == "buy" else quote.bid
        stops = (Decimal(sl), Decimal(tp))
        position = Position(0, None, "EURUSD", side, Decimal(lots), price, *stops, magic=magic)
        return self._note(self.book.open_market(position).ticket, comment, 0)

    def place(self, kind: str, lots: str, price: str, *, expiry: int = 0, comment: str = "", magic: int = 0) -> int:
        """A pending order, `kind` as "buy limit"; its ticket."""
        side, order_type = kind.split()
        order = WorkingOrder(0, None, "EURUSD", side, order_type, Decimal(lots), Decimal(price), magic=magic)
        return self._note(self.book.place(order).ticket, comment, expiry)

    def activate(self, ticket: int) -> None:
        """A pending order fills at its price."""
        self.book.fill(ticket, at="")
        self.notes[ticket].opened = self.clock()

    def close(self, ticket: int, lots: str | None = None, *, mark: str = "") -> int | None:
        """Close all or a part; the ticket of the rest. `mark`: what the broker writes, as "[sl]".

        :raises BrokerError: unknown ticket, or more lots than there are
        """
        position = self.book.open.get(ticket)
        if position is None:
            raise BrokerError(UNKNOWN_TICKET, f"no position {ticket}")
        quote = self.quotes[position.symbol]
        price = quote.bid if position.side == "buy" else quote.ask
        part = Decimal(lots) if lots is not None else position.lots
        self.marks[ticket] = mark
        gained = (price - position.price) * (1 if position.side == "buy" else -1)
        profit = (gained * part * self.book.symbols[position.symbol].contract_size).quantize(Decimal("0.01"))
        _, rest = self.book.close(ticket, lots=part, price=price, at="", amounts=Amounts(profit=profit))
        note = self.notes[ticket]
        note.closed, note.close_price = self.clock(), price
        note.comment = "" if self.lies.erased else note.comment + mark
        if rest is None:
            return None
        self.roots[rest.ticket] = ticket
        told = ("", "") if self.lies.erased else (f"from #{ticket}", f"to #{rest.ticket}")
        self.notes[rest.ticket] = Note(told[0], note.opened)
        note.comment = told[1]
        return rest.ticket

    def close_by(self, ticket: int, opposite: int) -> int | None:
        """Two positions end each other; the ticket of what is left of the larger one."""
        one, two = self.book.open[ticket], self.book.open[opposite]
        larger, smaller = (one, two) if one.lots >= two.lots else (two, one)
        self.close(smaller.ticket, mark=f"close hedge by #{larger.ticket}")
        rest = self.close(larger.ticket, str(smaller.lots), mark=f"close hedge by #{smaller.ticket}")
        self.notes[larger.ticket].comment = "" if self.lies.erased else f"close hedge by #{smaller.ticket}"
        if rest is not None:
            self.notes[rest].comment = "" if self.lies.erased else "partial close"
        return rest

    def delete(self, ticket: int, *, mark: str = "") -> None:
        """A pending order is deleted, or expires.

        :raises BrokerError: there is none
        """
        if ticket not in self.book.working:
            raise BrokerError(UNKNOWN_TICKET, f"no order {ticket}")
        self.book.delete(ticket)
        self.notes[ticket].closed = self.clock()
        self.notes[ticket].comment += mark

    def book_amount(self, amount: str, *, credit: bool = False, comment: str = "Deposit") -> int:
        """Money comes or goes without a trade; the ticket under which the history shows it."""
        ticket, now = self.book.next_ticket, int(self.clock())
        self.book.next_ticket += 1
        self.book.balance += Decimal(amount)
        kind = 7 if credit else 6
        words = (ticket, kind, "", 0, 0, now, 0, 0, 0, now, comment, 0, amount, 0, 0, 0)
        self.operations.append((self.clock(), "\t".join(map(str, words))))
        return ticket

    def _note(self, ticket: int, comment: str, expiry: int) -> int:
        self.comments[ticket] = comment[: self.lies.comment_length]
        self.notes[ticket] = Note(self.comments[ticket], self.clock(), 0.0, expiry)
        return ticket

    # --- what a program is told ---

    def trades(self) -> list[str]:
        """The lines of the open and pending orders, as this terminal shows them."""
        self._do_what_is_late()
        now = self.clock()
        if not self.connected or now < self.lies.empty_until:
            return []
        living: list[Position | WorkingOrder] = [*self.book.open.values(), *self.book.working.values()]
        noted = [one for one in living if one.ticket in self.notes]  # else it is being written
        seen = [one for one in noted if now - self.notes[one.ticket].opened >= self.lies.late_seconds]
        return self._listed(self.line(one) for one in seen)

    def history(self) -> list[str]:
        """The lines of the closed and deleted orders."""
        now = self.clock()
        if now < self.lies.empty_until:
            return []
        oldest = now - self.lies.history_days * _DAY if self.lies.history_days is not None else 0.0
        ended: list[ClosedTrade | WorkingOrder] = [*self.book.history, *self.book.deleted]
        lines = [self.line(one) for one in ended if self.notes[one.ticket].closed >= oldest]
        return self._listed([*lines, *(line for moment, line in self.operations if moment >= oldest)])

    def find(self, ticket: int) -> str:
        """The line of one order, living or ended; "" if there is none to be seen."""
        lines = (*self.trades(), *self.history())
        return next((line for line in lines if line.split("\t", 1)[0] == str(ticket)), "")

    def _listed(self, lines: Iterable[str]) -> list[str]:
        return list(lines)[:: -1 if self.lies.backwards else 1]

    def line(self, order: Position | WorkingOrder | ClosedTrade) -> str:
        """One order in the words of the shim."""
        note = self.notes[order.ticket]
        kind = f"{order.side} {order.order_type}" if isinstance(order, WorkingOrder) else order.side
        closed = isinstance(order, ClosedTrade)
        price = order.open_price if isinstance(order, ClosedTrade) else order.price
        money = order.amounts if isinstance(order, ClosedTrade) else Amounts()
        words = (
            order.ticket, TYPES.index(kind), order.symbol, order.lots, price, int(note.opened), order.sl, order.tp,
            note.close_price if closed else ZERO, int(note.closed), note.comment, order.magic or 0, money.profit,
            note.expiry, money.commission, money.swap,
        )  # fmt: skip
        return "\t".join(map(str, words))

    # --- orders ---

    def order(self, words: tuple[str, ...]) -> str:
        """Answer an order: `ok`, perhaps with a ticket, or `error` and a code. The lies come first."""
        self.sent.append(words)
        self.sleep(self.lies.latency)
        if not self.connected:
            return f"error\t{NO_CONNECTION}"
        answer = self.answers.pop(0) if self.answers else Answer(0)
        if answer.code == 0:
            return self._carry_out(words)
        if answer.executed and answer.after:
            self._later.append((self.clock() + answer.after, words))
        elif answer.executed:
            self._carry_out(words)
        return f"error\t{answer.code}"

    def _do_what_is_late(self) -> None:
        now = self.clock()
        due = [words for moment, words in self._later if moment <= now]
        self._later = [one for one in self._later if one[0] > now]
        for words in due:
            self._carry_out(words)

    def _carry_out(self, words: tuple[str, ...]) -> str:
        try:
            match words:
                case ("send", *rest):
                    return f"ok\t{self._send(rest)}"
                case ("close", ticket, lots, price, slippage):
                    self._check_close(int(ticket), Decimal(price), int(slippage))
                    self.close(int(ticket), lots)
                case ("modify", ticket, price, sl, tp, expiry):
                    self._modify(int(ticket), Decimal(price), Decimal(sl), Decimal(tp), int(expiry))
                case ("delete", ticket):
                    self.delete(int(ticket))
                case ("closeby", ticket, opposite):
                    self.close_by(int(ticket), int(opposite))
        except BrokerError as error:
            return f"error\t{error.code}"
        except KeyError:
            return f"error\t{UNKNOWN_TICKET}"
        return "ok"

    def _send(self, words: list[str]) -> int:
        symbol, kind, lots, price, slippage, sl, tp, comment, magic, expiry = words
        side, _, order_type = TYPES[int(kind)].partition(" ")
        size, at, stops = Decimal(lots), Decimal(price), (Decimal(sl), Decimal(tp))
        self.book.check_lots(symbol, size)
        if order_type:
            pending = WorkingOrder(0, None, symbol, side, order_type, size, at, *stops, magic=int(magic))
            return self._note(self.book.place(pending).ticket, comment, int(expiry))
        now = self.quotes[symbol].ask if side == "buy" else self.quotes[symbol].bid
        self._check_price(symbol, at, now, int(slippage))
        position = Position(0, None, symbol, side, size, now, *stops, magic=int(magic))
        return self._note(self.book.open_market(position).ticket, comment, 0)

    def _check_close(self, ticket: int, price: Decimal, slippage: int) -> None:
        position = self.book.open.get(ticket)
        if position is None:
            raise BrokerError(UNKNOWN_TICKET, f"no position {ticket}")
        quote = self.quotes[position.symbol]
        self._check_price(position.symbol, price, quote.bid if position.side == "buy" else quote.ask, slippage)

    def _check_price(self, symbol: str, asked: Decimal, now: Decimal, slippage: int) -> None:
        if asked <= 0:
            raise BrokerError(INVALID_PRICE, "no price")
        if abs(asked - now) > slippage * Decimal(1).scaleb(-self.book.symbols[symbol].digits):
            raise BrokerError(REQUOTE, f"{asked} is not {now}")

    def _modify(self, ticket: int, price: Decimal, sl: Decimal, tp: Decimal, expiry: int) -> None:
        order = self.book.open.get(ticket) or self.book.working[ticket]
        if (order.sl, order.tp) == (sl, tp) and (isinstance(order, Position) or order.price == price):
            raise BrokerError(1, "nothing changes")
        self.book.modify(ticket, sl=sl, tp=tp, price=None if isinstance(order, Position) else price)
        self.notes[ticket].expiry = expiry
