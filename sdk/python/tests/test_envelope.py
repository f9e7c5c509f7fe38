"""Frames on the wire: what goes out is what the schema wants, and comes back as it was."""

import json
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eagateway_sdk import frames
from eagateway_sdk.clock import Clock, Moment, ServerClock, parse_time, rfc3339
from eagateway_sdk.envelope import (
    FrameTooBig,
    Garbage,
    UnknownType,
    payload_json,
    read_envelope,
    read_payload,
    with_age,
    write_frame,
)
from eagateway_sdk.ids import uuid7
from eagateway_sdk.rest import socket_url

MONEY = st.decimals(min_value=-(10**9), max_value=10**9, places=8) | st.integers(-(10**6), 10**6).map(Decimal)


@given(MONEY, st.sampled_from([0, 1, 2, -2, -8]))
def test_decimals_have_no_exponent_and_keep_their_value(amount: Decimal, shift: int) -> None:
    shifted = amount.scaleb(shift)
    text = json.loads(payload_json(frames.StatusHeartbeat(balance=shifted)))["balance"]
    assert "E" not in text
    assert Decimal(text) == shifted


def test_a_comment_may_hold_what_looks_like_an_exponent() -> None:
    intent = frames.ExecutionReport(status=frames.ReportStatus.FILLED, comment="1E+3 NaN", lots=Decimal("0E-8"))
    content = json.loads(payload_json(intent))
    assert content == {"status": "filled", "comment": "1E+3 NaN", "lots": "0.00000000"}


def test_half_a_character_in_a_comment_keeps_no_close_back() -> None:
    close = frames.OrderIntent(
        action=frames.Action.CLOSE,
        position_id=1,
        ticket=1,
        symbol="EURUSD",
        lots=Decimal("1E+1"),
        comment="moon \ud83d",
    )
    written = json.loads(payload_json(close))
    assert (written["lots"], written["comment"]) == ("10", "moon \ufffd")


def test_a_frame_comes_back_as_it_went() -> None:
    payload = frames.ResendRequest(from_=3, to=9)
    frame = write_frame(
        kind="ResendRequest", frame_id=str(uuid7()), payload=payload_json(payload), sent_at="2026-01-01T00:00:00.000Z",
        seq=4, ack=7, resent=True,
    )  # fmt: skip
    envelope = read_envelope(frame.decode())
    assert (envelope.seq, envelope.ack, envelope.resent) == (4, 7, True)
    assert read_payload(envelope) == payload
    assert json.loads(frame)["payload"] == {"from": 3, "to": 9}


def test_unknown_fields_are_ignored_and_unknown_types_named() -> None:
    text = '{"v":1,"type":"Ack","id":"0198f000-0000-7000-8000-000000000001","new":1,"payload":{"ack":1,"new":[]}}'
    assert read_payload(read_envelope(text)) == frames.Ack(ack=1)
    with pytest.raises(UnknownType):
        read_payload(read_envelope(text.replace("Ack", "Tomorrow")))


@given(st.text() | st.binary())
def test_any_text_is_a_frame_or_garbage(message: str | bytes) -> None:
    with pytest.raises(Garbage):
        read_envelope(message)


def test_ages_are_added_to_the_stored_payload() -> None:
    assert with_age(b"{}", 5) == b'{"age_ms":5}'
    assert with_age(b'{"a":1}', 5) == b'{"a":1,"age_ms":5}'


def test_frames_of_more_than_16_kib_are_not_written() -> None:
    with pytest.raises(FrameTooBig):
        write_frame(kind="Hello", frame_id=str(uuid7()), payload=b"x" * 16_384, sent_at="")


def test_ids_are_version_7_and_sort_by_time() -> None:
    ids = [uuid7() for _ in range(500)]
    assert all(one.version == 7 and one.variant == UUID(int=0x8 << 60).variant for one in ids)
    assert len(set(ids)) == 500
    assert ids[0].int >> 80 <= ids[-1].int >> 80


def test_an_age_is_monotonic_within_a_boot_and_by_the_wall_clock_across_one() -> None:
    clock = Clock(monotonic=lambda: 50.0, wall=lambda: 1000.0, boot="b")
    assert clock.age_ms(Moment(49_000, 0, "b")) == 1000
    assert clock.age_ms(Moment(49_000, 990_000, "a")) == 10_000
    assert clock.age_ms(Moment(60_000, 2_000_000, "b")) == 0
    assert clock.age_ms(clock.now(ago_ms=7)) == 7


def test_the_servers_time_is_the_earliest_that_its_frames_allow() -> None:
    now = 100.0
    clock = ServerClock(Clock(monotonic=lambda: now, wall=lambda: 0.0, boot=""))
    assert clock.now().timestamp() == 0.0  # nothing told yet: our wall clock
    clock.observe("2026-01-01T00:00:10.000Z")
    now = 101.0
    clock.observe("2026-01-01T00:00:10.500Z")  # half a second late
    clock.observe("rubbish")
    clock.observe(None)
    assert rfc3339(clock.now()) == "2026-01-01T00:00:11.000Z"
    for now, told in ((200.0, "2026-01-01T00:00:01.000Z"), (300.0, "2026-01-01T00:01:41.000Z")):  # noqa: B007
        clock.observe(told)
    assert rfc3339(clock.now()) == "2026-01-01T00:01:41.000Z"  # it was set back, and the old estimate forgotten


def test_times_without_a_zone_are_no_times() -> None:
    assert parse_time("2026-01-01T00:00:00") is None
    assert parse_time("soon") is None


@pytest.mark.parametrize(
    ("base", "stream", "url"),
    [
        ("https://gw.example", "/ea-gateway/v1/stream", "wss://gw.example/ea-gateway/v1/stream"),
        ("http://gw:8000/", "stream", "ws://gw:8000/ea-gateway/v1/stream"),
        ("http://gw", "wss://other/x", "wss://other/x"),
        ("http://gw", "https://other/x", "wss://other/x"),
    ],
)
def test_the_streams_address_is_joined_with_the_base(base: str, stream: str, url: str) -> None:
    assert socket_url(base, stream) == url
