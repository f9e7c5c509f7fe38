"""Heartbeats of authenticated links: answered from memory, written together, and what that may not change."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError
from django.db import connection as database
from eagateway_sdk.ids import uuid7

from sessions_app import queries
from sessions_app.domain.decimals import Money
from sessions_app.domain.frames.payloads import StatusHeartbeat
from sessions_app.domain.keys import token_digest
from sessions_app.domain.lifecycle import Reason, SessionStatus
from sessions_app.models import BrokerAccount, EaSession
from sessions_app.services.ingest import batches, beats
from sessions_app.services.ingest.beats import Beat
from sessions_app.services.ingest.ports import Arrival
from sessions_app.services.lifecycle import ending, expiry
from sessions_app.services.operations import gateway_processes
from sessions_app.services.operations.history import GATEWAY
from sessions_app.transport import exchange
from sessions_app.transport.connection.exchanges import ExchangeConnection
from sessions_app.transport.connection.registry import Registry
from sessions_app.transport.exchange import Call
from sessions_app.transport.inbound.dispatcher import Dispatcher
from sessions_app.transport.inbound.heartbeats import Heartbeats
from sessions_app.transport.inbound.rate_limits import RateLimits
from sessions_app.transport.outbound.delivery import Delivery
from sessions_app.transport.runtime import Runtime
from tests.factories import GatewayProcessFactory
from tests.integration.counting import counted
from tests.integration.trading import Desk, subscribe

pytestmark = pytest.mark.django_db(transaction=True)


class Shelf:
    """An ingest queue that a test empties itself."""

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []

    def put(self, arrival: Arrival) -> None:
        self.arrivals.append(arrival)


def frame(kind: str, payload: dict[str, Any], **fields: Any) -> bytes:
    return json.dumps({"v": 1, "type": kind, "id": str(uuid7()), "payload": payload, **fields}).encode()


def beat(**funds: str) -> bytes:
    return frame("StatusHeartbeat", funds)


def heard(**funds: Any) -> Beat:
    return Beat(time.monotonic(), StatusHeartbeat(**funds))


def link(desk: Desk) -> ExchangeConnection:
    standing = queries.standings([desk.session.id])[desk.session.id]
    return ExchangeConnection(standing=standing, resume_from=standing.top_seq)


def answers(connection: ExchangeConnection, kind: str = "HeartbeatAck") -> list[dict[str, Any]]:
    frames = [json.loads(text) for text in connection.collect()]
    return [item["payload"] for item in frames if item["type"] == kind]


def with_runtime(desk: Desk, work: Callable[[Runtime, ExchangeConnection, Dispatcher], Awaitable[None]]) -> None:
    """One gateway process with one link."""
    connection = link(desk)

    async def run() -> None:
        runtime = Runtime.current()
        await work(runtime, connection, runtime.attach(connection, recovered=True))
        await runtime.drain(0)

    asyncio.run(run())


async def until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not reached():  # noqa: ASYNC110 - another task's work
            await asyncio.sleep(0.01)


def account(desk: Desk) -> BrokerAccount:
    return BrokerAccount.objects.get(id=desk.account.id)


def session(desk: Desk) -> EaSession:
    return EaSession.objects.get(id=desk.session.id)


def ago(seconds: float) -> datetime:
    return queries.database_now() - timedelta(seconds=seconds)


# Answers -----------------------------------------------------------------------------------------------------------


def at_a_door(desk: Desk, *frames: bytes, settled: bool = False) -> tuple[ExchangeConnection, Shelf, Heartbeats]:
    """Let a link take frames; `settled`: what goes to the batch is stored after that."""
    connection, shelf, heartbeats, registry = link(desk), Shelf(), Heartbeats(), Registry()
    registry.add(connection)

    async def talk() -> None:
        delivery = Delivery(registry)
        bounds = RateLimits()
        door = Dispatcher(connection, bounds=bounds, delivery=delivery, ingest=shelf, heartbeats=heartbeats)  # type: ignore[arg-type]
        for text in frames:
            await door.take(text)
        assert asyncio.all_tasks() == {asyncio.current_task()}, "nobody reads anything for it"
        if settled:
            batch = await asyncio.to_thread(lambda: batches.store(arrivals=shelf.arrivals))
            delivery.settle(batch, shelf.arrivals)

    asyncio.run(talk())
    return connection, shelf, heartbeats


def test_a_heartbeat_is_answered_without_the_writer_and_without_a_statement() -> None:
    desk = Desk.open("srv:1").introduce()
    BrokerAccount.objects.filter(id=desk.account.id).update(next_seq=8)
    with counted() as cost:
        connection, shelf, heartbeats = at_a_door(desk, beat(balance="5"), beat(balance="6"))
    # The link of this test reads its session's standing, as a resume does; the beats read and write nothing.
    assert (cost.naming("UPDATE"), cost.commits) == ([], 0)
    assert shelf.arrivals == []
    told = answers(connection)
    assert [(item["top_seq"], item["epoch"]) for item in told] == [(7, str(desk.account.epoch))] * 2
    assert [item.payload.balance for item in heartbeats.take().values()] == [Decimal(6)]


def test_an_answer_stands_behind_the_answers_to_what_came_before() -> None:
    desk = Desk.open("srv:1").introduce()
    alert = frame("ErrorAlert", {"code": "requote"}, seq=1)
    waiting, shelf, _ = at_a_door(desk, alert, beat())
    assert len(shelf.arrivals) == 1
    assert answers(waiting) == []
    served, _, _ = at_a_door(desk, alert, beat(), settled=True)
    assert len(answers(served)) == 1


def test_a_pending_session_is_heard_by_the_batch_which_may_promote_it() -> None:
    desk = Desk.open("srv:1", approved=False)
    _, shelf, heartbeats = at_a_door(desk, beat(balance="5"))
    assert [arrival.kind for arrival in shelf.arrivals] == ["StatusHeartbeat"]
    assert heartbeats.take() == {}


def test_the_top_is_never_below_what_any_process_had_committed_before_the_last_sweep() -> None:
    master, follower = Desk.open("srv:1").introduce(), Desk.open("srv:2").introduce()
    subscribe(master, follower)

    async def talk(runtime: Runtime, connection: ExchangeConnection, door: Dispatcher) -> None:
        before = connection.standing.top_seq
        # As another gateway process does it: this one is told nothing.
        await asyncio.to_thread(master.buy, 1)
        await runtime._sweep()
        await door.take(beat())
        assert [item["top_seq"] for item in answers(connection)] == [before + 1]

    with_runtime(follower, talk)


# Writing -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("eas", [1, 10, 100])
def test_all_that_was_heard_is_written_in_two_locks_two_updates_and_one_commit(eas: int) -> None:
    desks = [Desk.open(f"srv:{number}") for number in range(eas)]
    told = {desk.session.id: heard(balance=Decimal(7), equity=Decimal(8)) for desk in desks}
    with counted() as cost:
        beats.flush(told)
    # Sent together on PostgreSQL, the locks and the updates with their COMMIT; a call of SQLite is no round trip.
    assert cost.calls == (2 if database.vendor == "postgresql" else 4)
    assert (cost.commits, dict(cost.instances)) == (1, {})
    assert set(BrokerAccount.objects.values_list("balance", "equity")) == {(Decimal(7), Decimal(8))}
    assert all(session(desk).status == {"balance": "7", "equity": "8"} for desk in desks)


def test_funds_are_those_of_the_last_sweep() -> None:
    desk = Desk.open("srv:1").introduce(balance="1000")

    async def talk(runtime: Runtime, connection: ExchangeConnection, door: Dispatcher) -> None:
        await door.take(beat(balance="2000", equity="2100"))
        before = await asyncio.to_thread(account, desk)
        assert before.balance == 1000
        await runtime._sweep()
        after = await asyncio.to_thread(account, desk)
        assert (after.balance, after.equity) == (Decimal(2000), Decimal(2100))
        assert before.funds_at is not None
        assert after.funds_at is not None
        assert after.funds_at > before.funds_at

    with_runtime(desk, talk)


def test_funds_that_were_told_later_stay() -> None:
    desk = Desk.open("srv:1")
    # Both moments come from two clocks, so that they are a round trip uncertain.
    late = Beat(time.monotonic() - 1, StatusHeartbeat(balance=Money(1)))
    desk.introduce(balance="1000")
    beats.flush({desk.session.id: late})
    assert account(desk).balance == 1000
    assert session(desk).last_heartbeat_at is not None


def test_the_deadline_counts_from_the_moment_of_the_beat_not_from_its_writing() -> None:
    desk = Desk.open("srv:1")
    beats.flush({desk.session.id: Beat(time.monotonic() - 5, StatusHeartbeat())})
    row = session(desk)
    left = (row.deadline_at - queries.database_now()).total_seconds()
    assert row.heartbeat_timeout - 7 < left <= row.heartbeat_timeout - 5


def test_what_was_heard_just_before_the_link_went_counts() -> None:
    desk = Desk.open("srv:1")

    async def talk(runtime: Runtime, connection: ExchangeConnection, door: Dispatcher) -> None:
        await door.take(beat(balance="3"))
        runtime.registry.remove(connection)
        await runtime._sweep()

    with_runtime(desk, talk)
    assert account(desk).balance == 3


def test_a_process_that_ends_in_order_writes_what_it_has_heard() -> None:
    desk = Desk.open("srv:1")

    async def talk(runtime: Runtime, connection: ExchangeConnection, door: Dispatcher) -> None:
        await door.take(beat(balance="3"))

    with_runtime(desk, talk)
    assert account(desk).balance == 3


def is_away(*_: object, **__: object) -> None:
    """The database, at the wrong moment."""
    raise OperationalError


def test_what_could_not_be_written_is_written_by_the_next_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk.open("srv:1")

    async def talk(runtime: Runtime, connection: ExchangeConnection, door: Dispatcher) -> None:
        await door.take(beat(balance="3"))
        with monkeypatch.context() as patch:
            patch.setattr(beats, "renew", is_away)
            with pytest.raises(OperationalError):
                await runtime._sweep()
        await runtime._sweep()

    with_runtime(desk, talk)
    assert account(desk).balance == 3


def test_one_that_cannot_be_written_silences_nobody_else() -> None:
    desks = [Desk.open(f"srv:{number}") for number in range(3)]
    told = {desk.session.id: heard(balance=Decimal(7)) for desk in desks}
    told[desks[1].session.id] = heard(balance=Decimal("1e40"))
    beats.flush(told)
    assert [account(desk).balance for desk in desks] == [7, None, 7]


@pytest.mark.parametrize(
    ("announced", "extended"), [((60_000,), True), ((60_000, 60_000), False), ((60_000, None, 60_000), True)]
)
def test_a_long_call_extends_the_deadline_once_however_many_beats_are_written_together(
    announced: tuple[int | None, ...], extended: bool
) -> None:
    desk = Desk.open("srv:1")
    busy = [frame("StatusHeartbeat", {} if long is None else {"busy_until_ms": long}) for long in announced]
    _, _, heartbeats = at_a_door(desk, *busy)
    beats.flush(heartbeats.take())
    left = (session(desk).deadline_at - queries.database_now()).total_seconds()
    assert (left > 60) == extended


def test_a_long_call_extends_the_deadline_once_over_a_write_that_failed() -> None:
    desk = Desk.open("srv:1")
    long = frame("StatusHeartbeat", {"busy_until_ms": 60_000})
    _, _, before = at_a_door(desk, long)
    _, _, after = at_a_door(desk, long)
    after.put_back(before.take())
    beats.flush(after.take())
    assert (session(desk).deadline_at - queries.database_now()).total_seconds() < 60


# Who is in charge ----------------------------------------------------------------------------------------------------


def test_a_session_that_another_process_has_closed_is_told_at_the_next_sweep_and_not_revived() -> None:
    desk = Desk.open("srv:1")

    async def talk(runtime: Runtime, connection: ExchangeConnection, door: Dispatcher) -> None:
        why = Reason.CLOSED_BY_OPERATOR
        await asyncio.to_thread(ending.close_session, session_id=desk.session.id, reason=why, actor=GATEWAY)
        await door.take(beat(balance="3"))
        await runtime._sweep()
        states = answers(connection, "SessionState")
        assert (states[-1]["status"], states[-1]["reason"]) == ("closed", "closed_by_operator")
        assert connection.lifecycle.closing

    with_runtime(desk, talk)
    row = session(desk)
    assert (row.state, row.last_heartbeat_at, account(desk).balance) == (SessionStatus.CLOSED, None, None)


def test_the_beat_of_a_preempted_session_says_nothing_of_the_account() -> None:
    older = Desk.open("srv:1")
    told = {older.session.id: heard(balance=Decimal(3))}
    older.again()
    beats.flush(told)
    assert account(older).balance is None


def silent(desk: Desk, seconds: float, **columns: Any) -> None:
    EaSession.objects.filter(id=desk.session.id).update(deadline_at=ago(seconds), **columns)


def test_silence_is_judged_up_to_the_moment_that_its_process_has_written_all_it_heard() -> None:
    gateway_processes.renew()
    # It says so with its lease, of 10 s: everything that it heard until 3 s ago is written.
    other = GatewayProcessFactory.create(lease_until=ago(3) + gateway_processes.LEASE)
    desk = Desk.open("srv:1")
    silent(desk, 2, gateway=other.id)
    assert expiry.expire_overdue() == 0
    beats.flush({desk.session.id: Beat(time.monotonic() - 2.5, StatusHeartbeat())})
    assert expiry.expire_overdue() == 0
    silent(desk, 4, gateway=other.id)
    assert expiry.expire_overdue() == 1


def test_a_beat_that_comes_while_the_sweep_writes_slowly_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    desk, other = Desk.open("srv:1"), Desk.open("srv:2")
    silent(desk, -0.3, gateway=gateway_processes.THIS)
    write = beats.renew

    def slowly(*arguments: Any, **named: Any) -> Any:
        time.sleep(0.6)
        return write(*arguments, **named)

    async def talk(runtime: Runtime, connection: ExchangeConnection, door: Dispatcher) -> None:
        runtime.heartbeats.put_back({other.session.id: Beat(time.monotonic() - 60, StatusHeartbeat())})
        with monkeypatch.context() as patch:
            patch.setattr(beats, "renew", slowly)
            sweeping = asyncio.ensure_future(runtime._sweep())
            await asyncio.sleep(0.1)
            await door.take(beat())  # in time, and in memory alone until the next sweep
            await sweeping
        await runtime._sweep()

    with_runtime(desk, talk)
    assert (session(desk).state, session(other).state) == (SessionStatus.AUTHENTICATED, SessionStatus.CLOSED)


@pytest.mark.parametrize("held", [False, True])
def test_an_ea_whose_call_waits_for_us_is_not_silent_and_one_that_wants_its_answer_held_is(
    monkeypatch: pytest.MonkeyPatch, *, held: bool
) -> None:
    desk = Desk.open("srv:1")
    sweep_seconds = 0.05
    monkeypatch.setitem(settings.GATEWAY, "sweep_seconds", sweep_seconds)
    # A call is answered `try_later` after ten seconds, which are soon over on a machine that has much to do.
    monkeypatch.setattr(exchange, "PATIENCE_SECONDS", 60.0)
    frames = [] if held else [frame("ErrorAlert", {"code": "requote"}, seq=1)]
    EaSession.objects.filter(id=desk.session.id).update(token_hash=token_digest("a-token"))
    call = Call(token="a-token", session_id=desk.session.id, frames=frames, confirmed=None, hold_ms=2500)

    def called(runtime: Runtime) -> bool:
        return desk.session.id in runtime.calls.waiting(sweep_seconds)

    async def talk(runtime: Runtime, connection: ExchangeConnection, door: Dispatcher) -> None:
        connection.collect()
        monkeypatch.setattr(runtime.ingest, "put", lambda arrival: None)  # a writer that has no turn
        calling = asyncio.ensure_future(exchange.answer(call))
        # Both are silent only once their call stands where it shall stand: under load that takes its time.
        await until(lambda: not connection.abandoned(-1) and connection.at_rest if held else called(runtime))
        await asyncio.to_thread(silent, desk, 0.2, gateway=gateway_processes.THIS)
        await runtime._sweep()
        await until(lambda: held != called(runtime))
        calling.cancel()

    with_runtime(desk, talk)
    assert session(desk).state == (SessionStatus.CLOSED if held else SessionStatus.AUTHENTICATED)


def test_the_sweep_writes_before_it_judges() -> None:
    desk = Desk.open("srv:1")
    silent(desk, 1, gateway=gateway_processes.THIS)

    async def talk(runtime: Runtime, connection: ExchangeConnection, door: Dispatcher) -> None:
        await door.take(beat())
        await runtime._sweep()

    with_runtime(desk, talk)
    assert session(desk).state == SessionStatus.AUTHENTICATED
