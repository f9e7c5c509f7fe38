"""Section 3: numbers of durable frames on both sides, gaps, resends, epochs."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from eagateway_sdk.ids import uuid7

from tests.conformance.ea import Ea, later, opening
from tests.conformance.house import OwnHouse, invent
from tests.conformance.stage import Stage, many


async def test_case_031_the_next_number_is_acknowledged_after_its_commit(stage: Stage) -> None:
    ea = await stage.arrive(stage.cast().master)
    for number in range(1, 7):
        await ea.buy(stage.position(number))
    await ea.acked(6)
    again = await stage.resume(ea)
    assert again.state["stored_seq"] == 6


async def test_case_032_a_gap_is_asked_for_once_then_taken_in_order(stage: Stage) -> None:
    master, follower = await stage.pair()
    positions = [stage.position(number) for number in range(1, 10)]
    for position in positions[:5]:
        await master.buy(position)
    await master.acked(5)
    await follower.commands(5)
    await master.send("OrderIntent", opening(positions[8]), seq=9)
    assert (await master.hear("ResendRequest"))["payload"] == {"from": 6, "to": 8}
    assert "OrderCommand" not in [frame["type"] for frame in follower.unheard]
    for seq in (6, 7, 8, 9):
        await master.send("OrderIntent", opening(positions[seq - 1]), seq=seq)
    await master.acked(9)
    assert [frame["payload"]["position_id"] for frame in await follower.commands(4)] == positions[5:]
    assert master.kinds("ResendRequest") == ["ResendRequest"]


async def test_case_033_a_stored_frame_that_comes_again_is_answered_as_before(stage: Stage) -> None:
    master, follower = await stage.pair()
    ids = [await master.buy(stage.position(number)) for number in range(1, 6)]
    await master.acked(5)
    commands = await follower.commands(5)
    heard = len(master.seen)
    await master.send("OrderIntent", opening(stage.position(4)), seq=4, id=ids[3], resent=True)
    await master.beat()
    answered = [frame for frame in master.seen[heard:] if frame.get("ack") is not None]
    assert {frame["ack"] for frame in answered} == {5}
    assert (await follower.beat())["top_seq"] == commands[-1]["seq"]
    assert master.alerts() == []


async def test_case_034_another_id_under_a_used_number_ends_the_session(stage: Stage) -> None:
    cast = stage.cast()
    ea = await stage.arrive(cast.master)
    for number in range(1, 6):
        await ea.buy(stage.position(number))
    await ea.acked(5)
    await ea.send("OrderIntent", opening(stage.position(9)), seq=4)
    await ea.ends_with(4400)
    assert "sequence_conflict" in ea.alerts()
    assert (await stage.own_session("GET", ea.session)).status_code == 410
    if stage.house.own:
        assert "sequence_conflict" in await stage.house.rows("alerts", account_id=cast.master.account_id)


async def test_case_035_gaps_on_both_sides_are_filled_at_once(stage: Stage) -> None:
    master, follower = await stage.pair()
    for number in (1, 2):
        await master.buy(stage.position(number))
    first, second = await follower.commands(2)
    filled = {
        "command_id": first["payload"]["command_id"],
        "status": "filled",
        "ticket": stage.position(7),
        "lots": "0.10",
    }
    frame_id = await follower.send("ExecutionReport", filled, seq=2)
    await follower.send("ResendRequest", {"from": first["seq"], "to": second["seq"]})
    assert (await follower.hear("ResendRequest"))["payload"] == {"from": 1, "to": 1}
    again = [frame["seq"] for frame in await follower.commands(2)]
    assert again == [first["seq"], second["seq"]]
    await follower.send("ExecutionReport", {**filled, "status": "accepted"}, seq=1)
    await follower.send("ExecutionReport", filled, seq=2, id=frame_id, resent=True)
    await follower.acked(2)
    assert follower.kinds("ResendRequest") == ["ResendRequest"]


async def test_case_036_a_resend_in_flight_goes_on_whatever_else_is_asked(stage: Stage) -> None:
    master, follower = await stage.pair()
    for number in range(1, 31):
        await master.buy(stage.position(number))
    numbers = [frame["seq"] for frame in await follower.commands(30)]
    heard = len(follower.seen)
    for _ in range(2):
        await follower.send("ResendRequest", {"from": numbers[0], "to": numbers[-1]})
    await follower.beat()
    again = [frame["seq"] for frame in follower.seen[heard:] if frame["type"] == "OrderCommand"]
    assert again[:30] == numbers
    assert again[30:] in ([], numbers)
    if again[30:] == []:
        assert follower.alerts() != []


ODD_RANGES = [(3, 2), (0, 1), (-1, 1), (1, 10**6), (1, 2**53 - 1)]


@pytest.mark.parametrize(("first", "last"), ODD_RANGES)
async def test_case_036_a_resend_out_of_its_range_is_refused(stage: Stage, first: int, last: int) -> None:
    master, follower = await stage.pair()
    await master.buy(stage.position(1))
    await follower.commands(1)
    await follower.send("ResendRequest", {"from": first, "to": last}, odd=first < 1)
    assert (await follower.alert())["code"] in ("resend_out_of_range", "invalid")
    await follower.beat()
    assert follower.kinds("OrderCommand") == ["OrderCommand"]


async def test_case_037_a_long_log_is_resent_in_pages_between_heartbeats(stage: Stage) -> None:
    master, follower = await stage.pair()
    count = many(20_000, brief=1000)
    for some in range(0, count, 1000):
        await master.buy_many(stage.position(number) for number in range(some + 1, some + 1001))
        await asyncio.gather(master.beat(), follower.beat())
    await master.acked(count)
    before = resident_kib(stage)
    numbers = await everything(follower, count)
    heard = len(follower.seen)
    await master.beat()
    await follower.send("ResendRequest", {"from": numbers[0], "to": numbers[-1]})
    await follower.beat()
    await master.buy(stage.position(count + 1))
    await follower.hears(numbers[-1], since=heard)
    await follower.hear("OrderCommand", lambda payload: payload["position_id"] == stage.position(count + 1))
    kinds = [frame["type"] for frame in follower.seen[heard:]]
    again = [frame["seq"] for frame in follower.seen[heard:] if frame["type"] == "OrderCommand"]
    assert kinds.index("HeartbeatAck") < count, "the heartbeat waited for all pages"
    if count > 10_000:
        assert again.index(numbers[-1] + 1) < count, "the new command waited for all pages"
    again.remove(numbers[-1] + 1)
    assert again == numbers
    assert resident_kib(stage) - before < 30_000


async def everything(ea: Ea, count: int) -> list[int]:
    """The numbers of so many commands, acknowledged as they come."""
    numbers: list[int] = []
    while len(numbers) < count:
        numbers.append((await ea.hear("OrderCommand"))["seq"])
        if len(numbers) % 100 == 0:
            await ea.send("Ack", {"ack": numbers[-1]})
        if len(numbers) % 2000 == 0:
            await ea.beat()
    return numbers


def resident_kib(stage: Stage) -> int:
    """The gateway process's memory, where we may look."""
    house = stage.house
    if not isinstance(house, OwnHouse) or house.gateway.process is None:
        return 0
    status = Path(f"/proc/{house.gateway.process.pid}/status")
    found = re.search(r"VmRSS:\s+(\d+)", status.read_text()) if status.exists() else None
    return int(found[1]) if found else 0


async def test_case_038_expired_commands_are_resent_as_a_gap(stage: Stage) -> None:
    master, follower = await stage.pair({"max_age_seconds": 1})
    await master.buy(stage.position(1))
    (first,) = await follower.commands(1)
    base = first["seq"]
    await follower.send("Ack", {"ack": base})
    await follower.beat()
    await follower.link.drop()
    for number in (2, 3):
        await master.buy(stage.position(number))
    await master.durable("OrderIntent", {**opening(stage.position(1)), "action": "modify", "sl": "1.05"})
    await master.close(stage.position(1))
    await master.beat_past(later((await master.beat())["server_time"], seconds=1.1))
    back = await stage.resume(follower, last_server_seq=base)
    last = await back.hear("OrderCommand", lambda payload: payload["action"] == "close")
    wanted = [("GapFill", base + 1), ("OrderCommand", base + 3), ("OrderCommand", base + 4)]
    assert [(frame["type"], frame["seq"]) for frame in back.seen if frame.get("seq")] == wanted
    (gap,) = [frame["payload"] for frame in back.seen if frame["type"] == "GapFill"]
    assert gap["next"] == base + 3
    assert gap["reason"] in ("expired", "void")
    heard = len(back.seen)
    await back.send("ResendRequest", {"from": base, "to": last["seq"]})
    await back.beat()
    again = [(frame["type"], frame["seq"]) for frame in back.seen[heard:] if frame.get("seq")]
    assert again == [("OrderCommand", base), *wanted]


async def test_case_039_a_gap_fill_below_at_and_above_the_expected_number(stage: Stage) -> None:
    ea = await stage.arrive(stage.cast().master)
    for number in range(1, 4):
        await ea.buy(stage.position(number))
    await ea.acked(3)
    await ea.send("GapFill", {"next": 3, "reason": "void"}, seq=2)  # below: ignored
    await ea.beat()
    assert ea.alerts() == []
    await ea.send("GapFill", {"next": 7, "reason": "void"}, seq=4)  # as expected: applied
    await ea.acked(6)
    await ea.send("GapFill", {"next": 12, "reason": "void"}, seq=10)  # above: asked for
    assert (await ea.hear("ResendRequest"))["payload"] == {"from": 7, "to": 9}
    ea.seq = 6
    for number in range(7, 10):
        await ea.buy(stage.position(number))
    await ea.send("GapFill", {"next": 12, "reason": "void"}, seq=10)
    await ea.acked(11)


@pytest.mark.parametrize("seq", [None, 0, -1, 1.5, "7", 2**63])
async def test_case_040_an_odd_number_is_named_and_changes_nothing(stage: Stage, seq: Any) -> None:
    ea = await stage.arrive(stage.cast().master)
    await ea.send("OrderIntent", opening(stage.position(1)), odd=True, **({} if seq is None else {"seq": seq}))
    alert = await ea.alert()
    assert (alert["code"], alert["path"]) == ("seq_missing" if seq is None else "malformed", "$.seq")
    await ea.buy(stage.position(1))
    await ea.acked(1)


async def test_case_041_a_refused_frame_consumes_its_number(stage: Stage) -> None:
    ea = await stage.arrive(stage.cast().master)
    frame_id = await ea.buy(stage.position(1), lots="-1", odd=True)
    await ea.buy(stage.position(2))
    (refused,) = (await ea.hear("Ack", lambda payload: bool(payload["refused"])))["payload"]["refused"]
    assert (refused["seq"], refused["id"], refused["final"]) == (1, frame_id, True)
    assert (await ea.alert("invalid"))["path"] == "$.lots"
    await ea.acked(2)


@pytest.mark.parametrize("seen", ["beyond the top", "another id"])
async def test_case_042_a_log_that_the_gateway_lost_starts_a_new_epoch(stage: Stage, seen: str) -> None:
    cast = stage.cast({})
    master, follower = await stage.arrive(cast.master), await stage.arrive(cast.followers[0])
    for number in range(1, 5):
        await master.buy(stage.position(number))
    commands = await follower.commands(4)
    await follower.send("Ack", {"ack": 4})
    await follower.beat()
    told = {"last_server_seq": 4, "last_server_id": commands[3]["id"], "max_copy_no_seen": 4}
    if seen == "another id":
        told["last_server_id"] = str(uuid7())
    await follower.link.drop()
    if seen == "beyond the top":
        await stage.house.rows("lose_commands", account_id=cast.followers[0].account_id, above=2)
    back = await stage.resume(follower, **told)
    assert back.state["recovered"] is False
    assert back.state["epoch"] != follower.state["epoch"]
    request = (await back.hear("SyncSnapshot"))["payload"]
    assert request["phase"] == "request"
    await master.buy(stage.position(5))
    await master.acked(5)
    await back.beat()
    assert back.kinds("OrderCommand") == []
    assert await stage.house.rows("alerts", account_id=cast.followers[0].account_id) != []
    back.top = back.link.has = 0
    await back.snapshot(request)
    (command,) = await back.commands(1)
    assert command["seq"] == 1
    assert command["payload"]["copy_no"] > 4


async def test_case_043_another_epoch_recovers_nothing_and_asks_for_a_snapshot(stage: Stage) -> None:
    master, follower = await stage.pair()
    await master.buy(stage.position(1))
    (command,) = await follower.commands(1)
    await follower.link.drop()
    back = await stage.connect(follower.session, epoch=str(uuid7()), last_server_seq=900)
    assert (await back.hear("SessionState"))["payload"]["recovered"] is False
    assert (await back.hear("SyncSnapshot"))["payload"]["phase"] == "request"
    back.top = back.link.has = 0
    (again,) = await back.commands(1)
    assert again["payload"]["command_id"] == command["payload"]["command_id"]


async def test_case_044_a_lost_last_command_shows_in_the_next_heartbeat_ack(stage: Stage) -> None:
    master, follower = await stage.pair()
    before = follower.top
    await master.buy(stage.position(1))
    (lost,) = await follower.commands(1)  # as if it had never come
    follower.top = follower.link.has = before
    assert (await follower.beat())["top_seq"] == lost["seq"] > before
    await follower.send("ResendRequest", {"from": before + 1, "to": lost["seq"]})
    (found,) = await follower.commands(1)
    assert (found["id"], found["seq"], found.get("resent")) == (lost["id"], lost["seq"], True)


async def test_case_045_a_late_ack_changes_nothing_and_one_beyond_the_top_is_an_error(stage: Stage) -> None:
    master, follower = await stage.pair()
    for number in range(1, 11):
        await master.buy(stage.position(number))
    top = (await follower.commands(10))[-1]["seq"]
    for ack in (top, top - 3):
        await follower.send("Ack", {"ack": ack})
    await follower.beat()
    assert follower.alerts() == []
    if stage.house.own:
        assert await stage.house.rows("acked_seq", account_id=account_of(follower)) == top
    await follower.send("Ack", {"ack": top + 100})
    await follower.alert("invalid")
    await follower.beat()


def account_of(ea: Ea) -> str:
    return str(ea.session["account_id"])


async def test_case_046_a_hundred_writers_leave_no_hole_in_one_log(stage: Stage) -> None:
    writers = many(100, brief=20)
    document = {"tenants": [invent([{}])]}
    (tenant,) = document["tenants"]
    follows = tenant["strategies"][0]["subscriptions"][0]["follower"]
    key = tenant["accounts"][0]["keys"]
    masters = [f"{tenant['accounts'][0]['account_id']}{number:03}" for number in range(1, writers + 1)]
    tenant["accounts"] += [{"account_id": name, "intent_rate": 500, "keys": key} for name in masters]
    tenant["strategies"] = [
        {"name": name, "master": name, "subscriptions": [{"follower": follows}]} for name in masters
    ]
    await stage.house.rows("provision", document=document)
    casts = stage.house.casts_of(document)
    follower = await stage.arrive(casts[0].followers[0])
    eas = [await stage.connect(await stage.open(cast.master)) for cast in casts]
    await asyncio.gather(*(ea.buy(stage.position(number)) for number, ea in enumerate(eas)))
    numbers = [frame["seq"] for frame in await follower.commands(writers)]
    assert numbers == list(range(1, writers + 1))


async def test_case_047_a_snapshot_asked_for_while_commands_flow_loses_nothing(stage: Stage) -> None:
    cast = stage.cast({})
    master, follower = await stage.arrive(cast.master), await stage.arrive(cast.followers[0])
    request = await follower.asked_for_snapshot()
    await master.buy(stage.position(1))
    (first,) = await follower.commands(1)
    await follower.report(first, "filled", ticket=stage.position(71), lots="0.10")
    for number in range(2, 6):
        await master.buy(stage.position(number))
    held = [
        {
            "ticket": stage.position(71),
            "symbol": "EURUSD",
            "side": "buy",
            "lots": "0.10",
            "magic": first["payload"]["magic"],
        }
    ]
    for _ in range(2):  # a repeat is harmless
        await follower.snapshot(request, positions=held, applied_server_seq=first["seq"])
    result = (await follower.hear("SyncSnapshot", lambda payload: payload["phase"] == "result"))["payload"]
    assert [item for item in result["differences"] if item["severity"] in ("major", "critical")] == []
    rest = await follower.commands(4)
    assert [frame["seq"] for frame in rest] == [first["seq"] + number for number in range(1, 5)]
