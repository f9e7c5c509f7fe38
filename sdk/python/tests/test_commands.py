"""Commands: written before they are acknowledged, executed in order, never twice, whatever dies in between."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from eagateway_sdk import Timing

from .conftest import MakeClient
from .paper_broker import Desktop
from .samples import command, until
from .scripted_gateway import Peer, ScriptedGateway

pytestmark = pytest.mark.asyncio


def states(store: Path) -> list[tuple[int, str]]:
    """What another process reads: committed rows only."""
    with sqlite3.connect(store) as connection:
        return list(connection.execute("SELECT seq, state FROM ledger ORDER BY seq"))


async def drained(client: Any, gateway: ScriptedGateway, top: int) -> None:
    await until(lambda: gateway.acked >= top and not client.unacked and not client.unfinished_commands)


async def test_a_command_is_executed_reported_and_acknowledged(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    broker = Desktop()
    async with make_client(executor=broker) as client:
        await client.wait_status("authenticated")
        order = command()
        await gateway.order(order)
        await drained(client, gateway, 1)
    assert broker.orders == [order["magic"]]
    [report] = gateway.effects
    assert report["command_id"] == order["command_id"]
    assert (report["command_seq"], report["copy_no"], report["status"]) == (1, 1, "filled")
    assert report["side"] == order["side"]


async def test_commands_run_strictly_in_order(gateway: ScriptedGateway, make_client: MakeClient) -> None:
    broker = Desktop()
    async with make_client(executor=broker) as client:
        await client.wait_status("authenticated")
        for copy_no in range(1, 301):
            await gateway.order(command(copy_no=copy_no))
        await drained(client, gateway, 300)
    assert [one.copy_no for one in broker.executed] == list(range(1, 301))
    assert [effect["copy_no"] for effect in gateway.effects] == list(range(1, 301))


async def test_no_acknowledgement_before_the_command_is_written(
    gateway: ScriptedGateway, make_client: MakeClient, tmp_path: Path
) -> None:
    seen: list[tuple[int, list[tuple[int, str]]]] = []

    def look(at: ScriptedGateway, socket: Peer, frame: dict[str, Any]) -> bool:
        if frame.get("ack"):
            seen.append((frame["ack"], states(tmp_path / "store.sqlite3")))
        return False

    gateway.on_frame = look
    async with make_client(executor=Desktop(), durability="full") as client:
        await client.wait_status("authenticated")
        for copy_no in range(1, 21):
            await gateway.order(command(copy_no=copy_no))
            await asyncio.sleep(0.005)
        await drained(client, gateway, 20)
    assert seen
    for ack, rows in seen:
        assert [seq for seq, _ in rows][:ack] == list(range(1, ack + 1))


async def test_acknowledgements_come_within_a_tenth_of_a_second(
    gateway: ScriptedGateway, make_client: MakeClient, transport: str
) -> None:
    async with make_client() as client:  # no executor: nothing else carries the ack
        await client.wait_status("authenticated")
        await gateway.order(command())
        await until(lambda: gateway.acked == 1)
        assert len(gateway.of_type("Ack")) == (transport == "socket")  # an exchange's calls carry it themselves


async def test_the_sending_is_written_before_the_executor_is_called(
    gateway: ScriptedGateway, make_client: MakeClient, tmp_path: Path
) -> None:
    broker = Desktop(gate=asyncio.Event())
    async with make_client(executor=broker) as client:
        await client.wait_status("authenticated")
        await gateway.order(command())
        await broker.before.wait()
        assert states(tmp_path / "store.sqlite3") == [(1, "S")]
        assert broker.gate is not None
        broker.gate.set()
        await drained(client, gateway, 1)
    assert states(tmp_path / "store.sqlite3") == [(1, "D")]


async def test_124_killed_when_received_the_command_is_executed_after_the_restart(
    gateway: ScriptedGateway, make_client: MakeClient, tmp_path: Path
) -> None:
    first = make_client()  # without an executor it stays R
    await first.start()
    await first.wait_status("authenticated")
    await gateway.order(command())
    await until(lambda: states(tmp_path / "store.sqlite3") == [(1, "R")])
    await first.abort()
    broker = Desktop()
    async with make_client(executor=broker) as second:
        await drained(second, gateway, 1)
    assert len(broker.orders) == 1
    assert "already" not in gateway.effects[0]


@pytest.mark.parametrize("executed", [True, False])
async def test_56_killed_while_sending_the_broker_is_asked_and_nothing_is_sent(
    gateway: ScriptedGateway, make_client: MakeClient, executed: bool
) -> None:
    dying = Desktop(gate=asyncio.Event())
    first = make_client(executor=dying)
    await first.start()
    await first.wait_status("authenticated")
    order = command()
    await gateway.order(order)
    await dying.before.wait()
    await first.abort()
    broker = Desktop(orders=[order["magic"]] if executed else [])
    async with make_client(executor=broker) as second:
        await drained(second, gateway, 1)
    assert broker.executed == []
    [report] = gateway.effects
    if executed:
        assert (report["status"], report["already"], report["found"]) == ("filled", True, True)
    else:
        assert (report["status"], report["found"]) == ("unknown", False)


async def test_absence_at_the_broker_is_believed_only_after_the_window(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    dying = Desktop(gate=asyncio.Event())
    first = make_client(executor=dying)
    await first.start()
    await first.wait_status("authenticated")
    order = command()
    await gateway.order(order)
    await dying.before.wait()
    await first.abort()
    broker = Desktop()
    timing = Timing(search_window=60.0, search_pause=0.01)
    async with make_client(executor=broker, timing=timing) as second:
        await until(lambda: len(broker.searched) > 3)
        broker.orders.append(order["magic"])  # it reaches the broker at last
        await drained(second, gateway, 1)
    assert [(effect["status"], effect.get("found")) for effect in gateway.effects] == [
        ("unknown", None), ("filled", True),
    ]  # fmt: skip


async def test_killed_after_done_the_report_is_resent_under_its_id(
    gateway: ScriptedGateway, make_client: MakeClient, tmp_path: Path
) -> None:
    gateway.acks = False
    broker = Desktop()
    first = make_client(executor=broker)
    await first.start()
    await first.wait_status("authenticated")
    await gateway.order(command())
    await until(lambda: bool(gateway.effects))
    await first.abort()
    assert states(tmp_path / "store.sqlite3") == [(1, "D")]
    [before] = gateway.stored
    gateway.stored.clear()
    gateway.top.clear()
    gateway.acks = True
    async with make_client(executor=broker) as second:
        await drained(second, gateway, 1)
    assert [one.id for one in gateway.stored] == [before.id]
    assert len(broker.orders) == 1


async def test_55_a_done_command_that_comes_again_gets_its_report_again(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    gateway.acks = False
    broker = Desktop()
    async with make_client(executor=broker) as client:
        await client.wait_status("authenticated")
        await gateway.order(command())
        await until(lambda: bool(gateway.effects))
        before = len(gateway.of_type("ExecutionReport"))
        await gateway.send_command(gateway.sockets[-1], 1, resent=True)
        await until(lambda: len(gateway.of_type("ExecutionReport")) > before)
        reports = [frame for kind, _, frame in gateway.heard if kind == "ExecutionReport"]
        assert len(reports) == before + 1
        assert len({frame["id"] for frame in reports}) == 1
        assert reports[-1]["resent"] is True
        gateway.acks = True
    assert len(broker.executed) == 1


async def test_a_done_and_confirmed_command_that_comes_again_is_just_acknowledged(
    gateway: ScriptedGateway, make_client: MakeClient, transport: str
) -> None:
    broker = Desktop()
    async with make_client(executor=broker) as client:
        await client.wait_status("authenticated")
        await gateway.order(command())
        await drained(client, gateway, 1)
        gateway.heard.clear()
        await gateway.send_command(gateway.sockets[-1], 1, resent=True)
        if transport == "socket":
            # On its own, or with a heartbeat that happens to be due.
            await until(lambda: any(frame.get("ack") == 1 for _, _, frame in gateway.heard))
        else:
            await asyncio.sleep(0.15)
        said = {kind for kind, _, _ in gateway.heard if kind != "StatusHeartbeat"}
        assert said <= ({"Ack"} if transport == "socket" else set())
        assert gateway.acked == 1
    assert len(broker.executed) == 1


async def test_32_a_gap_is_asked_for_once_and_everything_runs_in_order(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    broker = Desktop()
    async with make_client(executor=broker) as client:
        await client.wait_status("authenticated")
        gateway.push = False
        for copy_no in range(1, 10):
            await gateway.order(command(copy_no=copy_no))
        for number in (1, 2, 3, 4, 5, 9):
            await gateway.send_command(gateway.sockets[-1], number)
        await drained(client, gateway, 9)
    assert gateway.of_type("ResendRequest") == [{"from": 6, "to": 8}]
    assert [one.copy_no for one in broker.executed] == list(range(1, 10))


async def test_44_the_lost_last_command_shows_in_the_heartbeat(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    gateway.interval_seconds = 1
    broker = Desktop()
    async with make_client(executor=broker) as client:
        await client.wait_status("authenticated")
        gateway.push = False
        await gateway.order(command())
        await drained(client, gateway, 1)
    assert gateway.of_type("ResendRequest") == [{"from": 1, "to": 1}]


async def test_37_a_long_gap_is_asked_for_in_pages(gateway: ScriptedGateway, make_client: MakeClient) -> None:
    gateway.interval_seconds = 1
    broker = Desktop()
    async with make_client(executor=broker) as client:
        await client.wait_status("authenticated")
        gateway.push = False
        for copy_no in range(1, 451):
            await gateway.order(command(copy_no=copy_no))
        await drained(client, gateway, 450)
    assert [one.copy_no for one in broker.executed] == list(range(1, 451))
    assert all(page["to"] - page["from"] < 200 for page in gateway.of_type("ResendRequest"))


@pytest.mark.parametrize("known_first", [True, False])
async def test_38_a_voided_command_is_not_executed(
    gateway: ScriptedGateway, make_client: MakeClient, tmp_path: Path, known_first: bool
) -> None:
    broker = Desktop(gate=asyncio.Event())
    async with make_client(executor=broker) as client:
        await client.wait_status("authenticated")
        gateway.push = known_first
        for copy_no in (1, 2, 3, 4):
            await gateway.order(command(copy_no=copy_no))
        gateway.push = True
        if not known_first:
            await gateway.send_command(gateway.sockets[-1], 1)
        await broker.before.wait()
        await gateway.say(gateway.sockets[-1], "GapFill", {"next": 4, "reason": "void"}, seq=2)
        await gateway.send_command(gateway.sockets[-1], 4)
        await asyncio.sleep(0.05)
        assert broker.gate is not None
        broker.gate.set()
        await drained(client, gateway, 4)
    assert [one.copy_no for one in broker.executed] == [1, 4]


async def test_151_a_void_for_a_command_that_is_being_sent_changes_nothing(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    broker = Desktop(gate=asyncio.Event())
    async with make_client(executor=broker) as client:
        await client.wait_status("authenticated")
        await gateway.order(command())
        await broker.before.wait()
        await gateway.say(gateway.sockets[-1], "GapFill", {"next": 2, "reason": "void"}, seq=1)
        await asyncio.sleep(0.05)
        assert broker.gate is not None
        broker.gate.set()
        await drained(client, gateway, 1)
    assert gateway.effects[0]["status"] == "filled"


async def test_an_open_past_its_time_expires_and_a_close_never_does(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    broker = Desktop()
    past = "2026-11-23T03:59:59.000Z"  # the gateway's clock says four o'clock, ours something else
    async with make_client(executor=broker) as client:
        await client.wait_status("authenticated")
        await gateway.order(command("open", 1, valid_until=past))
        await gateway.order(command("place", 2, valid_until=past, order_type="limit"))
        await gateway.order(command("close", 3, valid_until=past))
        await gateway.order(command("open", 4, valid_until="2026-11-23T04:10:00.000Z"))
        await drained(client, gateway, 4)
    assert [effect["status"] for effect in gateway.effects] == ["expired", "expired", "filled", "filled"]
    assert [one.copy_no for one in broker.executed] == [3, 4]


async def test_an_executor_that_fails_leaves_the_outcome_to_the_broker(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    broker = Desktop(fails=True)
    async with make_client(executor=broker) as client:
        await client.wait_status("authenticated")
        await gateway.order(command())
        await drained(client, gateway, 1)
    assert len(broker.executed) == len(broker.searched) == 1
    assert (gateway.effects[0]["status"], gateway.effects[0]["found"]) == ("unknown", False)


async def test_161_an_order_in_doubt_delays_no_other_copy_and_no_goodbye(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    broker = Desktop(fails=True)
    async with make_client(executor=broker, timing=Timing(search_window=60.0, search_pause=0.01)) as client:
        await client.wait_status("authenticated")
        await gateway.order(command(copy_no=1))
        await until(lambda: bool(gateway.effects))
        broker.fails = False
        await gateway.order(command("close", 1))
        await gateway.order(command(copy_no=2))
        await until(lambda: len(gateway.effects) == 2)
        assert [(effect["copy_no"], effect["status"]) for effect in gateway.effects] == [(1, "unknown"), (2, "filled")]
        assert [one.copy_no for one in client.unfinished_commands] == [1, 1]
        began = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - began < 2.0


async def test_43_a_new_epoch_begins_at_one_and_drops_what_was_not_begun(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    first = make_client()
    await first.start()
    await first.wait_status("authenticated")
    for copy_no in (1, 2, 3):
        await gateway.order(command(copy_no=copy_no))
    await asyncio.sleep(0.1)
    await first.abort()
    gateway.epoch, old = "0198f000-0000-7000-8000-000000000001", gateway.log
    gateway.log, gateway.acked = [("0198f000-0000-7000-8000-0000000000aa", *old[0][1:])], 0
    gateway.heard.clear()
    broker = Desktop()
    async with make_client(executor=broker) as second:
        await second.wait_status("authenticated")
        await gateway.order(command(copy_no=9))
        await drained(second, gateway, 2)
        assert second.server_epoch_and_head == (gateway.epoch, 2)
    hello = gateway.of_type("Hello")[0]
    assert (hello["last_server_seq"], hello["max_copy_no_seen"]) == (3, 3)
    executed = [one.copy_no for one in broker.executed]
    assert executed[-1] == 9
    assert len(executed) == len(set(executed))


@pytest.mark.parametrize("received", [0, 1])
async def test_a_new_epoch_is_told_as_grave_only_where_something_was_received(
    gateway: ScriptedGateway, make_client: MakeClient, caplog: pytest.LogCaptureFixture, received: int
) -> None:
    async with make_client(executor=Desktop()) as first:
        await first.wait_status("authenticated")
        for copy_no in range(1, received + 1):
            await gateway.order(command(copy_no=copy_no))
        await drained(first, gateway, received)
    gateway.epoch, gateway.log, gateway.acked = "0198f000-0000-7000-8000-000000000001", [], 0
    async with make_client(executor=Desktop()) as second:
        await second.wait_status("authenticated")
        assert second.server_epoch_and_head == (gateway.epoch, 0)
    assert [record.levelname for record in caplog.records if record.msg == "link.new_epoch"] == ["CRITICAL"] * received


async def test_34_another_frame_under_a_known_number_is_a_conflict_and_never_executed(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    broker = Desktop()
    alerts: list[str] = []
    async with make_client(executor=broker, on_alert=lambda alert: alerts.append(alert.code)) as client:
        await client.wait_status("authenticated")
        await gateway.order(command())
        await drained(client, gateway, 1)
        await gateway.say(gateway.sockets[-1], "OrderCommand", command(copy_no=2), seq=1)
        await until(lambda: gateway.connections >= 2 and not client.unacked)
    assert alerts == ["sequence_conflict"]
    assert len(broker.executed) == 1
    assert gateway.of_type("ErrorAlert")[0]["severity"] == "critical"


async def test_a_gateway_killed_at_random_gets_each_command_executed_once(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    broker = Desktop()
    async with make_client(executor=broker) as client:
        await client.wait_status("authenticated")
        for copy_no in range(1, 201):
            await gateway.order(command(copy_no=copy_no))
            if copy_no % 40 == 0:
                await gateway.stop()
                await asyncio.sleep(0.01)
                await gateway.start()
            await asyncio.sleep(0.001)
        await drained(client, gateway, 200)
    assert [one.copy_no for one in broker.executed] == list(range(1, 201))
    assert [effect["copy_no"] for effect in gateway.effects] == list(range(1, 201))


async def test_a_command_done_before_a_restore_is_reported_again_and_not_executed_again(
    gateway: ScriptedGateway, make_client: MakeClient
) -> None:
    order, broker = command(), Desktop()
    async with make_client(executor=broker) as client:
        await client.wait_status("authenticated")
        await gateway.order(order)
        await drained(client, gateway, 1)
        gateway.epoch = "0198f000-0000-7000-8000-000000000001"  # an older state of the gateway: it lost the report
        gateway.log, gateway.stored = [("0198f000-0000-7000-8000-0000000000aa", "OrderCommand", order)], []
        gateway.cut()
        await until(lambda: bool(gateway.effects))
        assert client.events["epochs.not_recovered"] == 1
    assert (gateway.effects[0]["status"], gateway.effects[0]["already"]) == ("filled", True)
    assert len(broker.orders) == 1
