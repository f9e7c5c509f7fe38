"""What an open names and its broker does not take: ordered without it, whatever was tried before."""

from dataclasses import replace

from orders.domain.copies.positions import PositionState
from orders.domain.copies.tries import Levels
from orders.domain.wire.intents import Action, OrderType
from tests.unit.orders.copies.test_converge import (
    AS_STOPPED,
    GONE,
    REJECTED,
    STOPPED,
    VOID,
    D,
    actions,
    ago,
    later,
    opening,
    ordered,
    step,
)  # fmt: skip


def test_an_open_that_was_refused_for_its_stops_at_the_last_try_is_carried_out_without_them() -> None:
    """Without its stops it is the next step of the same order; whatever that is refused for, it was the last one."""
    busy = opening(REJECTED, 9, 4, levels=AS_STOPPED)
    stops = opening(REJECTED, 0, 130, levels=AS_STOPPED)
    (order,) = step(ordered(busy, busy, stops), of=STOPPED).orders
    assert (order.action, order.sl, order.tp, order.valid_until) == (Action.OPEN, D(0), D(0), later(30))
    for only in (Levels(sl=D("1.05")), Levels(tp=D("1.2"))):
        assert actions(step(ordered(busy, busy, replace(stops, levels=only)), of=STOPPED)) == [("open", "0.1")]
    for code in (138, 4, 130, 134):
        assert step(ordered(busy, busy, stops, opening(REJECTED, 0, code)), of=STOPPED).gives_up
    # What named no stops cannot do without them, nor does an order that came to nothing for another reason.
    for last in (replace(stops, levels=Levels()), replace(stops, state=VOID), replace(stops, error_code=138)):
        assert step(ordered(busy, busy, last), of=STOPPED).gives_up
    assert step(ordered(busy, busy, replace(stops, valid_until=ago(1))), of=STOPPED).gives_up
    assert step(ordered(busy, busy, stops), of=GONE).gives_up


def test_an_order_that_was_refused_for_its_expiry_at_the_last_try_is_placed_without_it() -> None:
    pending = replace(STOPPED, state=PositionState.WORKING, price=D("1.08"), expiry="now")
    busy = opening(REJECTED, 9, 4, action=Action.PLACE, levels=replace(AS_STOPPED, expiry="now"))
    endless = replace(busy, error_code=147)
    (order,) = step(ordered(busy, busy, endless, order_type=OrderType.LIMIT), of=pending).orders
    assert (order.action, order.sl, order.expiry) == (Action.PLACE, D("1.05"), "")
    # Refused for both, each of them is left out in its turn: five orders are the most.
    stops = replace(busy, error_code=130, levels=AS_STOPPED)
    (order,) = step(ordered(busy, busy, endless, stops, order_type=OrderType.LIMIT), of=pending).orders
    assert (order.sl, order.tp, order.expiry) == (D(0), D(0), "")
    bare = replace(busy, levels=Levels())
    assert step(ordered(busy, busy, endless, stops, bare, order_type=OrderType.LIMIT), of=pending).gives_up
    assert step(
        ordered(busy, busy, replace(endless, levels=AS_STOPPED), order_type=OrderType.LIMIT), of=pending
    ).gives_up
