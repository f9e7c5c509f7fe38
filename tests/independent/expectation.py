"""What a follower's book must show, from the master's book and what befell at the follower's own broker.

Two pages of copying.md as arithmetic: the modes, rounding, partial closes from the origin, and what a person or the
broker took from a copy.
"""

import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal
from typing import Any, Final

from tests.independent.broker import ZERO, Broker

STEP: Final = Decimal("0.01")
TRIES: Final = 3
AGE_LIMIT: Final = 60.0


@dataclass(slots=True)
class Signal:
    """A position of the master: by its lineage, as it was opened and as it stands."""

    position_id: int
    side: str
    opened: Decimal
    left: Decimal
    sl: Decimal
    tp: Decimal
    balance: Decimal
    opened_at: float = field(default_factory=time.monotonic)


@dataclass(frozen=True, slots=True)
class Held:
    """What stands, or shall stand, under one magic number."""

    side: str
    lots: Decimal
    sl: Decimal
    tp: Decimal


def opening_lots(signal: Signal, settings: Mapping[str, Any], balance: Decimal) -> Decimal:
    """The lots of a copy at its open, rounded down; 0 where they are below the smallest order."""
    factor = Decimal(settings.get("multiplier", "1"))
    if settings.get("mode") == "fixed_lots":
        exact = Decimal(settings["lots"])
    elif settings.get("mode") == "balance_ratio":
        exact = signal.opened * balance / signal.balance * factor
    else:
        exact = signal.opened * factor
    return _down(exact)


def expected(signal: Signal, lots: Decimal, magic: int, broker: Broker, tries: int) -> Held | None:
    """What one copy shall be now; None for no position."""
    if not signal.left or not lots or magic in broker.given_up or magic in broker.closed_by_hand:
        return None
    # Three orders in all: what was refused, and what nobody knows, is a try each.
    if tries >= TRIES and not broker.peak[magic]:
        return None
    # Nobody enters late: what was lost and could not be asked about within the age limit is missed.
    if magic in broker.lost and not broker.peak[magic] and time.monotonic() - signal.opened_at > AGE_LIMIT:
        return None
    shall = max(STEP, _down(lots * signal.left / signal.opened))
    # What its owner has closed, or its broker never filled, is not put back.
    shall = min(shall, broker.short.get(magic, shall), broker.own_left.get(magic, shall))
    return Held(signal.side, shall, signal.sl, signal.tp)


def differences(
    signals: Iterable[Signal], settings: Mapping[str, Any], broker: Broker, opens: Collection[tuple[int, int, int]]
) -> list[str]:
    """What is not as it shall be, a sentence each. `opens`: (magic number, the master's position, attempt) of
    each opening order that was received."""
    found = []
    magics = {magic: position_id for magic, position_id, _ in opens}
    # A terminal that lost its files took some attempts with it: their numbers tell of them.
    tries = {magic: max(attempt for number, _, attempt in opens if number == magic) for magic in magics}
    shall: dict[int, Held] = {}
    for signal in signals:
        lots = opening_lots(signal, settings, broker.balance)
        ordered = [magic for magic, position in magics.items() if position == signal.position_id]
        if len(ordered) > 1:
            found.append(f"position {signal.position_id} was copied {len(ordered)} times")
        if not ordered and signal.left and lots:
            found.append(f"position {signal.position_id} was never copied")
        for magic in ordered:
            held = expected(signal, lots, magic, broker, tries[magic])
            if held is not None:
                shall[magic] = held
    for magic in sorted({*shall, *(item.magic for item in broker.positions.values())}):
        items = broker.of_magic(magic)
        is_ = Held(items[0].side, sum((i.lots for i in items), ZERO), items[0].sl, items[0].tp) if items else None
        if is_ != shall.get(magic) or len(items) > 1:
            found.append(f"copy {magic & 0xFFFFFF} of {magics.get(magic)}: {is_}, and shall be {shall.get(magic)}")
    return found


def _down(lots: Decimal) -> Decimal:
    return (lots / STEP).to_integral_value(ROUND_DOWN) * STEP
