"""What goes wrong at a follower's broker, drawn from the kinds that a history has."""

import random
from collections.abc import Collection
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from tests.histories.broker import Broker, Spec
from tests.histories.clock import Clock
from tests.histories.faults import Kind

CHANCE: Final = 0.35
PARTED: Final = 0.7
ENDS_SHORT: Final = 0.3
LISTED_OTHERWISE: Final = "listed otherwise"
OPENS: Final = frozenset({"open", "place"})


@dataclass(frozen=True, slots=True)
class Fault:
    """What becomes of one call of the broker.

    `code`: refused with it. `timeout`: no answer, and the order is carried out `late` seconds afterwards, or never
    (None). `parts`: the shares of the lots that fill, one after the other, the last of them for good.
    """

    code: int = 0
    timeout: bool = False
    late: float | None = None
    parts: tuple[Decimal, ...] = ()


@dataclass(slots=True)
class Trouble:
    """`calm`: nothing goes wrong any more. `notes`: when something was in the way, until when, and what."""

    clock: Clock
    rng: random.Random
    kinds: Collection[Kind]
    calm: bool = False
    notes: list[tuple[float, float, str]] = field(default_factory=list)

    def note(self, what: str, lasts: float = 0.0) -> None:
        """Something is in the way from now on for so long."""
        now = self.clock.seconds
        self.notes.append((now, now + lasts, what))

    def between(self, since: float, until: float) -> list[str]:
        """What was in the way in this time."""
        return [what for begun, ended, what in self.notes if begun <= until and ended >= since]

    def part_of(self, lots: Decimal, spec: Spec) -> tuple[Decimal, ...]:
        """The lots up to which a working order fills, one after the other: in parts with `PENDING_PARTS` alone."""
        if self.calm or Kind.PENDING_PARTS not in self.kinds or self.rng.random() > PARTED:
            return (lots,)
        first = share(lots, Decimal("0.4"), spec)
        if first >= lots:
            return (lots,)
        if self.rng.random() < ENDS_SHORT:
            self.note(Kind.UNDER_FILLS.value)
            return (first,)
        return (first, lots)

    def draw(self, action: str, broker: Broker) -> Fault | None:
        """What happens to this call; None for nothing."""
        if self.calm or self.rng.random() > CHANCE:
            return None
        opening = action in OPENS
        possible = [kind for kind in sorted(self.kinds) if kind in (_OPENING if opening else _OTHERS)]
        if action != "modify" and not opening:
            possible = [kind for kind in possible if kind is not Kind.STOPS_REFUSED]
        if action == "place":
            possible = [kind for kind in possible if kind not in (Kind.PARTIAL_FILLS, Kind.UNDER_FILLS)]
        if not possible:
            return None
        kind = self.rng.choice(possible)
        self.note(kind.value)
        return self._of(kind, broker)

    def _of(self, kind: Kind, broker: Broker) -> Fault | None:  # noqa: C901, PLR0911 - one answer for each kind
        rng = self.rng
        match kind:
            case Kind.REQUOTES:
                return Fault(code=rng.choice((138, 135, 136)))
            case Kind.BUSY:
                return Fault(code=rng.choice((4, 6, 137, 146)))
            case Kind.NO_MONEY:
                return Fault(code=134)
            case Kind.INVALID:
                return Fault(code=rng.choice((131, 64)))
            case Kind.TIMEOUTS:
                return Fault(timeout=True, late=rng.choice((None, rng.uniform(0.5, 4), rng.uniform(4, 30))))
            case Kind.PARTIAL_FILLS:
                return Fault(
                    parts=rng.choice(((Decimal("0.4"), Decimal(1)), (Decimal("0.3"), Decimal("0.7"), Decimal(1))))
                )
            case Kind.UNDER_FILLS:
                return Fault(parts=rng.choice(((Decimal("0.4"),), (Decimal("0.3"), Decimal("0.6")))))
            case Kind.MARKET_CLOSED:
                lasts = rng.choice((20, 90, 400))
                self.note("market_closed", lasts)
                broker.market_closed_until = self.clock.seconds + lasts
            case Kind.REQUOTE_STORMS:
                broker.requotes = rng.randint(2, 8)
            case Kind.STOPS_REFUSED:
                broker.stops_forbidden_until = self.clock.seconds + rng.choice((10, 60, 240))
        return None


def share(lots: Decimal, part: Decimal, spec: Spec) -> Decimal:
    """A part of an order's lots, as a broker fills it: whole steps, at least the minimum."""
    steps = (lots * part / spec.lots_step).to_integral_value(rounding="ROUND_FLOOR")
    return max(spec.lots_min, steps * spec.lots_step)


_OPENING: Final = frozenset({
    Kind.REQUOTES, Kind.BUSY, Kind.NO_MONEY, Kind.INVALID, Kind.TIMEOUTS, Kind.PARTIAL_FILLS, Kind.UNDER_FILLS,
    Kind.MARKET_CLOSED, Kind.STOPS_REFUSED, Kind.REQUOTE_STORMS,
})  # fmt: skip
_OTHERS: Final = frozenset({
    Kind.REQUOTES, Kind.BUSY, Kind.TIMEOUTS, Kind.MARKET_CLOSED, Kind.STOPS_REFUSED, Kind.INVALID,
    Kind.REQUOTE_STORMS,
})  # fmt: skip
