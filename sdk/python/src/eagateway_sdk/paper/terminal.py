"""The paper terminal: an `Executor` on a paper broker's book.

A copy is found by its magic number and nothing else. Closes and modifies are decided by the state they should lead to,
so executing a command twice changes nothing the second time.
"""

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import Final

import msgspec

from eagateway_sdk.context import BookSnapshot, Outcome
from eagateway_sdk.frames import Action, Cause, ExecutionReport, OrderCommand, OrderType, ReportStatus
from eagateway_sdk.paper import faults
from eagateway_sdk.paper.broker import (
    ZERO,
    Amounts,
    Book,
    Booking,
    BrokerError,
    Executed,
    PlacedBy,
    Position,
    WorkingOrder,
)
from eagateway_sdk.paper.faults import Falsify, Fault, FaultPlan
from eagateway_sdk.paper.holdings import held
from eagateway_sdk.paper.recording import Event
from eagateway_sdk.paper.tape import Tape

MAGIC_BASE: Final = 0x5A000000
_ACCOUNT_CAUSES: Final = {"balance": Cause.DEPOSIT_WITHDRAWAL, "summary": Cause.ARCHIVE}
_OPENING: Final = frozenset({Action.OPEN, Action.PLACE})
_INVALID_TICKET: Final = 4108


def copy_no_of(magic: int | None) -> int | None:
    """The copy that a magic number marks, or None if it is not one of ours."""
    return magic & 0xFFFFFF if magic is not None and magic >> 24 == MAGIC_BASE >> 24 else None


class PaperTerminal:
    """Executes commands on `book`; market prices and results come from `tape`, if given.

    The book belongs to the broker: a terminal can be thrown away and another one made for the same book. `falsify`
    spoils exactly one order in the book while reporting it as done, to prove that a checker would notice.
    """

    def __init__(
        self,
        book: Book,
        *,
        tape: Tape | None = None,
        faults: FaultPlan | None = None,
        latency: float = 0.0,
        falsify: Falsify | None = None,
    ) -> None:
        self.book = book
        self._tape = tape
        self._plan = faults
        self._latency = latency
        self._falsify = falsify

    @property
    def journal(self) -> list[Executed]:
        """Every order that the broker executed, oldest first."""
        return self.book.journal

    # --- executor ---

    async def execute(self, command: OrderCommand) -> Outcome:
        """Do what the command says, unless it is done already."""
        if self._latency:
            await asyncio.sleep(self._latency)
        known = self._look(command)
        if known is not None:
            return [msgspec.structs.replace(report, already=True) for report in known]
        self.book.orders_seen += 1
        fault = faults.planned(self._plan, command, self.book.orders_seen)
        return self._order(command) if fault is None else await self._meet(fault, command)

    async def search(self, command: OrderCommand) -> Outcome | None:
        """Ask the broker what became of the command: opens by magic number, the rest by state."""
        if self._latency:
            await asyncio.sleep(self._latency)
        return self._look(command)

    async def snapshot(self) -> BookSnapshot:
        """The whole book; the paper broker's equity is its balance."""
        if self._latency:
            await asyncio.sleep(self._latency)
        return held(self.book)

    async def _meet(self, fault: Fault, command: OrderCommand) -> Outcome:
        if fault.code == faults.TRADE_TIMEOUT:
            return await self._lost_reply(fault, command)
        if fault.times <= faults.RETRIES.get(fault.code, 0):
            await asyncio.sleep(self._latency * fault.times)
            return self._order(command)
        return self._rejected(fault.code)

    async def _lost_reply(self, fault: Fault, command: OrderCommand) -> Outcome:
        """128: nobody knows. Never a second order: the broker is asked, and what it says is reported."""
        if fault.executed:
            self._order(command)
        found = self._look(command)
        if found is None:
            return ExecutionReport(status=ReportStatus.UNKNOWN, found=False, error_code=fault.code)
        return [msgspec.structs.replace(report, found=True) for report in found]

    def _order(self, command: OrderCommand) -> Outcome:
        try:
            return _ORDERS[command.action](self, command)
        except BrokerError as error:
            return self._rejected(error.code)

    def _rejected(self, code: int) -> ExecutionReport:
        return self._report(ReportStatus.REJECTED, error_code=code)

    # --- looking ---

    def _look(self, command: OrderCommand) -> list[ExecutionReport] | None:
        """The reports for a command whose work is done, or None if there is something left to do."""
        if command.action in _OPENING:
            return self._look_for_open(command)
        living = self.book.find(command.magic)
        if command.action is Action.MODIFY:
            return self._look_for_stops(command, living)
        if command.action is Action.ACTIVATE:
            return None if isinstance(living, WorkingOrder) else self._look_for_open(command)
        return self._look_for_close(command, living)

    def _look_for_open(self, command: OrderCommand) -> list[ExecutionReport] | None:
        if not self.book.knows(command.magic):
            return None
        living = self.book.find(command.magic)
        if isinstance(living, WorkingOrder):
            return [self._order_report(ReportStatus.PLACED, living)]
        return self._look_for_fill(command, living)

    def _look_for_fill(self, command: OrderCommand, living: Position | None) -> list[ExecutionReport]:
        trades = self.book.trades(command.magic)
        lots = sum((trade.lots for trade in trades), living.lots if living else ZERO)
        if not lots:
            return [self._report(ReportStatus.CANCELLED)]  # it was placed, and deleted since
        first = trades[0] if trades else None
        ticket = first.ticket if first else living.ticket if living else None
        price = first.open_price if first else living.price if living else None
        at = first.opened_at if first else living.opened_at if living else ""
        filled = self._report(ReportStatus.FILLED, ticket=ticket, lots=lots, price=price, broker_time=at or None)
        if command.action is not Action.PLACE:
            return [filled]
        return [self._report(ReportStatus.PLACED, ticket=ticket, lots=lots, price=command.price), filled]

    def _look_for_stops(
        self, command: OrderCommand, living: Position | WorkingOrder | None
    ) -> list[ExecutionReport] | None:
        if living is None or (living.sl, living.tp) != _stops(command, living):
            return None
        if isinstance(living, WorkingOrder) and command.price not in (None, living.price):
            return None
        return [self._order_report(ReportStatus.MODIFIED, living)]

    def _look_for_close(
        self, command: OrderCommand, living: Position | WorkingOrder | None
    ) -> list[ExecutionReport] | None:
        if isinstance(living, WorkingOrder):
            return None
        remaining = living.lots if living else ZERO
        if remaining > _target(command):
            return None
        never_filled = living is None and not self.book.trades(command.magic)
        cancelled = command.action is Action.CANCEL and never_filled
        status = ReportStatus.CANCELLED if cancelled else ReportStatus.CLOSED
        return [self._report(status, ticket=living.ticket if living else None, remaining_lots=remaining)]

    # --- orders ---

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
        return self._report(
            ReportStatus.FILLED, ticket=ticket, lots=lots, price=price, sl=position.sl, tp=position.tp,
            broker_time=at or None,
        )  # fmt: skip

    def _place(self, command: OrderCommand) -> Outcome:
        order = WorkingOrder(
            0, command.position_id, command.symbol, command.side.value, _pending_type(command), command.lots or ZERO,
            command.price or ZERO, command.sl or ZERO, command.tp or ZERO, command.magic, self.book.now,
        )  # fmt: skip
        ticket = self._book_order(command, order)
        self.book.placed_by[ticket] = PlacedBy(command.command_id, command.copy_no, command.attempt)
        placed = self._order_report(ReportStatus.PLACED, replace(order, ticket=ticket))
        late = self.book.activated.get(command.position_id)
        return placed if late is None else [placed, *self._fill(ticket, late)]

    def _activate(self, command: OrderCommand) -> Outcome:
        """The master's pending order filled: ours is filled too, at the price told or its own."""
        living = self.book.find(command.magic)
        if living is None:
            return self._rejected(_INVALID_TICKET)
        position = self.book.fill(living.ticket, at=self.book.now, price=command.price)
        return self._order_report(ReportStatus.FILLED, position)

    def _modify(self, command: OrderCommand) -> Outcome:
        living = self.book.find(command.magic)
        if living is None:
            return self._rejected(_INVALID_TICKET)
        sl, tp = _stops(command, living)
        price = command.price if isinstance(living, WorkingOrder) else None
        if not self._spoils_modify(command, living):
            self.book.modify(living.ticket, sl=sl, tp=tp, price=price)
            self._note(command, living, lots_after=living.lots)
        shown = replace(living, sl=sl, tp=tp)
        return self._order_report(ReportStatus.MODIFIED, shown)

    def _close(self, command: OrderCommand) -> Outcome:
        living = self.book.find(command.magic)
        if living is None:
            return self._rejected(_INVALID_TICKET)
        if isinstance(living, WorkingOrder):
            if command.action is Action.PARTIAL_CLOSE:
                return self._rejected(_INVALID_TICKET)  # a part of it: there is no position yet
            self.book.delete(living.ticket)
            self._note(command, living, lots_after=ZERO)
            return self._order_report(ReportStatus.CANCELLED, living)
        lots = living.lots - _target(command)
        price, at, amounts = self._result(command, living, lots)
        self._note(command, living, lots_after=living.lots - lots, lots=lots)
        return self._close_position(living, lots, price, at, amounts)

    def _close_position(
        self, position: Position, lots: Decimal, price: Decimal, at: str, amounts: Amounts
    ) -> ExecutionReport:
        _, rest = self.book.close(position.ticket, lots=lots, price=price, at=at, amounts=amounts)
        return self._report(
            ReportStatus.CLOSED, ticket=position.ticket, parent_ticket=position.parent,
            new_ticket=rest.ticket if rest else None, lots=lots, remaining_lots=rest.lots if rest else ZERO,
            price=price, commission=amounts.commission, taxes=amounts.taxes, swap=amounts.swap, profit=amounts.profit,
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
        if self._tape is not None and self._tape.last_stops.get(command.position_id) != _stops(command, living):
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
        return [report for ticket in tickets for report in self._fill(ticket, event)]

    def _fill(self, ticket: int, event: Event) -> list[ExecutionReport]:
        if ticket not in self.book.working:
            return []
        position = self.book.fill(ticket, at=event.t, price=event.price)
        report = self._order_report(ReportStatus.FILLED, position)
        by = self.book.placed_by.get(ticket)
        if by is None:
            return [report]
        return [msgspec.structs.replace(report, command_id=by.command_id, copy_no=by.copy_no, attempt=by.attempt)]

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
        report = self._close_position(position, closing, at, self.book.now, amounts or Amounts())
        return [msgspec.structs.replace(report, cause=cause, copy_no=copy_no_of(position.magic))]

    def book_account_event(self, event: Event) -> ExecutionReport | None:
        """Book a recorded `balance` or `summary` at this account too; None when that was done already."""
        cause = _ACCOUNT_CAUSES[event.ev]
        amounts = account_amounts(event)
        if not self.book.add_booking(Booking(event.ticket, event.t, cause.value, amounts)):
            return None
        return account_report(event, balance=self.book.balance)

    # --- reporting ---

    def _order_report(self, status: ReportStatus, order: Position | WorkingOrder) -> ExecutionReport:
        at = order.opened_at if isinstance(order, Position) else order.placed_at
        return self._report(
            status, ticket=order.ticket, lots=order.lots, price=order.price, sl=order.sl, tp=order.tp,
            broker_time=at or None,
        )  # fmt: skip

    def _report(self, status: ReportStatus, **fields: object) -> ExecutionReport:
        balance = self.book.balance
        return ExecutionReport(status=status, balance=balance, equity=balance, **fields)  # type: ignore[arg-type]

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


def _target(command: OrderCommand) -> Decimal:
    """The lots that should be left; a cancel that leaves some means those that have filled."""
    return command.lots_after


def _stops(command: OrderCommand, living: Position | WorkingOrder) -> tuple[Decimal, Decimal]:
    """The stops that should stand: 0 is none, what is not told stays."""
    return (living.sl if command.sl is None else command.sl, living.tp if command.tp is None else command.tp)


def _pending_type(command: OrderCommand) -> str:
    return command.order_type.value if command.order_type is not OrderType.MARKET else OrderType.LIMIT.value


def account_amounts(event: Event) -> Amounts:
    """What a `balance` or `summary` event books."""
    if event.amount is not None:
        return Amounts(profit=event.amount)
    return Amounts(event.commission, event.taxes, event.swap, event.profit)


def account_report(event: Event, *, balance: Decimal) -> ExecutionReport:
    """The report of a `balance` or `summary` event; `profit` is the amount, or the result's own profit."""
    amounts = account_amounts(event)
    return ExecutionReport(
        status=ReportStatus.CLOSED, cause=_ACCOUNT_CAUSES[event.ev], ticket=event.ticket, broker_time=event.t,
        commission=amounts.commission or None, taxes=amounts.taxes or None, swap=amounts.swap or None,
        profit=amounts.profit, balance=balance, equity=balance, comment=event.comment[:64] or None,
    )  # fmt: skip
