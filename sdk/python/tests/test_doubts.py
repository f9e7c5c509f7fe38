"""Orders whose outcome nobody knows: they hold up their own copy only, are searched for, and never sent twice."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from eagateway_sdk import Action, ExecutionReport, OrderCommand, Outcome, ReportStatus
from eagateway_sdk.paper import Book, Fault, Faults, PaperTerminal, Rule

from .bench import Bench, HandClock, turns
from .recordings import account
from .samples import command

pytestmark = pytest.mark.asyncio
WINDOW = 60.0
TIMEOUTS = [128, 142, 143]


class Seen(PaperTerminal):
    """Counts what it is asked. `blind`: the broker cannot be asked; `takes`, `looks`: so many seconds pass
    until an order, or a look, has its answer."""

    blind = False
    takes = looks = 0.0
    hand: HandClock
    executed: list[OrderCommand]
    searched: list[OrderCommand]

    async def execute(self, command: OrderCommand) -> Outcome:
        self.executed.append(command)
        outcome = await super().execute(command)
        self.hand.seconds += self.takes
        return outcome

    async def search(self, command: OrderCommand) -> list[ExecutionReport] | None:
        self.searched.append(command)
        if self.blind:
            raise ConnectionError("no broker")
        found = await super().search(command)
        self.hand.seconds += self.looks
        return found


@pytest.fixture
def hand() -> HandClock:
    return HandClock()


@pytest.fixture
def book() -> Book:
    return Book.for_account(account(), balance=Decimal(1000))


def terminal(book: Book, hand: HandClock, *rules: Rule) -> Seen:
    made = Seen(book, faults=Faults(*rules), clock=hand.clock())
    made.executed, made.searched, made.hand = [], [], hand
    return made


@asynccontextmanager
async def running(folder: Path, hand: HandClock, executor: Seen, **timing: Any) -> AsyncIterator[Bench]:
    bench = Bench(folder, hand, executor, **({"search_window": WINDOW} | timing))
    await turns()
    try:
        yield bench
    finally:
        await bench.kill()


def held(book: Book) -> list[tuple[int | None, str]]:
    """Copy numbers and lots of all positions."""
    return [(one.magic and one.magic & 0xFFFFFF, str(one.lots)) for one in book.positions()]


def sent(executor: Seen, action: str = "open") -> list[int]:
    """The copies for which orders of this kind were given to the broker, in order."""
    return [one.copy_no for one in executor.executed if one.action.value == action]


# --- order per copy ---


async def test_an_order_in_doubt_holds_up_its_own_copy_only(tmp_path: Path, hand: HandClock, book: Book) -> None:
    executor = terminal(book, hand, Rule(Fault(128), copy_no=1))
    async with running(tmp_path, hand, executor) as bench:
        await bench.order(command("open", 1))
        await bench.order(command("close", 1))
        limit = hand.rfc3339(ahead=5)
        for copy_no in (2, 3, 4):
            await bench.order(command("open", copy_no, valid_until=limit))
        assert held(book) == [(2, "0.10"), (3, "0.10"), (4, "0.10")]
        assert sent(executor, "close") == []
        assert (bench.state_of(1), bench.state_of(2)) == ("SR", "D")
        await hand.advance(WINDOW + 1)
        assert bench.told(1) == [("unknown", None), ("unknown", False), ("closed", None)]
        assert bench.state_of(1) == "DD"


async def test_the_search_eats_nothing_of_the_validity_of_what_stands_behind(
    tmp_path: Path, hand: HandClock, book: Book
) -> None:
    executor = terminal(book, hand, Rule(Fault(128), copy_no=1))
    async with running(tmp_path, hand, executor) as bench:
        await bench.order(command("open", 1), run=False)
        await bench.order(command("open", 2, valid_until=hand.rfc3339(ahead=0.5)))
        assert bench.told(2) == [("filled", None)]
        assert hand.seconds == 1000.0


async def test_commands_of_one_copy_keep_their_order_behind_a_doubt(
    tmp_path: Path, hand: HandClock, book: Book
) -> None:
    executor = terminal(book, hand, Rule(Fault(128, late=2.0), copy_no=1))
    async with running(tmp_path, hand, executor) as bench:
        await bench.order(command("open", 1))
        await bench.order(command("modify", 1, sl="1.09", tp="1.12"))
        await bench.order(command("partial_close", 1, lots="0.04", lots_after="0.06"))
        await hand.advance(3)
        actions = [one.action.value for one in executor.executed]
        assert actions == ["open", "modify", "partial_close"]
        assert held(book) == [(1, "0.06")]


async def test_a_close_waits_for_no_doubt_about_a_stop_or_about_a_close(
    tmp_path: Path, hand: HandClock, book: Book
) -> None:
    rules = [Rule(Fault(128), action=Action.MODIFY), Rule(Fault(128), action=Action.CLOSE)]
    executor = terminal(book, hand, *rules)
    async with running(tmp_path, hand, executor) as bench:
        await bench.order(command("open", 1))
        await bench.order(command("modify", 1, sl="1.09", tp="1.12"))
        await bench.order(command("close", 1))
        assert bench.told(1)[1:] == [("unknown", None), ("unknown", None)]
        await bench.order(command("close", 1, attempt=2))
        assert held(book) == []


async def test_a_part_in_doubt_is_not_closed_a_second_time(tmp_path: Path, hand: HandClock, book: Book) -> None:
    executor = terminal(book, hand, Rule(Fault(128, late=5.0), action=Action.PARTIAL_CLOSE))
    async with running(tmp_path, hand, executor) as bench:
        await bench.order(command("open", 1))
        part = command("partial_close", 1, lots="0.04", lots_after="0.06")
        await bench.order(part)
        await bench.order(part | {"attempt": 2})
        assert held(book) == [(1, "0.10")]
        await hand.advance(7)
        assert held(book) == [(1, "0.06")]
        assert len(book.history) == 1


async def test_the_watermark_of_a_book_stays_below_the_doubt_and_then_passes_what_was_done_meanwhile(
    tmp_path: Path, hand: HandClock, book: Book
) -> None:
    executor = terminal(book, hand, Rule(Fault(128), copy_no=1))
    async with running(tmp_path, hand, executor) as bench:
        await bench.order(command("open", 9))
        await bench.order(command("open", 1))
        await bench.order(command("open", 2))
        await bench.order(command("open", 3))
        assert bench.told(3) == [("filled", None)]
        assert bench.ledger.applied == 1
        await hand.advance(WINDOW + 1)
        assert bench.ledger.applied == 4


# --- restarts in the middle ---


async def test_what_was_done_out_of_order_is_neither_repeated_nor_skipped_after_a_restart(
    tmp_path: Path, hand: HandClock, book: Book
) -> None:
    executor = terminal(book, hand, Rule(Fault(128), copy_no=1))
    async with running(tmp_path, hand, executor) as bench:
        await bench.order(command("open", 1))
        await bench.order(command("close", 1))
        await bench.order(command("open", 2))
        await bench.order(command("open", 3))
    again = terminal(book, hand)
    async with running(tmp_path, hand, again) as bench:
        assert again.executed == []
        assert bench.told(1) == [("unknown", None)]  # told before the restart, and not a second time
        await hand.advance(WINDOW + 1)
        assert [one.action.value for one in again.executed] == ["close"]
        assert bench.told(1) == [("unknown", None), ("unknown", False), ("closed", None)]
        assert [bench.told(copy_no) for copy_no in (2, 3)] == [[("filled", None)]] * 2
    assert held(book) == [(2, "0.10"), (3, "0.10")]


async def test_killed_while_searching_the_late_fill_is_found_and_nothing_is_sent(
    tmp_path: Path, hand: HandClock, book: Book
) -> None:
    executor = terminal(book, hand, Rule(Fault(128, late=20.0)))
    async with running(tmp_path, hand, executor) as bench:
        await bench.order(command())
        await hand.advance(5)
    again = terminal(book, hand)
    async with running(tmp_path, hand, again) as bench:
        await hand.advance(30)
        assert bench.told(1) == [("unknown", None), ("filled", True)]
    assert again.executed == []
    assert held(book) == [(1, "0.10")]


async def test_a_restart_in_the_middle_of_an_order_tells_the_doubt_at_once_and_searches_on(
    tmp_path: Path, hand: HandClock, book: Book
) -> None:
    executor = terminal(book, hand)
    async with running(tmp_path, hand, executor) as bench:
        bench.stop()
        waiting = await bench.order(command(), run=False)
        bench.ledger.begin(next(bench.ledger.ready()))
        await bench.journal.durable()
    again = terminal(book, hand)
    async with running(tmp_path, hand, again) as bench:
        await bench.order(command("open", 2))
        assert bench.told(waiting.copy_no) == [("unknown", None)]
        assert bench.told(2) == [("filled", None)]
        await hand.advance(WINDOW + 1)
        assert bench.told(waiting.copy_no) == [("unknown", None), ("unknown", False)]


# --- timeouts that fill late ---


@pytest.mark.parametrize("late", [0.5, 2.0, 30.0])
@pytest.mark.parametrize("fault", [128, 142, 143, "raises"])
async def test_a_timeout_that_fills_late_is_one_position_whatever_the_gateway_orders(
    tmp_path: Path, hand: HandClock, book: Book, late: float, fault: Any
) -> None:
    mishap = Fault(6, raises=True, late=late) if fault == "raises" else Fault(fault, late=late)
    executor = terminal(book, hand, Rule(mishap, count=None))
    async with running(tmp_path, hand, executor) as bench:
        order = command()
        await bench.order(order)
        for attempt in range(2, 17):  # a gateway that orders anew as fast as it can
            await bench.order(order | {"attempt": attempt})
        await hand.advance(3 * WINDOW)
        assert bench.told(1)[:2] == [("unknown", None), ("filled", True)]
        assert {status for status, _ in bench.told(1)[1:]} == {"filled"}
        assert all(report.already for report in bench.reports[1:])
    assert sent(executor) == [1]
    assert held(book) == [(1, "0.10")]


async def test_an_attempt_is_looked_for_in_the_history_too(tmp_path: Path, hand: HandClock, book: Book) -> None:
    executor = terminal(book, hand, Rule(Fault(128, late=70.0)))
    async with running(tmp_path, hand, executor) as bench:
        order = command()
        await bench.order(order)
        await hand.advance(WINDOW + 1)
        assert bench.told(1)[-1] == ("unknown", False)
        await hand.advance(10)
        executor._catch_up()
        [position] = book.positions()
        executor.close_by_hand(position.ticket)
        await bench.order(order | {"attempt": 2})
        assert bench.told(1)[-1] == ("filled", True)
    assert sent(executor) == [1]


async def test_absence_is_believed_only_from_a_look_taken_after_the_window(
    tmp_path: Path, hand: HandClock, book: Book
) -> None:
    executor = terminal(book, hand, Rule(Fault(128)))
    async with running(tmp_path, hand, executor, search_pause=7.0) as bench:
        await bench.order(command())
        await hand.advance(WINDOW - 0.5)
        assert bench.told(1) == [("unknown", None)]
        await hand.advance(1)
        assert bench.told(1) == [("unknown", None), ("unknown", False)]


async def test_a_look_that_began_before_the_window_ended_proves_nothing(
    tmp_path: Path, hand: HandClock, book: Book
) -> None:
    executor = terminal(book, hand, Rule(Fault(128, late=WINDOW + 0.5)))
    async with running(tmp_path, hand, executor, search_pause=WINDOW - 1) as bench:
        await bench.order(command())
        executor.looks = 2.0
        await hand.advance(WINDOW + 3)
        assert bench.told(1) == [("unknown", None), ("filled", True)]


async def test_a_broker_that_cannot_be_asked_proves_nothing(tmp_path: Path, hand: HandClock, book: Book) -> None:
    executor = terminal(book, hand, Rule(Fault(128, late=1.0)))
    async with running(tmp_path, hand, executor) as bench:
        await bench.order(command())
        executor.blind = True
        await hand.advance(10 * WINDOW)
        assert bench.told(1) == [("unknown", None)]
        assert len(executor.searched) < 40  # the pauses have grown
        executor.blind = False
        await hand.advance(31)
        assert bench.told(1) == [("unknown", None), ("filled", True)]


async def test_an_attempt_that_cannot_be_looked_for_is_not_sent_and_expires(
    tmp_path: Path, hand: HandClock, book: Book
) -> None:
    executor = terminal(book, hand)
    async with running(tmp_path, hand, executor) as bench:
        executor.blind = True
        await bench.order(command("open", 1, attempt=2, valid_until=hand.rfc3339(ahead=30)))
        assert bench.told(1) == []
        await hand.advance(120)
        assert bench.told(1) == [("expired", None)]
    assert sent(executor) == []


async def test_nothing_of_its_copy_overtakes_an_open_that_cannot_be_looked_for(
    tmp_path: Path, hand: HandClock, book: Book
) -> None:
    executor = terminal(book, hand)
    async with running(tmp_path, hand, executor) as bench:
        executor.blind = True
        await bench.order(command("open", 1, attempt=2))
        executor.blind = False
        await bench.order(command("modify", 1, sl="1.09", tp="1.12"))
        await bench.order(command("open", 2))
        assert [(one.action.value, one.copy_no) for one in executor.executed] == [("open", 2)]
        await hand.advance(5)
        assert [(one.action.value, one.copy_no) for one in executor.executed][1:] == [("open", 1), ("modify", 1)]


async def test_the_window_begins_when_the_terminal_gives_up_not_when_it_began(
    tmp_path: Path, hand: HandClock, book: Book
) -> None:
    executor = terminal(book, hand, Rule(Fault(128, late=100.0)))
    executor.takes = 50.0
    async with running(tmp_path, hand, executor) as bench:
        await bench.order(command())
        await hand.advance(WINDOW - 1)
        assert bench.told(1) == [("unknown", None), ("filled", True)]


@pytest.mark.parametrize("code", TIMEOUTS)
async def test_a_rejection_with_a_timeouts_code_is_a_doubt(
    tmp_path: Path, hand: HandClock, book: Book, code: int
) -> None:
    class Plain(Seen):
        async def execute(self, command: OrderCommand) -> Outcome:
            self.executed.append(command)
            return ExecutionReport(status=ReportStatus.REJECTED, error_code=code)

    executor = Plain(book, clock=hand.clock())
    executor.executed, executor.searched, executor.hand = [], [], hand
    async with running(tmp_path, hand, executor) as bench:
        await bench.order(command())
        [report] = bench.reports
        assert (report.status, report.found, report.error_code) == (ReportStatus.UNKNOWN, None, code)


async def test_an_executor_that_says_not_found_is_not_believed_before_the_window(
    tmp_path: Path, hand: HandClock, book: Book
) -> None:
    class Hasty(Seen):
        async def execute(self, command: OrderCommand) -> Outcome:
            await super().execute(command)
            return ExecutionReport(status=ReportStatus.UNKNOWN, found=False)

    executor = Hasty(book, faults=Faults(Rule(Fault(128, late=2.0))), clock=hand.clock())
    executor.executed, executor.searched, executor.hand = [], [], hand
    async with running(tmp_path, hand, executor) as bench:
        await bench.order(command())
        assert bench.told(1) == [("unknown", None)]
        await hand.advance(4)
        assert bench.told(1) == [("unknown", None), ("filled", True)]


# --- bounded and paced ---


async def test_an_open_is_tried_three_times_at_most_and_once_in_a_window(
    tmp_path: Path, hand: HandClock, book: Book
) -> None:
    executor = terminal(book, hand, Rule(Fault(128), count=None))
    async with running(tmp_path, hand, executor) as bench:
        order = command()
        for attempt in range(1, 8):
            await bench.order(order | {"attempt": attempt})
        assert len(executor.executed) == 1
        await hand.advance(WINDOW + 1)
        assert len(executor.executed) == 2
        await hand.advance(10 * WINDOW)
        assert len(executor.executed) == 3
        assert [status for status, _ in bench.told(1)][-4:] == ["rejected"] * 4


async def test_the_tries_are_counted_over_restarts_and_under_other_command_ids(
    tmp_path: Path, hand: HandClock, book: Book
) -> None:
    count = 0
    for _ in range(5):
        executor = terminal(book, hand, Rule(Fault(128), count=None))
        async with running(tmp_path, hand, executor) as bench:
            await bench.order(command())
            await hand.advance(WINDOW + 1)
            count += len(executor.executed)
    assert count == 3


async def test_what_the_broker_refused_counts_as_no_try(tmp_path: Path, hand: HandClock, book: Book) -> None:
    executor = terminal(book, hand, Rule(Fault(137), count=6))
    async with running(tmp_path, hand, executor) as bench:
        order = command()
        for attempt in range(1, 8):
            await bench.order(order | {"attempt": attempt})
        assert [status for status, _ in bench.told(1)] == ["rejected"] * 6 + ["filled"]
    assert held(book) == [(1, "0.10")]


async def test_another_trade_under_a_used_copy_number_has_its_own_tries(
    tmp_path: Path, hand: HandClock, book: Book
) -> None:
    executor = terminal(book, hand, Rule(Fault(128), count=3))
    async with running(tmp_path, hand, executor) as bench:
        for attempt in range(1, 4):
            await bench.order(command(attempt=attempt))
        await hand.advance(4 * WINDOW)
        await bench.order(command(position_id=999))
        assert bench.told(1)[-1] == ("filled", None)
