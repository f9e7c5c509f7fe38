"""Section 8: what a terminal holds against what we believe, and what comes of the difference."""

import json
from typing import Any

import pytest

from tests.conformance.ea import Ea, now_text
from tests.conformance.stage import Stage

LONG_AGO = "2020-01-01T00:00:00.000Z"


async def told(ea: Ea, *positions: dict[str, Any], **fields: Any) -> list[dict[str, Any]]:
    """Report a book that nobody need have asked for; the differences of its result."""
    await ea.snapshot({"request_id": None}, positions=list(positions), history_from=LONG_AGO, **fields)
    result = await ea.hear("SyncSnapshot", lambda payload: payload["phase"] == "result")
    differences: list[dict[str, Any]] = result["payload"]["differences"]
    return differences


def held(command: dict[str, Any], ticket: int, **fields: Any) -> dict[str, Any]:
    """The position that a command has opened."""
    payload = command["payload"]
    copied = {"symbol": payload["symbol"], "side": payload["side"], "lots": payload["lots"], "magic": payload["magic"]}
    return {"ticket": ticket, "price": "1.1", **copied, **fields}


async def test_case_086_an_unknown_position_with_our_magic_is_adopted_once(stage: Stage) -> None:
    cast = stage.cast({})
    master, follower = await stage.arrive(cast.master), await stage.arrive(cast.followers[0])
    await master.buy(stage.position(1))
    (command,) = await follower.commands(1)
    for _ in range(2):
        differences = await told(follower, held(command, stage.position(71)), applied_server_seq=command["seq"])
        assert [item for item in differences if item["kind"] in ("missing", "extra")] == []
    if stage.house.own:
        stored = await stage.house.rows("command", command_id=command["payload"]["command_id"])
        assert (stored["state"], stored["reports"]) == ("done", 1)
    await master.close(stage.position(1))
    (closing,) = await follower.commands(1)
    assert (closing["payload"]["copy_no"], closing["payload"]["lots_before"]) == (command["payload"]["copy_no"], "0.1")


async def test_case_087_a_foreign_position_is_shown_and_left_alone(stage: Stage) -> None:
    _, follower = await stage.pair()
    foreign = {
        "ticket": stage.position(99),
        "symbol": "EURUSD",
        "side": "sell",
        "lots": "3",
        "price": "1.2",
        "magic": 12345,
    }
    top = (await follower.beat())["top_seq"]
    (shown,) = await told(follower, foreign)
    assert (shown["kind"], shown["severity"], shown["ticket"]) == ("foreign", "ok", stage.position(99))
    assert (await follower.beat())["top_seq"] == top


async def open_copy(stage: Stage) -> tuple[Ea, Ea, dict[str, Any]]:
    """A master and a follower with one open copy, reported under ticket 71; the command that opened it."""
    master, follower = await stage.pair()
    await master.buy(stage.position(1))
    (command,) = await follower.commands(1)
    await follower.report(command, "filled", ticket=stage.position(71), lots="0.10", price="1.1")
    await follower.acked(follower.seq)
    return master, follower, command


async def test_case_088_a_copy_that_is_gone_is_closed_and_not_opened_again(stage: Stage) -> None:
    master, follower, command = await open_copy(stage)
    (missing,) = await told(follower, applied_server_seq=command["seq"])
    assert (missing["kind"], missing["copy_no"]) == ("missing", command["payload"]["copy_no"])
    assert await told(follower, applied_server_seq=command["seq"]) == []
    await master.close(stage.position(1))
    await master.acked(2)
    assert (await follower.beat())["top_seq"] == command["seq"]
    if stage.house.own:
        copied = await stage.house.rows("copy_of", command_id=command["payload"]["command_id"])
        assert (copied["state"], copied["close_cause"], copied["tombstoned"]) == ("closed", "gone", True)


async def test_case_089_a_partial_close_by_hand_keeps_its_lineage(stage: Stage) -> None:
    master, follower, command = await open_copy(stage)
    rest = held(command, stage.position(72), lots="0.04", parent_ticket=stage.position(71), comment="from #71")
    differences = await told(follower, rest, applied_server_seq=command["seq"])
    assert {item["kind"] for item in differences} <= {"wrong_lots"}
    assert await told(follower, rest, applied_server_seq=command["seq"]) == []
    await master.close(stage.position(1))
    (closing,) = await follower.commands(1)
    assert (closing["payload"]["copy_no"], closing["payload"]["lots_before"]) == (command["payload"]["copy_no"], "0.04")


@pytest.mark.parametrize("broken", [{"connected": False}, {"balance": None, "equity": None}, {"n": 1, "of": 2}])
async def test_case_090_a_broken_or_disconnected_snapshot_is_never_flat(stage: Stage, broken: dict[str, Any]) -> None:
    master, follower, command = await open_copy(stage)
    chunked = {"digest": "half"} if "of" in broken else {}
    fields = {"applied_server_seq": command["seq"], "history_from": LONG_AGO, **broken, **chunked}
    await follower.snapshot({"request_id": None}, **fields)
    await follower.beat()
    await master.close(stage.position(1))
    (closing,) = await follower.commands(1)
    assert (closing["payload"]["action"], closing["payload"]["lots_before"]) == ("close", "0.1")


async def test_case_091_what_changed_after_the_snapshot_is_not_compared(stage: Stage) -> None:
    master, follower, command = await open_copy(stage)
    assert await told(follower, applied_server_seq=command["seq"], age_ms=30_000) == []
    await master.close(stage.position(1))
    (closing,) = await follower.commands(1)
    assert closing["payload"]["action"] == "close"


async def test_case_092_the_same_snapshot_again_changes_nothing(stage: Stage) -> None:
    cast = stage.cast({})
    master, follower = await stage.arrive(cast.master), await stage.arrive(cast.followers[0])
    for number in range(1, 5):
        await master.buy(stage.position(number))
    commands = await follower.commands(4)
    for number, command in enumerate(commands[:3]):
        await follower.report(command, "filled", ticket=stage.position(71 + number), lots="0.10")
    await follower.acked(3)
    book = [
        held(commands[0], stage.position(71)),  # as believed
        held(commands[1], stage.position(72), lots="0.05"),  # less than believed
        held(commands[3], stage.position(74)),  # not reported
        {
            "ticket": stage.position(99),
            "symbol": "EURUSD",
            "side": "sell",
            "lots": "1",
            "price": "1.2",
        },  # foreign; 73 is gone
    ]
    await told(follower, *book, applied_server_seq=commands[-1]["seq"])
    settled = await stage.house.rows("books", account_id=cast.followers[0].account_id)
    for _ in range(3):
        again = await told(follower, *book, applied_server_seq=commands[-1]["seq"])
        assert [item["kind"] for item in again] == ["foreign"]
    assert await stage.house.rows("books", account_id=cast.followers[0].account_id) == settled


async def test_case_093_a_lost_chunk_discards_the_whole_and_it_is_asked_for_again(stage: Stage) -> None:
    master, follower, command = await open_copy(stage)
    many_held = [
        {"ticket": stage.position(1000 + n), "symbol": "EURUSD", "side": "buy", "lots": "1", "price": "1.1"}
        for n in range(300)
    ]
    chunks = [many_held[start : start + 100] for start in range(0, 300, 100)]
    common = {
        "of": 3,
        "digest": "first",
        "hash": "of-all",
        "taken_at": now_text(),
        "applied_server_seq": command["seq"],
        "history_from": LONG_AGO,
    }
    assert len(json.dumps(many_held)) > 16 * 1024
    follower.unheard.clear()
    for number in (1, 3):  # the second is lost
        await follower.snapshot({"request_id": None}, n=number, positions=chunks[number - 1], **common)
    request = await follower.asked_for_snapshot("incomplete")
    own = held(command, stage.position(71))
    common["digest"] = "second"
    for number in (1, 2, 3):
        positions = [own, *chunks[0]] if number == 1 else chunks[number - 1]
        await follower.snapshot(request, n=number, positions=positions, **common)
    result = (await follower.hear("SyncSnapshot", lambda payload: payload["phase"] == "result"))["payload"]
    assert result["request_id"] == request["request_id"]
    assert {item["kind"] for item in result["differences"]} == {"foreign"}
    assert len(result["differences"]) == 300 or result["differences"] != []
    await master.close(stage.position(1))
    assert (await follower.commands(1))[0]["payload"]["lots_before"] == "0.1"


async def test_case_094_an_unchanged_book_is_answered_same(stage: Stage) -> None:
    cast = stage.cast({})
    master, follower = await stage.arrive(cast.master), await stage.arrive(cast.followers[0])
    await master.buy(stage.position(1))
    (command,) = await follower.commands(1)
    await follower.report(command, "filled", ticket=stage.position(71), lots="0.10", price="1.1")
    await follower.acked(1)
    assert await told(follower, held(command, stage.position(71)), applied_server_seq=command["seq"], hash="h1") == []
    again = await stage.arrive(cast.followers[0], epoch=follower.state["epoch"], last_server_seq=follower.top)
    request = await again.asked_for_snapshot()
    assert request["hash"] == "h1"
    before = await stage.house.rows("books", account_id=cast.followers[0].account_id) if stage.house.own else None
    await again.snapshot(request, same=True, hash="h1", applied_server_seq=command["seq"])
    result = (await again.hear("SyncSnapshot", lambda payload: payload["phase"] == "result"))["payload"]
    assert result["differences"] == []
    if stage.house.own:
        assert await stage.house.rows("books", account_id=cast.followers[0].account_id) == before
    await master.close(stage.position(1))
    assert (await again.commands(1))[0]["payload"]["action"] == "close"
