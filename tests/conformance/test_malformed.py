"""Section 10: what is not a frame, or one that nobody should believe."""

import asyncio
import json
import re
import struct
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from eagateway_sdk.ids import uuid7

from tests.conformance.ea import FUNDS, Ea, opening
from tests.conformance.links import ExchangeLink
from tests.conformance.odd import odd_payloads
from tests.conformance.samples import SAMPLES
from tests.conformance.stage import STREAM, Stage, fresh_id
from tests.conformance.tcp import CLOSE, CONTINUATION, PING, PONG, TEXT, Peer, pack


def frame(**fields: Any) -> str:
    return json.dumps({"v": 1, "type": "StatusHeartbeat", "id": fresh_id(), "payload": {}, **fields})


def with_payload(text: str) -> str:
    return f'{{"v":1,"type":"StatusHeartbeat","id":"{fresh_id()}","payload":{text}}}'


MENDED = {"ErrorAlert", "ExecutionReport", "InitRequest", "OrderIntent", "StatusHeartbeat", "SyncSnapshot"}
NOT_FRAMES = {
    "no json": "not json",
    "two objects": "{}{}",
    "array": "[]",
    "number": "7",
    "deep": '{"v":' + "[" * 10_000,
    "deep and closed": with_payload('{"a":' * 2500 + "1" + "}" * 2500),
    "empty": "{}",
    "half": frame()[:40],
    "duplicate keys": '{"v":1,"v":1,"type":"StatusHeartbeat","id":"' + fresh_id() + '","payload":{}}',
    "duplicate fields": with_payload('{"balance":"1","balance":"1000000"}'),
    "nan": with_payload('{"ping_ms":NaN}'),
    "infinity": with_payload('{"ping_ms":-Infinity}'),
    "1e400": with_payload('{"ping_ms":1e400}'),
    "lone surrogate": with_payload('{"terminal_time":"\\ud800"}'),
    "byte order mark": "\ufeff" + frame(),
    "no uuid": frame(id="x"),
    "payload is a list": frame(payload=[]),
}


@pytest.mark.parametrize("what", NOT_FRAMES)
async def test_case_101_what_is_not_a_frame_is_named_and_the_link_lives(stage: Stage, what: str) -> None:
    ea = await stage.arrive(stage.cast().master)
    if isinstance(ea.link, ExchangeLink):
        answer = await ea.link.call([NOT_FRAMES[what]], ends=False)
        codes = [answer.json().get("code"), *await codes_of(ea)]
    else:
        await ea.link.send(NOT_FRAMES[what])
        codes = [(await ea.alert())["code"]]
    assert {"malformed", "invalid", "frame_too_big", "field_unreadable"} & set(codes), codes
    await ea.beat()


async def codes_of(ea: Ea) -> list[str]:
    """The codes of the alerts that have come by now."""
    await ea.beat()
    return ea.alerts()


@pytest.mark.over("socket")
async def test_case_101_a_binary_frame_is_named(stage: Stage) -> None:
    ea = await stage.arrive(stage.cast().master)
    await ea.link.send(frame().encode())
    await ea.alert("malformed")
    await ea.beat()


@pytest.mark.over("socket")
async def test_case_101_garbage_beyond_its_budget_ends_the_session(stage: Stage) -> None:
    ea = await stage.arrive(stage.cast().master)
    for _ in range(8):
        await ea.link.send("garbage")
    await ea.ends_with(4400)


@pytest.mark.over("socket")
async def test_case_102_a_frame_over_16_kib_closes_1009(stage: Stage) -> None:
    ea = await stage.arrive(stage.cast().master)
    await ea.link.send("x" * (16 * 1024 + 1))
    assert (await ea.end()).code == 1009
    assert (await stage.own_session("GET", ea.session)).json()["status"] == "authenticated"


@pytest.mark.over("exchange")
async def test_case_102_a_frame_or_a_body_over_its_size_is_refused(stage: Stage) -> None:
    ea = await stage.arrive(stage.cast().master)
    assert isinstance(ea.link, ExchangeLink)
    await ea.link.call([frame(payload={"terminal_time": "x" * 17_000})])
    await ea.alert("frame_too_big")
    try:
        answer = await ea.link.call([frame(payload={"x": "x" * 2_000_000})], ends=False)
        assert answer.status_code == 413
    except httpx.TransportError:
        pass  # hung up on before all of it was sent
    await ea.beat()


async def upgraded(stage: Stage) -> Peer:
    """A peer whose session has been greeted."""
    session = await stage.open(stage.cast().master)
    peer = await Peer.dial(stage.house.url)
    bearer = b"Authorization: Bearer " + session["session_token"].encode()
    assert await peer.upgrade(STREAM, b"Sec-WebSocket-Protocol: ea-gateway.v1", bearer) == 101
    await peer.frame(TEXT, frame(type="Hello").encode())
    assert (await told(peer))["type"] == "SessionState"
    return peer


async def told(peer: Peer) -> dict[str, Any]:
    """The next frame of the protocol."""
    while True:
        opcode, payload = await peer.read_frame()
        assert opcode != CLOSE, payload
        if opcode == TEXT:
            content: dict[str, Any] = json.loads(payload)
            return content


async def lives(peer: Peer) -> None:
    await peer.frame(TEXT, frame().encode())
    while (await told(peer))["type"] != "HeartbeatAck":
        pass


@pytest.mark.over("tcp")
async def test_case_102_a_mebibyte_in_one_byte_fragments_is_cut_off(stage: Stage) -> None:
    peer = await upgraded(stage)
    await peer.frame(TEXT, b"x", final=False)
    piece = b"".join(pack(CONTINUATION, b"x", final=False) for _ in range(1024))
    reading = asyncio.create_task(peer.close_code())
    for _ in range(1024):
        if reading.done():
            break
        try:
            await peer.write(piece)
        except ConnectionError:
            break
    assert await reading in (1009, 1006)
    await peer.hang_up()


@pytest.mark.over("tcp")
async def test_case_102_a_ping_of_126_bytes_is_a_protocol_error(stage: Stage) -> None:
    peer = await upgraded(stage)
    await peer.frame(PING, b"x" * 126)
    assert await peer.close_code() in (1002, 1006)
    await peer.hang_up()


# Fields --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", sorted(SAMPLES))
async def test_case_103_every_odd_field_is_named_by_its_path(stage: Stage, kind: str) -> None:
    """A frame that can do without the field is taken, with a warning that comes once; another one is refused."""
    ea = await stage.arrive(stage.cast().master)
    warned: list[str] = []
    for odd in odd_payloads(kind):
        path = re.sub(r"\[\d+\]", "[]", odd.path)
        if path in warned:
            continue
        if kind == "InitRequest" and len(warned) % 15 == 14:  # a session stores 20 different ones an hour
            ea = await stage.arrive(stage.cast().master)
            warned.append("")
        alert, frame_id = await refused(ea, kind, odd.payload)
        if alert["code"] == "field_unreadable":
            warned.append(path)
        assert (alert["code"], alert["path"]) in (("invalid", odd.path), ("field_unreadable", path)), (odd, alert)
        assert alert["message"] != ""
        assert alert["ref"] in (None, frame_id)
    await asyncio.sleep(0.1)  # 20 frames a second is the bound
    await ea.beat()
    if kind in ("OrderIntent", "ExecutionReport", "ErrorAlert", "GapFill"):
        assert ea.acknowledged() >= ea.seq - 1
        await ea.buy(stage.position(1))
        await ea.acked(ea.seq)
    assert bool(warned) is (kind in MENDED)


async def refused(ea: Ea, kind: str, payload: Any) -> tuple[dict[str, Any], str]:
    """Send one odd frame; its alert and its id. What is over the rate is sent again after the time told."""
    durable = kind in ("OrderIntent", "ExecutionReport", "ErrorAlert", "GapFill")
    ea.seq += durable
    numbered = {"seq": ea.seq} if durable else {}
    while True:
        frame_id = await ea.send(kind, payload, odd=True, **numbered)
        alert = await ea.alert()
        if alert["code"] != "throttled":
            return alert, frame_id
        await asyncio.sleep(alert["retry"]["after_seconds"])


async def test_case_103_unknown_fields_are_ignored(stage: Stage) -> None:
    ea = await stage.arrive(stage.cast().master)
    await ea.buy(stage.position(1), future_field={"x": 1}, odd=True)
    await ea.acked(1)
    await ea.link.send(frame(future_field=1, payload={**FUNDS, "more": []}))
    await ea.hear("HeartbeatAck")
    assert ea.alerts() == []


ABSURD: list[tuple[dict[str, Any], str]] = [
    ({"lots": "0"}, "$.lots"),
    ({"lots": "-1"}, "$.lots"),
    ({"lots": "1e-9"}, "$.lots"),
    ({"lots": "NaN"}, "$.lots"),
    ({"lots": "1000000000000"}, "$.lots"),
    ({"price": "-1.1"}, "$.price"),
    ({"symbol": "EUR\x00USD"}, "$.symbol"),
    ({"symbol": "x" * 300}, "$.symbol"),
    ({"symbol": ""}, "$.symbol"),
]
HOSTILE = ["'; DROP TABLE orders_intent--", "EUR\u202eUSD", "<script>alert(1)</script>", "=cmd()", "%s%n"]


async def test_case_104_absurd_values_are_refused(stage: Stage) -> None:
    ea = await stage.arrive(stage.cast().master)
    for number, (changes, path) in enumerate(ABSURD, start=1):
        frame_id = await ea.buy(stage.position(number), odd=True, **changes)
        alert = await ea.alert("invalid")
        assert (alert["path"], alert["ref"]) == (path, frame_id)
        await ea.acked(number)


@pytest.mark.parametrize("name", HOSTILE)
async def test_case_104_hostile_names_are_just_names(stage: Stage, name: str) -> None:
    master, follower = await stage.pair()
    await master.buy(stage.position(1), symbol=name, comment=name)
    await master.buy(stage.position(2))
    await master.acked(2)
    (command,) = await follower.commands(1)
    assert command["payload"]["position_id"] == stage.position(2)
    assert master.alerts() == []


async def test_case_105_unknown_types_are_named_and_too_many_end_the_session(stage: Stage) -> None:
    ea = await stage.arrive(stage.cast().master)
    for kind, code in (("Telegram", "unknown_type"), ("OrderCommand", "frame_unexpected")):
        await ea.send(kind, {}, odd=True)
        await ea.alert(code)
        await ea.beat()
    for _ in range(6):
        await ea.send("Telegram", {}, odd=True)
    await ea.ends_with(4400)


# The protocol layer --------------------------------------------------------------------------------------------------


def fragments(text: bytes) -> Iterator[bytes]:
    yield pack(TEXT, text[:5], final=False)
    yield pack(PING, b"between")
    yield pack(CONTINUATION, text[5:9], final=False)
    yield pack(CONTINUATION, text[9:])


@pytest.mark.over("tcp")
async def test_case_106_fragments_with_a_ping_between_are_one_message(stage: Stage) -> None:
    peer = await upgraded(stage)
    await peer.write(*fragments(frame().encode()))
    answers = [await peer.read_frame() for _ in range(2)]
    assert (PONG, b"between") in answers
    assert [json.loads(payload)["type"] for opcode, payload in answers if opcode == TEXT] == ["HeartbeatAck"]
    await lives(peer)


@pytest.mark.over("tcp")
@pytest.mark.parametrize("size", [0, 1, 125])
async def test_case_106_a_ping_is_answered_with_its_payload(stage: Stage, size: int) -> None:
    peer = await upgraded(stage)
    await peer.frame(PING, b"p" * size)
    assert await peer.read_frame() == (PONG, b"p" * size)
    await peer.frame(PONG, b"unasked")
    await lives(peer)


BROKEN: dict[str, tuple[bytes, set[int]]] = {
    "reserved bit": (pack(TEXT, b"{}", reserved=0x40), {1002}),
    "reserved opcode": (pack(0x3, b""), {1002}),
    "reserved control opcode": (pack(0xB, b""), {1002}),
    "fragmented ping": (pack(PING, b"x", final=False), {1002}),
    "continuation of nothing": (pack(CONTINUATION, b"x"), {1002}),
    "text inside a text": (pack(TEXT, b"x", final=False) + pack(TEXT, b"y"), {1002}),
    "invalid utf-8": (pack(TEXT, b"\xff\xfe{}"), {1007}),
    "invalid utf-8 across fragments": (pack(TEXT, b"\xce", final=False) + pack(CONTINUATION, b"x"), {1007}),
    "close with one byte": (pack(CLOSE, b"\x03"), {1002}),
    "close with a reserved code": (pack(CLOSE, struct.pack("!H", 1005)), {1002}),
    "close with invalid utf-8": (pack(CLOSE, struct.pack("!H", 1000) + b"\xff"), {1007, 1002}),
    "close of 126 bytes": (pack(CLOSE, struct.pack("!H", 1000) + b"x" * 124), {1002}),
}


@pytest.mark.over("tcp")
@pytest.mark.parametrize("what", BROKEN)
async def test_case_106_a_broken_protocol_layer_fails_the_connection(stage: Stage, what: str) -> None:
    peer = await upgraded(stage)
    sent, codes = BROKEN[what]
    await peer.write(sent)
    assert await peer.close_code() in codes | {1006}
    await peer.hang_up()


@pytest.mark.over("tcp")
@pytest.mark.parametrize("code", [1000, 1001, 3000, 4999])
async def test_case_106_a_close_is_answered(stage: Stage, code: int) -> None:
    peer = await upgraded(stage)
    await peer.frame(CLOSE, struct.pack("!H", code))
    assert await peer.close_code() in (code, 1000)
    await peer.hang_up()


@pytest.mark.over("tcp")
async def test_case_106_an_unmasked_frame_fails_the_connection(stage: Stage) -> None:
    peer = await upgraded(stage)
    text = frame().encode()
    await peer.write(bytes([0x81, len(text)]), text)
    assert await peer.close_code() in (1002, 1006)


@pytest.mark.over("tcp")
async def test_case_106_bytes_one_at_a_time_are_a_message(stage: Stage) -> None:
    peer = await upgraded(stage)
    for byte in pack(TEXT, frame().encode()):
        await peer.write(bytes([byte]))
    assert (await told(peer))["type"] == "HeartbeatAck"


# Failing handlers ----------------------------------------------------------------------------------------------------


async def test_case_108_a_failing_handler_is_retryable_then_poison(stage: Stage) -> None:
    cast = stage.cast({})
    master, follower = await stage.arrive(cast.master), await stage.arrive(cast.followers[0])
    poison = stage.position(13)
    await stage.house.rows("fail_on_position", position_id=poison)
    await master.buy(stage.position(1))
    frame_id = str(uuid7())
    for attempt in range(1, 4):
        await master.send("OrderIntent", opening(poison), seq=2, id=frame_id, resent=attempt > 1)
        alert = await master.alert("poisoned" if attempt == 3 else "internal")
        assert (alert["ref"], alert["retryable"]) == (frame_id, attempt < 3)
        assert attempt == 3 or master.acknowledged() == 1
    await master.acked(2)
    (refused_one,) = [
        item for seen in master.seen if seen["type"] == "Ack" for item in seen["payload"]["refused"] if item["final"]
    ]
    assert (refused_one["seq"], refused_one["code"]) == (2, "poisoned")
    master.seq = 2
    await master.buy(stage.position(3))
    await master.acked(3)
    assert [frame["payload"]["position_id"] for frame in await follower.commands(2)] == [
        stage.position(1),
        stage.position(3),
    ]
    assert "poisoned_frame" in await stage.house.rows("alerts", account_id=cast.master.account_id)
