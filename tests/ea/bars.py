"""What the EA's bars are measured by: python -m tests.ea.bars passes | memory | leaving | idle | latency | frames.

Times are those of the process's own CPU, for other work on the machine shall not count; the program is built with -O2.
How long a trade takes to its copy is told by the clock on the wall, so the machine's load in that time is told too.
"""

import asyncio
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final

from ea.host.build import Options, build
from tests.e2e.gateway import Gateway
from tests.ea.probes import PROGRAMS
from tests.ea.seats import Seat, until
from tests.ea.test_json import check, mutated

PASSES: Final = 1_000_000
REMOVALS: Final = 50  # in each of four situations
IDLE_SECONDS: Final = 20
TRADES: Final = 100  # of a master, in each of three situations
FRAMES: Final = 1_000_000
MUTATED: Final = 10  # of each frame
INTERVAL: Final = {"HEARTBEAT_TIMEOUT_SECONDS": "60", "UNKNOWN_KEYS_PER_MINUTE": "1000"}


def probe(line: str, folder: Path) -> "subprocess.Popen[str]":
    """BarsProbe with this order."""
    program = build(PROGRAMS / "BarsProbe.mq4", Options(fast=True))
    (folder / "in.txt").write_text(line + "\n", encoding="utf-8")
    environment = {**os.environ, "MQL_DATA": str(folder), "MQL_CPU_CLOCK": "1"}
    return subprocess.Popen([program], env=environment, stdout=subprocess.PIPE, text=True)


def passes(folder: Path) -> None:
    """300 orders, 2,000 closed ones, one of which changes at every tenth look."""
    said, _ = probe("passes 20000 300 2000 10", folder).communicate()
    middle, late, most = map(float, said.splitlines()[-1].split()[1:])
    print(f"own work of a look: p50 {middle / 1000:.2f} ms, p99 {late / 1000:.2f} ms, most {most / 1000:.2f} ms")


def memory(folder: Path) -> None:
    """Resident memory and open files at each tenth of a million looks."""
    process = probe(f"passes {PASSES} 20 100 50", folder)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("pass "):
            status = Path(f"/proc/{process.pid}/status").read_text()
            kept = int(status.partition("VmRSS:")[2].split()[0]) / 1024
            files = len(list(Path(f"/proc/{process.pid}/fd").iterdir()))
            print(f"{line.strip()}: {kept:.1f} MiB, {files} files")
    process.wait()


def leaving(folder: Path) -> None:
    """How long a removal takes, with a gateway that answers, and with one that has stopped to."""
    gateway = Gateway(folder, spare=REMOVALS, **INTERVAL).start()
    try:
        for way in ("calls", "socket"):
            for stopped in (False, True):
                took = [_leaves(gateway, folder, way, stopped=stopped) for _ in range(REMOVALS)]
                print(
                    f"{way}, gateway {'stopped' if stopped else 'there'}: most {max(took):.2f} s of {REMOVALS}",
                    flush=True,
                )
    finally:
        gateway.end()


def _leaves(gateway: Gateway, folder: Path, way: str, *, stopped: bool) -> float:
    cast = gateway.provision({})
    place = Path(tempfile.mkdtemp(dir=folder))
    with Seat(gateway.url, cast.names[1], cast.keys[cast.names[1]], place, way=way) as seat:
        seat.start().live("follower")
        if stopped:
            assert gateway.process is not None
            gateway.process.send_signal(signal.SIGSTOP)
        try:
            seat.terminal.remove(1)
            seat.terminal.hears("DEINIT took ", seconds=60)
        finally:
            if stopped and gateway.process is not None:
                gateway.process.send_signal(signal.SIGCONT)
        return int(re.findall(r"DEINIT took (\d+)", seat.said())[-1]) / 1000


def idle(folder: Path) -> None:
    """Calls or Polls, and bytes, of a follower for whom nothing happens."""
    gateway = Gateway(folder, spare=1, **INTERVAL).start()
    try:
        for way in ("calls", "socket"):
            asyncio.run(_idle(gateway, folder, way))
    finally:
        gateway.end()


async def _idle(gateway: Gateway, folder: Path, way: str) -> None:
    seen = bytearray()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while block := await reader.read(65536):
            seen.extend(block)
            writer.write(block)
        writer.close()

    async def joined(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", int(gateway.url.rpartition(":")[2]))
        with suppress(asyncio.CancelledError):  # the figures are known, and nobody waits for what else comes
            await asyncio.gather(carry(reader, back), carry(there, writer), return_exceptions=True)

    server = await asyncio.start_server(joined, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    cast = gateway.provision({})
    with Seat(url, cast.names[1], cast.keys[cast.names[1]], Path(tempfile.mkdtemp(dir=folder)), way=way) as seat:
        seat.inputs = {"TimerMilliseconds": 100}
        await asyncio.to_thread(lambda: seat.start().live("follower"))
        await asyncio.to_thread(lambda: until(lambda: "via" in seat.said()))
        await asyncio.sleep(3)
        seen.clear()
        await asyncio.sleep(IDLE_SECONDS)
        asked = seen.count(b"POST ") if way == "calls" else seen.count(b'"type":"Idle"')
        rate, size = asked / IDLE_SECONDS, len(seen) / IDLE_SECONDS / 1024
        print(f"{way}: {rate:.1f} a second, {size:.2f} KiB/s both ways", flush=True)
    server.close()


def latency(folder: Path) -> None:
    """From a master's trade in his broker's book to the copy in that of a follower."""
    gateway = Gateway(folder, spare=3, **INTERVAL).start()
    try:
        for platform, way in (("mt4", "calls"), ("mt4", "socket"), ("mt5", "calls")):
            took = sorted(_copies(gateway, Path(tempfile.mkdtemp(dir=folder)), platform, way))
            middle, late = took[len(took) // 2], took[len(took) * 95 // 100]
            figures = f"median {middle:.0f} ms, p95 {late:.0f} ms, most {took[-1]:.0f} ms of {len(took)}"
            print(f"{platform} by {way}: {figures}, load {os.getloadavg()[0]:.1f}", flush=True)
    finally:
        gateway.end()


def _copies(gateway: Gateway, folder: Path, platform: str, way: str) -> list[float]:
    """Milliseconds of each trade, with timers of 100 ms. They come at any moment of a timer's and of a call's."""
    chance, took = random.Random(1), []
    cast = gateway.provision({})
    names, inputs = cast.names[:2], {"TimerMilliseconds": 100}
    seats = [
        Seat(gateway.url, name, cast.keys[name], folder / str(at), inputs, way, platform=platform, fast=True)
        for at, name in enumerate(names)
    ]
    with seats[0] as master, seats[1] as follower:
        for seat, role in ((follower, "follower"), (master, "master")):
            seat.start().live(role).terminal.hears("EA Gateway: watching")
        for _ in range(TRADES):
            time.sleep(1 + chance.random())
            took.append(_copy(master, follower))
    return took


def _copy(master: Seat, follower: Seat) -> float:
    """A trade and its copy, which are closed again."""
    with master.terminal.told.lock:
        ticket = master.broker.open("buy", "0.10")
    began = time.monotonic()
    while not follower.broker.book.open:
        time.sleep(0.001)
    took = time.monotonic() - began
    with master.terminal.told.lock:
        master.broker.close(ticket)
    until(lambda: not follower.open)
    return took * 1000


def frames(folder: Path) -> None:
    """JSON that is whole, and JSON of which some bytes are changed, read by the EA and by Python, by two processes."""
    batches = range(0, FRAMES, 10_000)
    with ProcessPoolExecutor(max_workers=2) as hands:
        taken = 0
        for done, found in enumerate(hands.map(_compared, batches, [folder] * len(batches)), 1):
            taken += found
            if done % 10 == 0:
                whole = done * 10_000
                print(f"{whole:,} frames and {whole * MUTATED:,} changed ones: {taken:,} taken, all alike", flush=True)


def _compared(seed: int, folder: Path) -> int:
    """How many of ten thousand frames, and of those that are made of them, both take. That they agree is asserted."""
    chance, place = random.Random(seed), Path(tempfile.mkdtemp(dir=folder))
    values = [_value(chance, 4) for _ in range(10_000)]
    whole = [json.dumps(value, ensure_ascii=chance.random() < 0.5).encode() for value in values]
    found = check([*whole, *(mutated(frame, chance) for frame in whole for _ in range(MUTATED))], place)
    shutil.rmtree(place)
    return found


def _value(chance: random.Random, depth: int) -> object:
    """Some JSON."""
    kind = chance.randrange(7 if depth else 5)
    if kind == 0:
        return chance.choice((None, True, False))
    if kind == 1:
        return chance.randrange(-(2 ** chance.randrange(1, 70)), 2 ** chance.randrange(1, 70))
    if kind == 2:
        return chance.uniform(-1, 1) * 10 ** chance.randrange(-9, 18)
    if kind in (3, 4):
        return _text(chance)
    inner = range(chance.randrange(5))
    if kind == 5:
        return [_value(chance, depth - 1) for _ in inner]
    return {_text(chance): _value(chance, depth - 1) for _ in inner}


def _text(chance: random.Random) -> str:
    most = chance.choice((0x7F, 0x7F, 0x7FF, 0xD7FF, 0x10FFFF))
    letters = (chr(chance.randrange(most + 1)) for _ in range(chance.randrange(10)))
    return chance.choice(("1.50", "-0.00000001", "1e5", "")) + "".join(
        c for c in letters if not 0xD800 <= ord(c) < 0xE000
    )


BARS: Final = {
    "passes": passes, "memory": memory, "leaving": leaving, "idle": idle, "latency": latency, "frames": frames,
}  # fmt: skip


def main(names: Sequence[str]) -> None:
    """Those that are named, else all."""
    whole = Path(tempfile.mkdtemp(prefix="eagateway-bars-"))
    os.environ["EAGATEWAY_DATA_DIR"] = str(whole)
    os.environ.setdefault("SECRET_KEY", "a secret for what is measured and for nothing else")
    try:
        for name in names or BARS:
            began = time.monotonic()
            (whole / name).mkdir()
            BARS[name](whole / name)
            print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)
    finally:
        shutil.rmtree(whole, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1:])
