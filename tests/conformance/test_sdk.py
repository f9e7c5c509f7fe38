"""What an EA must keep to, shown by the SDK with the paper terminal and by the EA itself: dying at any point, it orders
nothing twice.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from eagateway_sdk import Action, Clock
from eagateway_sdk.paper import Fault, Faults, Rule

from tests.conformance.ea import Ea
from tests.conformance.players import Actor, Casting, Point
from tests.conformance.sdk_player import PATIENT, Player, until
from tests.conformance.stage import Stage


@asynccontextmanager
async def running(player: Actor, **settings: Any) -> AsyncIterator[Actor]:
    """A program from its start to a quick end."""
    await player.start(**settings)
    try:
        yield player
    finally:
        await player.abort()


async def a_pair(stage: Stage, folder: Path, played: Casting, **settings: Any) -> tuple[Ea, Actor]:
    """A master that speaks raw frames, and a follower's account that no program runs yet."""
    cast = stage.cast(settings)
    return await stage.arrive(cast.master), played(stage, cast.followers[0], folder)


async def died(player: Actor, intent: Any, *, halt: Point, states: str, **settings: Any) -> None:
    """A program that dies at a point of the last command, which the intent leads to."""
    await player.start(halt=halt, **settings)
    await intent
    await player.halted(states)
    await player.abort()


async def outcome(stage: Stage, player: Actor, command_id: UUID | None = None) -> dict[str, Any]:
    """What the gateway holds of one of the account's commands, the newest by default, when it has an outcome."""
    wanted = str(command_id or player.command_ids()[-1])
    async with asyncio.timeout(60):
        while True:
            command: dict[str, Any] = await stage.house.rows("command", command_id=wanted)
            if command["state"] not in ("queued", "received", "unknown"):
                return command


async def test_case_055_a_done_command_that_comes_again_gets_its_stored_report(
    stage: Stage, tmp_path: Path, played: Casting
) -> None:
    master, follower = await a_pair(stage, tmp_path, played)
    await died(follower, master.buy(stage.position(1)), halt="report", states="D")
    follower.forget_head()
    async with running(follower):
        await follower.drained()
        await until(lambda: follower.heard("repeated") > 0)
        assert (await outcome(stage, follower))["reports"] == 1
    assert follower.executed() == ["open"]


@pytest.mark.parametrize("halt", ["before", "after"])
async def test_case_056_after_a_death_while_sending_the_broker_is_searched_first(
    stage: Stage, tmp_path: Path, played: Casting, halt: Point
) -> None:
    master, follower = await a_pair(stage, tmp_path, played)
    await died(follower, master.buy(stage.position(1)), halt=halt, states="S")
    async with running(follower, hurried=halt == "before"):
        await until(lambda: follower.heard("searched") == 1)
        await until(lambda: follower.executed() == ["open"])
        await follower.drained()
        assert (await outcome(stage, follower))["state"] == "done"
    assert follower.lots() == [Decimal("0.1")]


@pytest.mark.parametrize("executed", [True, False])
async def test_case_057_a_lost_reply_of_the_broker_opens_one_order(
    stage: Stage, tmp_path: Path, played: Casting, executed: bool
) -> None:
    master, follower = await a_pair(stage, tmp_path, played)
    async with running(follower, faults={1: Fault(128, executed=executed)}, hurried=not executed):
        await master.buy(stage.position(1))
        await until(lambda: follower.executed() == ["open"])
        await follower.drained()
        assert (await outcome(stage, follower))["state"] == "done"
    assert follower.lots() == [Decimal("0.1")]


async def test_case_058_with_its_ledger_deleted_the_order_is_found_by_magic(
    stage: Stage, tmp_path: Path, played: Casting
) -> None:
    master, follower = await a_pair(stage, tmp_path, played)
    await died(follower, master.buy(stage.position(1)), halt="report", states="D")
    (command_id,) = follower.command_ids()
    follower.delete_store()
    async with running(follower):
        assert (await outcome(stage, follower, command_id))["state"] == "done"
        await master.close(stage.position(1))
        await until(lambda: follower.lots() == [])
    assert follower.executed() == ["open", "close"]


async def test_case_071_of_two_programs_with_one_key_the_loser_stays_away(
    stage: Stage, tmp_path: Path, played: Casting
) -> None:
    cast = stage.cast({})
    players = [played(stage, cast.master, tmp_path / name) for name in "ab"]
    async with running(players[0]) as first, running(players[1]) as second:
        assert await first.replaced() == 4409
        await second.lives()
        assert (first.heard("sessions"), second.heard("sessions")) == (1, 1)


async def test_case_084_first_heartbeats_are_spread_over_the_interval(
    stage: Stage, tmp_path: Path, played: Casting
) -> None:
    cast = stage.cast(*[{}] * 19)
    players = [played(stage, role, tmp_path / str(number)) for number, role in enumerate(cast.followers)]
    await asyncio.gather(*(player.start() for player in players))
    try:
        firsts = sorted(await asyncio.gather(*(player.first_beat() for player in players)))
        assert firsts[-1] - firsts[0] > 2.5
        assert max(sum(1 for one in firsts if start <= one < start + 1) for start in firsts) < 15
    finally:
        await asyncio.gather(*(player.abort() for player in players))


async def test_case_100_a_goodbye_takes_half_a_second_and_both_know_the_last_numbers(
    stage: Stage, tmp_path: Path, played: Casting, terminal: str
) -> None:
    master, follower = await a_pair(stage, tmp_path, played)
    await follower.start()
    await master.buy(stage.position(1))
    await follower.reaches("D")
    await follower.drained()
    began = time.monotonic()
    assert await follower.leave() == (1, 1)
    assert terminal != "sdk" or time.monotonic() - began < 1.0  # of the EA: `python -m tests.ea.bars leaving`
    assert follower.states() == "D"


@pytest.mark.parametrize("point", ["before its outbox line", "after its outbox line", "after the gateway stored it"])
async def test_case_114_a_master_s_trade_is_one_intent_wherever_he_dies(
    stage: Stage, tmp_path: Path, played: Casting, point: str
) -> None:
    cast = stage.cast({})
    author, follower = played(stage, cast.master, tmp_path), await stage.arrive(cast.followers[0])
    ticket = stage.position(1)
    await author.start()
    await author.trade_and_die(ticket, point)
    await author.abort()
    async with running(author):
        await author.look_again(ticket, point)
        await author.drained()
        (command,) = await follower.commands(1)
        assert (await follower.beat())["top_seq"] == command["seq"]


@pytest.mark.also_on_production
@pytest.mark.parametrize("point", ["received", "before", "after", "report"])
async def test_case_124_a_follower_that_dies_at_any_point_executes_once(
    stage: Stage, tmp_path: Path, played: Casting, point: Point
) -> None:
    master, follower = await a_pair(stage, tmp_path, played)
    states = {"received": "R", "report": "D"}.get(point, "S")
    await died(follower, master.buy(stage.position(1)), halt=point, states=states)
    async with running(follower, hurried=point == "before"):
        await until(lambda: follower.executed() == ["open"])
        await follower.drained()
        assert (await outcome(stage, follower))["state"] == "done"
        await master.close(stage.position(1))
        await until(lambda: follower.lots() == [])
    assert follower.executed() == ["open", "close"]


async def test_case_151_an_order_that_was_sent_wins_over_its_gap_fill(
    stage: Stage, tmp_path: Path, played: Casting
) -> None:
    master, follower = await a_pair(stage, tmp_path, played, max_age_seconds=3)
    # What the EA has acknowledged is sent again, not filled: the case is about what the gateway has not heard of. On a
    # slow machine a heartbeat may fall into that moment and takes the acknowledgement along, and the gateway may store
    # it after the program has died. So it is asked when the order is too old, and if it had heard: once more.
    for done, position in (("", stage.position(1)), ("DD", stage.position(2)), ("DDDD", stage.position(3))):
        await died(follower, master.buy(position), halt="after", states=f"{done}S", silent=True)
        await until(lambda: follower.lots() == [Decimal("0.1")])
        before = len(follower.executed())
        limit = time.monotonic() + 3.5
        while time.monotonic() < limit:
            await master.beat()
            await asyncio.sleep(0.2)
        queued = await stage.house.rows("command", command_id=str(follower.command_ids()[-1]))
        if queued["state"] == "queued":
            break
        async with running(follower):
            await follower.drained()
            await master.close(position)
            await until(lambda: follower.lots() == [])
    else:
        pytest.fail("each time the gateway had heard of it")
    follower.forget_head()
    async with running(follower):
        await follower.drained()
        await until(lambda: follower.heard("gap fills") > 0)
        assert (await outcome(stage, follower))["state"] == "done"
        await master.close(position)
        await until(lambda: follower.lots() == [])
    assert follower.executed()[before - 1 :] == ["open", "close"]


@pytest.mark.parametrize("again", [True, False])
async def test_case_157_a_partial_close_whose_report_was_lost_closes_nothing_twice(
    stage: Stage, tmp_path: Path, played: Casting, again: bool
) -> None:
    master, follower = await a_pair(stage, tmp_path, played)
    async with running(follower):
        await master.buy(stage.position(1))
        await follower.reaches("D")
        await follower.drained()
    ticket = stage.position(1)
    part = {
        "action": "partial_close", "position_id": ticket, "ticket": ticket, "new_ticket": ticket + 500,
        "symbol": "EURUSD", "lots": "0.04", "remaining_lots": "0.06",
    }  # fmt: skip
    await died(follower, master.durable("OrderIntent", part), halt="after", states="DS")
    if again:
        follower.receive_again()
    async with running(follower):
        await follower.drained()
        assert (await outcome(stage, follower))["state"] == "done"
        assert follower.lots() == [Decimal("0.06")]
        await master.durable("OrderIntent", {**part, "action": "close", "ticket": ticket + 500, "lots": "0.06"})
        await until(lambda: follower.lots() == [])
    assert follower.executed() == ["open", "partial_close", "close"]


async def test_case_161_one_order_in_doubt_holds_up_its_own_copy_only(
    stage: Stage, tmp_path: Path, played: Casting
) -> None:
    master, follower = await a_pair(stage, tmp_path, played)
    async with running(follower, faults={1: Fault(128)}, patient=True):
        await master.buy(stage.position(1))
        await until(lambda: follower.heard("in doubt") == 1)
        await master.buy(stage.position(2))
        await master.buy(stage.position(3))
        await master.close(stage.position(2))
        await until(lambda: follower.executed() == ["open", "open", "close"])
        await until(lambda: follower.states()[:4] == "SDDD")
        assert follower.unfinished() == follower.command_ids()[:1]
    async with running(follower, hurried=True):  # the search ends, and the order is given anew
        await until(lambda: follower.lots() == [Decimal("0.1"), Decimal("0.1")])
        await follower.drained()
    assert follower.executed() == ["open", "open", "close", "open"]


async def test_case_162_a_timeout_that_fills_late_is_one_position(stage: Stage, tmp_path: Path) -> None:
    cast = stage.cast({})
    master, follower = await stage.arrive(cast.master), Player(stage, cast.followers[0], tmp_path)
    late, ahead = Faults(Rule(Fault(128, late=20.0), action=Action.OPEN, count=None)), [0.0]
    clock = Clock(monotonic=lambda: time.monotonic() + ahead[0])
    async with running(follower, faults=late, timing=PATIENT, broker_clock=clock):
        await master.buy(stage.position(1))
        await until(lambda: follower.program.events["commands.in_doubt"] == 1)
        await until(lambda: follower.program.unacked == 0)  # the gateway was told `unknown`
        assert (follower.executed(), follower.lots()) == ([], [])
        ahead[0] = 20.0
        await until(lambda: follower.lots() == [Decimal("0.1")])
        await follower.drained()
        assert (await outcome(stage, follower, follower.command_ids()[0]))["state"] == "done"
        await master.close(stage.position(1))
        await until(lambda: follower.lots() == [])
    assert follower.executed() == ["open", "close"]


def pending(ticket: int, action: str, **fields: Any) -> dict[str, Any]:
    """An intent about a working buy limit of 0.10 lots."""
    order = {"action": action, "position_id": ticket, "ticket": ticket, "symbol": "EURUSD", "side": "buy"}
    return {**order, "order_type": "limit", "lots": "0.10", "price": "1.05", **fields}


async def test_case_159_a_copied_pending_that_fills_while_the_master_s_is_cancelled_is_closed(
    stage: Stage, tmp_path: Path, played: Casting
) -> None:
    master, follower = await a_pair(stage, tmp_path, played)
    ticket = stage.position(1)
    async with running(follower):
        await master.durable("OrderIntent", pending(ticket, "place"))
        await until(lambda: follower.working() == 1)
        await follower.drained()
        await follower.fill(ticket)
        await follower.drained()
        await master.durable("OrderIntent", pending(ticket, "cancel"))
        await until(lambda: follower.lots() == [])
    assert follower.working() == 0


async def test_case_159_a_copy_that_still_works_when_the_master_s_has_filled_is_opened_at_market(
    stage: Stage, tmp_path: Path, played: Casting
) -> None:
    master, follower = await a_pair(stage, tmp_path, played, pending_wait_seconds=1)
    ticket = stage.position(1)
    async with running(follower):
        await master.durable("OrderIntent", pending(ticket, "place"))
        await until(lambda: follower.working() == 1)
        await follower.drained()
        await master.durable("OrderIntent", pending(ticket, "activate"))
        await until(lambda: follower.lots() == [Decimal("0.1")])
        assert follower.working() == 0
        await master.close(ticket)
        await until(lambda: follower.lots() == [])
