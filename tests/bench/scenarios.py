"""The scenarios by name. Each starts what it needs, measures in turns, and returns what came out."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

from tests.bench import living, trading
from tests.bench.rounds import Measured, take_turns
from tests.bench.servers import House, Setup, Subject
from tests.bench.terminals import Load, make_load

SETTLE_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Bench:
    """What all scenarios of one run share. `share`: of the usual length; below 1 for a quick look."""

    house: House
    least: int
    most: int
    share: float
    say: Callable[[str], None]

    def many(self, usual: int) -> int:
        return max(4, int(usual * self.share))


Scenario = Callable[[Bench, Setup], Coroutine[None, None, Measured]]


@asynccontextmanager
async def trading_floor(subject: Subject, *, beating: bool = True) -> AsyncIterator[Load]:
    """All terminals of a subject connected, introduced, compared, and beating."""
    load = make_load(subject.groups)
    await load.connect(subject.addresses)
    await asyncio.sleep(SETTLE_SECONDS)
    beats = asyncio.create_task(load.keep_beating()) if beating else None
    try:
        yield load
    finally:
        if beats is not None:
            beats.cancel()
        for terminal in load.terminals:
            terminal.close()


@asynccontextmanager
async def both(
    bench: Bench, setup: Setup, *, masters: int, followers: int
) -> AsyncIterator[tuple[tuple[Load, Subject], tuple[Load, Subject]]]:
    """Ours and the bare relay, each with its load connected."""
    async with AsyncExitStack() as stack:
        relay = stack.enter_context(bench.house.relay(setup.database, masters=masters, followers=followers))
        ours = stack.enter_context(bench.house.gateway(setup, masters=masters, followers=followers))
        bench.say(f"serving; {masters * (1 + followers)} terminals connect to each")
        yield (
            (await stack.enter_async_context(trading_floor(ours)), ours),
            (await stack.enter_async_context(trading_floor(relay)), relay),
        )


async def fan_out(bench: Bench, setup: Setup, *, followers: int, intents: int, interval: float) -> Measured:
    """One master, paced."""
    async with both(bench, setup, masters=1, followers=followers) as (ours, relay):
        pace = partial(trading.paced, intents=bench.many(intents), interval=interval)
        for load, subject in (relay, ours):
            await trading.paced(load, subject, intents=4, interval=interval)  # the first ones warm both up
        measured = await take_turns(
            ours=lambda: pace(*ours), bare=lambda: pace(*relay), watched="p50",
            least=bench.least, most=bench.most, say=bench.say,
        )  # fmt: skip
    measured.compared_with = "bare relay"
    return measured


async def flat_out(bench: Bench, setup: Setup) -> Measured:
    """10 masters with 100 followers each."""
    async with both(bench, setup, masters=10, followers=100) as (ours, relay):
        run = partial(trading.flat_out, seconds=8.0 * bench.share)
        for load, subject in (relay, ours):
            await trading.flat_out(load, subject, seconds=0.2)
        measured = await take_turns(
            ours=lambda: run(*ours), bare=lambda: run(*relay), watched="rate",
            least=bench.least, most=bench.most, say=bench.say,
        )  # fmt: skip
    measured.compared_with = "bare relay"
    return measured


async def heartbeats(bench: Bench, setup: Setup) -> Measured:
    """What a heartbeat costs beside a bare echo of the same size, at the same pace: 200 a second from 100 EAs."""
    names = [[(f"e{number}", "-") for number in range(100)]]
    async with AsyncExitStack() as stack:
        gateway = stack.enter_context(bench.house.gateway(setup, masters=1, followers=99))
        ours = await stack.enter_async_context(trading_floor(gateway, beating=False))
        bare = stack.enter_context(bench.house.echo(setup.server))
        echo = make_load(names)
        await echo.connect(bare.addresses, introduce=False)
        beat = partial(living.beats, pace=200.0, seconds=10.0 * bench.share)
        measured = await take_turns(
            ours=lambda: beat(ours, gateway), bare=lambda: beat(echo, bare), watched="cpu",
            least=bench.least, most=bench.most, say=bench.say,
        )  # fmt: skip
    measured.compared_with = "bare echo"
    return measured


SCENARIOS: Final[Mapping[str, Scenario]] = {
    "1-1": partial(fan_out, followers=1, intents=300, interval=0.01),
    "1-10": partial(fan_out, followers=10, intents=300, interval=0.02),
    "1-100": partial(fan_out, followers=100, intents=200, interval=0.05),
    "1-1000": partial(fan_out, followers=1000, intents=30, interval=0.3),
    "10x100": flat_out,
    "heartbeat": heartbeats,
}
