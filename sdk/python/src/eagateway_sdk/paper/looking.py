"""What a book says about a command: whether its work is done, by magic number for opens, by state for the rest."""

from decimal import Decimal
from typing import Final

from eagateway_sdk.frames import Action, ExecutionReport, OrderCommand, ReportStatus
from eagateway_sdk.paper.broker import ZERO, Book, Position, WorkingOrder
from eagateway_sdk.paper.reporting import order_report, report

_OPENING: Final = frozenset({Action.OPEN, Action.PLACE})


def look(book: Book, command: OrderCommand) -> list[ExecutionReport] | None:
    """The reports for a command whose work is done, or None if there is something left to do."""
    if command.action in _OPENING:
        return _look_for_open(book, command)
    if command.ticket is not None:
        return _look_for_ticket(book, command)
    living = book.find(command.magic)
    if command.action is Action.MODIFY:
        return _look_for_stops(book, command, living)
    if command.action is Action.ACTIVATE:
        return None if isinstance(living, WorkingOrder) else _look_for_open(book, command)
    return _look_for_close(book, command, living)


def stops(command: OrderCommand, living: Position | WorkingOrder) -> tuple[Decimal, Decimal]:
    """The stops that should stand: 0 is none, what is not told stays."""
    return (living.sl if command.sl is None else command.sl, living.tp if command.tp is None else command.tp)


def _look_for_open(book: Book, command: OrderCommand) -> list[ExecutionReport] | None:
    if not book.knows(command.magic):
        return None
    living = book.find(command.magic)
    if isinstance(living, WorkingOrder):
        return [order_report(book, ReportStatus.PLACED, living)]
    return _look_for_fill(book, command, living)


def _look_for_fill(book: Book, command: OrderCommand, living: Position | None) -> list[ExecutionReport]:
    trades = book.trades(command.magic)
    lots = sum((trade.lots for trade in trades), living.lots if living else ZERO)
    if not lots:
        return [report(book, ReportStatus.CANCELLED)]  # it was placed, and deleted since
    first = trades[0] if trades else None
    ticket = first.ticket if first else living.ticket if living else None
    price = first.open_price if first else living.price if living else None
    at = first.opened_at if first else living.opened_at if living else ""
    whole = command.action is not Action.OPEN or lots >= (command.lots or ZERO)
    status = ReportStatus.FILLED if whole else ReportStatus.PARTIALLY_FILLED
    filled = report(book, status, ticket=ticket, lots=lots, price=price, broker_time=at or None)
    if command.action is not Action.PLACE:
        return [filled]
    return [report(book, ReportStatus.PLACED, ticket=ticket, lots=lots, price=command.price), filled]


def _look_for_stops(
    book: Book, command: OrderCommand, living: Position | WorkingOrder | None
) -> list[ExecutionReport] | None:
    if living is None or (living.sl, living.tp) != stops(command, living):
        return None
    if isinstance(living, WorkingOrder) and command.price not in (None, living.price):
        return None
    return [order_report(book, ReportStatus.MODIFIED, living)]


def _look_for_ticket(book: Book, command: OrderCommand) -> list[ExecutionReport] | None:
    """One of two positions was to be closed: it is gone, whatever else has its magic number."""
    if living_ticket(book, command) is not None:
        return None
    status = ReportStatus.CANCELLED if command.action is Action.CANCEL else ReportStatus.CLOSED
    return [report(book, status, ticket=command.ticket, remaining_lots=ZERO)]


def living_ticket(book: Book, command: OrderCommand) -> Position | WorkingOrder | None:
    """The order that a command names by its ticket, if it is there and is a copy's."""
    ticket = command.ticket or 0
    found = book.open.get(ticket) or book.working.get(ticket)
    return found if found is not None and found.magic == command.magic else None


def _look_for_close(
    book: Book, command: OrderCommand, living: Position | WorkingOrder | None
) -> list[ExecutionReport] | None:
    """The lots that should be left decide; a cancel that leaves some means those that have filled."""
    if isinstance(living, WorkingOrder):
        return None
    remaining = living.lots if living else ZERO
    if remaining > command.lots_after:
        return None
    never_filled = living is None and not book.trades(command.magic)
    cancelled = command.action is Action.CANCEL and never_filled
    status = ReportStatus.CANCELLED if cancelled else ReportStatus.CLOSED
    return [report(book, status, ticket=living.ticket if living else None, remaining_lots=remaining)]
