"""Pending orders that fill on the master's side only, on the wire: the gateway's own sweep, also after a SIGKILL."""

import signal
from typing import Any

import pytest

from tests.e2e.gateway import Cast, Gateway, RawEa

pytestmark = [pytest.mark.lane("embedded", "production"), pytest.mark.usefixtures("sockets")]

ORDER: dict[str, Any] = {"position_id": 1, "ticket": 1, "symbol": "EURUSD"}
PLACE: dict[str, Any] = {"side": "buy", "order_type": "limit", "lots": "0.10", "price": "1.05", "sl": "1.0"}


async def report(follower: RawEa, command: dict[str, Any], status: str, **fields: Any) -> None:
    told = {"command_id": command["payload"]["command_id"], "status": status, **fields}
    await follower.durable("ExecutionReport", told, ack=command["seq"])


async def placed(cast: Cast) -> tuple[RawEa, RawEa, dict[str, Any]]:
    """A pending order that works at the follower, and has filled at the master."""
    master, follower = await cast.ea(0), await cast.ea(1)
    await master.durable("OrderIntent", {**ORDER, **PLACE, "action": "place"})
    (command,) = await follower.commands(1)
    await report(follower, command, "placed", ticket=900, lots="0.10")
    await follower.acked(1)
    await master.durable("OrderIntent", {**ORDER, "action": "activate", "lots": "0.10", "price": "1.05"})
    await master.acked(2)
    return master, follower, command


async def test_case_159_a_copy_that_does_not_fill_in_time_is_cancelled_and_opened(gateway: Gateway) -> None:
    cast = gateway.provision({"pending_wait_seconds": 1, "reverse": True})
    _, follower, command = await placed(cast)
    (cancel,) = await follower.commands(1)
    assert (command["payload"]["side"], command["payload"]["order_type"]) == ("sell", "stop")
    assert (cancel["seq"], cancel["payload"]["action"], cancel["payload"]["lots_after"]) == (2, "cancel", "0.1")
    await report(follower, cancel, "cancelled", ticket=900)
    (opened,) = await follower.commands(1)
    told = opened["payload"]
    assert (opened["seq"], told["action"], told["side"], told["tp"]) == (3, "open", "sell", "1")
    assert told["copy_no"] != command["payload"]["copy_no"]


async def test_case_159_a_copy_that_filled_on_the_way_stays_the_only_position(gateway: Gateway) -> None:
    cast = gateway.provision({"pending_wait_seconds": 1})
    master, follower, command = await placed(cast)
    (cancel,) = await follower.commands(1)
    await report(follower, cancel, "closed", already=True, ticket=900, remaining_lots="0.10")
    await report(follower, command, "filled", ticket=900, lots="0.10")
    await follower.acked(3)
    await master.durable("OrderIntent", {**ORDER, "action": "close", "lots": "0.10"})
    (closing,) = await follower.commands(1)
    assert (closing["seq"], closing["payload"]["action"]) == (3, "close")
    assert closing["payload"]["copy_no"] == command["payload"]["copy_no"]


async def test_case_159_a_deadline_outlives_the_gateway(own_gateway: Gateway) -> None:
    cast = own_gateway.provision({"pending_wait_seconds": 2})
    _, follower, _ = await placed(cast)
    own_gateway.end(signal.SIGKILL)
    own_gateway.start()
    epoch = next(frame["payload"]["epoch"] for frame in follower.seen if frame["type"] == "SessionState")
    again = await RawEa.connect(own_gateway, follower.token, epoch=epoch, last_server_seq=1)
    (cancel,) = await again.commands(1)
    assert (cancel["seq"], cancel["payload"]["action"]) == (2, "cancel")
