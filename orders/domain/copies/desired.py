"""The orders that lead one leg somewhere: to other stops, to fewer lots, to its end.

Each is made from where the leg was led last and where it shall be; nothing here asks whether it shall.
"""

from dataclasses import replace
from decimal import Decimal

from orders.domain.copies.legs import NONE, Leg, Order
from orders.domain.copies.positions import Position, PositionState
from orders.domain.sizing.rounding import Grid, round_lots, round_price
from orders.domain.states.copies import CopyState
from orders.domain.wire.intents import Action, OrderType


def not_filled(order_type: OrderType, state: CopyState) -> bool:
    """Whether a copy is a pending order that, as far as we know, has not filled."""
    return order_type is not OrderType.MARKET and state in (CopyState.HELD, CopyState.ORDERED, CopyState.WORKING)


def moving(leg: Leg, wanted: Position, spec: Grid | None) -> Order:
    """Set a leg's stops, and a pending order's price and expiry, as the master's stand."""
    # A position has neither a price that can be moved nor an expiry; a copy that still works may lag behind its
    # master.
    pending = wanted.state is PositionState.WORKING
    return replace(
        led_to(leg, Action.MODIFY, lots_after=leg.lots),
        price=_on_grid(wanted.price, spec) if pending and leg.order_type is not OrderType.MARKET else None,
        # The other way round the master's take profit is where the copy loses.
        sl=_on_grid(wanted.tp if leg.reverse else wanted.sl, spec),
        tp=_on_grid(wanted.sl if leg.reverse else wanted.tp, spec),
        expiry=wanted.expiry if pending else "",
    )


def largest_part(leg: Leg, exact: Decimal, spec: Grid | None, *, may_end: bool) -> Decimal:
    """The lots to close of a leg, down to the lot step; what stays open must be tradable. 0.01 if no step is known."""
    # Copies that are older than the keeping of specs may know none; 0.01 is the step of most.
    step = spec.lots_step if spec else Decimal("0.01")
    least = max(spec.lots_min, step) if spec else step
    part = min(round_lots(min(exact, leg.lots), step=step), leg.lots)
    # One leg may end whole as long as another one stays: the copy as such goes on.
    if part == leg.lots and may_end:
        return part
    return min(part, round_lots(leg.lots - least, step=step))


def led_to(leg: Leg, action: Action, *, lots_after: Decimal) -> Order:
    """The order that takes a leg from the lots it is led to by now to `lots_after`."""
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
    return led_to(leg, Action.CLOSE, lots_after=NONE)


def cancelling(leg: Leg, *, keep_filled: bool) -> Order:
    """Cancel a leg's working order. `keep_filled`: if it has filled on the way, the position stays."""
    return led_to(leg, Action.CANCEL, lots_after=leg.lots if keep_filled else NONE)


def _on_grid(price: Decimal | None, spec: Grid | None) -> Decimal | None:
    # The master's broker may quote finer; a price between two ticks is refused.
    return price if spec is None else round_price(price, spec=spec)


def reducing(leg: Leg, have: Decimal, lots: Decimal) -> Order:
    """By its own lots: what was decided may be more or less than has filled."""
    mine = replace(leg, lots=have)
    return closing(mine) if lots <= 0 else led_to(mine, Action.PARTIAL_CLOSE, lots_after=lots)
