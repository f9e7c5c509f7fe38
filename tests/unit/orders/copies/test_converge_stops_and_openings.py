"""The next step of a copy, case by case: its stops, and an opening that has come to nothing."""

from dataclasses import replace
from typing import Any

import pytest

from orders.domain.copies.converge import Followed, Step, converge
from orders.domain.copies.positions import PositionState
from orders.domain.copies.tries import Levels, Tried
from orders.domain.states.commands import CommandState
from orders.domain.states.reasons import WaitReason
from orders.domain.states.subscriptions import SubscriptionState
from orders.domain.wire.intents import Action, OrderType, Side
from tests.unit.builders import book, position
from tests.unit.orders.copies.test_converge import (
    AS_STOPPED,
    CLOSE_ONLY,
    DONE,
    EXPIRED,
    GONE,
    NOW,
    OFF,
    QUEUED,
    RECEIVED,
    REJECTED,
    STOPPED,
    UNKNOWN,
    VOID,
    D,
    actions,
    ago,
    close,
    later,
    opening,
    ordered,
    standing,
    step,
    steps,
    tried,
    waits,
    working,
)  # fmt: skip


def moved(state: CommandState, seconds: float = 0, code: int | None = None, **changes: Any) -> Tried:
    return tried(Action.MODIFY, state, seconds, code, **({"levels": AS_STOPPED} | changes))


# Stops ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("there", [Levels(), Levels(D("1.05")), Levels(tp=D("1.2")), Levels(D("1.04"), D("1.2"))])
def test_stops_are_set_as_the_masters_stand(there: Levels) -> None:
    made = step(standing(at_broker=there), of=STOPPED)
    (order,) = made.orders
    assert (order.action, order.sl, order.tp, order.price) == (Action.MODIFY, D("1.05"), D("1.2"), None)
    assert (order.lots_before, order.lots_after) == (D("0.10"), D("0.10"))
    assert (waits(made), made.unprotected) == ((60, WaitReason.ON_ITS_WAY), False)


def test_stops_that_the_master_has_taken_away_are_taken_away() -> None:
    made = step(standing(moved(REJECTED, 100, 130, levels=Levels()), at_broker=AS_STOPPED), of=position())
    (order,) = made.orders
    assert (order.sl, order.tp, made.unprotected) == (D(0), D(0), False)


def test_the_other_way_round_the_masters_target_is_the_copys_stop() -> None:
    (order,) = step(standing(reverse=True), of=STOPPED).orders
    assert (order.sl, order.tp) == (D("1.2"), D("1.05"))
    assert step(standing(reverse=True, at_broker=Levels(D("1.2"), D("1.05"))), of=STOPPED) == Step(D("0.10"))


def test_a_working_order_stands_at_the_masters_price() -> None:
    pending = position(state=PositionState.WORKING, price=D("1.08"), sl=D("1.05"), tp=D("1.2"), expiry="soon")
    there = replace(AS_STOPPED, price=D("1.07"))
    (order,) = step(working(at_broker=there), of=pending).orders
    assert (order.action, order.price, order.expiry) == (Action.MODIFY, D("1.08"), "soon")
    assert step(working(at_broker=replace(there, price=D("1.08"))), of=pending) == Step(D("0.10"))
    assert actions(step(working(at_broker=Levels(price=D("1.08"))), of=pending)) == [("modify", "0.1")]
    # Where the master's has filled, the copy stays where it is.
    assert step(working(at_broker=there), of=STOPPED) == Step(D("0.10"))
    # A stop that a working order lacks leaves nothing unprotected.
    assert not step(
        working(moved(REJECTED, 1, 130, levels=replace(AS_STOPPED, price=D("1.08")))), of=pending
    ).unprotected


def test_a_working_order_ends_when_the_masters_does() -> None:
    pending = replace(STOPPED, state=PositionState.WORKING, price=D("1.08"), expiry="now")
    there = replace(AS_STOPPED, price=D("1.08"), expiry="then")
    (order,) = step(working(at_broker=there), of=pending).orders
    assert (order.action, order.expiry) == (Action.MODIFY, "now")
    assert step(working(at_broker=replace(there, expiry="now")), of=pending) == Step(D("0.10"))
    assert step(working(at_broker=there), of=replace(pending, expiry="")) == Step(D("0.10"))
    # What was placed before expiries were kept passes for the wanted one; what has filled has none.
    assert step(working(at_broker=replace(there, expiry=None)), of=pending) == Step(D("0.10"))
    assert step(standing(at_broker=there), of=pending) == Step(D("0.10"))


def test_a_refused_expiry_is_set_again_as_stops_are() -> None:
    pending = replace(STOPPED, state=PositionState.WORKING, price=D("1.08"), expiry="now")
    there = replace(AS_STOPPED, price=D("1.08"), expiry="then")
    asked = replace(there, expiry="now")
    assert waits(step(working(moved(REJECTED, 0, 137, levels=asked), at_broker=there), of=pending)) == (
        1, WaitReason.PAUSE,
    )  # fmt: skip
    assert step(working(moved(QUEUED, 1, levels=asked), at_broker=there), of=pending).orders == ()
    again = step(working(moved(REJECTED, 1, 137, levels=asked), at_broker=there), of=pending)
    assert [order.expiry for order in again.orders] == ["now"]
    # Tries with another expiry were about something else.
    other = working(moved(REJECTED, 0, 137, levels=replace(there, expiry="soon")), at_broker=there)
    assert len(step(other, of=pending).orders) == 1


@pytest.mark.parametrize("action", [Action.PLACE, Action.MODIFY])
def test_an_expiry_that_the_broker_does_not_take_costs_neither_stops_nor_price(action: Action) -> None:
    pending = replace(STOPPED, state=PositionState.WORKING, price=D("1.08"), expiry="now")
    there = replace(AS_STOPPED, price=D("1.08"), expiry="")
    denied = tried(action, REJECTED, 5, 147, levels=replace(there, expiry="now"))
    assert step(working(denied, at_broker=there), of=pending) == Step(D("0.10"))
    (order,) = step(working(denied, at_broker=replace(there, sl=D("1.01"))), of=pending).orders
    assert (order.sl, order.expiry) == (D("1.05"), "")
    # Another expiry is asked for.
    assert [
        order.expiry for order in step(working(denied, at_broker=there), of=replace(pending, expiry="later")).orders
    ] == ["later"]


@pytest.mark.parametrize(
    ("state", "seconds", "wait", "bare"),
    [
        (QUEUED, 5, (25, WaitReason.ON_ITS_WAY), False),
        (RECEIVED, 5, (25, WaitReason.ON_ITS_WAY), False),
        (QUEUED, 29, (1, WaitReason.ON_ITS_WAY), False),
        (QUEUED, 30, (60, WaitReason.ON_ITS_WAY), True),
        (UNKNOWN, 29, (1, WaitReason.IN_DOUBT), False),
        (UNKNOWN, 30, (60, WaitReason.IN_DOUBT), True),
    ],
)
def test_stops_on_their_way_are_waited_for_and_missed_after_half_a_minute(
    state: CommandState, seconds: int, wait: tuple[float, WaitReason], bare: bool
) -> None:
    made = step(standing(moved(state, seconds)), of=STOPPED)
    assert (made.orders, waits(made), made.unprotected, made.undelivered) == ((), wait, bare, False)


@pytest.mark.parametrize("tries", [(), (moved(QUEUED, 5),), (moved(REJECTED, 1, 130),), (moved(REJECTED, 60, 130),)])
def test_a_stop_is_lacking_until_it_is_there_whatever_is_on_its_way(tries: tuple[Tried, ...]) -> None:
    assert step(standing(*tries), of=STOPPED).bare
    assert not step(standing(*tries, at_broker=AS_STOPPED), of=STOPPED).bare
    assert not step(standing(*tries), of=position()).bare, "the master has none"
    both = step(standing(*tries), of=replace(STOPPED, lots=D("0.05")))
    assert (both.bare, both.excess) == (True, True)


def test_stops_that_are_taken_away_late_leave_nothing_unprotected() -> None:
    made = step(standing(moved(QUEUED, 40, levels=Levels()), at_broker=AS_STOPPED))
    assert (made.orders, waits(made), made.unprotected) == ((), (60, WaitReason.ON_ITS_WAY), False)


def test_other_stops_on_their_way_are_followed_by_those_that_are_wanted() -> None:
    other = moved(QUEUED, 5, levels=Levels(D("1.01"), D("1.2")))
    assert actions(step(standing(other), of=STOPPED)) == [("modify", "0.1")]
    assert step(standing(other, moved(QUEUED, 1)), of=STOPPED).orders == ()
    assert actions(step(standing(tried(Action.OPEN, QUEUED, levels=AS_STOPPED)), of=STOPPED)) == [("modify", "0.1")]


@pytest.mark.parametrize(
    ("code", "pauses", "reason"),
    [
        (130, [15, 15, 15, 15, 15, 15], WaitReason.PAUSE),
        (145, [1, 2, 5, 15, 30, 60], WaitReason.PAUSE),
        (136, [1, 2, 5, 15, 30, 60], WaitReason.PAUSE),
        (132, [15, 60, 60, 60, 60, 60], WaitReason.MARKET_CLOSED),
        (1, [60] * 6, WaitReason.PAUSE),
    ],
)
def test_refused_stops_are_set_again_and_the_copy_is_unprotected(
    code: int, pauses: list[int], reason: WaitReason
) -> None:
    for tries, pause in enumerate(pauses, 1):
        made = step(standing(*[moved(REJECTED, 0.5, code)] * tries), of=STOPPED)
        assert (made.orders, waits(made), made.unprotected) == ((), (pause - 0.5, reason), True)
        again = step(standing(*[moved(REJECTED, pause, code)] * tries), of=STOPPED)
        assert (actions(again), again.unprotected) == ([("modify", "0.1")], True)


def test_refusals_of_other_stops_and_of_other_orders_are_no_tries() -> None:
    for other in (moved(REJECTED, 0, 130, levels=Levels(D("1.01"))), close(REJECTED, 0, 130, levels=AS_STOPPED)):
        made = step(standing(other), of=STOPPED)
        assert (actions(made), made.unprotected) == ([("modify", "0.1")], False)


def test_stops_that_were_set_in_vain_are_called_for_and_set_again_after_a_pause() -> None:
    """Their EA says that they stand, and they do not."""
    for tries, pause in ((1, 15), (4, 15), (5, 30), (6, 60), (20, 60)):
        done = [moved(DONE, 0) for _ in range(tries)]
        made = step(standing(*done), of=STOPPED)
        assert (actions(made), made.unprotected, waits(made)) == ([], True, (pause, WaitReason.PAUSE))
    assert actions(step(standing(moved(DONE, 15)), of=STOPPED)) == [("modify", "0.1")]


def test_stops_that_others_have_followed_were_not_set_in_vain() -> None:
    others = moved(DONE, 0, levels=Levels(D("1.01")))
    made = step(standing(moved(DONE, 5), others, at_broker=Levels(D("1.01"))), of=STOPPED)
    assert (actions(made), made.unprotected) == ([("modify", "0.1")], False)


@pytest.mark.parametrize(
    ("there", "unprotected"),
    [(Levels(), True), (Levels(D("1.05")), True), (Levels(tp=D("1.2")), True), (Levels(D("1.04"), D("1.2")), True)],
)
def test_a_copy_lacks_whichever_stop_is_not_there(there: Levels, unprotected: bool) -> None:
    assert step(standing(moved(REJECTED, 0, 130), at_broker=there), of=STOPPED).unprotected is unprotected


@pytest.mark.parametrize("wanted", [{"sl": D("0.65")}, {"tp": D("0.00001")}])
def test_a_stop_too_many_is_no_lack(wanted: dict[str, Any]) -> None:
    refused = moved(REJECTED, 0, 130, levels=Levels(**wanted))
    made = step(standing(refused, at_broker=replace(AS_STOPPED, **wanted)), of=position(**wanted))
    assert (waits(made), made.unprotected) == ((15, WaitReason.PAUSE), False)
    assert step(standing(refused), of=position(**wanted)).unprotected


def test_what_was_opened_without_its_stops_is_unprotected_until_they_are_there() -> None:
    bare = (opening(REJECTED, 5, 130), opening(DONE, 1))
    made = step(standing(*bare), of=STOPPED)
    assert (actions(made), made.unprotected) == ([("modify", "0.1")], True)
    assert not step(standing(*bare, at_broker=AS_STOPPED), of=STOPPED).unprotected
    for other in (opening(REJECTED, 5, 138), opening(DONE, 5, 130), close(REJECTED, 5, 130)):
        assert not step(standing(other, opening(DONE, 1)), of=STOPPED).unprotected


def test_stops_of_what_ends_are_left_alone() -> None:
    gone = replace(GONE, sl=D("1.05"))
    assert actions(step(standing(), of=gone)) == [("close", "0")]
    assert actions(step(standing(), of=STOPPED, subscription=OFF)) == [("close", "0")]
    # A leg that nothing is open of, of a position that has ended.
    assert step(standing(lots_open="0"), of=gone).orders == ()


def test_lots_leave_before_the_stops_are_set() -> None:
    fewer = replace(STOPPED, lots=D("0.05"))
    made = step(standing(), of=fewer)
    assert actions(made) == [("partial_close", "0.05"), ("modify", "0.05")]
    assert (made.lots, waits(made)) == (D("0.05"), (30, WaitReason.ON_ITS_WAY))


def test_of_two_waits_the_earlier_one_is_told() -> None:
    fewer = replace(STOPPED, lots=D("0.05"))
    part = tried(Action.PARTIAL_CLOSE, REJECTED, 0, 132, lots_after=D("0.05"))
    made = step(standing(part, part, moved(REJECTED, 0, 130)), of=fewer)
    assert (waits(made), made.unprotected) == ((15, WaitReason.PAUSE), True)
    made = step(standing(part, part, moved(REJECTED, 0, 1)), of=fewer)
    assert waits(made) == (60, WaitReason.MARKET_CLOSED)
    late = tried(Action.PARTIAL_CLOSE, QUEUED, 40, lots_after=D("0.05"))
    made = step(standing(late, moved(REJECTED, 0, 130)), of=fewer)
    assert (waits(made), made.undelivered) == ((15, WaitReason.PAUSE), True)
    refused = [replace(part, error_code=136)] * 6
    made = step(standing(*refused, moved(REJECTED, 0, 130)), of=fewer)
    assert (waits(made), made.overdue) == ((15, WaitReason.PAUSE), True)
    made = step(standing(refused[0], moved(REJECTED, 0, 130)), of=fewer)
    assert (waits(made), made.unprotected) == ((1, WaitReason.PAUSE), True)


# Openings ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (QUEUED, WaitReason.ON_ITS_WAY),
        (RECEIVED, WaitReason.ON_ITS_WAY),
        (CommandState.WORKING, WaitReason.ON_ITS_WAY),
        (UNKNOWN, WaitReason.IN_DOUBT),
    ],
)
def test_an_open_on_its_way_is_waited_for_and_nothing_else_is_done(state: CommandState, reason: WaitReason) -> None:
    for of in (STOPPED, GONE):
        made = step(ordered(opening(REJECTED, 9, 138), opening(state, 99)), of=of)
        assert (made.orders, waits(made), made.gives_up) == ((), (60, reason), False)


def test_an_open_that_waits_for_its_account_needs_nothing() -> None:
    assert step(ordered(opening(CommandState.HELD))) == Step(D("0.10"))
    assert step(ordered(opening(REJECTED, 0, 134), opening(CommandState.HELD))) == Step(D("0.10"))
    assert step(ordered()) == Step(D("0.10"))
    assert step(ordered(close(REJECTED))) == Step(D("0.10"))


@pytest.mark.parametrize(("code", "pauses"), [(138, [0, 0]), (130, [0, 0]), (147, [0, 0]), (137, [1, 2])])
def test_a_refused_open_is_ordered_three_times_at_most(code: int, pauses: list[int]) -> None:
    for tries, pause in enumerate(pauses, 1):
        if pause:
            early = step(ordered(*[opening(REJECTED, pause - 0.5, code)] * tries))
            assert (early.orders, waits(early)) == ((), (0.5, WaitReason.PAUSE))
        made = step(ordered(*[opening(REJECTED, pause, code)] * tries))
        assert (actions(made), waits(made)) == ([("open", "0.1")], (60, WaitReason.ON_ITS_WAY))
    made = step(ordered(*[opening(REJECTED, 5, code)] * 3))
    assert made == Step(D(0), gives_up=True)


@pytest.mark.parametrize("code", [134, 132, 133, 131, 128, 1, None])
def test_an_open_that_will_not_be_taken_is_given_up(code: int | None) -> None:
    assert step(ordered(opening(REJECTED, 1, code))) == Step(D(0), gives_up=True)


def test_an_open_that_was_proven_absent_is_ordered_again_at_once_and_three_times_at_most() -> None:
    assert actions(step(ordered(opening(VOID)))) == [("open", "0.1")]
    assert actions(step(ordered(opening(REJECTED, 0, 138), opening(VOID)))) == [("open", "0.1")]
    assert step(ordered(*[opening(VOID)] * 3)).gives_up


@pytest.mark.parametrize(("valid", "gives_up"), [(0, False), (-0.001, True), (10, False)])
def test_an_open_is_never_ordered_past_its_time(valid: float, gives_up: bool) -> None:
    for state, code in ((REJECTED, 138), (VOID, None)):
        assert step(ordered(opening(state, 5, code, valid_until=later(valid)))).gives_up is gives_up
    # The pause must end within it too.
    assert step(ordered(opening(REJECTED, 0, 137, valid_until=later(0.9)))).gives_up
    assert not step(ordered(opening(REJECTED, 0, 137, valid_until=later(1)))).gives_up


def test_an_open_that_has_expired_or_has_no_end_is_given_up() -> None:
    for code in (None, 138, 137):
        assert step(ordered(opening(EXPIRED, 0, code))).gives_up
    assert step(ordered(opening(REJECTED, 0, 138, valid_until=None))).gives_up


@pytest.mark.parametrize("state", [REJECTED, VOID])
def test_an_open_that_is_not_wanted_any_more_is_given_up(state: CommandState) -> None:
    one = ordered(opening(state, 0, 138))
    assert step(one, of=GONE) == Step(D(0), gives_up=True)
    assert step(one, subscription=OFF) == Step(D(0), gives_up=True)


@pytest.mark.parametrize("state", [REJECTED, VOID])
def test_a_pause_lets_no_refused_open_be_ordered_again(state: CommandState) -> None:
    assert step(ordered(opening(state, 0, 138)), subscription=CLOSE_ONLY) == Step(D(0), gives_up=True)
    # What its EA may be executing still counts, and is kept when it fills.
    assert step(ordered(opening(UNKNOWN)), subscription=CLOSE_ONLY).lots == D("0.10")


def test_an_open_is_ordered_again_as_it_shall_be_by_now() -> None:
    first = opening(REJECTED, 1, 138, deviation_points=30, levels=Levels(D("1.01"), D("1.3"), D("1.1")))
    one = ordered(first, side=Side.SELL, leg=3)
    (order,) = step(one, of=replace(STOPPED, lots=D("0.05"))).orders
    assert (order.leg, order.action, order.symbol, order.side) == (3, Action.OPEN, "EURUSD", Side.SELL)
    assert (order.lots, order.lots_before, order.lots_after) == (D("0.05"), D(0), D("0.05"))
    assert (order.price, order.deviation_points, order.sl, order.tp) == (D("1.1"), 30, D("1.05"), D("1.2"))
    assert (order.valid_until, order.expiry, order.reverse) == (later(30), "", False)


def test_only_what_nobody_had_found_is_told_as_repeated() -> None:
    assert step(ordered(opening(VOID))).repeated
    assert not step(ordered(opening(REJECTED, 1, 138))).repeated
    assert not step(ordered(opening(UNKNOWN))).repeated


def test_a_reversed_open_is_ordered_again_the_same_way_round() -> None:
    (order,) = step(ordered(opening(REJECTED, 1, 138), reverse=True), of=STOPPED).orders
    assert (order.sl, order.tp, order.reverse) == (D("1.2"), D("1.05"), True)


def test_an_open_of_a_position_that_nobody_told_of_is_ordered_as_it_was() -> None:
    first = opening(REJECTED, 1, 138, levels=Levels(D("1.01"), D("1.3"), D("1.1"), "then"))
    (order,) = converge(Followed([ordered(first)], None, SubscriptionState.ACTIVE, book()), NOW)[1].orders
    assert (order.sl, order.tp, order.price, order.expiry) == (D("1.01"), D("1.3"), D("1.1"), "then")


def test_stops_that_stand_too_near_do_not_cost_a_trade() -> None:
    (order,) = step(ordered(opening(REJECTED, 1, 130, levels=AS_STOPPED)), of=STOPPED).orders
    assert (order.sl, order.tp) == (D(0), D(0))
    pending = ordered(opening(REJECTED, 1, 130, action=Action.PLACE), order_type=OrderType.LIMIT)
    (order,) = step(pending, of=replace(STOPPED, state=PositionState.WORKING)).orders
    assert (order.action, order.sl, order.tp) == (Action.PLACE, D(0), D(0))


def test_what_an_open_was_once_refused_for_stays_out_of_every_later_attempt() -> None:
    """A busy broker in between must not cost the trade."""
    stops = opening(REJECTED, 5, 130, action=Action.PLACE, levels=replace(AS_STOPPED, expiry="now"))
    bare = opening(REJECTED, 2, 4, action=Action.PLACE, levels=Levels(expiry="now"))
    pending = replace(STOPPED, state=PositionState.WORKING, price=D("1.08"), expiry="now")
    (order,) = step(ordered(stops, bare, order_type=OrderType.LIMIT), of=pending).orders
    assert (order.action, order.sl, order.tp, order.expiry) == (Action.PLACE, D(0), D(0), "now")
    endless = replace(stops, error_code=147)
    (order,) = step(ordered(endless, replace(bare, levels=AS_STOPPED), order_type=OrderType.LIMIT), of=pending).orders
    assert (order.sl, order.expiry) == (D("1.05"), "")


def test_a_pending_order_is_placed_again_where_the_master_has_it_by_now() -> None:
    first = opening(REJECTED, 1, 138, action=Action.PLACE, levels=Levels(D("1.01"), D("1.3"), D("1.1"), "then"))
    one = ordered(first, order_type=OrderType.LIMIT)
    there = position(state=PositionState.WORKING, price=D("1.08"), sl=D("1.05"), expiry="now")
    (order,) = step(one, of=there).orders
    assert (order.action, order.order_type, order.price, order.expiry) == (
        Action.PLACE, OrderType.LIMIT, D("1.08"), "now",
    )  # fmt: skip
    (order,) = step(one, of=replace(there, expiry="")).orders
    assert order.expiry == "then"
    bare = replace(one, commands=[replace(first, error_code=147)])
    (order,) = step(bare, of=there).orders
    assert (order.expiry, order.price) == ("", D("1.08"))


def test_the_last_opening_decides_and_closes_are_none() -> None:
    rows = (opening(REJECTED, 9, 134), opening(REJECTED, 1, 138), close(REJECTED, 0, 134))
    assert actions(step(ordered(*rows))) == [("open", "0.1")]
    assert step(ordered(opening(REJECTED, 9, 138), opening(REJECTED, 1, 134))).gives_up


@pytest.mark.parametrize("state", [REJECTED, VOID])
@pytest.mark.parametrize("way", [QUEUED, RECEIVED, UNKNOWN])
def test_nothing_is_ordered_again_behind_its_cancel(state: CommandState, way: CommandState) -> None:
    place = opening(state, 5, code=138, action=Action.PLACE)
    made = step(ordered(place, tried(Action.CANCEL, way, 3), order_type=OrderType.LIMIT))
    assert (actions(made), waits(made), made.gives_up) == ([], (60, WaitReason.ON_ITS_WAY), False)
    answered = step(ordered(place, tried(Action.CANCEL, REJECTED, 3), order_type=OrderType.LIMIT))
    assert actions(answered) == [("place", "0.1")]
    assert step(ordered(place, tried(Action.CANCEL, way, 3)), of=GONE).gives_up


def test_a_refused_open_does_not_wait_for_the_part_that_was_to_be_closed_of_it() -> None:
    """It would grow too old meanwhile: the part finds nothing, and the open is as large as it is to be by now."""
    part = tried(Action.PARTIAL_CLOSE, RECEIVED, 3, lots_after=D("0.08"))
    made = step(ordered(opening(REJECTED, 5, code=138), part), of=position(lots=D("0.08")))
    assert actions(made) == [("open", "0.08")]


def test_what_was_modified_has_been_there_and_is_not_opened_a_second_time() -> None:
    assert step(ordered(opening(VOID, 5), moved(DONE, 20))).gives_up
    assert actions(step(ordered(opening(VOID, 5), moved(REJECTED, 20)))) == [("open", "0.1")]
    found_nothing = tried(Action.PARTIAL_CLOSE, DONE, 20, lots_after=D("0.05"))
    assert actions(step(ordered(opening(VOID, 5), found_nothing))) == [("open", "0.1")]


def test_a_leg_that_is_given_up_leaves_the_others_alone() -> None:
    made = steps(standing(), ordered(opening(REJECTED, 1, 134), leg=2))
    assert (made[1], made[2]) == (Step(D("0.10")), Step(D(0), gives_up=True))


def test_tries_are_told_apart_by_what_became_of_them() -> None:
    failed = {state for state in CommandState if Tried(Action.OPEN, state, ago(0)).failed}
    assert failed == {REJECTED, EXPIRED, VOID}
    rows = [Tried(Action.OPEN, state, ago(0)) for state in CommandState]
    assert [row.state for row in standing(*rows).under_way] == [QUEUED, RECEIVED, UNKNOWN]
