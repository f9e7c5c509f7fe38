"""The lanes before the writer: order within a session, shares between sessions."""

import cProfile
import pstats
import threading
import time
from types import SimpleNamespace
from typing import Any, Final, cast
from uuid import UUID, uuid4

import msgspec
import pytest

from orders.domain.wire.registry import TRADE_FRAMES
from sessions_app.domain.frames.envelope import read_envelope
from sessions_app.domain.frames.registry import by_name
from sessions_app.services.ingest.ports import Arrival, BoundFrame
from sessions_app.transport.inbound.decoding import read_arrival
from sessions_app.transport.inbound.fair_queue import PATIENCE_SECONDS, SUSPECT_SHARE, FairQueue

LOUD, QUIET = uuid4(), uuid4()
REPORT, INTENT = "ExecutionReport", "OrderIntent"
# A tenth above what they are; they were 27 when the queue asked of each frame twice, and found its lane by a UUID.
CALLS_PER_FRAME: Final = 9


def frame(session_id: UUID, seq: int, kind: str = REPORT, *, heard: float = 0.0) -> Arrival:
    return Arrival(
        session_id=session_id,
        account_pk=session_id,
        fence=1,
        kind=kind,
        frame_id=uuid4(),
        seq=seq,
        payload=None,
        digest=b"",
        heard=heard,
        urgent=kind == INTENT,
    )


def filled(**frames: int) -> FairQueue:
    waiting = FairQueue()
    for name, count in frames.items():
        for seq in range(count):
            waiting.put(frame({"loud": LOUD, "quiet": QUIET}[name], seq))
    return waiting


def taken(waiting: FairQueue, limit: int, **options: set[UUID]) -> list[tuple[str, int | None]]:
    names = {LOUD: "loud", QUIET: "quiet"}
    return [(names[item.session_id], item.seq) for item in waiting.take(limit, **options) or []]


def test_everything_that_waits_is_taken_at_once_when_it_fits() -> None:
    assert len(taken(filled(loud=7, quiet=3), 10)) == 10


def test_case_111_who_sends_little_does_not_wait_behind_who_sends_much() -> None:
    assert ("quiet", 0) in taken(filled(loud=5000, quiet=1), 500)


def test_a_session_keeps_its_order_from_batch_to_batch() -> None:
    waiting = filled(loud=25, quiet=4)
    seen: list[tuple[str, int | None]] = []
    while len(waiting):
        seen += taken(waiting, 10)
    assert [seq for name, seq in seen if name == "loud"] == list(range(25))


def test_a_suspect_gets_a_small_share() -> None:
    got = taken(filled(loud=100, quiet=100), 500, apart={LOUD})
    assert sum(name == "loud" for name, _ in got) == SUSPECT_SHARE
    assert sum(name == "quiet" for name, _ in got) == 100


def test_frames_that_are_put_back_come_first_and_in_their_order() -> None:
    waiting = filled(loud=3)
    arrivals = waiting.take(2)
    assert arrivals is not None
    waiting.put_back(arrivals)
    assert [seq for _, seq in taken(waiting, 10)] == [0, 1, 2]


def test_at_the_end_what_waits_is_taken_before_nothing_is() -> None:
    waiting = filled(loud=1)
    waiting.end()
    assert (len(taken(waiting, 10)), waiting.take(10)) == (1, None)


def test_a_waiting_writer_is_woken() -> None:
    waiting, got = FairQueue(), list[Arrival]()
    writer = threading.Thread(target=lambda: got.extend(waiting.take(10) or []))
    writer.start()
    waiting.put(frame(QUIET, 1))
    waiting.put(frame(QUIET, 2))
    waiting.wake()
    writer.join(5)
    assert len(got) == 2


def sorting(*frames: tuple[UUID, int, str], waited: float = 0.0) -> FairQueue:
    waiting = FairQueue()
    for session_id, seq, kind in frames:
        waiting.put(frame(session_id, seq, kind, heard=time.monotonic() - waited))
    return waiting


def test_an_intent_does_not_wait_behind_the_reports_of_others() -> None:
    waiting = sorting(*((LOUD, seq, REPORT) for seq in range(300)), (QUIET, 0, INTENT))
    assert taken(waiting, 500) == [("quiet", 0)]
    assert len(taken(waiting, 500)) == 300


def test_what_goes_first_takes_along_what_its_session_sent_before_and_leaves_what_came_after() -> None:
    own = [(QUIET, 0, REPORT), (QUIET, 1, INTENT), (QUIET, 2, REPORT)]
    waiting = sorting((LOUD, 0, REPORT), *own)
    assert taken(waiting, 10) == [("quiet", 0), ("quiet", 1)]
    assert taken(waiting, 10) == [("loud", 0), ("quiet", 2)]


def test_what_has_waited_long_comes_next_whatever_goes_first() -> None:
    waiting = sorting((LOUD, 0, REPORT), *((QUIET, seq, INTENT) for seq in range(3)), waited=2 * PATIENCE_SECONDS)
    assert taken(waiting, 1) == [("quiet", 0)]
    assert taken(waiting, 1) == [("loud", 0)]
    assert [taken(waiting, 1), taken(waiting, 1)] == [[("quiet", 1)], [("quiet", 2)]]


def test_an_intent_that_is_put_back_goes_first_again() -> None:
    waiting = sorting((LOUD, 0, REPORT), (QUIET, 0, INTENT))
    arrivals = waiting.take(10)
    assert arrivals is not None
    waiting.put_back(arrivals)
    assert [taken(waiting, 10), taken(waiting, 10)] == [[("quiet", 0)], [("loud", 0)]]


@pytest.mark.parametrize(("kind", "fence", "urgent"), [(INTENT, 1, True), (INTENT, 0, False), (REPORT, 1, False)])
def test_others_wait_for_the_intents_of_those_in_charge(kind: str, fence: int, urgent: bool) -> None:
    """Nobody waits for what a pending session sends: its fence is 0."""
    told = {"v": 1, "type": kind, "id": str(uuid4()), "seq": 1, "payload": {}}
    standing = SimpleNamespace(session_id=QUIET, account_pk=QUIET, fence=fence)
    link, rows = cast(Any, SimpleNamespace(standing=standing)), by_name(TRADE_FRAMES)
    arrival = read_arrival(read_envelope(msgspec.json.encode(told)), BoundFrame(rows[kind], None), link)
    assert arrival.urgent is urgent


def test_a_frame_is_few_calls_of_the_interpreter_under_the_lock() -> None:
    """Counted: the socket's thread and the writer's wait for each other there."""
    waiting, frames = FairQueue(), [frame(LOUD, seq, INTENT) for seq in range(200)]

    def pass_through() -> None:
        for one in frames:
            waiting.put(one)
        waiting.take(len(frames))

    profile = cProfile.Profile()
    profile.runcall(pass_through)
    calls: int = pstats.Stats(profile).total_calls  # type: ignore[attr-defined]
    assert calls / len(frames) <= CALLS_PER_FRAME
