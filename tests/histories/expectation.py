"""What a follower must hold of a master's position: two pages of arithmetic of its own, from docs/copying.md.

Nothing here looks at rows or at code of orders.
"""

from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, Decimal
from typing import Final

from tests.histories.broker import ZERO, Spec
from tests.histories.master import OPEN, WORKING, Position

MASTER_BALANCE: Final = Decimal(1_000_000)
OTHER: Final = {"buy": "sell", "sell": "buy"}


@dataclass(frozen=True, slots=True)
class Terms:
    """How one follower copies one master."""

    mode: str
    multiplier: Decimal = Decimal(1)
    lots: Decimal | None = None
    master_base: Decimal | None = None
    follower_base: Decimal | None = None
    max_lots: Decimal | None = None
    force_min: bool = False
    reverse: bool = False
    max_age: int = 60
    suffix: str = ""


@dataclass(slots=True)
class OwnActs:
    """What the follower, or his broker, did himself to the copies of one position, by magic number: what that left of
    them. `stops`: he has set stops of his own.
    """

    left: dict[int, Decimal] = field(default_factory=dict)
    stops: bool = False


@dataclass(frozen=True, slots=True)
class Holding:
    """What is to be there: between these lots (they are one number unless the documents leave a choice)."""

    least: Decimal
    most: Decimal
    side: str
    sl: Decimal
    tp: Decimal
    working: bool

    @property
    def none(self) -> bool:
        return self.most == 0


def size(terms: Terms, lots: Decimal, *, follower_balance: Decimal, spec: Spec) -> Decimal:
    """The lots of a copy at its open, after limits and rounding; 0 if they are too few."""
    match terms.mode:
        case "mirrored":
            exact = lots * terms.multiplier
        case "balance_ratio":
            mine, his = terms.follower_base or follower_balance, terms.master_base or MASTER_BALANCE
            exact = lots * mine / his * terms.multiplier
        case _:
            exact = terms.lots or ZERO
    capped = exact if terms.max_lots is None else min(exact, terms.max_lots)
    rounded = floor(capped, spec)
    if rounded >= spec.lots_min:
        return rounded
    forced = (
        terms.force_min and spec.lots_min <= 5 * exact and (terms.max_lots is None or spec.lots_min <= terms.max_lots)
    )
    return spec.lots_min if forced else ZERO


def floor(lots: Decimal, spec: Spec) -> Decimal:
    """Down to the step, forgiving arithmetic dust."""
    steps = ((lots + Decimal("1e-8")) / spec.lots_step).to_integral_value(rounding=ROUND_FLOOR)
    return steps * spec.lots_step


def legs(lots: Decimal, spec: Spec) -> int:
    """How many orders a copy of so many lots needs."""
    return max(1, int(-(-lots // spec.lots_max)))


def remaining(opened: Decimal, position: Position, spec: Spec) -> Decimal:
    """What is left of `opened` lots: from the origin, rounded down, at least the minimum while the master holds any."""
    if not position.alive:
        return ZERO
    return min(opened, max(spec.lots_min, floor(opened * position.lots / position.lots_opened, spec)))


def holding(terms: Terms, position: Position, opened: dict[int, Decimal], acts: OwnActs, spec: Spec) -> Holding:
    """What has to be there of a copy that was opened with these lots by magic number.

    What the follower has left of a leg is its most. Where he has reduced one leg of several, the documents leave open
    whether the others make room: everything between is right.
    """
    total = remaining(sum(opened.values(), ZERO), position, spec)
    caps = {magic: min(lots, acts.left.get(magic, lots)) for magic, lots in opened.items()}
    most = min(total, sum(caps.values(), ZERO))
    least, room = ZERO, total
    for magic, lots in opened.items():
        least += min(room, lots, caps[magic])
        room = max(ZERO, room - lots)
    sl, tp = (position.tp, position.sl) if terms.reverse else (position.sl, position.tp)
    side = OTHER[position.side] if terms.reverse else position.side
    return Holding(min(least, most), most, side, sl, tp, position.state == WORKING)


def master_holds(position: Position) -> bool:
    return position.state == OPEN
