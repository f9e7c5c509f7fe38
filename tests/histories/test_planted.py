"""The harness can fail: gateways that do something wrong on purpose, and what each history says of them."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from django.db import connection

from sessions_app.domain.frames.log import LogFrame
from sessions_app.services.ingest import ports
from sessions_app.services.ingest.ports import Arrival, Batch, LogPage
from tests.databases import empty
from tests.histories import rows
from tests.histories.faults import Kind, known_to
from tests.histories.history import run

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.lane("embedded")]
Change = Callable[[LogFrame, dict[str, Any]], Sequence[LogFrame]]
KINDS = frozenset({Kind.STOPS, Kind.LEGS})
TRIES = 6


@pytest.fixture(autouse=True)
def sound() -> Iterator[None]:
    bound = ports.bound()
    yield
    ports.bind(bound)


def plant(change: Change) -> None:
    """Let every command of the log be changed on its way to its terminal."""
    bound = ports.bound()

    def changed(wanted: Mapping[UUID, tuple[int, int]]) -> dict[UUID, LogPage]:
        pages = {}
        for account, page in bound.commands_after(wanted).items():
            found: list[LogFrame] = []
            for frame in page.frames:
                command = frame.kind == "OrderCommand"
                found += change(frame, msgspec.json.decode(frame.payload)) if command else [frame]
            pages[account] = LogPage(page.fence, found)
        return pages

    ports.bind(dataclasses.replace(bound, commands_after=changed))


def told(frame: LogFrame, payload: dict[str, Any]) -> LogFrame:
    return dataclasses.replace(frame, payload=msgspec.json.encode(payload))


def is_seen(*violations: str, kinds: frozenset[Kind] = KINDS) -> bool:
    """Whether one of the first histories has a violation of one of these kinds."""
    for seed in range(1, 1 + TRIES):
        found = {item.kind for item in run(seed, kinds).violations}
        empty(connection)
        if found & set(violations):
            return True
    return False


def test_doubled_lots_are_seen() -> None:
    def double(frame: LogFrame, payload: dict[str, Any]) -> list[LogFrame]:
        more = {"lots": str(float(payload["lots"]) * 2)} if payload["action"] == "open" else {}
        return [told(frame, {**payload, **more})]

    plant(double)
    assert is_seen("too_many_lots")


def test_a_close_that_never_comes_is_seen() -> None:
    def skip(frame: LogFrame, payload: dict[str, Any]) -> list[LogFrame]:
        if payload["action"] != "close":
            return [frame]
        gap = msgspec.json.encode({"next": frame.seq + 1, "reason": "void"})
        return [LogFrame(frame.seq, frame.frame_id, "GapFill", gap, frame.epoch, covers=frame.seq)]

    plant(skip)
    assert is_seen("orphan")


def test_dropped_stops_are_seen() -> None:
    plant(lambda frame, payload: [told(frame, {**payload, "sl": "0", "tp": "0"})])
    assert is_seen("wrong_stops", "silent_unprotected")


def test_the_wrong_side_is_seen() -> None:
    other = {"buy": "sell", "sell": "buy"}
    plant(lambda frame, payload: [told(frame, {**payload, "side": other[payload["side"]]})])
    assert is_seen("wrong_side")


def test_an_open_under_another_number_is_seen() -> None:
    def twice(frame: LogFrame, payload: dict[str, Any]) -> list[LogFrame]:
        if payload["action"] != "open":
            return [frame]
        number = payload["copy_no"] + 5000
        second = {**payload, "command_id": str(uuid4()), "copy_no": number, "magic": 0x5A000000 | number}
        return [dataclasses.replace(told(frame, second), seq=frame.seq), frame]

    plant(twice)
    assert is_seen("extra")


def test_a_second_open_in_flight_is_seen() -> None:
    kept: list[dict[str, Any]] = []

    def again(frame: LogFrame, payload: dict[str, Any]) -> list[LogFrame]:
        if payload["action"] == "open":
            kept.append(payload)
            return [frame]
        return [told(frame, {**kept[-1], "command_id": payload["command_id"], "copy_no": payload["copy_no"]})]

    plant(again)
    assert is_seen("terminal", "orphan")


def test_a_hole_in_the_log_is_seen() -> None:
    plant(lambda frame, _: [] if frame.seq == 2 else [frame])
    assert is_seen("terminal")


def test_an_intent_that_is_acknowledged_and_dropped_is_seen() -> None:
    bound = ports.bound()
    frame = bound.frames["OrderIntent"]
    assert frame.handler is not None

    def drop(arrivals: Sequence[Arrival], batch: Batch) -> None:
        """As if they had been applied."""

    deaf = dataclasses.replace(frame, handler=dataclasses.replace(frame.handler, apply=drop))
    ports.bind(dataclasses.replace(bound, frames={**bound.frames, "OrderIntent": deaf}))
    assert is_seen("lost")


def test_a_sweep_that_never_comes_is_seen() -> None:
    ports.bind(dataclasses.replace(ports.bound(), carry_out_due=lambda: 0))
    assert is_seen("orphan", kinds=frozenset({Kind.BUSY, Kind.REQUOTES, Kind.MARKET_CLOSED}))


def test_a_service_that_raises_is_seen() -> None:
    def fail() -> int:
        raise ZeroDivisionError

    ports.bind(dataclasses.replace(ports.bound(), carry_out_due=fail))
    assert is_seen("raised")


def test_a_denial_that_nothing_explains_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    subscribe = rows.subscribe
    monkeypatch.setattr(rows, "subscribe", lambda *args, **kwargs: subscribe(*args, **{**kwargs, "suffix": ".no"}))
    assert is_seen("missing")


@pytest.mark.parametrize(
    ("violation", "kind"),
    [
        ("silent_under_filled", Kind.UNDER_FILLS),
        ("silent_open_rejected", Kind.NO_MONEY),
        ("silent_close_undelivered", Kind.DISCONNECTS),
    ],
)
def test_a_gateway_that_calls_nobody_is_seen(monkeypatch: pytest.MonkeyPatch, violation: str, kind: Kind) -> None:
    monkeypatch.setattr(rows, "open_alerts", lambda account: set())
    assert is_seen(violation, kinds=KINDS | {kind})


def test_a_cancel_that_is_refused_and_told_to_nobody_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pending copy of an order that has filled, which the broker keeps."""
    monkeypatch.setattr(rows, "open_alerts", lambda account: set())
    found = run(9_710_043, known_to(1)).violations
    empty(connection)
    assert [item.kind for item in found if "orders to cancel were refused" in item.text] == ["silent_open_rejected"]
