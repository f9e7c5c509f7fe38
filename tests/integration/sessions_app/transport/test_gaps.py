"""Numbered frames in any order and split: what came ahead is dropped, asked for, and stored once and in order."""

import asyncio
import itertools
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID

import pytest
from channels.db import database_sync_to_async
from eagateway_sdk.ids import uuid7
from hypothesis import given, settings
from hypothesis import strategies as st

from orders.models import Intent
from sessions_app import queries
from sessions_app.models import InboundFrame
from sessions_app.services.ingest import batches
from sessions_app.transport.connection import inbox
from sessions_app.transport.connection.exchanges import ExchangeConnection
from sessions_app.transport.connection.registry import Registry
from sessions_app.transport.inbound.dispatcher import Dispatcher
from sessions_app.transport.inbound.heartbeats import Heartbeats
from sessions_app.transport.inbound.rate_limits import RateLimits
from sessions_app.transport.outbound.delivery import Delivery
from sessions_app.transport.outbound.gaps import ask_again
from sessions_app.transport.runtime import Runtime
from tests.integration.sessions_app.transport.test_introductions_in_parts import Shelf
from tests.integration.trading import Desk

pytestmark = pytest.mark.django_db(transaction=True)
_names = itertools.count(1)


@pytest.fixture(scope="module", autouse=True)
def _patience() -> Iterator[None]:
    """A machine that is slow changes nothing here: what is waited for is waited for without end, unless a test says."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(inbox, "RESEND_PATIENCE", math.inf)
        patched.setattr(inbox, "QUIET_SECONDS", math.inf)
        yield


class Talk:
    """A master that talks over a link of its own; `settle` is the writer's turn."""

    def __init__(self) -> None:
        self.desk = Desk.open(f"gap:{next(_names)}")
        standing = queries.standings([self.desk.session.id])[self.desk.session.id]
        self.link, self.shelf, registry = ExchangeConnection(standing=standing, resume_from=0), Shelf(), Registry()
        registry.add(self.link)
        self.delivery = Delivery(registry)
        self._door: Dispatcher | None = None
        self._ids: dict[int, UUID] = {}
        self.heard: list[dict[str, Any]] = []

    @property
    def door(self) -> Dispatcher:
        if self._door is None:
            self._door = Dispatcher(
                self.link,
                bounds=RateLimits(),
                delivery=self.delivery,
                ingest=self.shelf,  # type: ignore[arg-type]
                heartbeats=Heartbeats(),
            )
        return self._door

    def take_door(self, door: Dispatcher) -> None:
        """Talk through this one."""
        self._door = door

    async def send(self, numbers: Iterable[int]) -> None:
        for seq in numbers:
            told = {"position_id": seq, "ticket": seq, "symbol": "EURUSD", "side": "buy", "lots": "0.1"}
            await self.say("OrderIntent", {"action": "open", **told}, id=self._ids.setdefault(seq, uuid7()), seq=seq)

    async def beat(self, top: int) -> list[dict[str, int]]:
        await self.say("StatusHeartbeat", {"top_seq": top}, id=uuid7())
        return self.asked()

    async def say(self, kind: str, payload: dict[str, Any], **fields: Any) -> None:
        await self.door.take(json.dumps({"v": 1, "type": kind, "payload": payload, **fields}, default=str))

    async def settle(self, most: int = 500) -> list[dict[str, int]]:
        """Store what waits, so many frames a batch; what is asked for by then."""
        while self.shelf.arrivals:
            some, self.shelf.arrivals = self.shelf.arrivals[:most], self.shelf.arrivals[most:]
            batch = await database_sync_to_async(batches.store, thread_sensitive=False)(arrivals=some)
            self.delivery.settle(batch, some)
        return self.asked()

    def quiet(self) -> list[dict[str, int]]:
        """Nothing has come for a while, and the sweep looks; what is asked for then."""
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(inbox, "QUIET_SECONDS", 0.0)
            ask_again(self.link)
        return self.asked()

    def asked(self) -> list[dict[str, int]]:
        """The requests since the last look."""
        self.heard += (frames := [json.loads(text) for text in self.link.collect()])
        return [frame["payload"] for frame in frames if frame["type"] == "ResendRequest"]

    def kinds(self) -> list[str]:
        return [frame["type"] for frame in self.heard]

    def stored(self) -> list[int]:
        rows = InboundFrame.objects.filter(session=self.desk.session).order_by("id")
        return list(rows.values_list("seq", flat=True))

    def traded(self) -> list[int]:
        return list(
            Intent.objects.filter(account=self.desk.account).order_by("id").values_list("position_id", flat=True)
        )


def page(first: int, last: int) -> dict[str, int]:
    return {"from": first, "to": last}


def test_what_came_ahead_of_its_predecessors_in_one_batch_is_asked_for_itself() -> None:
    async def talk(peer: Talk) -> None:
        await peer.send([3, 1, 2])
        assert await peer.settle() == [], "it may follow by itself"
        assert peer.quiet() == [page(3, 3)]
        await peer.send([3])
        assert await peer.settle() == []
        assert peer.quiet() == []

    asyncio.run(talk(peer := Talk()))
    assert (peer.stored(), peer.traded()) == ([1, 2, 3], [1, 2, 3])


def test_one_request_names_what_is_missing_before_a_frame() -> None:
    async def talk(peer: Talk) -> None:
        await peer.send([1, 4])
        assert await peer.settle() == [page(2, 3)]
        await peer.send([2, 3, 4])
        assert await peer.settle(1) == []

    asyncio.run(talk(peer := Talk()))
    assert peer.traded() == [1, 2, 3, 4]


def test_what_came_ahead_after_a_request_is_asked_for_when_that_is_fulfilled() -> None:
    async def talk(peer: Talk) -> None:
        await peer.send([2])
        assert await peer.settle() == [page(1, 1)]
        await peer.send([5])
        assert await peer.settle() == []
        await peer.send([1, 2])
        assert await peer.settle() == [page(3, 4)]

    asyncio.run(talk(Talk()))


def test_nothing_is_asked_for_while_it_is_at_work_unless_it_is_dropped() -> None:
    async def talk(peer: Talk) -> None:
        await peer.send([2])
        assert await peer.settle() == [page(1, 1)]
        await peer.send([4])
        assert await peer.settle() == []
        await peer.send([1, 2, 3, 4])
        assert await peer.settle(2) == []

    asyncio.run(talk(peer := Talk()))
    assert peer.stored() == [1, 2, 3, 4]


def test_what_does_not_come_is_asked_for_again_at_a_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    async def talk(peer: Talk) -> None:
        await peer.send([2])
        assert await peer.settle() == [page(1, 1)]
        assert await peer.beat(2) == [], "it may be on its way"
        monkeypatch.setattr(inbox, "RESEND_PATIENCE", 0.0)
        assert await peer.beat(2) == [page(1, 1)]

    asyncio.run(talk(Talk()))


def test_a_heartbeat_s_number_shows_that_something_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def talk(peer: Talk) -> None:
        await peer.send([1])
        await peer.settle()
        assert await peer.beat(3) == [], "its backlog may be coming"
        monkeypatch.setattr(inbox, "QUIET_SECONDS", 0.0)
        assert await peer.beat(3) == [page(2, 3)]
        assert peer.kinds()[-2:] == ["ResendRequest", "HeartbeatAck"]

    asyncio.run(talk(Talk()))


def test_a_heartbeat_looks_when_the_frames_before_it_are_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "QUIET_SECONDS", 0.0)

    async def talk(peer: Talk) -> None:
        await peer.send([1, 2])
        assert await peer.beat(3) == []
        assert await peer.settle() == [page(3, 3)]

    asyncio.run(talk(Talk()))


def test_a_number_beyond_all_measure_is_asked_for_by_one_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "QUIET_SECONDS", 0.0)

    async def talk(peer: Talk) -> None:
        assert await peer.beat(2**53 - 1) == [page(1, 200)]
        assert await peer.beat(2**53 - 1) == []

    asyncio.run(talk(Talk()))


def test_the_sweep_asks_for_a_frame_that_nobody_sends_again(monkeypatch: pytest.MonkeyPatch) -> None:
    peer = Talk()

    async def talk() -> None:
        runtime = Runtime.current()
        peer.take_door(runtime.attach(peer.link, recovered=True))
        await peer.send([3, 1, 2])
        async with asyncio.timeout(30):
            while peer.link.inbox.stored < 2 or peer.link.inbox.in_work:  # noqa: ASYNC110 - the writer's work
                await asyncio.sleep(0.01)
        peer.asked()
        for wait in ("QUIET_SECONDS", "RESEND_PATIENCE"):
            monkeypatch.setattr(inbox, wait, 0.0)
        await runtime._sweep()
        assert peer.asked() == [page(3, 3)]
        await runtime.drain(0)

    asyncio.run(talk())


# Any order, any split -------------------------------------------------------------------------------------------------

_Calls = list[tuple[list[int], int]]


@st.composite
def calls(draw: st.DrawFn) -> _Calls:
    """The numbers 1 to n in any order, some more than once, in any split into calls; and how many frames a batch takes
    then, 0 for none yet."""
    count = draw(st.integers(1, 7))
    extra = draw(st.lists(st.integers(1, count), max_size=5))
    numbers = draw(st.permutations([*range(1, count + 1), *extra]))
    ends = sorted(draw(st.sets(st.integers(1, len(numbers)), max_size=4)) | {len(numbers)})
    return [
        (list(numbers[start:end]), draw(st.integers(0, 4)))
        for start, end in itertools.pairwise([0, *ends])
    ]  # fmt: skip


async def to_the_end(peer: Talk, sent: _Calls, *, rewinds: bool) -> int:
    """Send all of it, answer every request, and count them. `rewinds`: an answer brings all that follows."""
    top, asked = 0, 0
    pages: Sequence[dict[str, int]] = []
    for numbers, most in [*sent, ([], 500)]:
        await peer.send(numbers)
        top = max([top, *numbers])
        pages = [*pages, *(await peer.settle(most) if most else [])]
    pages = pages or peer.quiet()
    while pages:
        asked += len(pages)
        for one in pages:
            await peer.send(range(one["from"], (top if rewinds else one["to"]) + 1))
        pages = await peer.settle(2) or peer.quiet()
    return asked


@given(sent=calls(), rewinds=st.booleans())
@settings(max_examples=30, deadline=None)
def test_every_number_is_stored_once_and_in_order_if_requests_are_answered(sent: _Calls, rewinds: bool) -> None:
    peer = Talk()
    asked = asyncio.run(to_the_end(peer, sent, rewinds=rewinds))
    everything = list(range(1, max(seq for numbers, _ in sent for seq in numbers) + 1))
    assert peer.stored() == peer.traded() == everything
    assert asked <= len(everything)
