"""The client's own frames: what is written arrives, once and in order, whatever happens on the way."""

import asyncio
import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from eagateway_sdk import (
    Clock,
    ExecutionReport,
    FrameTooBig,
    GatewayStopped,
    InitRequest,
    JournalFailed,
    StatusHeartbeat,
    StoreInUse,
    SymbolSpec,
    Unsendable,
)
from eagateway_sdk.frames import Cause, ReportStatus
from eagateway_sdk.funds import Funds

from .conftest import MakeClient
from .samples import open_intent, until
from .scripted_gateway import Peer, ScriptedGateway

pytestmark = pytest.mark.asyncio


def tickets(gateway: ScriptedGateway) -> list[int]:
    return [effect["ticket"] for effect in gateway.effects]


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


async def test_hello_comes_first_and_init_request_follows(gateway: ScriptedGateway, make_client: MakeClient) -> None:
    async with make_client() as client:
        await client.wait_status("authenticated")
        await until(lambda: bool(gateway.of_type("InitRequest")))
    kinds = [kind for kind, _, _ in gateway.heard]
    assert kinds[:2] == ["Hello", "InitRequest"]
    hello = gateway.of_type("Hello")[0]
    assert hello["installation_id"]
    assert "ack" not in gateway.heard[0][2]
    assert kinds[-1] == "ShutdownNotice"


async def test_frames_written_before_the_gateway_is_there_are_sent_when_it_comes(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    await gateway.stop()
    async with make_client() as client:
        for ticket in range(1, 6):
            await client.send_intent(open_intent(ticket))
        await asyncio.sleep(0.1)
        await gateway.start()
        async with asyncio.timeout(5):
            await client.wait_drained()
    assert tickets(gateway) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("cut_at", range(1, 9))
@pytest.mark.parametrize("stored_first", [False, True])
async def test_a_connection_cut_at_any_frame_loses_and_doubles_nothing(
    gateway: ScriptedGateway, make_client: MakeClient, cut_at: int, stored_first: bool
) -> None:
    heard = 0

    def cut(at: ScriptedGateway, socket: Peer, frame: dict[str, Any]) -> bool:
        nonlocal heard
        heard += 1
        if heard != cut_at:
            return False
        if stored_first and frame.get("seq") == at.top.get("token-1", 0) + 1:
            at.acks = False  # committed, and the acknowledgement is lost with the connection
            asyncio.get_running_loop().call_soon(restore, at, socket)
            return False
        socket.transport.abort()
        return True

    def restore(at: ScriptedGateway, socket: Peer) -> None:
        socket.transport.abort()
        at.acks = True

    gateway.on_frame = cut
    async with make_client() as client:
        for ticket in range(1, 6):
            await client.send_intent(open_intent(ticket))
        async with asyncio.timeout(5):
            await client.wait_drained()
    assert tickets(gateway) == [1, 2, 3, 4, 5]
    assert [one.seq for one in gateway.stored] == [1, 2, 3, 4, 5]
    assert gateway.sessions == 1


async def test_a_gateway_killed_again_and_again_gets_everything_once(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    async with make_client() as client:

        async def kill() -> None:
            for _ in range(6):
                await asyncio.sleep(0.05)
                await gateway.stop()
                await asyncio.sleep(0.02)
                await gateway.start()

        killing = asyncio.create_task(kill())
        for ticket in range(1, 301):
            await client.send_intent(open_intent(ticket))
            await asyncio.sleep(0.001)
        await killing
        async with asyncio.timeout(10):
            await client.wait_drained()
    assert tickets(gateway) == list(range(1, 301))


async def test_a_restarted_program_resumes_its_session_and_resends(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    gateway.acks = False
    first = make_client()
    await first.start()
    await first.wait_status("authenticated")
    frame_id = await first.send_intent(open_intent(1))
    await until(lambda: bool(gateway.stored))
    await first.abort()
    gateway.stored.clear()
    gateway.top.clear()  # it was in the gateway's memory only
    gateway.acks = True
    async with make_client() as second:
        async with asyncio.timeout(3):
            await second.wait_drained()
    assert gateway.sessions == 1
    assert [(one.id, one.resent) for one in gateway.stored] == [(str(frame_id), True)]


async def test_ages_survive_the_restart_and_are_told_anew(gateway: ScriptedGateway, make_client: MakeClient) -> None:
    await gateway.stop()
    client = make_client(clock=Clock(monotonic=lambda: 1000.0, wall=lambda: 5000.0, boot="b"))
    await client.start()
    await client.send_intent(open_intent(1, age_ms=250))
    await client.abort()
    await gateway.start()
    later = Clock(monotonic=lambda: 1003.0, wall=lambda: 9.0, boot="b")  # the wall clock was set back
    async with make_client(clock=later) as client, asyncio.timeout(3):
        await client.wait_drained()
    assert gateway.effects[0]["age_ms"] == 3250


async def test_after_expiry_a_new_session_gets_old_ids_under_new_numbers(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    async with make_client() as client:
        for ticket in (1, 2):
            await client.send_intent(open_intent(ticket))
        async with asyncio.timeout(3):
            await client.wait_drained()
        gateway.acks = False
        before = len(gateway.stored)
        frame_id = await client.send_intent(open_intent(3))
        await until(lambda: len(gateway.stored) > before)
        gateway.stored.pop()  # it was in the gateway's memory only
        gateway.top["token-1"] -= 1
        gateway.acks = True
        await gateway.sockets[-1].close(4408)
        async with asyncio.timeout(5):
            await client.wait_drained()
    assert gateway.sessions == 2
    last = gateway.stored[-1]
    assert (last.id, last.seq, last.session, last.resent) == (str(frame_id), 1, "token-2", True)


def raising() -> StatusHeartbeat:
    raise RuntimeError("the terminal is gone")


async def later() -> StatusHeartbeat:
    return StatusHeartbeat()


NONSENSE: list[tuple[Any, dict[str, Any]]] = [
    (lambda: None, {}),
    (lambda: {"balance": 1}, {}),
    (later, {}),
    (raising, {}),
    (lambda: StatusHeartbeat(balance=Decimal("NaN"), equity=Decimal(5)), {"equity": "5"}),
    (lambda: StatusHeartbeat(balance=1000.5, equity="5"), {"balance": "1000.5"}),  # type: ignore[arg-type]
    (lambda: StatusHeartbeat(balance=Decimal(10**16), connected="yes"), {}),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("funds", "figures"), NONSENSE)
async def test_figures_that_are_nonsense_are_told_once_and_never_end_the_heartbeats(
    gateway: ScriptedGateway, make_client: MakeClient, caplog: pytest.LogCaptureFixture, funds: Any, figures: Any
) -> None:
    gateway.interval_seconds = 0  # as fast as they come
    gateway.answer_heartbeats = False
    async with make_client(funds=funds) as client:
        await until(lambda: len(gateway.of_type("StatusHeartbeat")) > 5)
        assert client.events["connections"] == 1
    for beat in gateway.of_type("StatusHeartbeat"):
        assert {name: beat[name] for name in ("balance", "equity", "connected") if name in beat} == figures
    assert [record.getMessage().split(":")[0] for record in caplog.records if record.levelname == "ERROR"] == [
        "client.funds_unusable"
    ]


async def test_nonsense_is_told_again_after_figures_that_were_right(caplog: pytest.LogCaptureFixture) -> None:
    answers: list[Any] = [None, None, StatusHeartbeat(balance=Decimal(1)), None]
    funds = Funds(lambda: answers.pop(0))
    assert [funds().balance for _ in range(4)] == [None, None, Decimal(1), None]
    assert caplog.text.count("client.funds_unusable: it returned NoneType, not StatusHeartbeat") == 2


async def test_an_intent_that_would_be_refused_is_not_written(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    spec = SymbolSpec(
        name="EURUSD", digits=5, contract_size=Decimal(100_000), lots_min=Decimal("0.01"), lots_step=Decimal("0.01"),
        lots_max=Decimal(50),
    )  # fmt: skip
    async with make_client(init_request=InitRequest(currency="USD", symbols=[spec])) as client:
        for changes in ({"lots": Decimal("-0.1")}, {"lots": 0.1}, {"symbol": "EURUSD.m"}):
            with pytest.raises(Unsendable, match=next(iter(changes))):
                await client.send_intent(open_intent(1, **changes))
        assert client.unacked == 0
        await client.send_intent(open_intent(2))
        async with asyncio.timeout(3):
            await client.wait_drained()
    assert tickets(gateway) == [2]


async def test_heartbeats_carry_funds_and_test_requests_are_answered_at_once(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    async with make_client(funds=lambda: StatusHeartbeat(balance=Decimal("1E+3"))) as client:
        await client.wait_status("authenticated")
        gateway.heard.clear()
        await gateway.say(gateway.sockets[-1], "TestRequest", {"reply_by": "2026-11-23T04:00:00.000Z"})
        await until(lambda: bool(gateway.of_type("StatusHeartbeat")))
    assert gateway.of_type("StatusHeartbeat")[0]["balance"] == "1000"


@pytest.mark.parametrize("transport", ["socket"])  # an exchange has an answer to every call, or none
async def test_a_half_open_socket_is_left_and_the_session_resumed(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    gateway.interval_seconds, gateway.timeout_seconds = 1, 1
    gateway.answer_heartbeats = False
    async with make_client() as client:
        await client.wait_status("authenticated")
        await until(lambda: gateway.connections >= 2)
    assert gateway.sessions == 1


@pytest.mark.sends_invalid_frames
@pytest.mark.parametrize("transport", ["socket"])
async def test_garbage_from_the_gateway_is_counted_and_nothing_else(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    async with make_client() as client:
        await client.wait_status("authenticated")
        socket = gateway.sockets[-1]
        for text in ("", "[]", "{", '"x"', '{"v":9,"type":"Ack","id":"x"}', "\ud83d", "9" * 70_000, "[" * 20_000):
            await socket.send(text.encode("utf-8", "replace").decode())
        await socket.send(b"\x00\xff")
        await gateway.say(socket, "Nonsense", {})
        await gateway.say(socket, "Ack", {"ack": "many"})
        await gateway.say(socket, "Ack", {"ack": 900})
        await gateway.say(socket, "OrderCommand", {"lots": 1}, seq=1)
        await client.send_intent(open_intent(1))
        async with asyncio.timeout(3):
            await client.wait_drained()
        assert client.events["frames.garbage"] == 12
        assert client.events["frames.unknown_type"] == 1
    assert gateway.connections == 1


async def test_a_drained_gateway_says_so_and_the_client_resumes(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    async with make_client() as client:
        await client.wait_status("authenticated")
        body = {"reason": "service_restart", "reconnect": True}
        await gateway.say(gateway.sockets[-1], "ShutdownNotice", body)
        await until(lambda: bool(gateway.of_type("ShutdownNotice")))
        assert gateway.of_type("ShutdownNotice") == [{"reason": "service_restart", "phase": "ack"}]
        await gateway.sockets[-1].close(4012)
        await until(lambda: gateway.connections >= 2)
    assert gateway.sessions == 1


async def test_too_big_a_frame_is_refused_before_it_is_written(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    async with make_client() as client:
        with pytest.raises(FrameTooBig):
            await client.send_intent(open_intent(1, comment="x" * 20_000))
        with pytest.raises(ValueError, match="finite"):
            await client.send_intent(open_intent(1, lots=Decimal("NaN")))
        assert client.unacked == 0


async def test_125_a_full_disk_is_told_and_nothing_is_lost_afterwards(
    gateway: ScriptedGateway, make_client: MakeClient, tmp_path: Path
) -> None:
    async with make_client() as client:
        await client.send_intent(open_intent(1))
        blocker = sqlite3.connect(tmp_path / "store.sqlite3", isolation_level=None)
        pages = blocker.execute("PRAGMA page_count").fetchone()[0]
        client._context.journal._connection.execute(f"PRAGMA max_page_count = {pages}")
        stored: list[int] = []

        async def fill() -> None:
            for ticket in range(2, 4000):
                await client.send_intent(open_intent(ticket, comment="c" * 64))
                stored.append(ticket)

        with pytest.raises(JournalFailed, match="full"):
            await fill()
        client._context.journal._connection.execute("PRAGMA max_page_count = 1000000")
        await client.send_intent(open_intent(9999))
        async with asyncio.timeout(20):
            await client.wait_drained()
        assert client.events["journal.lost"] >= 1
    assert tickets(gateway) == [1, *stored, 9999]


async def test_account_facts_go_as_reports_without_a_command(gateway: ScriptedGateway, make_client: MakeClient) -> None:
    async with make_client() as client:
        deposit = ExecutionReport(status=ReportStatus.CLOSED, cause=Cause.DEPOSIT_WITHDRAWAL, profit=Decimal("-5"))
        await client.send_report(deposit)
        async with asyncio.timeout(3):
            await client.wait_drained()
    assert gateway.effects[0]["cause"] == "deposit_withdrawal"
    assert "command_id" not in gateway.effects[0]


async def test_a_store_of_another_account_is_refused(gateway: ScriptedGateway, make_client: MakeClient) -> None:
    async with make_client():
        pass
    with pytest.raises(ValueError, match="belongs to the account"):
        await make_client(account_id="Demo:2").start()


async def test_a_stopped_client_says_why_to_those_who_wait(gateway: ScriptedGateway, make_client: MakeClient) -> None:
    async with make_client() as client:
        await client.wait_status("authenticated")
        await gateway.sockets[-1].close(4409)
        with pytest.raises(GatewayStopped, match="4409"):
            await client.wait_status("offline-for-ever")


async def test_a_store_serves_one_client_at_a_time(gateway: ScriptedGateway, make_client: MakeClient) -> None:
    async with make_client():
        with pytest.raises(StoreInUse):
            await make_client().start()
    async with make_client() as later:
        await later.wait_status("authenticated")
