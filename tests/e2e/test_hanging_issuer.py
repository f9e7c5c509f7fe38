"""An issuer that never answers does not keep a gateway from ending."""

import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.gateway import Gateway

pytestmark = pytest.mark.lane("embedded")
BOUND_SECONDS = 5


@pytest.fixture
def silent_issuer() -> Iterator[socket.socket]:
    """It takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@pytest.mark.parametrize("server", ["daphne", "uvicorn"])
def test_a_gateway_ends_while_its_issuer_hangs(tmp_path: Path, silent_issuer: socket.socket, server: str) -> None:
    port = silent_issuer.getsockname()[1]
    gateway = Gateway(
        tmp_path,
        server=server,
        AUTH_METHODS="account_session_key,oauth_client_credentials",
        OAUTH_INTROSPECTION_URL=f"http://127.0.0.1:{port}/introspect",
        OAUTH_INTROSPECTION_CLIENT_ID="us",
        OAUTH_INTROSPECTION_CLIENT_SECRET="ours",
        OAUTH_INTROSPECTION_TIMEOUT_SECONDS="30",
    ).start()
    cast = gateway.provision({})
    body = {"account_id": cast.names[0], "auth_method": "oauth_client_credentials", "access_token": "x" * 43}

    def ask() -> None:
        try:
            httpx.post(f"{gateway.url}/ea-gateway/v1/sessions", json={**body, "platform": "sdk"}, timeout=60)
        except httpx.HTTPError:
            return  # the gateway has gone, as it should

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    silent_issuer.settimeout(15)
    asked, _ = silent_issuer.accept()
    began = time.monotonic()
    try:
        assert gateway.end() == 0
        assert time.monotonic() - began < BOUND_SECONDS
    finally:
        gateway.end(signal.SIGKILL)
        asked.close()
