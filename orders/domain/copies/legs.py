"""One copied leg, and one order for it, as values."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from orders.domain.sizing.rounding import KeptSpec
from orders.domain.states.copies import ALIVE, CopyState
from orders.domain.wire.intents import Action, OrderType, Side

NONE: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Leg:
    """One copied leg as decided so far, with what is in flight. `reverse`: it was copied the other way round.

    `filling`: the broker has told of fewer lots than it is to have, and more of them may come.
    `lifted`: a user has lifted its tombstone, so that the position may be copied anew. `lots_ordered`: what was ordered
    at its open, when the master had `master_lots` (0: nothing of his position is its share, or it stands in for a leg
    whose share it has); `filled`: some of it has been there; `dropped`: its broker let its working order go before it
    filled. `kept`: its symbol's grid as it was when the leg was made; None for legs that are older than the keeping.
    """

    leg: int
    state: CopyState
    symbol: str
    side: Side
    order_type: OrderType
    lots: Decimal
    tombstoned: bool = False
    reverse: bool = False
    lifted: bool = False
    lots_ordered: Decimal = NONE
    master_lots: Decimal | None = None
    filled: bool = False
    dropped: bool = False
    kept: KeptSpec | None = None
    filling: bool = False

    @property
    def observed(self) -> bool:
        """Whether the broker has told of it, of all its lots, and of no end yet."""
        return self.state in (CopyState.OPEN, CopyState.WORKING) and not self.filling

    @property
    def born(self) -> bool:
        """Whether it is part of what was copied: it lives, or has ended at its broker. One that was refused is not.

        What has ended was there, whether or not its fill was told, or it was an order that somebody has taken off.
        """
        return self.filled or self.state in ALIVE or self.state is CopyState.CLOSED

    @property
    def alive(self) -> bool:
        return self.state in ALIVE and self.lots > 0


def outgrown(legs: Iterable[Leg], side: Side | None, lots: Decimal | None) -> bool:
    """Whether a master tells of more lots than these legs were copied from, or of the other side: deals of an account
    that nets melt into one position, whatever its terminal says of itself.
    """
    legs = list(legs)
    # What was opened in place of an order that had not filled is as large as that: it names no lots of the master's.
    most = max((leg.master_lots or NONE for leg in legs if leg.born), default=NONE)
    return any(
        (side is not None and (leg.side is side) == leg.reverse)
        or (lots is not None and leg.master_lots is not None and lots > (leg.master_lots or most) > 0)
        for leg in legs
        if leg.alive
    )


@dataclass(frozen=True, slots=True)
class Order:
    """What one leg of the follower must do, with the absolute state it should lead to."""

    leg: int
    action: Action
    symbol: str
    side: Side
    order_type: OrderType
    lots: Decimal
    lots_before: Decimal
    lots_after: Decimal
    price: Decimal | None = None
    deviation_points: int | None = None
    sl: Decimal | None = None
    tp: Decimal | None = None
    expiry: str = ""
    valid_until: datetime | None = None
    reverse: bool = False
