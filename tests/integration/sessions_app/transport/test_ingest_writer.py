"""The writer thread around the batch: poison, a database that is away, what follows a commit, the end."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from queue import SimpleQueue
from typing import Any
from uuid import UUID

import pytest
from django.db import OperationalError, connection
from eagateway_sdk.ids import uuid7

from orders.models import Command, Intent
from orders.services.intents import order_intents
from orders.services.reports import execution_reports
from sessions_app.domain.alerts import AlertCode
from sessions_app.domain.lifecycle import Reason, SessionStatus
from sessions_app.models import EaSession, InboundFrame, OperatorAlert, SessionEvent
from sessions_app.services.access import keys
from sessions_app.services.ingest import batches, full_disk
from sessions_app.services.ingest.ports import Arrival, Batch, Fate
from sessions_app.services.lifecycle import promotion
from sessions_app.transport.inbound import ingest
from sessions_app.transport.inbound.ingest import Ingest
from tests.integration.trading import OPERATOR, Desk, is_asked_for_book, owes_no_book, subscribe

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE_S = 20
OPEN: dict[str, Any] = {"action": "open", "symbol": "EURUSD", "side": "buy", "lots": "0.10"}
Settled = SimpleQueue[Sequence[Arrival]]


@pytest.fixture
def settled() -> Settled:
    return SimpleQueue()


@pytest.fixture
def writer(settled: Settled) -> Iterator[Ingest]:
    writer = Ingest(lambda batch, arrivals: settled.put(arrivals))
    yield writer
    writer.stop(PATIENCE_S)


@pytest.fixture
def master() -> Desk:
    return Desk.open("srv:1").introduce()


def order(desk: Desk, position: int, *, symbol: str = "EURUSD", frame_id: UUID | None = None) -> Arrival:
    content = OPEN | {"position_id": position, "ticket": position, "symbol": symbol}
    return desk.arrival("OrderIntent", content, seq=position, frame_id=frame_id)


@pytest.fixture
def choking(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug of ours: an intent for the symbol POISON cannot be applied."""
    taken = order_intents._take

    def choke(arrival: Arrival, workspace: Any) -> None:
        if getattr(arrival.payload, "symbol", "") == "POISON":
            raise ValueError("a bug of ours")
        taken(arrival, workspace)

    monkeypatch.setattr(order_intents, "_take", choke)


def settle_all(settled: Settled, count: int) -> list[Arrival]:
    seen: list[Arrival] = []
    while len(seen) < count:
        seen += settled.get(timeout=PATIENCE_S)
    return seen


def codes(arrivals: Sequence[Arrival]) -> list[str | None]:
    return [arrival.refusal.code if arrival.refusal else None for arrival in arrivals]


def test_frames_that_come_together_are_one_batch(settled: Settled, master: Desk) -> None:
    turn: list[Callable[[], None]] = []
    writer = Ingest(lambda batch, arrivals: settled.put(arrivals), soon=turn.append)
    try:
        for position in range(1, 21):
            writer.put(order(master, position))
        assert len(turn) == 1
        turn.pop()()
        assert len(settled.get(timeout=PATIENCE_S)) == 20
        writer.put(order(master, 21))
        turn.pop()()
        assert len(settled.get(timeout=PATIENCE_S)) == 1
    finally:
        writer.stop(PATIENCE_S)


def test_an_intent_is_stored_before_what_waits_beside_it_but_a_strangers_is_not(settled: Settled, master: Desk) -> None:
    turn: list[Callable[[], None]] = []
    writer = Ingest(lambda batch, arrivals: settled.put(arrivals), soon=turn.append)
    try:
        other, stranger = Desk.open("srv:2").introduce(), Desk.open("srv:3", approved=False)
        alert = other.arrival("ErrorAlert", {"code": "busy"}, seq=1)
        for arrival in (alert, order(stranger, 1), order(master, 1)):
            writer.put(arrival)
        turn.pop()()
        assert [item.session_id for item in settled.get(timeout=PATIENCE_S)] == [master.session.id]
        assert len(settled.get(timeout=PATIENCE_S)) == 2
    finally:
        writer.stop(PATIENCE_S)


def test_case_108_a_frame_that_fails_is_refused_for_now_and_its_batch_stored(
    writer: Ingest, settled: Settled, master: Desk, choking: None
) -> None:
    other = Desk.open("srv:2").introduce()
    arrivals = [order(master, 1), order(other, 1), order(master, 2, symbol="POISON"), order(other, 2), order(master, 3)]
    for arrival in arrivals:
        writer.put(arrival)
    settle_all(settled, len(arrivals))
    assert codes(arrivals) == [None, None, "internal", None, None]
    assert arrivals[2].refusal is not None
    assert (arrivals[2].refusal.problem.final, arrivals[2].refusal.retry_after) == (False, 1)
    assert arrivals[4].fate is Fate.GAP
    assert sorted(Intent.objects.values_list("account__account_id", "position_id")) == [
        ("srv:1", 1), ("srv:2", 1), ("srv:2", 2)
    ]  # fmt: skip
    assert EaSession.objects.get(id=master.session.id).stored_seq == 1


def test_case_108_what_a_report_acknowledged_is_stored_though_the_report_fails(
    writer: Ingest, settled: Settled, master: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower = Desk.open("srv:2").introduce()
    subscribe(master, follower)
    master.buy(1)

    def choke(*arguments: Any) -> None:
        raise ValueError("a bug of ours")

    monkeypatch.setattr(execution_reports, "_take", choke)
    command = Command.objects.get(account=follower.account)
    told = {"command_id": str(command.id), "status": "filled", "ticket": 1, "lots": "0.1", "price": "1.1"}
    report = follower.arrival("ExecutionReport", told, seq=1)
    report.ack = 1
    writer.put(report)
    settle_all(settled, 2)
    writer.stop(PATIENCE_S)
    command.refresh_from_db()
    assert (codes([report]), command.state) == (["internal"], "received")


def test_case_108_a_frame_that_failed_three_times_is_refused_for_good_and_an_operator_called(
    writer: Ingest, settled: Settled, master: Desk, choking: None
) -> None:
    frame_id = uuid7()
    tries = [order(master, 1, symbol="POISON", frame_id=frame_id) for _ in range(3)]
    for arrival in tries:
        writer.put(arrival)
        settle_all(settled, 1)
    after = order(master, 2)
    writer.put(after)
    writer.stop(PATIENCE_S)
    assert codes([*tries, after]) == ["internal", "internal", "poisoned", None]
    assert InboundFrame.objects.get(seq=1).refusal == "poisoned"
    assert EaSession.objects.get(id=master.session.id).stored_seq == 2
    assert str(frame_id) in OperatorAlert.objects.get(code=AlertCode.POISONED_FRAME).text


def test_a_session_whose_frames_cost_too_much_is_closed_and_the_rest_is_not_tried(
    writer: Ingest, settled: Settled, master: Desk, choking: None
) -> None:
    other = Desk.open("srv:2").introduce()
    for number in range(200):
        writer.put(order(master, 1, symbol="POISON", frame_id=uuid7()))
        if number % 20 == 0:
            writer.put(order(other, 1 + number // 20))
    writer.stop(PATIENCE_S)
    seen = settle_all(settled, 210)
    told = Counter(arrival.refusal.code for arrival in seen if arrival.refusal)
    assert (told["internal"], told["session_closed"]) == (16, 184)
    session = EaSession.objects.get(id=master.session.id)
    assert (session.state, session.close_reason) == (SessionStatus.CLOSED, Reason.PROTOCOL_ERROR)
    assert EaSession.objects.get(id=other.session.id).stored_seq == 10


def test_a_new_session_of_the_same_account_has_no_fresh_budget(
    writer: Ingest, settled: Settled, master: Desk, choking: None
) -> None:
    for _ in range(20):
        writer.put(order(master, 1, symbol="POISON", frame_id=uuid7()))
    settle_all(settled, 20)
    again = master.again()
    writer.put(order(again, 1, symbol="POISON"))
    writer.stop(PATIENCE_S)
    assert EaSession.objects.get(id=again.session.id).close_reason == Reason.PROTOCOL_ERROR


def test_a_database_that_is_away_is_waited_for_and_nothing_is_stored_twice(
    writer: Ingest, settled: Settled, master: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, failures = batches.store, [OperationalError("the server closed the connection")] * 2

    def away(*, arrivals: Sequence[Arrival]) -> Batch:
        if failures:
            raise failures.pop()
        return store(arrivals=arrivals)

    monkeypatch.setattr(batches, "store", away)
    arrival = order(master, 1)
    writer.put(arrival)
    assert settled.get(timeout=PATIENCE_S) == [arrival]
    assert (arrival.fate, Intent.objects.count()) == (Fate.APPLY, 1)


def test_a_commit_whose_answer_was_lost_is_not_repeated(
    writer: Ingest, settled: Settled, master: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, lost = batches.store, [True]

    def unknown(*, arrivals: Sequence[Arrival]) -> Batch:
        batch = store(arrivals=arrivals)
        if lost and lost.pop():
            raise OperationalError("server closed the connection unexpectedly")
        return batch

    monkeypatch.setattr(batches, "store", unknown)
    arrival = order(master, 1)
    writer.put(arrival)
    settled.get(timeout=PATIENCE_S)
    assert (arrival.fate, arrival.refusal, Intent.objects.count()) == (Fate.REPEAT, None, 1)


def test_case_008_the_third_report_about_anothers_command_ends_the_session(
    writer: Ingest, settled: Settled, master: Desk
) -> None:
    subscribe(master, Desk.open("srv:2").introduce())
    master.buy(1)
    foreign = {"command_id": str(Command.objects.get().id), "status": "filled"}
    for seq in (2, 3, 4):
        writer.put(master.arrival("ExecutionReport", foreign, seq=seq))
    writer.stop(PATIENCE_S)
    session = EaSession.objects.get(id=master.session.id)
    assert (session.state, session.close_reason) == (SessionStatus.CLOSED, Reason.PROTOCOL_ERROR)


def test_a_sequel_that_fails_is_left_to_the_next_heartbeat(
    writer: Ingest, settled: Settled, monkeypatch: pytest.MonkeyPatch
) -> None:
    pending = Desk.open("srv:9", approved=False)
    keys.approve(key_id=pending.key.id, by=OPERATOR, reason="known")

    def fail(**_: object) -> bool:
        raise RuntimeError("not now")

    with monkeypatch.context() as broken:
        broken.setattr(promotion, "promote_session", fail)
        writer.put(pending.arrival("StatusHeartbeat", {}))
        settled.get(timeout=PATIENCE_S)
        writer.put(pending.arrival("OrderIntent", OPEN | {"position_id": 1, "ticket": 1}, seq=1))
        settled.get(timeout=PATIENCE_S)
    writer.put(pending.arrival("StatusHeartbeat", {}))
    writer.stop(PATIENCE_S)
    promoted = SessionEvent.objects.filter(session=pending.session, to_state=SessionStatus.AUTHENTICATED)
    assert (promoted.count(), Intent.objects.count()) == (1, 1)


def test_a_stopping_writer_finishes_what_waits(writer: Ingest, settled: Settled, master: Desk) -> None:
    for position in range(1, ingest.MAX_BATCH + 20):
        writer.put(order(master, position))
    writer.stop(PATIENCE_S)
    assert EaSession.objects.get(id=master.session.id).stored_seq == ingest.MAX_BATCH + 19


# A full disk ----------------------------------------------------------------------------------------------------------


class Disk:
    """Room for the database: without it a statement of the writer's own connection fails as the database fails it."""

    full = True

    def refuse(self) -> None:
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                told = "RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'"
                cursor.execute(f"DO $$ BEGIN {told}; END $$")
            cursor.execute("PRAGMA max_page_count = 1")  # as many as there are
            try:
                # Larger than what tests before this one have left free in the file.
                free = "(SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size)"
                cursor.execute(f"CREATE TABLE too_large AS SELECT zeroblob({free} + 10000000)")
            finally:
                cursor.execute("PRAGMA max_page_count = 1073741823")


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk, store = Disk(), batches.store

    def without_room(**arguments: Any) -> Batch:
        if disk.full:
            disk.refuse()
        return store(**arguments)

    monkeypatch.setattr(batches, "store", without_room)
    return disk


def test_eas_are_told_of_a_full_disk_and_the_operator_when_there_is_room(
    writer: Ingest, settled: Settled, master: Desk, disk: Disk
) -> None:
    first = [order(master, 1), order(master, 2)]
    for arrival in first:
        writer.put(arrival)
    settle_all(settled, 2)
    assert codes(first) == ["try_later", "try_later"]
    assert [arrival.refusal.retry_after for arrival in first if arrival.refusal] == [5, 5]
    assert full_disk.is_full()
    assert not OperatorAlert.objects.exists()
    disk.full = False
    again = [order(master, 1), order(master, 2)]
    for arrival in again:
        writer.put(arrival)
    writer.stop(PATIENCE_S)
    assert codes(again) == [None, None]
    assert not full_disk.is_full()
    assert OperatorAlert.objects.get().code == AlertCode.DISK_FULL
    assert sorted(Intent.objects.values_list("position_id", flat=True)) == [1, 2]


def test_a_book_is_asked_for_when_the_batch_that_wants_it_is_committed(
    writer: Ingest, settled: Settled, master: Desk
) -> None:
    """In a transaction of its own: the batch holds the followers, whose rows may come behind their master's."""
    owes_no_book(master)
    part = {"action": "partial_close", "position_id": 1, "ticket": 1, "symbol": "EURUSD", "lots": "0.04"}
    writer.put(master.arrival("OrderIntent", part, seq=1))
    settle_all(settled, 1)
    writer.stop(PATIENCE_S)
    assert is_asked_for_book(master)
