"""The one that executes commands: strictly in order, each written ahead, none twice."""

import asyncio
import logging
import time
from datetime import datetime
from typing import Final

import msgspec

from eagateway_sdk.clock import parse_time
from eagateway_sdk.context import Context, Executor, Outcome
from eagateway_sdk.frames import Action, ExecutionReport, OrderCommand, ReportStatus
from eagateway_sdk.ledger import Entry

log = logging.getLogger(__name__)

ADDS_EXPOSURE: Final = frozenset({Action.OPEN, Action.PLACE})


class LedgerReread(Exception):
    """A write was lost and the ledger was read again: entries in hand are stale, the broker has to be asked."""


class Worker:
    """Takes commands from the ledger as long as there is an executor."""

    def __init__(self, context: Context, executor: Executor) -> None:
        self._context = context
        self._executor = executor
        self._losses = context.losses

    async def run(self) -> None:
        """Settle what was in doubt, then execute until cancelled.

        :raises JournalFailed, LedgerReread: something could not be written; begin anew
        """
        context = self._context
        context.ledger.reopened = True
        while True:
            if context.ledger.reopened:
                await self._settle_all()
            waiting = context.ledger.next_received()
            if waiting is not None and not context.leaving:
                async with context.terminal:
                    await self._carry_out(waiting)
                continue
            context.work.clear()
            await context.work.wait()
            if self._losses != context.losses:
                raise LedgerReread

    async def _carry_out(self, entry: Entry) -> None:
        context = self._context
        if expired(entry.command, now=context.server_clock.now()):
            context.events["commands.expired"] += 1
            self._finish(entry, ExecutionReport(status=ReportStatus.EXPIRED), took_ms=0)
            return
        context.ledger.begin(entry)
        await context.journal.durable()
        started = time.perf_counter()
        outcome = await self._execute(entry.command)
        took_ms = int((time.perf_counter() - started) * 1000)
        context.events["commands.executed"] += 1
        self._finish(entry, outcome, took_ms=took_ms)

    async def _execute(self, command: OrderCommand) -> Outcome:
        try:
            return await self._executor.execute(command)
        except Exception:
            log.exception("worker.outcome_unknown", extra={"command_id": str(command.command_id)})
        return await self._search(command) or unknown(found=False)

    async def _settle_all(self) -> None:
        self._context.ledger.reopened = False
        for entry in self._context.ledger.in_doubt():
            await self._settle(entry)

    async def _settle(self, entry: Entry) -> None:
        """Ask the broker about a command that was being sent when the program ended; absence counts late only."""
        context, timing = self._context, self._context.timing
        outcome = await self._search_alone(entry.command)
        while outcome is None and context.clock.age_ms(entry.since) < timing.search_window * 1000:
            await asyncio.sleep(timing.search_pause)
            outcome = await self._search_alone(entry.command)
        context.events["commands.settled"] += 1
        if outcome is None:
            self._finish(entry, unknown(found=False), took_ms=0)
        else:
            self._finish(entry, [_already(report) for report in _listed(outcome)], took_ms=0)

    async def _search_alone(self, command: OrderCommand) -> Outcome | None:
        async with self._context.terminal:
            return await self._search(command)

    async def _search(self, command: OrderCommand) -> Outcome | None:
        try:
            return await self._executor.search(command)
        except Exception:
            log.exception("worker.search_failed", extra={"command_id": str(command.command_id)})
            return unknown(found=None)

    def _finish(self, entry: Entry, outcome: Outcome, *, took_ms: int) -> None:
        """D and the reports' outbox rows, in one transaction. A report that cannot be written is an unknown outcome."""
        if self._losses != self._context.losses:
            raise LedgerReread
        try:
            ids = self._enqueue(entry, _listed(outcome), took_ms)
        except ValueError:
            log.exception("worker.report_unwritable", extra={"command_id": str(entry.command.command_id)})
            ids = self._enqueue(entry, [unknown(found=None)], took_ms)
        self._context.ledger.finish(entry, ids)
        self._context.changed.set()

    def _enqueue(self, entry: Entry, reports: list[ExecutionReport], took_ms: int) -> tuple[str, ...]:
        return tuple(str(self._context.enqueue(_addressed(report, entry, took_ms))) for report in reports)


def expired(command: OrderCommand, *, now: datetime) -> bool:
    """Whether a command that adds exposure came too late by the server's clock; closes and modifies never do."""
    limit = parse_time(command.valid_until) if command.valid_until else None
    return command.action in ADDS_EXPOSURE and limit is not None and now > limit


def unknown(*, found: bool | None) -> ExecutionReport:
    """The outcome is unknown; `found` says whether the broker could be asked (False: asked, not there)."""
    return ExecutionReport(status=ReportStatus.UNKNOWN, found=found)


def _already(report: ExecutionReport) -> ExecutionReport:
    if report.status is ReportStatus.UNKNOWN:
        return report
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
        execution_ms=report.execution_ms if report.execution_ms is not None else took_ms,
    )
