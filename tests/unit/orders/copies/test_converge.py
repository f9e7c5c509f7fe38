"""The next step of a copy, case by case: what is ordered, until when and for what it waits, and who is called."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import pytest

from orders.domain.copies.converge import CRUMB, Followed, Standing, Step, converge
from orders.domain.copies.positions import Position, PositionState
from orders.domain.copies.tries import Levels, Tried
from orders.domain.states.commands import CommandState
from orders.domain.states.copies import CopyState
from orders.domain.states.reasons import WaitReason
from orders.domain.states.subscriptions import SubscriptionState
from orders.domain.wire.intents import Action, OrderType, Side
from tests.unit.builders import book, leg, position, spec

D: Final = Decimal
NOW: Final = datetime(2026, 11, 27, 12, tzinfo=UTC)
ACTIVE, CLOSE_ONLY, OFF = SubscriptionState
QUEUED, RECEIVED, REJECTED = CommandState.QUEUED, CommandState.RECEIVED, CommandState.REJECTED
VOID, EXPIRED, UNKNOWN, DONE = CommandState.VOID, CommandState.EXPIRED, CommandState.UNKNOWN, CommandState.DONE
MINUTE: Final = timedelta(minutes=1)
GONE: Final = Position(PositionState.CLOSED, ticket=1, lots=D(0))
STOPPED: Final = position(sl=D("1.05"), tp=D("1.2"))
AS_STOPPED: Final = Levels(D("1.05"), D("1.2"))


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def tried(action: Action, state: CommandState, seconds: float = 0, code: int | None = None, **changes: Any) -> Tried:
    """A command whose outcome, or whose order, was so many seconds ago."""
    return replace(Tried(action, state, ago(seconds), error_code=code), **changes)


def opening(state: CommandState, seconds: float = 0, code: int | None = None, **changes: Any) -> Tried:
    made = tried(Action.OPEN, state, seconds, code, lots_after=D("0.10"), valid_until=later(30))
    return replace(made, **changes)


def standing(*commands: Tried, lots_open: str = "0.10", at_broker: Levels | None = None, **changes: Any) -> Standing:
    """An open leg of 0.10 that was copied when the master had 0.10."""
    made = leg("0.10", lots_ordered=D("0.10"), master_lots=D("0.10"), filled=True)
    return Standing(replace(made, **changes), D(lots_open), at_broker or Levels(), commands)


def ordered(*commands: Tried, **changes: Any) -> Standing:
    fields: dict[str, Any] = {"state": CopyState.ORDERED, "filled": False} | changes
    return standing(*commands, lots_open="0", **fields)


def working(*commands: Tried, at_broker: Levels | None = None, **changes: Any) -> Standing:
    fields: dict[str, Any] = {"state": CopyState.WORKING, "order_type": OrderType.LIMIT, "filled": False} | changes
    return standing(*commands, lots_open="0", at_broker=at_broker, **fields)


def steps(
    *legs: Standing, of: Position | None = None, subscription: SubscriptionState = ACTIVE, **terms: str
) -> Mapping[int, Step]:
    specs = book(spec(**({"least": "0.01", "step": "0.01"} | terms)))
    return converge(Followed(legs, position() if of is None else of, subscription, specs), NOW)


def step(one: Standing, **changes: Any) -> Step:
    return steps(one, **changes)[one.leg.leg]


def waits(made: Step) -> tuple[float | None, WaitReason | None]:
    """In how many seconds it is looked at, and what it waits for."""
    return None if made.look_at is None else (made.look_at - NOW).total_seconds(), made.waits_for


def actions(made: Step) -> list[tuple[str, str]]:
    return [(order.action.value, str(order.lots_after.normalize())) for order in made.orders]


# Desired -------------------------------------------------------------------------------------------------------------


def test_what_is_where_it_shall_be_needs_nothing() -> None:
    assert step(standing()) == Step(D("0.10"))
    assert step(standing(at_broker=AS_STOPPED), of=STOPPED) == Step(D("0.10"))


@pytest.mark.parametrize("state", [CopyState.HELD, CopyState.CLOSED, CopyState.FAILED])
def test_what_has_ended_or_waits_for_its_account_has_no_step(state: CopyState) -> None:
    assert steps(standing(state=state), of=GONE) == {}


@pytest.mark.parametrize("state", [CopyState.ORDERED, CopyState.WORKING, CopyState.OPEN])
@pytest.mark.parametrize("order_type", OrderType)
@pytest.mark.parametrize("subscription", SubscriptionState)
@pytest.mark.parametrize("closed", [False, True])
def test_a_copy_ends_with_its_master_and_its_subscription_and_an_order_with_a_pause(
    state: CopyState, order_type: OrderType, subscription: SubscriptionState, closed: bool
) -> None:
    one = standing(opening(QUEUED), state=state, order_type=order_type)
    unfilled = order_type is not OrderType.MARKET and state is not CopyState.OPEN
    ends = closed or subscription is OFF or (subscription is CLOSE_ONLY and unfilled)
    made = step(one, of=GONE if closed else position(), subscription=subscription)
    assert made.lots == (D(0) if ends else D("0.10"))


def test_what_came_to_life_after_its_end_is_closed() -> None:
    made = step(replace(standing(), leg=leg("0", lots_ordered=D("0.10"), master_lots=D("0.10"), filled=True)))
    assert (made.lots, actions(made)) == (D(0), [("close", "0")])


def test_a_position_that_nobody_has_told_of_changes_nothing() -> None:
    followed = Followed([standing(at_broker=AS_STOPPED)], None, ACTIVE, book())
    assert converge(followed, NOW) == {1: Step(D("0.10"))}
    assert converge(replace(followed, subscription=OFF), NOW)[1].lots == 0


@pytest.mark.parametrize(("left", "lots"), [("0.05", "0.05"), ("0.03", "0.03"), ("0.001", "0.01"), ("0.20", "0.10")])
def test_lots_follow_the_master_from_the_origin(left: str, lots: str) -> None:
    made = step(standing(), of=position(lots=D(left)))
    assert made.lots == D(lots)
    assert actions(made) == ([("partial_close", lots)] if D(lots) < D("0.10") else [])
    # The same from what an earlier part has left, and from an order that is on its way.
    assert step(standing(lots_open="0.08"), of=position(lots=D(left))).lots == min(D(lots), D("0.08"))
    assert step(ordered(opening(QUEUED)), of=position(lots=D(left))).lots == D(lots)


def test_a_partial_close_says_from_where_to_where() -> None:
    (order,) = step(standing(lots_open="0.08", side=Side.SELL), of=position(lots=D("0.05"))).orders
    assert (order.leg, order.action, order.symbol, order.side) == (1, Action.PARTIAL_CLOSE, "EURUSD", Side.SELL)
    assert (order.lots, order.lots_before, order.lots_after) == (D("0.03"), D("0.08"), D("0.05"))


def test_a_copy_whose_origin_is_not_known_keeps_its_lots() -> None:
    assert step(standing(master_lots=None), of=position(lots=D("0.01"))) == Step(D("0.10"))
    assert step(standing(), of=position(lots=None)) == Step(D("0.10"))


def test_the_lots_of_what_is_on_its_way_are_those_that_were_ordered() -> None:
    one = replace(ordered(opening(QUEUED)), leg=replace(ordered().leg, lots=D(0)))
    assert step(one).lots == D("0.10")
    # What it was to have by then, where its origin is not known.
    assert step(ordered(opening(QUEUED), lots=D("0.05"), master_lots=None)).lots == D("0.05")


def test_the_last_leg_gives_first_and_ends_when_what_remains_is_open() -> None:
    two = standing(leg=2)
    made = steps(standing(), two, of=position(lots=D("0.04")))
    assert [actions(made[number]) for number in (1, 2)] == [[("partial_close", "0.08")], [("close", "0")]]
    # In whatever order they are handed over.
    assert steps(two, standing(), of=position(lots=D("0.04"))) == made


def test_nothing_leaves_while_one_of_several_legs_is_on_its_way() -> None:
    made = steps(standing(), ordered(opening(QUEUED), leg=2), of=position(lots=D("0.04")))
    assert [made[number].lots for number in (1, 2)] == [D("0.10"), D("0.10")]
    assert made[1].orders == ()


def test_nothing_leaves_while_the_order_of_one_of_several_legs_fills_in_parts() -> None:
    fills = standing(opening(CommandState.WORKING), lots_open="0.02", filling=True)
    made = steps(fills, standing(leg=2), of=position(lots=D("0.04")))
    assert [(made[number].lots, made[number].orders) for number in (1, 2)] == [(D("0.10"), ()), (D("0.10"), ())]
    assert {waits(row) for row in made.values()} == {(60, WaitReason.LEGS)}
    # Its order is over: what has filled is all there is.
    over = standing(opening(DONE), lots_open="0.02", filling=True)
    made = steps(over, standing(leg=2), of=position(lots=D("0.04")))
    assert [made[number].lots for number in (1, 2)] == [D("0.02"), D("0.06")]


@pytest.mark.parametrize("state", [QUEUED, RECEIVED, CommandState.WORKING])
def test_an_order_fills_as_long_as_one_of_its_openings_has_no_end(state: CommandState) -> None:
    """What a close has still to do is no opening, and what is not filling has all that it will get."""
    one = position(lots=D("0.04"))
    fills = standing(opening(DONE), opening(state), lots_open="0.02", filling=True)
    assert [row.lots for row in steps(fills, standing(leg=2), of=one).values()] == [D("0.10"), D("0.10")]
    over = standing(opening(DONE), tried(Action.MODIFY, state), lots_open="0.02", filling=True)
    assert [row.lots for row in steps(over, standing(leg=2), of=one).values()] == [D("0.02"), D("0.06")]
    filled = standing(opening(state), lots_open="0.02")
    assert [row.lots for row in steps(filled, standing(leg=2), of=one).values()] == [D("0.02"), D("0.06")]


def test_one_leg_that_is_on_its_way_waits_for_no_other() -> None:
    made = step(ordered(opening(QUEUED)), of=position(lots=D("0.04")))
    assert (made.lots, made.waits_for) == (D("0.04"), WaitReason.ON_ITS_WAY)


def test_a_leg_that_has_ended_is_part_of_the_origin_and_one_that_never_lived_is_not() -> None:
    closed = standing(leg=2, state=CopyState.CLOSED)
    assert steps(standing(), closed, of=position(lots=D("0.05")))[1].lots == D("0.10")
    never = standing(leg=2, state=CopyState.FAILED, filled=False)
    assert steps(standing(), never, of=position(lots=D("0.05")))[1].lots == D("0.05")


def test_a_leg_that_ends_leaves_its_share_to_the_others() -> None:
    over = Standing(leg("0", number=2, lots_ordered=D("0.10"), master_lots=D("0.10"), filled=True), D("0.04"))
    made = steps(standing(), over, of=position(lots=D("0.04")))
    assert (made[2].lots, made[1].lots) == (D(0), D("0.08"))
    made = steps(standing(), over, of=position(lots=D("0.06")))
    assert (made[2].lots, made[1].lots) == (D(0), D("0.10"))


def test_lots_go_down_to_the_step_of_the_follower() -> None:
    assert step(standing(), of=position(lots=D("0.07")), step="0.05", least="0.05").lots == D("0.05")


# Taking lots off -----------------------------------------------------------------------------------------------------


def close(state: CommandState, seconds: float = 0, code: int | None = None, **changes: Any) -> Tried:
    return tried(Action.CLOSE, state, seconds, code, **changes)


def test_a_close_is_ordered_whole_and_watched_for_thirty_seconds() -> None:
    made = step(standing(lots_open="0.07"), of=GONE)
    (order,) = made.orders
    assert (order.action, order.lots, order.lots_before, order.lots_after) == (
        Action.CLOSE, D("0.07"), D("0.07"), D(0),
    )  # fmt: skip
    assert waits(made) == (30, WaitReason.ON_ITS_WAY)
    assert (made.undelivered, made.overdue, made.unprotected, made.gives_up) == (False, False, False, False)


def test_a_working_order_is_cancelled_and_a_fill_on_the_way_is_not_kept() -> None:
    made = step(working(), of=GONE)
    assert (actions(made), waits(made)) == ([("cancel", "0")], (30, WaitReason.ON_ITS_WAY))
    # Also when it is led to nothing already.
    assert actions(step(working(lots=D(0)), of=GONE)) == [("cancel", "0")]


def test_a_working_orders_lots_cannot_be_changed() -> None:
    made = step(working(), of=position(lots=D("0.04"), state=PositionState.OPEN))
    assert (made.lots, made.orders, made.look_at) == (D("0.04"), (), None)


def test_what_floating_point_leaves_over_is_no_position() -> None:
    assert D("0.00001") == CRUMB
    assert step(standing(lots_open="0.000009"), of=GONE).orders == ()
    assert actions(step(standing(lots_open="0.00001"), of=GONE)) == [("close", "0")]


@pytest.mark.parametrize("state", [QUEUED, RECEIVED])
@pytest.mark.parametrize(("seconds", "wait", "late"), [(0, 30, False), (29, 1, False), (30, 60, True), (100, 60, True)])
def test_a_close_on_its_way_is_waited_for_and_told_after_thirty_seconds(
    state: CommandState, seconds: int, wait: float, late: bool
) -> None:
    made = step(standing(close(state, seconds)), of=GONE)
    assert (made.orders, waits(made), made.undelivered) == ((), (wait, WaitReason.ON_ITS_WAY), late)


def test_the_oldest_of_two_that_lead_there_says_since_when() -> None:
    made = step(standing(close(UNKNOWN, 90), close(QUEUED, 40), close(QUEUED, 5)), of=GONE)
    assert (made.undelivered, waits(made)) == (True, (60, WaitReason.ON_ITS_WAY))
    made = step(standing(close(QUEUED, 20), close(QUEUED, 5)), of=GONE)
    assert (made.undelivered, waits(made)) == (False, (10, WaitReason.ON_ITS_WAY))


def test_nothing_is_ordered_beside_a_close_in_doubt() -> None:
    made = step(standing(close(UNKNOWN, 300)), of=GONE)
    assert (made.orders, waits(made), made.undelivered) == ((), (60, WaitReason.IN_DOUBT), False)


@pytest.mark.parametrize(("seconds", "overdue"), [(599, False), (600, True)])
def test_a_close_of_which_nobody_knows_for_ten_minutes_is_overdue(seconds: int, overdue: bool) -> None:
    made = step(standing(close(UNKNOWN, seconds), close(UNKNOWN, 5)), of=GONE)
    assert (made.orders, made.undelivered, made.overdue) == ((), False, overdue)
    assert not step(standing(close(QUEUED, seconds)), of=GONE).overdue, "nobody has tried it"


@pytest.mark.parametrize("tries", [(), (close(QUEUED, 5),), (close(UNKNOWN, 5),), (close(REJECTED, 0, 136),)])
def test_lots_are_too_many_until_they_are_gone_whatever_is_on_its_way(tries: tuple[Tried, ...]) -> None:
    assert step(standing(*tries), of=GONE).excess
    assert step(standing(*tries), of=position(lots=D("0.05"))).excess
    assert not step(standing(*tries)).excess
    assert not step(standing(*tries, lots_open="0.05"), of=position(lots=D("0.05"))).excess


@pytest.mark.parametrize("after", ["0.06", "0.05", "0.02"])
def test_a_part_that_leads_less_far_has_to_end_first(after: str) -> None:
    part = tried(Action.PARTIAL_CLOSE, QUEUED, 5, lots_after=D(after))
    made = step(standing(part), of=position(lots=D("0.05")))
    assert (made.orders, waits(made)) == ((), (25, WaitReason.ON_ITS_WAY))
    late = step(standing(replace(part, at=NOW - timedelta(seconds=300))), of=position(lots=D("0.05")))
    assert (late.orders, late.undelivered) == ((), True)
    # Something else is no close.
    moved = tried(Action.MODIFY, QUEUED, 5)
    assert actions(step(standing(moved), of=GONE)) == [("close", "0")]


@pytest.mark.parametrize(("tries", "pause"), [(1, 1), (2, 2), (3, 5), (4, 15), (5, 30), (6, 60), (20, 60)])
def test_a_refused_close_is_tried_again_after_growing_pauses(tries: int, pause: int) -> None:
    refused = [close(REJECTED, 0.5, 136) for _ in range(tries)]
    made = step(standing(*refused), of=GONE)
    assert (made.orders, waits(made), made.overdue) == ((), (pause - 0.5, WaitReason.PAUSE), tries >= 5)
    again = step(standing(*(replace(row, at=ago(pause)) for row in refused)), of=GONE)
    assert (actions(again), waits(again)) == ([("close", "0")], (30, WaitReason.ON_ITS_WAY))
    assert again.overdue is (tries >= 5)


def test_a_part_and_a_cancel_that_were_refused_are_tries_too() -> None:
    part = tried(Action.PARTIAL_CLOSE, REJECTED, 0, 136, lots_after=D("0.05"))
    assert waits(step(standing(part, part), of=position(lots=D("0.05")))) == (2, WaitReason.PAUSE)
    assert waits(step(working(tried(Action.CANCEL, REJECTED, 0, 145)), of=GONE)) == (1, WaitReason.PAUSE)


@pytest.mark.parametrize("code", [134, None])
def test_what_no_time_mends_is_asked_every_minute(code: int | None) -> None:
    made = step(standing(close(REJECTED, 10, code)), of=GONE)
    assert waits(made) == (50, WaitReason.PAUSE)


def test_a_closed_market_is_asked_once_more_soon_and_every_minute_then() -> None:
    refused = close(REJECTED, 10, 132)
    assert waits(step(standing(refused), of=GONE)) == (5, WaitReason.MARKET_CLOSED)
    assert waits(step(standing(refused, refused), of=GONE)) == (50, WaitReason.MARKET_CLOSED)


def test_the_last_refusal_says_for_how_long_and_why() -> None:
    made = step(standing(close(REJECTED, 9, 132), close(REJECTED, 1, 136)), of=GONE)
    assert waits(made) == (1, WaitReason.PAUSE)
    made = step(standing(close(REJECTED, 9, 136), close(REJECTED, 1, 132)), of=GONE)
    assert waits(made) == (59, WaitReason.MARKET_CLOSED)


@pytest.mark.parametrize(("first", "overdue"), [(599, False), (600, True)])
def test_a_market_that_is_closed_for_ten_minutes_is_told(first: int, overdue: bool) -> None:
    refused = [close(REJECTED, first - minute * 60, 132) for minute in range(9)]
    assert step(standing(*refused), of=GONE).overdue is overdue


def test_a_close_that_was_looked_for_and_not_found_is_ordered_at_once() -> None:
    made = step(standing(close(VOID)), of=GONE)
    assert (actions(made), made.overdue) == ([("close", "0")], False)


def test_a_close_that_was_carried_out_and_left_something_is_ordered_again() -> None:
    done = close(DONE, 0, lots_after=D("0.05"))
    assert waits(step(standing(done), of=GONE)) == (1, WaitReason.PAUSE)
    # What has led to where it is now was not in vain.
    led = close(DONE, 0, lots_after=D("0.10"))
    assert actions(step(standing(led), of=GONE)) == [("close", "0")]
    assert waits(step(standing(led, close(EXPIRED, 0)), of=GONE)) == (60, WaitReason.PAUSE)


def test_while_a_leg_is_on_its_way_all_of_them_are_looked_at_with_the_next_report() -> None:
    first, second = standing(), ordered(tried(Action.OPEN, QUEUED, 5), leg=2)
    made = steps(first, second, of=position(lots=D("0.05")))
    assert {number: (row.orders, waits(row)) for number, row in made.items()} == {
        1: ((), (60, WaitReason.LEGS)),
        2: ((), (60, WaitReason.LEGS)),
    }
    assert {waits(row) for row in steps(first, second).values()} == {(None, None), (60, WaitReason.ON_ITS_WAY)}


def test_a_leg_that_waits_for_others_is_looked_at_when_its_own_need_is_due() -> None:
    refused = tried(Action.MODIFY, REJECTED, 0, 130, levels=AS_STOPPED)
    made = steps(standing(refused), ordered(tried(Action.OPEN, QUEUED, 5), leg=2), of=replace(STOPPED, lots=D("0.05")))
    assert {number: waits(row) for number, row in made.items()} == {1: (15, WaitReason.LEGS), 2: (60, WaitReason.LEGS)}


def test_legs_that_may_give_no_more_wait_for_nobody() -> None:
    """What a broker's smallest lots do not let go stays until the end."""
    made = steps(standing(), standing(leg=2), of=position(lots=D("0.08")), least="0.10")
    assert made == {1: Step(D("0.10")), 2: Step(D("0.10"))}


def test_what_only_works_leaves_before_anything_that_is_held() -> None:
    """It may never fill: then the follower would hold less than he shall."""
    half = steps(working(), standing(leg=2, order_type=OrderType.LIMIT), of=position(lots=D("0.05")))
    assert [(number, order.action, order.lots_after) for number, row in half.items() for order in row.orders] == [
        (1, Action.CANCEL, D(0))
    ]
    assert (half[2].lots, waits(half[1])) == (D("0.10"), (30, WaitReason.ON_ITS_WAY))
    # What is held ends against nothing: its least stays.
    least = steps(working(), standing(leg=2, order_type=OrderType.LIMIT), of=position(lots=D("0.001")))
    assert (least[1].lots, least[2].lots) == (D(0), D("0.01"))
    assert not any(row.orders for row in steps(working(), working(leg=2), of=position(lots=D("0.05"))).values())
