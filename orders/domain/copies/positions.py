"""The master's position as its intents tell it."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from msgspec import structs

from orders.domain.wire.intents import Action, OrderIntent, former_tickets
from sessions_app.domain.decimals import Lots

_NONE = Decimal(0)


class PositionState(StrEnum):
    WORKING = "working"
    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Position:
    """State, current ticket, lots and stops. Stops that are not set are 0, as in MT4."""

    state: PositionState
    ticket: int
    lots: Decimal | None = None
    sl: Decimal = _NONE
    tp: Decimal = _NONE
    price: Decimal | None = None
    expiry: str = ""


def is_known_open(position: Position | None, intent: OrderIntent) -> bool:
    """Whether an open tells of what remains of a position that we know, or a place of an order that has filled: its EA
    has lost its files, and tells anew.
    """
    if position is None or position.state is not PositionState.OPEN:
        return False
    remains = intent.ticket == position.ticket != intent.position_id
    return intent.action is Action.PLACE or (intent.action is Action.OPEN and remains)


def is_fill(position: Position | None, intent: OrderIntent, *, placed: bool) -> bool:
    """Whether an open tells of an order that was placed and has filled: an EA that has lost its files finds a position,
    and does not know what it was. `placed`: the order is known by an intent of its own.
    """
    if position is None or intent.action is not Action.OPEN:
        return False
    return position.state is PositionState.WORKING or (placed and position.state is PositionState.OPEN)


def as_part(position: Position | None, intent: OrderIntent) -> OrderIntent:
    """An open that names the ticket which the position had, with fewer lots, as the part that was closed meanwhile: it
    tells what remains, by a terminal that has lost its files. Any other intent as it is.
    """
    if position is None or position.state is not PositionState.OPEN or intent.action is not Action.OPEN:
        return intent
    before, left = position.lots or _NONE, intent.lots or _NONE
    if position.ticket not in former_tickets(intent) or not _NONE < left < before:
        return intent
    return structs.replace(
        intent,
        action=Action.PARTIAL_CLOSE,
        ticket=position.ticket,
        new_ticket=intent.ticket,
        lots=Lots(before - left),
        remaining_lots=Lots(left),
    )


def is_reused(position: Position | None, intent: OrderIntent, *, symbol: str, side: str | None) -> bool:
    """Whether an opening is another one than what its ticket has opened, `symbol` and `side`, and no repeat of it.

    While a position lives, its other side is a netting account's doing, which is told as such.
    """
    over = position is None or position.state is PositionState.CLOSED
    return intent.symbol != symbol or (over and side is not None and intent.side is not None and intent.side != side)


def is_latest(position: Position | None, intent: OrderIntent) -> bool:
    """Whether a modify says just what the position's latest stored state is: such a one is a repeat."""
    return position is not None and intent.action is Action.MODIFY and _modified(position, intent) == position


def completed(position: Position | None, intent: OrderIntent, parts: Collection[Decimal] = ()) -> OrderIntent:
    """A partial close with both of its figures, if the position tells the other one; a close, if nothing remains.

    `parts`: what remained after the partial closes of this very ticket that have decided. A part that came before under
    a ticket that is no more has come again, and is not closed twice.
    """
    closed, left = intent.lots, intent.remaining_lots
    if intent.action is not Action.PARTIAL_CLOSE or (closed and left):
        return intent
    if closed and parts and position is not None and position.ticket != intent.ticket:
        return structs.replace(intent, remaining_lots=Lots(max(parts)))
    lots = position.lots if position is not None and position.state is PositionState.OPEN else None
    if not lots:
        return intent
    if left:
        return structs.replace(intent, lots=Lots(lots - left)) if left < lots else intent
    if closed and closed < lots:
        return structs.replace(intent, remaining_lots=Lots(lots - closed))
    return structs.replace(intent, action=Action.CLOSE, remaining_lots=None)


def is_unknown_part(position: Position | None, intent: OrderIntent) -> bool:
    """Whether a part was closed, and nobody knows what remains: the next book tells."""
    over = position is not None and position.state is PositionState.CLOSED
    return intent.action is Action.PARTIAL_CLOSE and not intent.remaining_lots and not over


def advance(position: Position | None, intent: OrderIntent) -> Position | None:
    """The position after `intent`. A close of a position never seen leaves a closed marker; a modify leaves nothing."""
    # Whatever comes after the close, as a repeat or out of order, opens nothing again.
    if position is not None and position.state is PositionState.CLOSED:
        return position
    match intent.action:
        case Action.OPEN | Action.PLACE | Action.ACTIVATE:
            return _opened(position, intent)
        case Action.MODIFY:
            return None if position is None else _modified(position, intent)
        case Action.PARTIAL_CLOSE:
            # A part may be closed before its open is told: what remains is open all the same.
            base = position or Position(PositionState.OPEN, intent.ticket)
            return replace(base, ticket=intent.new_ticket or intent.ticket, lots=intent.remaining_lots or None)
        case Action.CLOSE | Action.CANCEL:
            # A close may come before its open. The marker makes the open that follows a denial instead of a trade.
            base = position or Position(PositionState.CLOSED, intent.ticket)
            return replace(base, state=PositionState.CLOSED, lots=_NONE)


def _opened(position: Position | None, intent: OrderIntent) -> Position:
    base = position or Position(PositionState.OPEN, intent.ticket)
    if intent.action is Action.OPEN and base.lots is not None and base.state is PositionState.OPEN:
        intent = _told_again(base.ticket, base.lots, intent)
    return Position(
        state=PositionState.WORKING if intent.action is Action.PLACE else PositionState.OPEN,
        ticket=intent.ticket,
        lots=intent.lots if intent.lots is not None else base.lots,
        sl=base.sl if intent.sl is None else intent.sl,
        tp=base.tp if intent.tp is None else intent.tp,
        price=intent.price if intent.price is not None else base.price,
        expiry=intent.expiry or base.expiry,
    )


def _told_again(ticket: int, lots: Decimal, intent: OrderIntent) -> OrderIntent:
    """An open of a position that is open: a deal on an account that nets, a repeat, or an open after its partial close.

    Ticket and lots are the position's only where it names the ticket that the position had: then it is what remains,
    told by a terminal that has lost its files. What a deal has left, a book shows.
    """
    if ticket in former_tickets(intent):
        return intent
    return structs.replace(intent, ticket=ticket, lots=Lots(lots))


def _modified(position: Position, intent: OrderIntent) -> Position:
    # A filled order's price is history: only a working one can be moved.
    working = position.state is PositionState.WORKING
    return replace(
        position,
        sl=position.sl if intent.sl is None else intent.sl,
        tp=position.tp if intent.tp is None else intent.tp,
        price=intent.price if working and intent.price is not None else position.price,
        expiry=intent.expiry if working and intent.expiry is not None else position.expiry,
    )
