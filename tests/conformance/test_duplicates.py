"""Section 4: the same thing told twice, on whatever link, under whatever name. The SDK's cases are in test_sdk_*."""

import asyncio

import pytest

from tests.conformance.ea import opening
from tests.conformance.stage import Stage


async def test_case_048_the_same_id_again_on_any_link_is_one_decision(stage: Stage) -> None:
    cast = stage.cast({}, {})
    master, *followers = [await stage.arrive(role) for role in (cast.master, *cast.followers[:2])]
    frame_id = await master.buy(stage.position(1))
    await master.acked(1)
    await master.send("OrderIntent", opening(stage.position(1)), seq=1, id=frame_id, resent=True)  # the same link
    other_link = await stage.resume(master)
    await other_link.send("OrderIntent", opening(stage.position(1)), seq=1, id=frame_id, resent=True)
    await other_link.beat()
    newer = await stage.arrive(cast.master)  # another session
    await newer.buy(stage.position(1), id=frame_id, resent=True)
    await newer.acked(1)
    await newer.buy(stage.position(2))
    for follower in followers:
        commands = [frame["payload"]["position_id"] for frame in await follower.commands(2)]
        assert commands == [stage.position(1), stage.position(2)]
    assert newer.alerts() == []


async def test_case_048_the_same_id_after_thirty_days_is_still_known(stage: Stage) -> None:
    cast = stage.cast({})
    master, follower = await stage.arrive(cast.master), await stage.arrive(cast.followers[0])
    frame_id = await master.buy(stage.position(1))
    (command,) = await follower.commands(1)
    if stage.house.own:
        await stage.house.rows("age_frames", account_id=cast.master.account_id, days=30)
    newer = await stage.arrive(cast.master)
    await newer.buy(stage.position(1), id=frame_id, resent=True)
    await newer.acked(1)
    assert (await follower.beat())["top_seq"] == command["seq"]


async def test_case_049_the_same_id_with_another_payload_is_refused_for_good(stage: Stage) -> None:
    master, follower = await stage.pair()
    frame_id = await master.buy(stage.position(1))
    (command,) = await follower.commands(1)
    await master.buy(stage.position(1), id=frame_id, lots="0.20")
    alert = await master.alert("id_reused")
    assert (alert["ref"], alert["retryable"]) == (frame_id, False)
    await master.acked(2)
    assert command["payload"]["lots"] == "0.1"
    assert (await follower.beat())["top_seq"] == command["seq"]


async def test_case_050_two_ids_for_one_ticket_and_action_are_one_effect(stage: Stage) -> None:
    master, follower = await stage.pair()
    first = await master.buy(stage.position(1))
    second = await master.buy(stage.position(1))
    await master.acked(2)
    (command,) = await follower.commands(1)
    assert (await follower.beat())["top_seq"] == command["seq"]
    assert master.alerts() == []
    if stage.house.own:
        assert await stage.house.rows("repeat_of", frame_id=second) == first


@pytest.mark.over("rows")
async def test_case_051_the_same_intent_at_two_gateways_in_one_instant_is_one_row(stage: Stage) -> None:
    stage.transport = "socket"
    cast = stage.cast({})
    master, follower = await stage.arrive(cast.master), await stage.arrive(cast.followers[0])
    for number in range(1, 11):
        found = await stage.house.rows(
            "store_at_once",
            session_id=master.session["session_id"],
            payload=opening(stage.position(number)),
            seq=number,
            writers=3,
        )
        assert sorted(found["fates"]) == ["apply", "repeat", "repeat"]
        assert (found["intents"], found["refusals"]) == (1, [])
    # Written by the hands of other processes: what a heartbeat is told of that may be a second old.
    await follower.commands(10)
    assert (await follower.beat())["top_seq"] == 10


async def test_case_052_reports_move_the_state_forward_only(stage: Stage) -> None:
    cast = stage.cast({})
    master, follower = await stage.arrive(cast.master), await stage.arrive(cast.followers[0])
    await master.buy(stage.position(1))
    (command,) = await follower.commands(1)
    await follower.report(command, "filled", ticket=stage.position(7), lots="0.10", price="1.1")
    await follower.report(command, "filled", ticket=stage.position(7), lots="0.10", price="1.1")
    await follower.report(command, "accepted")
    await follower.acked(3)
    assert follower.alerts() == []
    await master.close(stage.position(1))
    (closing,) = await follower.commands(1)
    assert (closing["payload"]["action"], closing["payload"]["lots_before"]) == ("close", "0.1")
    if stage.house.own:
        stored = await stage.house.rows("command", command_id=command["payload"]["command_id"])
        assert (stored["state"], stored["reports"]) == ("done", 3)


async def test_case_053_a_report_that_contradicts_the_first_is_recorded_not_applied(stage: Stage) -> None:
    cast = stage.cast({})
    master, follower = await stage.arrive(cast.master), await stage.arrive(cast.followers[0])
    await master.buy(stage.position(1))
    (command,) = await follower.commands(1)
    await follower.report(command, "filled", ticket=stage.position(7), lots="0.10", price="1.10000")
    await follower.report(command, "filled", ticket=stage.position(7), lots="0.07", price="1.10500")
    await follower.acked(2)
    await master.close(stage.position(1))
    (closing,) = await follower.commands(1)
    assert closing["payload"]["lots_before"] == "0.1"
    if stage.house.own:
        assert "report_discrepancy" in await stage.house.rows("alerts", account_id=cast.followers[0].account_id)


async def test_case_054_yesterdays_frames_replayed_today_have_no_effect(stage: Stage) -> None:
    cast = stage.cast({})
    master, follower = await stage.arrive(cast.master), await stage.arrive(cast.followers[0])
    ids = [await master.buy(stage.position(number)) for number in range(1, 4)]
    await master.acked(3)
    top = (await follower.commands(3))[-1]["seq"]
    today = await stage.arrive(cast.master)
    for number, frame_id in enumerate(ids, start=1):
        await today.send("OrderIntent", opening(stage.position(number)), seq=number, id=frame_id)
    await today.acked(3)
    later = [today.send("OrderIntent", opening(stage.position(9)), seq=seq) for seq in (7, 8)]
    await asyncio.gather(*later)
    await today.beat()
    assert (await follower.beat())["top_seq"] == top
    today.seq = 3
    await today.buy(stage.position(5))
    await today.acked(4)
    assert (await follower.commands(1))[0]["seq"] == top + 1


@pytest.mark.over("rows")
async def test_case_059_copy_numbers_neither_wrap_nor_repeat(stage: Stage) -> None:
    stage.transport = "socket"
    cast = stage.cast({})
    account_id = cast.followers[0].account_id
    master, follower = await stage.arrive(cast.master), await stage.arrive(cast.followers[0])
    await stage.house.rows("set_next_copy_no", account_id=account_id, to=15_099_493)  # 90 %
    await master.buy(stage.position(1))
    await follower.commands(1)
    assert "copy_numbers_low" in await stage.house.rows("alerts", account_id=account_id)
    await stage.house.rows("set_next_copy_no", account_id=account_id, to=0xFFF000)
    await master.buy(stage.position(2))
    (last,) = await follower.commands(1)
    assert last["payload"]["magic"] == 0x5AFFF000
    await stage.house.rows("set_next_copy_no", account_id=account_id, to=0xFFFFFF)  # too few for an order's legs
    await master.buy(stage.position(3))
    await master.acked(3)
    assert (await follower.beat())["top_seq"] == last["seq"]
    both = {"account_id": cast.master.account_id, "follower": account_id}
    assert (await stage.house.rows("denials", **both))[-1] == "copy_numbers_exhausted"


async def test_case_059_a_copy_number_that_the_ea_has_seen_is_not_given_again(stage: Stage) -> None:
    cast = stage.cast({})
    master, follower = await stage.arrive(cast.master), await stage.arrive(cast.followers[0])
    await master.buy(stage.position(1))
    (command,) = await follower.commands(1)
    await follower.send("Ack", {"ack": command["seq"]})
    await follower.beat()
    await follower.link.drop()
    await stage.house.rows("lose_commands", account_id=cast.followers[0].account_id, above=0)
    await stage.house.rows("set_next_copy_no", account_id=cast.followers[0].account_id, to=1)
    back = await stage.resume(follower, last_server_seq=1, last_server_id=command["id"], max_copy_no_seen=1)
    back.top = back.link.has = 0
    await back.snapshot(await back.asked_for_snapshot())
    await master.buy(stage.position(2))
    (again,) = await back.commands(1)
    assert again["payload"]["copy_no"] > 1
