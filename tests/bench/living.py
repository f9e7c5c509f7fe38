"""The loads that only live: heartbeats, reconnects, new sessions. Each is one round and returns its figures."""

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any, Final

from tests.bench.rounds import percentile
from tests.bench.servers import Subject
from tests.bench.terminals import PATIENCE, Load, Terminal

REST_SECONDS: Final = 2.0
CREATED: Final = 201
AWAY: Final = 503
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


async def idle(load: Load, subject: Subject, *, seconds: float) -> Figures:
    """Everybody beats each BEAT_SECONDS and nothing else happens: how many such EAs half a core would hold."""
    beats = asyncio.create_task(load.keep_beating())
    await asyncio.sleep(REST_SECONDS)
    cpu, began = subject.cpu_seconds, time.perf_counter()
    await asyncio.sleep(seconds)
    share = (subject.cpu_seconds - cpu) / (time.perf_counter() - began)
    beats.cancel()
    load.check()
    return {"share": share, "capacity": len(load.terminals) * 0.5 / max(share, 0.001)}


async def resume(load: Load, subject: Subject) -> Figures:
    """All links are cut, then all come back at once: until the last one has its SessionState."""
    await load.part()
    await asyncio.sleep(REST_SECONDS)
    took: list[float] = []
    cpu, began = subject.cpu_seconds, time.perf_counter()

    async def one(ea: Terminal, address: tuple[str, int]) -> None:
        ea.welcomed = asyncio.get_running_loop().create_future()
        await ea.connect(*address)
        took.append(time.perf_counter() - began)

    async with asyncio.TaskGroup() as group:
        for number, ea in enumerate(load.terminals):
            group.create_task(one(ea, subject.addresses[number % len(subject.addresses)]))
    load.check()
    return {
        "seconds": max(took),
        "p50": percentile(took, 0.5) * 1e3,
        "cpu": (subject.cpu_seconds - cpu) / len(took) * 1e6,
    }


# From nothing ---------------------------------------------------------------------------------------------------------


async def new(load: Load, subject: Subject, keys: Mapping[str, str], *, at_once: int) -> Figures:
    """Every EA asks for a session, connects, says Hello and introduces itself; so many of them at the same time."""
    waves, refused = asyncio.Semaphore(at_once), 0
    took: list[float] = []
    began = time.perf_counter()

    async def one(ea: Terminal, address: tuple[str, int]) -> None:
        nonlocal refused
        async with waves:
            begins = time.perf_counter()
            while True:
                status, answer = await _ask(ea.name, keys[ea.name], address)
                if status == CREATED:
                    break
                if status != AWAY:
                    raise RuntimeError(f"{ea.name}: {status} {answer}")
                refused += 1
                await asyncio.sleep(1.0)
            ea.token = answer["session_token"]
            await ea.connect(*address)
            await ea.introduce()
            took.append(time.perf_counter() - begins)

    async with asyncio.TaskGroup() as group:
        for number, ea in enumerate(load.terminals):
            group.create_task(one(ea, subject.addresses[number % len(subject.addresses)]))
    load.check()
    return {"seconds": time.perf_counter() - began, "p50": percentile(took, 0.5) * 1e3, "refused": refused}


async def _ask(name: str, key: str, address: tuple[str, int]) -> tuple[int, dict[str, Any]]:
    """POST /sessions; the status and the answer."""
    body = json.dumps(
        {"account_id": name, "auth_method": "account_session_key", "auth_key": key, "platform": "sdk"}
    ).encode()
    reader, writer = await asyncio.open_connection(*address)
    head = (
        "POST /ea-gateway/v1/sessions HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    answer = await asyncio.wait_for(reader.read(), PATIENCE)
    writer.close()
    first, _, content = answer.partition(b"\r\n\r\n")
    if b"chunked" in first.lower():
        content = content[content.index(b"{") : content.rindex(b"}") + 1]
    return int(first.split()[1]), json.loads(content)
