"""Long lists over real servers: thousands of symbols in, hundreds of subscriptions out."""

import asyncio
import json
from decimal import Decimal
from pathlib import Path

import pytest
from eagateway_sdk import GatewayClient, InitRequest, SymbolSpec
from eagateway_sdk.frames import InitAck

from tests.e2e.gateway import Gateway

pytestmark = pytest.mark.usefixtures("sockets")
SECONDS = 30


def listed(count: int) -> list[SymbolSpec]:
    """Symbols with every field."""
    step, tick = Decimal("0.01"), Decimal("0.00001")
    return [
        SymbolSpec(
            name=f"SYMBOL{number:04}.ecn",
            digits=5,
            contract_size=Decimal(100_000),
            lots_min=step,
            lots_step=step,
            lots_max=Decimal(500),
            point=tick,
            tick_size=tick,
            tick_value=Decimal("0.91345"),
            stop_level=20,
            freeze_level=10,
            trade_mode="full",
            quote_currency="USD",
        )
        for number in range(count)
    ]


@pytest.mark.parametrize("transport", ["socket", "exchange"])
async def test_two_thousand_symbols_are_told_and_answered(gateway: Gateway, tmp_path: Path, transport: str) -> None:
    cast = gateway.provision({})
    answered: asyncio.Queue[InitAck] = asyncio.Queue()
    client = GatewayClient(
        base_url=gateway.url,
        account_id=cast.names[1],
        auth_key=cast.keys[cast.names[1]],
        store=tmp_path / "store.sqlite3",
        init_request=InitRequest(currency="USD", symbols=listed(2000)),
        transport=transport,  # type: ignore[arg-type]
        on_init=answered.put_nowait,
    )
    async with client, asyncio.timeout(SECONDS):
        ack = await answered.get()
        refusals = client.events["heard.ErrorAlert"]
    assert "init_parts" in ack.capabilities
    assert refusals == 0


async def test_a_master_of_260_subscriptions_hears_its_init_ack(gateway: Gateway) -> None:
    cast = gateway.provision({})
    names = [f"{number:03}{'s' * 57}" for number in range(260)]
    strategies = [
        {"name": name, "master": cast.names[0], "subscriptions": [{"follower": cast.names[1]}]} for name in names
    ]
    document = {"tenants": [{"name": cast.tenant, "strategies": strategies}]}
    done = await asyncio.to_thread(gateway.manage, "provision", "-", text=json.dumps(document))
    assert done.returncode == 0, done.stderr
    # Another strategy and another follower are there as well.
    for number, role, total in ((0, "master", 262), (1, "follower", 261)):
        ea = await cast.ea(number)
        ack = next(frame for frame in ea.seen if frame["type"] == "InitAck")["payload"]
        assert (ack["role"], ack["subscriptions_total"]) == (role, total)
        assert [one["strategy"] for one in ack["subscriptions"]][:60] == names[:60]
