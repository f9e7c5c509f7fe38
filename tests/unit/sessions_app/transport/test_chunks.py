"""A frame in parts: whole or not at all."""

import time
from typing import Any
from uuid import UUID

import pytest
from eagateway_sdk.ids import uuid7

from orders.domain.wire.snapshots import HeldPosition, SnapshotPhase, SyncSnapshot
from sessions_app.domain.decimals import Lots
from sessions_app.queries import Standing
from sessions_app.services.ingest.ports import Arrival
from sessions_app.transport.connection import chunks
from sessions_app.transport.connection.chunks import Chunks

REQUEST = uuid7()


def part(number: int, of: int, *, digest: str = "d", items: int = 1, request_id: UUID = REQUEST) -> Arrival:
    positions = [
        HeldPosition(ticket=number * 100 + n, symbol="EURUSD", side="buy", lots=Lots("0.1"))  # type: ignore[arg-type]
        for n in range(1, items + 1)
    ]
    payload = SyncSnapshot(
        phase=SnapshotPhase.REPORT, request_id=request_id, n=number, of=of, digest=digest, positions=positions
    )
    return Arrival(
        session_id=UUID(int=1),
        account_pk=UUID(int=2),
        fence=1,
        kind="SyncSnapshot",
        frame_id=uuid7(),
        seq=None,
        payload=payload,
        digest=b"",
        heard=time.monotonic(),
    )


def tickets(arrival: Arrival | None) -> list[int]:
    assert arrival is not None
    assert isinstance(arrival.payload, SyncSnapshot)
    return [item.ticket for item in arrival.payload.positions]


def standing(**fields: Any) -> Standing:
    plain: dict[str, Any] = dict.fromkeys(Standing.__dataclass_fields__)
    return Standing(**{**plain, "snapshot_due": True, "snapshot_reason": "schedule", **fields})


def test_parts_in_order_become_one_frame() -> None:
    gathered = Chunks()
    first = part(1, 3)
    assert gathered.take(first) is None
    assert gathered.take(part(2, 3)) is None
    whole = gathered.take(part(3, 3))
    assert whole is first
    assert tickets(whole) == [101, 201, 301]


def test_a_frame_of_one_part_is_whole_at_once() -> None:
    assert tickets(Chunks().take(part(1, 1))) == [101]


@pytest.mark.parametrize(
    "odd",
    [
        part(3, 3),
        part(2, 3, digest="other"),
        part(2, 4),
        part(2, 3, request_id=uuid7()),
    ],
    ids=["lost", "another digest", "another count", "another request"],
)
def test_case_093_a_part_that_does_not_fit_discards_the_whole(odd: Arrival) -> None:
    gathered = Chunks()
    gathered.take(part(1, 3))
    assert gathered.take(odd) is None
    assert gathered.take(part(2, 3)) is None
    assert gathered.take(part(3, 3)) is None


def test_case_093_what_was_lost_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    gathered = Chunks()
    gathered.asked()
    gathered.take(part(1, 2))
    gathered.take(part(2, 2, digest="other"))
    assert gathered.wants(standing()) == ""
    later = time.monotonic() + chunks.AFTER_A_LOSS_SECONDS
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert gathered.wants(standing()) == "incomplete"


def test_a_new_set_drops_the_one_that_was_begun() -> None:
    gathered = Chunks()
    gathered.take(part(1, 3))
    gathered.take(part(1, 2, digest="new"))
    assert tickets(gathered.take(part(2, 2, digest="new"))) == [101, 201]


def test_a_set_beyond_its_bound_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "MAX_ITEMS", 5)
    gathered = Chunks()
    gathered.take(part(1, 2, items=3))
    assert gathered.take(part(2, 2, items=3)) is None


def test_an_ea_that_does_not_answer_is_asked_again_at_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    gathered = Chunks()
    assert gathered.wants(standing()) == "schedule"
    gathered.asked()
    assert gathered.wants(standing()) == ""
    now += chunks.ASK_AGAIN_SECONDS
    assert gathered.wants(standing()) == "schedule"
    gathered.asked()
    gathered.answered()
    assert gathered.wants(standing(snapshot_due=False)) == ""
    assert gathered.wants(standing(snapshot_reason="late_fact")) == "late_fact"
