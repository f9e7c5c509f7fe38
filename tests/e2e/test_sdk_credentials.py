"""The SDK as an OAuth client of a real gateway: it fetches its token, opens its session, and stops when refused."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from eagateway_sdk import ClientCredentials, GatewayClient, GatewayStopped, InitRequest

from tests.e2e.gateway import Cast, Gateway

SECONDS: Final = 30


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    methods = "account_session_key,oauth_client_credentials"
    gateway = Gateway(tmp_path, AUTH_METHODS=methods, HEARTBEAT_TIMEOUT_SECONDS="60").start()
    yield gateway
    gateway.end()


def registered(cast: Cast) -> str:
    """Register a client for the cast's master; its secret."""
    done = cast.gateway.manage("oauth_client", "signals", "--tenant", cast.tenant, "--account", cast.names[0])
    assert done.returncode == 0, done.stderr
    secret: str = json.loads(done.stdout)["client_secret"]
    return secret


async def test_an_oauth_client_opens_its_session_and_no_other(gateway: Gateway, tmp_path: Path) -> None:
    cast = gateway.provision()
    secret = registered(cast)

    def client(number: int, credentials: ClientCredentials) -> GatewayClient:
        return GatewayClient(
            base_url=gateway.url,
            account_id=cast.names[number],
            auth=credentials,
            store=tmp_path / f"{number}.sqlite3",
            init_request=InitRequest(currency="USD"),
            transport="exchange",
        )

    async with asyncio.timeout(SECONDS):
        async with client(0, ClientCredentials("signals", secret)) as served:
            await served.wait_status("authenticated")
        async with client(1, ClientCredentials("signals", secret)) as stranger:
            with pytest.raises(GatewayStopped, match="account_not_granted"):
                await stranger.wait_status("authenticated")
        async with client(2, ClientCredentials("signals", "wrong")) as liar:
            with pytest.raises(GatewayStopped, match="invalid_client"):
                await liar.wait_status("authenticated")
