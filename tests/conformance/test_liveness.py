"""Section 7: heartbeats, silence, and the one clock that counts."""

import asyncio
import contextlib
import time
from datetime import UTC, datetime, timedelta

import pytest
from websockets.exceptions import ConnectionClosed

from tests.conformance.ea import Ea, text_of
from tests.conformance.links import ExchangeLink
from tests.conformance.stage import Stage, many


async def test_case_075_silence_is_asked_about_then_ends_the_session(quick_stage: Stage) -> None:
    ea = await quick_stage.arrive(quick_stage.cast().master)
    pace = ea.session["heartbeat"]
    silent_since = time.monotonic()
    asked = await ea.hear("TestRequest")
    assert time.monotonic() - silent_since >= 1.4 * pace["interval_seconds"]
    await ea.ends_with(4408)
    assert time.monotonic() - silent_since >= 0.9 * pace["timeout_seconds"]
    assert (ea.state["status"], ea.state["reason"]) == ("closed", "heartbeat_timeout")
    notice = next(frame["payload"] for frame in ea.seen if frame["type"] == "ShutdownNotice")
    assert notice["reconnect"] is True
    assert ea.kinds("TestRequest", "ShutdownNotice") == ["TestRequest", "ShutdownNotice"]
    assert abs(datetime.fromisoformat(asked["payload"]["reply_by"]) - datetime.now(UTC)) < timedelta(seconds=30)


async def test_case_076_an_answered_test_request_renews_the_deadline(quick_stage: Stage) -> None:
    ea = await quick_stage.arrive(quick_stage.cast().master)
    for _ in range(3):  # three times 1.5 intervals is past the timeout
        await ea.hear("TestRequest")
        await ea.beat()
    assert (await quick_stage.own_session("GET", ea.session)).json()["status"] == "authenticated"
    assert ea.kinds("SessionState") == ["SessionState"]
    if quick_stage.house.own:
        story = await quick_stage.house.rows("history", session_id=ea.session["session_id"])
        assert [row[1] for row in story] == ["pending", "authenticated"]


@pytest.mark.over("rows")
async def test_case_077_expiry_and_heartbeat_in_one_instant_have_one_winner(stage: Stage) -> None:
    role = stage.cast().master
    races = await stage.house.rows("race_expiry", account_id=role.account_id, times=many(100, brief=10))
    for race in races:
        renewed = race["state"] == "authenticated"
        assert race["beat"] == ("apply" if renewed else "refused")
        assert race["transitions"] == (2 if renewed else 3)


async def test_case_077_a_heartbeat_after_expiry_revives_nothing(quick_stage: Stage) -> None:
    ea = await quick_stage.arrive(quick_stage.cast().master)
    await ea.link.drop()
    silent = await quick_stage.connect(ea.session)
    await silent.ends_with(4408)
    late = await quick_stage.connect(ea.session)
    await late.send("StatusHeartbeat", {})
    ended = await late.end()
    assert ended.means(4408) or ended.means(4410)
    assert (late.state["status"], late.state["reason"]) == ("closed", "heartbeat_timeout")
    assert (await quick_stage.own_session("GET", ea.session)).status_code == 410


async def test_case_078_the_eas_clock_plays_no_part(quick_stage: Stage) -> None:
    ea = await quick_stage.arrive(quick_stage.cast().master)
    until = time.monotonic() + ea.session["heartbeat"]["timeout_seconds"] + 1
    clocks = [timedelta(hours=3), timedelta(hours=-2), timedelta(days=400), timedelta()]
    turn = 0
    while time.monotonic() < until:
        clock = text_of(datetime.now(UTC) + clocks[turn % 4])
        await ea.send("StatusHeartbeat", {"balance": "10000", "terminal_time": clock}, sent_at=clock)
        await ea.hear("HeartbeatAck")
        await asyncio.sleep(0.25)
        turn += 1
    assert (await quick_stage.own_session("GET", ea.session)).json()["status"] == "authenticated"
    fast = text_of(datetime.now(UTC) + timedelta(hours=3))
    await ea.send("StatusHeartbeat", {"terminal_time": fast}, sent_at=fast)
    await ea.ends_with(4408)


@pytest.mark.over("rows")
async def test_case_081_mass_silence_pauses_expiry_for_one_timeout(quick_stage: Stage) -> None:
    role = quick_stage.cast().master
    silent = await quick_stage.house.rows("fall_silent", account_id=role.account_id, at_least=40)
    quick_stage.transport = "socket"
    ea = await quick_stage.arrive(role)
    until = time.monotonic() + 2
    while time.monotonic() < until:  # two sweeps
        await ea.beat()
        await asyncio.sleep(0.25)
    assert await quick_stage.house.rows("count_living", session_ids=silent) == len(silent)
    assert await quick_stage.house.rows("open_alerts", code="mass_silence") == 1
    async with asyncio.timeout(20):
        while await quick_stage.house.rows("count_living", session_ids=silent):
            await ea.beat()
            await asyncio.sleep(0.25)


async def test_case_083_an_announced_long_broker_call_extends_the_deadline_once(quick_stage: Stage) -> None:
    role = quick_stage.cast().master
    ea = await quick_stage.arrive(role)
    timeout = ea.session["heartbeat"]["timeout_seconds"]
    await ea.beat(busy_until_ms=2000)
    silent_since = time.monotonic()
    await ea.ends_with(4408)
    first = time.monotonic() - silent_since
    assert timeout + 1.5 <= first <= timeout + 2 + 5
    again = await quick_stage.arrive(role)
    await again.beat(busy_until_ms=2000)
    await again.beat(busy_until_ms=2000)  # it has been extended once: no more
    silent_since = time.monotonic()
    await again.ends_with(4408)
    assert time.monotonic() - silent_since < first - 0.5


async def test_case_085_polling_alone_does_not_keep_a_session(quick_stage: Stage) -> None:
    ea = await quick_stage.arrive(quick_stage.cast().master)
    ended = asyncio.create_task(ea.end())
    polled = 0
    while not ended.done():
        if isinstance(ea.link, ExchangeLink):
            await ea.link.call([], hold_ms=200)
        else:
            await poll(ea)
        polled += 1
        await asyncio.sleep(0.1)
    assert ended.result().means(4408)
    assert polled > 2
    assert (ea.state["status"], ea.state["reason"]) == ("closed", "heartbeat_timeout")
    if not isinstance(ea.link, ExchangeLink):
        assert len(ea.kinds("Idle")) > 2


async def poll(ea: Ea) -> None:
    """One Poll; once the link is over, none."""
    with contextlib.suppress(ConnectionClosed):
        await ea.send("Poll", {"ack": 0, "hold_ms": 100})
