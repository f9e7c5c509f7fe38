"""The master's terminal: replays a recording into its own book and says what to send for each event."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from eagateway_sdk.frames import Action, Cause, ExecutionReport, OrderIntent, OrderType, Side
from eagateway_sdk.paper.broker import ZERO, Amounts, Book, Booking, Position, WorkingOrder
from eagateway_sdk.paper.recording import BrokenRecording, Event, Recording
from eagateway_sdk.paper.reporting import account_amounts, account_report

_ACCOUNT_EVENTS: Final = frozenset({"balance", "summary"})
_COMMENT_LENGTH: Final = 64


@dataclass(frozen=True, slots=True)
class Step:
    """What one event leads to: an intent, or a report on the account. `repeat`: it was delivered before, in other words
    nothing changed, but it is sent all the same, as a new frame."""

    event: Event
    intent: OrderIntent | None = None
    report: ExecutionReport | None = None
    repeat: bool = False


class MasterTerminal:
    """Feed it the recording's events in order."""

    def __init__(self, recording: Recording, *, book: Book | None = None) -> None:
        self.recording = recording
        self.book = book or Book.for_account(recording.account)
        self._done: dict[tuple[str, int], Step] = {}
        self._stops: dict[int, tuple[Decimal, Decimal]] = {}
        self._modified: dict[int, Step] = {}
        self._first_ticket: dict[int, int] = {}

    def replay(self, event: Event) -> Step:
        """Book one event.

        :raises BrokenRecording: it speaks of a ticket that never opened, or contradicts what the position has
        """
        before = self._repeated(event)
        if before is not None:
            return replace(before, event=event, repeat=True)
        if event.ev in _ACCOUNT_EVENTS:
            step = self._book_account_event(event)
        else:
            step = Step(event, intent=_REPLAY[event.ev](self, event))
        self._done[event.ev, event.ticket] = step
        return step

    def _repeated(self, event: Event) -> Step | None:
        if event.ev != "modify":
            return self._done.get((event.ev, event.ticket))
        if self._stops.get(event.ticket) != (event.sl, event.tp):
            return None
        return self._modified.get(event.ticket) or Step(event, intent=self._modify_intent(event))

    def _book_account_event(self, event: Event) -> Step:
        report = account_report(event, balance=self.book.balance)
        self.book.add_booking(Booking(event.ticket, event.t, str(report.cause), account_amounts(event)))
        return Step(event, report=account_report(event, balance=self.book.balance))

    # --- events ---

    def _open(self, event: Event) -> OrderIntent:
        self._must_be_new(event, event.ticket)
        self._first_ticket[event.ticket] = event.ticket
        self._stops[event.ticket] = (event.sl, event.tp)
        self.book.open[event.ticket] = Position(
            event.ticket, event.ticket, event.symbol, event.side, event.lots, event.price or ZERO,
            event.sl, event.tp, event.magic, event.t,
        )  # fmt: skip
        return self._intent(
            event, Action.OPEN, symbol=event.symbol, side=event.side, lots=event.lots, price=event.price,
            sl=event.sl, tp=event.tp, magic=event.magic,
        )  # fmt: skip

    def _place(self, event: Event) -> OrderIntent:
        self._must_be_new(event, event.ticket)
        self._first_ticket[event.ticket] = event.ticket
        self._stops[event.ticket] = (event.sl, event.tp)
        self.book.working[event.ticket] = WorkingOrder(
            event.ticket, event.ticket, event.symbol, event.side, event.order_type, event.lots, event.price or ZERO,
            event.sl, event.tp, event.magic, event.t,
        )  # fmt: skip
        return self._intent(
            event, Action.PLACE, symbol=event.symbol, side=event.side, order_type=OrderType(event.order_type),
            lots=event.lots, price=event.price, sl=event.sl, tp=event.tp,
        )  # fmt: skip

    def _activate(self, event: Event) -> OrderIntent:
        order = self._working(event)
        if (order.symbol, order.side, order.lots) != (event.symbol, event.side, event.lots):
            raise self._broken(event, f"activate says {event.side} {event.lots} {event.symbol}, the pending order "
                                      f"{order.side} {order.lots} {order.symbol}")  # fmt: skip
        del self.book.working[event.ticket]
        self._stops[event.ticket] = (event.sl, event.tp)
        self.book.open[event.ticket] = Position(
            event.ticket, event.ticket, event.symbol, event.side, event.lots, event.price or ZERO,
            event.sl, event.tp, event.magic, event.t,
        )  # fmt: skip
        return self._intent(
            event, Action.ACTIVATE, symbol=event.symbol, side=event.side, order_type=OrderType(order.order_type),
            lots=event.lots, price=event.price, sl=event.sl, tp=event.tp, magic=event.magic,
        )  # fmt: skip

    def _modify(self, event: Event) -> OrderIntent:
        if event.ticket not in self.book.open and event.ticket not in self.book.working:
            raise self._broken(event, f"modify of ticket {event.ticket}, which is not open")
        self.book.modify(event.ticket, sl=event.sl, tp=event.tp)
        self._stops[event.ticket] = (event.sl, event.tp)
        intent = self._modify_intent(event)
        self._modified[event.ticket] = Step(event, intent=intent)
        return intent

    def _modify_intent(self, event: Event) -> OrderIntent:
        """A working order's price is its own: the event's is the market at that moment."""
        order = self.book.working.get(event.ticket)
        return self._intent(
            event, Action.MODIFY, symbol=event.symbol, sl=event.sl, tp=event.tp,
            order_type=OrderType(order.order_type) if order else OrderType.MARKET, price=order.price if order else None,
        )  # fmt: skip

    def _partial_close(self, event: Event) -> OrderIntent:
        position = self._position(event)
        if event.lots >= position.lots:
            raise self._broken(event, f"partial_close of {event.lots} lots, but the position has {position.lots}")
        self._must_be_new(event, event.new_ticket)
        _, rest = self.book.close(
            event.ticket, lots=event.lots, price=event.price or ZERO, at=event.t, amounts=_amounts(event),
            new_ticket=event.new_ticket,
        )  # fmt: skip
        self._first_ticket[event.new_ticket] = self._first_ticket[event.ticket]
        self._stops[event.new_ticket] = (position.sl, position.tp)
        remaining = rest.lots if rest else ZERO
        return self._closing(
            event, Action.PARTIAL_CLOSE, position, remaining_lots=remaining, new_ticket=event.new_ticket
        )  # fmt: skip

    def _close(self, event: Event) -> OrderIntent:
        position = self._position(event)
        # One half of a close-by says 0.00 lots: the position is gone, and the other half has told the money.
        if event.lots not in (position.lots, ZERO):
            raise self._broken(event, f"close of {event.lots} lots, but the position has {position.lots}")
        self.book.close(
            event.ticket, lots=position.lots, price=event.price or ZERO, at=event.t, amounts=_amounts(event)
        )  # fmt: skip
        return self._closing(
            event, Action.CLOSE, position, close_reason=close_reason(event.comment),
            comment=event.comment[:_COMMENT_LENGTH] or None,
        )  # fmt: skip

    def _closing(self, event: Event, action: Action, position: Position, **fields: object) -> OrderIntent:
        return self._intent(
            event, action, symbol=position.symbol, side=position.side, lots=event.lots, price=event.price,
            commission=event.commission, taxes=event.taxes, swap=event.swap, profit=event.profit,
            parent_ticket=position.parent, **fields,
        )  # fmt: skip

    def _cancel(self, event: Event) -> OrderIntent:
        order = self._working(event)
        self.book.delete(event.ticket)
        return self._intent(
            event, Action.CANCEL, symbol=order.symbol, side=order.side, order_type=OrderType(order.order_type),
            lots=order.lots,
        )  # fmt: skip

    # --- inside ---

    def _intent(self, event: Event, action: Action, *, side: str | None = None, **fields: object) -> OrderIntent:
        balance = self.book.balance
        return OrderIntent(
            action=action,
            ticket=event.ticket,
            position_id=self._first_ticket[event.ticket],
            side=Side(side) if side else None,
            balance=balance,
            equity=balance,
            broker_time=event.t,
            **fields,  # type: ignore[arg-type]
        )

    def _position(self, event: Event) -> Position:
        position = self.book.open.get(event.ticket)
        if position is None:
            raise self._broken(event, f"{event.ev} of ticket {event.ticket}, which is not open")
        if event.symbol and event.symbol != position.symbol:
            raise self._broken(event, f"{event.ev} says {event.symbol}, the position {position.symbol}")
        return position

    def _working(self, event: Event) -> WorkingOrder:
        order = self.book.working.get(event.ticket)
        if order is None:
            raise self._broken(event, f"{event.ev} of ticket {event.ticket}, which is no pending order")
        return order

    def _must_be_new(self, event: Event, ticket: int) -> None:
        if ticket in self._first_ticket:
            raise self._broken(event, f"{event.ev} gives ticket {ticket} a second time")

    @staticmethod
    def _broken(event: Event, why: str) -> BrokenRecording:
        return BrokenRecording(why, line=event.line)


_REPLAY: Final[dict[str, Callable[[MasterTerminal, Event], OrderIntent]]] = {
    "open": MasterTerminal._open,
    "place": MasterTerminal._place,
    "activate": MasterTerminal._activate,
    "modify": MasterTerminal._modify,
    "partial_close": MasterTerminal._partial_close,
    "close": MasterTerminal._close,
    "cancel": MasterTerminal._cancel,
}


def close_reason(comment: str) -> Cause:
    """Why MetaTrader closed a position, by the comment it wrote."""
    text = comment.strip().lower()
    if text.endswith("[sl]") or text.startswith("[sl"):
        return Cause.STOP_LOSS
    if text.endswith("[tp]") or text.startswith("[tp"):
        return Cause.TAKE_PROFIT
    return Cause.STOP_OUT if text.startswith("so:") else Cause.MANUAL


def _amounts(event: Event) -> Amounts:
    return Amounts(event.commission, event.taxes, event.swap, event.profit)
