"""Two gateway processes of one deployment: an EA's commands reach it wherever its master is, with or without Redis."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.gateway import Gateway, RawEa
from tests.services import Valkey, valkey

pytestmark = [pytest.mark.lane("production"), pytest.mark.usefixtures("sockets")]


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
