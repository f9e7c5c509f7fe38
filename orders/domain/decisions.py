"""The decision for one subscription: whether and how large to copy, step by step, each step explained.

What adds exposure runs through OPENING, everything else through FOLLOWING: a close, a cancel or a change of stops is
never refused by age, guards or pause, because that would orphan positions. The first step that says no ends it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from orders.domain.allocation import Basis, Funds, Sizing, allocate, exchange_rate
from orders.domain.copies import ALIVE, CopyState
from orders.domain.denials import Code, Denied
from orders.domain.guards import Exposure, Limits, cap_lots, check_guards
from orders.domain.intents import ADDS_EXPOSURE, Action, OrderIntent, OrderType, Side
from orders.domain.positions import Position, PositionState, advance
from orders.domain.symbols import (
    LOTS_BOUND,
    MAX_LEGS,
    NO_AFFIXES,
    Affixes,
    SymbolSpec,
    map_symbol,
    round_lots,
    round_price,
    split_legs,
)
from sessions_app.domain.decimals import plain

_NONE = Decimal(0)


class SubscriptionState(StrEnum):
    ACTIVE = "active"
    CLOSE_ONLY = "close_only"
    OFF = "off"


class Outcome(StrEnum):
    """`noop`: there was nothing to do for this follower; recorded, and not counted as a denial."""

    COPIED = "copied"
    DENIED = "denied"
    NOOP = "noop"


@dataclass(frozen=True, slots=True)
class Terminal:
    """What an account's InitRequest told: currency, margin mode, symbols by name."""

    currency: str | None = None
    netting: bool = False
    fifo: bool = False
    symbols: Mapping[str, SymbolSpec] = field(default_factory=dict)
    affixes: Affixes = NO_AFFIXES


@dataclass(frozen=True, slots=True)
class Rules:
    """A subscription's settings, as values."""

    state: SubscriptionState
    sizing: Sizing
    limits: Limits
    max_age: timedelta
    symbol_map: Mapping[str, str]
    affixes: Affixes


@dataclass(frozen=True, slots=True)
class Leg:
    """One copied leg as decided so far, with what is in flight."""

    leg: int
    state: CopyState
    symbol: str
    side: Side
    order_type: OrderType
    lots: Decimal
    tombstoned: bool = False

    @property
    def alive(self) -> bool:
        return self.state in ALIVE and self.lots > 0


@dataclass(frozen=True, slots=True)
class Case:
    """Everything one decision may look at. `position` is the master's position before the intent."""

    intent: OrderIntent
    occurred_at: datetime
    position: Position | None
    rules: Rules
    master: Terminal
    master_funds: Funds
    follower: Terminal | None
    follower_funds: Funds
    exposure: Exposure
    legs: Sequence[Leg]
    now: datetime
    stale_after: timedelta


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
    sl: Decimal | None = None
    tp: Decimal | None = None
    expiry: str = ""
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision: outcome, its code unless copied, every step's inputs and outputs, and the orders."""

    outcome: Outcome
    code: Code | None
    steps: list[dict[str, Any]]
    orders: tuple[Order, ...] = ()


@dataclass(frozen=True, slots=True)
class _Draft:
    """What the steps have found so far."""

    spec: SymbolSpec | None = None
    exact: Decimal = _NONE
    lots: Decimal = _NONE
    orders: tuple[Order, ...] = ()


_Step = Callable[[Case, _Draft], tuple[_Draft, dict[str, Any]]]


class _Nothing(Exception):
    """There is nothing to do for this follower."""

    def __init__(self, code: Code, **evidence: Any) -> None:
        super().__init__(code.value)
        self.code, self.evidence = code, evidence


def decide(case: Case) -> Verdict:
    """Run the steps for this intent; the first that says no or "nothing to do" ends it."""
    draft, steps = _Draft(), []
    for step in OPENING if case.intent.action in ADDS_EXPOSURE else FOLLOWING:
        name = step.__name__.lstrip("_")
        try:
            draft, evidence = step(case, draft)
        except (Denied, _Nothing) as no:
            steps.append({"step": name, "result": no.code.value, **_readable(no.evidence)})
            outcome = Outcome.DENIED if isinstance(no, Denied) else Outcome.NOOP
            return Verdict(outcome, no.code, steps)
        except ArithmeticError as fault:  # one follower's absurd figures must not stop the master's trade
            steps.append({"step": name, "result": Code.ALLOCATION_DATA_MISSING.value, "fault": type(fault).__name__})
            return Verdict(Outcome.DENIED, Code.ALLOCATION_DATA_MISSING, steps)
        steps.append({"step": name, "result": "ok", **_readable(evidence)})
    return Verdict(Outcome.COPIED, None, steps, draft.orders)


def _readable(evidence: Mapping[str, Any]) -> dict[str, Any]:
    return {key: plain(value) if isinstance(value, Decimal) else value for key, value in evidence.items()}


# What adds exposure -----------------------------------------------------------------------------------------


def _subscription(case: Case, draft: _Draft) -> tuple[_Draft, dict[str, Any]]:
    if case.rules.state is not SubscriptionState.ACTIVE:
        raise Denied(Code.SUBSCRIPTION_CLOSE_ONLY, state=case.rules.state.value)
    return draft, {"state": case.rules.state.value}


def _position(case: Case, draft: _Draft) -> tuple[_Draft, dict[str, Any]]:
    if case.position is not None and case.position.state is PositionState.CLOSED:
        raise Denied(Code.ALREADY_CLOSED, position_id=case.intent.position_id)
    if any(leg.tombstoned for leg in case.legs):
        raise Denied(Code.TOMBSTONED, position_id=case.intent.position_id)
    if case.legs:
        raise _Nothing(Code.ALREADY_COPIED, position_id=case.intent.position_id)
    return draft, {"position_id": case.intent.position_id}


def _account(case: Case, draft: _Draft) -> tuple[_Draft, dict[str, Any]]:
    if case.follower is None or not case.follower.symbols:
        raise Denied(Code.FOLLOWER_NOT_READY)
    if case.follower.netting:
        raise Denied(Code.NETTING_UNSUPPORTED)
    if case.follower.fifo:
        raise Denied(Code.FIFO_UNSUPPORTED)
    return draft, {"currency": case.follower.currency}


def _signal_age(case: Case, draft: _Draft) -> tuple[_Draft, dict[str, Any]]:
    age, limit = case.now - case.occurred_at, case.rules.max_age
    evidence = {"age_seconds": round(age.total_seconds(), 3), "limit_seconds": int(limit.total_seconds())}
    if age > limit:
        raise Denied(Code.SIGNAL_TOO_OLD, **evidence)
    return draft, evidence


def _symbol(case: Case, draft: _Draft) -> tuple[_Draft, dict[str, Any]]:
    spec = map_symbol(
        case.intent.symbol,
        master=case.master.affixes,
        follower=_terminal(case).symbols,
        explicit=case.rules.symbol_map,
        wanted=case.rules.affixes,
    )
    return replace(draft, spec=spec), {"master": case.intent.symbol, "follower": spec.name}


def _allocation(case: Case, draft: _Draft) -> tuple[_Draft, dict[str, Any]]:
    follower = _terminal(case)
    basis = Basis(
        master_lots=case.intent.lots or _NONE,
        master=case.master_funds,
        follower=case.follower_funds,
        rate=exchange_rate(
            case.master.currency, follower.currency, sources=case.master.symbols, targets=follower.symbols
        ),
        now=case.now,
        stale_after=case.stale_after,
    )
    exact = allocate(case.rules.sizing, basis)
    evidence = {
        "mode": case.rules.sizing.mode.value,
        "master_lots": basis.master_lots,
        "multiplier": case.rules.sizing.multiplier,
        "master_base": case.rules.sizing.fixed_master_base or case.master_funds.balance,
        "follower_base": case.rules.sizing.fixed_follower_base or case.follower_funds.balance,
        "rate": basis.rate,
        "exact": exact,
    }
    return replace(draft, exact=exact), evidence


def _rounding(case: Case, draft: _Draft) -> tuple[_Draft, dict[str, Any]]:
    spec = _spec(draft)
    lots = round_lots(cap_lots(draft.exact, case.rules.limits), step=spec.lots_step)
    evidence = {
        "exact": draft.exact,
        "max_lots": case.rules.limits.max_lots,
        "lots_step": spec.lots_step,
        "lots_min": spec.lots_min,
        "lots": lots,
    }
    if lots < spec.lots_min or lots <= 0:
        raise Denied(Code.BELOW_MINIMUM_LOTS, **evidence)
    if lots >= LOTS_BOUND:
        raise Denied(Code.ABOVE_MAXIMUM_LOTS, **evidence)
    return replace(draft, lots=lots), evidence


def _guards(case: Case, draft: _Draft) -> tuple[_Draft, dict[str, Any]]:
    return draft, check_guards(case.rules.limits, case.exposure)


def _opening_orders(case: Case, draft: _Draft) -> tuple[_Draft, dict[str, Any]]:
    spec, intent = _spec(draft), case.intent
    legs = split_legs(draft.lots, spec=spec, most=MAX_LEGS)
    orders = tuple(
        Order(
            leg=number,
            action=intent.action,
            symbol=spec.name,
            side=intent.side or Side.BUY,
            order_type=intent.order_type,
            lots=lots,
            lots_before=_NONE,
            lots_after=lots,
            price=round_price(intent.price, spec=spec),
            sl=round_price(intent.sl, spec=spec),
            tp=round_price(intent.tp, spec=spec),
            expiry=intent.expiry or "",
            valid_until=case.occurred_at + case.rules.max_age,
        )
        for number, lots in enumerate(legs, start=1)
    )
    return replace(draft, orders=orders), {"legs": [plain(lots) for lots in legs]}


def _terminal(case: Case) -> Terminal:
    return case.follower or Terminal()


def _spec(draft: _Draft) -> SymbolSpec:
    if draft.spec is None:
        raise Denied(Code.SYMBOL_NOT_FOUND)
    return draft.spec


# What follows a copy ----------------------------------------------------------------------------------------


def _copy(case: Case, draft: _Draft) -> tuple[_Draft, dict[str, Any]]:
    if not case.legs:
        raise _Nothing(Code.NOT_COPIED, position_id=case.intent.position_id)
    alive = [leg for leg in case.legs if leg.alive]
    if not alive:
        raise _Nothing(Code.COPY_GONE, position_id=case.intent.position_id)
    if case.intent.action is Action.ACTIVATE:
        raise _Nothing(Code.FILLS_AT_OWN_BROKER, position_id=case.intent.position_id)
    return draft, {"legs": len(alive), "lots": sum((leg.lots for leg in alive), _NONE)}


def _following_orders(case: Case, draft: _Draft) -> tuple[_Draft, dict[str, Any]]:
    orders = _FOLLOW[case.intent.action](case, [leg for leg in case.legs if leg.alive])
    return replace(draft, orders=orders), {"lots_after": [plain(order.lots_after) for order in orders]}


def _modify(case: Case, legs: Sequence[Leg]) -> tuple[Order, ...]:
    wanted = advance(case.position, case.intent) or Position(PositionState.OPEN, case.intent.ticket)
    return tuple(
        replace(
            _order(leg, Action.MODIFY, lots_after=leg.lots),
            price=_on_grid(case, leg, wanted.price) if leg.order_type is not OrderType.MARKET else None,
            sl=_on_grid(case, leg, wanted.sl),
            tp=_on_grid(case, leg, wanted.tp),
            expiry=wanted.expiry,
        )
        for leg in legs
    )


def _close(case: Case, legs: Sequence[Leg]) -> tuple[Order, ...]:
    return tuple(replace(_order(leg, case.intent.action, lots_after=_NONE), price=case.intent.price) for leg in legs)


def _partial_close(case: Case, legs: Sequence[Leg]) -> tuple[Order, ...]:
    """close_f = L_f x closed_m / L_m,before, down to the lot step, from the last leg backwards; never a full close."""
    if any(leg.state is CopyState.WORKING for leg in legs):
        raise _Nothing(Code.COPY_STILL_WORKING)
    closed, remaining = case.intent.lots or _NONE, case.intent.remaining_lots or _NONE
    ours = sum((leg.lots for leg in legs), _NONE)
    exact = ours * closed / (closed + remaining)
    orders = _spread(case, legs, exact)
    if not orders:
        raise _Nothing(Code.PARTIAL_CLOSE_DEFERRED, exact=exact, lots=ours)
    return orders


def _spread(case: Case, legs: Sequence[Leg], exact: Decimal) -> tuple[Order, ...]:
    orders: list[Order] = []
    alive = len(legs)
    for leg in reversed(legs):
        step, least = _lot_grid(case, leg)
        part = min(round_lots(min(exact, leg.lots), step=step), leg.lots)
        if part < leg.lots or alive == 1:  # what stays open must be tradable
            part = min(part, round_lots(leg.lots - least, step=step))
        if part <= 0:
            continue
        action = Action.CLOSE if part == leg.lots else Action.PARTIAL_CLOSE
        orders.append(replace(_order(leg, action, lots_after=leg.lots - part), price=case.intent.price))
        alive -= action is Action.CLOSE
        exact -= part
    return tuple(orders)


def _lot_grid(case: Case, leg: Leg) -> tuple[Decimal, Decimal]:
    """Lot step, and the least lots that may stay open; 0.01 where the follower's terminal does not tell."""
    spec = _terminal(case).symbols.get(leg.symbol)
    return (spec.lots_step, max(spec.lots_min, spec.lots_step)) if spec else (Decimal("0.01"), Decimal("0.01"))


def _order(leg: Leg, action: Action, *, lots_after: Decimal) -> Order:
    return Order(
        leg=leg.leg,
        action=action,
        symbol=leg.symbol,
        side=leg.side,
        order_type=leg.order_type,
        lots=leg.lots - lots_after,
        lots_before=leg.lots,
        lots_after=lots_after,
    )


def _on_grid(case: Case, leg: Leg, price: Decimal | None) -> Decimal | None:
    spec = _terminal(case).symbols.get(leg.symbol)
    return price if spec is None else round_price(price, spec=spec)


_FOLLOW: Final[Mapping[Action, Callable[[Case, Sequence[Leg]], tuple[Order, ...]]]] = {
    Action.MODIFY: _modify,
    Action.CLOSE: _close,
    Action.CANCEL: _close,
    Action.PARTIAL_CLOSE: _partial_close,
}
OPENING: Final[tuple[_Step, ...]] = (
    _subscription,
    _position,
    _account,
    _signal_age,
    _symbol,
    _allocation,
    _rounding,
    _guards,
    _opening_orders,
)
FOLLOWING: Final[tuple[_Step, ...]] = (_copy, _following_orders)
