"""The scenarios by name. Each starts what it needs, measures in turns, and returns what came out."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from tests.bench import living, trading
from tests.bench.accounts import document, groups
from tests.bench.rounds import Measured, take_turns
from tests.bench.servers import House, Setup, Subject, mint, provision, run_module
from tests.bench.terminals import Load, make_load

SETTLE_SECONDS: Final = 1.0
AT_ONCE: Final = 40
HISTORY: Final = 446_000
ROWS_PER_POSITION: Final = 905  # of one master and 100 followers: see volume.py


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
        await load.part()


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
        pace = partial(trading.paced, intents=bench.many(intents), interval=interval, limit=60.0 * bench.share)
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


async def idle(bench: Bench, setup: Setup) -> Measured:
    """1,000 EAs that only live."""
    measured = Measured()
    with bench.house.gateway(setup, masters=1, followers=bench.many(999)) as gateway:
        async with trading_floor(gateway, beating=False) as load:
            measured.ours.append(await living.idle(load, gateway, seconds=20.0 * bench.share))
    return measured


async def resume(bench: Bench, setup: Setup) -> Measured:
    """1,000 EAs whose links are cut come back, to us and to the bare relay."""
    async with both(bench, setup, masters=1, followers=bench.many(999)) as (ours, relay):
        measured = await take_turns(
            ours=lambda: living.resume(*ours), bare=lambda: living.resume(*relay), watched="seconds",
            least=bench.least, most=bench.most, say=bench.say,
        )  # fmt: skip
    measured.compared_with = "bare relay"
    return measured


async def new(bench: Bench, setup: Setup) -> Measured:
    """1,000 EAs from nothing: their accounts provisioned with keys, then each asks, connects and introduces itself."""
    others = bench.many(99)
    names = [name for group in groups(10, others) for name in group]
    measured = Measured()
    with bench.house.gateway(setup, masters=10, followers=others, cast=False) as gateway:
        keys = dict(zip(names, mint(gateway.environment, len(names)), strict=True))
        began = time.perf_counter()
        provision(gateway.environment, document(10, others, keys))
        provisioned = time.perf_counter() - began
        load = make_load([[(name, "") for name in group] for group in groups(10, others)])
        figures = await living.new(load, gateway, keys, at_once=AT_ONCE)
        measured.ours.append({**figures, "provision": provisioned})
    return measured


async def two_processes(bench: Bench, setup: Setup) -> Measured:
    """Two gateway processes on one database beside one: the latency of one master, and the throughput of ten."""
    if setup.database == "sqlite":
        bench.say("one process serves a SQLite file: nothing to measure")
        return Measured()
    measured = Measured(compared_with="one process")
    for masters in (1, 10):
        async with AsyncExitStack() as stack:
            loads = []
            for processes in (1, 2):
                run = replace(setup, processes=processes)
                subject = stack.enter_context(bench.house.gateway(run, masters=masters, followers=100))
                loads.append((await stack.enter_async_context(trading_floor(subject)), subject))
            one, other = loads
            if masters == 1:
                load = partial(trading.paced, intents=bench.many(200), interval=0.05)
            else:
                load = partial(trading.flat_out, seconds=8.0 * bench.share)
            part = await take_turns(
                ours=partial(load, *other), bare=partial(load, *one), watched="p50" if masters == 1 else "rate",
                least=bench.least, most=bench.most, say=bench.say,
            )  # fmt: skip
        kept = ("p50", "p99") if masters == 1 else ("rate", "cpu")
        measured.ours += [{name: each[name] for name in kept} for each in part.ours]
        measured.bare += [{name: each[name] for name in kept} for each in part.bare]
    return measured


async def history(bench: Bench, setup: Setup) -> Measured:
    """A gateway with 446,000 rows behind it beside one that begins; the rows come while its EAs are connected."""
    async with AsyncExitStack() as stack:
        loads = []
        for _ in range(2):
            subject = stack.enter_context(bench.house.gateway(setup, masters=1, followers=100))
            loads.append((await stack.enter_async_context(trading_floor(subject)), subject))
        old, young = loads
        pace = partial(trading.paced, intents=bench.many(200), interval=0.05)
        for load, subject in loads:
            await trading.paced(load, subject, intents=4, interval=0.05)
        positions = max(1, int(HISTORY / ROWS_PER_POSITION * min(1.0, bench.share)))
        filling = asyncio.to_thread(run_module, "tests.bench.volume", positions, env=old[1].environment)
        bench.say(f"{(await filling).strip()} rows of history")
        measured = await take_turns(
            ours=partial(pace, *old), bare=partial(pace, *young), watched="p50",
            least=bench.least, most=bench.most, say=bench.say,
        )  # fmt: skip
    measured.compared_with = "no history"
    return measured


async def soak(bench: Bench, setup: Setup) -> Measured:
    """Ten minutes at 80 % of what ten masters reach flat out: the latency stays, and so does the memory."""
    measured = Measured(compared_with="the first tenth")
    with bench.house.gateway(setup, masters=10, followers=100) as gateway:
        async with trading_floor(gateway) as load:
            full = await trading.flat_out(load, gateway, seconds=max(2.0, 8.0 * bench.share))
            bench.say(f"flat out {full['rate']:,.0f} commands/s")
            figures = await trading.at_rate(load, gateway, rate=0.8 * full["rate"], seconds=600.0 * bench.share)
            measured.ours.append({name: value for name, value in figures.items() if name != "early_memory"})
            measured.bare.append({"memory": figures["early_memory"]})
    return measured


SCENARIOS: Final[Mapping[str, Scenario]] = {
    "1-1": partial(fan_out, followers=1, intents=300, interval=0.01),
    "1-10": partial(fan_out, followers=10, intents=300, interval=0.02),
    "1-100": partial(fan_out, followers=100, intents=200, interval=0.05),
    "1-1000": partial(fan_out, followers=1000, intents=30, interval=0.3),
    "10x100": flat_out,
    "heartbeat": heartbeats,
    "resume": resume,
    "new": new,
    "idle": idle,
    "two": two_processes,
    "history": history,
    "soak": soak,
}
