"""Pending orders that filled on the master's side only.

The copy gets some time to fill by itself. Then its working order is cancelled, in a way that leaves a filled one alone;
and only when the cancel is reported done, and nothing had filled, is the position opened at market, if the signal is
still young enough. So there are never two positions of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from orders.domain.copies.desired import largest_part
from orders.domain.copies.legs import NONE, Leg, Order
from orders.domain.copies.positions import Position, PositionState
from orders.domain.copies.rejections import classify, pause_before_closing
from orders.domain.copies.shares import HUNDREDTH, exact_share
from orders.domain.sizing.rounding import Grid, round_lots, round_price
from orders.domain.states.copies import CopyState
from orders.domain.states.denials import Code, Denied
from orders.domain.states.fill_waits import WaitState
from orders.domain.states.subscriptions import SubscriptionState
from orders.domain.wire.intents import Action, OrderType
from orders.domain.wire.reports import ReportStatus

CALL_AFTER: Final = 3
"""After how many refusals to cancel a working order a person is called."""


def at_deadline(copy: Leg, position: Position | None) -> WaitState:
    """What becomes of a copy whose time is over: it filled, it is not wanted any more, or its order is cancelled. One
    that its broker has dropped is opened at market at once: there is nothing to cancel.
    """
    if copy.state is CopyState.OPEN:
        return WaitState.FILLED
    if not _is_wanted(copy, position):
        return WaitState.ENDED
    if copy.dropped:
        return WaitState.REOPENED
    return WaitState.CANCELLING if copy.alive else WaitState.ENDED


def _is_wanted(copy: Leg, position: Position | None) -> bool:
    return position is not None and position.state is PositionState.OPEN and not copy.tombstoned


def after_report(
    copy: Leg,
    position: Position | None,
    *,
    status: ReportStatus,
    action: Action | None,
    inferred: bool = False,
) -> WaitState:
    """Where a report leads a copy whose working order is being cancelled; `copy` is what it has become by it.

    `reopened` says that the order is gone and the position may be opened at market. A cancel that finds a filled order
    reports `closed`: the position stays, or is closed by now; either way nothing is opened. Nor is it when the cancel
    is only `inferred` from a book without the order: that may have filled and ended meanwhile.
    """
    if copy.state is CopyState.OPEN:
        return WaitState.FILLED
    # The report of another command, of a close perhaps: that of the cancel is still to come.
    if action is not Action.CANCEL:
        return _beside_the_cancel(copy, position, status=status, action=action)
    # A broker refuses to cancel while the order is about to fill, or while it is busy. Without end: an order that works
    # on counts as part of the copy, and what it never gives would be missing from what the follower holds.
    if status is ReportStatus.REJECTED:
        return WaitState.WAITING
    if status is ReportStatus.CLOSED:
        return WaitState.FILLED
    if status is not ReportStatus.CANCELLED:
        return WaitState.CANCELLING
    # A book without the order does not tell whether it was cancelled or filled and closed: then nothing is opened,
    # for two positions are worse than none.
    return WaitState.REOPENED if not inferred and _is_wanted(copy, position) else WaitState.ENDED


def wait_again(error_code: int | None, *, tries: int, span: timedelta) -> timedelta:
    """How long the order goes on working when its cancel was refused so many times: its usual time, and no shorter than
    the pause before any other refused close.
    """
    return max(span, pause_before_closing(classify(error_code), tries))


def _beside_the_cancel(
    copy: Leg, position: Position | None, *, status: ReportStatus, action: Action | None
) -> WaitState:
    if copy.dropped and _is_wanted(copy, position):
        return WaitState.REOPENED
    # What is told of the place is the cancel's doing: its own report says so.
    cancelled = action is Action.PLACE and status is ReportStatus.CANCELLED and not copy.tombstoned
    return WaitState.CANCELLING if copy.alive or cancelled else WaitState.ENDED


@dataclass(frozen=True, slots=True)
class Reopening:
    """What the market order in place of a cancelled pending one depends on.

    `lots`: the cancelled order's; `master_lots`: the master's when its order filled. `others`: the other legs of this
    position; `next_leg` is the first number that none of them has had.
    """

    leg: Leg
    lots: Decimal
    master_lots: Decimal | None
    position: Position
    subscription: SubscriptionState
    max_age: timedelta
    deviation_points: int | None
    spec: Grid | None
    filled_at: datetime
    next_leg: int
    now: datetime
    others: Sequence[Leg] = ()


def reopen(asked: Reopening) -> Order:
    """The market order in place of the cancelled one, with the master's stops of this moment.

    :raises Denied: SUBSCRIPTION_CLOSE_ONLY, SIGNAL_TOO_OLD, BELOW_MINIMUM_LOTS
    """
    leg, spec = asked.leg, asked.spec
    if asked.subscription is not SubscriptionState.ACTIVE:
        raise Denied(Code.SUBSCRIPTION_CLOSE_ONLY, state=asked.subscription.value)
    age = asked.now - asked.filled_at
    # The age counts from the master's fill: what the wait has cost is no excuse for an old price.
    if age > asked.max_age:
        limit = int(asked.max_age.total_seconds())
        raise Denied(Code.SIGNAL_TOO_OLD, age_seconds=round(age.total_seconds(), 3), limit_seconds=limit)
    sl, tp = asked.position.sl, asked.position.tp
    lots = _lots(asked)
    return Order(
        leg=asked.next_leg,
        action=Action.OPEN,
        symbol=leg.symbol,
        side=leg.side,
        order_type=OrderType.MARKET,
        lots=lots,
        lots_before=NONE,
        lots_after=lots,
        price=_on_grid(asked.position.price, spec),
        deviation_points=asked.deviation_points,
        sl=_on_grid(tp if leg.reverse else sl, spec),
        tp=_on_grid(sl if leg.reverse else tp, spec),
        valid_until=asked.filled_at + asked.max_age,
        reverse=leg.reverse,
    )


def _lots(asked: Reopening) -> Decimal:
    """The cancelled order's lots, less what has left of the copy since it was placed.

    :raises Denied: BELOW_MINIMUM_LOTS
    """
    after, spec = asked.position.lots, asked.spec
    if after is None:
        return asked.lots
    # The order is gone, and shall be part of the copy all the same.
    exact = exact_share((*asked.others, replace(asked.leg, state=CopyState.WORKING)), after)
    lots = _of_the_order(asked, after) if exact is None else _of_all_legs(asked, exact)
    least = spec.lots_min if spec else HUNDREDTH
    if lots < asked.lots and (lots < least or lots <= 0):
        raise Denied(Code.BELOW_MINIMUM_LOTS, lots=lots, lots_min=least)
    return lots


def _of_all_legs(asked: Reopening, exact: Decimal) -> Decimal:
    """What all legs together shall have, less what the others have: those may have given more than their part."""
    spec, lots = asked.spec, asked.lots
    living = [leg for leg in asked.others if leg.alive]
    target = round_lots(exact, step=spec.lots_step if spec else HUNDREDTH)
    if target < (spec.lots_min if spec else HUNDREDTH):
        return min(target, lots)
    excess = max(NONE, lots + sum((leg.lots for leg in living), NONE) - target)
    stays = any(leg.state is CopyState.OPEN for leg in living)
    return lots - largest_part(replace(asked.leg, lots=lots), excess, spec, may_end=stays)


def _of_the_order(asked: Reopening, after: Decimal) -> Decimal:
    """Copies of old deployments do not know their origin: each order is reduced by itself."""
    before = asked.master_lots
    # He has closed nothing since, or we do not know what he had.
    if not before or after >= before:
        return asked.lots
    return round_lots(asked.lots * after / before, step=asked.spec.lots_step if asked.spec else HUNDREDTH)


def _on_grid(price: Decimal | None, spec: Grid | None) -> Decimal | None:
    return price if spec is None else round_price(price, spec=spec)
