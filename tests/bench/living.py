"""The loads that only live: heartbeats, reconnects, new sessions. Each is one round and returns its figures."""

import asyncio
import time
from typing import Final

from tests.bench.rounds import percentile
from tests.bench.servers import Subject
from tests.bench.terminals import Load, Terminal

REST_SECONDS: Final = 2.0
Figures = dict[str, float]


async def beats(load: Load, subject: Subject, *, pace: float, seconds: float) -> Figures:
    """Heartbeats of everybody in turn, so many a second; what each costs above a server that idles."""
    idle = await _idle_share(subject)
    answered: list[float] = []

    def note(ea: Terminal) -> None:
        answered.append(time.perf_counter() - ea.sent_at)

    load.beaten = note
    everybody, sent = load.terminals, 0
    cpu, began = subject.cpu_seconds, time.perf_counter()
    while (passed := time.perf_counter() - began) < seconds:
        due = int(passed * pace)
        for number in range(sent, due):
            everybody[number % len(everybody)].beat()
        sent = due
        await asyncio.sleep(1 / pace)
    await asyncio.sleep(0.2)
    load.check()
    took = time.perf_counter() - began
    spent = subject.cpu_seconds - cpu - idle * took
    return {"cpu": spent / max(1, len(answered)) * 1e6, "p50": percentile(answered, 0.5) * 1e3}


async def _idle_share(subject: Subject) -> float:
    """How much of a core it takes to do nothing."""
    cpu, began = subject.cpu_seconds, time.perf_counter()
    await asyncio.sleep(REST_SECONDS)
    return (subject.cpu_seconds - cpu) / (time.perf_counter() - began)
