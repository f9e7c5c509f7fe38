"""The one that executes commands: in order for each copy, each written ahead, none twice.

One command is executed at a time, the oldest that may be. An order whose outcome nobody knows is in doubt: nothing is
sent for it again, the gateway is told `unknown`, and the broker is asked, between the commands of other copies, until
the order is found or `search_window` has passed. Only then its absence is believed. A call that does not return within
`call_patience` is in doubt, too.
"""

import asyncio
import logging
import time
from collections.abc import Coroutine
from datetime import datetime
from typing import Any, Final, TypeVar

import msgspec

from eagateway_sdk.clock import parse_time
from eagateway_sdk.context import Context, Executor, Outcome
from eagateway_sdk.frames import ExecutionReport, OrderCommand, ReportStatus
from eagateway_sdk.ledger import OPENS, Entry
from eagateway_sdk.patience import within

log = logging.getLogger(__name__)
_T = TypeVar("_T")

MOST_TRIES: Final = 3
TIMEOUTS: Final = frozenset({128, 142, 143})
"""MetaTrader's codes after which an order may still be executed: timeout, and accepted without an outcome."""
_LEAST_PAUSE_SECONDS: Final = 0.001
_LONGEST_PAUSE_SECONDS: Final = 30.0
_GIVEN_UP: Final = "tried three times without an outcome"


class LedgerReread(Exception):
    """A write was lost and the ledger was read again: entries in hand are stale, the broker has to be asked."""


class _BrokerUnseen(Exception):
    """The broker could not be asked."""


class Worker:
    """Takes commands from the ledger as long as there is an executor.

    `_not_before`: when the broker is asked about an entry again, by the monotonic clock; `_unseen`: how often in a row
    it could not be asked.
    """

    def __init__(self, context: Context, executor: Executor) -> None:
        self._context = context
        self._executor = executor
        self._losses = context.losses
        self._not_before: dict[tuple[str, int], float] = {}
        self._unseen = 0

    async def run(self) -> None:
        """Execute, and settle what is in doubt, until cancelled.

        :raises JournalFailed, LedgerReread: something could not be written; begin anew
        """
        while True:
            self._check()
            self._context.work.clear()
            asked = await self._settle_one()
            ordered = await self._execute_one()  # in turn: many doubts delay an order by one question, not by all
            if not asked and not ordered:
                await self._rest()

    def _check(self) -> None:
        if self._losses != self._context.losses:
            raise LedgerReread

    async def _settle_one(self) -> bool:
        """Ask about the order in doubt that is due; False when none is."""
        entry = next((one for one in self._context.ledger.in_doubt() if self._is_due(one)), None)
        if entry is None:
            return False
        async with self._context.terminal:
            await self._look_for(entry, unknown())
        return True

    async def _execute_one(self) -> bool:
        """Carry out the oldest command that may be; False when none may."""
        context = self._context
        entry = next((one for one in context.ledger.ready() if self._is_due(one)), None)
        if entry is None or context.leaving:
            return False
        async with context.terminal:
            await self._carry_out(entry)
        return True

    def _is_due(self, entry: Entry) -> bool:
        return self._not_before.get(entry.key, 0.0) <= self._context.clock.monotonic()

    async def _rest(self) -> None:
        """Wait for work, or until something is to be asked again."""
        context, now = self._context, self._context.clock.monotonic()
        due = min((at for at in self._not_before.values() if at > now), default=None)
        alarm = None if due is None else asyncio.create_task(self._wake_in(due - now))
        try:
            await context.work.wait()
        finally:
            if alarm is not None:
                alarm.cancel()

    async def _wake_in(self, seconds: float) -> None:
        await self._context.clock.sleep(seconds)
        self._context.work.set()

    # --- one command ---

    async def _carry_out(self, entry: Entry) -> None:
        context, command = self._context, entry.command
        if entry.opens and not await self._may_open(entry):
            return
        context.ledger.begin(entry)
        await context.journal.durable()
        started = time.perf_counter()
        outcome = await self._execute(command)
        took_ms = int((time.perf_counter() - started) * 1000)
        self._check()
        context.events["commands.executed"] += 1
        if outcome is None or all(is_doubtful(report) for report in outcome):
            context.ledger.doubt(entry)
            context.events["commands.in_doubt"] += 1
            await self._look_for(entry, _in_doubt(outcome, took_ms))
        else:
            self._finish(entry, outcome, took_ms=took_ms)

    async def _may_open(self, entry: Entry) -> bool:
        """Whether an opening order may be sent now; if not, it is reported why, or asked again soon.

        A copy that an order was sent for before is looked for first: its magic number in the trades and in the history.
        """
        context, command = self._context, entry.command
        tries = context.ledger.tries(command)
        if not expired(command, now=context.server_clock.now()) and (tries or command.attempt > 1):
            try:
                found = await self._search(command)
            except _BrokerUnseen:
                self._ask_again(entry)  # not looked for, not sent
                return False
            self._check()
            if found is not None:
                self._finish(entry, [_already(report) for report in found], took_ms=0)
                return False
        if expired(command, now=context.server_clock.now()):
            context.events["commands.expired"] += 1
            self._finish(entry, [ExecutionReport(status=ReportStatus.EXPIRED)], took_ms=0)
            return False
        if tries >= MOST_TRIES:
            context.events["commands.given_up"] += 1
            self._finish(entry, [ExecutionReport(status=ReportStatus.REJECTED, comment=_GIVEN_UP)], took_ms=0)
            return False
        return True

    async def _execute(self, command: OrderCommand) -> list[ExecutionReport] | None:
        """What the executor says, or None when it has failed."""
        try:
            return _listed(await self._patiently(self._executor.execute(command)))
        except Exception:
            log.exception("worker.outcome_unknown", extra={"command_id": str(command.command_id)})
        return None

    async def _patiently(self, call: Coroutine[Any, Any, _T]) -> _T:
        """:raises TimeoutError: the terminal does not answer; what it has done, the broker tells"""
        return await within(self._context.timing.call_patience, call, self._context.clock)

    # --- in doubt ---

    async def _look_for(self, entry: Entry, doubt: ExecutionReport) -> None:
        """Ask the broker about an order in doubt. What is there ends it; absence only if the window was over before.

        `doubt`: what the gateway is told as long as nothing is known, once.
        """
        context, timing = self._context, self._context.timing
        age_ms = context.clock.age_ms(entry.since)
        try:
            found = await self._search(entry.command)
        except _BrokerUnseen:
            self._check()
            self._tell(entry, doubt)
            self._ask_again(entry)
            return
        self._check()
        if found is not None:
            context.events["commands.settled"] += 1
            self._finish(entry, [_already(report) for report in found], took_ms=0)
        elif age_ms >= timing.search_window * 1000:
            context.events["commands.settled"] += 1
            self._finish(entry, [msgspec.structs.replace(doubt, found=False)], took_ms=0)
        else:
            self._tell(entry, doubt)
            pause = min(timing.search_pause, timing.search_window - age_ms / 1000)
            self._not_before[entry.key] = context.clock.monotonic() + max(pause, _LEAST_PAUSE_SECONDS)

    async def _search(self, command: OrderCommand) -> list[ExecutionReport] | None:
        """What became of the command, None when the broker has nothing of it.

        :raises _BrokerUnseen: it could not be asked
        """
        try:
            outcome = await self._patiently(self._executor.search(command))
        except Exception as error:
            log.exception("worker.search_failed", extra={"command_id": str(command.command_id)})
            self._unseen += 1
            raise _BrokerUnseen from error
        found = [] if outcome is None else _listed(outcome)
        if any(is_doubtful(report) and report.found is not False for report in found):
            self._unseen += 1
            raise _BrokerUnseen
        self._unseen = 0
        return [report for report in found if not is_doubtful(report)] or None

    def _ask_again(self, entry: Entry) -> None:
        """The broker is away: the pauses grow."""
        pause = min(self._context.timing.search_pause * 2 ** min(self._unseen, 10), _LONGEST_PAUSE_SECONDS)
        self._not_before[entry.key] = self._context.clock.monotonic() + pause

    def _tell(self, entry: Entry, doubt: ExecutionReport) -> None:
        """Report the doubt, once, also over a restart: the outbox row and the ledger's in one transaction."""
        if not entry.reports:
            self._context.ledger.tell(entry, self._enqueue(entry, [doubt], 0))
            self._context.changed.set()

    # --- its end ---

    def _finish(self, entry: Entry, reports: list[ExecutionReport], *, took_ms: int) -> None:
        """D and the reports' outbox rows, in one transaction. A report that cannot be written is an unknown outcome."""
        self._check()
        try:
            ids = self._enqueue(entry, reports, took_ms)
        except ValueError:
            log.exception("worker.report_unwritable", extra={"command_id": str(entry.command.command_id)})
            ids = self._enqueue(entry, [unknown()], took_ms)
        refused = all(report.status is ReportStatus.REJECTED for report in reports)
        self._context.ledger.finish(entry, ids, refused=refused)
        self._not_before.pop(entry.key, None)
        self._context.changed.set()

    def _enqueue(self, entry: Entry, reports: list[ExecutionReport], took_ms: int) -> tuple[str, ...]:
        return tuple(str(self._context.enqueue(_addressed(report, entry, took_ms))) for report in reports)


def expired(command: OrderCommand, *, now: datetime) -> bool:
    """Whether a command that adds exposure came too late by the server's clock; closes and modifies never do."""
    limit = parse_time(command.valid_until) if command.valid_until else None
    return command.action in OPENS and limit is not None and now > limit


def is_doubtful(report: ExecutionReport) -> bool:
    """Whether it leaves open what the broker has done."""
    if report.status is ReportStatus.REJECTED:
        return report.error_code in TIMEOUTS
    return report.status is ReportStatus.UNKNOWN


def unknown() -> ExecutionReport:
    """The outcome is not known, and not yet searched for to the end."""
    return ExecutionReport(status=ReportStatus.UNKNOWN)


def _in_doubt(outcome: list[ExecutionReport] | None, took_ms: int) -> ExecutionReport:
    """What the executor said, as far as it is of use while the search goes on. It is no proof of absence."""
    said = outcome[-1] if outcome else unknown()
    took = said.execution_ms if said.execution_ms is not None else took_ms
    return msgspec.structs.replace(said, status=ReportStatus.UNKNOWN, found=None, execution_ms=took)


def _already(report: ExecutionReport) -> ExecutionReport:
    return msgspec.structs.replace(report, already=True, found=True)


def _listed(outcome: Outcome) -> list[ExecutionReport]:
    return outcome if isinstance(outcome, list) else [outcome]


def _addressed(report: ExecutionReport, entry: Entry, took_ms: int) -> ExecutionReport:
    command = entry.command
    return msgspec.structs.replace(
        report,
        command_id=command.command_id,
        command_seq=entry.seq,
        copy_no=command.copy_no,
        attempt=command.attempt,
        side=report.side or command.side,
        execution_ms=report.execution_ms if report.execution_ms is not None else took_ms,
    )
