"""A tiny executor that counts what it is asked, and can die in the middle."""

import asyncio
from dataclasses import dataclass, field

from eagateway_sdk import ExecutionReport, OrderCommand, ReportStatus


@dataclass
class Desktop:
    """`orders`: magic numbers that the broker executed, in order. `gate`: execution waits for it."""

    orders: list[int] = field(default_factory=list)
    executed: list[OrderCommand] = field(default_factory=list)
    searched: list[OrderCommand] = field(default_factory=list)
    gate: asyncio.Event | None = None
    fails: bool = False
    before: asyncio.Event = field(default_factory=asyncio.Event)

    async def execute(self, command: OrderCommand) -> ExecutionReport:
        self.executed.append(command)
        self.before.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.fails:
            raise ConnectionError("the terminal is gone")
        self.orders.append(command.magic)
        return ExecutionReport(status=ReportStatus.FILLED, ticket=len(self.orders), lots=command.lots)

    async def search(self, command: OrderCommand) -> ExecutionReport | None:
        self.searched.append(command)
        if command.magic not in self.orders:
            return None
        return ExecutionReport(status=ReportStatus.FILLED, ticket=1 + self.orders.index(command.magic))
