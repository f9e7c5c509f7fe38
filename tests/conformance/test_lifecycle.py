"""Section 1: sessions from their first frame to their end."""

import asyncio
import json
import time

import pytest

from tests.conformance.ea import INIT, Ea, opening
from tests.conformance.links import ExchangeLink, SocketLink
from tests.conformance.stage import Stage, fresh_id, many, stranger


@pytest.mark.over("socket")
@pytest.mark.parametrize("first", ["StatusHeartbeat", "OrderIntent"])
async def test_case_001_a_first_frame_that_is_no_hello_closes_4401(stage: Stage, first: str) -> None:
    role = stage.cast().master
    session = await stage.open(role)
    ea = Ea(await stage.socket(), session)
    await ea.send(first, {} if first == "StatusHeartbeat" else opening(stage.position(1)))
    await ea.ends_with(4401)
    assert ea.alerts() == ["token_invalid"]
    back = await stage.connect(session)
    assert (await back.hear("SessionState"))["payload"]["stored_seq"] == 0


@pytest.mark.over("exchange")
async def test_case_001_an_exchange_without_a_token_is_401(stage: Stage) -> None:
    session = await stage.open(stage.cast().master)
    link = await stage.link({**session, "session_token": ""})
    ea = Ea(link, session)
    await ea.send("StatusHeartbeat", {})
    await ea.ends_with(4401)
    assert ea.seen == []


@pytest.mark.over("socket")
async def test_case_002_silent_sockets_are_closed_4401_and_stop_nobody(stage: Stage) -> None:
    owner = await stage.arrive(stage.cast().master)
    began = time.monotonic()
    silent = [Ea(await stage.socket(), {}) for _ in range(many(500, brief=40))]
    await owner.beat()
    await owner.buy(stage.position(1))
    await owner.acked(1)
    assert time.monotonic() - began < 60
    await asyncio.gather(*(ea.ends_with(4401) for ea in silent))
    assert {tuple(ea.alerts()) for ea in silent} == {("token_invalid",)}
    await owner.beat()


async def test_case_003_hello_and_init_request_are_answered_with_state_and_one_init_ack(stage: Stage) -> None:
    ea = await stage.connect(await stage.open(stage.cast({}).master))
    state = (await ea.hear("SessionState"))["payload"]
    assert (state["status"], state["stored_seq"]) == ("authenticated", 0)
    assert state["epoch"] is not None
    assert state["top_seq"] >= 0
    told = await ea.introduce()
    assert told["role"] == "master"
    assert set(told["heartbeat"]) == {"interval_seconds", "timeout_seconds"}
    assert told["limits"]["max_unacked_commands"] > 0
    assert told["server_time"].endswith("Z")
    await ea.beat()
    assert ea.kinds("InitAck") == ["InitAck"]


@pytest.mark.over("socket")
async def test_case_004_a_second_hello_changes_nothing(stage: Stage) -> None:
    ea = await stage.arrive(stage.cast().master)
    await ea.buy(stage.position(1))
    await ea.acked(1)
    await ea.send("Hello", {"token": ea.token})
    await ea.alert("already_authenticated")
    await ea.buy(stage.position(2))
    await ea.acked(2)
    assert ea.kinds("SessionState") == ["SessionState"]


async def test_case_005_the_same_token_again_supersedes_the_half_open_link(stage: Stage) -> None:
    master, old = await stage.pair()
    await master.buy(stage.position(1))
    (first,) = await old.commands(1)
    await master.buy(stage.position(2))  # the old link hears no more of it
    newer = await stage.resume(old)
    await newer.send("Ack", {"ack": first["seq"]})
    (second,) = await newer.commands(1)
    assert second["seq"] == first["seq"] + 1
    if isinstance(old.link, SocketLink):
        await old.ends_with(4411)
    await newer.report(first, "filled", ticket=stage.position(7), lots="0.10")
    await newer.acked(newer.seq)
    assert newer.kinds("OrderCommand") == ["OrderCommand"]


@pytest.mark.over("exchange")
async def test_case_005_a_newer_exchange_supersedes_the_call_in_flight(stage: Stage) -> None:
    ea = await stage.arrive(stage.cast().master)
    assert isinstance(ea.link, ExchangeLink)
    waiting = ExchangeLink(stage.http, f"/ea-gateway/v1/sessions/{ea.session['session_id']}/exchange", ea.token)
    held = asyncio.create_task(waiting.call([], hold_ms=2000))
    for _ in range(20):
        await asyncio.sleep(0)
    while not held.done():  # of two calls the later one goes on, whichever it was
        beat = json.dumps({"v": 1, "type": "StatusHeartbeat", "id": fresh_id(), "payload": {}})
        beaten = await ea.link.call([beat], ends=False)
        assert (beaten.status_code, beaten.json().get("code")) in ((200, None), (409, "superseded"))
    answer = held.result()
    if answer.status_code != 200:  # the beat may have come first
        assert (answer.status_code, answer.json()["code"]) == (409, "superseded")


@pytest.mark.over("socket")
async def test_case_006_another_subprotocol_is_refused_with_the_supported_one(stage: Stage) -> None:
    ea = Ea(await stage.socket(subprotocols=["ea-gateway.v2"]), {})
    await ea.ends_with(4406)
    (alert,) = [frame["payload"] for frame in ea.seen]
    assert alert["code"] == "version_unsupported"
    assert "ea-gateway.v1" in alert["message"]


async def test_case_006_another_version_is_refused_with_the_supported_one(stage: Stage) -> None:
    session = await stage.open(stage.cast().master)
    ea = Ea(await stage.link(session), session)
    await ea.link.send(f'{{"v":9,"type":"Hello","id":"{fresh_id()}","payload":{{"token":"{ea.token}"}}}}')
    ended = await ea.end()
    assert ended.means(4406)
    told = [frame["payload"] for frame in ea.seen if frame["type"] == "ErrorAlert"] or [ended.problem or {}]
    assert told[-1]["code"] == "version_unsupported"
    assert "supported: 1" in told[-1].get("message", "") + told[-1].get("detail", "")


@pytest.mark.parametrize("wished", [-10, 0, 1, 86400])
async def test_case_007_a_wished_interval_is_clamped_and_told(stage: Stage, wished: int) -> None:
    ea = await stage.connect(await stage.open(stage.cast().master))
    pace = (await ea.introduce(heartbeat_interval_seconds=wished))["heartbeat"]
    assert 1 <= pace["interval_seconds"] <= pace["timeout_seconds"] / 3


async def test_case_007_an_interval_that_is_no_number_is_left_out_and_told(stage: Stage) -> None:
    ea = await stage.connect(await stage.open(stage.cast().master))
    await ea.send("InitRequest", {**INIT, "heartbeat_interval_seconds": "x"}, odd=True)
    alert = await ea.alert("field_unreadable")
    assert alert["path"] == "$.heartbeat_interval_seconds"
    assert (await ea.introduce())["heartbeat"]["interval_seconds"] >= 1


async def test_case_008_reports_on_a_neighbours_command_are_refused_and_the_third_ends_it(stage: Stage) -> None:
    cast = stage.cast({}, {})
    master, other, ea = [await stage.arrive(role) for role in (cast.master, *cast.followers[:2])]
    await master.buy(stage.position(1))
    (command,) = await other.commands(1)
    for _ in range(3):
        await ea.report(command, "filled", ticket=stage.position(9), lots="0.10")
    await ea.ends_with(4400)
    assert ea.alerts().count("not_your_command") == 3
    await other.report(command, "filled", ticket=stage.position(7), lots="0.10")
    await other.acked(other.seq)


async def test_case_009_the_token_of_a_closed_session_opens_nothing(stage: Stage) -> None:
    session = await stage.open(stage.cast().master)
    assert (await stage.own_session("DELETE", session)).status_code == 204
    assert (await stage.own_session("GET", session)).status_code in (401, 410)
    ea = await stage.connect(session)
    await ea.ends_with(4410)
    assert {frame["payload"]["status"] for frame in ea.seen if frame["type"] == "SessionState"} <= {"closed"}


async def test_case_010_a_cut_within_the_deadline_resumes_the_same_session(stage: Stage) -> None:
    master, follower = await stage.pair()
    for number in range(1, 6):
        await master.buy(stage.position(number))
    numbers = [frame["seq"] for frame in await follower.commands(5)]
    await follower.link.drop()
    await master.link.drop()
    back = await stage.resume(follower, last_server_seq=numbers[2])
    assert [frame["seq"] for frame in await back.commands(2)] == numbers[3:]
    assert back.state["session_id"] == follower.session["session_id"]
    again = await stage.resume(master)
    assert again.state["stored_seq"] == 5
    await again.buy(stage.position(6))
    await again.acked(6)
    assert (await back.commands(1))[0]["seq"] == numbers[-1] + 1


async def test_case_011_an_expired_session_says_so_and_its_frames_come_again(quick_stage: Stage) -> None:
    cast = quick_stage.cast()
    ea = await quick_stage.arrive(cast.master)
    frame_id = await ea.buy(quick_stage.position(1))
    await ea.acked(1)
    await ea.link.drop()
    silent = await quick_stage.connect(ea.session)
    await silent.ends_with(4408)
    back = await quick_stage.connect(ea.session)
    ended = await back.end()
    assert ended.means(4408) or ended.means(4410)
    assert (back.state["status"], back.state["reason"]) == ("closed", "heartbeat_timeout")
    newer = await quick_stage.arrive(cast.master)
    await newer.buy(quick_stage.position(1), id=frame_id, resent=True)
    await newer.buy(quick_stage.position(2))
    await newer.acked(2)
    assert newer.alerts() == []


async def test_case_012_every_transition_leaves_exactly_one_history_row(stage: Stage) -> None:
    cast = stage.cast()
    first = await stage.arrive(cast.master)
    second = await stage.arrive(cast.master)
    await second.send("ShutdownNotice", {"reason": "terminal_closed", "last_seq": 0})
    await second.end()
    waiting = await stage.open(cast.master, key=stranger())
    await stage.house.rows("decide", verb="reject", account_id=cast.master.account_id)
    stories = [
        await stage.house.rows("history", session_id=ea["session_id"])
        for ea in (first.session, second.session, waiting)
    ]
    born, promoted = ["", "pending", "asked", "EA"], ["pending", "authenticated", "key_approved", "gateway"]
    assert stories == [
        [born, promoted, ["authenticated", "closed", "preempted", "EA"]],
        [born, promoted, ["authenticated", "closed", "shutdown_by_ea", "EA"]],
        [born, ["pending", "rejected", "key_rejected", "operator"]],
    ]


@pytest.mark.over("rows")
async def test_case_012_a_transition_that_is_rolled_back_leaves_no_row(stage: Stage) -> None:
    session = await stage.open(stage.cast().master)
    before = await stage.house.rows("history", session_id=session["session_id"])
    await stage.house.rows("close_and_roll_back", session_id=session["session_id"])
    assert await stage.house.rows("history", session_id=session["session_id"]) == before
    assert (await stage.own_session("GET", session)).status_code == 200


async def test_case_013_closing_twice_is_success_twice(stage: Stage) -> None:
    session = await stage.open(stage.cast().master)
    first, second = [await stage.own_session("DELETE", session) for _ in range(2)]
    assert (first.status_code, second.status_code) == (204, 204)


async def test_case_013_a_delete_racing_a_shutdown_notice_is_one_close(stage: Stage) -> None:
    ea = await stage.arrive(stage.cast().master)
    notice = ea.send("ShutdownNotice", {"reason": "terminal_closed", "last_seq": 0})
    deleted, _ = await asyncio.gather(stage.own_session("DELETE", ea.session), notice)
    assert deleted.status_code == 204
    await ea.ends_with(4410)
    if stage.house.own:
        story = await stage.house.rows("history", session_id=ea.session["session_id"])
        assert [row[1] for row in story] == ["pending", "authenticated", "closed"]


async def test_case_014_a_pending_session_lapses_and_the_next_request_is_a_new_one(stage: Stage) -> None:
    role, key = stage.cast().master, stranger()
    session = await stage.open(role, key=key)
    ea = await stage.connect(session)
    await ea.buy(stage.position(1))
    await ea.beat()
    await stage.house.rows("lapse", session_id=session["session_id"])
    await ea.ends_with(4410)
    assert (ea.state["status"], ea.state["reason"]) == ("lapsed", "pending_lapsed")
    newer = await stage.open(role, key=key)
    assert (newer["status"], newer["session_id"] == session["session_id"]) == ("pending", False)


@pytest.mark.over("rows")
async def test_case_015_any_sequence_of_acts_keeps_one_session_growing_fences_and_legal_moves(stage: Stage) -> None:
    """10,000 steps; a walk that breaks a rule is told as the shortest one that does."""
    steps = many(10_000, brief=1500)
    walked = await stage.house.rows("wander", account_id=stage.cast().master.account_id, walks=steps // 45, steps=50)
    assert walked["steps"] >= steps
    assert walked["sessions"] > walked["served"] > steps / 100
    ends = {"preempted", "account_suspended", "heartbeat_timeout", "shutdown_by_ea", "key_revoked"}
    assert ends <= set(walked["reasons"])
