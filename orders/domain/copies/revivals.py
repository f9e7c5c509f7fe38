"""Copies that we had given up and that exist all the same.

An open expired, so nothing was ordered behind it; then its fill was reported. What the master has done meanwhile, stops
set, a part closed, is ordered now, all at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from orders.domain.copies.desired import moving, reducing
from orders.domain.copies.legs import Leg, Order
from orders.domain.copies.orphans import ending
from orders.domain.copies.positions import Position
from orders.domain.sizing.rounding import SymbolSpec
from orders.domain.states.copies import CopyState
from orders.domain.states.subscriptions import SubscriptionState


@dataclass(frozen=True, slots=True)
class Revived:
    """A copy that has come to life late, with what its commands on their way leave of it.

    `levels`: (price, stop loss, take profit) as ordered; `master_lots`: the master's when it opened.
    """

    leg: Leg
    lots_open: Decimal
    subscription: SubscriptionState
    levels: tuple[Decimal | None, Decimal | None, Decimal | None]
    position: Position | None
    master_lots: Decimal | None
    spec: SymbolSpec | None


def catch_up(late: Revived) -> Sequence[Order]:
    """What makes it as its master's position is by now, or ends it; nothing for one whose close is on its way."""
    # Its close is on its way already.
    if late.leg.lots <= 0:
        return ()
    end = ending(late.leg, late.lots_open, late.position, late.subscription)
    if end is not None or late.position is None:
        return () if end is None else (end,)
    # First fewer lots, then the stops: a modify names the lots that it leaves.
    less = _less(late, late.position)
    kept = late if less is None else replace(late, leg=replace(late.leg, lots=less.lots_after))
    return [order for order in (less, _moved(kept, late.position)) if order is not None]


def _less(late: Revived, position: Position) -> Order | None:
    """The partial close for what the master has closed since; a working order's lots cannot be changed."""
    # Without the master's lots at the open there is no share to compute; the final close closes all.
    if late.leg.state is not CopyState.OPEN or not late.master_lots or position.lots is None:
        return None
    # A master who has added to his position since has not closed anything: the share never exceeds one.
    left = late.lots_open * min(position.lots, late.master_lots) / late.master_lots
    return reducing(late.leg, max(Decimal(0), late.leg.lots - left), late.spec)


def _moved(late: Revived, position: Position) -> Order | None:
    """The modify, if stops or a pending price are others by now."""
    order = moving(late.leg, position, late.spec)
    price, sl, tp = late.levels
    same_price = order.price is None or order.price == price
    return None if same_price and (order.sl, order.tp) == (sl or Decimal(0), tp or Decimal(0)) else order
