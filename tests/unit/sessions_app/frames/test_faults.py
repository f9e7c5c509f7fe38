"""What is wrong with a text is said with its place; what a name may be, with the names."""

from enum import StrEnum
from typing import Annotated

import msgspec
import pytest
from msgspec import Meta

from orders.domain.wire.intents import OrderIntent
from orders.domain.wire.snapshots import SyncSnapshot
from sessions_app.domain.frames.envelope import Malformed, read_envelope
from sessions_app.domain.frames.faults import no_json, rule_and_path
from sessions_app.domain.lifecycle import CLOSE_PROBLEMS, Reason, in_words
from sessions_app.domain.problems import PROBLEMS, Refused, close_words
from sessions_app.transport.inbound.decoding import decode_payload


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Row(msgspec.Struct):
    colour: Colour


class Table(msgspec.Struct):
    colour: Colour | None = None
    rows: Annotated[list[Row], Meta(max_length=5)] | None = None
    named: dict[str, Colour] = {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b'{"a":1,,}', "JSON is malformed: object keys must be strings (line 1, column 8)"),
        (b'{\n  "a":\n  x}', "JSON is malformed: invalid character (line 3, column 3)"),
        ('{"ä":\n "€€", x}'.encode(), "JSON is malformed: object keys must be strings (line 2, column 8)"),
        (b'{"a": 1', "JSON is malformed: it ends too early (line 1, column 8)"),
        (b"", "JSON is malformed: it ends too early (line 1, column 1)"),
        (b'{"a":\n"\xff"}', "The text is no UTF-8 (line 2, column 2)"),
        (b"[" * 5000, "JSON is nested too deep"),
    ],
)
def test_a_text_that_is_no_json_is_told_with_line_and_column(text: bytes, said: str) -> None:
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError, RecursionError)) as caught:
        msgspec.json.decode(text)
    assert no_json(text, caught.value) == said


def test_a_frame_that_is_no_json_is_told_with_line_and_column() -> None:
    with pytest.raises(Malformed, match=r"malformed: .* \(line 2, column 12\)") as caught:
        read_envelope('{"v": 1,\n "payload" "secret"}')
    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (b'{"colour":"secret"}', "$.colour"),
        (b'{"rows":[{"colour":"red"},{"colour":"secret"}]}', "$.rows[1].colour"),
        (b'{"named":{"x":"secret"}}', "$.named[...]"),
    ],
)
def test_a_name_that_is_none_is_answered_with_all_that_are(text: bytes, path: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(text, type=Table)
    assert rule_and_path(Table, caught.value) == ("Expected one of: red, blue", path)


def test_every_payload_lists_its_names() -> None:
    with pytest.raises(Refused, match="Expected one of: buy, sell") as caught:
        decode_payload(OrderIntent, b'{"action":"open","position_id":1,"ticket":1,"symbol":"E","side":"BUY"}')
    assert caught.value.path == "$.side"
    with pytest.raises(Refused, match="Expected one of: request, report, result"):
        decode_payload(SyncSnapshot, b'{"phase":"told","request_id":"01a20b2a-6e38-77f0-8ffe-a8b3120c73be"}')


def test_other_rules_are_told_as_they_are() -> None:
    with pytest.raises(Refused, match="missing required field `symbol`") as caught:
        decode_payload(OrderIntent, b'{"action":"open","position_id":1,"ticket":1}')
    assert caught.value.path == "$.symbol"


def test_nobody_is_sent_to_a_file_that_only_the_repository_has() -> None:
    for problem in PROBLEMS.values():
        assert "docs/" not in problem.remediation, problem.code
        assert ".md" not in problem.remediation, problem.code


def test_every_close_code_has_a_reason_that_its_frame_has_room_for() -> None:
    for code in CLOSE_PROBLEMS:
        words = close_words(code)
        assert " " in words
        assert len(words.encode()) <= 123


def test_every_end_of_a_session_is_told_in_words_and_by_its_name() -> None:
    assert in_words("heartbeat_timeout") == "no StatusHeartbeat came in time (heartbeat_timeout)"
    opens = {Reason.ASKED, Reason.KEY_APPROVED, Reason.KEY_RETIRES, Reason.GRANTED, Reason.SUSPENSION_LIFTED}
    for reason in set(Reason) - opens:
        assert " " in in_words(reason).removesuffix(f" ({reason})"), reason
