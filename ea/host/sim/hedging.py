"""MetaTrader 5's view of a broker's book: positions that keep their number, orders, and a deal for all that happened.

The book is the SDK's, which has MetaTrader 4's rules: a partial close ends a ticket and leaves the rest under a new
one. Here a lineage of such tickets is one position, named by its first; what a program requests is carried out by the
broker in MetaTrader 4's words, so its answers, its lies and its list of orders are the same for both platforms.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import count
from typing import Final

from eagateway_sdk.paper import Amounts, ClosedTrade, Position

from ea.host.sim.broker import TYPES, Broker

DONE: Final = 10009
DONE_PARTIAL: Final = 10010
PLACED: Final = 10008
INVALID: Final = 10013
INVALID_FILL: Final = 10030
GONE: Final = 10036
REJECTED: Final = 10006
RETCODES: Final = {
    1: 10025, 2: 10011, 3: INVALID, 4: 10023, 6: 10031, 8: 10024, 128: 10012, 129: 10015, 130: 10016, 131: 10014,
    132: 10018, 133: 10017, 134: 10019, 135: 10020, 136: 10021, 137: 10023, 138: 10004, 139: 10028, 140: 10042,
    141: 10024, 142: PLACED, 143: PLACED, 145: 10029, 146: 10039, 147: 10022, 148: 10033, 149: 10046, 150: 10045,
    4108: GONE, 4109: 10027, 4112: 10026,
}  # fmt: skip
"""What MetaTrader 5 answers where MetaTrader 4 has this error."""
DEAL, PENDING, STOPS, MODIFY, REMOVE, CLOSE_BY = 1, 5, 6, 7, 8, 10
FILL_OR_KILL, IMMEDIATE_OR_CANCEL = 1, 2
"""Bits of SYMBOL_FILLING_MODE; a request names them one less."""
_IN, _OUT, _OUT_BY = 0, 1, 3
_BALANCE, _CREDIT = 2, 3
_CREDIT_LINE: Final = "7"
_WAITS, _CANCELLED, _IN_PART, _EXPIRED = 1, 2, 3, 6
_REASONS: Final = {"[sl]": 4, "[tp]": 5, "so:": 6}
_EXPERT: Final = 3
_RENUMBERED: Final = 5_000_000
_CLOSING_ORDERS: Final = 4_300_000_001
"""More than 32 bits hold, as tickets have."""


@dataclass(frozen=True, slots=True)
class Deal:
    """One line of the history of deals. Times in seconds since 1970."""

    ticket: int
    order: int
    position: int
    type: int
    entry: int
    symbol: str
    lots: Decimal
    price: Decimal
    time: int
    amounts: Amounts
    magic: int
    comment: str
    reason: int
    stops: tuple[Decimal, Decimal]

    @property
    def line(self) -> str:
        """In the words of the shim."""
        money = (self.amounts.commission, self.amounts.swap, self.amounts.profit, self.amounts.taxes)
        words = (
            self.ticket, self.order, self.position, self.type, self.entry, self.symbol, self.lots, self.price,
            self.time, *money, self.magic, self.comment, self.reason, *self.stops,
        )  # fmt: skip
        return "\t".join(map(str, words))


@dataclass(slots=True)
class Hedging:
    """The account as a MetaTrader 5 has it. `netting`: it has one position a symbol, which no program of ours works
    with. `renumbered`: the broker has opened all positions anew, as some do for the swap: other tickets, the same
    identifiers. `filling`: the ways in which orders may be filled, as SYMBOL_FILLING_MODE has them. `parts`: how many
    lots of the next market orders are filled, one an order. What a pending order has not filled waits under its number.
    """

    broker: Broker
    netting: bool = False
    renumbered: bool = False
    filling: int = IMMEDIATE_OR_CANCEL
    parts: list[str] = field(default_factory=list)
    deals: list[Deal] = field(default_factory=list)
    _opened: dict[int, Deal] = field(default_factory=dict)
    _counted: list[int] = field(default_factory=lambda: [0, 0])
    _tickets: Iterator[int] = field(default_factory=lambda: count(7_000_001, 3))
    _closing: Iterator[int] = field(default_factory=lambda: count(_CLOSING_ORDERS, 2))
    _told: int = 0

    def identifier(self, ticket: int) -> int:
        """The first ticket of the lineage."""
        position = self.broker.book.open.get(ticket)
        before = position.parent if position is not None else None
        before = before or self.broker.roots.get(ticket)
        return ticket if before is None else self.identifier(before)

    def living(self, position: int) -> int:
        """The ticket in the book of the position with this ticket, 0 if there is none."""
        wanted = position - _RENUMBERED if self.renumbered else position
        return next((ticket for ticket in self.broker.book.open if self.identifier(ticket) == wanted), 0)

    # --- what a program is told ---

    def positions(self) -> list[str]:
        """The lines of the open positions, as this terminal shows them."""
        shown = [line.split("\t") for line in self.broker.trades()]
        self.refresh()
        return [self._position(words) for words in shown if int(words[1]) < 2]

    def _position(self, words: list[str]) -> str:
        ticket, kind, symbol, lots, price, opened, sl, tp, _, _, _, magic, *_ = words
        identifier = self.identifier(int(ticket))
        first = self._opened.get(identifier)
        number = identifier + (_RENUMBERED if self.renumbered else 0)
        comment = first.comment if first is not None else ""
        row = (number, identifier, kind, symbol, lots, price, opened, sl, tp, comment, magic, 0, 0)
        return "\t".join(map(str, row))

    def pending(self) -> list[str]:
        """The lines of the working orders."""
        lines = [line.split("\t") for line in self.broker.trades()]
        return [self._order(words, self._state(int(words[0]))) for words in lines if int(words[1]) > 1]

    def _state(self, order: int) -> int:
        return _IN_PART if order in self.broker.book.open else _WAITS

    def _order(self, words: list[str], state: int) -> str:
        ticket, kind, symbol, lots, price, opened, sl, tp, _, closed, comment, magic, _, expiry, *_ = words
        row = (ticket, 0, kind, symbol, lots, lots, price, opened, sl, tp, comment, magic, expiry, closed, state)
        return "\t".join(map(str, row))

    def ended(self, since: int, until: int) -> list[str]:
        """The lines of the deleted and expired orders."""
        if self.broker.clock() < self.broker.lies.empty_until:
            return []
        found = []
        for order in self.broker.book.deleted:
            note = self.broker.notes[order.ticket]
            if since <= note.closed <= until:
                words = self.broker.line(order).split("\t")
                words[9] = str(int(note.closed))
                found.append(self._order(words, _EXPIRED if "expiration" in note.comment else _CANCELLED))
        return found

    def listed(self, since: int, until: int) -> list[str]:
        """The lines of the deals between two moments. A MetaTrader 5 asks the broker for all of them."""
        self.refresh()
        if self.broker.clock() < self.broker.lies.empty_until:
            return []
        return [deal.line for deal in sorted((one for one in self.deals if since <= one.time <= until), key=_by_time)]

    def of_position(self, position: int) -> list[str]:
        """The lines of the deals of one position."""
        self.refresh()
        return [deal.line for deal in sorted(self.deals, key=_by_time) if deal.position == position]

    def deal(self, ticket: int) -> list[str]:
        """The line of one deal."""
        return [deal.line for deal in self.deals if deal.ticket == ticket]

    def news(self) -> str:
        """An event for a deal that the program has not heard of, or ""."""
        self.refresh()
        if self._told >= len(self.deals):
            return ""
        newest = self.deals[-1]
        self._told = len(self.deals)
        return f"trade\t{newest.ticket}\t{newest.position}"

    def fill_part(self, order: int, lots: str) -> None:
        """So much more of a pending order fills; the rest waits under its number."""
        self.refresh()
        book, waiting = self.broker.book, self.broker.book.working.pop(order)
        more, before = Decimal(lots), book.open.get(order)
        whole = more + (before.lots if before is not None else 0)
        stops = (waiting.sl, waiting.tp)
        book.open[order] = Position(
            order, None, waiting.symbol, waiting.side, whole, waiting.price, *stops, magic=waiting.magic
        )
        if before is not None:
            self.deals.append(replace(self._opened[order], ticket=next(self._tickets), lots=more))
        if waiting.lots > more:
            book.working[order] = replace(waiting, lots=waiting.lots - more)

    # --- the deals ---

    def refresh(self) -> None:
        """A deal for each position that was opened, each part that was closed, and each change of the balance."""
        book, broker = self.broker.book, self.broker
        now = broker.clock()
        for position in list(book.open.values()):
            note = broker.notes.get(position.ticket)
            if note is not None and now - note.opened >= broker.lies.late_seconds:
                self._open(position)
        for trade in book.history[self._counted[0] :]:
            note = broker.notes.get(trade.ticket)
            if note is None or not note.closed:
                break  # it is being written
            self._open(trade)
            self._close(trade)
            self._counted[0] += 1
        for _, line in broker.operations[self._counted[1] :]:
            self._money(line.split("\t"))
            self._counted[1] += 1

    def _money(self, words: list[str]) -> None:
        kind, zero = _CREDIT if words[1] == _CREDIT_LINE else _BALANCE, Decimal(0)
        amounts, time = Amounts(profit=Decimal(words[12])), int(words[9])
        self.deals.append(
            Deal(int(words[0]), 0, 0, kind, _IN, "", zero, zero, time, amounts, 0, words[10], 0, (zero, zero))
        )

    def _open(self, order: Position | ClosedTrade) -> None:
        """The deal that opened the position to which a ticket of the book belongs, once."""
        identifier = self.identifier(order.ticket)
        if identifier in self._opened:
            return
        book, note = self.broker.book, self.broker.notes[order.ticket]
        parts = [trade.lots for trade in book.history if self.identifier(trade.ticket) == identifier]
        parts += [position.lots for position in book.open.values() if self.identifier(position.ticket) == identifier]
        price = order.open_price if isinstance(order, ClosedTrade) else order.price
        kind = 0 if order.side == "buy" else 1
        comment = self.broker.comments.get(identifier, note.comment)
        stops = (order.sl, order.tp)
        self._opened[identifier] = Deal(
            next(self._tickets), identifier, identifier, kind, _IN, order.symbol, sum(parts, Decimal(0)), price,
            int(note.opened), Amounts(), order.magic or 0, comment, _EXPERT if order.magic else 0, stops,
        )  # fmt: skip
        self.deals.append(self._opened[identifier])

    def _close(self, trade: ClosedTrade) -> None:
        note, identifier = self.broker.notes[trade.ticket], self.identifier(trade.ticket)
        mark = self.broker.marks.get(trade.ticket) or note.comment
        reason = next((number for text, number in _REASONS.items() if text in mark), 0)
        entry = _OUT_BY if "close hedge by" in mark else _OUT
        comment = "" if self.broker.lies.erased or not (reason or entry == _OUT_BY) else mark
        kind, stops = 1 if trade.side == "buy" else 0, (trade.sl, trade.tp)
        closed = Deal(
            next(self._tickets), next(self._closing), identifier, kind, entry, trade.symbol, trade.lots,
            note.close_price, int(note.closed), trade.amounts, 0, comment, reason, stops,
        )  # fmt: skip
        self.deals.append(closed)

    # --- what it requests ---

    def request(self, words: tuple[str, ...]) -> str:
        """Carry out a request; the words of MqlTradeResult."""
        action, symbol, kind, lots, price, sl, tp, deviation, filling, _, expiry, *others = words
        comment, magic, order, position, _ = others
        told: tuple[str, ...]
        if self.netting:
            return f"{REJECTED}\t0\t0\t0\t0"
        ticket = self.living(int(position)) if int(position) else 0
        if int(position) and not ticket:
            return f"{GONE}\t0\t0\t0\t0"
        filled = self.parts.pop(0) if int(action) == DEAL and self.parts else lots
        match int(action):
            case 1 if not self.filling & (1 << int(filling)) or int(filling) > 1:
                return f"{INVALID_FILL}\t0\t0\t0\t0"
            case 1 if ticket and self.broker.book.open[ticket].side == TYPES[int(kind)]:
                return f"{INVALID}\t0\t0\t0\t0"  # the same side again would be another position
            case 1 if ticket:
                told = ("close", str(ticket), filled, price, deviation)
            case 1 | 5:
                told = ("send", symbol, kind, filled, price, deviation, sl, tp, comment, magic, expiry)
            case 6 if ticket:
                told = ("modify", str(ticket), str(self.broker.book.open[ticket].price), sl, tp, "0")
            case 7:
                told = ("modify", order, price, sl, tp, expiry)
            case 8:
                told = ("delete", order)
            case _:
                return f"{INVALID}\t0\t0\t0\t0"
        return self._result(self.broker.order(told), int(action), DONE if filled == lots else DONE_PARTIAL)

    def _result(self, answer: str, action: int, done: int) -> str:
        said, _, number = answer.partition("\t")
        if said == "error":
            return f"{RETCODES.get(int(number), REJECTED)}\t0\t0\t0\t0"
        self.refresh()
        newest = self.deals[-1] if self.deals and action == DEAL else None
        if newest is None:
            return f"{done}\t0\t{number or 0}\t0\t0"
        return f"{done}\t{newest.ticket}\t{number or newest.order}\t{newest.lots}\t{newest.price}"


def _by_time(deal: Deal) -> tuple[int, int]:
    return deal.time, deal.ticket
