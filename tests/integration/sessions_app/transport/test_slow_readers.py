"""A peer that reads nothing, and whose socket cannot even be closed: its link is given up at once, and once."""

import asyncio
import json
from typing import Any

import pytest
from structlog.testing import capture_logs

from sessions_app.consumers import StreamConsumer
from sessions_app.domain.frames.envelope import SUBPROTOCOL
from sessions_app.transport.runtime import Runtime
from tests.integration.sessions_app.transport.test_delivery import in_a_loop
from tests.integration.trading import Desk

pytestmark = pytest.mark.django_db(transaction=True)
HELLO = {"v": 1, "type": "Hello", "id": "019a0000-0000-7000-8000-000000000001"}
POLL = {"v": 1, "type": "Poll", "id": "019a0000-0000-7000-8000-000000000002", "payload": {}}


class StuckSocket:
    """The server's side of a peer that stops reading after `reads` messages: no send returns, not even a close."""

    def __init__(self, token: str, reads: int) -> None:
        self._reads = reads
        self.scope: dict[str, Any] = {"type": "websocket", "headers": [], "subprotocols": [SUBPROTOCOL]}
        self.heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.sent: list[str] = []
        self.room = asyncio.Event()
        self.heard.put_nowait({"type": "websocket.connect"})
        self.hear({**HELLO, "payload": {"token": token}})

    def hear(self, frame: dict[str, Any]) -> None:
        self.heard.put_nowait({"type": "websocket.receive", "text": json.dumps(frame)})

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message["type"])
        while len(self.sent) > self._reads and not self.room.is_set():
            try:
                await self.room.wait()
            except asyncio.CancelledError:
                continue  # a server that shields its write


async def until(state: Any) -> None:
    async with asyncio.timeout(10):
        while not state():  # noqa: ASYNC110 - another task's work
            await asyncio.sleep(0.001)


def test_a_dropped_link_whose_write_never_returns_leaves_the_registry_at_once(settings: Any) -> None:
    desk = Desk.open("srv:1").introduce()
    desk.hello()
    settings.GATEWAY = {**settings.GATEWAY, "slow_reader_seconds": 0}

    async def stall() -> None:
        runtime = Runtime.current()
        wire = StuckSocket(f"token of {desk.session.id}", reads=2)  # the acceptance and its SessionState
        link = asyncio.create_task(StreamConsumer()(wire.scope, wire.heard.get, wire.send))
        await until(lambda: len(wire.sent) == 2)
        wire.hear(POLL)
        await until(lambda: len(wire.sent) == 3)
        with capture_logs() as logs:
            for _ in range(3):
                await runtime._sweep()
        dropped.append([item["event"] for item in logs].count("socket.slow_reader"))
        held.append(len(runtime.registry))
        wire.room.set()
        wire.heard.put_nowait({"type": "websocket.disconnect", "code": 1006})
        await asyncio.wait_for(link, 5)
        await runtime.drain()

    dropped: list[int] = []
    held: list[int] = []
    in_a_loop(stall)
    assert (dropped, held) == ([1], [0])
