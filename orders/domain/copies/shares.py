"""How many lots the legs of one copied position shall have together, and which of them lots leave.

The master's partial closes are followed from the origin: what was copied at the open, times what he has left of what he
had then. So a part that was missed is made up by the next one, and roundings do not add up.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from orders.domain.copies.desired import largest_part
from orders.domain.copies.legs import NONE, Leg
from orders.domain.copies.specs import grid_of
from orders.domain.sizing.rounding import Grid, SymbolSpec, round_lots
from orders.domain.states.copies import ALIVE, CopyState

Specs = Mapping[str, SymbolSpec]
HUNDREDTH = Decimal("0.01")
"""The lot step of most brokers, where nobody tells one."""


def exact_share(legs: Sequence[Leg], master_left: Decimal) -> Decimal | None:
    """The lots, not yet on the broker's grid, that all legs together shall have while the master has `master_left`.

    None where it is not known what he had at the open. He may have added to his position since: the share of what was
    copied never exceeds all of it.
    """
    born = _origin(legs)
    if not born or any(leg.master_lots is None or not leg.lots_ordered for leg in born):
        return None
    shares = (leg.lots_ordered * min(master_left, leg.master_lots) / leg.master_lots for leg in born if leg.master_lots)
    return sum(shares, NONE)


def _origin(legs: Sequence[Leg]) -> list[Leg]:
    """The legs that the copy was decided with: one that has ended since is, one that stands in for another is not."""
    # What was opened at market in place of a working order has `master_lots` 0: that order keeps the share.
    born = [leg for leg in legs if leg.born and leg.master_lots != 0]
    anew = [leg for leg in born if not leg.lifted]
    # Its owner has closed all of it, and let it be copied anew: what was there before is over.
    if anew and not any(leg.lifted and leg.state in ALIVE for leg in born):
        return anew
    return born


def on_grid(exact: Decimal, spec: Grid | None) -> Decimal:
    """`exact` down to the lot step, and at least the minimum: the copy lives as long as its master's position does."""
    step, least = (spec.lots_step, spec.lots_min) if spec else (HUNDREDTH, HUNDREDTH)
    return max(round_lots(exact, step=step), least)


def parts_to_close(legs: Sequence[Leg], excess: Decimal, specs: Specs) -> list[tuple[Leg, Decimal]]:
    """Which living legs give how much, so that `excess` lots leave; from the last one, which is the smallest. What only
    works gives first: it may never fill, and what is held would be less than it shall be.

    A leg ends whole only if what remains has been seen at the broker: one that is still on its way may be refused, and
    nothing would be left. While one of several legs is on its way nothing leaves at all; its report brings us back.
    """
    living = [leg for leg in legs if leg.alive]
    if len(living) > 1 and not all(leg.observed for leg in living):
        return []
    # What only works may never fill: it is no reason to end what is open.
    staying = {leg.leg for leg in living if leg.state is CopyState.OPEN}
    parts = []
    for leg in sorted(living, key=lambda leg: (leg.state is CopyState.OPEN, -leg.leg)):
        part = largest_part(leg, excess, grid_of(leg, specs), may_end=bool(staying - {leg.leg}))
        if part <= 0:
            continue
        parts.append((leg, part))
        if part == leg.lots:
            staying.discard(leg.leg)
        excess -= part
    return parts
