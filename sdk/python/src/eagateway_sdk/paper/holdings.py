"""A paper broker's book as the gateway asks for it."""

from eagateway_sdk.context import BookSnapshot
from eagateway_sdk.frames import HeldOrder, HeldPosition, OrderType, Side
from eagateway_sdk.paper.broker import Book, Position, WorkingOrder


def held(book: Book) -> BookSnapshot:
    """Positions and working orders in order of tickets."""
    return BookSnapshot(
        positions=[_position(one) for one in book.positions()],
        working_orders=[_order(book.working[ticket]) for ticket in sorted(book.working)],
        balance=book.balance,
        equity=book.balance,
    )


class BookHoldings:
    """The book of an account that executes nothing: a master's."""

    def __init__(self, book: Book) -> None:
        self._book = book

    async def snapshot(self) -> BookSnapshot:
        return held(self._book)


def _position(one: Position) -> HeldPosition:
    return HeldPosition(
        ticket=one.ticket, symbol=one.symbol, side=Side(one.side), lots=one.lots, price=one.price, sl=one.sl, tp=one.tp,
        magic=one.magic, parent_ticket=one.parent,
    )  # fmt: skip


def _order(one: WorkingOrder) -> HeldOrder:
    return HeldOrder(
        ticket=one.ticket, symbol=one.symbol, side=Side(one.side), order_type=OrderType(one.order_type), lots=one.lots,
        price=one.price, sl=one.sl, tp=one.tp, magic=one.magic,
    )  # fmt: skip
