"""Who does not read what he is sent: the gateway keeps little for him, drops him, and keeps his commands in the log."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from tests.e2e.gateway import Gateway, RawEa
from tests.e2e.servers import SERVERS

pytestmark = [pytest.mark.lane("embedded", "production"), pytest.mark.usefixtures("sockets")]
SMALL: dict[str, Any] = {
    "SEND_QUEUE_KIB": "64",
    "FRAMES_PER_SECOND": "10000",
    "FRAME_BURST": "100000",
    "HEARTBEAT_TIMEOUT_SECONDS": "60",
}


@pytest.fixture(params=SERVERS)
def small_gateway(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Gateway]:
    gateway = Gateway(tmp_path, server=request.param, **SMALL).start()
    yield gateway
    gateway.end(9)


async def stop_reading(ea: RawEa) -> None:
    """From now on the kernel's buffers fill, then the gateway's."""
    ea.socket.transport.pause_reading()


async def code_after_the_rest(ea: RawEa) -> int:
    """Read on to the end, without looking at what comes."""
    ea.socket.transport.resume_reading()
    try:
        while True:
            await ea.socket.recv()
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else 1006


async def test_case_110_a_reader_that_never_reads_is_dropped_and_keeps_its_commands(small_gateway: Gateway) -> None:
    cast = small_gateway.provision({})
    master, follower = await cast.ea(0), await cast.ea(1)
    for position in range(1, 51):
        await master.buy(position)
    await follower.commands(50)
    before = small_gateway.memory_mib
    await stop_reading(follower)
    async with asyncio.timeout(60):
        while not small_gateway.log_has("socket.slow_reader"):
            await follower.send("ResendRequest", {"from": 1, "to": 50})
            await asyncio.sleep(0.001)
    assert small_gateway.memory_mib - before < 5
    assert await code_after_the_rest(follower) == 4429
    top = {"epoch": follower.seen[0]["payload"]["epoch"], "last_server_seq": 10}
    back = await RawEa.connect(small_gateway, follower.token, **top)
    assert [frame["seq"] for frame in await back.commands(40)] == list(range(11, 51))


async def test_one_frame_that_waits_too_long_for_its_reader_ends_the_link(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, **{**SMALL, "SEND_QUEUE_KIB": "65536", "SLOW_READER_SECONDS": "1"}).start()
    try:
        cast = gateway.provision({})
        master, follower = await cast.ea(0), await cast.ea(1)
        for position in range(1, 51):
            await master.buy(position)
        await follower.commands(50)
        await stop_reading(follower)
        async with asyncio.timeout(60):
            while not gateway.log_has("socket.slow_reader"):
                await follower.send("ResendRequest", {"from": 1, "to": 50})
                await asyncio.sleep(0.001)
        assert await code_after_the_rest(follower) == 4429
    finally:
        gateway.end(9)
