"""Fixtures: a gateway, a client on it, and commands to give."""

from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from eagateway_sdk import Backoff, GatewayClient, InitRequest, Timing

from .scripted_gateway import ScriptedGateway

MakeClient = Callable[..., GatewayClient]


@pytest_asyncio.fixture
async def gateway() -> AsyncIterator[ScriptedGateway]:
    async with ScriptedGateway() as running:
        yield running


@pytest.fixture(params=["socket", "exchange"])
def transport(request: pytest.FixtureRequest) -> str:
    """Everything that a client does, it does over both."""
    return str(request.param)


@pytest.fixture
def make_client(gateway: ScriptedGateway, tmp_path: Path, transport: str) -> MakeClient:
    """A client of the scripted gateway with short pauses; the same store every time."""

    def make(**changes: Any) -> GatewayClient:
        settings: dict[str, Any] = {
            "base_url": gateway.base_url,
            "account_id": "Demo:1001",
            "auth_key": None if "auth" in changes else "k" * 43,
            "transport": transport,
            "store": tmp_path / "store.sqlite3",
            "init_request": InitRequest(currency="USD"),
            "durability": "process",
            "backoff": Backoff(first=0.01, longest=0.05, penalty=0.02),
            "timing": Timing(retry_pause=0.1, resend_patience=0.3, search_window=0.0, search_pause=0.01),
        }
        return GatewayClient(**(settings | changes))

    return make


@pytest.fixture
def lots() -> Decimal:
    return Decimal("0.10")
