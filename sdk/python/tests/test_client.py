"""The client against a gateway: what is written arrives, once, whatever happens on the way."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from eagateway_sdk import GatewayStopped

from .conftest import MakeClient
from .samples import open_intent
from .scripted_gateway import ScriptedGateway

pytestmark = pytest.mark.asyncio


async def test_an_intent_arrives_and_leaves_the_outbox(gateway: ScriptedGateway, make_client: MakeClient) -> None:
    async with make_client() as client:
        frame_id = await client.send_intent(open_intent(7, age_ms=20))
        async with asyncio.timeout(3):
            await client.wait_drained()
        assert client.status == "authenticated"
    [stored] = gateway.stored
    assert (stored.id, stored.seq, stored.type) == (str(frame_id), 1, "OrderIntent")
    assert stored.payload["lots"] == "0.10"
    assert stored.payload["age_ms"] >= 20
