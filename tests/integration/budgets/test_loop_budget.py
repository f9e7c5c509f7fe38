"""How many functions the event loop calls for each follower more: to push a command, to take the report about it with
the acknowledgement that it brings, and to tell what became of both. Counted as in `test_interpreter_budget.py`.
"""

import asyncio
import cProfile
import gc
import json
import pstats
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any, Final
from uuid import UUID

import pytest

from sessions_app.domain.frames.log import LogFrame
from sessions_app.domain.lifecycle import SessionStatus
from sessions_app.models.fields import new_id
from sessions_app.queries import Standing
from sessions_app.services.ingest.ports import Arrival, Batch, Fate
from sessions_app.transport.connection.eager import begin
from sessions_app.transport.connection.registry import Registry
from sessions_app.transport.connection.sockets import SocketConnection
from sessions_app.transport.inbound.dispatcher import Dispatcher
from sessions_app.transport.inbound.heartbeats import Heartbeats
from sessions_app.transport.inbound.rate_limits import RateLimits
from sessions_app.transport.outbound.delivery import Delivery

FEW: Final = 10
MANY: Final = 40
WARM: Final = 3
# A few above what they are.
A_FOLLOWER: Final = {"push": 65, "take": 80, "tell": 34}
EPOCH: Final = UUID(int=1)


@pytest.mark.parametrize("work", A_FOLLOWER)
def test_a_follower_more_is_few_calls_more_of_the_loop(work: str) -> None:
    more = (_calls(MANY)[work] - _calls(FEW)[work]) / (MANY - FEW)
    assert more <= A_FOLLOWER[work]


@cache
def _calls(followers: int) -> dict[str, int]:
    return asyncio.run(_counted_in_a_loop(followers))


async def _counted_in_a_loop(followers: int) -> dict[str, int]:
    house = House()
    for _ in range(followers):
        house.connect()
    found: dict[str, int] = {}
    for number in range(1, WARM + 2):
        pushed, now = house.commands(number), datetime.now(UTC)
        found["push"] = _counted(partial(house.delivery.settle, pushed, ()))
        frames = [_report(number) for _ in range(followers)]
        found["take"] = _counted(partial(house.hear, frames))
        stored = house.stored(number, now)
        found["tell"] = _counted(partial(house.delivery.settle, stored, house.queued))
        assert [len(sent) for sent in house.sent] == [number] * followers
        assert house.acknowledged() == [number] * followers
        house.queued.clear()
    return found


@dataclass
class House:
    """Links whose sends go nowhere, and a writer that stores nothing."""

    registry: Registry = field(default_factory=Registry)
    queued: list[Arrival] = field(default_factory=list)
    sent: list[list[str]] = field(default_factory=list)
    doors: list[Dispatcher] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.delivery = Delivery(self.registry)

    def connect(self) -> None:
        """One more follower, introduced, whose log is empty."""
        standing = Standing(
            session_id=new_id(), account_pk=new_id(), account_id=f"srv:{len(self.doors)}",
            state=SessionStatus.AUTHENTICATED, close_reason="", fence=1, epoch=EPOCH, stored_seq=0, top_seq=0,
            acked_seq=0, interval=30, timeout=90, initialised=True, intent_rate=100,
        )  # fmt: skip
        connection = SocketConnection(standing=standing, resume_from=0)
        sent: list[str] = []
        self.sent.append(sent)

        async def say(message: dict[str, Any]) -> None:
            sent.append(message["text"])

        connection.carry(say)
        self.registry.add(connection)
        door = Dispatcher(
            connection, bounds=RateLimits(), delivery=self.delivery, ingest=self, heartbeats=Heartbeats()  # type: ignore[arg-type]
        )  # fmt: skip
        connection.open(door)
        self.doors.append(door)

    def put(self, arrival: Arrival) -> None:
        """In the place of the writer's queue."""
        self.queued.append(arrival)

    def hear(self, frames: list[str]) -> None:
        """A frame of each follower."""
        for door, frame in zip(self.doors, frames, strict=True):
            begin(door.take(frame))

    def commands(self, number: int) -> Batch:
        """A batch that has made a command for each follower."""
        batch = Batch(now=datetime.now(UTC))
        for connection in self.registry:
            frame = LogFrame(number, new_id(), "OrderCommand", b'{"action":"open"}', EPOCH)
            batch.append(connection.account_pk, [frame])
            batch.fences[connection.account_pk] = 1
        return batch

    def stored(self, number: int, now: datetime) -> Batch:
        """A batch that has applied what is queued."""
        for arrival in self.queued:
            arrival.fate, arrival.received_at = Fate.APPLY, now
        batch = Batch(now=now)
        batch.stored_tops = {arrival.session_id: number for arrival in self.queued}
        return batch

    def acknowledged(self) -> list[int]:
        """How far each follower has."""
        return [connection.outbox.acked for connection in self.registry]


def _report(number: int) -> str:
    payload = {
        "command_id": str(new_id()), "status": "filled", "ticket": number, "lots": "0.10", "price": "1.10000",
        "copy_no": number, "attempt": 1, "execution_ms": 1, "age_ms": 2,
    }  # fmt: skip
    frame = {"v": 1, "type": "ExecutionReport", "id": str(new_id()), "seq": number, "ack": number, "payload": payload}
    return json.dumps(frame, separators=(",", ":"))


def _counted(work: Callable[[], Any]) -> int:
    gc.disable()  # what is collected meanwhile calls functions of its own
    profile = cProfile.Profile()
    try:
        profile.runcall(work)
    finally:
        gc.enable()
    total: int = pstats.Stats(profile).total_calls  # type: ignore[attr-defined]
    return total
