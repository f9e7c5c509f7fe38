"""Who sends too much, too fast, too big or nothing at all: told, closed, and nobody else notices."""

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import httpx
import pytest
from eagateway_sdk.ids import uuid7
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.e2e.gateway import Gateway, RawEa, raw_socket
from tests.e2e.servers import SERVERS

pytestmark = [pytest.mark.lane("embedded", "production"), pytest.mark.usefixtures("sockets")]
GROWTH_MIB = 6


@pytest.fixture(params=SERVERS)
def fresh_gateway(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Gateway]:
    """A gateway whose memory nobody else has used."""
    gateway = Gateway(tmp_path, server=request.param, HEARTBEAT_TIMEOUT_SECONDS="60").start()
    yield gateway
    gateway.end(9)


def frame(kind: str, payload: object = None, **envelope: object) -> str:
    return json.dumps({"v": 1, "type": kind, "id": str(uuid7()), "payload": payload or {}, **envelope})


async def heartbeat_seconds(ea: RawEa) -> float:
    began = time.monotonic()
    await ea.send("StatusHeartbeat", {"balance": "1000"})
    await ea.hear("HeartbeatAck")
    return time.monotonic() - began


async def drain(ea: RawEa) -> int:
    """Read to the end without looking; the close code."""
    try:
        while True:
            await ea.socket.recv()
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else 1006


async def flood(ea: RawEa, text: str, count: int) -> None:
    for _ in range(count):
        try:
            await ea.socket.send(text)
            await asyncio.sleep(0)  # the quiet one is in this process too: its turn is not the gateway's to give
        except ConnectionClosed:
            return


async def test_case_109_a_flood_is_told_4429_and_costs_nobody_anything(fresh_gateway: Gateway) -> None:
    cast = fresh_gateway.provision({})
    loud, quiet = await cast.ea(0), await cast.ea(1)
    calm = [await heartbeat_seconds(quiet) for _ in range(5)]
    before = fresh_gateway.memory_mib
    reading = asyncio.create_task(drain(loud))
    flooding = asyncio.create_task(flood(loud, frame("StatusHeartbeat", {"x": "x" * 900}), 60_000))
    waits = []
    while not reading.done():
        waits.append(await heartbeat_seconds(quiet))
        await asyncio.sleep(0.2)
    flooding.cancel()
    assert await reading == 4429
    assert fresh_gateway.memory_mib - before < GROWTH_MIB
    assert median(waits) < max(1, 10 * median(calm))
    back = await RawEa.connect(fresh_gateway, loud.token)
    assert (await back.hear("SessionState"))["payload"]["status"] == "authenticated"


async def test_case_109_a_flood_of_reports_is_bounded_by_what_they_can_be_about(gateway: Gateway) -> None:
    ea = await gateway.provision({}).ea(0)
    reading = asyncio.create_task(drain(ea))
    report = {"command_id": None, "status": "filled", "cause": "manual", "ticket": 1}
    for seq in range(1, 4000):
        try:
            await ea.socket.send(frame("ExecutionReport", report, seq=seq))
        except ConnectionClosed:
            break
    assert await reading == 4429


@pytest.mark.sends_invalid_frames
async def test_case_105_unknown_types_are_named_and_too_many_end_the_session(gateway: Gateway) -> None:
    ea = await gateway.provision({}).ea(0)
    for _ in range(6):
        await ea.socket.send(frame("Gossip"))
    assert await ea.close_code() == 4400
    codes = [item["payload"]["code"] for item in ea.seen if item["type"] == "ErrorAlert"]
    assert codes.count("unknown_type") >= 5


async def test_case_036_a_resend_request_while_one_is_served_is_refused(gateway: Gateway) -> None:
    cast = gateway.provision({})
    master, follower = await cast.ea(0), await cast.ea(1)
    for position in range(1, 41):
        await master.buy(position)
    await follower.commands(40)
    asked = frame("ResendRequest", {"from": 1, "to": 40})
    alert = None
    # In one write: sent one by one, a quick gateway had served each before the next one came. It may all the same, when
    # its threads are woken late: then once more.
    for _ in range(5):
        for _ in range(10):
            follower.socket.protocol.send_text(asked.encode())
        follower.socket.send_data()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(3):
                alert = (await follower.hear("ErrorAlert"))["payload"]
                break
    assert alert is not None, "fifty were served, each before the next one came"
    assert (alert["code"], alert["retryable"]) == ("resend_in_flight", True)
    await heartbeat_seconds(follower)


@pytest.mark.parametrize("server", SERVERS)
async def test_case_102_what_the_protocol_layer_forbids_is_closed_there(tmp_path: Path, server: str) -> None:
    gateway = Gateway(tmp_path, server=server).start()
    try:
        cast = gateway.provision({})
        big = await cast.ea(0)
        await big.socket.send("x" * (16 * 1024 + 1))
        assert await big.close_code() == 1009
        tokens = [cast.token(1), cast.token(1)]  # hashing a key takes 19 MiB of its own
        before = gateway.memory_mib
        assert await one_byte_fragments(gateway, tokens[1], 64 * 1024) in (1002, 1009)
        assert await ping_of(gateway, tokens[1], 126) in (1002, 1006)
        assert gateway.memory_mib - before < GROWTH_MIB
    finally:
        gateway.end(9)


@pytest.mark.lane("embedded")
async def test_case_027_a_handshake_with_smuggled_bytes_is_answered_and_ends(fresh_gateway: Gateway) -> None:
    answers = {
        await handshake(fresh_gateway, b"X-Note: a" + odd + b"b") for odd in (b"\x0b", b"\x1c", b"\x85", b"\x00")
    }
    assert answers == {400}
    assert await handshake(fresh_gateway, b"X-Note: ab") == 101
    cast = fresh_gateway.provision({})
    with pytest.raises(InvalidStatus, match="403"):
        await raw_socket(fresh_gateway, query=f"?token={cast.token(0)}")
    assert not fresh_gateway.log_has("?token=")


async def handshake(gateway: Gateway, header: bytes) -> int:
    """The status that an upgrade with one more header is answered with."""
    place = urlsplit(gateway.url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    lines = [
        b"GET /ea-gateway/v1/stream HTTP/1.1", b"Host: " + place.netloc.encode(), b"Upgrade: websocket",
        b"Connection: Upgrade", b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", header,
    ]  # fmt: skip
    writer.write(b"\r\n".join([*lines, b"", b""]))
    async with asyncio.timeout(10):
        status = await reader.readline()
    writer.close()
    return int(status.split()[1])


async def one_byte_fragments(gateway: Gateway, token: str, count: int) -> int:
    """A message in fragments of one byte each; the close code."""
    ea = await RawEa.connect(gateway, token)
    await ea.hear("SessionState")
    masked = b"\x01\x81\x00\x00\x00\x00x" + b"\x00\x81\x00\x00\x00\x00x" * (count - 1)
    ea.socket.transport.write(masked)
    return await drain(ea)


async def ping_of(gateway: Gateway, token: str, size: int) -> int:
    """A ping whose payload is longer than the protocol allows; the close code."""
    ea = await RawEa.connect(gateway, token)
    await ea.hear("SessionState")
    ea.socket.transport.write(b"\x89\xfe" + size.to_bytes(2, "big") + b"\x00" * 4 + b"x" * size)
    return await drain(ea)


async def test_case_002_500_silent_sockets_do_not_stop_an_authenticated_ea(gateway: Gateway) -> None:
    ea = await gateway.provision({}).ea(0)
    silent = [await raw_socket(gateway) for _ in range(500)]
    assert await heartbeat_seconds(ea) < 2
    codes = await asyncio.gather(*(drain(RawEa(gateway, "", item)) for item in silent))
    assert set(codes) == {4401}


async def test_case_101_half_a_handshake_holds_nothing_up(gateway: Gateway) -> None:
    ea = await gateway.provision({}).ea(0)
    address = urlsplit(gateway.url)
    with socket.create_connection((address.hostname or "", address.port or 0)) as half:
        half.sendall(b"GET /ea-gateway/v1/stream HTTP/1.1\r\nUpgrade: websocket\r\n")
        assert await heartbeat_seconds(ea) < 2


# Frames that cannot be stored ----------------------------------------------------------------------------------------


@pytest.fixture
def choking_gateway(tmp_path: Path) -> Iterator[Gateway]:
    """A gateway with a bug: intents for the symbol POISON cannot be applied."""
    gateway = Gateway(tmp_path, program="tests/e2e/choking_gateway.py", HEARTBEAT_TIMEOUT_SECONDS="60").start()
    yield gateway
    gateway.end(9)


ORDER = {"action": "open", "side": "buy", "lots": "0.10", "price": "1.1"}


def poison(position: int) -> dict[str, object]:
    return {**ORDER, "symbol": "POISON", "position_id": position, "ticket": position}


async def test_case_108_a_frame_we_fail_on_may_come_again_and_is_refused_for_good_the_third_time(
    choking_gateway: Gateway,
) -> None:
    ea = await choking_gateway.provision({}).ea(0)
    frame_id = str(uuid7())
    seen = []
    for _ in range(3):
        await ea.send("OrderIntent", poison(1), seq=1, id=frame_id)
        seen.append((await ea.hear("ErrorAlert"))["payload"])
    assert [(item["code"], item.get("retryable", False)) for item in seen] == [
        ("internal", True), ("internal", True), ("poisoned", False)
    ]  # fmt: skip
    await ea.acked(1)
    await heartbeat_seconds(ea)


async def test_a_flood_of_poison_ends_its_session_and_delays_nobody(choking_gateway: Gateway) -> None:
    cast = choking_gateway.provision({})
    hostile, other = await cast.ea(0), await cast.ea(1)
    await heartbeat_seconds(other)
    reading = asyncio.create_task(drain(hostile))
    waits = []
    for number in range(400):
        try:
            await hostile.socket.send(frame("OrderIntent", poison(number + 1), seq=1))
        except ConnectionClosed:
            break
        if number % 40 == 0:
            waits.append(await heartbeat_seconds(other))
    assert await reading == 4400
    assert sorted(waits)[len(waits) // 2] < 1


# Who is loud, and who is nobody --------------------------------------------------------------------------------------


async def test_case_111_a_loud_tenant_leaves_the_others_their_rate(gateway: Gateway) -> None:
    loud, quiet = gateway.provision({}), gateway.provision({})
    shouting = [await loud.ea(0), await loud.ea(1)]
    master, follower = await quiet.ea(0), await quiet.ea(1)
    reading = [asyncio.create_task(drain(item)) for item in shouting]
    noise = [asyncio.create_task(flood(item, frame("StatusHeartbeat", {"balance": "1"}), 5000)) for item in shouting]
    began = time.monotonic()
    for position in range(1, 11):
        await master.buy(position)
    commands = await follower.commands(10)
    assert [item["seq"] for item in commands] == list(range(1, 11))
    assert time.monotonic() - began < 5
    for task in (*noise, *reading):
        task.cancel()


@pytest.mark.lane("embedded")
@pytest.mark.parametrize("framing", ["told", "chunked"])
async def test_a_body_that_no_door_takes_is_refused_before_anybody_holds_it(
    fresh_gateway: Gateway, framing: str
) -> None:
    before = fresh_gateway.memory_mib
    for path in ("/ea-gateway/v1/sessions", f"/ea-gateway/v1/sessions/{uuid7()}/exchange", "/nowhere"):
        status, sent = await upload(fresh_gateway, path, mebibytes=64, framing=framing)
        assert status in (401, 413, None), "refused, or the connection was reset while we went on sending"
        assert status == 401 or sent < 32 * 2**20, "who is turned away unheard may go on: nothing of it is kept"
    assert fresh_gateway.memory_mib - before < GROWTH_MIB
    assert (await asyncio.to_thread(httpx.get, f"{fresh_gateway.url}/healthz")).status_code == 200


async def upload(gateway: Gateway, path: str, *, mebibytes: int, framing: str) -> tuple[int | None, int]:
    """The status that a large body is answered with, if it could be read, and how much was sent by then."""
    place = urlsplit(gateway.url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    size, piece = mebibytes * 2**20, bytes(2**16)
    length = f"Content-Length: {size}" if framing == "told" else "Transfer-Encoding: chunked"
    writer.write(f"POST {path} HTTP/1.1\r\nHost: {place.netloc}\r\n{length}\r\n\r\n".encode())
    part = piece if framing == "told" else b"%x\r\n%s\r\n" % (len(piece), piece)
    sent, status = 0, b""
    with contextlib.suppress(ConnectionError):
        while sent < size and not reader.at_eof():
            writer.write(part)
            await writer.drain()
            sent += len(piece)
    with contextlib.suppress(ConnectionError):
        status = await reader.readline()
    writer.close()
    return (int(status.split()[1]) if status else None), sent
