"""The steps of a decision on what follows a copy: modify, close, cancel, activate, partial close. None of it is denied.

Pending orders fill on each side by themselves. The copy filled and the master's is cancelled: the copy is closed. The
master's filled and the copy still works: it gets some time (`waiting`), then orders/domain/copies/fill_waits.py takes
over.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final

from orders.domain.copies.desired import led_to, moving, not_filled
from orders.domain.copies.legs import NONE, Leg, Order
from orders.domain.copies.positions import Position, PositionState, advance
from orders.domain.copies.shares import exact_share, on_grid, parts_to_close
from orders.domain.copies.specs import grid_of
from orders.domain.decision.inputs import Case, Draft, Evidence, NothingToDo, Step
from orders.domain.states.copies import CopyState
from orders.domain.states.denials import Code
from orders.domain.wire.intents import Action
from sessions_app.domain.decimals import plain


def _copy(case: Case, draft: Draft) -> tuple[Draft, Evidence]:
    if not case.legs:
        raise NothingToDo(Code.NOT_COPIED, position_id=case.intent.position_id)
    alive = [leg for leg in case.legs if leg.alive]
    if not alive and not _dropped(case):
        raise NothingToDo(_why_gone(case), position_id=case.intent.position_id)
    return draft, {"legs": len(alive), "lots": sum((leg.lots for leg in alive), NONE)}


def _dropped(case: Case) -> tuple[int, ...]:
    """The legs that the master's fill finds dropped by their broker. One that was deleted by hand speaks for all."""
    if case.intent.action is not Action.ACTIVATE or any(leg.tombstoned for leg in case.legs):
        return ()
    return tuple(leg.leg for leg in case.legs if leg.dropped)


def _why_gone(case: Case) -> Code:
    deleted = any(leg.tombstoned and not leg.filled for leg in case.legs)
    return Code.TOMBSTONED if deleted and case.intent.action is Action.ACTIVATE else Code.COPY_GONE


def _own_broker(case: Case, draft: Draft) -> tuple[Draft, Evidence]:
    """The master's pending order filled: which copies have not, and whether the stops changed with it."""
    # A copy fills at its own broker, by its own prices: a moment earlier or later, or not at all.
    waiting = tuple(leg.leg for leg in case.legs if leg.alive and not_filled(leg.order_type, leg.state))
    dropped = _dropped(case)
    before, after = case.position, advance(case.position, case.intent)
    draft = replace(draft, waiting=waiting + dropped, touched=_filled_short(case.legs, before, after))
    evidence: Evidence = {"waiting_legs": list(waiting), "wait_seconds": int(case.rules.pending_wait.total_seconds())}
    evidence |= {"dropped_legs": list(dropped)} if dropped else {}
    # An order that is not there neither fills nor takes stops.
    if dropped and not any(leg.alive for leg in case.legs):
        raise NothingToDo(Code.OPENS_AT_MARKET, draft=draft, position_id=case.intent.position_id, **evidence)
    # Most fills change nothing else, and then there is nothing to send.
    if before is None or after is None or (before.sl, before.tp) == (after.sl, after.tp):
        raise NothingToDo(Code.FILLS_AT_OWN_BROKER, draft=draft, position_id=case.intent.position_id, **evidence)
    return draft, evidence


def _filled_short(legs: Sequence[Leg], before: Position | None, after: Position | None) -> tuple[int, ...]:
    """The legs to look at because the master's order has filled with fewer lots than it was placed with: a copy that
    has filled already is larger than its share."""
    if before is None or after is None or not before.lots or not after.lots or after.lots >= before.lots:
        return ()
    return tuple(leg.leg for leg in legs if leg.alive)


def _following_orders(case: Case, draft: Draft) -> tuple[Draft, Evidence]:
    """The orders; what takes a part off a working order has to wait until it has filled.

    Behind an order that is still on its way it is sent: that may have filled by then, and is rejected if it has not.
    """
    legs = [leg for leg in case.legs if leg.alive]
    orders = _FOLLOW[case.intent.action](case, legs)
    evidence: Evidence = {"lots_after": [plain(order.lots_after) for order in orders]}
    # The lots of a working order cannot be changed at a broker, only its price and stops.
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
    # A modify may come before its open: then its own figures are all there is.
    wanted = advance(case.position, case.intent) or Position(PositionState.OPEN, case.intent.ticket)
    return tuple(moving(leg, wanted, grid_of(leg, case.terminal.symbols)) for leg in legs)


def _close(case: Case, legs: Sequence[Leg]) -> tuple[Order, ...]:
    return tuple(replace(led_to(leg, case.intent.action, lots_after=NONE), price=case.intent.price) for leg in legs)


def _cancel(case: Case, legs: Sequence[Leg]) -> tuple[Order, ...]:
    """What has filled here is closed; a working order is cancelled, or closed if it fills on the way."""
    return tuple(
        led_to(leg, Action.CLOSE if leg.state is CopyState.OPEN else Action.CANCEL, lots_after=NONE) for leg in legs
    )


def _partial_close(case: Case, legs: Sequence[Leg]) -> tuple[Order, ...]:
    """What the legs have beyond the master's share, from the last leg backwards; never a full close."""
    closed, remaining = case.intent.lots or NONE, case.intent.remaining_lots or NONE
    ours = sum((leg.lots for leg in legs), NONE)
    if not remaining:  # of an unknown remainder no share can be taken: the next book tells it
        raise NothingToDo(Code.PARTIAL_CLOSE_DEFERRED, lots=ours)
    exact = exact_share(case.legs, remaining)
    if exact is None:
        # Copies of old deployments do not know their origin: the share that the master closes is closed, rounded down.
        exact = ours * remaining / (closed + remaining)
        excess = ours - exact
    else:
        excess = ours - on_grid(exact, grid_of(legs[-1], case.terminal.symbols))
    orders = tuple(
        replace(_reduced(leg, part), price=case.intent.price)
        for leg, part in parts_to_close(legs, excess, case.terminal.symbols)
    )
    if orders:
        return orders
    evidence: Evidence = {"exact": ours - exact, "lots": ours}
    if excess > 0 and not all(leg.observed for leg in legs):
        numbers = tuple(leg.leg for leg in legs)
        raise NothingToDo(Code.COPY_ON_ITS_WAY, draft=Draft(touched=numbers), **evidence)
    raise NothingToDo(Code.PARTIAL_CLOSE_DEFERRED, **evidence)


def _reduced(leg: Leg, part: Decimal) -> Order:
    action = Action.PARTIAL_CLOSE
    if part == leg.lots:
        # A leg that ends whole is closed as one, or cancelled where it has not filled.
        action = Action.CANCEL if leg.state is CopyState.WORKING else Action.CLOSE
    return led_to(leg, action, lots_after=leg.lots - part)


_FOLLOW: Final[Mapping[Action, Callable[[Case, Sequence[Leg]], tuple[Order, ...]]]] = {
    # Each copy fills at its own broker: all that a fill of the master's can bring it is other stops.
    Action.ACTIVATE: _modify,
    Action.MODIFY: _modify,
    Action.CLOSE: _close,
    Action.CANCEL: _cancel,
    Action.PARTIAL_CLOSE: _partial_close,
}
FOLLOWING: Final[tuple[Step, ...]] = (_copy, _following_orders)
ACTIVATING: Final[tuple[Step, ...]] = (_copy, _own_broker, _following_orders)
