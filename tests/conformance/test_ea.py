"""Cases of the wire, asked of the EA itself: what it tells of its book, and when it has nothing to tell."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from tests.conformance.ea import Ea
from tests.conformance.ea_player import EaPlayer
from tests.conformance.players import Casting
from tests.conformance.sdk_player import PATIENCE, until
from tests.conformance.stage import Stage

pytestmark = pytest.mark.over("ea")
HELD = 300  # more than two frames hold: the part behind the lost one shows that one is missing
ASKED_ANEW = 20  # less than the half minute after which the gateway asks anew in any case


async def a_copy(stage: Stage, folder: Path, played: Casting) -> tuple[Ea, EaPlayer]:
    """A master that speaks raw frames, and an EA that runs, has copied 0.10 lots and told it."""
    cast = stage.cast({})
    master, follower = await stage.arrive(cast.master), played(stage, cast.followers[0], folder)
    assert isinstance(follower, EaPlayer)
    await follower.start()
    await master.buy(stage.position(1))
    await follower.reaches("D")
    await follower.drained()
    return master, follower


async def closed_whole(stage: Stage, master: Ea, follower: EaPlayer, *, lots_before: str) -> None:
    """The master closes, and his gateway knows what there is to be closed."""
    await master.close(stage.position(1))
    await until(lambda: follower.lots() == [])
    closing = follower.commands()[-1]
    assert (closing["action"], closing["lots_before"]) == ("close", lots_before)
    assert follower.executed() == ["open", "close"]


async def kept_up(master: Ea, what: Callable[[], object]) -> None:
    """Return when it is so; the master is not silent meanwhile."""
    async with asyncio.timeout(PATIENCE):
        while not what():
            await master.beat()
            await asyncio.sleep(0.2)


async def test_case_083_an_order_at_a_slow_broker_is_announced_and_ends_no_session(
    quick_stage: Stage, tmp_path: Path, played: Casting
) -> None:
    cast = quick_stage.cast({})
    follower = played(quick_stage, cast.followers[0], tmp_path)
    assert isinstance(follower, EaPlayer)
    await follower.start()
    master = await quick_stage.arrive(cast.master)
    follower.broker.lies.latency = 1.2  # within the patience of the gateway, so that this is known of the broker
    await master.buy(quick_stage.position(1))
    await kept_up(master, lambda: follower.states() == "D")
    follower.broker.lies.latency = 5.0  # beyond it
    await master.close(quick_stage.position(1))
    await kept_up(master, lambda: follower.states() == "DD")
    await kept_up(master, lambda: not follower.unacknowledged())
    assert follower.executed() == ["open", "close"]
    assert follower.heard("sessions") == 1
    (announced,) = follower.announced()
    assert 4 * 1200 + 10_000 <= announced < 120_000


async def test_case_089_what_a_hand_closes_in_part_is_told_and_the_rest_is_the_same_copy(
    stage: Stage, tmp_path: Path, played: Casting
) -> None:
    master, follower = await a_copy(stage, tmp_path, played)
    follower.close_by_hand("0.06")
    await until(lambda: follower.told()[-1]["status"] == "closed")
    await follower.drained()
    assert follower.lots() == [Decimal("0.04")]
    await closed_whole(stage, master, follower, lots_before="0.04")


async def test_case_090_a_terminal_without_a_connection_does_not_tell_a_flat_book(
    stage: Stage, tmp_path: Path, played: Casting
) -> None:
    master, follower = await a_copy(stage, tmp_path, played)
    await follower.leave()
    before = len(follower.books())
    follower.broker.connected = False
    await follower.start()
    await until(lambda: len(follower.books()) > before)
    assert follower.books()[before]["connected"] is False
    follower.broker.connected = True
    await closed_whole(stage, master, follower, lots_before="0.1")


@pytest.mark.nightly
@pytest.mark.over("ea", "socket")  # a call is lost with all that it holds, and is made again
async def test_case_093_a_part_of_the_book_that_is_lost_is_told_again_with_all_the_others(
    stage: Stage, tmp_path: Path, played: Casting
) -> None:
    cast = stage.cast({})
    follower = played(stage, cast.followers[0], tmp_path)
    assert isinstance(follower, EaPlayer)
    await follower.start()
    await follower.leave()
    for _ in range(HELD):
        follower.broker.open("buy", "0.01")
    before = len(follower.books())
    await follower.start()
    await follower.loses('"n":2,"of":')
    master = await stage.arrive(cast.master)
    await until(lambda: bool(follower.whole_books(before)), seconds=ASKED_ANEW)
    assert follower.whole_books(before) == [3]
    assert follower.heard("sessions") == 2
    await master.buy(stage.position(1))
    await follower.reaches("D")
    await follower.drained()
    await master.close(stage.position(1))
    await follower.reaches("DD")
    assert len(follower.lots()) == HELD


async def test_case_094_a_book_that_the_gateway_knows_is_told_as_the_same(
    stage: Stage, tmp_path: Path, played: Casting
) -> None:
    master, follower = await a_copy(stage, tmp_path, played)
    for same in (False, True):  # the first session of the two finds a book that nobody has told
        await follower.leave()
        before = len(follower.books())
        await follower.start()
        await until(lambda told=before: len(follower.books()) > told)  # type: ignore[misc]
        book = follower.books()[before]
        assert (book.get("same", False), "positions" in book) == (same, not same)
    await closed_whole(stage, master, follower, lots_before="0.1")
