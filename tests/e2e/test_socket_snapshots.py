"""Snapshots on the wire: asked for, told in parts, answered; and commands that wait for them."""

from typing import Any

import pytest
from eagateway_sdk.ids import uuid7

from tests.e2e.gateway import SYMBOLS, Gateway, RawEa

pytestmark = [pytest.mark.lane("embedded", "production"), pytest.mark.usefixtures("sockets")]
CLOSE = {"action": "close", "position_id": 1, "ticket": 1, "symbol": "EURUSD"}


def held(copy_no: int, ticket: int) -> dict[str, Any]:
    magic = 0x5A000000 | copy_no
    return {"ticket": ticket, "symbol": "EURUSD", "side": "buy", "lots": "0.1", "price": "1.1", "magic": magic}


async def introduce(ea: RawEa) -> None:
    """Introduce a terminal whose SessionState has been heard."""
    await ea.send("InitRequest", {"currency": "USD", "symbols": SYMBOLS})
    await ea.hear("InitAck")


async def tell(ea: RawEa, *positions: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Report a book; the result."""
    await ea.send("SyncSnapshot", {"phase": "report", "positions": positions, "balance": "1000", **fields})
    result: dict[str, Any] = (await ea.hear("SyncSnapshot"))["payload"]
    assert result["phase"] == "result"
    return result


async def test_a_snapshot_is_asked_for_at_session_start_after_init_and_answered(gateway: Gateway) -> None:
    ea = await gateway.provision({}).ea(1)
    request = (await ea.hear("SyncSnapshot"))["payload"]
    assert (request["phase"], request["reason"]) == ("request", "session_start")
    assert ea.kinds() == ["SessionState", "InitAck", "SyncSnapshot"]
    result = await tell(ea, held(7, 70), request_id=request["request_id"])
    assert result["request_id"] == request["request_id"]
    assert [(item["kind"], item["severity"]) for item in result["differences"]] == [("extra", "critical")]


async def test_the_backlog_comes_before_the_request(gateway: Gateway) -> None:
    cast = gateway.provision({})
    master, follower = await cast.ea(0), await cast.ea(1)
    await follower.hear("SyncSnapshot")
    await follower.socket.close()
    await master.buy(1)
    await master.acked(1)
    again = await cast.ea(1)
    await again.hear("SyncSnapshot")
    assert again.kinds() == ["SessionState", "InitAck", "OrderCommand", "SyncSnapshot"]


async def test_case_093_a_lost_chunk_discards_the_whole_and_it_is_asked_for_again(gateway: Gateway) -> None:
    ea = await gateway.provision({}).ea(1)
    request = (await ea.hear("SyncSnapshot"))["payload"]
    chunk = {"phase": "report", "request_id": request["request_id"], "of": 3, "digest": "d", "balance": "1"}
    await ea.send("SyncSnapshot", {**chunk, "n": 1, "positions": [held(7, 70)]})
    await ea.send("SyncSnapshot", {**chunk, "n": 3})
    again = (await ea.hear("SyncSnapshot"))["payload"]
    assert (again["phase"], again["reason"]) == ("request", "incomplete")
    for number in (1, 2, 3):
        positions = [held(number, 70 + number)]
        await ea.send(
            "SyncSnapshot",
            {**chunk, "request_id": again["request_id"], "n": number, "digest": "e", "positions": positions},
        )
    result = (await ea.hear("SyncSnapshot"))["payload"]
    assert len(result["differences"]) == 3


async def test_case_042_no_command_goes_out_before_the_snapshot_of_a_new_epoch(gateway: Gateway) -> None:
    cast = gateway.provision({})
    master = await cast.ea(0)
    token = cast.token(1)
    first = await RawEa.connect(gateway, token)
    epoch = (await first.hear("SessionState"))["payload"]["epoch"]
    await introduce(first)
    ea = await RawEa.connect(gateway, token, epoch=epoch, last_server_seq=900, max_copy_no_seen=30)
    state = (await ea.hear("SessionState"))["payload"]
    assert (state["recovered"], state.get("top_seq", 0)) == (False, 0)
    assert state["epoch"] != epoch
    await introduce(ea)
    await master.buy(1)
    await master.acked(1)
    # Its session is introduced since the first link: the question may come before the answer to this introduction.
    request = (await ea.heard("SyncSnapshot"))["payload"]
    assert request["reason"] == "new_epoch"
    assert "OrderCommand" not in ea.kinds()
    await tell(ea, request_id=request["request_id"])
    (command,) = await ea.commands(1)
    assert (command["seq"], command["payload"]["copy_no"]) == (1, 31)


async def test_case_043_numbers_of_another_epoch_are_ignored(gateway: Gateway) -> None:
    ea = await RawEa.connect(gateway, gateway.provision({}).token(1), epoch=str(uuid7()), last_server_seq=900)
    state = (await ea.hear("SessionState"))["payload"]
    assert (state["recovered"], state.get("top_seq", 0)) == (False, 0)
    await introduce(ea)
    assert (await ea.hear("SyncSnapshot"))["payload"]["reason"] == "new_epoch"


async def test_an_unknown_outcome_is_asked_about(gateway: Gateway) -> None:
    cast = gateway.provision({})
    master, follower = await cast.ea(0), await cast.ea(1)
    await follower.hear("SyncSnapshot")
    await tell(follower)
    await master.buy(1)
    (command,) = await follower.commands(1)
    await follower.durable("ExecutionReport", {"command_id": command["payload"]["command_id"], "status": "unknown"})
    request = (await follower.hear("SyncSnapshot"))["payload"]
    assert (request["phase"], request["reason"]) == ("request", "unknown_outcome")
    await tell(follower, held(command["payload"]["copy_no"], 70), applied_server_seq=1)
    await master.durable("OrderIntent", CLOSE)
    (close,) = await follower.commands(1)
    assert (close["payload"]["action"], close["payload"]["lots_before"]) == ("close", "0.1")
