"""Two gateway processes of one deployment: an EA's commands reach it wherever its master is, with or without Redis."""

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from websockets.exceptions import ConnectionClosed

from tests.e2e.database import Database
from tests.e2e.gateway import Gateway, RawEa
from tests.services import Valkey, valkey

pytestmark = [pytest.mark.lane("production"), pytest.mark.usefixtures("sockets")]
STOPS = 1
PAIRS = 8


@pytest.fixture
def bus() -> Iterator[Valkey]:
    """A Redis that a test may kill."""
    with valkey() as server:
        yield server


@pytest.fixture
def two_gateways(tmp_path: Path, bus: Valkey) -> Iterator[tuple[Gateway, Gateway]]:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    settings: dict[str, Any] = {"REDIS_URL": bus.url, "HEARTBEAT_TIMEOUT_SECONDS": "60"}
    one, two = (Gateway(folder, server="uvicorn", **settings).start() for folder in folders)
    yield one, two
    for gateway in (one, two):
        gateway.end(signal.SIGKILL)


async def buy(master: RawEa, follower: RawEa, positions: range) -> list[tuple[int, Any]]:
    """Buy these one after the other; the number and the position of each command that has come of it."""
    heard = []
    for position in positions:
        await master.buy(position)
        (command,) = await follower.commands(1)
        heard.append((command["seq"], command["payload"]["position_id"]))
    return heard


async def test_commands_reach_an_ea_of_another_process_in_order_and_each_once(
    two_gateways: tuple[Gateway, Gateway], bus: Valkey
) -> None:
    one, two = two_gateways
    cast = one.provision({})
    master = await cast.ea(0)
    follower = await RawEa.connect(two, cast.token(1))
    await follower.introduce()
    assert await buy(master, follower, range(1, 11)) == [(number, number) for number in range(1, 11)]
    bus.kill()
    assert await buy(master, follower, range(11, 13)) == [(11, 11), (12, 12)], "the sweep finds them"
    bus.start()
    assert await buy(master, follower, range(13, 16)) == [(13, 13), (14, 14), (15, 15)]
    for gateway in two_gateways:
        assert not gateway.log_has("doorbell.unreadable")
        assert not gateway.log_has("delivery.failed")


@pytest.mark.nightly
async def test_a_gateway_that_stood_still_comes_back_and_deadlocks_with_nobody(tmp_path: Path, bus: Valkey) -> None:
    """What it had heard, what waits in its sockets and its sweep meet the other one, which has ended its sessions."""
    database = Database.begin("stopped")
    settings: dict[str, Any] = {
        "DATABASE_URL": database.url, "REDIS_URL": bus.url,
        "HEARTBEAT_INTERVAL_SECONDS": "1", "HEARTBEAT_TIMEOUT_SECONDS": "3",
    }  # fmt: skip
    gateways = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        gateways.append(await asyncio.to_thread(Gateway(tmp_path / name, server="uvicorn", **settings).start))
    one, two = gateways
    for stop in range(1, STOPS + 1):
        casts = [(await asyncio.to_thread(one._provision, [[{}]]))[0] for _ in range(PAIRS)]
        masters = [await cast.ea(0) for cast in casts]
        followers = [await replace(cast, gateway=two).ea(1) for cast in casts]
        beating = asyncio.gather(*(beats(ea) for ea in (*masters, *followers)))
        for master, follower in zip(masters, followers, strict=True):
            await master.buy(1)
            assert await follower.commands(1), f"stop {stop}"
        assert one.process is not None
        one.process.send_signal(signal.SIGSTOP)
        for position in range(2, 12):
            for master in masters:
                await master.buy(position)
        await asyncio.sleep(15)  # its lease and the timeout are over: the other one's sweep ends what this one serves
        one.process.send_signal(signal.SIGCONT)
        async with asyncio.timeout(30):
            assert {await master.close_code() for master in masters} <= {4401, 4408, 4012, 4013}
        beating.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await beating
    with psycopg.connect(database.url) as connection:
        connection.execute("SELECT pg_stat_force_next_flush()")
        (found,) = connection.execute(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        ).fetchone() or (None,)
    assert found == 0
    for gateway in gateways:
        assert not gateway.log_has("deadlock")
        gateway.end(signal.SIGKILL)


async def beats(ea: RawEa) -> None:
    with contextlib.suppress(ConnectionClosed):
        while True:
            await ea.send("StatusHeartbeat", {"balance": "1000"})
            await asyncio.sleep(0.7)
