"""Ends in order: both sides know the same last numbers, and nothing takes longer than it may."""

import asyncio
import time

import pytest

from eagateway_sdk import Backoff, Timing

from .conftest import MakeClient
from .paper_broker import Desktop
from .samples import command, open_intent, until
from .scripted_gateway import Payload, Peer, ScriptedGateway

pytestmark = pytest.mark.asyncio


async def test_both_sides_know_the_same_last_numbers(gateway: ScriptedGateway, make_client: MakeClient) -> None:
    client = make_client(executor=Desktop())
    async with client:
        await client.wait_status("authenticated")
        await gateway.order(command())
        await client.send_intent(open_intent(1))
        await until(lambda: len(gateway.effects) == 2)
    [notice] = gateway.of_type("ShutdownNotice")
    assert (notice["reason"], notice["last_seq"]) == ("shutdown_by_ea", 2)
    assert client.parted == (2, 1)


async def test_100_closing_takes_half_a_second_even_when_nobody_answers(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    gateway.on_frame = lambda at, peer, frame: frame["type"] == "ShutdownNotice"
    client = make_client()
    await client.start()
    await client.wait_status("authenticated")
    began = time.monotonic()
    await client.close()
    assert time.monotonic() - began < 0.7
    assert client.parted is None


async def test_what_the_gateway_misses_is_sent_before_its_answer(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    answered = False

    def part(at: ScriptedGateway, peer: Peer, frame: Payload) -> bool:
        nonlocal answered
        if frame["type"] != "ShutdownNotice" or answered:
            return False
        answered = True

        async def ask_first() -> None:
            await at.say(peer, "ResendRequest", {"from": 1, "to": 1})
            await asyncio.sleep(0.1)
            await at._answer(peer, "token-1", frame)

        tasks.append(asyncio.create_task(ask_first()))
        return True

    tasks: list[asyncio.Task[None]] = []
    client = make_client()
    async with client:
        await client.send_intent(open_intent(1))
        async with asyncio.timeout(3):
            await client.wait_drained()
        gateway.heard.clear()
        gateway.on_frame = part
    assert "GapFill" in [kind for kind, _, _ in gateway.heard]
    assert client.parted is not None


async def test_the_gateway_s_notice_waits_for_the_order_in_hand_and_its_report(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    broker = Desktop(gate=asyncio.Event())
    async with make_client(executor=broker) as client:
        await client.wait_status("authenticated")
        await gateway.order(command())
        await broker.before.wait()
        await gateway.say(gateway.sockets[-1], "ShutdownNotice", {"reason": "service_restart", "reconnect": True})
        await asyncio.sleep(0.1)
        assert not gateway.of_type("ShutdownNotice")
        assert broker.gate is not None
        broker.gate.set()
        await until(lambda: bool(gateway.of_type("ShutdownNotice")))
        kinds = [kind for kind, _, _ in gateway.heard]
        assert kinds.index("ExecutionReport") < kinds.index("ShutdownNotice")
        assert gateway.of_type("ShutdownNotice") == [{"reason": "service_restart", "phase": "ack", "last_seq": 1}]


async def test_a_notice_is_answered_in_time_even_if_the_broker_is_slow(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    broker = Desktop(gate=asyncio.Event())
    async with make_client(executor=broker, timing=Timing(notice_patience=0.1, search_window=0.0)) as client:
        await client.wait_status("authenticated")
        await gateway.order(command())
        await broker.before.wait()
        await gateway.say(gateway.sockets[-1], "ShutdownNotice", {"reason": "service_restart", "reconnect": True})
        await until(lambda: bool(gateway.of_type("ShutdownNotice")), seconds=1)
        assert broker.gate is not None
        broker.gate.set()


@pytest.mark.parametrize("code", [4012, 4013])
async def test_the_time_that_the_gateway_told_is_waited_with_jitter(
    gateway: ScriptedGateway, make_client: MakeClient, code: int
) -> None:
    backoff = Backoff(first=0.01, longest=5.0, draw=lambda: 0.5)
    async with make_client(backoff=backoff) as client:
        await client.wait_status("authenticated")
        body = {"reason": "service_restart", "reconnect": True, "reconnect_after_seconds": 1}
        await gateway.say(gateway.sockets[-1], "ShutdownNotice", body)
        await until(lambda: bool(gateway.of_type("ShutdownNotice")))
        began = time.monotonic()
        await gateway.sockets[-1].close(code)
        await until(lambda: gateway.connections >= 2)
        assert 1.4 < time.monotonic() - began < 3.0
    assert gateway.sessions == 1


async def test_a_link_that_is_turned_away_comes_back_after_the_time_told(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    """As during maintenance: the answer to Hello is an alert, and the close."""
    turned_away: list[float] = []

    async def turn_away(at: ScriptedGateway, peer: Peer) -> None:
        retry = {"policy": "same_frame_after", "after_seconds": 1}
        await at.say(peer, "ErrorAlert", {"code": "maintenance", "retryable": True, "retry": retry})
        await peer.close(4013)

    def look(at: ScriptedGateway, peer: Peer, frame: Payload) -> bool:
        if frame["type"] != "Hello" or turned_away:
            return False
        turned_away.append(time.monotonic())
        asyncio.get_running_loop().create_task(turn_away(at, peer))
        return True

    gateway.on_frame = look
    async with make_client(backoff=Backoff(first=0.01, longest=5.0, draw=lambda: 0.0)) as client:
        await client.wait_status("authenticated")
        assert 0.9 < time.monotonic() - turned_away[0] < 3.0
    assert gateway.sessions == 1


async def test_a_time_that_was_told_once_does_not_hold_up_a_later_break(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    async with make_client(backoff=Backoff(first=0.01, longest=5.0, draw=lambda: 0.0)) as client:
        await client.wait_status("authenticated")
        for told in (600, None):
            body = {"status": "authenticated", "epoch": gateway.epoch, "retry_after_seconds": told}
            await gateway.say(gateway.sockets[-1], "SessionState", body)
        await client.send_intent(open_intent(1))
        await until(lambda: len(gateway.effects) == 1)
        await gateway.sockets[-1].close(1011)
        await until(lambda: gateway.connections >= 2)


async def test_the_told_pause_spreads_a_herd() -> None:
    assert Backoff(draw=lambda: 0.0).after(10.0) == 10.0
    assert Backoff(draw=lambda: 1.0).after(10.0) == 20.0
    assert Backoff(draw=lambda: 1.0).after(0.0) == 1.0
