"""A broker at whom a recorded market goes on: opens and closes come out at the recorded prices and results.

The SDK's paper terminal carries out what a program orders, on the SDK's book and tape. The broker knows nothing of the
master's positions; which of them a copy belongs to is read from the commands that the program has written down.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final
from uuid import UUID

from eagateway_sdk import Action, OrderCommand, OrderType, ReportStatus, Side
from eagateway_sdk.paper import ClosedTrade, Event, PaperTerminal, Position, WorkingOrder

from ea.host.sim.broker import TYPES, Broker, Note, Quote

_TIME: Final = "%Y.%m.%d %H:%M:%S"
_COPY_NUMBERS: Final = 0xFFFFFF
_NOBODY: Final = UUID(int=0)
_DISABLED: Final = 133
_NOTHING_CHANGES: Final = 1
_UNKNOWN_TICKET: Final = 4108


def seconds(written: str) -> float:
    """A recorded time as a terminal has it: seconds since 1970 by the broker's clock; 0 for none."""
    return datetime.strptime(written, _TIME).replace(tzinfo=UTC).timestamp() if written else 0.0


class Ordered:
    """The commands in a program's journal, by magic number: read on from where it ended, anew when it was rewritten."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file, self._offset = 0, 0
        self._positions: dict[int, int] = {}

    def position(self, magic: int) -> int | None:
        """The master's position that this copy belongs to, or None: nobody has ordered it."""
        if magic not in self._positions:
            self._read_on()
        return self._positions.get(magic)

    def _read_on(self) -> None:
        for path in (self._folder / "EAGateway").glob("*.log"):
            with path.open("rb") as journal:
                file = path.stat().st_ino
                if file != self._file:
                    self._file, self._offset = file, 0
                journal.seek(self._offset)
                for line in journal:
                    if not line.endswith(b"\n"):
                        break  # it is being written
                    self._offset += len(line)
                    self._take(line)

    def _take(self, line: bytes) -> None:
        if line[5:8] == b" R ":
            command = json.loads(line[:-10].split(b" ", 5)[5])
            self._positions[command["magic"]] = command["position_id"]


@dataclass(slots=True)
class Market:
    """The time at the brokers of one recording."""

    now: float = 0.0

    def clock(self) -> float:
        """Seconds since 1970."""
        return self.now


@dataclass(slots=True, kw_only=True)
class TapeBroker(Broker):
    """`rename`: this broker's names for the recorded symbols. `opened`: when each of the master's positions was first
    opened here, in seconds of this computer's clock.
    """

    paper: PaperTerminal
    position_of: Callable[[int], int | None]
    rename: dict[str, str] = field(default_factory=dict)
    opened: dict[int, float] = field(default_factory=dict)
    _ended: list[str] = field(default_factory=list)
    _counted: list[int] = field(default_factory=lambda: [0, 0, 0])

    # --- what the recording does ---

    def list_price(self, symbol: str, price: Decimal | None) -> None:
        """The market's price of a recorded symbol. The tape has one price, so there is no spread."""
        name = self.rename.get(symbol, symbol)
        if price and name in self.book.symbols:
            self.quotes[name] = Quote(price, price)

    def recorded(self, event: Event) -> None:
        """The recorded market has gone on by one event."""
        self.list_price(event.symbol, event.price)
        self.paper.on_recorded(event)
        self.note()

    def book_money(self, amount: Decimal, comment: str, ticket: int = 0) -> None:
        """Money has come or gone: the line of the history. The book has it already."""
        number = ticket or self.book.next_ticket
        self.book.next_ticket = max(self.book.next_ticket, number + 1)
        words = (number, 6, "", 0, 0, int(self.clock()), 0, 0, 0, int(self.clock()), comment, 0, amount, 0, 0, 0)
        self.operations.append((self.clock(), "\t".join(map(str, words))))

    def note(self, *, comment: str = "", ticket: int = 0) -> None:
        """Keep what a terminal shows of orders beside the book. `comment`: what the broker adds to this ticket's."""
        living: list[Position | WorkingOrder] = [*self.book.open.values(), *self.book.working.values()]
        for one in living:
            number = one.ticket
            if number not in self.notes:
                self.notes[number] = Note(comment=self._origin(one))
            at = one.opened_at if isinstance(one, Position) else one.placed_at
            self.notes[number].opened = seconds(at) or self.notes[number].opened or self.clock()
        for trade in self.book.history[self._counted[0] :]:
            known = self.notes.setdefault(trade.ticket, Note(opened=seconds(trade.opened_at)))
            known.closed, known.close_price = seconds(trade.closed_at) or self.clock(), trade.close_price
        for order in self.book.deleted[self._counted[1] :]:
            self.notes.setdefault(order.ticket, Note(opened=seconds(order.placed_at))).closed = self.clock()
        if ticket in self.notes:
            self.notes[ticket].comment += comment
        self._list_ended()

    def _origin(self, one: Position | WorkingOrder) -> str:
        """What the broker writes at the rest of a position, and at the part that was closed."""
        if not isinstance(one, Position) or one.parent is None:
            return ""
        self.roots[one.ticket] = one.parent
        self.notes.setdefault(one.parent, Note()).comment = f"to #{one.ticket}"
        return f"from #{one.parent}"

    def _list_ended(self) -> None:
        ended: tuple[Sequence[ClosedTrade | WorkingOrder], ...] = (self.book.history, self.book.deleted)
        for place, orders in enumerate(ended):
            self._ended += [self.line(one) for one in orders[self._counted[place] :]]
            self._counted[place] = len(orders)
        self._ended += [line for _, line in self.operations[self._counted[2] :]]
        self._counted[2] = len(self.operations)

    # --- what a program is told and may order ---

    def history(self) -> list[str]:
        """All that has ended. Each line is made once: a day has hundreds, and a program asks all the time."""
        if self._counted[2] != len(self.operations):
            self._list_ended()
        return self._ended

    def _carry_out(self, words: tuple[str, ...]) -> str:
        command = self._command(words)
        if isinstance(command, int):
            return f"error\t{command}"
        outcome = self.paper.order(command)
        first = outcome[0] if isinstance(outcome, list) else outcome
        if first.status is ReportStatus.REJECTED:
            return f"error\t{first.error_code}"
        self.note()
        if words[0] != "send":
            return "ok"
        self.opened.setdefault(command.position_id, time.monotonic())
        comment = words[8]
        self.note(comment=comment, ticket=first.ticket or 0)
        return f"ok\t{first.ticket}"

    def _command(self, words: tuple[str, ...]) -> OrderCommand | int:
        """What the program orders in the words of the paper terminal, or the error that it is answered."""
        match words:
            case ("send", *rest):
                return self._opening(rest)
            case ("close", ticket, lots, _, _):
                return self._change(int(ticket), Action.CLOSE, lots=Decimal(lots))
            case ("modify", ticket, price, sl, tp, _):
                levels = (Decimal(price), Decimal(sl), Decimal(tp))
                return self._change(int(ticket), Action.MODIFY, levels=levels)
            case ("delete", ticket):
                return self._change(int(ticket), Action.CANCEL)
        return _DISABLED

    def _opening(self, words: list[str]) -> OrderCommand | int:
        symbol, kind, lots, price, _, sl, tp, _, magic, _ = words
        side, _, order_type = TYPES[int(kind)].partition(" ")
        position = self.position_of(int(magic))
        if position is None:
            return _DISABLED
        return OrderCommand(
            command_id=_NOBODY,
            action=Action.PLACE if order_type else Action.OPEN,
            copy_no=int(magic) & _COPY_NUMBERS,
            magic=int(magic),
            position_id=position,
            symbol=symbol,
            side=Side(side),
            order_type=OrderType(order_type or "market"),
            lots=Decimal(lots),
            price=Decimal(price) if order_type else None,
            sl=Decimal(sl),
            tp=Decimal(tp),
            lots_before=Decimal(0),
            lots_after=Decimal(lots),
        )

    def _change(
        self, ticket: int, action: Action, *, lots: Decimal | None = None,
        levels: tuple[Decimal, Decimal, Decimal] | None = None,
    ) -> OrderCommand | int:  # fmt: skip
        order = self.book.open.get(ticket) or self.book.working.get(ticket)
        if order is None or order.magic is None:
            return _UNKNOWN_TICKET
        price, sl, tp = levels or (None, None, None)
        if levels and (sl, tp) == (order.sl, order.tp) and (isinstance(order, Position) or order.price == price):
            return _NOTHING_CHANGES
        left = order.lots - lots if lots is not None else Decimal(0)
        return OrderCommand(
            command_id=_NOBODY,
            action=Action.PARTIAL_CLOSE if lots is not None and left > 0 else action,
            copy_no=order.magic & _COPY_NUMBERS,
            magic=order.magic,
            position_id=order.position_id or 0,
            symbol=order.symbol,
            side=Side(order.side),
            price=price,
            sl=sl,
            tp=tp,
            lots=lots,
            lots_before=order.lots,
            lots_after=order.lots if levels else left,
            ticket=ticket,
        )
