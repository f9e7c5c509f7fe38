"""Reports as a paper terminal makes them of what stands in the book."""

from decimal import Decimal
from typing import Final

import msgspec

from eagateway_sdk.frames import Cause, ExecutionReport, ReportStatus, Side
from eagateway_sdk.paper.broker import Amounts, Book, Position, WorkingOrder
from eagateway_sdk.paper.later import PlacedBy
from eagateway_sdk.paper.recording import Event

ACCOUNT_CAUSES: Final = {"balance": Cause.DEPOSIT_WITHDRAWAL, "summary": Cause.ARCHIVE}


def report(book: Book, status: ReportStatus, **fields: object) -> ExecutionReport:
    """A report with the account's funds; the paper broker's equity is its balance."""
    return ExecutionReport(status=status, balance=book.balance, equity=book.balance, **fields)  # type: ignore[arg-type]


def order_report(book: Book, status: ReportStatus, order: Position | WorkingOrder) -> ExecutionReport:
    """A report about an order as it stands."""
    at = order.opened_at if isinstance(order, Position) else order.placed_at
    return report(
        book, status, ticket=order.ticket, side=Side(order.side), lots=order.lots, price=order.price,
        sl=order.sl, tp=order.tp, broker_time=at or None,
    )  # fmt: skip


def addressed(told: ExecutionReport, by: PlacedBy | None) -> ExecutionReport:
    """The report under the command that it belongs to, if it is known."""
    if by is None:
        return told
    return msgspec.structs.replace(told, command_id=by.command_id, copy_no=by.copy_no, attempt=by.attempt)


def account_amounts(event: Event) -> Amounts:
    """What a `balance` or `summary` event books."""
    if event.amount is not None:
        return Amounts(profit=event.amount)
    return Amounts(event.commission, event.taxes, event.swap, event.profit)


def account_report(event: Event, *, balance: Decimal) -> ExecutionReport:
    """The report of a `balance` or `summary` event; `profit` is the amount, or the result's own profit."""
    amounts = account_amounts(event)
    return ExecutionReport(
        status=ReportStatus.CLOSED, cause=ACCOUNT_CAUSES[event.ev], ticket=event.ticket, broker_time=event.t,
        commission=amounts.commission or None, taxes=amounts.taxes or None, swap=amounts.swap or None,
        profit=amounts.profit, balance=balance, equity=balance, comment=event.comment[:64] or None,
    )  # fmt: skip
