"""Section 9: goodbyes on both sides."""

import contextlib
import json
import time
from collections.abc import Awaitable

import pytest
from websockets.exceptions import ConnectionClosed

from tests.conformance.ea import opening
from tests.conformance.links import Ended, ExchangeLink
from tests.conformance.stage import Stage, fresh_id


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


async def test_case_098_frames_after_the_closing_notice_are_ignored(quick_stage: Stage) -> None:
    role = quick_stage.cast().master
    ea = await quick_stage.arrive(role)
    if isinstance(ea.link, ExchangeLink):  # the notice comes with the end of the link
        await ea.ends_with(4408)
        late = json.dumps({"v": 1, "type": "OrderIntent", "id": fresh_id(), "seq": 1, "payload": opening(1)})
        assert (await ea.link.call([late], ends=False)).status_code == 410
    else:
        await ea.hear("ShutdownNotice")
        for number in (1, 2):
            await say(ea.buy(quick_stage.position(number)))
        await ea.ends_with(4408)
    assert ea.alerts() == []
    assert ea.acknowledged() == 0
    if quick_stage.house.own:
        assert await quick_stage.house.rows("count_frames", session_id=ea.session["session_id"]) == 0
    newer = await quick_stage.arrive(role)
    await newer.buy(quick_stage.position(3))
    await newer.acked(1)


async def say(sending: Awaitable[str]) -> None:
    """Send one frame behind a notice; the link may be over by then."""
    with contextlib.suppress(ConnectionClosed, Ended):
        await sending
