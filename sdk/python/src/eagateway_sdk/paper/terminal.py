"""The paper terminal: an `Executor` on a paper broker's book.

A copy is found by its magic number and nothing else. Closes and modifies are decided by the state they should lead to,
so executing a command twice changes nothing the second time.
"""

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import Final

import msgspec

from eagateway_sdk.clock import Clock
from eagateway_sdk.context import BookSnapshot, Outcome
from eagateway_sdk.frames import Action, Cause, ExecutionReport, OrderCommand, OrderType, ReportStatus, Side
from eagateway_sdk.paper import faults
from eagateway_sdk.paper.broker import (
    INVALID_VOLUME,
    ZERO,
    Amounts,
    Book,
    Booking,
    BrokerError,
    Executed,
    Position,
    WorkingOrder,
)
from eagateway_sdk.paper.faults import Falsify, Fault, FaultPlan, PartialFill
from eagateway_sdk.paper.holdings import held
from eagateway_sdk.paper.later import Growing, LateOrder, PlacedBy
from eagateway_sdk.paper.looking import living_ticket, look, stops
from eagateway_sdk.paper.recording import Event
from eagateway_sdk.paper.reporting import (
    ACCOUNT_CAUSES,
    account_amounts,
    account_report,
    addressed,
    order_report,
    report,
)
from eagateway_sdk.paper.tape import Tape

MAGIC_BASE: Final = 0x5A000000
_INVALID_TICKET: Final = 4108


def copy_no_of(magic: int | None) -> int | None:
    """The copy that a magic number marks, or None if it is not one of ours."""
    return magic & 0xFFFFFF if magic is not None and magic >> 24 == MAGIC_BASE >> 24 else None


class PaperTerminal:
    """Executes commands on `book`; market prices and results come from `tape`, if given.

    The book belongs to the broker: a terminal can be thrown away and another one made for the same book. `falsify`
    spoils exactly one order in the book while reporting it as done, to prove that a checker would notice. `clock` tells
    when the broker does what it does late; nothing waits for it: it is done when the terminal is next asked.
    """

    takes_tickets = True

    def __init__(
        self,
        book: Book,
        *,
        tape: Tape | None = None,
        faults: FaultPlan | None = None,
        latency: float = 0.0,
        falsify: Falsify | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.book = book
        self._tape = tape
        self._plan = faults
        self._latency = latency
        self._falsify = falsify
        self._now = (clock or Clock()).monotonic
        self._untold: list[ExecutionReport] = []

    @property
    def journal(self) -> list[Executed]:
        """Every order that the broker executed, oldest first."""
        return self.book.journal

    # --- executor ---

    async def execute(self, command: OrderCommand) -> Outcome:
        """Do what the command says, unless it is done already.

        :raises ConnectionError: a fault says so
        """
        known = await self.search(command)
        if known is not None:
            return [msgspec.structs.replace(one, already=True) for one in known]
        self.book.orders_seen += 1
        mishap = faults.planned(self._plan, command, self.book.orders_seen)
        if isinstance(mishap, Fault):
            return await self._meet(mishap, command)
        return self.order(command) if mishap is None else self._fill_in_parts(mishap, command)

    async def search(self, command: OrderCommand) -> list[ExecutionReport] | None:
        """Ask the broker what became of the command: opens by magic number, the rest by state."""
        await self._reach()
        return look(self.book, command)

    async def snapshot(self) -> BookSnapshot:
        """The whole book; the paper broker's equity is its balance."""
        await self._reach()
        return held(self.book)

    async def _reach(self) -> None:
        if self._latency:
            await asyncio.sleep(self._latency)
        self._catch_up()

    async def _meet(self, fault: Fault, command: OrderCommand) -> Outcome:
        if fault.times <= faults.RETRIES.get(fault.code, 0):
            await asyncio.sleep(self._latency * fault.times)
            return self.order(command)
        if fault.late is not None:
            self.book.late.append(LateOrder(self._now() + fault.late, command))
        elif fault.executed:
            self.order(command)
        if fault.raises:
            raise ConnectionError(f"{fault.code}: the connection was lost while sending")
        return self._unanswered(fault, command) if fault.code in faults.TIMEOUTS else self._rejected(fault.code)

    def _unanswered(self, fault: Fault, command: OrderCommand) -> Outcome:
        """Nobody knows. The terminal looks once, at once: what it does not find may still come."""
        found = look(self.book, command)
        if found is None:
            return report(self.book, ReportStatus.UNKNOWN, found=False, error_code=fault.code)
        return [msgspec.structs.replace(one, found=True) for one in found]

    # --- what the broker does in its own time ---

    def elapse(self) -> list[ExecutionReport]:
        """What has filled since, of orders that fill in parts; to be sent as it is. Call it from time to time.

        What the broker has executed late it tells nobody: it stands in the book.
        """
        self._catch_up()
        told, self._untold = self._untold, []
        return told

    def _catch_up(self) -> None:
        now = self._now()
        due = sorted((one for one in self.book.late if one.due <= now), key=lambda one: one.due)
        self.book.late = [one for one in self.book.late if one.due > now]
        for late in due:
            self.order(late.command)
        while any(one.due <= now for one in self.book.growing):
            self._grow(min(self.book.growing, key=lambda one: one.due))

    def _fill_in_parts(self, fill: PartialFill, command: OrderCommand) -> Outcome:
        lots, terms = command.lots or ZERO, self.book.symbols.get(command.symbol)
        if command.action is not Action.OPEN or terms is None:
            return self.order(command)
        first, *rest = fill.steps(lots, step=terms.lots_step) or [lots]
        outcome = self.order(msgspec.structs.replace(command, lots=first))
        if not isinstance(outcome, ExecutionReport) or outcome.ticket is None or first == lots:
            return outcome
        if rest:
            by, due = PlacedBy.command(command), self._now() + fill.every
            self.book.growing.append(Growing(outcome.ticket, by, lots, first, tuple(rest), due, fill.every))
        return msgspec.structs.replace(outcome, status=ReportStatus.PARTIALLY_FILLED)

    def _grow(self, growing: Growing) -> None:
        """The next part fills, unless the position has been closed or has another ticket: then the rest is dropped."""
        self.book.growing.remove(growing)
        if growing.ticket not in self.book.open:
            return
        filled, *rest = growing.steps
        position = self.book.grow(growing.ticket, by=filled - growing.filled)
        if rest:
            due = growing.due + growing.every
            self.book.growing.append(replace(growing, filled=filled, steps=tuple(rest), due=due))
        status = ReportStatus.FILLED if filled == growing.ordered else ReportStatus.PARTIALLY_FILLED
        told = order_report(self.book, status, position)
        self._untold.append(addressed(msgspec.structs.replace(told, lots=filled), growing.by))

    # --- orders ---

    def order(self, command: OrderCommand) -> Outcome:
        """What the broker does with an order, done before or not: a broker looks up nothing."""
        try:
            return _ORDERS[command.action](self, command)
        except BrokerError as error:
            return self._rejected(error.code)

    def _rejected(self, code: int) -> ExecutionReport:
        return report(self.book, ReportStatus.REJECTED, error_code=code)

    def _open(self, command: OrderCommand) -> Outcome:
        lots, price = command.lots or ZERO, self._market_price(command)
        if price is None:
            return self._rejected(faults.OFF_QUOTES)
        at = self._opened_at(command)
        position = Position(
            0, command.position_id, command.symbol, command.side.value, lots, price,
            command.sl or ZERO, command.tp or ZERO, command.magic, at,
        )  # fmt: skip
        ticket = self._book_order(command, position)
        return report(
            self.book, ReportStatus.FILLED, ticket=ticket, lots=lots, price=price, sl=position.sl, tp=position.tp,
            broker_time=at or None,
        )  # fmt: skip

    def _place(self, command: OrderCommand) -> Outcome:
        order = WorkingOrder(
            0, command.position_id, command.symbol, command.side.value, _pending_type(command), command.lots or ZERO,
            command.price or ZERO, command.sl or ZERO, command.tp or ZERO, command.magic, self.book.now,
        )  # fmt: skip
        ticket = self._book_order(command, order)
        self.book.placed_by[ticket] = PlacedBy.command(command)
        placed = order_report(self.book, ReportStatus.PLACED, replace(order, ticket=ticket))
        late = self.book.activated.get(command.position_id)
        return placed if late is None else [placed, *self._fill(ticket, late)]

    def _activate(self, command: OrderCommand) -> Outcome:
        """The master's pending order filled: ours is filled too, at the price told or its own."""
        living = self.book.find(command.magic)
        if living is None:
            return self._rejected(_INVALID_TICKET)
        position = self.book.fill(living.ticket, at=self.book.now, price=command.price)
        return order_report(self.book, ReportStatus.FILLED, position)

    def _modify(self, command: OrderCommand) -> Outcome:
        living = self.book.find(command.magic)
        if living is None:
            return self._rejected(_INVALID_TICKET)
        sl, tp = stops(command, living)
        price = command.price if isinstance(living, WorkingOrder) else None
        if not self._spoils_modify(command, living):
            self.book.modify(living.ticket, sl=sl, tp=tp, price=price)
            self._note(command, living, lots_after=living.lots)
        shown = replace(living, sl=sl, tp=tp)
        return order_report(self.book, ReportStatus.MODIFIED, shown)

    def _close(self, command: OrderCommand) -> Outcome:
        named = command.ticket is not None
        living = living_ticket(self.book, command) if named else self.book.find(command.magic)
        if living is None:
            return self._rejected(_INVALID_TICKET)
        if isinstance(living, WorkingOrder):
            if command.action is Action.PARTIAL_CLOSE:
                return self._rejected(_INVALID_TICKET)  # a part of it: there is no position yet
            self.book.delete(living.ticket)
            self._note(command, living, lots_after=ZERO)
            return order_report(self.book, ReportStatus.CANCELLED, living)
        lots = living.lots - command.lots_after
        if lots <= ZERO:
            return self._rejected(INVALID_VOLUME)  # executed late: another order was quicker
        price, at, amounts = self._result(command, living, lots)
        self._note(command, living, lots_after=living.lots - lots, lots=lots)
        return self._close_position(living, lots, price, at, amounts)

    def _close_position(
        self, position: Position, lots: Decimal, price: Decimal, at: str, amounts: Amounts
    ) -> ExecutionReport:
        _, rest = self.book.close(position.ticket, lots=lots, price=price, at=at, amounts=amounts)
        return report(
            self.book, ReportStatus.CLOSED, ticket=position.ticket, parent_ticket=position.parent,
            new_ticket=rest.ticket if rest else None, side=Side(position.side), lots=lots,
            remaining_lots=rest.lots if rest else ZERO, price=price,
            commission=amounts.commission, taxes=amounts.taxes, swap=amounts.swap, profit=amounts.profit,
            broker_time=at or None,
        )  # fmt: skip

    def _result(self, command: OrderCommand, position: Position, lots: Decimal) -> tuple[Decimal, str, Amounts]:
        """Price, time and amounts of a close: our share of the next recorded close of this position."""
        place = self.book.tape_places[command.magic]
        event = self._tape.close_at(command.position_id, place) if self._tape else None
        if event is None:
            price = position.price if command.price is None else command.price
            return price, self.book.now, Amounts()
        self.book.tape_places[command.magic] = place + 1
        recorded = Amounts(event.commission, event.taxes, event.swap, event.profit)
        amounts = recorded.share(lots=lots, of=event.lots, money_decimals=self.book.money_decimals)
        return event.price or ZERO, event.t, amounts

    def _book_order(self, command: OrderCommand, order: Position | WorkingOrder) -> int:
        """Book an open or a placed order, as told or falsified; returns the ticket that is reported."""
        self.book.check_lots(order.symbol, order.lots)
        how = self._how_to_spoil(order)
        if how == "drop":
            self.book.next_ticket += 1
            return self.book.next_ticket - 1
        if how == "lots":
            order = replace(order, lots=order.lots + self.book.symbols[order.symbol].lots_step)
        if how == "modify":
            order = replace(order, sl=ZERO if order.sl else order.price)
        ticket = self._add(command, order)
        if how == "double":
            self._add(command, order)
        return ticket

    def _add(self, command: OrderCommand, order: Position | WorkingOrder) -> int:
        booked = self.book.open_market(order) if isinstance(order, Position) else self.book.place(order)
        self._note(command, booked, lots_after=booked.lots, lots_before=ZERO, lots=booked.lots)
        return booked.ticket

    def _how_to_spoil(self, order: Position | WorkingOrder) -> Falsify | None:
        """How this one order is falsified, if it is: a market order where the recording has some."""
        tape, how = self._tape, self._falsify
        if how is None or self.book.falsified:
            return None
        if isinstance(order, WorkingOrder) and tape is not None and tape.market_opens:
            return None
        if how == "modify" and (tape is None or tape.last_stops):
            return None  # there are changes of stops to spoil
        self.book.falsified = True
        return how

    def _spoils_modify(self, command: OrderCommand, living: Position | WorkingOrder) -> bool:
        """Whether this change is left out: the last one of a position, so that nothing later covers it up."""
        if self._falsify != "modify" or self.book.falsified or isinstance(living, WorkingOrder):
            return False
        if self._tape is not None and self._tape.last_stops.get(command.position_id) != stops(command, living):
            return False
        self.book.falsified = True
        return True

    # --- what happens without a command ---

    def on_recorded(self, event: Event) -> list[ExecutionReport]:
        """The recorded market went on: working copies fill at their `activate`. Call it for every event, in order."""
        self.book.now = event.t
        if event.ev != "activate" or event.ticket in self.book.activated:
            return []
        self.book.activated[event.ticket] = event
        tickets = [order.ticket for order in self.book.working.values() if order.position_id == event.ticket]
        return [filled for ticket in tickets for filled in self._fill(ticket, event)]

    def _fill(self, ticket: int, event: Event) -> list[ExecutionReport]:
        if ticket not in self.book.working:
            return []
        position = self.book.fill(ticket, at=event.t, price=event.price)
        filled = order_report(self.book, ReportStatus.FILLED, position)
        return [addressed(filled, self.book.placed_by.get(ticket))]

    def close_by_hand(
        self, ticket: int, *, lots: Decimal | None = None, price: Decimal | None = None,
        amounts: Amounts | None = None, cause: Cause = Cause.MANUAL,
    ) -> list[ExecutionReport]:  # fmt: skip
        """Close a position, or a part, as its owner would: the report names no command.

        :raises BrokerError: there is no such position, or it has less
        """
        position = self.book.open.get(ticket)
        if position is None:
            raise BrokerError(_INVALID_TICKET, f"no position {ticket}")
        closing = position.lots if lots is None else lots
        at = position.price if price is None else price
        closed = self._close_position(position, closing, at, self.book.now, amounts or Amounts())
        return [msgspec.structs.replace(closed, cause=cause, copy_no=copy_no_of(position.magic))]

    def book_account_event(self, event: Event) -> ExecutionReport | None:
        """Book a recorded `balance` or `summary` at this account too; None when that was done already."""
        cause = ACCOUNT_CAUSES[event.ev]
        amounts = account_amounts(event)
        if not self.book.add_booking(Booking(event.ticket, event.t, cause.value, amounts)):
            return None
        return account_report(event, balance=self.book.balance)

    # --- inside ---

    def _note(
        self, command: OrderCommand, order: Position | WorkingOrder, *, lots_after: Decimal,
        lots_before: Decimal | None = None, lots: Decimal = ZERO,
    ) -> None:  # fmt: skip
        before = order.lots if lots_before is None else lots_before
        entry = Executed(
            command.copy_no, str(command.command_id), command.action.value, order.ticket, command.position_id,
            lots, before, lots_after, order.sl, order.tp,
        )  # fmt: skip
        self.book.journal.append(entry)

    def _market_price(self, command: OrderCommand) -> Decimal | None:
        if command.price is not None and command.price > 0:
            return command.price
        return self._tape.open_price(command.position_id) if self._tape else None

    def _opened_at(self, command: OrderCommand) -> str:
        recorded = self._tape.opens.get(command.position_id) if self._tape else None
        return recorded.t if recorded else self.book.now


_ORDERS: Final = {
    Action.OPEN: PaperTerminal._open,
    Action.PLACE: PaperTerminal._place,
    Action.ACTIVATE: PaperTerminal._activate,
    Action.MODIFY: PaperTerminal._modify,
    Action.CLOSE: PaperTerminal._close,
    Action.PARTIAL_CLOSE: PaperTerminal._close,
    Action.CANCEL: PaperTerminal._close,
}


def _pending_type(command: OrderCommand) -> str:
    return command.order_type.value if command.order_type is not OrderType.MARKET else OrderType.LIMIT.value
