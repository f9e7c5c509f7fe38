"""The terminal's book on request: whole, in one go, in chunks that fit, never taken for another."""

import asyncio
import json
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from eagateway_sdk import BookSnapshot, ExecutionReport, HeldPosition, OrderCommand, Quote, Side
from eagateway_sdk.envelope import MAX_FRAME_BYTES
from eagateway_sdk.frames import SnapshotPhase, SyncSnapshot
from eagateway_sdk.ids import uuid7
from eagateway_sdk.paper import Book, PaperTerminal, SymbolInfo
from eagateway_sdk.snapshots import book_hash, chunks

from .conftest import MakeClient
from .paper_broker import Desktop
from .samples import command, until
from .scripted_gateway import Payload, ScriptedGateway
from .test_commands import drained

pytestmark = pytest.mark.asyncio


def paper() -> PaperTerminal:
    terms = SymbolInfo(
        digits=5, contract_size=Decimal(100000), lots_min=Decimal("0.01"), lots_step=Decimal("0.01"),
        lots_max=Decimal(50),
    )  # fmt: skip
    return PaperTerminal(Book({"EURUSD": terms}, balance=Decimal(1000)))


async def asked(gateway: ScriptedGateway, **request: Any) -> list[Payload]:
    """Ask for a snapshot; all chunks of the report."""
    request_id = str(uuid7())
    fields = {"phase": "request", "request_id": request_id, "reason": "on_request"} | request
    await gateway.say(gateway.sockets[-1], "SyncSnapshot", fields)

    def told() -> list[Payload]:
        return [one for one in gateway.of_type("SyncSnapshot") if one.get("request_id") == request_id]

    await until(lambda: bool(told()) and len(told()) == told()[0].get("of", 1))
    return told()


async def test_the_book_is_told_with_its_positions_orders_and_balance(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    async with make_client(executor=paper()) as client:
        await client.wait_status("authenticated")
        await gateway.order(command(copy_no=1))
        await gateway.order(command("place", 2, order_type="limit", price="1.05000"))
        await drained(client, gateway, 2)
        [report] = await asked(gateway)
    assert report["phase"] == "report"
    assert report["applied_server_seq"] == 2
    assert [(one["lots"], one["magic"] & 0xFFFFFF) for one in report["positions"]] == [("0.10", 1)]
    assert [(one["order_type"], one["price"]) for one in report["working_orders"]] == [("limit", "1.05000")]
    assert (report["balance"], report["hash"] != "") == ("1000", True)


async def test_094_an_unchanged_book_is_told_as_the_same(gateway: ScriptedGateway, make_client: MakeClient) -> None:
    async with make_client(executor=paper()) as client:
        await client.wait_status("authenticated")
        await gateway.order(command())
        await drained(client, gateway, 1)
        [first] = await asked(gateway)
        [second] = await asked(gateway, hash=first["hash"])
        await gateway.order(command(copy_no=2))
        await drained(client, gateway, 2)
        [third] = await asked(gateway, hash=first["hash"])
    assert (second["same"], second.get("positions", []), second["hash"]) == (True, [], first["hash"])
    assert (third.get("same", False), len(third["positions"])) == (False, 2)


async def test_an_unchanged_book_is_told_with_the_market_as_it_is_now(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    class Market(Desktop):
        bid = Decimal("1.1")

        async def snapshot(self) -> BookSnapshot:
            quote = Quote(symbol="EURUSD", bid=self.bid, ask=self.bid)
            return BookSnapshot(balance=Decimal(1), quotes=[quote])

    broker = Market()
    async with make_client(executor=broker) as client:
        await client.wait_status("authenticated")
        [first] = await asked(gateway)
        broker.bid = Decimal("1.2")
        [second] = await asked(gateway, hash=first["hash"])
    assert (second["same"], [quote["bid"] for quote in second["quotes"]]) == (True, ["1.2"])


async def test_a_book_is_never_read_while_a_command_is_executed(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    class Slow(Desktop):
        async def snapshot(self) -> BookSnapshot:
            assert len(self.orders) == len(self.executed)
            return BookSnapshot(balance=Decimal(len(self.orders)))

    broker = Slow(gate=asyncio.Event())
    async with make_client(executor=broker) as client:
        await client.wait_status("authenticated")
        await gateway.order(command())
        await broker.before.wait()
        asking = asyncio.create_task(asked(gateway))
        await asyncio.sleep(0.1)
        assert not gateway.of_type("SyncSnapshot")
        assert broker.gate is not None
        broker.gate.set()
        [report] = await asking
    assert (report["applied_server_seq"], report["balance"]) == (1, "1")


async def test_what_waits_behind_an_order_in_doubt_is_not_applied(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    class Doubtful(Desktop):
        async def search(self, command: OrderCommand) -> ExecutionReport | None:
            return None

        async def snapshot(self) -> BookSnapshot:
            return BookSnapshot(balance=Decimal(1))

    dying = Doubtful(gate=asyncio.Event())
    first = make_client(executor=dying)
    await first.start()
    await first.wait_status("authenticated")
    await gateway.order(command(copy_no=1))
    await dying.before.wait()
    await first.abort()
    from_now = make_client(executor=Doubtful(), timing=None)  # searched for a minute
    async with from_now as second:
        await second.wait_status("authenticated")
        [report] = await asked(gateway)
        assert report.get("applied_server_seq", 0) == 0
        await second.abort()


async def test_090_a_book_that_cannot_be_read_is_not_connected_and_not_empty(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    class Broken(Desktop):
        async def snapshot(self) -> BookSnapshot:
            raise ConnectionError("the broker does not answer")

    for executor in (None, Broken()):
        async with make_client(executor=executor) as client:
            await client.wait_status("authenticated")
            [report] = await asked(gateway)
            assert report["connected"] is False
            assert "balance" not in report


async def test_093_a_large_book_comes_in_chunks_that_fit_in_frames(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    terminal = paper()
    async with make_client(executor=terminal) as client:
        await client.wait_status("authenticated")
        for copy_no in range(1, 401):
            await gateway.order(command(copy_no=copy_no))
        await drained(client, gateway, 400)
        report = await asked(gateway)
    frames = [frame for kind, _, frame in gateway.heard if kind == "SyncSnapshot"]
    assert len(report) > 2
    assert [one.get("n", 1) for one in report] == list(range(1, len(report) + 1))
    assert {one["of"] for one in report} == {len(report)}
    assert len({one["digest"] for one in report}) == 1
    assert max(len(json.dumps(frame, separators=(",", ":"))) for frame in frames) < MAX_FRAME_BYTES
    assert len({line["ticket"] for one in report for line in one["positions"]}) == 400


async def test_differences_are_handed_to_the_application(gateway: ScriptedGateway, make_client: MakeClient) -> None:
    results: list[SyncSnapshot] = []
    async with make_client(executor=paper(), on_differences=results.append) as client:
        await client.wait_status("authenticated")
        difference = {"kind": "missing", "severity": "major", "symbol": "EURUSD", "copy_no": 4}
        body = {"phase": "result", "request_id": str(uuid7()), "differences": [difference]}
        await gateway.say(gateway.sockets[-1], "SyncSnapshot", body)
        await until(lambda: bool(results))
    assert results[0].differences[0].copy_no == 4


async def test_equal_books_have_equal_hashes_in_whatever_order() -> None:
    lines = [HeldPosition(ticket=n, symbol="EURUSD", side=Side.BUY, lots=Decimal("0.1")) for n in (1, 2, 3)]
    book = BookSnapshot(positions=lines, balance=Decimal(5), equity=Decimal(5))
    turned = BookSnapshot(positions=lines[::-1], balance=Decimal(5), equity=Decimal(6))
    assert book_hash(book) == book_hash(turned)
    assert book_hash(book) != book_hash(BookSnapshot(positions=lines[:2], balance=Decimal(5)))


async def test_an_empty_book_is_one_chunk() -> None:
    whole = SyncSnapshot(phase=SnapshotPhase.REPORT, request_id=UUID(int=1))
    assert chunks(whole, []) == [whole]
