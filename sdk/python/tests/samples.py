"""Commands and intents as the tests need them."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from eagateway_sdk import Action, OrderIntent, Side
from eagateway_sdk.ids import uuid7
from eagateway_sdk.paper.terminal import MAGIC_BASE


def open_intent(ticket: int = 1, **changes: Any) -> OrderIntent:
    """A master's market buy."""
    fields: dict[str, Any] = {
        "action": Action.OPEN, "position_id": ticket, "ticket": ticket, "symbol": "EURUSD", "side": Side.BUY,
        "lots": Decimal("0.10"), "price": Decimal("1.10000"),
    }  # fmt: skip
    return OrderIntent(**(fields | changes))


def command(action: str = "open", copy_no: int = 1, **changes: Any) -> dict[str, Any]:
    """A command as it stands on the wire."""
    lots = changes.pop("lots", "0.10")
    before, after = ("0", lots) if action in ("open", "place") else (lots, "0")
    fields: dict[str, Any] = {
        "command_id": str(uuid7()), "action": action, "copy_no": copy_no, "magic": MAGIC_BASE | copy_no,
        "position_id": 100 + copy_no, "symbol": "EURUSD", "side": "buy", "lots": lots, "price": "1.10000",
        "lots_before": before, "lots_after": after,
    }  # fmt: skip
    return fields | changes


async def until(reached: Callable[[], bool], *, seconds: float = 30.0) -> None:
    """Return when it is so.

    :raises TimeoutError: it is not, in that time
    """
    async with asyncio.timeout(seconds):
        while not reached():  # noqa: ASYNC110 - the gateway's side has no event for it
            await asyncio.sleep(0.01)
