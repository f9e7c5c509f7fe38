"""A master's book against what he told: what his terminal did while nobody was listening.

What the book proves becomes the intent that his EA would have sent. That something is not there proves it only when a
second look, some time later, does not show it either.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from orders.domain.copies.positions import Position, PositionState
from orders.domain.reconciliation.books import Book, Held
from orders.domain.wire.intents import Action, OrderIntent, OrderType, Side
from sessions_app.domain.decimals import Lots, Price

SECOND_LOOK: Final = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Told:
    """A master's position that has not ended as far as we know; `missing_since`: the first book without it. `side`: as
    it was opened; None where nobody told.
    """

    position_id: int
    symbol: str
    position: Position
    missing_since: datetime | None = None
    side: Side | None = None


@dataclass(slots=True)
class Found:
    """What one book says: intents that were not sent; positions that are not there, for the first time or still; those
    that are there again; and those that are gone, which a second look has shown. `grown`: those with more lots than he
    told of, or the other way round, with what the book has instead: an account that nets its deals.
    """

    intents: list[OrderIntent] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    seen: list[int] = field(default_factory=list)
    gone: list[Told] = field(default_factory=list)
    grown: list[tuple[Told, Held]] = field(default_factory=list)


def compare_master(book: Book, told: Sequence[Told]) -> Found:
    """Compare a book with the master's positions; the caller leaves out those of which he told after the book."""
    found = Found()
    by_ticket = {item.ticket: item for item in book.held}
    by_parent = {item.parent_ticket: item for item in book.held if item.parent_ticket is not None}
    for one in told:
        # What remains of a partial close has a new ticket, and names the one that it was.
        item = by_ticket.get(one.position.ticket) or by_parent.get(one.position.ticket)
        if item is not None and _is_turned(one, item):
            # What was copied is closed, whatever stands in its place.
            found.intents.append(ended(one))
            found.grown.append((one, item))
        elif item is not None:
            found.intents += _changes(one, item)
            found.grown += [(one, item)] if _is_larger(one, item) else []
            found.seen += [one.position_id] if one.missing_since is not None else []
        elif one.missing_since is not None and book.taken_at - one.missing_since >= SECOND_LOOK:
            found.gone.append(one)
        elif one.missing_since is None:
            found.missing.append(one.position_id)
    return found


def ended(one: Told) -> OrderIntent:
    """The close, or the cancel, that nobody has sent."""
    working = one.position.state is PositionState.WORKING
    return _intent(one, Action.CANCEL if working else Action.CLOSE, one.position.ticket)


def _is_turned(one: Told, item: Held) -> bool:
    return one.position.state is PositionState.OPEN and one.side not in (None, item.side)


def _is_larger(one: Told, item: Held) -> bool:
    lots = one.position.lots
    return one.position.state is PositionState.OPEN and bool(lots) and item.lots > (lots or item.lots)


def _changes(one: Told, item: Held) -> list[OrderIntent]:
    """What has changed, in the order in which copies can follow: filled, reduced, moved."""
    before, intents = one.position, []
    if before.state is PositionState.WORKING and not item.working:
        intents.append(_intent(one, Action.ACTIVATE, item.ticket, price=_price(item.price)))
    # Where nobody told the lots, none can be seen to be missing.
    lots = before.lots or item.lots
    if not item.working and item.lots < lots:
        intents.append(
            _intent(
                one,
                Action.PARTIAL_CLOSE,
                before.ticket,
                lots=Lots(lots - item.lots),
                remaining_lots=Lots(item.lots),
                new_ticket=item.ticket,
            )
        )
    moved = item.working and before.price is not None and item.price != before.price
    if moved or (item.sl, item.tp) != (before.sl, before.tp):
        price = _price(item.price) if item.working else None
        intents.append(_intent(one, Action.MODIFY, item.ticket, sl=Price(item.sl), tp=Price(item.tp), price=price))
    return intents


def _intent(one: Told, action: Action, ticket: int, **fields: Any) -> OrderIntent:
    working = action is Action.CANCEL
    return OrderIntent(
        action=action,
        position_id=one.position_id,
        ticket=ticket,
        symbol=one.symbol,
        order_type=OrderType.LIMIT if working else OrderType.MARKET,
        **fields,
    )


def _price(price: Decimal | None) -> Price | None:
    return None if price is None else Price(price)
