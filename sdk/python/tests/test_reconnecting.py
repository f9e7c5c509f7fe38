"""What the client does at each way of being turned away."""

import asyncio

import pytest

from eagateway_sdk import Backoff, GatewayStopped
from eagateway_sdk.close_codes import AFTER, Next, after

from .conftest import MakeClient
from .samples import until
from .scripted_gateway import ScriptedGateway


@pytest.mark.asyncio
@pytest.mark.parametrize("code", [1000, 1009, 1011, 4012, 4013, 4429, 4099, 3000])
async def test_these_closings_resume_the_same_session(
    gateway: ScriptedGateway, make_client: MakeClient, code: int
) -> None:
    async with make_client() as client:
        await client.wait_status("authenticated")
        await gateway.sockets[-1].close(code)
        await until(lambda: gateway.connections >= 2)
        await client.wait_status("authenticated")
    assert gateway.sessions == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("code", [4400, 4401, 4408, 4410, 4499])
async def test_these_closings_open_a_new_session(gateway: ScriptedGateway, make_client: MakeClient, code: int) -> None:
    async with make_client() as client:
        await client.wait_status("authenticated")
        await gateway.sockets[-1].close(code)
        await until(lambda: gateway.connections >= 2)
        await client.wait_status("authenticated")
    assert gateway.sessions == 2


@pytest.mark.asyncio
@pytest.mark.parametrize("code", [4403, 4406, 4409, 4411])
async def test_71_these_closings_stop_the_client(gateway: ScriptedGateway, make_client: MakeClient, code: int) -> None:
    stopped: list[GatewayStopped] = []
    async with make_client(on_stop=stopped.append) as client:
        await client.wait_status("authenticated")
        await gateway.sockets[-1].close(code)
        with pytest.raises(GatewayStopped):
            await client.wait_status("never")
        await asyncio.sleep(0.15)
        assert client.status == "stopped"
        assert [failure.code for failure in stopped] == [code]
    assert gateway.connections == 1


@pytest.mark.asyncio
@pytest.mark.parametrize(("code", "rounds"), [(4400, 4), (4499, 2)])
async def test_the_same_refusal_again_and_again_ends_in_a_stop(
    gateway: ScriptedGateway, make_client: MakeClient, code: int, rounds: int
) -> None:
    async with make_client(backoff=Backoff(first=0.01, longest=5.0, penalty=0.01)) as client:

        async def turn_away() -> None:
            while True:
                await client.wait_status("authenticated")
                await gateway.sockets[-1].close(code)
                await client.wait_status("offline")

        with pytest.raises(GatewayStopped):
            await asyncio.wait_for(turn_away(), 5)
    assert gateway.connections == rounds


@pytest.mark.asyncio
async def test_a_refused_key_stops_with_the_code_of_the_problem(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    gateway.post_answers = [(403, {"code": "key_not_enrolled", "title": "no"}, {})]
    async with make_client() as client:
        with pytest.raises(GatewayStopped, match="key_not_enrolled"):
            await client.wait_status("authenticated")


@pytest.mark.asyncio
async def test_a_busy_gateway_is_asked_again_with_the_same_idempotency_key(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    gateway.post_answers = [(503, {"code": "try_later"}, {"Retry-After": "0"}), (429, {"code": "throttled"}, {}),
                            (502, {}, {})]  # fmt: skip
    async with make_client() as client, asyncio.timeout(3):
        await client.wait_status("authenticated")
    keys = [post["idempotency_key"] for post in gateway.posts]
    assert len(keys) == 4
    assert len(set(keys)) == 1


@pytest.mark.asyncio
async def test_a_session_that_ended_meanwhile_is_told_and_replaced(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    async with make_client() as client:
        await client.wait_status("authenticated")
        body = {"status": "closed", "reason": "heartbeat_timeout"}
        await gateway.say(gateway.sockets[-1], "SessionState", body)
        await asyncio.sleep(0.02)
        gateway.cut()  # the close code is lost: what was said before it counts
        await until(lambda: gateway.sessions >= 2)


@pytest.mark.asyncio
async def test_a_rejected_session_stops_even_if_the_close_code_is_lost(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    async with make_client() as client:
        await client.wait_status("authenticated")
        await gateway.say(gateway.sockets[-1], "SessionState", {"status": "rejected", "reason": "key_rejected"})
        await asyncio.sleep(0.02)
        gateway.cut()
        with pytest.raises(GatewayStopped, match="4403"):
            await client.wait_status("authenticated-again")


def test_every_code_of_the_protocol_stands_in_the_table() -> None:
    assert set(AFTER) >= {4400, 4401, 4403, 4406, 4408, 4409, 4410, 4411, 4012, 4013, 4429, 1000, 1006, 1009, 1011}
    assert after(4000) is Next.RESUME
    assert after(4450) is Next.RENEW_ONCE


def test_the_back_off_doubles_up_to_its_bound_with_full_jitter() -> None:
    backoff = Backoff(draw=lambda: 0.999)
    assert [round(backoff.delay(attempt)) for attempt in (0, 1, 2, 5, 6, 400)] == [1, 2, 4, 32, 60, 60]
    assert Backoff(draw=lambda: 0.0).delay(9) == 0.0
