"""The event socket from outside: a gateway process, raw frames, cuts, kills and bad input."""

import asyncio
import hashlib
import json
import signal
from typing import Any

import pytest
from eagateway_sdk.ids import uuid7
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.e2e.gateway import SYMBOLS, Gateway, RawEa, raw_socket

pytestmark = [pytest.mark.lane("embedded", "production"), pytest.mark.usefixtures("sockets")]
CLOSE = {"action": "close", "position_id": 1, "ticket": 1, "symbol": "EURUSD"}


# Hello and sessions ------------------------------------------------------------------------------------------------


async def test_case_003_hello_and_init_are_answered_with_state_and_one_init_ack(gateway: Gateway) -> None:
    ea = await gateway.provision({}).ea(0)
    state, ack = ea.seen
    assert (state["payload"]["status"], ack["payload"]["role"]) == ("authenticated", "master")
    assert ack["payload"]["heartbeat"] == {"interval_seconds": 5, "timeout_seconds": 60}


async def test_case_001_a_first_frame_that_is_no_hello_closes_4401(gateway: Gateway) -> None:
    ea = RawEa(gateway, "", await raw_socket(gateway))
    await ea.send("StatusHeartbeat", {})
    assert await ea.close_code() == 4401


async def test_an_unknown_token_closes_4401(gateway: Gateway) -> None:
    ea = await RawEa.connect(gateway, "no-such-token")
    assert await ea.close_code() == 4401


@pytest.mark.sends_invalid_frames
async def test_case_006_an_unknown_subprotocol_or_version_closes_4406(gateway: Gateway) -> None:
    other = RawEa(gateway, "", await raw_socket(gateway, subprotocols=["ea-gateway.v2"]))
    assert await other.close_code() == 4406
    ea = RawEa(gateway, "", await raw_socket(gateway))
    await ea.socket.send(json.dumps({"v": 9, "type": "Hello", "id": str(uuid7()), "payload": {}}))
    assert await ea.close_code() == 4406


async def test_case_004_a_second_hello_changes_nothing(gateway: Gateway) -> None:
    ea = await gateway.provision({}).ea(0)
    await ea.send("Hello", {"token": ea.token})
    assert (await ea.hear("ErrorAlert"))["payload"]["code"] == "already_authenticated"


async def test_case_005_the_same_token_again_supersedes_the_older_socket(gateway: Gateway) -> None:
    cast = gateway.provision({})
    old = await cast.ea(0)
    newer = await RawEa.connect(gateway, old.token)
    assert (await newer.hear("SessionState"))["payload"]["status"] == "authenticated"
    assert await old.close_code() == 4411


async def test_case_067_a_newer_session_preempts_with_a_frame_and_4409(gateway: Gateway) -> None:
    cast = gateway.provision({})
    old = await cast.ea(0)
    await cast.ea(0)
    assert await old.close_code() == 4409
    assert old.seen[-1]["payload"]["reason"] == "preempted"


async def test_case_068_a_stranger_who_merely_asks_disturbs_nobody(gateway: Gateway) -> None:
    cast = gateway.provision({})
    owner = await cast.ea(0)
    stranger = await RawEa.connect(gateway, cast.token(0, key="stranger-" + "kJ8sLq2VbN4xZ7mWc1RtYp"))
    told = (await stranger.hear("SessionState"))["payload"]
    assert (told["status"], told["key_code"]) == ("pending", code_of("stranger-" + "kJ8sLq2VbN4xZ7mWc1RtYp"))
    await owner.send("StatusHeartbeat", {})
    await owner.hear("HeartbeatAck")


def code_of(key: str) -> str:
    """As `printf %s "$KEY" | sha256sum | cut -c1-8` says it, in two groups."""
    digits = hashlib.sha256(key.encode()).hexdigest()
    return f"{digits[:4]} {digits[4:8]}"


async def test_case_075_silence_is_asked_about_then_closed_4408_with_a_notice(quick_gateway: Gateway) -> None:
    ea = await quick_gateway.provision({}).ea(0)
    assert await ea.close_code() == 4408
    kinds = [kind for kind in ea.kinds() if kind not in ("InitAck", "SyncSnapshot")]
    assert kinds[1:] == ["TestRequest", "SessionState", "ShutdownNotice"]
    assert ea.seen[-1]["payload"]["reconnect"] is True


async def test_case_096_a_leaving_ea_is_acked_and_its_session_closed(gateway: Gateway) -> None:
    ea = await gateway.provision({}).ea(0)
    await ea.buy(1)
    await ea.send("ShutdownNotice", {"reason": "terminal_closed", "last_seq": 1})
    assert await ea.close_code() == 4410
    notice = next(frame for frame in ea.seen if frame["type"] == "ShutdownNotice")
    assert (notice["payload"]["phase"], notice["ack"]) == ("ack", 1)


# Numbers -----------------------------------------------------------------------------------------------------------


async def test_a_trade_goes_to_the_follower_and_back(gateway: Gateway) -> None:
    cast = gateway.provision({"mode": "fixed_lots", "lots": "0.03"})
    master, follower = await cast.ea(0), await cast.ea(1)
    await master.buy(1)
    (command,) = await follower.commands(1)
    assert (command["seq"], command["payload"]["lots"]) == (1, "0.03")
    filled = {"command_id": command["payload"]["command_id"], "status": "filled", "ticket": 7, "lots": "0.03"}
    await follower.durable("ExecutionReport", filled, ack=1)
    await follower.acked(1)
    await master.acked(1)


async def test_case_032_a_gap_is_asked_for_and_then_taken_in_order(gateway: Gateway) -> None:
    cast = gateway.provision({})
    master, follower = await cast.ea(0), await cast.ea(1)
    orders = [
        {"action": "open", "position_id": n, "ticket": n, "symbol": "EURUSD", "side": "buy", "lots": "0.1"}
        for n in (1, 2, 3)
    ]
    await master.send("OrderIntent", orders[2], seq=3)
    assert (await master.hear("ResendRequest"))["payload"] == {"from": 1, "to": 2}
    for seq in (1, 2, 3):
        await master.send("OrderIntent", orders[seq - 1], seq=seq)
    assert [frame["payload"]["position_id"] for frame in await follower.commands(3)] == [1, 2, 3]


async def test_case_048_the_same_frame_on_another_socket_is_answered_as_before(gateway: Gateway) -> None:
    cast = gateway.provision({})
    master, follower = await cast.ea(0), await cast.ea(1)
    frame_id = await master.buy(1)
    await follower.commands(1)
    again = await RawEa.connect(gateway, master.token)
    assert await again.buy(1, frame_id=frame_id) == frame_id
    await again.acked(1)
    await again.durable("OrderIntent", CLOSE)
    (closing,) = await follower.commands(1)
    assert (closing["seq"], closing["payload"]["action"]) == (2, "close")


async def test_case_034_another_frame_under_a_used_number_closes_4400(gateway: Gateway) -> None:
    master = await gateway.provision({}).ea(0)
    await master.buy(1)
    await master.acked(1)
    await master.send("OrderIntent", CLOSE, seq=1)
    assert await master.close_code() == 4400
    assert "sequence_conflict" in {f["payload"].get("code") for f in master.seen if f["type"] == "ErrorAlert"}


@pytest.mark.sends_invalid_frames
async def test_case_041_an_invalid_frame_consumes_its_number_and_names_the_field(gateway: Gateway) -> None:
    master = await gateway.provision({}).ea(0)
    await master.buy(1, lots="-1")
    await master.buy(2)
    refused = (await master.hear("Ack"))["payload"]["refused"]
    alert = (await master.hear("ErrorAlert"))["payload"]
    assert (refused[0]["seq"], refused[0]["final"], alert["path"]) == (1, True, "$.lots")
    await master.acked(2)


async def test_case_010_and_036_a_cut_resumes_by_number_and_resends_are_bounded(gateway: Gateway) -> None:
    cast = gateway.provision({})
    master, follower = await cast.ea(0), await cast.ea(1)
    epoch = follower.seen[0]["payload"]["epoch"]
    for position in range(1, 6):
        await master.buy(position)
    await follower.commands(5)
    follower.socket.transport.abort()
    back = await RawEa.connect(gateway, follower.token, epoch=epoch, last_server_seq=3)
    assert [frame["seq"] for frame in await back.commands(2)] == [4, 5]
    await back.send("ResendRequest", {"from": 2, "to": 3})
    assert [(f["seq"], f.get("resent")) for f in await back.commands(2)] == [(2, True), (3, True)]
    await back.send("ResendRequest", {"from": 1, "to": 99})
    assert (await back.hear("ErrorAlert"))["payload"]["code"] == "resend_out_of_range"


async def test_intents_over_the_accounts_rate_are_told_and_not_acknowledged(gateway: Gateway) -> None:
    """More than a slow gateway takes at this rate, and fewer than it closes a link for."""
    cast = gateway.provision({})
    await asyncio.to_thread(cast.change, 0, intent_rate=20)
    master = await cast.ea(0)
    for position in range(1, 401):
        await master.buy(position)
    throttled = (await master.hear("ErrorAlert"))["payload"]
    assert (throttled["code"], throttled["retryable"]) == ("throttled", True)
    top = max((frame.get("ack") or 0) for frame in master.seen)
    assert top < 400


# Bad input ---------------------------------------------------------------------------------------------------------

GARBAGE: list[Any] = [
    "not json",
    "[]",
    "{}{}",
    '{"v":1}',
    '{"v":1,"type":"StatusHeartbeat","id":"x","payload":{}}',
    '{"v":1,"type":"StatusHeartbeat","id":"01a20ae1-c6f2-71b7-9618-bb053ede6a16","seq":-1,"payload":{}}',
    '{"a":' * 2500 + "1" + "}" * 2500,
    b"\x00\x01binary",
    "\ufeff{}",
]


@pytest.mark.sends_invalid_frames
@pytest.mark.parametrize("number", range(len(GARBAGE)))
async def test_case_101_garbage_is_named_and_the_socket_lives(gateway: Gateway, number: int) -> None:
    ea = await gateway.provision({}).ea(0)
    await ea.socket.send(GARBAGE[number])
    assert (await ea.hear("ErrorAlert"))["payload"]["code"] in ("malformed", "frame_too_big")
    await ea.send("StatusHeartbeat", {})
    await ea.hear("HeartbeatAck")


@pytest.mark.sends_invalid_frames
async def test_garbage_beyond_its_budget_closes_4400(gateway: Gateway) -> None:
    ea = await gateway.provision({}).ea(0)
    for _ in range(8):
        await ea.socket.send("garbage")
    assert await ea.close_code() == 4400


@pytest.mark.sends_invalid_frames
async def test_case_102_a_frame_over_16_kib_closes_1009(gateway: Gateway) -> None:
    ea = await gateway.provision({}).ea(0)
    await ea.socket.send("x" * (16 * 1024 + 1))
    assert await ea.close_code() == 1009


@pytest.mark.sends_invalid_frames
async def test_case_105_unknown_and_misdirected_types_are_named(gateway: Gateway) -> None:
    ea = await gateway.provision({}).ea(0)
    for kind, code in (("Telegram", "unknown_type"), ("OrderCommand", "frame_unexpected")):
        frame_id = await ea.send(kind, {})
        alert = (await ea.hear("ErrorAlert"))["payload"]
        assert (alert["code"], alert["ref"]) == (code, frame_id)


async def test_case_025_a_token_in_the_address_is_refused(gateway: Gateway) -> None:
    token = gateway.provision({}).token(0)
    with pytest.raises(InvalidStatus, match="403"):
        await raw_socket(gateway, query=f"?token={token}")


# Pending, kills, drains ----------------------------------------------------------------------------------------------


async def test_a_pending_follower_gets_state_init_ack_and_backlog_in_this_order(gateway: Gateway) -> None:
    cast = gateway.provision({})
    master = await cast.ea(0)
    key = "late-" + "Zx9QwErTy7UiOp5AsDfGh3Jk"
    follower = await RawEa.connect(gateway, cast.token(1, key=key))
    await follower.hear("SessionState")
    await follower.send("InitRequest", {"currency": "USD", "symbols": SYMBOLS})
    await follower.send("StatusHeartbeat", {"balance": "1000"})
    await follower.hear("HeartbeatAck")
    for position in (1, 2):
        await master.buy(position)
    await master.acked(2)
    await asyncio.to_thread(cast.approve, 1, key)
    await follower.send("StatusHeartbeat", {"balance": "1000"})
    commands = await follower.commands(2)
    order = [kind for kind in follower.kinds() if kind in ("SessionState", "InitAck", "OrderCommand")]
    assert order == ["SessionState", "SessionState", "InitAck", "OrderCommand", "OrderCommand"]
    assert [frame["seq"] for frame in commands] == [1, 2]
    states = [frame["payload"].get("key_code") for frame in follower.seen if frame["type"] == "SessionState"]
    assert states == [code_of(key), None]


async def test_case_115_a_killed_gateway_loses_nothing_and_does_nothing_twice(own_gateway: Gateway) -> None:
    cast = own_gateway.provision({}, {})
    master, first, second = await cast.ea(0), await cast.ea(1), await cast.ea(2)
    sent = [await master.buy(position) for position in range(1, 41)]
    await asyncio.to_thread(own_gateway.end, signal.SIGKILL)
    await asyncio.to_thread(own_gateway.start)
    again = await RawEa.connect(own_gateway, master.token)
    await again.hear("SessionState")
    for position, frame_id in enumerate(sent, start=1):
        order = {"action": "open", "position_id": position, "ticket": position, "symbol": "EURUSD"}
        payload = {**order, "side": "buy", "lots": "0.10", "price": "1.1"}
        await again.send("OrderIntent", payload, seq=position, id=frame_id, resent=True)
    await again.acked(40)
    for follower in (first, second):
        back = await RawEa.connect(own_gateway, follower.token)
        frames = await back.commands(40)
        assert [frame["seq"] for frame in frames] == list(range(1, 41))
        assert [frame["payload"]["position_id"] for frame in frames] == list(range(1, 41))


async def test_case_095_a_stopped_gateway_says_goodbye_and_acknowledges_first(own_gateway: Gateway) -> None:
    master = await own_gateway.provision({}).ea(0)
    for position in range(1, 21):
        await master.buy(position)
    ending = asyncio.create_task(asyncio.to_thread(own_gateway.end, signal.SIGTERM))
    assert await master.close_code() == 4012
    assert await ending == 0
    notice = next(frame for frame in master.seen if frame["type"] == "ShutdownNotice")
    assert notice["payload"]["reconnect"] is True
    stored = max(frame.get("ack") or 0 for frame in master.seen)
    await asyncio.to_thread(own_gateway.start)
    back = await RawEa.connect(own_gateway, master.token)
    # On a busy machine the gateway may go before it has read any of them: 0 is left out.
    assert (await back.hear("SessionState"))["payload"].get("stored_seq", 0) == stored


@pytest.mark.lane("embedded")
async def test_a_second_gateway_on_the_same_folder_is_refused(own_gateway: Gateway) -> None:
    second = await asyncio.to_thread(own_gateway.manage, "serve", "--port", "0")
    assert second.returncode == 2
    assert "is served by process" in second.stderr


@pytest.mark.lane("embedded")
async def test_celery_in_the_same_process_expires_sessions_that_have_no_socket(quick_gateway: Gateway) -> None:
    cast = quick_gateway.provision({})
    token = cast.token(0)
    async with asyncio.timeout(15):
        while True:
            ea = await RawEa.connect(quick_gateway, token)
            state = (await ea.hear("SessionState"))["payload"]
            if state["status"] == "closed":
                break
            await ea.socket.close()
            await asyncio.sleep(1.5)
    assert state["reason"] == "heartbeat_timeout"
    assert (await ea.hear("ShutdownNotice"))["payload"]["reason"] == "heartbeat_timeout"
    with pytest.raises(ConnectionClosed):
        await ea.socket.recv()
    assert quick_gateway.log_has("session.opened"), "the worker in this process has changed the log level"
