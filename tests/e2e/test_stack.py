"""A deployment as deploy/ describes it: trades go on through its proxy while gateways are restarted and killed."""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.e2e.gateway import Cast, Gateway, RawEa
from tests.services import NotInstalledError
from tests.services.binaries import find_postgres, find_valkey
from tests.stack import Stack, find_proxy, running

pytestmark = [pytest.mark.nightly, pytest.mark.lane("embedded"), pytest.mark.usefixtures("sockets")]


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    try:
        find_postgres()
        find_valkey()
    except NotInstalledError as missing:
        pytest.skip(str(missing))
    if find_proxy() is None:
        pytest.skip("no Caddy here: install the package caddy")
    with running() as stack:
        yield stack


class Front(Gateway):
    """The stack's proxy, where clients think a gateway is."""

    def __init__(self, folder: Path, stack: Stack) -> None:
        super().__init__(folder)
        self._env, self._stack = {**os.environ, **stack.env}, stack

    @property
    def url(self) -> str:
        return self._stack.url


@dataclass
class Link:
    """A terminal that comes back with its token whenever its socket is gone, as a client does."""

    cast: Cast
    number: int
    token: str
    ea: RawEa
    top: int = 0

    @classmethod
    async def begin(cls, cast: Cast, number: int) -> "Link":
        token = cast.token(number)
        ea = await RawEa.connect(cast.gateway, token)
        await ea.introduce()
        return cls(cast, number, token, ea)

    async def again(self) -> None:
        """Come back where the numbers stand."""
        former = self.ea
        epoch = next(frame["payload"]["epoch"] for frame in former.seen if frame["type"] == "SessionState")
        self.ea = await RawEa.connect(self.cast.gateway, self.token, epoch=epoch, last_server_seq=self.top)
        self.ea.seq = former.seq
        await self.ea.hear("SessionState")


async def trade(master: Link, follower: Link, position: int) -> None:
    """One position, from the master's order to the follower's command, which is the next and the only one."""
    await master.ea.buy(position)
    (command,) = await follower.ea.commands(1)
    assert (command["seq"], command["payload"]["position_id"]) == (position, position)
    follower.top = command["seq"]


async def test_trades_go_on_through_a_rolling_restart_and_a_killed_gateway(stack: Stack, tmp_path: Path) -> None:
    cast = Front(tmp_path, stack)._provision([[{}]])[0]
    master, follower = await Link.begin(cast, 0), await Link.begin(cast, 1)
    await trade(master, follower, 1)
    for number in (0, 1):
        assert stack.restart(number) == 0
        await master.again()
        await follower.again()
        await trade(master, follower, 2 + number)
    stack.gateways[0].kill()
    await master.again()
    await follower.again()
    await trade(master, follower, 4)
    told = (await asyncio.to_thread(httpx.get, f"{stack.url}/readyz", timeout=10)).json()
    assert (told["database"], told["redis"]) == ("ok", "ok")
    stack.bring_up(0)
