"""What each follower's book must show, from the recording alone.

The second opinion on the gateway: its own arithmetic, by docs/copying.md, and none of the gateway's code. An import
contract holds that.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import Final

from eagateway_sdk.paper.recording import AccountInfo, Event, SymbolInfo

from eagateway.demo.cast import FIXED, RATIO, Copying, Part

MAX_AGE: Final = 60.0
MAX_LEGS: Final = 20
_ZERO: Final = Decimal(0)
_DUST: Final = Decimal("1e-8")


@dataclass(frozen=True, slots=True)
class Told:
    """One event of the recording, and when the master's terminal told it, in seconds of this computer's clock."""

    event: Event
    at: float


@dataclass(frozen=True, slots=True)
class Clock:
    """What depends on the clock of this run, and on nothing else.

    `lag`: the longest time from an event to its order in a follower's book. `approved`: when the approval of a late
    follower was asked for, and when his terminal had it; None for one who was there from the beginning.
    """

    lag: float = 0.0
    approved: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class State:
    """How a position stands after one event. Of the master's: `lots` he has left. `at`: seconds, as of `Told`."""

    event: Event
    at: float
    working: bool
    lots: Decimal
    sl: Decimal
    tp: Decimal


@dataclass(slots=True)
class Position:
    """A position of the master, under the first ticket of its lineage, and every state that it went through."""

    opened: Event
    states: list[State] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Expected:
    """A follower's copy of one position: what his book must have gone through. No states: none at all, `why` says so.

    `certain` False: whether there is a copy was a question of the clock. `least`: a leg is never smaller.
    """

    opened: Event
    symbol: str = ""
    side: str = ""
    price: Decimal = _ZERO
    legs: int = 0
    least: Decimal = _ZERO
    states: tuple[State, ...] = ()
    certain: bool = True
    cut: bool = False
    why: str = ""


# The master --------------------------------------------------------------------------------------------------------


def positions(told: Iterable[Told]) -> dict[int, Position]:
    """The master's positions by the first ticket of each. An event that is told twice counts once."""
    found: dict[int, Position] = {}
    lineage: dict[int, int] = {}
    seen: set[tuple[str, int]] = set()
    for one in told:
        event = one.event
        name = (event.ev, event.ticket)
        if event.ev in ("balance", "summary") or (event.ev != "modify" and name in seen):
            continue
        seen.add(name)
        first = lineage.setdefault(event.ticket, event.ticket)
        position = found.setdefault(first, Position(event))
        if event.ev == "partial_close":
            lineage[event.new_ticket] = first
        position.states.append(_next(position, one))
    return found


def _next(position: Position, one: Told) -> State:
    """The state after one more event."""
    event = one.event
    if event.ev in ("open", "place", "activate"):
        return State(event, one.at, event.ev == "place", event.lots, event.sl, event.tp)
    before = position.states[-1]
    if event.ev == "modify":
        return State(event, one.at, before.working, before.lots, event.sl, event.tp)
    left = before.lots - event.lots if event.ev == "partial_close" else _ZERO
    return State(event, one.at, before.working, left, before.sl, before.tp)


# A follower --------------------------------------------------------------------------------------------------------


def expect(part: Part, account: AccountInfo, masters: Mapping[int, Position], clock: Clock) -> Mapping[int, Expected]:
    """What this follower's book must show of each of the master's positions."""
    return {first: _expected(part, account, position, clock) for first, position in masters.items()}


def _expected(part: Part, account: AccountInfo, position: Position, clock: Clock) -> Expected:
    opened = position.opened
    if opened.symbol in part.copying.lacks:
        return Expected(opened, why=f"his broker has no {opened.symbol}")
    spec = account.symbols[opened.symbol]
    exact = exact_lots(part.copying, opened.lots)
    lots = _down(exact if part.copying.max_lots is None else min(exact, part.copying.max_lots), spec.lots_step)
    legs = _legs(lots, spec)
    if legs is None:
        return Expected(opened, why=f"{_plain(lots)} lots cannot be ordered at his broker")
    due, why = _in_time(position, clock)
    if due is False:
        return Expected(opened, why=why)
    return Expected(
        opened,
        symbol=part.rename.get(opened.symbol, opened.symbol),
        side=opened.side,
        price=_on_grid(opened.price or _ZERO, spec),
        legs=legs,
        least=max(spec.lots_min, spec.lots_step),
        states=tuple(_copied(state, position, lots, spec, clock) for state in position.states),
        certain=due is not None,
        cut=part.copying.max_lots is not None and exact > part.copying.max_lots,
    )


def exact_lots(copying: Copying, master_lots: Decimal) -> Decimal:
    """The lots of a copy before any limit and rounding."""
    if copying.mode == FIXED:
        return copying.lots
    if copying.mode == RATIO:
        return master_lots * copying.follower_base / copying.master_base
    return master_lots


def _legs(lots: Decimal, spec: SymbolInfo) -> int | None:
    """How many orders these lots need; None where the broker takes none."""
    if lots < spec.lots_min or lots <= 0:
        return None
    largest = _down(spec.lots_max, spec.lots_step)
    count = int((lots / largest).to_integral_value(rounding=ROUND_CEILING)) if largest > 0 else 1
    return count if count <= MAX_LEGS and lots >= count * spec.lots_min else None


def _in_time(position: Position, clock: Clock) -> tuple[bool | None, str]:
    """Whether the opening was young enough when it was ordered; None where the clock of this run does not tell."""
    first, last = position.states[0].at, position.states[-1].at
    youngest, oldest = 0.0, clock.lag
    if clock.approved is not None and first < clock.approved[0]:
        youngest, oldest = clock.approved[0] - first, clock.approved[1] - first + clock.lag
    if oldest < MAX_AGE:
        return True, ""
    # A pending order that was too old may have filled in time: then its fill is copied, or not, as the doubt ends.
    if youngest <= MAX_AGE or (position.states[0].working and oldest - (last - first) <= MAX_AGE):
        return None, ""
    return False, f"the signal was {youngest:.0f} s old at the approval, and {MAX_AGE:.0f} s are allowed"


def _copied(state: State, position: Position, lots: Decimal, spec: SymbolInfo, clock: Clock) -> State:
    """The copy's state that belongs to one of the master's. Lots always follow from the lots at the open."""
    # What came before a follower's approval reaches him then.
    at = max(state.at, clock.approved[1]) if clock.approved is not None else state.at
    sl, tp = _on_grid(state.sl, spec), _on_grid(state.tp, spec)
    left = _ZERO
    if state.lots > 0:
        share = _down(lots * state.lots / position.opened.lots, spec.lots_step)
        left = max(share, spec.lots_min, spec.lots_step)
    return State(state.event, at, state.working, left, sl, tp)


def _down(lots: Decimal, step: Decimal) -> Decimal:
    """Down to the lot step, forgiving arithmetic dust."""
    return ((lots + _DUST) / step).to_integral_value(rounding=ROUND_DOWN) * step


def _on_grid(price: Decimal, spec: SymbolInfo) -> Decimal:
    """A price level to the symbol's digits, half up; 0 stays "not set"."""
    unit = Decimal(1).scaleb(-spec.digits)
    return max((price / unit).to_integral_value(rounding=ROUND_HALF_UP), Decimal(1)) * unit if price else price


def _plain(lots: Decimal) -> str:
    return format(lots.normalize(), "f")
