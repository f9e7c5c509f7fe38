"""What a follower's terminal was ordered, and when: the demo's own ears at the terminal."""

import time
from dataclasses import dataclass, field

from eagateway_sdk.context import BookSnapshot, Outcome
from eagateway_sdk.frames import Action, OrderCommand
from eagateway_sdk.paper import PaperTerminal


@dataclass(slots=True)
class Witness:
    """Stands between a client and its paper terminal. `opened`: seconds at which each position was first opened."""

    terminal: PaperTerminal
    opened: dict[int, float] = field(default_factory=dict)

    async def execute(self, command: OrderCommand) -> Outcome:
        outcome = await self.terminal.execute(command)
        if command.action in (Action.OPEN, Action.PLACE):
            self.opened.setdefault(command.position_id, time.monotonic())
        return outcome

    async def search(self, command: OrderCommand) -> Outcome | None:
        return await self.terminal.search(command)

    async def snapshot(self) -> BookSnapshot:
        return await self.terminal.snapshot()
