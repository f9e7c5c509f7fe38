"""What only an exchange does, and how a client gets from one transport to the other."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from websockets.asyncio.server import ServerConnection

from eagateway_sdk import Backoff, GatewayStopped, Timing
from eagateway_sdk.close_codes import code_of_problem

from .conftest import MakeClient
from .paper_broker import Desktop
from .samples import command, open_intent, until
from .scripted_exchange import PROBLEMS, ExchangePeer
from .scripted_gateway import Peer, ScriptedGateway
from .test_commands import drained

pytestmark = pytest.mark.asyncio
over_exchange = pytest.mark.parametrize("transport", ["exchange"])
automatic = pytest.mark.parametrize("transport", ["auto"])
QUICK = Timing(hello_patience=1.0, socket_retry=0.1, search_window=0.0)


def peer_of(gateway: ScriptedGateway) -> ExchangePeer:
    [peer] = gateway.peers.values()
    return peer


@over_exchange
async def test_a_frame_does_not_wait_for_the_call_that_is_held(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    gateway.interval_seconds = 60  # a call is held for half a minute
    async with make_client() as client:
        await client.wait_status("authenticated")
        await until(lambda: peer_of(gateway).calls >= 2)
        await client.send_intent(open_intent(1))
        async with asyncio.timeout(1):
            await client.wait_drained()
    assert peer_of(gateway).superseded >= 1


@over_exchange
async def test_many_waiting_frames_travel_in_few_calls_and_in_order(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    await gateway.stop()
    async with make_client() as client:
        for ticket in range(1, 501):
            await client.send_intent(open_intent(ticket, comment="x" * 60))
        await gateway.start()
        async with asyncio.timeout(10):
            await client.wait_drained()
    assert [effect["ticket"] for effect in gateway.effects] == list(range(1, 501))
    assert peer_of(gateway).calls < 40


@over_exchange
@pytest.mark.parametrize("code", [4408, 4410])
async def test_what_a_problem_says_is_heard_before_it_ends_the_link(
    gateway: ScriptedGateway, make_client: MakeClient, code: int
) -> None:
    broker = Desktop()
    async with make_client(executor=broker) as client:
        await client.wait_status("authenticated")
        gateway.log.append(("0198f000-0000-7000-8000-00000000000a", "OrderCommand", command()))
        peer = peer_of(gateway)
        peer.code = code
        await gateway.send_command(peer, 1)
        await until(lambda: bool(broker.orders))
        await until(lambda: gateway.sessions == 2)
    assert len(broker.orders) == 1


async def test_every_problem_of_the_table_stands_for_its_close_code() -> None:
    assert {code: code_of_problem(name, status) for code, (status, name) in PROBLEMS.items()} == {
        code: code for code in PROBLEMS
    }
    assert [code_of_problem("a new one", status) for status in (401, 403, 418, 429)] == [4401, 4403, 4418, 4429]


async def test_a_refusal_without_a_code_is_a_page_of_something_between_and_ends_no_session() -> None:
    answers = {401: 1006, 403: 1006, 404: 1006, 409: 1006, 429: 4429, 500: 1006, 503: 4013}
    assert {status: code_of_problem("", status) for status in answers} == answers


@over_exchange
async def test_a_second_client_of_the_session_turns_the_first_away(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    async with make_client() as client:
        await client.wait_status("authenticated")
        await peer_of(gateway).close(4411)
        with pytest.raises(GatewayStopped, match="4411"):
            await client.wait_status("never")


@over_exchange
async def test_an_exchange_that_is_not_there_is_tried_with_one_new_session(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    gateway.exchange_offered = False
    async with make_client() as client:
        with pytest.raises(GatewayStopped, match="4404"):
            await client.wait_status("authenticated")
    assert gateway.sessions == 2


@automatic
async def test_auto_takes_the_socket_when_it_can(gateway: ScriptedGateway, make_client: MakeClient) -> None:
    async with make_client() as client:
        await client.wait_status("authenticated")
        assert client.events["connections.socket"] == 1
    assert not gateway.peers


@automatic
async def test_auto_falls_back_to_the_exchange_and_returns_to_the_socket(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    gateway.refuse_handshake_with = 502
    broker = Desktop()
    async with make_client(timing=QUICK, executor=broker) as client:
        await client.wait_status("authenticated")
        await gateway.order(command(copy_no=1))
        await drained(client, gateway, 1)
        assert client.events["connections.exchange"] == 1
        gateway.refuse_handshake_with = None
        await until(lambda: client.events["connections.socket"] == 1)
        await client.wait_status("authenticated")
        await gateway.order(command(copy_no=2))
        await drained(client, gateway, 2)
        assert isinstance(gateway.sockets[-1], ServerConnection)
    assert [one.copy_no for one in broker.executed] == [1, 2]
    assert gateway.sessions == 1


@automatic
async def test_alternating_transports_lose_and_double_nothing(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    broker = Desktop()
    async with make_client(timing=QUICK, executor=broker, backoff=Backoff(first=0.01, longest=0.02)) as client:
        for number in range(1, 41):
            if number % 10 == 0:
                gateway.refuse_handshake_with = None if gateway.refuse_handshake_with else 503
                gateway.cut()
            await client.send_intent(open_intent(number))
            await gateway.order(command(copy_no=number))
            await asyncio.sleep(0.02)
        await drained(client, gateway, 40)
    assert [one.copy_no for one in broker.executed] == list(range(1, 41))
    intents = [effect["ticket"] for effect in gateway.effects if "position_id" in effect]
    assert intents == list(range(1, 41))
    assert gateway.kinds == {ExchangePeer, ServerConnection}


@over_exchange
async def test_a_call_carries_the_session_token_and_only_whole_frames(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    seen: list[dict[str, Any]] = []

    def look(at: ScriptedGateway, peer: Peer, frame: dict[str, Any]) -> bool:
        seen.append(frame)
        return False

    gateway.on_frame = look
    async with make_client() as client:
        await client.send_intent(open_intent(1))
        async with asyncio.timeout(3):
            await client.wait_drained()
    assert set(gateway.peers) == {"token-1"}
    assert {"v", "type", "id", "payload", "sent_at"} <= set(seen[0])
    assert all(len(json.dumps(frame)) < 16384 for frame in seen)


@over_exchange
async def test_a_late_call_of_a_lost_link_does_not_stop_the_client(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    async with make_client() as client:
        await client.wait_status("authenticated")
        gateway.cut()
        await until(lambda: gateway.connections >= 2)
        await client.wait_status("authenticated")
        await until(lambda: peer_of(gateway).calls >= 2)
        async with httpx.AsyncClient() as late:
            url = f"{gateway.base_url}/ea-gateway/v1/sessions/1/exchange"
            body: dict[str, Any] = {"frames": [], "ack": None, "hold_ms": 0}
            await late.post(url, json=body, headers={"Authorization": "Bearer token-1"})
        await client.send_intent(open_intent(1))
        async with asyncio.timeout(3):
            await client.wait_drained()
        assert client.failure is None
    assert gateway.sessions == 1
