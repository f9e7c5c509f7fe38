"""A frame in parts: whole or not at all."""

import time
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from eagateway_sdk.ids import uuid7

from orders.domain.wire.snapshots import HeldPosition, SnapshotPhase, SyncSnapshot
from sessions_app.domain.decimals import Lots, Quantity
from sessions_app.domain.frames.payloads import InitRequest, SymbolSpec
from sessions_app.domain.problems import Refused
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


def test_a_set_beyond_its_bound_is_dropped() -> None:
    gathered = Chunks()
    gathered.take(part(1, 2, items=5000))
    assert gathered.take(part(2, 2, items=5001)) is None
    gathered.take(part(1, 2, items=5000))
    assert len(tickets(gathered.take(part(2, 2, items=5000)))) == 10_000


# InitRequests: nobody asks for them, so their sender is told --------------------------------------------------------


def terminal(number: int, of: int, *, digest: str = "d", symbols: int = 1, **fields: Any) -> Arrival:
    specs = [
        SymbolSpec(
            name=f"S{number}.{n}",
            digits=5,
            contract_size=Quantity(1),
            lots_min=Quantity(1),
            lots_step=Quantity(1),
            lots_max=Quantity(1),
        )
        for n in range(symbols)
    ]
    told = InitRequest(currency="USD", n=number, of=of, digest=digest, symbols=specs, **fields)
    return replace(part(1, 1), kind="InitRequest", payload=told)


def refusal(gathered: Chunks, arrival: Arrival) -> str:
    with pytest.raises(Refused) as refused:
        gathered.take(arrival)
    return refused.value.code


def test_an_init_request_in_parts_is_what_the_first_says_with_the_symbols_of_all() -> None:
    gathered = Chunks()
    assert gathered.take(terminal(1, 2, build=1420)) is None
    whole = gathered.take(terminal(2, 2))
    assert whole is not None
    assert isinstance(whole.payload, InitRequest)
    assert [symbol.name for symbol in whole.payload.symbols] == ["S1.0", "S2.0"]
    assert (whole.payload.build, whole.payload.n, whole.payload.of, whole.payload.digest) == (1420, 1, 1, None)


@pytest.mark.parametrize(
    "odd", [terminal(3, 3), terminal(2, 3, digest="other"), terminal(2, 4)], ids=["lost", "digest", "count"]
)
def test_a_part_that_does_not_fit_is_told_once_and_the_rest_of_its_set_is_nothing(odd: Arrival) -> None:
    gathered = Chunks()
    gathered.take(terminal(1, 3))
    assert refusal(gathered, odd) == "parts_incomplete"
    assert gathered.take(odd) is None


def test_a_set_that_begins_in_the_middle_is_told_once() -> None:
    gathered = Chunks()
    assert refusal(gathered, terminal(2, 3)) == "parts_incomplete"
    assert gathered.take(terminal(3, 3)) is None


def test_after_a_loss_the_same_set_may_come_again_from_its_first_part() -> None:
    gathered = Chunks()
    gathered.take(terminal(1, 3))
    refusal(gathered, terminal(3, 3))
    assert [gathered.take(terminal(number, 3)) is None for number in (1, 2, 3)] == [True, True, False]


def test_two_thousand_symbols_are_taken_and_one_more_is_refused_for_good() -> None:
    gathered = Chunks()
    gathered.take(terminal(1, 2, symbols=1000))
    assert gathered.take(terminal(2, 2, symbols=1000)) is not None
    gathered.take(terminal(1, 2, symbols=1000))
    assert refusal(gathered, terminal(2, 2, symbols=1001)) == "invalid"


def test_a_set_whose_next_part_does_not_come_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    gathered = Chunks()
    gathered.take(terminal(1, 3))
    gathered.take(part(1, 3))
    assert gathered.give_up() == []
    later = time.monotonic() + chunks.PATIENCE_SECONDS + 1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert [refused.code for refused in gathered.give_up()] == ["parts_incomplete"]
    assert gathered.give_up() == []
    assert gathered.take(terminal(2, 3)) is None


def test_parts_of_two_frame_types_do_not_disturb_each_other() -> None:
    gathered = Chunks()
    gathered.take(terminal(1, 2))
    gathered.take(part(1, 2))
    assert gathered.take(terminal(2, 2)) is not None
    assert tickets(gathered.take(part(2, 2))) == [101, 201]


def test_a_snapshot_that_is_due_is_no_sooner_asked_for_because_a_terminal_introduced_itself() -> None:
    gathered = Chunks()
    gathered.asked()
    gathered.take(terminal(1, 2))
    gathered.take(terminal(2, 2))
    assert gathered.wants(standing()) == ""


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
