"""The steps of a decision on what follows a copy: modify, close, cancel, activate, partial close. None of it is denied.

Pending orders fill on each side by themselves. The copy filled and the master's is cancelled: the copy is closed. The
master's filled and the copy still works: it gets some time (`waiting`), then orders/domain/copies/fill_waits.py takes
over.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final

from orders.domain.copies.positions import Position, PositionState, advance
from orders.domain.decision.inputs import NONE, Case, Draft, Evidence, Leg, NothingToDo, Order, Step
from orders.domain.decision.symbols import SymbolSpec, round_lots, round_price
from orders.domain.states.copies import CopyState
from orders.domain.states.denials import Code
from orders.domain.wire.intents import Action, OrderType
from sessions_app.domain.decimals import plain


def _copy(case: Case, draft: Draft) -> tuple[Draft, Evidence]:
    if not case.legs:
        raise NothingToDo(Code.NOT_COPIED, position_id=case.intent.position_id)
    alive = [leg for leg in case.legs if leg.alive]
    if not alive:
        raise NothingToDo(Code.COPY_GONE, position_id=case.intent.position_id)
    return draft, {"legs": len(alive), "lots": sum((leg.lots for leg in alive), NONE)}


def _own_broker(case: Case, draft: Draft) -> tuple[Draft, Evidence]:
    """The master's pending order filled: which copies have not, and whether the stops changed with it."""
    waiting = tuple(leg.leg for leg in case.legs if leg.alive and not_filled(leg.order_type, leg.state))
    draft = replace(draft, waiting=waiting)
    evidence = {"waiting_legs": list(waiting), "wait_seconds": int(case.rules.pending_wait.total_seconds())}
    before, after = case.position, advance(case.position, case.intent)
    if before is None or after is None or (before.sl, before.tp) == (after.sl, after.tp):
        raise NothingToDo(Code.FILLS_AT_OWN_BROKER, draft=draft, position_id=case.intent.position_id, **evidence)
    return draft, evidence


def not_filled(order_type: OrderType, state: CopyState) -> bool:
    """Whether a copy is a pending order that, as far as we know, has not filled."""
    return order_type is not OrderType.MARKET and state in (CopyState.HELD, CopyState.ORDERED, CopyState.WORKING)


def _following_orders(case: Case, draft: Draft) -> tuple[Draft, Evidence]:
    """The orders; what takes a part off a working order has to wait until it has filled.

    Behind an order that is still on its way it is sent: that may have filled by then, and is rejected if it has not.
    """
    legs = [leg for leg in case.legs if leg.alive]
    orders = _FOLLOW[case.intent.action](case, legs)
    evidence: Evidence = {"lots_after": [plain(order.lots_after) for order in orders]}
    unfilled = {leg.leg for leg in legs if leg.state is CopyState.WORKING}
    later = [order for order in orders if order.action is Action.PARTIAL_CLOSE and order.leg in unfilled]
    if later:
        evidence["when_filled"] = [order.leg for order in later]
        orders = tuple(order for order in orders if order not in later)
        draft = replace(draft, led=tuple((order.leg, order.lots_after) for order in later))
    if not orders and later:
        raise NothingToDo(Code.COPY_STILL_WORKING, draft=draft, **evidence)
    return replace(draft, orders=orders), evidence


def _modify(case: Case, legs: Sequence[Leg]) -> tuple[Order, ...]:
    """Stops as they shall stand. Price and expiry only as long as the master's order itself is a pending one."""
    wanted = advance(case.position, case.intent) or Position(PositionState.OPEN, case.intent.ticket)
    return tuple(moving(leg, wanted, case.terminal.symbols.get(leg.symbol)) for leg in legs)


def moving(leg: Leg, wanted: Position, spec: SymbolSpec | None) -> Order:
    """Set a leg's stops, and a pending order's price and expiry, as the master's stand."""
    pending = wanted.state is PositionState.WORKING
    return replace(
        _order(leg, Action.MODIFY, lots_after=leg.lots),
        price=_on_grid(wanted.price, spec) if pending and leg.order_type is not OrderType.MARKET else None,
        sl=_on_grid(wanted.tp if leg.reverse else wanted.sl, spec),
        tp=_on_grid(wanted.sl if leg.reverse else wanted.tp, spec),
        expiry=wanted.expiry if pending else "",
    )


def _close(case: Case, legs: Sequence[Leg]) -> tuple[Order, ...]:
    return tuple(replace(_order(leg, case.intent.action, lots_after=NONE), price=case.intent.price) for leg in legs)


def _cancel(case: Case, legs: Sequence[Leg]) -> tuple[Order, ...]:
    """What has filled here is closed; a working order is cancelled, or closed if it fills on the way."""
    return tuple(
        _order(leg, Action.CLOSE if leg.state is CopyState.OPEN else Action.CANCEL, lots_after=NONE) for leg in legs
    )


def _partial_close(case: Case, legs: Sequence[Leg]) -> tuple[Order, ...]:
    """close_f = L_f x closed_m / L_m,before, down to the lot step, from the last leg backwards; never a full close."""
    closed, remaining = case.intent.lots or NONE, case.intent.remaining_lots or NONE
    ours = sum((leg.lots for leg in legs), NONE)
    exact = ours * closed / (closed + remaining)
    orders = _spread(case, legs, exact)
    if not orders:
        raise NothingToDo(Code.PARTIAL_CLOSE_DEFERRED, exact=exact, lots=ours)
    return orders


def _spread(case: Case, legs: Sequence[Leg], exact: Decimal) -> tuple[Order, ...]:
    orders: list[Order] = []
    alive = len(legs)
    for leg in reversed(legs):
        part = _part(leg, exact, case.terminal.symbols.get(leg.symbol), may_end=alive > 1)
        if part <= 0:
            continue
        action = Action.PARTIAL_CLOSE
        if part == leg.lots:
            action = Action.CANCEL if leg.state is CopyState.WORKING else Action.CLOSE
        orders.append(replace(_order(leg, action, lots_after=leg.lots - part), price=case.intent.price))
        alive -= part == leg.lots
        exact -= part
    return tuple(orders)


def _part(leg: Leg, exact: Decimal, spec: SymbolSpec | None, *, may_end: bool) -> Decimal:
    """The lots to close of a leg, down to the lot step; what stays open must be tradable. 0.01 where nobody tells."""
    step = spec.lots_step if spec else Decimal("0.01")
    least = max(spec.lots_min, step) if spec else step
    part = min(round_lots(min(exact, leg.lots), step=step), leg.lots)
    if part == leg.lots and may_end:
        return part
    return min(part, round_lots(leg.lots - least, step=step))


def reducing(leg: Leg, exact: Decimal, spec: SymbolSpec | None) -> Order | None:
    """Close these lots of one leg, and never all of it; None if that is too little."""
    part = _part(leg, exact, spec, may_end=False)
    return _order(leg, Action.PARTIAL_CLOSE, lots_after=leg.lots - part) if part > 0 else None


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


def closing(leg: Leg) -> Order:
    """Close a leg's position."""
    return _order(leg, Action.CLOSE, lots_after=NONE)


def leading_back(leg: Leg, lots_open: Decimal) -> Order:
    """Close what a leg has open beyond the lots that it is to have."""
    action = Action.PARTIAL_CLOSE if leg.lots > 0 else Action.CLOSE
    return _order(replace(leg, lots=lots_open), action, lots_after=leg.lots)


def cancelling(leg: Leg, *, keep_filled: bool) -> Order:
    """Cancel a leg's working order. `keep_filled`: if it has filled on the way, the position stays."""
    return _order(leg, Action.CANCEL, lots_after=leg.lots if keep_filled else NONE)


def _on_grid(price: Decimal | None, spec: SymbolSpec | None) -> Decimal | None:
    return price if spec is None else round_price(price, spec=spec)


_FOLLOW: Final[Mapping[Action, Callable[[Case, Sequence[Leg]], tuple[Order, ...]]]] = {
    Action.ACTIVATE: _modify,
    Action.MODIFY: _modify,
    Action.CLOSE: _close,
    Action.CANCEL: _cancel,
    Action.PARTIAL_CLOSE: _partial_close,
}
FOLLOWING: Final[tuple[Step, ...]] = (_copy, _following_orders)
ACTIVATING: Final[tuple[Step, ...]] = (_copy, _own_broker, _following_orders)
