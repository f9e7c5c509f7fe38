"""Section 17: how copies come to where they shall be, as far as a client sees it. The SDK's cases are in test_sdk."""

import asyncio
import json
from decimal import Decimal
from typing import Any, Final

import pytest

from tests.conformance.ea import INIT, SYMBOLS, Ea, later, now_text
from tests.conformance.house import invent
from tests.conformance.links import ExchangeLink
from tests.conformance.stage import Stage, stranger
from tests.conformance.test_backlog import approve, closing, pending
from tests.conformance.test_snapshots import held, told

FRAME_BYTES: Final = 16 * 1024
DOUBT_SECONDS: Final = 1.1  # a little more than IN_DOUBT_SECONDS of our own deployments


async def top_after(ea: Ea, master: Ea, seq: int) -> int:
    """The top of a follower's log when everything of its master is stored."""
    await master.acked(seq)
    top: int = (await ea.beat())["top_seq"]
    return top


# Unknown outcomes ----------------------------------------------------------------------------------------------------


async def test_case_163_a_timeout_that_filled_is_one_position_whatever_was_said_before(stage: Stage) -> None:
    master, follower = await stage.pair()
    await master.buy(stage.position(1))
    (command,) = await follower.commands(1)
    await follower.report(command, "unknown", error_code=128)
    for _ in range(3):  # a broker that was asked too early knows nothing yet
        await follower.report(command, "unknown", found=False)
    await follower.acked(follower.seq)
    assert (await follower.beat())["top_seq"] == command["seq"], "nothing is ordered again on such a word"
    await follower.report(command, "filled", ticket=stage.position(71), lots="0.10", price="1.1")
    await follower.acked(follower.seq)
    await master.close(stage.position(1))
    (end,) = await follower.commands(1)
    assert (end["payload"]["action"], end["payload"]["lots_before"]) == ("close", "0.1")
    assert end["payload"]["copy_no"] == command["payload"]["copy_no"]


async def test_case_163_an_open_that_nobody_ever_finds_is_ordered_three_times(stage: Stage) -> None:
    if not stage.house.own:
        pytest.skip("waits for the doubt of another deployment, which may be minutes")
    master, follower = await stage.pair({"max_age_seconds": 600})
    await master.buy(stage.position(1))
    copies, top = set(), 0
    for attempt in (1, 2, 3):
        (command,) = await follower.commands(1)
        assert (command["payload"]["action"], command["payload"]["attempt"]) == ("open", attempt)
        copies.add(command["payload"]["copy_no"])
        top = command["seq"]
        await follower.report(command, "unknown")
        await follower.beat_past(later((await follower.beat())["server_time"], seconds=DOUBT_SECONDS))
        await follower.report(command, "unknown", found=False)
    await follower.acked(follower.seq)
    assert len(copies) == 1, "one copy, whatever the number of attempts"
    assert (await follower.beat())["top_seq"] == top


async def test_case_164_while_one_copy_is_in_doubt_the_others_are_served(stage: Stage) -> None:
    master, follower = await stage.pair()
    await master.buy(stage.position(1))
    (doubtful,) = await follower.commands(1)
    await follower.report(doubtful, "unknown")
    await follower.acked(follower.seq)
    await master.buy(stage.position(2))
    (second,) = await follower.commands(1)
    assert (second["payload"]["action"], second["payload"]["position_id"]) == ("open", stage.position(2))
    await follower.report(second, "filled", ticket=stage.position(72), lots="0.10", price="1.1")
    await follower.acked(follower.seq)
    await master.close(stage.position(2))
    (end,) = await follower.commands(1)
    assert (end["payload"]["action"], end["payload"]["copy_no"]) == ("close", second["payload"]["copy_no"])


# Long lists ----------------------------------------------------------------------------------------------------------


def listed(count: int) -> list[dict[str, Any]]:
    """So many symbols with every field that a terminal can tell."""
    more = {"stop_level": 20, "freeze_level": 10, "trade_mode": "full", "calculation_mode": "forex"}
    return [{**SYMBOLS[0], **more, "name": f"EURUSD.{number:04}" if number else "EURUSD"} for number in range(count)]


async def tell_in_parts(ea: Ea, symbols: list[dict[str, Any]], *, lost: int = 0) -> None:
    """InitRequest in parts, one of them lost, not faster than frames are taken."""
    parts = [symbols[start : start + 40] for start in range(0, len(symbols), 40)]
    common = {**INIT, "of": len(parts), "digest": now_text()}
    for number, part in enumerate(parts, start=1):
        if number != lost:
            await ea.send("InitRequest", {**common, "n": number, "symbols": part})
        await asyncio.sleep(0.06)


async def test_case_165_two_thousand_symbols_come_in_parts(stage: Stage) -> None:
    cast = stage.cast({})
    master, follower = await stage.arrive(cast.master), await stage.arrive(cast.followers[0])
    await master.introduce(symbols=[{**SYMBOLS[0], "name": "EURUSD.1999"}])
    await tell_in_parts(follower, listed(2000))
    ack = (await follower.hear("InitAck"))["payload"]
    assert "init_parts" in ack["capabilities"]
    await master.buy(stage.position(1), symbol="EURUSD.1999")
    (command,) = await follower.commands(1)
    assert command["payload"]["symbol"] == "EURUSD.1999"


async def test_case_165_a_lost_part_discards_the_whole_set(stage: Stage) -> None:
    _, follower = await stage.pair()
    await tell_in_parts(follower, listed(120), lost=2)
    alert = await follower.alert("parts_incomplete")
    assert alert["retryable"] is True
    assert follower.kinds("InitAck") == ["InitAck"], "the first one, of the beginning"
    await tell_in_parts(follower, listed(120))
    await follower.hear("InitAck")


async def test_case_166_no_frame_of_the_gateway_is_longer_than_a_frame_may_be(stage: Stage) -> None:
    tenant = invent([{}])
    master, follower = [account["account_id"] for account in tenant["accounts"]]
    names = [f"{number:03} {'é' * 56}" for number in range(200)]
    assert {len(name) for name in names} == {60}
    tenant["strategies"] = [
        {"name": name, "master": master, "subscriptions": [{"follower": follower}]} for name in names
    ]
    document = {"tenants": [tenant]}
    await stage.house.rows("provision", document=document)
    cast = stage.house.casts_of(document)[0]
    for role, plays in ((cast.master, "master"), (cast.followers[0], "follower")):
        ea = await stage.arrive(role)
        (ack,) = [frame["payload"] for frame in ea.seen if frame["type"] == "InitAck"]
        assert (ack["role"], ack["subscriptions_total"]) == (plays, 200)
        assert 0 < len(ack["subscriptions"]) < 200
        assert max(len(json.dumps(frame, ensure_ascii=False).encode()) for frame in ea.seen) <= FRAME_BYTES + 1024
        assert await ea.beat(), "the link goes on"


# Fills, facts and lineage --------------------------------------------------------------------------------------------


async def test_case_167_the_lots_of_partial_fills_are_cumulative(stage: Stage) -> None:
    master, follower = await stage.pair()
    await master.buy(stage.position(1))
    (command,) = await follower.commands(1)
    for status, lots in (("partially_filled", "0.04"), ("partially_filled", "0.07"), ("filled", "0.10")):
        await follower.report(command, status, ticket=stage.position(71), lots=lots, price="1.1")
    await follower.acked(follower.seq)
    assert await told(follower, held(command, stage.position(71)), applied_server_seq=command["seq"]) == []
    await master.close(stage.position(1))
    (end,) = await follower.commands(1)
    assert end["payload"]["lots_before"] == "0.1"


async def test_case_167_a_second_part_with_more_lots_is_news(stage: Stage) -> None:
    master, follower = await stage.pair()
    await master.buy(stage.position(1))
    (command,) = await follower.commands(1)
    for lots in ("0.04", "0.07", "0.07"):
        await follower.report(command, "partially_filled", ticket=stage.position(71), lots=lots, price="1.1")
    await follower.acked(follower.seq)
    # A book with fewer lots tells what was believed before.
    fewer = held(command, stage.position(71), lots="0.04")
    (difference,) = await told(follower, fewer, applied_server_seq=command["seq"])
    assert (difference["kind"], difference["expected"], difference["actual"]) == ("wrong_lots", "0.07", "0.04")


async def test_case_168_facts_are_taken_whatever_else_is_wrong_with_them(stage: Stage) -> None:
    master, follower = await stage.pair()
    await master.buy(stage.position(1), magic=2**63 - 1)
    (command,) = await follower.commands(1)
    funds = {"balance": "1234567890123.45", "equity": "1234567890123.45"}
    await follower.report(command, "filled", ticket=stage.position(71), lots="0.10", price="1.1", **funds)
    await follower.acked(follower.seq)
    top = follower.top
    foreign = {"ticket": stage.position(99), "symbol": "EURUSD", "side": "sell", "lots": "3", "price": "1.2"}
    (shown,) = await told(follower, held(command, stage.position(71)), {**foreign, "magic": 2**63 - 1})
    assert (shown["kind"], shown["ticket"]) == ("foreign", stage.position(99))
    long = {**closing(stage.position(1)), "comment": "c" * 65, "profit": "1.12345678901"}
    await master.durable("OrderIntent", long, odd=True)
    (end,) = await follower.commands(1)
    assert (end["payload"]["action"], end["seq"]) == ("close", top + 1)
    alert = await master.alert("field_unreadable")
    assert (alert["severity"], alert["path"]) == ("warning", "$.comment")
    assert [frame for frame in master.seen if frame["type"] == "Ack" and frame["payload"]["refused"]] == []


@pytest.mark.parametrize("knows", ["new_ticket", "parent_ticket"])
async def test_case_169_a_masters_remainder_is_found_by_its_lineage(stage: Stage, knows: str) -> None:
    """A master's EA without its store knows the ticket that remained, and not the first one of the position."""
    master, follower = await stage.pair()
    await master.buy(stage.position(1))
    (command,) = await follower.commands(1)
    await follower.report(command, "filled", ticket=stage.position(71), lots="0.10", price="1.1")
    named = {"new_ticket": stage.position(2)} if knows == "new_ticket" else {}
    part = {**closing(stage.position(1)), "action": "partial_close", "lots": "0.04", "remaining_lots": "0.06", **named}
    await master.durable("OrderIntent", part)
    (reduce,) = await follower.commands(1)
    assert (reduce["payload"]["action"], reduce["payload"]["lots_after"]) == ("partial_close", "0.06")
    parent = {"parent_ticket": stage.position(1)} if knows == "parent_ticket" else {}
    await master.durable("OrderIntent", {**closing(stage.position(2)), **parent})
    (end,) = await follower.commands(1)
    assert (end["payload"]["action"], end["payload"]["copy_no"]) == ("close", command["payload"]["copy_no"])


async def test_case_170_a_netting_master_is_refused_and_not_copied_in_part(stage: Stage) -> None:
    cast = stage.cast({})
    master = await stage.arrive(cast.master, init={**INIT, "margin_mode": "netting"})
    follower = await stage.arrive(cast.followers[0])
    top = (await follower.beat())["top_seq"]
    for number in (1, 2, 3):
        await master.buy(stage.position(number))
    assert await top_after(follower, master, 3) == top
    if stage.house.own:
        both = {"account_id": cast.master.account_id, "follower": cast.followers[0].account_id}
        assert await stage.house.rows("denials", **both) == ["master_netting_unsupported"] * 3


async def test_case_171_what_was_acknowledged_is_applied_when_a_later_session_of_its_key_is_promoted(
    stage: Stage,
) -> None:
    cast = stage.cast({})
    master, follower = await stage.arrive(cast.master), await stage.arrive(cast.followers[0])
    await master.buy(stage.position(1))
    (command,) = await follower.commands(1)
    await follower.report(command, "filled", ticket=stage.position(71), lots="0.10", price="1.1")
    await follower.acked(follower.seq)
    key = stranger()
    former = await pending(stage, cast.master, key)
    await former.durable("OrderIntent", closing(stage.position(1)))
    await former.acked(1)
    assert (await stage.own_session("DELETE", former.session)).status_code == 204
    await former.link.drop()
    again = await pending(stage, cast.master, key)
    assert (await follower.beat())["top_seq"] == command["seq"]
    await approve(stage, cast.master)
    await again.hear("SessionState", lambda state: state["status"] == "authenticated")
    (end,) = await follower.commands(1)
    assert (end["payload"]["action"], end["payload"]["position_id"]) == ("close", stage.position(1))


# A doubled copy ------------------------------------------------------------------------------------------------------


async def doubled(stage: Stage, *, capabilities: list[str]) -> tuple[Ea, Ea, dict[str, Any], list[dict[str, Any]]]:
    """A copy under ticket 71 whose broker holds 72 with its magic number, too; the two positions."""
    cast = stage.cast({"repairs": {"extra": "flatten"}})
    master = await stage.arrive(cast.master)
    follower = await stage.arrive(cast.followers[0], init={"capabilities": capabilities})
    await master.buy(stage.position(1))
    (command,) = await follower.commands(1)
    await follower.report(command, "filled", ticket=stage.position(71), lots="0.10", price="1.1")
    await follower.acked(follower.seq)
    both = [held(command, stage.position(71)), held(command, stage.position(72))]
    (shown,) = await told(follower, *both, applied_server_seq=command["seq"])
    assert (shown["kind"], shown["severity"], shown["ticket"]) == ("extra", "critical", stage.position(72))
    return master, follower, command, both


async def test_case_172_a_doubled_copys_second_position_is_closed_by_its_ticket(stage: Stage) -> None:
    master, follower, command, both = await doubled(stage, capabilities=["ticket"])
    (close,) = await follower.commands(1)
    named = {name: close["payload"][name] for name in ("action", "ticket", "magic", "lots_after")}
    magic = command["payload"]["magic"]
    assert named == {"action": "close", "ticket": stage.position(72), "magic": magic, "lots_after": "0"}
    await told(follower, *both, applied_server_seq=command["seq"])
    assert (await follower.beat())["top_seq"] == close["seq"], "ordered once"
    await follower.report(close, "closed", ticket=stage.position(72), lots="0.10", remaining_lots="0")
    await follower.acked(follower.seq)
    assert await told(follower, both[0], applied_server_seq=close["seq"]) == []
    await master.close(stage.position(1))
    (end,) = await follower.commands(1)
    assert (end["payload"]["action"], end["payload"]["ticket"], end["payload"]["lots_before"]) == ("close", None, "0.1")


async def test_case_172_an_ea_that_cannot_tell_two_apart_gets_no_such_command(stage: Stage) -> None:
    master, follower, command, _ = await doubled(stage, capabilities=["resend"])
    assert (await follower.beat())["top_seq"] == command["seq"]
    await master.close(stage.position(1))
    (end,) = await follower.commands(1)
    assert (end["payload"]["action"], end["payload"]["ticket"]) == ("close", None)


# Limits of the terminal and of an answer -----------------------------------------------------------------------------


async def test_case_173_limits_for_the_terminal_have_names_and_units(quick_stage: Stage) -> None:
    ea = await quick_stage.arrive(quick_stage.cast().master)
    (ack,) = [frame["payload"] for frame in ea.seen if frame["type"] == "InitAck"]
    guards = ack.get("guards") or {}
    amounts = {name: guards[name] for name in ("max_lots", "min_equity") if name in guards}
    counts = {name for name in ("max_open_copies", "max_spread_points", "max_slippage_points") if name in guards}
    assert guards.keys() <= {*amounts, *counts, "close_only"}
    assert all(isinstance(guards[name], int) for name in counts)
    assert all(Decimal(amount) >= 0 for amount in amounts.values())
    if quick_stage.house.own:
        assert guards == {"max_lots": "7.5", "max_spread_points": 900}


@pytest.mark.over("exchange")
async def test_case_174_what_is_too_much_for_one_answer_comes_with_the_next(stage: Stage) -> None:
    master, follower = await stage.pair()
    link = follower.link
    assert isinstance(link, ExchangeLink)
    for number in range(1, 61):
        await master.buy(stage.position(number))
    await master.acked(master.seq)
    link.max_bytes, sizes = FRAME_BYTES, []
    numbers: list[int] = []
    async with asyncio.timeout(30):
        while len(numbers) < 60:
            answer = await link.call([])
            frames = answer.json()["frames"]
            numbers += [frame["seq"] for frame in frames if frame["type"] == "OrderCommand"]
            sizes.append(sum(len(json.dumps(frame, separators=(",", ":"))) for frame in frames))
    assert numbers == sorted(set(numbers))
    assert len([size for size in sizes if size]) > 1
    assert max(sizes) <= FRAME_BYTES
    link.max_bytes = 100
    refused = await link.call([], ends=False)
    assert refused.json()["code"] == "invalid"
