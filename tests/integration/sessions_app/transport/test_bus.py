"""Frames that come by bus: the row is the truth. What continues a log goes out; for anything else rows are read.

And what a batch costs: bus messages, sends, encodings, statements and hops between threads, counted, for one follower
and for ten.
"""

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from queue import SimpleQueue
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.db import connection as database
from django.db.backends.utils import CursorWrapper
from structlog.testing import capture_logs

from orders import queries as order_queries
from sessions_app import doorbell, queries
from sessions_app.domain import decimals
from sessions_app.domain.frames import envelope
from sessions_app.doorbell import News, Ring
from sessions_app.models import BrokerAccount, EaSession
from sessions_app.services.ingest.ports import Batch
from sessions_app.transport.connection.connections import Connection
from sessions_app.transport.connection.registry import Registry
from sessions_app.transport.connection.sockets import SocketConnection
from sessions_app.transport.inbound.ingest import Ingest
from sessions_app.transport.outbound.delivery import Delivery
from sessions_app.transport.runtime import Runtime
from tests.integration.sessions_app.transport.test_delivery import in_a_loop, link, numbers
from tests.integration.trading import Desk, subscribe

pytestmark = pytest.mark.django_db(transaction=True)
FOLLOWERS = [1, 10]


@pytest.fixture
def master() -> Desk:
    return Desk.open("srv:1").introduce()


def followers_of(master: Desk, count: int) -> list[Desk]:
    """So many followers, each with nothing in its way."""
    desks = [Desk.open(f"srv:f{number}").introduce() for number in range(count)]
    for desk in desks:
        subscribe(master, desk)
    mine = [desk.account.id for desk in desks]
    EaSession.objects.filter(account__in=mine).update(settled_at=queries.database_now())
    BrokerAccount.objects.filter(id__in=mine).update(needs_snapshot=False, snapshot_due_at=None)
    return desks


@pytest.fixture
def follower(master: Desk) -> Desk:
    return followers_of(master, 1)[0]


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Statements of every thread, by their first word; on PostgreSQL those that pass Django's cursors by, too."""
    counted: Counter[str] = Counter()
    cursor: Any = psycopg.Cursor if database.vendor == "postgresql" else CursorWrapper
    execute = cursor.execute

    def counting(self: Any, sql: Any, params: Any = None, **options: Any) -> Any:
        text = sql.decode() if isinstance(sql, bytes) else str(sql)
        if text:  # the pool asks with an empty one whether a connection stands
            counted[text.split(" ", 1)[0]] += 1
        return execute(self, sql, params, **options)

    monkeypatch.setattr(cursor, "execute", counting)
    return counted


def by_bus(batch: Batch, monkeypatch: pytest.MonkeyPatch, **changed: Any) -> Ring:
    """What another process's message about this batch says here; `changed`: of its frames."""
    ring = doorbell.decode(said_elsewhere(accounts_of(batch, **changed), monkeypatch))
    assert ring is not None
    return ring


def accounts_of(batch: Batch, **changed: Any) -> dict[UUID, News]:
    return {
        pk: News(batch.tops[pk], batch.fences[pk], [replace(frame, **changed) for frame in frames])
        for pk, frames in batch.log.items()
    }


def said_elsewhere(accounts: dict[UUID, News], monkeypatch: pytest.MonkeyPatch) -> bytes:
    with monkeypatch.context() as there:
        there.setattr(doorbell, "PROCESS", "another")
        return doorbell.encode(Ring(accounts=accounts))


def delivering(*connections: Connection) -> Delivery:
    registry = Registry()
    for connection in connections:
        registry.add(connection)
    return Delivery(registry)


def ring_all(rings: Sequence[Ring], *connections: Connection, paused: bool = False) -> None:
    """Hear these in this order: `paused`, each when the one before has been dealt with."""

    async def hear() -> None:
        delivery = delivering(*connections)
        for ring in rings:
            delivery.ring(ring)
            while paused and (others := asyncio.all_tasks() - {asyncio.current_task()}):
                await asyncio.wait(others)

    in_a_loop(hear)


# What goes out -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", FOLLOWERS)
def test_frames_that_continue_their_logs_go_out_without_a_look_at_the_rows(
    master: Desk, monkeypatch: pytest.MonkeyPatch, statements: Counter[str], count: int
) -> None:
    desks = followers_of(master, count)
    links = [link(desk) for desk in desks]
    master.buy(1)
    ring = by_bus(master.batches[-1], monkeypatch)
    statements.clear()
    ring_all([ring], *links)
    assert [numbers(connection) for connection in links] == [[1]] * count
    assert statements == {}


@pytest.mark.parametrize("count", FOLLOWERS)
def test_logs_whose_frames_did_not_come_are_read_in_one_statement(
    master: Desk, statements: Counter[str], count: int
) -> None:
    links = [link(desk) for desk in followers_of(master, count)]
    master.buy(1)
    master.buy(2)
    statements.clear()
    ring_all([Ring(accounts={item.account_pk: News(2) for item in links})], *links)
    assert [numbers(connection) for connection in links] == [[1, 2]] * count
    assert statements == {"SELECT": 1}


@pytest.mark.parametrize("count", FOLLOWERS)
def test_sessions_that_have_changed_are_looked_at_in_one_read(
    master: Desk, statements: Counter[str], count: int
) -> None:
    links = [link(desk) for desk in followers_of(master, count)]

    async def look() -> None:
        statements.clear()
        delivering(*links).ring(Ring(frozenset(item.session_id for item in links)))

    in_a_loop(look)
    assert statements["SELECT"] <= 2  # the clock, where the database has one, and all rows


# Lost, doubled, out of order, wrong ----------------------------------------------------------------------------------


def buy_twice(master: Desk, monkeypatch: pytest.MonkeyPatch) -> list[Ring]:
    master.buy(1)
    master.buy(2)
    return [by_bus(batch, monkeypatch) for batch in master.batches[-2:]]


@pytest.mark.parametrize("paused", [False, True])
@pytest.mark.parametrize("order", [[0, 0, 1, 1], [1, 0], [1], [1, 0, 1, 0]], ids=["doubled", "late", "lost", "both"])
def test_numbers_go_out_in_order_each_once_whatever_the_bus_does(
    master: Desk, follower: Desk, monkeypatch: pytest.MonkeyPatch, order: list[int], paused: bool
) -> None:
    connection = link(follower)
    rings = buy_twice(master, monkeypatch)
    ring_all([rings[index] for index in order], connection, paused=paused)
    assert numbers(connection) == [1, 2]


def test_a_message_of_which_the_first_part_is_known_goes_on_behind_it(
    master: Desk, follower: Desk, monkeypatch: pytest.MonkeyPatch, statements: Counter[str]
) -> None:
    connection = link(follower)
    first, second = buy_twice(master, monkeypatch)
    account = follower.account.id
    both = News(2, 1, [*first.accounts[account].frames, *second.accounts[account].frames])
    statements.clear()
    ring_all([first, Ring(accounts={account: both})], connection)
    assert (numbers(connection), statements) == ([1, 2], {})


def test_frames_with_a_hole_between_them_are_read_from_their_rows(
    master: Desk, follower: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = link(follower)
    rings = [*buy_twice(master, monkeypatch)]
    master.buy(3)
    rings.append(by_bus(master.batches[-1], monkeypatch))
    frames = [frame for ring in (rings[0], rings[2]) for frame in ring.accounts[follower.account.id].frames]
    ring_all([Ring(accounts={follower.account.id: News(3, 1, frames)})], connection)
    assert numbers(connection) == [1, 2, 3]


def test_frames_of_another_log_are_not_sent(
    master: Desk, follower: Desk, monkeypatch: pytest.MonkeyPatch, statements: Counter[str]
) -> None:
    connection = link(follower)
    master.buy(1)
    ring = by_bus(master.batches[-1], monkeypatch, epoch=uuid4(), payload=b'{"forged":true}')
    statements.clear()
    ring_all([ring], connection)
    texts = connection.collect()
    assert [json.loads(text)["seq"] for text in texts] == [1]
    assert not any(b"forged" in text for text in texts), "it comes from its row"
    assert statements["SELECT"] >= 2


def test_frames_of_another_fence_are_not_sent(master: Desk, follower: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    former = link(follower)
    newer = follower.again()
    EaSession.objects.filter(id=newer.session.id).update(settled_at=queries.database_now())
    master.buy(1)
    ring_all([by_bus(master.batches[-1], monkeypatch)], former)
    assert (numbers(former), former.standing.state) == ([], "closed")


def test_a_top_that_no_row_has_is_looked_for_once(master: Desk, follower: Desk, statements: Counter[str]) -> None:
    connection = link(follower)
    master.buy(1)
    statements.clear()
    ring_all([Ring(accounts={follower.account.id: News(10**9)})], connection)
    assert (numbers(connection), statements) == ([1], {"SELECT": 1})


def test_a_link_that_takes_no_commands_gets_none_by_bus(
    master: Desk, follower: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    BrokerAccount.objects.filter(id=follower.account.id).update(needs_snapshot=True)
    connection = link(follower)
    master.buy(1)
    ring_all([by_bus(master.batches[-1], monkeypatch)], connection)
    assert numbers(connection) == []


def test_a_message_that_we_fail_on_leaves_the_process_hearing(
    master: Desk, follower: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = link(follower)
    master.buy(1)
    messages = [said_elsewhere(accounts_of(master.batches[-1]), monkeypatch)] * 2

    async def hear() -> None:
        runtime = Runtime()
        runtime.registry.add(connection)
        with monkeypatch.context() as choking, capture_logs() as logs:
            choking.setattr(runtime.delivery.logs, "offer", None)
            runtime._take_message(messages[0])
        assert [item["event"] for item in logs] == ["doorbell.failed"]
        runtime._take_message(messages[1])
        await runtime.drain()

    in_a_loop(hear)
    assert numbers(connection) == [1]


# What a batch costs --------------------------------------------------------------------------------------------------


@pytest.fixture
def outgoing(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Any:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    waiting = doorbell._Outgoing()
    monkeypatch.setattr(doorbell, "_outgoing", waiting)
    monkeypatch.setattr(doorbell, "_start_publisher", lambda: None)
    return waiting


@pytest.mark.parametrize("count", FOLLOWERS)
@pytest.mark.parametrize("here", [False, True])
def test_a_batch_is_one_bus_message_with_the_frames_of_links_that_are_not_here(
    master: Desk, outgoing: Any, monkeypatch: pytest.MonkeyPatch, count: int, here: bool
) -> None:
    desks = followers_of(master, count)
    settled: SimpleQueue[Batch] = SimpleQueue()
    writer = Ingest(lambda batch, arrivals: settled.put(batch), serves=lambda account_pk, fence: here)
    arrival = master.arrival("OrderIntent", OPEN, seq=1)
    while len(outgoing):  # of the sessions that were opened
        outgoing.get()
    writer.put(arrival)
    settled.get(timeout=20)
    writer.stop(20)
    assert len(outgoing) == 1
    monkeypatch.setattr(doorbell, "PROCESS", "another")
    ring = doorbell.decode(outgoing.get())
    assert ring is not None
    assert {pk: (grown.top, len(grown.frames)) for pk, grown in ring.accounts.items()} == {
        desk.account.id: (1, 0 if here else 1) for desk in desks
    }


OPEN: dict[str, Any] = {
    "action": "open", "position_id": 1, "ticket": 1, "symbol": "EURUSD", "side": "buy", "lots": "0.10", "price": "1.1"
}  # fmt: skip


class Wire:
    """The server's side of a socket: what was sent, and from within which task."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.tasks: list[asyncio.Task[Any] | None] = []

    async def send(self, message: dict[str, Any]) -> None:
        self.tasks.append(asyncio.current_task())
        self.sent.append(json.loads(message["text"]))


@pytest.mark.parametrize("count", FOLLOWERS)
def test_an_intent_costs_one_hop_one_send_per_follower_and_no_encoding_of_its_own(
    master: Desk, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    desks = followers_of(master, count)
    wires = [Wire() for _ in desks]
    counts: Counter[str] = Counter()
    order_queries._shared_fields.cache_clear()
    intent = master.arrival("OrderIntent", OPEN, seq=1)

    async def trade() -> None:
        runtime = Runtime()
        for desk, wire in zip(desks, wires, strict=True):
            connection = SocketConnection(standing=standings[desk.session.id], resume_from=0)
            runtime.attach(connection, recovered=True)
            connection.carry(wire.send)
        for wire in wires:
            wire.sent.clear()
            wire.tasks.clear()
        count_calls(monkeypatch, counts, asyncio.get_running_loop())
        runtime.ingest.put(intent)
        while not all(wire.sent for wire in wires):  # noqa: ASYNC110 - another thread's work
            await asyncio.sleep(0.01)
        told.update(counts)
        await runtime.drain()

    standings = queries.standings([desk.session.id for desk in desks])
    told: Counter[str] = Counter()
    in_a_loop(trade)
    assert [[frame["type"] for frame in wire.sent][:1] for wire in wires] == [["OrderCommand"]] * count
    assert [wire.tasks[0] for wire in wires] == [None] * count, "sent by whoever hands it over"
    assert told == {"hop": 1}
    assert order_queries._shared_fields.cache_info().misses == 1


def count_calls(monkeypatch: pytest.MonkeyPatch, counts: Counter[str], loop: asyncio.AbstractEventLoop) -> None:
    """Count hops from other threads into this loop, and what is encoded in the loop's thread."""
    here, hop, encode = threading.get_ident(), loop.call_soon_threadsafe, decimals.to_json

    def counting_hop(callback: Callable[..., Any], *args: Any, **named: Any) -> Any:
        counts["hop"] += 1
        return hop(callback, *args, **named)

    def counting_encode(value: object) -> bytes:
        counts["encode"] += threading.get_ident() == here
        return encode(value)

    monkeypatch.setattr(loop, "call_soon_threadsafe", counting_hop)
    monkeypatch.setattr(envelope, "to_json", counting_encode)
