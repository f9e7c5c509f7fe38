"""Frames that the gateway puts off, refuses or asks for again, and sessions that wait for their approval."""

import asyncio
from typing import Any

import pytest

from eagateway_sdk import (
    Refused,
    RefusedFrame,
    SessionState,
)

from .conftest import MakeClient
from .samples import open_intent, until
from .scripted_gateway import Peer, ScriptedGateway

pytestmark = pytest.mark.asyncio


def tickets(gateway: ScriptedGateway) -> list[int]:
    return [effect["ticket"] for effect in gateway.effects]


async def test_a_final_refusal_is_surfaced_and_consumes_the_number(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    refused: list[RefusedFrame] = []

    def refuse(at: ScriptedGateway, socket: Peer, frame: dict[str, Any]) -> bool:
        if frame["payload"].get("ticket") != 2:
            return False
        told = {"seq": frame["seq"], "id": frame["id"], "code": "invalid", "final": True}

        async def answer() -> None:
            at.top["token-1"] = frame["seq"]  # an exchange acknowledges by it: not before it says what was refused
            await at.say(socket, "Ack", {"ack": frame["seq"], "refused": [told]})

        asyncio.get_running_loop().create_task(answer())
        return True

    gateway.on_frame = refuse
    async with make_client(on_refused=refused.append) as client:
        for ticket in (1, 2):
            await client.send_intent(open_intent(ticket))
        async with asyncio.timeout(3):
            with pytest.raises(Refused, match="OrderIntent was refused: invalid"):
                await client.wait_drained()
            await client.send_intent(open_intent(3))
            await client.wait_drained()
    assert tickets(gateway) == [1, 3]
    [one] = refused
    assert (one.code, getattr(one.frame, "ticket", 0)) == ("invalid", 2)


async def test_what_was_refused_for_good_is_raised_once_with_code_path_and_message(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    def refuse(at: ScriptedGateway, socket: Peer, frame: dict[str, Any]) -> bool:
        if frame["type"] != "OrderIntent":
            return False
        told = {"seq": frame["seq"], "id": frame["id"], "code": "invalid", "final": True}

        async def answer() -> None:  # the code first, the reason behind it
            at.top["token-1"] = frame["seq"]
            await at.say(socket, "Ack", {"ack": frame["seq"], "refused": [told]})
            why = {"code": "invalid", "ref": frame["id"], "path": "$.lots", "message": f"wrong {frame['seq']}"}
            await at.say(socket, "ErrorAlert", why)

        asyncio.get_running_loop().create_task(answer())
        return True

    gateway.on_frame = refuse
    async with make_client() as client:
        first = await client.send_intent(open_intent(1))
        await client.send_intent(open_intent(2))
        async with asyncio.timeout(3):
            with pytest.raises(Refused) as caught:
                await client.wait_drained()
            assert (caught.value.code, caught.value.path, caught.value.message) == ("invalid", "$.lots", "wrong 1")
            assert str(caught.value) == "OrderIntent was refused: invalid at $.lots: wrong 1 (and 1 more)"
            assert [one.message for one in caught.value.frames] == ["wrong 1", "wrong 2"]
            assert caught.value.frames[0].id == first
            await client.wait_drained()  # told, and nothing waits


async def test_158_a_retryable_refusal_resends_it_and_all_behind_it_once_after_the_time_told(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    at_times: list[tuple[int, float]] = []
    refusals = 0

    def put_off(at: ScriptedGateway, socket: Peer, frame: dict[str, Any]) -> bool:
        nonlocal refusals
        if frame["type"] != "OrderIntent":
            return False
        at_times.append((frame["seq"], asyncio.get_running_loop().time()))
        if frame["seq"] < 7 or refusals >= 3:
            return False
        refusals += 1
        body = {"ack": 6, "refused": [{"seq": frame["seq"], "id": frame["id"], "code": "try_later", "final": False}]}
        asyncio.get_running_loop().create_task(at.say(socket, "Ack", body))
        return True

    gateway.on_frame = put_off
    async with make_client() as client:
        for ticket in range(1, 10):
            await client.send_intent(open_intent(ticket))
        async with asyncio.timeout(5):
            await client.wait_drained()
    assert tickets(gateway) == list(range(1, 10))
    assert [seq for seq, _ in at_times] == [*range(1, 10), 7, 8, 9]
    assert at_times[9][1] - at_times[8][1] >= 0.09


async def test_an_alert_with_a_longer_time_is_obeyed(gateway: ScriptedGateway, make_client: MakeClient) -> None:
    times: list[float] = []

    def put_off(at: ScriptedGateway, socket: Peer, frame: dict[str, Any]) -> bool:
        if frame["type"] != "OrderIntent":
            return False
        times.append(asyncio.get_running_loop().time())
        if len(times) > 1:
            return False
        alert = {
            "code": "try_later",
            "retryable": True,
            "retry": {"policy": "same_frame_after", "after_seconds": 1},
            "ref": frame["id"],
        }
        asyncio.get_running_loop().create_task(at.say(socket, "ErrorAlert", alert))
        return True

    gateway.on_frame = put_off
    alerts: list[str] = []
    async with make_client(on_alert=lambda alert: alerts.append(alert.code)) as client:
        await client.send_intent(open_intent(1))
        async with asyncio.timeout(5):
            await client.wait_drained()
    assert times[1] - times[0] >= 0.95
    assert alerts == ["try_later"]


async def test_the_gateway_asks_for_a_gap_and_gets_frames_or_a_fill(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    async with make_client() as client:
        for ticket in (1, 2):
            await client.send_intent(open_intent(ticket))
        async with asyncio.timeout(3):
            await client.wait_drained()
        gateway.acks = False
        before = len(gateway.heard)
        await client.send_intent(open_intent(3))
        await until(lambda: any("seq" in frame for _, _, frame in gateway.heard[before:]))
        gateway.heard.clear()
        await gateway.say(gateway.sockets[-1], "ResendRequest", {"from": 1, "to": 3})
        await until(lambda: len([frame for _, _, frame in gateway.heard if "seq" in frame]) >= 2)
        numbered = [frame for _, _, frame in gateway.heard if "seq" in frame]
        answers = [(frame["type"], frame["seq"], frame.get("resent", False)) for frame in numbered]
        assert answers == [("GapFill", 1, False), ("OrderIntent", 3, True)]
        assert gateway.of_type("GapFill") == [{"next": 3}]
        await gateway.say(gateway.sockets[-1], "ResendRequest", {"from": 5, "to": 900})
        await until(lambda: bool(gateway.of_type("ErrorAlert")))
        assert gateway.of_type("ErrorAlert")[0]["code"] == "resend_out_of_range"
        gateway.acks = True


async def test_a_pending_session_sends_and_is_told_of_its_promotion(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    gateway.status = "pending"
    states: list[SessionState] = []
    async with make_client(on_state=states.append) as client:
        await client.wait_status("pending")
        await client.send_intent(open_intent(1))
        async with asyncio.timeout(3):
            await client.wait_drained()
        gateway.status = "authenticated"
        await gateway.say(
            gateway.sockets[-1], "SessionState", {"status": "authenticated", "epoch": gateway.epoch, "stored_seq": 1}
        )
        async with asyncio.timeout(3):
            await client.wait_status("authenticated")
    assert [state.status for state in states] == ["pending", "authenticated"]


async def test_63_a_full_pending_session_is_tried_again_after_the_time_told(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    gateway.status = "pending"
    sent = 0

    def full(at: ScriptedGateway, socket: Peer, frame: dict[str, Any]) -> bool:
        nonlocal sent
        if frame["type"] != "OrderIntent":
            return False
        sent += 1
        if sent > 1:
            return False
        body = {"status": "pending", "reason": "session_full", "retry_after_seconds": 1, "epoch": at.epoch}
        asyncio.get_running_loop().create_task(at.say(socket, "SessionState", body))
        return True

    gateway.on_frame = full
    async with make_client() as client:
        await client.send_intent(open_intent(1))
        await asyncio.sleep(0.5)
        assert sent == 1
        async with asyncio.timeout(3):
            await client.wait_drained()
    assert sent == 2


async def test_a_pending_session_survives_the_end_of_the_program(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    gateway.status = "pending"
    async with make_client() as client:
        await client.wait_status("pending")
    assert not gateway.of_type("ShutdownNotice")
    async with make_client() as client:
        await client.wait_status("pending")
    assert gateway.sessions == 1


async def test_intents_keep_to_the_rate_that_the_gateway_told(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    gateway.intent_rate = 20
    async with make_client() as client:
        # The InitAck tells it: until then nothing is known of a rate.
        await until(lambda: client._link is not None and client._link._sender._rate == 20)
        began = asyncio.get_running_loop().time()
        await asyncio.gather(*(client.send_intent(open_intent(ticket)) for ticket in range(1, 31)))
        async with asyncio.timeout(5):
            await client.wait_drained()
        assert asyncio.get_running_loop().time() - began > 0.3
    assert tickets(gateway) == list(range(1, 31))
