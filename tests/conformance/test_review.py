"""Section 16: what the review of the catalogue added. The SDK's cases are in test_sdk_*."""

import asyncio
from typing import Any

import pytest
from eagateway_sdk.ids import uuid7

from tests.conformance.ea import INIT, Ea, opening
from tests.conformance.house import OwnHouse, Role, invent
from tests.conformance.stage import Stage, many, stranger


async def test_case_146_two_masters_one_limit_one_passes(stage: Stage) -> None:
    limited = {"max_open_positions": 1}
    for turn in range(many(5, brief=2)):
        document = two_masters(limited)
        await stage.house.rows("provision", document=document)
        first, second = stage.house.casts_of(document)
        follower = await stage.arrive(first.followers[0])
        masters = [await stage.arrive(role) for role in (first.master, second.master)]
        await asyncio.gather(*(ea.buy(stage.position(10 * turn + n)) for n, ea in enumerate(masters, start=1)))
        for ea in masters:
            await ea.acked(1)
        await follower.commands(1)
        assert (await follower.beat())["top_seq"] == 1
        codes = [
            code
            for cast in (first, second)
            for code in await stage.house.rows(
                "denials", account_id=cast.master.account_id, follower=cast.followers[0].account_id
            )
        ]
        assert codes == ["max_open_positions"]


def two_masters(settings: dict[str, Any]) -> dict[str, Any]:
    """A tenant with two masters that one follower copies."""
    tenant = invent([settings, {}])
    first, follower, second = [account["account_id"] for account in tenant["accounts"]]
    subscriptions = [{"follower": follower, **settings}]
    tenant["strategies"] = [
        {"name": name, "master": master, "subscriptions": subscriptions}
        for name, master in (("First", first), ("Second", second))
    ]
    return {"tenants": [tenant]}


async def test_case_147_a_former_sessions_report_is_a_late_fact_and_its_intent_is_refused(stage: Stage) -> None:
    cast = stage.cast({})
    master, former = await stage.arrive(cast.master), await stage.arrive(cast.followers[0])
    await master.buy(stage.position(1))
    (command,) = await former.commands(1)
    newer = await stage.arrive(cast.followers[0], epoch=former.state["epoch"], last_server_seq=command["seq"])
    await newer.snapshot(await newer.asked_for_snapshot(), applied_server_seq=0)  # before the command's outcome
    await newer.hear("SyncSnapshot", lambda told: told["phase"] == "result")
    late = await stage.house.rows(
        "report_late",
        session_id=former.session["session_id"],
        command_id=command["payload"]["command_id"],
        payload=opening(stage.position(7)),
    )
    assert late["report"] == {"fate": "apply", "flagged": True, "command": "done"}
    assert late["intent"] == "fenced"
    await newer.asked_for_snapshot("late_fact")
    await master.close(stage.position(1))
    closing = await newer.hear("OrderCommand", lambda payload: payload["action"] == "close")
    assert closing["payload"]["lots_before"] == "0.1"


async def test_case_148_a_strangers_frames_do_not_make_the_owners_duplicates(stage: Stage) -> None:
    cast = stage.cast({})
    owner, follower = await stage.arrive(cast.master), await stage.arrive(cast.followers[0])
    answer = await stage.ask(cast.master, key=stranger())
    if answer.status_code != 201:
        pytest.skip("the deployment enrols nobody by himself")
    guest = await stage.connect(answer.json())
    assert (await guest.hear("SessionState"))["payload"]["status"] == "pending"
    frame_id = str(uuid7())
    await guest.buy(stage.position(1), id=frame_id)
    await guest.buy(stage.position(2))
    await guest.acked(2)
    await owner.buy(stage.position(1), id=frame_id)
    await owner.buy(stage.position(2))
    await owner.acked(2)
    positions = [frame["payload"]["position_id"] for frame in await follower.commands(2)]
    assert positions == [stage.position(1), stage.position(2)]
    assert owner.alerts() == []


async def test_case_149_three_moves_of_a_stop_are_three_commands(stage: Stage) -> None:
    cast = stage.cast({}, {})
    master, *followers = [await stage.arrive(role) for role in (cast.master, *cast.followers[:2])]
    await master.buy(stage.position(1))
    for stop in ("1.1", "1.2", "1.1", "1.1"):  # the last one changes nothing
        await master.durable("OrderIntent", modified(stage.position(1), stop))
    await master.acked(5)
    for follower in followers:
        commands = [frame["payload"] for frame in await follower.commands(4)]
        assert [(each["action"], each.get("sl")) for each in commands[1:]] == [
            ("modify", "1.1"),
            ("modify", "1.2"),
            ("modify", "1.1"),
        ]
        assert (await follower.beat())["top_seq"] == follower.top


def modified(position_id: int, stop: str) -> dict[str, Any]:
    order = {"action": "modify", "position_id": position_id, "ticket": position_id, "symbol": "EURUSD"}
    return {**order, "sl": stop, "tp": "0"}


async def test_case_150_a_close_before_its_open(stage: Stage) -> None:
    master, follower = await stage.pair()
    top = follower.top
    await master.close(stage.position(1))
    await master.buy(stage.position(1))
    await master.acked(2)
    assert (await follower.beat())["top_seq"] == top
    if stage.house.own:
        both = {"account_id": master.session["account_id"], "follower": follower.session["account_id"]}
        codes = await stage.house.rows("denials", **both)
        assert codes == ["not_copied", "already_closed"]
    await master.buy(stage.position(2))
    assert (await follower.commands(1))[0]["payload"]["position_id"] == stage.position(2)


@pytest.mark.parametrize("cause", ["stop_loss", "take_profit", "stop_out", "manual"])
async def test_case_152_what_happens_without_a_command_closes_the_copy(stage: Stage, cause: str) -> None:
    master, follower = await stage.pair()
    await master.buy(stage.position(1))
    (command,) = await follower.commands(1)
    await follower.report(command, "filled", ticket=stage.position(71), lots="0.10", price="1.1")
    fact = {"command_id": None, "status": "closed", "cause": cause, "copy_no": command["payload"]["copy_no"]}
    await follower.durable(
        "ExecutionReport", {**fact, "ticket": stage.position(71), "lots": "0.10", "price": "1.05", "profit": "-5"}
    )
    await follower.acked(2)
    await master.close(stage.position(1))
    await master.acked(2)
    assert (await follower.beat())["top_seq"] == command["seq"]
    if stage.house.own:
        copied = await stage.house.rows("copy_of", command_id=command["payload"]["command_id"])
        assert copied == {"state": "closed", "close_cause": cause, "tombstoned": cause == "manual"}


async def test_case_153_a_magic_number_of_our_range_alone_is_no_copy(stage: Stage) -> None:
    """This master follows nobody: what looks like a copy's number is an expert advisor's own, a time of 2017."""
    master, follower = await stage.pair()
    for number, magic in enumerate((0x5A000001, 1_512_345_678, 7), start=1):
        await master.buy(stage.position(number), magic=magic)
    commands = await follower.commands(3)
    assert [command["payload"]["position_id"] for command in commands] == [stage.position(n) for n in (1, 2, 3)]


@pytest.mark.over("rows")
async def test_case_153_a_cycle_is_not_saved(stage: Stage) -> None:
    tenant = invent([{}])
    master, follower = [account["account_id"] for account in tenant["accounts"]]
    back = {"name": "Back", "master": follower, "subscriptions": [{"follower": master}]}
    tenant["strategies"].append(back)
    with pytest.raises(RuntimeError, match="ProvisioningRefused"):
        await stage.house.rows("provision", document={"tenants": [tenant]})


async def test_case_154_account_ids_are_compared_without_case_and_leading_zeros(stage: Stage) -> None:
    role = stage.cast().master
    owner = await stage.arrive(role)
    server, _, login = role.account_id.partition(":")
    other = Role(f"{server.upper()}:000{login}", role.key)
    again = await stage.open(other)
    assert (again["status"], again["account_id"]) == ("authenticated", owner.session["account_id"])
    await owner.ends_with(4409)


@pytest.mark.over("rest")
async def test_case_155_a_thousand_strangers_do_not_lock_the_owner_out(stage: Stage) -> None:
    role = stage.cast().master
    statuses = set()
    for _ in range(many(1000, brief=80) // 4):
        answers = await asyncio.gather(*(stage.ask(role, key=stranger()) for _ in range(4)))
        statuses |= {answer.status_code for answer in answers}
    assert statuses <= {201, 403, 429, 503}
    assert (await stage.open(role))["status"] == "authenticated"
    if not isinstance(stage.house, OwnHouse):
        await asyncio.sleep(61)  # the next case's strangers are asked from this address too


async def test_case_156_an_old_key_approved_leaves_the_living_session(stage: Stage) -> None:
    role = stage.cast().master
    dead = await stage.connect(await stage.open(role, key=stranger()))
    await dead.beat()
    await dead.link.drop()
    await stage.house.rows("age_session", session_id=dead.session["session_id"], hours=1)
    owner = await stage.arrive(role)
    await stage.house.rows("decide", verb="approve", account_id=role.account_id)
    await owner.buy(stage.position(1))
    await owner.acked(1)
    assert owner.kinds("SessionState") == ["SessionState"]
    back = await stage.connect(dead.session)
    assert (await back.hear("SessionState"))["payload"]["status"] == "pending"
    await back.send("StatusHeartbeat", {"balance": "10000"})
    await back.hear("SessionState", lambda state: state["status"] == "authenticated")
    await owner.ends_with(4409)


async def test_case_158_a_retryable_refusal_holds_back_what_follows(stage: Stage) -> None:
    cast = stage.house.modest_cast()
    master, follower = await stage.arrive(cast.master), await stage.arrive(cast.followers[0])
    ids: list[str] = []
    while "throttled" not in master.alerts():
        ids.append(await master.buy(stage.position(len(ids) + 1)))
        assert len(ids) < 2000
        if len(ids) % 10 == 0:
            await asyncio.sleep(0)
            await hear_what_waits(master)
    alert = await master.alert("throttled")
    held = ids.index(alert["ref"])
    assert (alert["retryable"], alert["retry"]["after_seconds"] > 0) == (True, True)
    for _ in range(2):
        ids.append(await master.buy(stage.position(len(ids) + 1)))
    await asyncio.sleep(alert["retry"]["after_seconds"])
    await master.beat()
    assert master.acknowledged() == held
    for number, frame_id in enumerate(ids[held:], start=held + 1):
        await send_patiently(master, stage.position(number), number, frame_id)
    await master.acked(len(ids))
    positions: list[int] = []
    while len(positions) < len(ids):
        command = await follower.hear("OrderCommand")
        positions.append(command["payload"]["position_id"])
        await follower.send("Ack", {"ack": command["seq"]})
    assert positions == [stage.position(number) for number in range(1, len(ids) + 1)]


async def hear_what_waits(ea: Ea) -> None:
    """Whatever has been said by now."""
    await ea.beat()


async def send_patiently(ea: Ea, position_id: int, seq: int, frame_id: str) -> None:
    """Send one intent again until it is acknowledged, each time after the time told."""
    while ea.acknowledged() < seq:
        await ea.send("OrderIntent", opening(position_id), seq=seq, id=frame_id, resent=True)
        await ea.beat()
        if ea.acknowledged() < seq:
            await asyncio.sleep(0.3)


@pytest.mark.parametrize(
    ("says", "code"), [({"margin_mode": "netting"}, "netting_unsupported"), ({"fifo": True}, "fifo_unsupported")]
)
async def test_case_160_netting_and_fifo_followers_are_denied(stage: Stage, says: dict[str, Any], code: str) -> None:
    cast = stage.cast({})
    master = await stage.arrive(cast.master)
    follower = await stage.arrive(cast.followers[0], init={**INIT, **says})
    top = (await follower.beat())["top_seq"]
    await master.buy(stage.position(1))
    await master.acked(1)
    assert (await follower.beat())["top_seq"] == top
    if stage.house.own:
        both = {"account_id": cast.master.account_id, "follower": cast.followers[0].account_id}
        assert await stage.house.rows("denials", **both) == [code]
        assert await stage.house.rows("sentence_of", code=code) != ""
