"""The three ways to prove who one is, and what happens when one of them grows old."""

import base64
from pathlib import Path

import pytest

from eagateway_sdk import BearerToken, ClientCredentials, Clock, GatewayStopped, SessionKey
from eagateway_sdk.rest import GatewayRefused

from .conftest import MakeClient
from .scripted_gateway import Payload, ScriptedGateway

pytestmark = pytest.mark.asyncio
REFUSED: tuple[int, Payload, dict[str, str]] = (401, {"code": "token_invalid", "title": "no"}, {})


async def test_a_session_key_goes_out_as_it_ever_did(gateway: ScriptedGateway, make_client: MakeClient) -> None:
    async with make_client(auth=SessionKey("s" * 43)) as client:
        await client.wait_status("authenticated")
    [post] = gateway.posts
    assert (post["auth_method"], post["auth_key"]) == ("account_session_key", "s" * 43)


async def test_a_bearer_token_is_asked_for_at_every_session(gateway: ScriptedGateway, make_client: MakeClient) -> None:
    tokens = iter(["first", "second"])

    async def provide() -> str:
        return next(tokens)

    async with make_client(auth=BearerToken(provide)) as client:
        await client.wait_status("authenticated")
        await gateway.sockets[-1].close(4408)
        await client.wait_status("offline")
        await client.wait_status("authenticated")
    assert [(post["auth_method"], post["token"]) for post in gateway.posts] == [
        ("bearer_token", "first"), ("bearer_token", "second"),
    ]  # fmt: skip
    assert "auth_key" not in gateway.posts[0]


async def test_an_access_token_is_fetched_by_form_and_kept(gateway: ScriptedGateway, make_client: MakeClient) -> None:
    gateway.token_answers = [(200, {"access_token": "a1", "token_type": "Bearer", "expires_in": 600})]
    async with make_client(auth=ClientCredentials("terminal-7", "s3cret", scope="trade")) as client:
        await client.wait_status("authenticated")
        await gateway.sockets[-1].close(4408)
        await client.wait_status("offline")
        await client.wait_status("authenticated")
    assert [post["access_token"] for post in gateway.posts] == ["a1", "a1"]
    [(form, basic)] = gateway.token_forms
    assert form == "grant_type=client_credentials&scope=trade"
    assert basic == "Basic " + base64.b64encode(b"terminal-7:s3cret").decode()


async def test_an_access_token_near_its_end_is_fetched_anew(gateway: ScriptedGateway) -> None:
    gateway.token_answers = [(200, {"access_token": "a1", "expires_in": 100}), (200, {"access_token": "a2"})]
    now = [0.0]
    clock, credentials = Clock(monotonic=lambda: now[0]), ClientCredentials("c", "s")

    async def token() -> str:
        return (await credentials.material(base_url=gateway.base_url, clock=clock, http=None))["access_token"]

    assert await token() == "a1"
    now[0] = 69.0
    assert await token() == "a1"
    now[0] = 71.0
    assert await token() == "a2"


async def test_a_withdrawn_access_token_is_renewed_once_and_then_the_client_stops(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    gateway.token_answers = [(200, {"access_token": "a1"}), (200, {"access_token": "a2"})]
    gateway.post_answers = [REFUSED]
    async with make_client(auth=ClientCredentials("c", "s")) as client:
        await client.wait_status("authenticated")
    assert [post["access_token"] for post in gateway.posts] == ["a1", "a2"]
    keys = [post["idempotency_key"] for post in gateway.posts]
    assert len(set(keys)) == 2  # another body is another request
    gateway.post_answers = [REFUSED, REFUSED]
    async with make_client(auth=ClientCredentials("c", "other")) as client:
        with pytest.raises(GatewayStopped, match="token_invalid"):
            await client.wait_status("authenticated")


async def test_a_wrong_secret_stops_the_client(gateway: ScriptedGateway, make_client: MakeClient) -> None:
    gateway.token_answers = [(401, {"error": "invalid_client", "error_description": "no"})]
    async with make_client(auth=ClientCredentials("c", "wrong")) as client:
        with pytest.raises(GatewayStopped, match="invalid_client"):
            await client.wait_status("authenticated")
    assert gateway.sessions == 0


async def test_a_token_endpoint_that_fails_is_asked_again(gateway: ScriptedGateway, make_client: MakeClient) -> None:
    gateway.token_answers = [(500, {}), (503, {}), (200, {"access_token": "a1"})]
    async with make_client(auth=ClientCredentials("c", "s")) as client:
        await client.wait_status("authenticated")


async def test_a_refused_bearer_token_is_not_tried_again(gateway: ScriptedGateway, make_client: MakeClient) -> None:
    gateway.post_answers = [REFUSED]
    async with make_client(auth=BearerToken(lambda: "old")) as client:
        with pytest.raises(GatewayStopped, match="token_invalid"):
            await client.wait_status("authenticated")
    assert len(gateway.posts) == 1


async def test_an_answer_without_a_token_is_a_refusal(gateway: ScriptedGateway) -> None:
    gateway.token_answers = [(200, {"hello": "there"})]
    with pytest.raises(GatewayRefused, match="token_refused"):
        await ClientCredentials("c", "s").material(base_url=gateway.base_url, clock=Clock(), http=None)


async def test_one_credential_and_only_one(make_client: MakeClient, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="either"):
        make_client(auth=None)
    with pytest.raises(ValueError, match="either"):
        make_client(auth=SessionKey("s" * 43), auth_key="k" * 43)


async def test_the_code_of_a_key_is_what_its_owner_tells_whoever_approves_it(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    """As `printf %s "$KEY" | sha256sum` begins."""
    assert make_client(auth=SessionKey("abc")).key_code == "ba78 16bf"
    assert make_client(auth=BearerToken(lambda: "a token")).key_code == ""
