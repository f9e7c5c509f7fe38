"""Limits on what adds exposure. Each guard looks at the follower's state after the trade, in flight included."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from orders.domain.sizing.rounding import MAX_LEGS
from orders.domain.states.denials import Code, Denied
from orders.domain.wire.commands import MAX_COPY_NO


@dataclass(frozen=True, slots=True)
class Exposure:
    """The follower before this trade: positions copied or ordered, over all its subscriptions."""

    open_positions: int = 0
    next_copy_no: int = 1


@dataclass(frozen=True, slots=True)
class Limits:
    """A subscription's limits; None switches one off. `max_lots` reduces to fit, the others refuse."""

    max_lots: Decimal | None = None
    max_open_positions: int | None = None


def cap_lots(lots: Decimal, limits: Limits) -> Decimal:
    """`lots`, at most `max_lots`."""
    return lots if limits.max_lots is None else min(lots, limits.max_lots)


def _open_positions(limits: Limits, exposure: Exposure) -> dict[str, Any]:
    # The limit is about what will be open, not about what is.
    after = exposure.open_positions + 1
    if limits.max_open_positions is not None and after > limits.max_open_positions:
        raise Denied(Code.MAX_OPEN_POSITIONS, after=after, limit=limits.max_open_positions)
    return {"open_positions_after": after, "limit": limits.max_open_positions}


def _copy_numbers(limits: Limits, exposure: Exposure) -> dict[str, Any]:
    # A position may need several numbers; half of one is worse than none.
    if exposure.next_copy_no + MAX_LEGS > MAX_COPY_NO:
        raise Denied(Code.COPY_NUMBERS_EXHAUSTED, next_copy_no=exposure.next_copy_no, limit=MAX_COPY_NO)
    return {}


GUARDS: Final[tuple[Callable[[Limits, Exposure], dict[str, Any]], ...]] = (_copy_numbers, _open_positions)


def check_guards(limits: Limits, exposure: Exposure) -> dict[str, Any]:
    """Run every guard; the evidence of all that passed.

    :raises Denied: the first guard that refuses
    """
    evidence: dict[str, Any] = {}
    for guard in GUARDS:
        evidence |= guard(limits, exposure)
    return evidence
