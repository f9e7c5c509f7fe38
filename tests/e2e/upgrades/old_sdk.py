"""A master and a follower on the SDK that comes first on the path: one position is opened and closed.

Run by a test with the wheel of the release before in PYTHONPATH. It prints where its SDK is, and what was executed.
"""

import asyncio
import json
import os
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import eagateway_sdk
from eagateway_sdk import (
    Action,
    ExecutionReport,
    GatewayClient,
    InitRequest,
    OrderIntent,
    ReportStatus,
    Side,
    StatusHeartbeat,
    SymbolSpec,
)

URL, MASTER, FOLLOWER, FOLDER = sys.argv[1:]
KEYS = json.loads(os.environ["EA_KEYS"])
LOTS: dict[str, Any] = {"lots_min": Decimal("0.01"), "lots_step": Decimal("0.01"), "lots_max": Decimal(50)}
EURUSD = SymbolSpec(name="EURUSD", digits=5, contract_size=Decimal(100000), **LOTS)
MONEY: dict[str, Any] = {"balance": Decimal(10000), "equity": Decimal(10000)}


class Terminal:
    """Takes every order as filled."""

    def __init__(self) -> None:
        self.done: list[list[str]] = []
        self.closed = asyncio.Event()

    async def execute(self, command: Any) -> ExecutionReport:
        self.done.append([command.action.value, str(command.position_id), f"{command.lots:.2f}"])
        opens = command.action is Action.OPEN
        if not opens:
            self.closed.set()
        status = ReportStatus.FILLED if opens else ReportStatus.CLOSED
        return ExecutionReport(status=status, ticket=command.copy_no, lots=command.lots, price=command.price)

    async def search(self, command: Any) -> None:
        return None


def client(name: str, **given: Any) -> GatewayClient:
    store, init = Path(FOLDER) / f"{name[-1]}.sqlite3", InitRequest(currency="USD", symbols=[EURUSD])
    funds = lambda: StatusHeartbeat(**MONEY)  # noqa: E731
    return GatewayClient(
        base_url=URL, account_id=name, auth_key=KEYS[name], store=store, init_request=init, funds=funds, **given
    )


async def main() -> None:
    terminal = Terminal()
    order: dict[str, Any] = {
        "position_id": 71,
        "ticket": 71,
        "symbol": "EURUSD",
        "side": Side.BUY,
        "lots": Decimal("0.10"),
        **MONEY,
    }
    async with client(MASTER) as master, client(FOLLOWER, executor=terminal) as follower:
        for one in (master, follower):  # an open that waits for its follower grows old
            await one.wait_status("authenticated")
        await master.send_intent(OrderIntent(action=Action.OPEN, price=Decimal("1.08512"), **order))
        await master.send_intent(OrderIntent(action=Action.CLOSE, price=Decimal("1.08600"), **order))
        await master.wait_drained()
        await asyncio.wait_for(terminal.closed.wait(), 30)
    told = {"sdk": eagateway_sdk.__file__, "done": [row for row in terminal.done if row[1] == "71"]}
    sys.stdout.write(json.dumps(told) + "\n")


asyncio.run(main())
