"""Section 6: a newer authorised session takes over; what the former one was sent and never reported is in doubt."""

import asyncio
from typing import Any

import pytest

from tests.conformance.ea import Ea
from tests.conformance.stage import Stage, many, stranger

LONG_AGO = "2020-01-01T00:00:00.000Z"


async def test_case_067_a_newer_session_preempts_with_a_frame_and_4409(stage: Stage) -> None:
    role = stage.cast().master
    old = await stage.arrive(role)
    newer = await stage.arrive(role)
    await old.ends_with(4409)
    assert (old.state["status"], old.state["reason"]) == ("closed", "preempted")
    await newer.buy(stage.position(1))
    await newer.acked(1)
    if stage.house.own:
        before, after = [await stage.house.rows("session", session_id=ea.session["session_id"]) for ea in (old, newer)]
        assert (before["state"], before["close_reason"]) == ("closed", "preempted")
        assert (after["state"], after["fence"]) == ("authenticated", before["fence"] + 1)


async def test_case_068_who_merely_asks_disturbs_nobody(stage: Stage) -> None:
    role = stage.cast().master
    owner = await stage.arrive(role)
    answer = await stage.ask(role, key=stranger())
    if answer.status_code == 201:
        asking = await stage.connect(answer.json())
        assert (await asking.hear("SessionState"))["payload"]["status"] == "pending"
        await asking.beat()
    await owner.buy(stage.position(1))
    await owner.acked(1)
    assert owner.kinds("SessionState") == ["SessionState"]


@pytest.mark.over("rest")
async def test_case_070_authorisations_in_one_instant_leave_one_session(stage: Stage) -> None:
    role = stage.cast().master
    for _ in range(many(10, brief=2)):
        answers = await asyncio.gather(*(stage.ask(role) for _ in range(4)))
        assert {answer.status_code for answer in answers} <= {201, 409}
        assert await stage.house.rows("authenticated_sessions", account_id=role.account_id) == 1
    fences = await stage.house.rows("fences", account_id=role.account_id)
    assert fences == sorted(set(fences))


async def unreported(stage: Stage, installation: str) -> tuple[Any, Ea, dict[str, Any]]:
    """A follower of this installation with a command that it has never reported: its cast, its master, the command."""
    cast = stage.cast({})
    master = await stage.arrive(cast.master)
    former = await stage.arrive(cast.followers[0], installation_id=installation)
    await master.buy(stage.position(1))
    (command,) = await former.commands(1)
    await former.send("Ack", {"ack": command["seq"]})
    await former.beat()
    return cast, master, command


@pytest.mark.parametrize("found", [True, False])
async def test_case_072_an_unreported_command_of_another_installation_is_in_doubt(stage: Stage, found: bool) -> None:
    cast, master, command = await unreported(stage, "terminal-a")
    taken_over = await stage.open(cast.followers[0])
    newer = await stage.connect(taken_over, installation_id="terminal-b", epoch=None)
    await newer.hear("SessionState")
    await newer.introduce()
    await newer.beat()
    assert newer.kinds("OrderCommand") == []
    payload = command["payload"]
    magic = {"magic": payload["magic"], "symbol": "EURUSD", "side": "buy", "lots": payload["lots"], "price": "1.1"}
    held = [{"ticket": stage.position(71), **magic}] if found else []
    again = await resolve(newer, held)
    if found:
        assert again is None
        await master.close(stage.position(1))
        (closing,) = await newer.commands(1)
        assert (closing["payload"]["action"], closing["payload"]["copy_no"]) == ("close", payload["copy_no"])
        assert newer.kinds("OrderCommand") == ["OrderCommand"]
    else:
        assert again is not None
        assert (again["payload"]["copy_no"], again["payload"]["attempt"]) == (payload["copy_no"], 2)
        assert again["seq"] > command["seq"]
        assert again["payload"]["valid_until"] == payload["valid_until"]


async def resolve(ea: Ea, held: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Answer every request for a snapshot with this book, until a command comes or, with something held, a result."""
    while True:
        for frame in [frame for frame in ea.unheard if frame["type"] in ("SyncSnapshot", "OrderCommand")]:
            ea.unheard.remove(frame)
            if frame["type"] == "OrderCommand":
                return frame
            if frame["payload"]["phase"] == "request":
                await ea.snapshot(frame["payload"], positions=held, history_from=LONG_AGO)
            elif held:
                return None
        await ea.next_frame()


async def test_case_073_of_the_same_installation_it_is_sent_again_at_once(stage: Stage) -> None:
    cast, _, command = await unreported(stage, "terminal-a")
    session = await stage.open(cast.followers[0])
    head = {"installation_id": "terminal-a", "ledger_head": command["seq"]}
    newer = await stage.connect(session, **head)
    state = (await newer.hear("SessionState"))["payload"]
    await newer.introduce()
    again = await newer.hear("OrderCommand")
    assert (again["id"], again["seq"]) == (command["id"], command["seq"])
    assert state["top_seq"] == command["seq"]
