"""InitRequest as the library sends it: complete, and in parts that fit when the broker lists thousands of symbols."""

import asyncio
import json
from decimal import Decimal
from typing import Any

import pytest

from eagateway_sdk import GatewayClient, InitRequest, StatusHeartbeat, SymbolSpec
from eagateway_sdk.envelope import MAX_FRAME_BYTES, payload_json
from eagateway_sdk.introductions import MAX_SYMBOLS, PARTS_PER_SECOND, parts
from eagateway_sdk.paper import Book, PaperTerminal

from .conftest import MakeClient
from .recordings import account
from .samples import until
from .scripted_gateway import Peer, ScriptedGateway

pytestmark = pytest.mark.asyncio


def symbols(count: int, *, padding: str = "") -> list[SymbolSpec]:
    return [
        SymbolSpec(
            name=f"S{number:04}{padding}", digits=5, contract_size=Decimal(100000), lots_min=Decimal("0.01"),
            lots_step=Decimal("0.01"), lots_max=Decimal(500), point=Decimal("0.00001"), tick_size=Decimal("0.00001"),
            tick_value=Decimal("0.91345"), stop_level=20, freeze_level=10, trade_mode="full", quote_currency="USD",
        )
        for number in range(count)
    ]  # fmt: skip


def names(frames: list[InitRequest]) -> list[str]:
    return [symbol.name for frame in frames for symbol in frame.symbols]


@pytest.mark.parametrize("padding", ["", "x" * 59, "\u2603" * 59])
async def test_parts_hold_every_symbol_in_order_and_fit(padding: str) -> None:
    listed = symbols(MAX_SYMBOLS, padding=padding)
    told = parts(InitRequest(currency="USD", symbols=listed), funds=StatusHeartbeat(), transport="socket")
    assert names(told) == [symbol.name for symbol in listed]
    assert [part.n for part in told] == list(range(1, len(told) + 1))
    assert {(part.of, part.digest, part.currency) for part in told} == {(len(told), told[0].digest, "USD")}
    assert all(len(payload_json(part)) < MAX_FRAME_BYTES - 512 for part in told)


async def test_a_short_list_is_one_frame_as_ever() -> None:
    [told] = parts(InitRequest(currency="USD", symbols=symbols(3)), funds=StatusHeartbeat(), transport="socket")
    assert (told.n, told.of, told.digest, len(told.symbols)) == (1, 1, None, 3)


async def test_every_set_has_a_digest_of_its_own() -> None:
    request = InitRequest(currency="USD", symbols=symbols(200))
    digests = [parts(request, funds=StatusHeartbeat(), transport="socket")[0].digest for _ in range(2)]
    assert digests[0] != digests[1]


async def test_what_the_library_and_the_terminal_know_is_in_it(
    gateway: ScriptedGateway, make_client: MakeClient, transport: str
) -> None:
    funds = StatusHeartbeat(balance=Decimal(1000), equity=Decimal(1100), free_margin=Decimal(900))
    async with make_client(funds=lambda: funds, ea_version="7.1") as client:
        await client.wait_status("authenticated")
        await until(lambda: bool(gateway.of_type("InitRequest")))
    [told] = gateway.of_type("InitRequest")
    assert (told["balance"], told["equity"], told["free_margin"]) == ("1000", "1100", "900")
    assert (told["ea_version"], told["transport"]) == ("7.1", transport)
    assert "init_parts" in told["capabilities"]


@pytest.mark.parametrize("knows", [True, False])
async def test_only_a_terminal_that_takes_tickets_says_so(
    gateway: ScriptedGateway, make_client: MakeClient, knows: bool
) -> None:
    executor = PaperTerminal(Book.for_account(account()))
    executor.takes_tickets = knows
    async with make_client(executor=executor) as client:
        await client.wait_status("authenticated")
        await until(lambda: bool(gateway.of_type("InitRequest")))
    assert ("ticket" in gateway.of_type("InitRequest")[0]["capabilities"]) is knows


async def test_what_the_application_says_wins() -> None:
    request = InitRequest(currency="USD", balance=Decimal(5))
    [told] = parts(request, funds=StatusHeartbeat(balance=Decimal(9), equity=Decimal(9)), transport="socket")
    assert (told.balance, told.equity) == (Decimal(5), None)


async def test_more_symbols_than_are_taken_are_refused_before_anything_is_sent(make_client: MakeClient) -> None:
    with pytest.raises(ValueError, match="2001 symbols"):
        make_client(init_request=InitRequest(currency="USD", symbols=symbols(MAX_SYMBOLS + 1)))


def introduced(gateway: ScriptedGateway) -> list[dict[str, Any]]:
    return gateway.of_type("InitRequest")


async def test_a_long_list_goes_out_in_order_and_not_faster_than_the_gateway_takes_it(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    client: GatewayClient = make_client(init_request=InitRequest(currency="USD", symbols=symbols(1000)))
    began = asyncio.get_running_loop().time()  # before the first part is sent, however late the gateway reads it
    async with client:
        await until(lambda: bool(introduced(gateway)))
        of = introduced(gateway)[0]["of"]
        await until(lambda: len(introduced(gateway)) == of)
        took = asyncio.get_running_loop().time() - began
    assert [part.get("n", 1) for part in introduced(gateway)] == list(range(1, of + 1))
    assert of > PARTS_PER_SECOND
    assert took > (of - 1) // PARTS_PER_SECOND - 0.1


async def test_a_set_that_was_discarded_is_told_again_until_it_is_answered(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    refused: list[str] = []

    def discard_first(peer_of: ScriptedGateway, peer: Peer, frame: dict[str, Any]) -> bool:
        if frame["type"] != "InitRequest" or refused:
            return False
        refused.append(frame["id"])
        alert = {"code": "parts_incomplete", "retryable": True, "ref": frame["id"],
                 "retry": {"policy": "same_frame_after", "after_seconds": 1}}  # fmt: skip
        task = asyncio.ensure_future(peer_of.say(peer, "ErrorAlert", alert))
        tasks.append(task)
        return True

    tasks: list[asyncio.Future[None]] = []
    gateway.on_frame, gateway.interval_seconds = discard_first, 1
    async with make_client() as client:
        await until(lambda: len(introduced(gateway)) >= 2)
        await until(lambda: client.events["heard.InitAck"] >= 1)


async def test_json_of_a_part_is_what_the_schema_says() -> None:
    told = parts(InitRequest(currency="USD", symbols=symbols(200)), funds=StatusHeartbeat(), transport="exchange")
    first = json.loads(payload_json(told[0]))
    assert {"n", "of", "digest"} - first.keys() == {"n"}  # 1 is its default
    assert json.loads(payload_json(told[1]))["n"] == 2
