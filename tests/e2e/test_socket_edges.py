"""The event socket where it hurts: strangers, odd numbers, odd fields, keys that are withdrawn, deaths in between."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from eagateway_sdk.ids import uuid7

from tests.e2e.gateway import SYMBOLS, Cast, Gateway, RawEa, raw_socket

pytestmark = [pytest.mark.lane("embedded", "production"), pytest.mark.usefixtures("sockets")]
STRANGERS_KEY = "stranger-kJ8sLq2VbN4xZ7mWc1RtYp"
OPEN = {"action": "open", "position_id": 1, "ticket": 1, "symbol": "EURUSD", "side": "buy", "lots": "0.10"}


async def pending_ea(cast: Cast, number: int, **hello: Any) -> RawEa:
    """A pending terminal that has introduced itself and was heard of."""
    ea = await RawEa.connect(cast.gateway, cast.token(number, key=STRANGERS_KEY), **hello)
    assert (await ea.hear("SessionState"))["payload"]["status"] == "pending"
    await ea.send("InitRequest", {"currency": "USD", "symbols": SYMBOLS})
    await beat(ea)
    return ea


async def beat(ea: RawEa) -> dict[str, Any]:
    """One heartbeat; its answer. Everything sent before it has been served by then."""
    await ea.send("StatusHeartbeat", {"balance": "1000"})
    answer: dict[str, Any] = (await ea.hear("HeartbeatAck"))["payload"]
    return answer


def alerts(ea: RawEa) -> list[str]:
    return [frame["payload"]["code"] for frame in ea.seen if frame["type"] == "ErrorAlert"]


# Who may hear what ---------------------------------------------------------------------------------------------------


async def test_a_pending_stranger_gets_none_of_the_owners_commands_and_cannot_acknowledge_them(
    gateway: Gateway,
) -> None:
    cast = gateway.provision({})
    master, owner = await cast.ea(0), await cast.ea(1)
    await master.buy(1)
    await owner.commands(1)
    top = {"epoch": owner.seen[0]["payload"]["epoch"], "last_server_seq": 1}
    stranger = await pending_ea(cast, 1, **top)
    await stranger.send("ResendRequest", {"from": 1, "to": 1})
    await stranger.send("Ack", {"ack": 1})
    await beat(stranger)
    assert "OrderCommand" not in stranger.kinds()
    back = await RawEa.connect(gateway, owner.token)
    assert [frame["seq"] for frame in await back.commands(1)] == [1]


@pytest.mark.sends_invalid_frames
async def test_a_pending_session_gets_no_alerts_and_its_garbage_still_ends_it(gateway: Gateway) -> None:
    ea = await pending_ea(gateway.provision({}), 0)
    for _ in range(7):
        await ea.socket.send("garbage")
    assert await ea.close_code() == 4400
    assert alerts(ea) == []


async def test_case_019_a_revoked_key_closes_its_socket_with_4403(gateway: Gateway) -> None:
    cast = gateway.provision({})
    ea = await cast.ea(0)
    await asyncio.to_thread(cast.decide, "revoke", 0)
    assert await ea.close_code() == 4403
    assert ea.seen[-1]["payload"]["reason"] == "key_revoked"


async def test_a_suspended_account_closes_its_socket_with_4403_and_opens_none_until_it_is_lifted(
    gateway: Gateway,
) -> None:
    cast = gateway.provision({})
    ea = await cast.ea(0)
    await asyncio.to_thread(cast.suspension, "suspend", 0)
    assert await ea.close_code() == 4403
    assert ea.seen[-1]["payload"]["reason"] == "account_suspended"
    with pytest.raises(RuntimeError, match="account_suspended"):
        cast.open(0)
    await asyncio.to_thread(cast.suspension, "lift_suspension", 0)
    assert (await cast.ea(0)).kinds()[-1] == "InitAck"


async def test_case_065_a_rejected_key_is_told_and_closed_with_4403(gateway: Gateway) -> None:
    cast = gateway.provision({})
    ea = await pending_ea(cast, 0)
    await asyncio.to_thread(cast.decide, "reject", 0)
    assert await ea.close_code() == 4403
    assert (ea.seen[-1]["type"], ea.seen[-1]["payload"]["status"]) == ("SessionState", "rejected")


async def test_case_009_the_token_of_a_closed_session_is_told_so_and_closed_with_4410(gateway: Gateway) -> None:
    ea = await gateway.provision({}).ea(0)
    await ea.send("ShutdownNotice", {"reason": "terminal_closed"})
    await ea.close_code()
    again = await RawEa.connect(gateway, ea.token)
    assert await again.close_code() == 4410
    assert [frame["payload"]["status"] for frame in again.seen] == ["closed"]


async def test_case_002_a_silent_socket_is_closed_with_4401(gateway: Gateway) -> None:
    silent = RawEa(gateway, "", await raw_socket(gateway))
    assert await silent.close_code() == 4401
    assert alerts(silent) == ["token_invalid"]


async def test_case_006_who_is_turned_away_is_told_why_first(gateway: Gateway) -> None:
    other = RawEa(gateway, "", await raw_socket(gateway, subprotocols=["ea-gateway.v2"]))
    await other.close_code()
    assert alerts(other) == ["version_unsupported"]


async def test_a_token_in_the_header_needs_none_in_hello(gateway: Gateway) -> None:
    token = gateway.provision({}).token(0)
    headers = {"Authorization": f"Bearer {token}"}
    ea = RawEa(gateway, token, await raw_socket(gateway, additional_headers=headers))
    await ea.send("Hello", {})
    assert (await ea.hear("SessionState"))["payload"]["status"] == "authenticated"


# Fields --------------------------------------------------------------------------------------------------------------


async def test_a_name_near_a_known_one_is_told_once_and_the_trade_is_taken(gateway: Gateway) -> None:
    cast = gateway.provision({})
    master, follower = await cast.ea(0), await cast.ea(1)
    for position in (1, 2):
        order = {**OPEN, "position_id": position, "ticket": position, "stoploss": "1.0", "strategy_tag": "x"}
        await master.durable("OrderIntent", order)
    await master.acked(2)
    assert len(await follower.commands(2)) == 2
    [alert] = [frame["payload"] for frame in master.seen if frame["type"] == "ErrorAlert"]
    assert (alert["code"], alert["severity"], alert["path"]) == ("unknown_field", "warning", "$.stoploss")
    assert "did you mean `sl`?" in alert["message"]


@pytest.mark.sends_invalid_frames
async def test_a_close_is_taken_whatever_its_comment_says_and_its_ea_is_told_once(gateway: Gateway) -> None:
    cast = gateway.provision({})
    master, follower = await cast.ea(0), await cast.ea(1)
    await master.durable("OrderIntent", {**OPEN, "comment": "c" * 255})
    for position in (2, 3):
        await master.buy(position)
    for position in (1, 2, 3):
        odd = {"comment": "c" * 65, "profit": "9" * 16, "lots": 0.1}
        await master.durable(
            "OrderIntent", {**OPEN, "action": "close", "position_id": position, "ticket": position, **odd}
        )
    await master.acked(6)
    assert [frame["payload"]["action"] for frame in await follower.commands(6)] == ["open"] * 3 + ["close"] * 3
    warned = [frame["payload"] for frame in master.seen if frame["type"] == "ErrorAlert"]
    assert {(alert["code"], alert["severity"]) for alert in warned} == {("field_unreadable", "warning")}
    assert sorted(alert["path"] for alert in warned) == ["$.comment", "$.lots", "$.profit"]


@pytest.mark.sends_invalid_frames
async def test_a_terminal_is_introduced_without_its_unusable_symbols(gateway: Gateway) -> None:
    cast = gateway.provision({})
    master, follower = await cast.ea(0), await cast.ea(1)
    odd = [{**SYMBOLS[0], "name": "SHIBUSD", "digits": 16}, {**SYMBOLS[0], "name": "VOL75", "lots_max": "9" * 17}]
    await follower.send("InitRequest", {"currency": "USD", "symbols": [*odd, *SYMBOLS]})
    await follower.send("StatusHeartbeat", {"balance": "1" * 16, "equity": "5"})
    await follower.hear("HeartbeatAck")
    told = {
        frame["payload"]["path"]: frame["payload"]["message"]
        for frame in follower.seen
        if frame["type"] == "ErrorAlert"
    }
    assert sorted(told) == ["$.balance", "$.symbols[].digits", "$.symbols[].lots_max"]
    assert "SHIBUSD" in told["$.symbols[].digits"]
    await master.buy(1)
    assert len(await follower.commands(1)) == 1


# Numbers -------------------------------------------------------------------------------------------------------------


async def test_case_033_a_stored_frame_that_comes_again_is_acknowledged_again(gateway: Gateway) -> None:
    cast = gateway.provision({})
    master, follower = await cast.ea(0), await cast.ea(1)
    frame_id = await master.durable("OrderIntent", OPEN)
    await master.acked(1)
    await master.send("OrderIntent", OPEN, seq=1, id=frame_id, resent=True)
    assert (await master.hear("Ack"))["payload"]["ack"] == 1
    await follower.commands(1)
    assert (await beat(follower))["top_seq"] == 1


async def test_case_035_gaps_on_both_sides_are_filled_without_waiting_for_each_other(gateway: Gateway) -> None:
    cast = gateway.provision({})
    master, follower = await cast.ea(0), await cast.ea(1)
    for position in (1, 2):
        await master.buy(position)
    first, _ = await follower.commands(2)
    filled = {"command_id": first["payload"]["command_id"], "status": "filled", "ticket": 7, "lots": "0.10"}
    await follower.send("ExecutionReport", {**filled, "status": "accepted"}, seq=2)
    await follower.send("ResendRequest", {"from": 1, "to": 2})
    asked = await follower.hear("ResendRequest")
    again = [frame["seq"] for frame in follower.seen if frame.get("resent")]
    again += [frame["seq"] for frame in await follower.commands(2 - len(again))]
    assert (asked["payload"], again) == ({"from": 1, "to": 1}, [1, 2])


@pytest.mark.sends_invalid_frames
@pytest.mark.parametrize("seq", [0, -1, 1.5, "7", 2**63, None])
async def test_case_040_an_odd_number_is_named_and_changes_nothing(gateway: Gateway, seq: object) -> None:
    ea = await gateway.provision({}).ea(0)
    await ea.send("OrderIntent", OPEN, seq=seq)
    alert = (await ea.hear("ErrorAlert"))["payload"]
    assert (alert["code"], alert["path"]) == ("seq_missing" if seq is None else "malformed", "$.seq")
    await ea.durable("OrderIntent", OPEN)
    await ea.acked(1)


async def test_case_043_another_epoch_recovers_nothing_and_says_so(gateway: Gateway) -> None:
    cast = gateway.provision({})
    master, follower = await cast.ea(0), await cast.ea(1)
    await master.buy(1)
    await follower.commands(1)
    back = await RawEa.connect(gateway, follower.token, epoch=str(uuid7()), last_server_seq=900)
    assert (await back.hear("SessionState"))["payload"]["recovered"] is False
    assert [frame["seq"] for frame in await back.commands(1)] == [1]


async def test_case_045_a_late_ack_changes_nothing_and_one_beyond_the_top_is_refused(gateway: Gateway) -> None:
    cast = gateway.provision({})
    master, follower = await cast.ea(0), await cast.ea(1)
    for position in (1, 2):
        await master.buy(position)
    await follower.commands(2)
    for ack in (2, 1, 99):
        await follower.send("Ack", {"ack": ack})
    assert (await follower.hear("ErrorAlert"))["payload"]["code"] == "invalid"
    assert (await beat(follower))["top_seq"] == 2


@pytest.mark.sends_invalid_frames
@pytest.mark.parametrize("asked", [{"from": 3, "to": 2}, {"from": 0, "to": 1}, {"from": -1, "to": 1}, {"from": 1}])
async def test_case_036_a_resend_request_out_of_its_range_is_refused(gateway: Gateway, asked: dict[str, int]) -> None:
    ea = await gateway.provision({}).ea(0)
    await ea.send("ResendRequest", asked)
    assert (await ea.hear("ErrorAlert"))["payload"]["code"] in ("resend_out_of_range", "invalid")
    await beat(ea)


async def test_case_049_a_used_id_with_another_body_is_refused_for_good(gateway: Gateway) -> None:
    ea = await gateway.provision({}).ea(0)
    frame_id = await ea.durable("OrderIntent", OPEN)
    await ea.durable("OrderIntent", {**OPEN, "lots": "0.20"}, id=frame_id)
    refused = (await ea.hear("ErrorAlert"))["payload"]
    assert (refused["code"], refused["ref"], "retryable" in refused) == ("id_reused", frame_id, False)


# Fields --------------------------------------------------------------------------------------------------------------


@pytest.mark.sends_invalid_frames
async def test_case_103_and_104_every_odd_field_is_named_and_consumes_its_number(gateway: Gateway) -> None:
    odd: list[tuple[dict[str, Any], str]] = [
        ({"action": "steal"}, "$.action"),
        ({"side": None}, "$.side"),
        ({"side": ["buy"]}, "$.side"),
        ({"position_id": 0}, "$.position_id"),
        ({"ticket": "1"}, "$.ticket"),
        ({"lots": 0.1}, "$.lots"),
        ({"lots": "0"}, "$.lots"),
        ({"lots": "-1"}, "$.lots"),
        ({"lots": "1e-9"}, "$.lots"),
        ({"lots": "NaN"}, "$.lots"),
        ({"lots": "1000000000000"}, "$.lots"),
        ({"price": "-1.1"}, "$.price"),
        ({"symbol": "EUR\x00USD"}, "$.symbol"),
        ({"symbol": "x" * 300}, "$.symbol"),
        ({"symbol": ""}, "$.symbol"),
        ({"order_type": "limit"}, "$.order_type"),
        ({"broker_time": "yesterday"}, "$.broker_time"),
        ({"age_ms": -1}, "$.age_ms"),
    ]
    ea = await gateway.provision({}).ea(0)
    for number, (changes, path) in enumerate(odd, start=1):
        frame_id = await ea.durable("OrderIntent", OPEN | changes)
        alert = (await ea.hear("ErrorAlert"))["payload"]
        assert (alert["code"], alert["path"], alert["ref"]) == ("invalid", path, frame_id)
        await ea.acked(number)


async def test_case_104_quotes_and_marks_in_names_are_just_names(gateway: Gateway) -> None:
    ea = await gateway.provision({}).ea(0)
    await ea.durable("OrderIntent", {**OPEN, "symbol": "'; DROP TABLE--\u202e", "comment": "<script>"})
    await ea.acked(1)
    assert alerts(ea) == []


# Deaths --------------------------------------------------------------------------------------------------------------


async def test_case_061_a_backlog_released_while_the_gateway_was_dead_is_delivered(own_gateway: Gateway) -> None:
    cast = own_gateway.provision({})
    master = await cast.ea(0)
    follower = await pending_ea(cast, 1)
    for position in (1, 2):
        await master.buy(position)
    await master.acked(2)
    await asyncio.to_thread(own_gateway.end, signal.SIGKILL)
    await asyncio.to_thread(cast.approve, 1, STRANGERS_KEY)
    await asyncio.to_thread(own_gateway.start)
    back = await RawEa.connect(own_gateway, follower.token)
    assert [frame["seq"] for frame in await back.commands(2)] == [1, 2]


async def test_commands_of_a_silent_follower_wait_for_its_next_session(own_gateway: Gateway) -> None:
    cast = own_gateway.provision({})
    master, follower = await cast.ea(0), await cast.ea(1)
    follower.socket.transport.abort()
    for position in (1, 2):
        await master.buy(position)
    await master.acked(2)
    await asyncio.to_thread(own_gateway.end, signal.SIGKILL)
    await asyncio.to_thread(own_gateway.start)
    newer = await cast.ea(1)
    assert [frame["seq"] for frame in await newer.commands(2)] == [1, 2]


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
async def test_ctrl_c_says_goodbye_and_leaves_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EAGATEWAY_NIGHTLY", "1")  # a plain process: the system shall tell its environment
    gateway = Gateway(tmp_path, HEARTBEAT_TIMEOUT_SECONDS="30").start()
    ea = await gateway.provision({}).ea(0)
    assert len(processes_of(tmp_path)) == 1
    ending = asyncio.create_task(asyncio.to_thread(gateway.end, signal.SIGINT))
    assert await ea.close_code() == 4012
    assert await ending == 0
    assert processes_of(tmp_path) == []


def processes_of(folder: Path) -> list[int]:
    """Processes whose environment names this data folder."""
    wanted = f"EAGATEWAY_DATA_DIR={folder}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            names = (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if wanted in names and int(entry.name) != os.getpid():
            found.append(int(entry.name))
    return found


@pytest.mark.sends_invalid_frames
async def test_lines_that_are_left_out_are_named_and_those_beyond_ten_counted(gateway: Gateway) -> None:
    cast = gateway.provision({})
    ea = await cast.ea(0)
    broken = [{**SYMBOLS[0], "name": f"ODD{number}", "lots_step": "none"} for number in range(12)]
    await ea.send("InitRequest", {"currency": "USD", "symbols": [*SYMBOLS, *broken]})
    alert = (await ea.hear("ErrorAlert"))["payload"]
    assert (alert["code"], alert["message"].count("ODD")) == ("field_unreadable", 10)
    assert alert["message"].endswith("ODD9 and 2 more)")
