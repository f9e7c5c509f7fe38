"""The rows that a batch of reports needs, and what it changes of them: loaded in a fixed number of reads."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final, cast
from uuid import UUID

from django.db.models import Q

from orders.domain.states.commands import BY_REPORT, CommandState
from orders.domain.states.copies import CopyState
from orders.domain.states.reasons import ReportFlag
from orders.domain.wire.intents import ADDS_EXPOSURE, TAKES_OFF
from orders.domain.wire.reports import ONCE, ExecutionReport
from orders.models import Command, Copy, Report
from orders.services import moves
from orders.services.command_log import CommandLog, send_for_accounts
from orders.services.copies import fill_waits
from orders.services.copies.convergence import RECENT, that_matter
from orders.services.copies.fill_waits import Waits
from sessions_app.models import BrokerAccount
from sessions_app.models.light import Fetch, fetch, share
from sessions_app.models.statements import Answer, Place, together
from sessions_app.services.ingest.acknowledgements import Told
from sessions_app.services.ingest.ports import Acknowledged, Arrival, Pushed

_NONE = Decimal(0)
# Moments that no report looks at, and that cost more to read than all else of a command.
TIME_LINE = frozenset({"committed_at", "pushed_at", "acked_at", "occurred_at", "received_at", "decided_at"})
_UNREAD: Final = TIME_LINE | {
    "decision_id", "difference_id", "hold_no", "decided_on_id", "frame_id", "lots_before", "deviation_points",
}  # fmt: skip
_COMMANDS: Final = Fetch(lambda: Command.objects.filter(id__among=Place("commands")), "copy", without=_UNREAD)
_SIBLINGS: Final = Fetch(that_matter, without=TIME_LINE)
FactKey = tuple[UUID, int | None, str, str, Decimal]


@dataclass(slots=True)
class Reports:
    """The rows that a batch of reports needs, and what it changes.

    `firsts`: the first report of each command and status, where a batch may hold another one. `causes`: what a copy is
    said to have ended by, for reports that were not told but follow from a snapshot. `received`: commands that are
    acknowledged by this batch, by whether the moments of their push are known; `risen`: the accounts that acknowledge.

    Rows are found by the numbers of their ids: the hash of a number is compiled code, that of a UUID is Python.
    """

    log: CommandLog
    accounts: dict[int, BrokerAccount]
    commands: dict[int, Command]
    by_number: dict[tuple[int, int], Copy]
    by_ticket: dict[tuple[int, int], Copy]
    facts: set[FactKey]
    firsts: dict[tuple[int, str], Report]
    waits: Waits
    causes: dict[UUID, str] | None = None
    rows: list[Report] = field(default_factory=list)
    moved: dict[int, Command] = field(default_factory=dict)
    touched: dict[int, Copy] = field(default_factory=dict)
    funded: dict[int, BrokerAccount] = field(default_factory=dict)
    missed: list[Command] = field(default_factory=list)
    too_late: list[Command] = field(default_factory=list)
    early: dict[UUID, datetime] = field(default_factory=dict)
    contradicted: list[Report] = field(default_factory=list)
    replaced: list[Report] = field(default_factory=list)
    cancelled: dict[int, Copy] = field(default_factory=dict)
    unsettled: dict[int, Copy] = field(default_factory=dict)
    under_filled: list[tuple[Command, Report]] = field(default_factory=list)
    siblings: dict[UUID, list[Command]] = field(default_factory=dict)
    received: dict[int, bool] = field(default_factory=dict)
    risen: list[Acknowledged] = field(default_factory=list)

    # Acknowledgements ------------------------------------------------------------------------------------------------

    def acknowledge(self, acks: Told) -> None:
        """Move on what is acknowledged: in memory what this batch writes anyway, the rest by its numbers."""
        if not acks.upto:
            return
        self.risen = acks.raise_all(self.accounts.values())
        ranges = {row.id.int: _Range(row, acks.pushed.get(row.id, ())) for row in self.risen}
        for command in self.commands.values():
            found, number = ranges.get(command.account_id.int), command.seq
            if found is None or number is None or command.epoch != found.row.epoch:
                continue
            if found.row.former_seq < number <= found.row.acked_seq:
                found.numbers.add(number)
                self._receive(command, found.pushed, number)
        # Usually nothing: an EA acknowledges what it reports.
        others = {row.id: item.numbers for item in ranges.values() if not item.is_known for row in [item.row]}
        if others:
            rows = [row for row in self.risen if row.id in others]
            told = moves.received(rows, acks.pushed, self.log.now)
            told = [row for row in told if row.seq not in others[row.account_id]]
            pairs = {(account, number) for account, numbers in others.items() for number in numbers}
            moves.receive_commands(rows, told, pairs)

    def _receive(self, command: Command, pushed: Iterable[Pushed], number: int) -> None:
        for item in pushed:
            if item.seq == number:
                command.committed_at, command.pushed_at = item.committed_at, item.pushed_at
                command.acked_at = self.log.now
                self.received[command.id.int] = True
        # A report may have been faster than the acknowledgement.
        if command.state == CommandState.QUEUED:
            moves.move_command(command, CommandState.RECEIVED)
            self.received.setdefault(command.id.int, False)

    # Commands of a copy ----------------------------------------------------------------------------------------------

    def commands_of(self, copy: Copy) -> list[Command]:
        """The numbered commands of a copy that matter, in their order, as this batch has left them: its openings, what
        has no outcome, and the latest. A close may have been tried for days.
        """
        if copy.id not in self.siblings:  # one read for all copies of the batch
            wanted = {copy.id, *(row.copy_id for row in self.commands.values())} - self.siblings.keys()
            self.siblings |= {copy_id: [] for copy_id in wanted}
            for row in _SIBLINGS.read(copies=wanted, since=self.log.now - RECENT):
                self.siblings[row.copy_id].append(self.commands.get(row.id.int, row))
        return self.siblings[copy.id]

    def is_overtaken(self, command: Command, report: ExecutionReport) -> bool:
        """Whether a close or cancel has found nothing because the opening behind it in its copy's order had not been
        carried out: a report that comes late says nothing of what that one has opened since.
        """
        found_nothing = report.already and not report.remaining_lots and command.action in TAKES_OFF
        if not found_nothing or command.copy.state not in (CopyState.OPEN, CopyState.WORKING):
            return False
        return any(
            row.epoch == command.epoch and (row.seq or 0) > (command.seq or 0)
            for row in self.commands_of(command.copy)
            if row.action in ADDS_EXPOSURE
        )


def is_given_up(copy: Copy) -> bool:
    """Whether it was never opened, and shall not be any more: the last report about it may be what it waits for."""
    return copy.state == CopyState.ORDERED and not copy.lots_decided


@dataclass(slots=True)
class _Range:
    """What an account acknowledges, what it tells of pushes, and the numbers of it that this batch writes anyway."""

    row: Acknowledged
    pushed: Sequence[Pushed]
    numbers: set[int] = field(default_factory=set)

    @property
    def is_known(self) -> bool:
        """Whether every command that is acknowledged, or of which moments are told, is one that this batch writes."""
        if self.row.acked_seq - self.row.former_seq != len(self.numbers):
            return False
        return {item.seq for item in self.pushed} <= self.numbers


def lock_and_load(arrivals: Sequence[Arrival], acks: Told, now: datetime) -> Reports:
    """Lock the accounts and read all of it. `acks`: what these or other accounts acknowledge with it; the caller writes
    that too."""
    with together():
        locked = send_for_accounts({arrival.account_pk for arrival in arrivals} | acks.upto.keys())
        # Behind the lock: what another writer has done to them meanwhile is seen.
        found = _send_for_commands(arrivals)
    return _load(arrivals, locked(now), found, acks)


def load(arrivals: Sequence[Arrival], log: CommandLog) -> Reports:
    """Read all of it for accounts that are locked."""
    return _load(arrivals, log, _send_for_commands(arrivals), Told())


def _send_for_commands(arrivals: Sequence[Arrival]) -> Answer[Command]:
    told = (cast(ExecutionReport, arrival.payload).command_id for arrival in arrivals)
    return _COMMANDS.send(commands=[command_id for command_id in told if command_id])


def _load(arrivals: Sequence[Arrival], log: CommandLog, found: Answer[Command], acks: Told) -> Reports:
    reports = [cast(ExecutionReport, arrival.payload) for arrival in arrivals]
    rows = found.read()
    # Two commands of one copy share its object: what the first report changes, the second one sees.
    copies = {command.copy_id: command.copy for command in rows}
    if len(copies) < len(rows):
        share(rows, "copy", copies)
    loose = [report for report in reports if report.command_id is None]
    # Usually there are none: what happened without us names its copy by a number or a ticket.
    account_pks = {arrival.account_pk for arrival in arrivals} if loose else set()
    for copy in _copies_of(loose, account_pks):
        copies.setdefault(copy.id, copy)
    named = copies.values() if loose else ()
    commands = {row.id.int: row for row in rows}
    work = Reports(
        log=log,
        accounts={row.id.int: row for row in log.rows.values()},
        commands=commands,
        by_number={(copy.account_id.int, copy.copy_no): copy for copy in named if copy.copy_no},
        by_ticket={(copy.account_id.int, copy.ticket): copy for copy in named if copy.ticket},
        facts=_known_facts(loose, account_pks),
        waits=fill_waits.of_copies(copies.values(), log),
        firsts={},
    )
    work.acknowledge(acks)
    work.firsts = _first_reports(reports, commands)
    return work


def _first_reports(reports: Sequence[ExecutionReport], commands: dict[int, Command]) -> dict[tuple[int, str], Report]:
    """First reports of commands that a report of this batch says nothing new about; usually there are none."""
    again = [
        command.id
        for report in reports
        if report.command_id and (command := commands.get(report.command_id.int))
        if command.state == BY_REPORT[report.status] and report.status in ONCE
    ]
    # Backwards, so that the first report has the last word.
    rows = Report.objects.filter(command__among=again, repeated=False).order_by("-id") if again else []
    return {(row.command_id.int, row.status): row for row in rows if row.command_id}


def _copies_of(reports: Sequence[ExecutionReport], account_pks: set[UUID]) -> list[Copy]:
    tickets = {ticket for report in reports for ticket in (report.ticket, report.parent_ticket) if ticket}
    numbers = {report.copy_no for report in reports if report.copy_no}
    if not tickets and not numbers:
        return []
    found = Copy.objects.filter(Q(ticket__among=tickets) | Q(copy_no__in=numbers), account__among=account_pks)
    return fetch(found)


def _known_facts(reports: Sequence[ExecutionReport], account_pks: set[UUID]) -> set[FactKey]:
    tickets = {report.ticket for report in reports if report.ticket}
    if not tickets:
        return set()
    rows = Report.objects.filter(account__among=account_pks, ticket__among=tickets).exclude(cause="")
    # What a book proved lacks the broker's figures: the EA's own report of it is news.
    told = rows.exclude(flag=ReportFlag.FROM_SNAPSHOT).values_list(
        "account_id", "ticket", "status", "cause", "remaining_lots"
    )
    return {(account, ticket, status, cause, left or _NONE) for account, ticket, status, cause, left in told}
