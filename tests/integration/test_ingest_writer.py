"""The writer thread around the batch: poison, a database that is away, what follows a commit, the end."""

from collections.abc import Iterator, Sequence
from queue import SimpleQueue
from typing import Any

import pytest
from django.db import OperationalError

from orders.models import Command, Intent
from orders.services import intents
from sessions_app.domain.lifecycle import Reason, SessionStatus
from sessions_app.models import EaSession, InboundFrame, SessionEvent
from sessions_app.services import frames, keys, sessions
from sessions_app.services.ports import Arrival, Batch, Fate
from sessions_app.transport import ingest
from sessions_app.transport.ingest import Ingest
from tests.integration.trading import OPERATOR, Desk, subscribe

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


def order(desk: Desk, position: int, *, symbol: str = "EURUSD") -> Arrival:
    return desk.arrival(
        "OrderIntent", OPEN | {"position_id": position, "ticket": position, "symbol": symbol}, seq=position
    )


def test_case_108_a_poisoned_frame_is_refused_and_its_batch_stored(
    writer: Ingest, settled: Settled, master: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = intents._take

    def choke(arrival: Arrival, workspace: Any) -> None:
        if getattr(arrival.payload, "symbol", "") == "POISON":
            raise ValueError("a bug of ours")
        taken(arrival, workspace)

    monkeypatch.setattr(intents, "_take", choke)
    arrivals = [order(master, n, symbol="POISON" if n == 3 else "EURUSD") for n in range(1, 6)]
    for arrival in arrivals:
        writer.put(arrival)
    seen: list[Arrival] = []
    while len(seen) < len(arrivals):
        seen += settled.get(timeout=PATIENCE_S)
    assert [arrival.seq for arrival in seen] == [1, 2, 3, 4, 5]
    assert [arrival.refusal and arrival.refusal.code for arrival in arrivals] == [None, None, "poisoned", None, None]
    assert InboundFrame.objects.get(seq=3).refusal == "poisoned"
    assert list(Intent.objects.order_by("position_id").values_list("position_id", flat=True)) == [1, 2, 4, 5]
    assert EaSession.objects.get(id=master.session.id).stored_seq == 5


def test_a_database_that_is_away_is_waited_for_and_nothing_is_stored_twice(
    writer: Ingest, settled: Settled, master: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, failures = frames.store, [OperationalError("the server closed the connection")] * 2

    def away(*, arrivals: Sequence[Arrival]) -> Batch:
        if failures:
            raise failures.pop()
        return store(arrivals=arrivals)

    monkeypatch.setattr(frames, "store", away)
    arrival = order(master, 1)
    writer.put(arrival)
    assert settled.get(timeout=PATIENCE_S) == [arrival]
    assert (arrival.fate, Intent.objects.count()) == (Fate.APPLY, 1)


def test_a_commit_whose_answer_was_lost_is_not_repeated(
    writer: Ingest, settled: Settled, master: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, lost = frames.store, [True]

    def unknown(*, arrivals: Sequence[Arrival]) -> Batch:
        batch = store(arrivals=arrivals)
        if lost and lost.pop():
            raise OperationalError("server closed the connection unexpectedly")
        return batch

    monkeypatch.setattr(frames, "store", unknown)
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
        broken.setattr(sessions, "promote", fail)
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
