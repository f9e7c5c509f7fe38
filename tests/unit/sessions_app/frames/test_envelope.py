"""The envelope of a frame, what is no frame, and what makes two frames the same."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions_app.domain.frames.envelope import (
    MAX_FRAME_BYTES,
    FrameTooLong,
    Malformed,
    digest,
    read_envelope,
    rfc3339,
    write_frame,
)
from sessions_app.domain.frames.faults import split_path
from sessions_app.domain.frames.payloads import Ack, TestRequest

ID = UUID("019aaf00-0000-7000-8000-000000000001")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def frame(payload: str = "{}", **head: Any) -> str:
    """A frame's text around an encoded payload."""
    fields = {"v": 1, "type": "OrderIntent", "id": str(ID)} | head
    return json.dumps(fields)[:-1] + f', "payload": {payload}}}'


def refusal(text: str | bytes) -> Malformed:
    with pytest.raises(Malformed) as caught:
        read_envelope(text)
    return caught.value


def test_an_envelope_keeps_its_payload_encoded() -> None:
    envelope = read_envelope(frame('{"lots": "0.1"}', seq=17, ack=41, resent=True, sent_at="2026-11-23T04:00:00.123Z"))
    assert (envelope.type, envelope.id, envelope.seq, envelope.ack) == ("OrderIntent", ID, 17, 41)
    assert envelope.resent
    assert bytes(envelope.payload) == b'{"lots": "0.1"}'


def test_a_frame_may_come_as_text_or_as_bytes() -> None:
    assert read_envelope(frame().encode()) == read_envelope(frame())


def test_only_version_type_and_id_are_needed() -> None:
    envelope = read_envelope(f'{{"v":1,"type":"Hello","id":"{ID}"}}')
    assert (bytes(envelope.payload), envelope.seq, envelope.ack, envelope.resent) == (b"{}", None, None, False)


def test_unknown_fields_of_the_envelope_are_ignored() -> None:
    assert read_envelope(frame(colour="green")).id == ID


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("hello", id="not JSON"),
        pytest.param("[]", id="an array"),
        pytest.param('"Hello"', id="a string"),
        pytest.param("null", id="null"),
        pytest.param(frame() + frame(), id="two objects"),
        pytest.param(frame() + ",", id="something behind"),
        pytest.param(frame()[:-1], id="cut off"),
        pytest.param("\ufeff" + frame(), id="a byte order mark"),
        pytest.param(frame('{"lots": NaN}'), id="NaN"),
        pytest.param(frame('{"lots": Infinity}'), id="Infinity"),
        pytest.param(frame('{"lots": 01}'), id="a leading zero"),
        pytest.param(frame('{"lots": 1,}'), id="a trailing comma"),
        pytest.param(frame("{'lots': 1}"), id="single quotes"),
        pytest.param(frame('{"comment": "\t"}'), id="a bare control character"),
        pytest.param(frame('{"comment": "\\ud800"}'), id="an escaped lone surrogate"),
        pytest.param(frame().replace("OrderIntent", "\ud800"), id="a lone surrogate"),
        pytest.param(frame("[" * 7000 + "]" * 7000), id="deep nesting"),
        pytest.param('{"a":' * 2500 + "1" + "}" * 2500, id="deep objects"),
        pytest.param(b"\xff\xfe{\x00}\x00", id="UTF-16"),
        pytest.param(frame().encode().replace(b"OrderIntent", b"\xff"), id="no UTF-8"),
    ],
)
def test_what_is_no_frame_is_malformed_and_nothing_worse(text: str | bytes) -> None:
    assert refusal(text).code == "malformed"


@pytest.mark.parametrize(
    ("comment", "read"),
    [
        (b"\\ud83d", "\ufffd"),
        (b"cut \\ud83d", "cut \ufffd"),
        (b"\\udc00 and \\ud83d\\u0041", "\ufffd and \ufffdA"),
        (b"\\ud83d\\ude00\\ud83d", "\U0001f600\ufffd"),
        (b"C:\\\\ud83d\\ud83d", "C:\\ud83d\ufffd"),
        (b"\xff", "\ufffd"),
        ("\ud83d".encode("utf-8", "surrogatepass"), "\ufffd\ufffd\ufffd"),
        (b"a\tb\x01c", "a b c"),
    ],
)
def test_a_numbered_frame_is_read_whatever_its_text_is_made_of(comment: bytes, read: str) -> None:
    """Else its number is never taken, and everything behind it waits."""
    text = frame('{"comment": "%"}', seq=4).encode().replace(b"%", comment)
    envelope = read_envelope(text)
    assert (envelope.seq, msgspec.json.decode(envelope.payload)) == (4, {"comment": read})


@pytest.mark.parametrize(
    ("head", "path"),
    [
        ({"v": "1"}, "$.v"),
        ({"v": 1.5}, "$.v"),
        ({"type": ""}, "$.type"),
        ({"type": "x" * 65}, "$.type"),
        ({"id": "17"}, "$.id"),
        ({"seq": 0}, "$.seq"),
        ({"seq": -1}, "$.seq"),
        ({"seq": 2**53}, "$.seq"),
        ({"seq": "1"}, "$.seq"),
        ({"ack": -1}, "$.ack"),
        ({"resent": "yes"}, "$.resent"),
        ({"sent_at": "x" * 41}, "$.sent_at"),
    ],
)
def test_a_fault_of_the_envelope_is_named_by_its_path(head: dict[str, Any], path: str) -> None:
    assert (refusal(frame(**head)).code, refusal(frame(**head)).path) == ("malformed", path)


@pytest.mark.parametrize("missing", ["v", "type", "id"])
def test_a_frame_without_version_type_or_id_is_malformed(missing: str) -> None:
    fields = {name: value for name, value in json.loads(frame()).items() if name != missing}
    assert missing in refusal(json.dumps(fields)).message


def test_another_version_is_not_spoken() -> None:
    assert (refusal(frame(v=2)).code, refusal(frame(v=2)).path) == ("version_unsupported", "$.v")


@pytest.mark.parametrize(
    "twice",
    [
        '"v": 1, "v": 1',
        '"v": 1, "v" : 1',
        '"v": 1, "\\u0076": 1',
        '"v": 1, "x": [{"y": {"a": 1, "b": 2, "a": 3}}]',
        '"v": 1, "x": {"a": {"b": "c: \x7f"}, "a": "1"}',
        '"v": 1, "x": {"": 1, "": 1}',
    ],
)
def test_case_101_a_name_that_stands_twice_is_refused(twice: str) -> None:
    refused = refusal(frame().replace('"v": 1', twice))
    assert (refused.code, refused.message) == ("malformed", "A name stands twice in one object")


@pytest.mark.parametrize("text", ["a:b", "a :b", '\\": 1', "\\\\", '{\\"a\\":1,\\"a\\":1}'])
def test_case_101_what_looks_like_a_name_inside_a_string_is_none(text: str) -> None:
    assert read_envelope(frame(f'{{"a": "{text}", "b": {{"a": 1}}}}')).id == ID


def test_a_frame_of_16_kib_is_read_and_one_byte_more_is_not() -> None:
    filling = "x" * (MAX_FRAME_BYTES - len(frame('{"a": ""}')))
    assert read_envelope(frame(f'{{"a": "{filling}"}}')).id == ID
    assert refusal(frame(f'{{"a": "{filling}x"}}')).code == "frame_too_big"


def test_the_bound_counts_bytes_and_not_characters() -> None:
    assert refusal("\u20ac" * (MAX_FRAME_BYTES // 3 + 1)).code == "frame_too_big"


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_no_input_gets_past_as_another_error(text: str | bytes) -> None:
    with pytest.raises(Malformed):
        read_envelope(text)


@given(JSON)
def test_any_json_value_as_payload_has_an_identity(value: object) -> None:
    text = json.dumps(value)
    assert digest("X", text.encode()) == digest("X", json.dumps(value, indent=2, sort_keys=True).encode())


def test_the_order_of_keys_and_white_space_do_not_make_another_frame() -> None:
    assert digest("OrderIntent", b'{"a":1,"b":{"c":2,"d":3}}') == digest("OrderIntent", b'{ "b":{"d":3,"c":2}, "a":1}')


def test_another_type_or_value_makes_another_frame() -> None:
    frames = [("A", b'{"a":1}'), ("B", b'{"a":1}'), ("A", b'{"a":2}'), ("A", b'{"a":"1"}')]
    assert len({digest(kind, payload) for kind, payload in frames}) == 4


def test_a_resent_frame_is_the_same_though_its_age_has_grown() -> None:
    assert digest("OrderIntent", b'{"ticket":1,"age_ms":5}') == digest("OrderIntent", b'{"ticket":1,"age_ms":60000}')
    assert digest("OrderIntent", b'{"ticket":1,"age_ms":5}') == digest("OrderIntent", b'{"ticket":1}')


@pytest.mark.parametrize("payload", [b"[]", b"[1]", b"null", b"1", b'"x"'])
def test_a_payload_that_is_no_object_still_has_an_identity(payload: bytes) -> None:
    assert len(digest("OrderIntent", payload)) == 32


def test_a_written_frame_is_read_again() -> None:
    moment = datetime(2026, 11, 23, 4, 0, 0, 123456, tzinfo=UTC)
    text = write_frame(kind="Ack", frame_id=ID, payload=Ack(ack=7), sent_at=moment, seq=3, ack=9, resent=True)
    envelope = read_envelope(text)
    assert (envelope.type, envelope.id, envelope.seq, envelope.ack, envelope.resent) == ("Ack", ID, 3, 9, True)
    assert envelope.sent_at == "2026-11-23T04:00:00.123Z"
    assert bytes(envelope.payload) == b'{"ack":7}'


def test_a_stored_payload_is_sent_as_it_was_stored() -> None:
    text = write_frame(
        kind="OrderCommand", frame_id=ID, payload=msgspec.Raw(b'{"x":1}'), sent_at=datetime.now(UTC), seq=1
    )
    assert text.endswith(b'"payload":{"x":1}}')


def test_a_frame_above_the_limit_is_an_error_and_one_byte_less_is_none() -> None:
    empty = write_frame(kind="OrderCommand", frame_id=ID, payload=msgspec.Raw(b'""'), sent_at=datetime.now(UTC))
    room = 16_384 - len(empty)

    def of(length: int) -> bytes:
        payload = msgspec.Raw(b'"' + b"x" * length + b'"')
        return write_frame(kind="OrderCommand", frame_id=ID, payload=payload, sent_at=datetime.now(UTC))

    assert len(of(room)) == 16_384
    with pytest.raises(FrameTooLong, match="16385 bytes"):
        of(room + 1)


def test_numbers_that_a_frame_has_not_are_left_out() -> None:
    text = write_frame(kind="TestRequest", frame_id=ID, payload=TestRequest(reply_by="x"), sent_at=datetime.now(UTC))
    assert set(json.loads(text)) == {"v", "type", "id", "sent_at", "payload"}


def test_times_are_written_in_utc_with_milliseconds() -> None:
    assert rfc3339(datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=3)))) == "2026-01-02T00:04:05.000Z"


def test_the_message_of_a_fault_is_split_from_its_path() -> None:
    assert split_path("Expected `int`, got `str` - at `$.seq`") == ("Expected `int`, got `str`", "$.seq")
    missing = "Object missing required field `from`"
    assert split_path(missing) == (missing, "$.from")
    assert split_path(f"{missing} - at `$.symbols[0]`") == (missing, "$.symbols[0].from")
    assert split_path("Input data was truncated") == ("Input data was truncated", None)
