"""The loads that trade: paced, flat out, at a rate. Each is one round and returns its figures."""

import asyncio
import time
from collections import deque
from typing import Final

from tests.bench.rounds import percentile
from tests.bench.servers import Subject
from tests.bench.terminals import PATIENCE, Load, Terminal, Told

WINDOW: Final = 4
HELD_OPEN: Final = 6
Figures = dict[str, float]


async def paced(load: Load, subject: Subject, *, intents: int, interval: float, limit: float = PATIENCE) -> Figures:
    """One intent after the other, opens and closes in turn; the next when the one before is received everywhere.

    What is closed was opened some intents before; after `limit` seconds nothing more is opened. The
    figures are of opens and closes together, and of each alone.
    """
    master, opened = load.masters[0], deque[int]()
    opens: list[float] = []
    closes: list[float] = []
    cpu, commands, due = subject.cpu_seconds, load.commands, time.perf_counter()
    intents, until = max(intents, 2 * HELD_OPEN) // 2 * 2, due + limit
    for number in range(intents):
        wanted = number < HELD_OPEN or (number % 2 and number < intents - HELD_OPEN)
        if wanted and (not opens or time.perf_counter() < until):
            position, told = load.open(master)
            opened.append(position)
            opens.append(await _received(load, told))
        elif opened:
            closes.append(await _received(load, load.close(master, opened.popleft())))
        else:
            break
        due = await _next(due, interval)
    await asyncio.wait_for(load.settled.wait(), PATIENCE)
    every = [*opens, *closes]
    return {
        "p50": percentile(every, 0.5) * 1e3,
        "p99": percentile(every, 0.99) * 1e3,
        "opens_p50": percentile(opens, 0.5) * 1e3,
        "closes_p50": percentile(closes, 0.5) * 1e3,
        "cpu": (subject.cpu_seconds - cpu) / max(1, load.commands - commands) * 1e6,
    }


async def _received(load: Load, told: Told) -> float:
    await asyncio.wait_for(told.done.wait(), PATIENCE)
    load.check()
    return told.seconds


async def _next(due: float, interval: float) -> float:
    """Wait for the next beat of the interval; a beat that was missed is not made up for."""
    due = max(due + interval, time.perf_counter())
    await asyncio.sleep(max(0.0, due - time.perf_counter()))
    return due


async def flat_out(load: Load, subject: Subject, *, seconds: float) -> Figures:
    """Every master keeps WINDOW intents on their way; at the end all is closed, and everything is stored."""
    cpu, commands, began = subject.cpu_seconds, load.commands, time.perf_counter()
    latencies: list[float] = []
    async with asyncio.TaskGroup() as group:
        for master in load.masters:
            group.create_task(_trade(load, master, began + seconds, latencies))
    await asyncio.wait_for(load.settled.wait(), PATIENCE)
    load.check()
    many, took = load.commands - commands, time.perf_counter() - began
    return {
        "rate": many / took,
        "cpu": (subject.cpu_seconds - cpu) / many * 1e6,
        "p50": percentile(latencies, 0.5) * 1e3,
        "p99": percentile(latencies, 0.99) * 1e3,
    }


async def _trade(load: Load, master: Terminal, until: float, latencies: list[float]) -> None:
    on_their_way: deque[Told] = deque()
    opened: deque[int] = deque()

    async def oldest() -> None:
        told = on_their_way.popleft()
        await asyncio.wait_for(told.done.wait(), PATIENCE)
        latencies.append(told.seconds)

    while opened or time.perf_counter() < until:
        if len(on_their_way) >= WINDOW:
            await oldest()
        if len(opened) < HELD_OPEN and time.perf_counter() < until:
            position, told = load.open(master)
            opened.append(position)
        else:
            told = load.close(master, opened.popleft())
        on_their_way.append(told)
    while on_their_way:
        await oldest()


async def at_rate(load: Load, subject: Subject, *, rate: float, seconds: float) -> Figures:
    """So many commands a second, whether or not the ones before have arrived: latency, and memory after a tenth of the
    time and at the end."""
    latencies: list[float] = []
    began = time.perf_counter()
    early = asyncio.get_running_loop().create_task(_memory_after(subject, seconds / 10))
    pause = sum(map(len, load.followers.values())) / rate
    async with asyncio.TaskGroup() as group:
        for number, master in enumerate(load.masters):
            first = began + pause * number / len(load.masters)
            group.create_task(_trade_at(load, master, (first, began + seconds), pause, latencies))
    await asyncio.wait_for(load.settled.wait(), PATIENCE)
    load.check()
    return {
        "p50": percentile(latencies, 0.5) * 1e3,
        "p99": percentile(latencies, 0.99) * 1e3,
        "memory": subject.memory_mib,
        "early_memory": await early,
    }


async def _memory_after(subject: Subject, seconds: float) -> float:
    await asyncio.sleep(seconds)
    return subject.memory_mib


async def _trade_at(
    load: Load, master: Terminal, span: tuple[float, float], pause: float, latencies: list[float]
) -> None:
    due, until = span
    sent: list[Told] = []
    opened: deque[int] = deque()
    while opened or due < until:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        if len(opened) < HELD_OPEN and due < until:
            position, told = load.open(master)
            opened.append(position)
        else:
            told = load.close(master, opened.popleft())
        sent.append(told)
        due += pause
    for told in sent:
        await asyncio.wait_for(told.done.wait(), PATIENCE)
        latencies.append(told.seconds)
