"""Random histories of a follower: answers lost and late, programs killed anywhere, a gateway that orders anew."""

import asyncio
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from eagateway_sdk import OrderCommand
from eagateway_sdk.paper import Book, Fault, PaperTerminal

from .bench import Bench, HandClock
from .recordings import account
from .samples import command

pytestmark = pytest.mark.asyncio
COPIES = 6
STEPS = 40
MOST_ATTEMPTS = 3


class History:
    """`log`: what the gateway has ordered. `program` is the one that runs; the book outlives it."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.chance = random.Random(seed)
        self.hand = HandClock()
        self.book = Book.for_account(account())
        self.log: list[dict[str, Any]] = []
        self.program: Bench | None = None
        self._folder = folder

    async def step(self) -> None:
        """Something happens: an order, some time, or a death."""
        what = self.chance.random()
        if what < 0.5:
            self.log += self._next_order()
        elif what < 0.7:
            await self.hand.advance(self.chance.random() * 20)
        elif what < 0.8 and self.program is not None:
            await self.program.kill()
            self.program = None
        await self._deliver()
        for _ in range(self.chance.randrange(12)):
            await asyncio.sleep(0)

    def _next_order(self) -> list[dict[str, Any]]:
        ordered = {one["copy_no"]: one["action"] for one in self.log}
        if self.chance.random() < 0.5 and len(ordered) < COPIES:
            return [command("open", len(ordered) + 1)]
        opened = [copy_no for copy_no, action in ordered.items() if action == "open"]
        return [command("close", self.chance.choice(opened))] if opened else []

    async def _deliver(self) -> None:
        """What the ledger does not hold comes, to a program that may just have begun."""
        if self.program is None:
            terminal = PaperTerminal(self.book, faults=self._mishap, clock=self.hand.clock())
            self.program = Bench(self._folder, self.hand, terminal, search_window=60.0)
        for payload in self.log[self.program.ledger.head :]:
            await self.program.order(payload, run=False)

    def _mishap(self, order: OrderCommand, _: int) -> Fault | None:
        late = None if self.chance.random() < 0.3 else 0.5 + self.chance.random() * 29
        return self.chance.choice(
            [None, None, Fault(128, late=late), Fault(143, executed=True), Fault(6, raises=True, late=late)]
        )

    async def end(self) -> None:
        """Time passes, and what was found to be absent is ordered anew, until there is nothing more to do."""
        for _ in range(2 * MOST_ATTEMPTS):
            await self._deliver()
            await self.hand.advance(150)
            self.log += self._anew()

    def _anew(self) -> list[dict[str, Any]]:
        absent = [one for one in self.log if self.last_report(one) == ("unknown", False)]
        newest = {one["command_id"]: one.get("attempt", 1) for one in self.log}
        unwanted = {one["copy_no"] for one in self.log if one["action"] == "close"}
        return [
            one | {"attempt": one.get("attempt", 1) + 1}
            for one in absent
            if one.get("attempt", 1) == newest[one["command_id"]] < MOST_ATTEMPTS
            and not (one["action"] == "open" and one["copy_no"] in unwanted)
        ]

    def last_report(self, order: dict[str, Any]) -> tuple[str, bool | None]:
        """What was reported last of one attempt of a command."""
        assert self.program is not None
        told = [
            (report.status.value, report.found)
            for report in self.program.reports
            if str(report.command_id) == order["command_id"] and report.attempt == order.get("attempt", 1)
        ]
        return told[-1] if told else ("nothing", None)


@pytest.mark.parametrize("seed", range(40))
async def test_no_copy_is_opened_twice_and_every_command_comes_to_an_end(tmp_path: Path, seed: int) -> None:
    history = History(tmp_path, seed)
    for _ in range(STEPS):
        await history.step()
    await history.end()
    assert history.program is not None
    await history.program.kill()
    opened = Counter(entry.copy_no for entry in history.book.journal if entry.action == "open")
    assert set(opened.values()) <= {1}
    assert {history.last_report(one) for one in history.log} & {("unknown", None), ("nothing", None)} == set()
    done = [one for one in history.log if one["action"] == "close" and history.last_report(one)[0] == "closed"]
    held = {(one.magic or 0) & 0xFFFFFF for one in history.book.positions()}
    assert held == opened.keys() - {one["copy_no"] for one in done}
    given_up = [one for one in history.log if one["action"] == "open" and one["copy_no"] not in opened]
    assert {history.last_report(one) for one in given_up} <= {("unknown", False)}
