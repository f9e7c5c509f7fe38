"""Section 5: what waits for an approval, and how it is released."""

from typing import Any

import pytest

from tests.conformance.ea import INIT, Ea, later, opening
from tests.conformance.house import Role
from tests.conformance.stage import Stage, many, stranger


async def pending(stage: Stage, role: Role, key: str, **hello: Any) -> Ea:
    """A pending terminal that has introduced itself and was heard of."""
    ea = await stage.connect(await stage.open(role, key=key), **hello)
    assert (await ea.hear("SessionState"))["payload"]["status"] == "pending"
    await ea.send("InitRequest", dict(INIT))
    await ea.beat()
    ea.unheard.clear()
    return ea


async def approve(stage: Stage, role: Role) -> None:
    await stage.house.rows("decide", verb="approve", account_id=role.account_id)


async def test_case_060_a_backlog_is_released_in_order_late_opens_expire_and_closes_never(stage: Stage) -> None:
    cast = stage.cast({})
    follower = await stage.arrive(cast.followers[0])
    master = await pending(stage, cast.master, stranger())
    for number in range(1, 26):
        await master.buy(stage.position(number))
    for number in range(1, 26):
        await master.close(stage.position(number))
    await master.acked(50)
    assert (await follower.beat())["top_seq"] == 0
    await approve(stage, cast.master)
    await master.hear("SessionState", lambda state: state["status"] == "authenticated")
    commands = await follower.commands(50)
    assert [frame["seq"] for frame in commands] == list(range(1, 51))
    assert [frame["payload"]["position_id"] for frame in commands] == [
        stage.position(number) for number in (*range(1, 26), *range(1, 26))
    ]
    assert [frame["payload"]["action"] for frame in commands] == ["open"] * 25 + ["close"] * 25


async def test_case_060_what_is_too_old_at_promotion_is_denied(stage: Stage) -> None:
    cast = stage.cast({"max_age_seconds": 60})
    master, follower = await stage.arrive(cast.master), await stage.arrive(cast.followers[0])
    await master.buy(stage.position(1))
    await follower.commands(1)
    late = await pending(stage, cast.master, stranger())
    await late.buy(stage.position(2), age_ms=120_000)
    await late.durable("OrderIntent", closing(stage.position(1), age_ms=120_000))
    await late.acked(2)
    await approve(stage, cast.master)
    await late.hear("SessionState", lambda state: state["status"] == "authenticated")
    (command,) = await follower.commands(1)
    assert (command["payload"]["action"], command["payload"]["position_id"]) == ("close", stage.position(1))
    both = {"account_id": cast.master.account_id, "follower": cast.followers[0].account_id}
    assert "signal_too_old" in await stage.house.rows("denials", **both)


def closing(position_id: int, **fields: Any) -> dict[str, Any]:
    return {"action": "close", "position_id": position_id, "ticket": position_id, "symbol": "EURUSD", **fields}


async def test_case_060_a_pending_followers_commands_wait_and_come_in_order(stage: Stage) -> None:
    cast = stage.cast({})
    master = await stage.arrive(cast.master)
    follower = await pending(stage, cast.followers[0], stranger())
    for number in range(1, 6):
        await master.buy(stage.position(number))
    await master.acked(5)
    await follower.beat()
    assert follower.kinds("OrderCommand") == []
    await approve(stage, cast.followers[0])
    await follower.commands(5)
    order = follower.kinds("SessionState", "InitAck", "OrderCommand")
    assert order == ["SessionState", "SessionState", "InitAck", *["OrderCommand"] * 5]


@pytest.mark.over("rows")
async def test_case_062_an_approval_racing_a_heartbeat_promotes_once(stage: Stage) -> None:
    stage.transport = "socket"
    for _ in range(many(20, brief=3)):
        cast = stage.cast({})
        master = await stage.arrive(cast.master)
        follower = await pending(stage, cast.followers[0], stranger())
        for number in (1, 2):
            await master.buy(stage.position(number))
        await master.acked(2)
        session_id = follower.session["session_id"]
        await stage.house.rows("approve_and_promote_at_once", session_id=session_id)
        assert [frame["seq"] for frame in await follower.commands(2)] == [1, 2]
        story = [row[1] for row in await stage.house.rows("history", session_id=session_id)]
        assert story == ["pending", "authenticated"]
        assert (await follower.beat())["top_seq"] == 2


async def test_case_063_a_frame_over_the_stored_limit_is_told_to_come_later(stage: Stage) -> None:
    role = stage.cast().master
    ea = await pending(stage, role, stranger())
    await stage.house.rows("fill_pending", session_id=ea.session["session_id"], upto=500)
    ea = await stage.resume(ea)
    assert ea.state["stored_seq"] == 500
    await ea.send("OrderIntent", opening(stage.position(501)), seq=501)
    told = await ea.hear("SessionState", lambda state: state["retry_after_seconds"] is not None)
    assert (told["payload"]["status"], told["payload"]["stored_seq"]) == ("pending", 500)
    await ea.beat(balance="4242")
    assert await stage.house.rows("count_frames", session_id=ea.session["session_id"]) == 500
    assert ea.kinds("ErrorAlert") == []


async def test_case_064_a_pending_sessions_reports_are_applied_at_its_promotion(stage: Stage) -> None:
    cast = stage.cast({}, {})
    master, mine, other = [await stage.arrive(role) for role in (cast.master, *cast.followers[:2])]
    await master.buy(stage.position(1))
    (command,), (foreign,) = await mine.commands(1), await other.commands(1)
    rotated = await pending(stage, cast.followers[0], stranger())
    await rotated.report(command, "filled", ticket=stage.position(7), lots="0.10")
    await rotated.report(foreign, "filled", ticket=stage.position(8), lots="0.10")
    await rotated.acked(2)
    stored = await stage.house.rows("command", command_id=command["payload"]["command_id"])
    assert stored["state"] in ("queued", "received")
    await approve(stage, cast.followers[0])
    await rotated.hear("SessionState", lambda state: state["status"] == "authenticated")
    states = [
        (await stage.house.rows("command", command_id=each["payload"]["command_id"]))["state"]
        for each in (command, foreign)
    ]
    assert states[0] == "done"
    assert states[1] in ("queued", "received")


async def test_case_065_a_rejected_session_is_told_and_its_intents_never_go_out(stage: Stage) -> None:
    cast = stage.cast({})
    follower = await stage.arrive(cast.followers[0])
    ea = await pending(stage, cast.master, stranger())
    await ea.buy(stage.position(1))
    await ea.acked(1)
    await stage.house.rows("decide", verb="reject", account_id=cast.master.account_id)
    await ea.ends_with(4403)
    assert (ea.state["status"], ea.state["reason"]) == ("rejected", "key_rejected")
    assert await stage.house.rows("count_frames", session_id=ea.session["session_id"]) == 1
    assert (await follower.beat())["top_seq"] == 0


async def test_case_066_hours_offline_void_the_opens_and_keep_closes_and_modifies(stage: Stage) -> None:
    cast = stage.cast({"max_age_seconds": 1})
    master, follower = await stage.arrive(cast.master), await stage.arrive(cast.followers[0])
    for number in range(1, 11):
        await master.buy(stage.position(number))
    opened = await follower.commands(10)
    for number, command in enumerate(opened, start=1):
        await follower.report(command, "filled", ticket=number, lots="0.10")
    await follower.send("Ack", {"ack": opened[-1]["seq"]})
    await follower.beat()
    await follower.link.drop()
    count = many(300, brief=60)
    await master.buy_many(stage.position(number) for number in range(11, count + 1))
    for number in range(1, 11):
        await master.durable("OrderIntent", {**closing(stage.position(number)), "action": "modify", "sl": "1.05"})
    for number in range(1, 11):
        await master.close(stage.position(number))
    await master.acked(count + 20)
    await master.beat_past(later((await master.beat())["server_time"], seconds=1.2))
    back = await stage.resume(follower, last_server_seq=opened[-1]["seq"])
    await back.hear("GapFill")
    await back.send("Ack", {"ack": back.top})
    commands = await back.commands(20)
    assert [frame["payload"]["action"] for frame in commands] == ["modify"] * 10 + ["close"] * 10
    assert [frame["payload"]["position_id"] for frame in commands[10:]] == [
        stage.position(number) for number in range(1, 11)
    ]
    gaps = [frame for frame in back.seen if frame["type"] == "GapFill"]
    assert sum(frame["payload"]["next"] - frame["seq"] for frame in gaps) == count - 10
    assert {frame["payload"]["reason"] for frame in gaps} <= {"expired", "void"}
    assert back.top == commands[-1]["seq"]
