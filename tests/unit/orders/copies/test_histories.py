"""Random histories of a copied position against a slow model: what never happens in them, and how each of them ends."""

from datetime import timedelta
from decimal import Decimal
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.domain.copies.rejections import Rejection
from orders.domain.states.commands import CommandState
from orders.domain.states.copies import CopyState
from orders.domain.states.reasons import WaitReason
from orders.domain.states.subscriptions import SubscriptionState
from tests.unit.orders.copies.model import IN_DOUBT, Command, Row, World, lots

CODES: Final = (129, 137, 130, 134, 132, 131, 147, 128, 142, 4108, None)
PRICES: Final = (Decimal(0), Decimal("1.05"), Decimal("1.06"), Decimal("1.2"))
_ROW, _NUMBER = st.integers(0, 2), st.integers(0, 11)
_OUTCOMES: Final = ("done", "done", "done", "reject", "reject", "lost", "lost_executed", "expire", "part")
_OTHERS: Final = ("late", "revive", "hand", "look", "wait", "wait", "reduce", "reduce", "stops", "close", "pause")
_ACTS: Final = st.tuples(st.sampled_from([*_OUTCOMES, *_OTHERS, "resume", "off"]), _ROW, _NUMBER)
_WORLDS: Final = st.builds(
    lambda sizes, had, grid, reverse: World([size * grid for size in sizes], had, grid, reverse),
    st.lists(st.integers(1, 30), min_size=1, max_size=3),
    st.integers(1, 60),
    st.sampled_from([1, 10]),
    st.booleans(),
)
WAITS: Final = (1, 2, 5, 10, 15, 30, 60, 61, 300)


def master_acts(world: World, act: str, number: int) -> None:
    if act == "reduce" and not world.closed:
        world.left = max(world.left - 1 - number, 1)
    elif act == "stops":
        world.sl, world.tp = PRICES[number % 4], PRICES[(number // 4 + number) % 4]
    elif act == "close":
        world.closed = True
    elif act == "off":
        world.subscription = SubscriptionState.OFF
    elif world.subscription is not SubscriptionState.OFF and act in ("pause", "resume"):
        world.subscription = SubscriptionState.CLOSE_ONLY if act == "pause" else SubscriptionState.ACTIVE


def broker_acts(world: World, row: Row, act: str, number: int) -> None:
    """What happens at the broker without an order: a late fill of what is lost or given up, a close by hand."""
    unknown = [one for one in row.commands if one.state is CommandState.UNKNOWN]
    lapsed = [one for one in row.commands if one.state is CommandState.EXPIRED and one.kind == "open"]
    lost = next((one for one in unknown if not one.executed and world.now - one.at < IN_DOUBT), None)
    if act == "late" and lost is not None:
        world.execute(row, lost)
    elif act == "revive" and lapsed and row.state is CopyState.FAILED:
        finish(world, row, lapsed[0])
    elif act == "hand" and row.state is CopyState.OPEN and not any(one.executed for one in unknown):
        row.there, world.by_hand = max(row.there - number * world.grid, 0), True
        world.tell(row)


def ends_as(world: World, row: Row, act: str, number: int) -> None:
    """What becomes of the command that is next."""
    command = world.next_of(row)
    if command is None:
        return
    opens = command.kind == "open"
    if act == "done":
        finish(world, row, command)
    elif act == "reject":
        world.end(command, CommandState.REJECTED, CODES[number % len(CODES)])
    elif act in ("lost", "lost_executed"):
        if act == "lost_executed":
            world.execute(row, command)
        world.end(command, CommandState.UNKNOWN)
    elif act == "expire" and opens:
        world.end(command, CommandState.EXPIRED)
    elif act == "part" and opens and command.amount > world.grid:
        world.execute(row, command, world.grid)
        world.end(command, CommandState.WORKING)
        world.tell(row)


def finish(world: World, row: Row, command: Command) -> None:
    """Carried out and told; what there is nothing for is refused, as of an unknown ticket."""
    carried_out = world.execute(row, command)
    world.end(command, CommandState.DONE if carried_out else CommandState.REJECTED, None if carried_out else 4108)
    if carried_out:
        world.tell(row)


def act_on(world: World, act: tuple[str, int, int]) -> None:
    name, place, number = act
    if name == "wait":
        world.now += timedelta(seconds=WAITS[number % len(WAITS)])
    elif name == "look":
        world.look()
    else:
        row = world.rows[place % len(world.rows)]
        master_acts(world, name, number)
        broker_acts(world, row, name, number)
        ends_as(world, row, name, number)
    world.lead()


def calm(world: World) -> None:
    """From now on the broker does as he is told, and time passes."""
    for _ in range(40):
        for row in world.rows:
            for unfilled in [one for one in row.commands if one.state is CommandState.WORKING]:
                finish(world, row, unfilled)
            while (command := world.next_of(row)) is not None:
                finish(world, row, command)
        world.now += timedelta(seconds=61)
        world.look()
        world.lead()


@given(world=_WORLDS, acts=st.lists(_ACTS, max_size=30))
def test_every_history_ends_where_the_copy_shall_be(world: World, acts: list[tuple[str, int, int]]) -> None:
    world.lead()
    for act in acts:
        act_on(world, act)
    calm(world)
    for row in world.rows:
        assert row.state in (CopyState.OPEN, CopyState.CLOSED, CopyState.FAILED)
        if row.step is not None:
            assert (row.step.orders, row.step.look_at, row.step.waits_for) == ((), None, None)
            assert not any((row.step.unprotected, row.step.undelivered, row.step.overdue))
        assert (row.told, row.told_stops) == (row.there, row.stops)
    there = [row for row in world.rows if row.there]
    if world.over:
        assert not there
    assert all((row.stops.sl, row.stops.tp) == (world.wanted_stops.sl, world.wanted_stops.tp) for row in there)
    if there:
        together = sum(row.there for row in there)
        assert together <= world.target()
        assert world.by_hand or together == world.target()


@pytest.mark.parametrize(
    ("rejection", "times"), [*((rejection, 20) for rejection in Rejection), (Rejection.PRICE, 500)]
)
def test_a_close_is_tried_again_however_often_it_is_refused(rejection: Rejection, times: int) -> None:
    code = {"price": 136, "busy": 137, "stops": 130, "money": 134, "market_closed": 132, "lots": 131, "expiry": 147}
    world = World([10], 100)
    finish(world, world.rows[0], world.rows[0].commands[0])
    world.closed = True
    world.lead()
    row = world.rows[0]
    for tries in range(1, times + 1):
        command = world.next_of(row)
        assert command is not None
        world.end(command, CommandState.REJECTED, code.get(rejection.value))
        world.lead()
        assert row.step is not None
        assert row.step.waits_for in (WaitReason.PAUSE, WaitReason.MARKET_CLOSED)
        assert (row.step.waits_for is WaitReason.MARKET_CLOSED) is (rejection is Rejection.MARKET_CLOSED)
        assert row.step.look_at is not None
        assert row.step.look_at - world.now <= timedelta(minutes=1)
        assert row.step.overdue or tries < 12
        world.now = row.step.look_at
        world.lead()
    calm(world)
    assert (row.state, row.there, len(row.commands)) == (CopyState.CLOSED, 0, times + 2)


def test_small_parts_that_were_missed_are_made_up() -> None:
    """A follower of 0.02 whose master of 1.00 closes tenths: roundings do not add up."""
    world = World([2], 100)
    finish(world, world.rows[0], world.rows[0].commands[0])
    had = []
    for left in range(90, 0, -10):
        world.left = left
        world.lead()
        calm(world)
        had.append(lots(world.rows[0].there))
    assert had == [Decimal("0.01")] * 9
