"""Section 9: goodbyes on both sides."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable

import pytest
from websockets.exceptions import ConnectionClosed

from tests.conformance.links import Ended
from tests.conformance.stage import Stage


async def test_case_096_a_leaving_ea_is_acknowledged_and_both_hold_the_same_numbers(stage: Stage) -> None:
    master, follower = await stage.pair()
    await master.buy(stage.position(1))
    (command,) = await follower.commands(1)
    await follower.send("Ack", {"ack": command["seq"]})
    await follower.report(command, "accepted")
    frame_id = await follower.send("ExecutionReport", filled(command), seq=3)  # the second is missing
    await follower.send("ShutdownNotice", {"reason": "terminal_closed", "last_seq": 3})
    assert (await follower.hear("ResendRequest"))["payload"] == {"from": 2, "to": 2}
    await follower.send("ExecutionReport", {**filled(command), "status": "accepted"}, seq=2)
    await follower.send("ExecutionReport", filled(command), seq=3, id=frame_id, resent=True)
    goodbye = await follower.hear("ShutdownNotice")
    assert goodbye["payload"]["phase"] == "ack"
    assert (goodbye["ack"], goodbye["payload"]["last_seq"]) == (3, command["seq"])
    await follower.ends_with(4410)
    assert (follower.state["status"], follower.state["reason"]) == ("closed", "shutdown_by_ea")
    assert follower.kinds("TestRequest") == []


def filled(command: dict[str, object]) -> dict[str, object]:
    payload = command["payload"]
    assert isinstance(payload, dict)
    return {"command_id": payload["command_id"], "status": "filled", "ticket": 7, "lots": "0.10"}


@pytest.mark.over("socket")
@pytest.mark.parametrize("answered", [False, True])
async def test_case_097_a_notice_of_ours_is_waited_for_two_seconds(quick_stage: Stage, answered: bool) -> None:
    ea = await quick_stage.arrive(quick_stage.cast().master)
    notice = await ea.hear("ShutdownNotice")  # its heartbeat timeout
    began = time.monotonic()
    if answered:
        await say(ea.send("ShutdownNotice", {"reason": "heard", "phase": "ack", "last_seq": ea.seq}))
    await ea.ends_with(4408)
    assert notice["payload"]["phase"] == "notice"
    assert time.monotonic() - began < 4


async def test_case_098_frames_after_the_closing_notice_are_ignored(stage: Stage) -> None:
    role = stage.cast().master
    ea = await stage.arrive(role)
    await ea.buy(stage.position(1))
    await ea.acked(1)
    leave = ea.send("ShutdownNotice", {"reason": "terminal_closed", "last_seq": 1})
    await asyncio.gather(leave, say(ea.buy(stage.position(2))))
    await ea.ends_with(4410)
    assert ea.alerts() == []
    assert ea.acknowledged() == 1
    newer = await stage.arrive(role)
    await newer.buy(stage.position(3))
    await newer.acked(1)


async def say(sending: Awaitable[str]) -> None:
    """Send one frame behind a notice; the link may be over by then."""
    with contextlib.suppress(ConnectionClosed, Ended):
        await sending
