"""Take what terminals hold: compare it with our copies, take over what it proves, keep what disagrees.

Inside the ingest batch's transaction. The account's row is locked first, so that two snapshots of one account come one
after the other: the second finds nothing left to do.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, cast
from uuid import UUID, uuid5

import msgspec
import structlog
from django.conf import settings
from django.db.models import Q, QuerySet

from orders.domain.copies.positions import PositionState
from orders.domain.copies.report_effects import CopyFacts
from orders.domain.reconciliation.books import Book, is_usable, read_book
from orders.domain.reconciliation.comparison import Copied, Fact, Found, Issued, reconcile
from orders.domain.states.commands import SENDABLE, UNFINISHED, CommandState
from orders.domain.states.copies import ALIVE, CopyState
from orders.domain.states.differences import DifferenceState
from orders.domain.states.reasons import ReportFlag
from orders.domain.wire.intents import ADDS_EXPOSURE, Action, OrderType, Side
from orders.domain.wire.snapshots import (
    MAY_BE_SAME,
    Difference,
    DifferenceKind,
    SnapshotPhase,
    SyncSnapshot,
)
from orders.models import Command, Copy, MasterPosition, Report, Snapshot
from orders.models import Difference as DifferenceRow
from orders.services.command_log import CommandLog, open_log
from orders.services.copies.convergence import is_doubtful
from orders.services.intents import order_intents
from orders.services.reconciliation import differences, masters, quotes
from orders.services.reports import execution_reports
from sessions_app.domain.decimals import decode_hook, to_builtins
from sessions_app.domain.frames.pages import fitting
from sessions_app.domain.lifecycle import SessionStatus, SnapshotReason
from sessions_app.domain.problems import Refused
from sessions_app.models import BrokerAccount, EaSession
from sessions_app.models.light import Fetch
from sessions_app.models.statements import Place, Statement, moment
from sessions_app.models.transactions import requires_transaction
from sessions_app.services.ingest.ports import Arrival, Batch, Fate, senders
from sessions_app.services.lifecycle import recovery
from sessions_app.services.operations import configuration

MAX_TOLD: Final = 50
LAG: Final = timedelta(seconds=15)
"""What a book does not show is looked for once more so much later."""
FACTS: Final = UUID("6f0a9a0e-5c53-5e6f-9b1e-0f6d1d0c9a51")
_NONE = Decimal(0)
_log = structlog.get_logger(__name__)


@requires_transaction
def accept(arrivals: Sequence[Arrival], batch: Batch) -> None:
    """Reconcile accounts with their books, one after the other. A pending session's book is kept, and not compared."""
    for arrival in arrivals:
        log = open_log([arrival.account_pk], now=batch.now)
        if _IN_CHARGE.read(sessions=[arrival.session_id]):
            _take(arrival, log, batch)
        else:
            _set_aside(arrival, log.row(arrival.account_pk))


@requires_transaction
def touched(arrivals: Sequence[Arrival]) -> set[UUID]:
    """The accounts that a book may change: its own, and those of its followers where it is a master's."""
    return senders(arrivals) | order_intents.touched(arrivals)


def _take(arrival: Arrival, log: CommandLog, batch: Batch) -> None:
    told, account = cast(SyncSnapshot, arrival.payload), log.row(arrival.account_pk)
    stored = next(iter(_STORED.read(accounts=[account.id])), None)
    report = _whole(told, account, stored)
    taken_at = arrival.at - timedelta(milliseconds=told.age_ms)
    if report is None or not is_usable(told) or _is_of_former_epoch(account, taken_at):
        _log.warning("snapshot.unusable", account=account.account_id, connected=told.connected, same=told.same)
        arrival.refuse(Refused("snapshot_unusable"))
        return
    book = read_book(report, taken_at=taken_at, next_copy_no=account.next_copy_no)
    # A database that was set back would give these numbers again, and two copies would share one.
    recovery.keep_copy_numbers_apart(account, book.top_copy_no)
    standing = differences.standing(account)
    of_master = [row for row in standing if masters.is_about_master(row)]
    of_copies = [row for row in standing if not masters.is_about_master(row)]
    found, sets_stops = _reconcile(log, book, of_copies, arrival, batch)
    second_look = masters.follow(account, book, of_master, arrival, batch)
    quotes.keep(account.id, told.quotes, at=book.taken_at)
    if not told.same:
        _keep(account, arrival, told, book, pending=False)
    doubted = any(one.kind is DifferenceKind.MISSING and one.adopted for one in found)
    _schedule(account, batch, doubted=doubted or sets_stops, second_look=second_look)
    batch.replies.append((arrival, _result(told, found)))


def _in_charge() -> "QuerySet[EaSession, Any]":
    rows = EaSession.objects.filter(id__among=Place("sessions"), state=SessionStatus.AUTHENTICATED)
    return rows.values_list("id")


_IN_CHARGE: Final = Statement(_in_charge)
_STORED: Final = Fetch(lambda: Snapshot.objects.filter(account__among=Place("accounts"), pending=False))


def _set_aside(arrival: Arrival, account: BrokerAccount) -> None:
    """Keep what a pending session's terminal holds, for whoever decides about its key: a new one comes after that."""
    told = cast(SyncSnapshot, arrival.payload)
    if not told.same and is_usable(told):
        book = read_book(told, taken_at=arrival.at - timedelta(milliseconds=told.age_ms))
        _keep(account, arrival, told, book, pending=True)


def _whole(told: SyncSnapshot, account: BrokerAccount, stored: Snapshot | None) -> SyncSnapshot | None:
    """The report with what is held: as stored, if the terminal was asked whether that has changed, and says no."""
    if not told.same:
        return told
    # "Same" is an answer to our question alone: to another one it would hide what has changed.
    if stored is None or not stored.hash or told.hash != stored.hash or account.snapshot_reason not in MAY_BE_SAME:
        return None
    known = msgspec.convert(stored.content, SyncSnapshot, dec_hook=decode_hook)
    return msgspec.structs.replace(
        told,
        positions=known.positions,
        working_orders=known.working_orders,
        incomplete=told.incomplete or known.incomplete,
    )


def _is_of_former_epoch(account: BrokerAccount, taken_at: datetime) -> bool:
    """Whether an account that must tell what it holds, before any command goes out, was read before that was due."""
    due = account.snapshot_due_at
    return account.needs_snapshot and due is not None and taken_at < due


def _reconcile(
    log: CommandLog, book: Book, standing: Sequence[DifferenceRow], arrival: Arrival, batch: Batch
) -> tuple[list[Found], bool]:
    """The differences that remain; whether stops are set again for some. `standing`: those that stand by now."""
    account = log.row(arrival.account_pk)
    rows = {copy.copy_no or 0: copy for copy in _copies(account, book)}
    copied = {row.copy_no: row for row in _as_believed(account, list(rows.values()), book, standing)}
    comparison = reconcile(
        book,
        list(copied.values()),
        known_tickets=_own_trades(account),
        gate=configuration.number("mass_close_gate", account),
    )
    infer(log, account, comparison.facts, session_id=arrival.session_id, at=arrival.at, batch=batch)
    sets_stops = differences.record(
        log=log,
        account=account,
        comparison=comparison,
        book=book,
        rows=standing,
        copies=rows,
        copied=copied,
        batch=batch,
    )
    return comparison.differences, sets_stops


def infer(
    log: CommandLog, account: BrokerAccount, facts: Sequence[Fact], *, session_id: UUID, at: datetime, batch: Batch
) -> None:
    """Apply what a book proves as reports, whose ids follow from what they say: the same again adds nothing.

    Inside the caller's transaction; `session_id`: whose book it was.
    """
    inferred = [
        Arrival(
            session_id=session_id,
            account_pk=account.id,
            fence=account.fence,
            kind="ExecutionReport",
            frame_id=uuid5(FACTS, fact.name),
            seq=None,
            payload=fact.report,
            digest=b"",
            heard=0.0,
            received_at=at,
            fate=Fate.APPLY,
        )
        for fact in facts
    ]
    if inferred:
        _log.info("snapshot.facts", account=account.account_id, facts=[fact.name for fact in facts])
        execution_reports.infer(log, inferred, {uuid5(FACTS, fact.name): fact.cause for fact in facts}, batch)


# What we believe --------------------------------------------------------------------------------------------


def _copies(account: BrokerAccount, book: Book) -> list[Copy]:
    """Living copies, those with a doubtful command, and those whose magic number is in the book."""
    numbers = {item.copy_no for item in book.held if item.copy_no is not None}
    return _COPIES.read(accounts=[account.id], numbers=numbers)


def _concerned() -> "QuerySet[Copy]":
    doubtful = Command.objects.filter(account__among=Place("accounts"), state__in=UNFINISHED).values("copy_id")
    # Closed copies matter when their number is in the book: something is there that should not be.
    concerned = Q(state__in=ALIVE) | Q(copy_no__among=Place("numbers")) | Q(id__in=doubtful)
    rows = Copy.objects.filter(concerned, account__among=Place("accounts"), copy_no__isnull=False)
    return rows.order_by("copy_no")


_COPIES: Final = Fetch(_concerned, "subscription")


def _as_believed(
    account: BrokerAccount, rows: Sequence[Copy], book: Book, standing: Sequence[DifferenceRow]
) -> list[Copied]:
    commands: dict[UUID, list[Issued]] = defaultdict(list)
    observed = {row.id: row.observed_at for row in rows}
    for row in _COMMANDS.read(copies=list(observed)):
        commands[row.copy_id].append(_issued(row, account, book, observed[row.copy_id]))
    # What a book has proved itself does not make the next book old.
    newer = {pk for (pk,) in _LATER.read(accounts=[account.id], taken=book.taken_at)}
    beyond = Command.objects.filter(account=account, epoch=account.epoch, seq__gt=book.applied_seq)
    # What is in doubt is what the book shall clear up, so it does not make the book old.
    ahead = set(beyond.exclude(state=CommandState.UNKNOWN).values_list("copy_id", flat=True))
    waiting = {row.copy_no: row.state for row in standing if row.kind == DifferenceKind.MISSING}
    return [
        _copied(row, commands[row.id], newer=row.id in newer, ahead=row.id in ahead, missing=waiting.get(row.copy_no))
        for row in rows
    ]


def _commands() -> "QuerySet[Command]":
    wanted = Q(state__in=UNFINISHED) | Q(action__in=ADDS_EXPOSURE)
    return Command.objects.filter(wanted, copy__among=Place("copies"), seq__isnull=False).order_by("id")


def _later() -> "QuerySet[Report, Any]":
    rows = Report.objects.filter(account__among=Place("accounts"), received_at__gt=moment("taken"))
    return rows.exclude(flag=ReportFlag.FROM_SNAPSHOT).values_list("copy_id")


_COMMANDS: Final = Fetch(_commands)
_LATER: Final = Statement(_later)


def _copied(row: Copy, commands: Sequence[Issued], *, newer: bool, ahead: bool, missing: str | None) -> Copied:
    return Copied(
        id=row.id,
        copy_no=row.copy_no or 0,
        symbol=row.symbol,
        side=Side(row.side),
        since=row.created_at,
        facts=CopyFacts(
            state=CopyState(row.state),
            lots_decided=row.lots_decided or _NONE,
            lots_open=row.lots_open or _NONE,
            lots_filled=row.lots_filled or _NONE,
            ticket=row.ticket,
            close_cause=row.close_cause,
            tombstoned=row.tombstoned_at is not None,
        ),
        order_type=OrderType(row.order_type),
        sl=row.sl or _NONE,
        tp=row.tp or _NONE,
        price=row.price,
        commands=commands,
        newer=newer,
        ahead=ahead,
        held=missing == DifferenceState.HELD,
        kept=missing in (DifferenceState.ACCEPTED, DifferenceState.REFUSED),
    )


def _issued(row: Command, account: BrokerAccount, book: Book, observed: datetime | None) -> Issued:
    """A command as it can be cleared up. `observed`: when the broker told of its copy last.

    One whose outcome is in the book, and was not reported for as long as doubt lasts, has lost its report: the book
    tells what became of it.
    """
    since = row.acked_at or row.decided_at
    applied = row.seq is not None and row.epoch == account.epoch and row.seq <= book.applied_seq
    silent = row.state in SENDABLE and applied and book.taken_at >= since + settings.GATEWAY["in_doubt"]
    return Issued(
        id=row.id,
        action=Action(row.action),
        state=CommandState.UNKNOWN if silent or is_doubtful(row) else CommandState(row.state),
        attempt=row.attempt,
        lots_after=row.lots_after or _NONE,
        sl=row.sl or _NONE,
        tp=row.tp or _NONE,
        price=row.price,
        since=row.decided_at,
        absent_from=since if silent else row.absent_from,
        # A market order fills within the time that doubt lasts, a working one within as much of its latest part.
        fills_until=(since if row.action == Action.OPEN else observed or since) + settings.GATEWAY["in_doubt"],
        ticket=row.ticket,
    )


def _own_trades(account: BrokerAccount) -> set[int]:
    """Tickets of the account's own trades, as a master: they are foreign to nobody."""
    return {ticket for pair in _OWN.read(accounts=[account.id]) for ticket in pair}


def _own() -> "QuerySet[MasterPosition, Any]":
    rows = MasterPosition.objects.filter(account__among=Place("accounts")).exclude(state=PositionState.CLOSED)
    return rows.values_list("ticket", "position_id")


_OWN: Final = Statement(_own)


# What is kept -----------------------------------------------------------------------------------------------


def _keep(account: BrokerAccount, arrival: Arrival, told: SyncSnapshot, book: Book, *, pending: bool) -> None:
    content = to_builtins(told)
    Snapshot.objects.update_or_create(
        account=account,
        pending=pending,
        defaults={
            "session_id": arrival.session_id,
            "hash": told.hash or "",
            "content": content,
            "applied_seq": book.applied_seq,
            "taken_at": book.taken_at,
            "received_at": arrival.at,
        },
    )


def _schedule(account: BrokerAccount, batch: Batch, *, doubted: bool, second_look: datetime | None) -> None:
    """When the next one is due: on schedule, or as soon as it can clear up what is still in doubt.

    `doubted`: a copy was taken for gone, or stops that were not there are set again. `second_look`: when to look again
    for what is missing of a master's.
    """
    now = batch.now
    due, reason = now + configuration.span("snapshot_interval", account), SnapshotReason.SCHEDULE
    in_doubt = [*_UNKNOWN.read(accounts=[account.id]), *_VOID.read(accounts=[account.id])]
    clears = _first_absence([since for (since,) in in_doubt], now)
    # Doubt blocks a copy: the question that can end it is not put off.
    # A terminal's list may lag behind its own reports. Until the next book its position would belong to nobody, and
    # its master's close would not reach it.
    looks = [clears, second_look, batch.now + LAG if doubted else None]
    soonest = min((moment for moment in looks if moment is not None), default=due)
    if soonest < due:
        due, reason = soonest, SnapshotReason.IN_DOUBT
    BrokerAccount.objects.filter(id=account.id).update(
        snapshot_due_at=due, snapshot_reason=reason, needs_snapshot=False
    )
    if account.needs_snapshot:
        batch.changed_sessions |= set(
            EaSession.objects.filter(account=account, state=SessionStatus.AUTHENTICATED).values_list("id", flat=True)
        )


def _unknown() -> "QuerySet[Command, Any]":
    rows = Command.objects.filter(account__among=Place("accounts"), state=CommandState.UNKNOWN)
    return rows.values_list("absent_from")


def _void_in_doubt() -> "QuerySet[Command, Any]":
    """Opens that were taken back before their EA had acknowledged them, and may be executed all the same."""
    living = Copy.objects.filter(account__among=Place("accounts"), state=CopyState.ORDERED)
    rows = Command.objects.filter(copy__in=living, state=CommandState.VOID, absent_from__isnull=False)
    return rows.values_list("absent_from")


_UNKNOWN: Final = Statement(_unknown)
_VOID: Final = Statement(_void_in_doubt)


def _first_absence(moments: Iterable[datetime | None], now: datetime) -> datetime | None:
    """When absence first counts for a doubtful command; for one that stays doubtful, half a minute from now."""
    soonest = [moment for moment in moments if moment is not None]
    later = [moment for moment in soonest if moment > now]
    # What stays in doubt after its time is asked about twice a minute, not in a loop.
    again = [now + timedelta(seconds=30)] if len(later) < len(soonest) else []
    return min([*later, *again], default=None)


def _result(told: SyncSnapshot, found: Sequence[Found]) -> SyncSnapshot:
    """The answer to a report: the first of the differences, and how many there are."""
    return SyncSnapshot(
        phase=SnapshotPhase.RESULT,
        request_id=told.request_id,
        differences=fitting([_shown(item) for item in found[:MAX_TOLD]]),
        differences_total=len(found),
    )


def _shown(found: Found) -> Difference:
    return Difference(
        kind=found.kind,
        severity=found.severity,
        symbol=found.symbol,
        copy_no=found.copy_no,
        ticket=found.ticket,
        expected=found.expected,
        actual=found.actual,
    )
