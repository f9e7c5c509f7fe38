"""A terminal whose calls never return: the account goes on, and the broker says what became of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from eagateway_sdk import ExecutionReport, OrderCommand, Outcome
from eagateway_sdk.context import BookSnapshot
from eagateway_sdk.frames import SnapshotPhase, SyncSnapshot
from eagateway_sdk.paper import Book, PaperTerminal
from eagateway_sdk.snapshots import take

from .bench import Bench, HandClock, turns
from .recordings import account
from .samples import command

pytestmark = pytest.mark.asyncio
PATIENCE = 30.0
WINDOW = 60.0


class Hanging(PaperTerminal):
    """Calls about the copies in `hangs` never return. `executes`: the broker does what it was told all the same;
    `deaf`: the call pays no heed to being cancelled; `unseen`: looks hang as well."""

    def __init__(self, book: Book, *, hangs: frozenset[int] = frozenset([1]), executes: bool = True) -> None:
        super().__init__(book)
        self.hangs, self.executes = hangs, executes
        self.deaf = self.unseen = self.bookless = False
        self.sent: list[int] = []

    async def execute(self, command: OrderCommand) -> Outcome:
        self.sent.append(command.copy_no)
        if command.copy_no not in self.hangs:
            return await super().execute(command)
        if self.executes:
            await super().execute(command)
        await self.forever()
        raise AssertionError

    async def search(self, command: OrderCommand) -> list[ExecutionReport] | None:
        if self.unseen and command.copy_no in self.hangs:
            await self.forever()
        return await super().search(command)

    async def snapshot(self) -> BookSnapshot:
        if self.bookless:
            await self.forever()
        return await super().snapshot()

    async def forever(self) -> None:
        never = asyncio.Event()
        while True:
            try:
                await never.wait()
            except asyncio.CancelledError:
                if not self.deaf:
                    raise


@pytest.fixture
def hand() -> HandClock:
    return HandClock()


@pytest.fixture
def book() -> Book:
    return Book.for_account(account(), balance=Decimal(1000))


@asynccontextmanager
async def running(folder: Path, hand: HandClock, executor: Hanging, **timing: Any) -> AsyncIterator[Bench]:
    bench = Bench(folder, hand, executor, **({"search_window": WINDOW, "call_patience": PATIENCE} | timing))
    await turns()
    try:
        yield bench
    finally:
        executor.deaf = False
        await bench.kill()


def held(book: Book) -> list[int]:
    return [(one.magic or 0) & 0xFFFFFF for one in book.positions()]


async def test_an_order_that_hangs_and_was_executed_is_found_and_sent_once(
    tmp_path: Path, hand: HandClock, book: Book
) -> None:
    executor = Hanging(book)
    async with running(tmp_path, hand, executor) as bench:
        await bench.order(command("open", 1))
        await bench.order(command("open", 2))
        await hand.advance(PATIENCE - 1)
        assert (bench.reports, executor.sent) == ([], [1])
        await hand.advance(2)
        assert bench.told(1) == [("filled", True)]
        assert bench.told(2) == [("filled", None)]
        assert (held(book), executor.sent) == ([1, 2], [1, 2])


@pytest.mark.parametrize("deaf", [False, True])
async def test_one_that_hangs_and_was_not_executed_is_told_at_once_and_holds_up_nobody(
    tmp_path: Path, hand: HandClock, book: Book, deaf: bool
) -> None:
    executor = Hanging(book, executes=False)
    executor.deaf = deaf
    async with running(tmp_path, hand, executor) as bench:
        await bench.order(command("open", 1))
        await bench.order(command("close", 1))
        await bench.order(command("open", 2))
        await hand.advance(PATIENCE + 1)
        assert (bench.told(1), bench.told(2)) == ([("unknown", None)], [("filled", None)])
        assert (bench.state_of(1), executor.sent) == ("SR", [1, 2])
        await hand.advance(WINDOW + 1)
        # Only now its absence is believed, and the close behind it goes on: that one hangs, too.
        assert bench.told(1)[:2] == [("unknown", None), ("unknown", False)]
        assert (held(book), executor.sent) == ([2], [1, 2, 1])


async def test_a_broker_that_never_answers_a_question_proves_nothing_and_holds_up_nobody(
    tmp_path: Path, hand: HandClock, book: Book
) -> None:
    executor = Hanging(book, executes=False)
    executor.unseen = True
    async with running(tmp_path, hand, executor) as bench:
        await bench.order(command("open", 1))
        await bench.order(command("open", 2))
        await hand.advance(2 * PATIENCE + 1)
        assert (bench.told(1), bench.told(2)) == ([("unknown", None)], [("filled", None)])
        await hand.advance(WINDOW)
        assert bench.told(1) == [("unknown", None)], "a broker that cannot be asked proves nothing"
        executor.unseen = False
        await hand.advance(2 * PATIENCE + 1)
        assert (bench.told(1), held(book)) == ([("unknown", None), ("unknown", False)], [2])


async def test_a_book_that_is_never_told_is_none(tmp_path: Path, hand: HandClock, book: Book) -> None:
    executor = Hanging(book)
    executor.bookless = True
    async with running(tmp_path, hand, executor) as bench:
        bench.context.holdings = executor
        telling = asyncio.create_task(take(bench.context, SyncSnapshot(phase=SnapshotPhase.REQUEST)))
        await hand.advance(PATIENCE + 1)
        [told] = await telling
        assert (told.connected, told.positions) == (False, [])
