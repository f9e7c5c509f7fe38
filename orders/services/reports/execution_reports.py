"""Take what brokers did: store every report, move its command and its copy, inside the ingest batch's transaction.

Facts are recorded even when they are odd, and flagged; only a report about somebody else's command is refused.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Final, cast
from uuid import UUID

from django.conf import settings

from orders.domain.copies.converge import CRUMB
from orders.domain.copies.rejections import MAX_OPENINGS, may_have_happened
from orders.domain.copies.report_effects import CopyFacts, outcome
from orders.domain.reconciliation.inference import Target, takes_over
from orders.domain.states.commands import BY_REPORT, UNFINISHED, CommandState, may_move
from orders.domain.states.copies import CopyState
from orders.domain.states.reasons import CommandReason, ReportFlag
from orders.domain.wire.intents import ACCOUNT_CAUSES, ADDS_EXPOSURE, TAKES_OFF, Action, OrderType
from orders.domain.wire.reports import ExecutionReport, ReportStatus, contradicts
from orders.models import Command, Copy, Report
from orders.services import moves
from orders.services.command_log import CommandLog
from orders.services.copies import convergence, fill_waits
from orders.services.reports.attention import call_for_attention
from orders.services.reports.rows import report_row
from orders.services.reports.work import Reports, is_given_up, load, lock_and_load
from orders.services.reports.writing import write
from sessions_app.domain.problems import Refused
from sessions_app.models.statements import together
from sessions_app.models.transactions import requires_transaction
from sessions_app.services.ingest import acknowledgements
from sessions_app.services.ingest.ports import Arrival, Batch, Left

_NONE = Decimal(0)
_ACTIONS: Final[Mapping[str, Action]] = {action.value: action for action in Action}
_OVER = frozenset({CommandState.DONE, CommandState.REJECTED, CommandState.EXPIRED})
_TELL_STOPS = frozenset(
    {ReportStatus.FILLED, ReportStatus.PARTIALLY_FILLED, ReportStatus.PLACED, ReportStatus.MODIFIED}
)
_CAME_TO_NOTHING = frozenset({CommandState.REJECTED, CommandState.EXPIRED})


@requires_transaction
def accept(arrivals: Sequence[Arrival], batch: Batch) -> Left:
    """Apply reports in their order, with the acknowledgements that came before them, inside the ingest batch's
    transaction. What is returned writes them."""
    return _accept(arrivals, lock_and_load(arrivals, acknowledgements.take(batch, arrivals), batch.now), batch)


def infer(log: CommandLog, arrivals: Sequence[Arrival], causes: dict[UUID, str], batch: Batch) -> None:
    """Apply reports that nobody sent: a snapshot proves them. A report whose id is known already is left out.

    `causes`: by frame id, what a copy has ended by.
    """
    known = set(
        Report.objects.filter(
            account__in={item.account_pk for item in arrivals}, frame_id__in=[item.frame_id for item in arrivals]
        ).values_list("frame_id", flat=True)
    )
    # The same book twice proves the same things, under the same ids.
    fresh = [item for item in arrivals if item.frame_id not in known]
    if fresh:
        work = load(fresh, log)
        work.causes = causes
        write = _accept(fresh, work, batch)
        with together():
            write()
        log.write(batch)


def _accept(arrivals: Sequence[Arrival], work: Reports, batch: Batch) -> Left:
    for arrival in arrivals:
        report = cast(ExecutionReport, arrival.payload)
        command = work.commands.get(report.command_id.int) if report.command_id else None
        if report.command_id is not None and (command is None or command.account_id != arrival.account_pk):
            arrival.refuse(Refused("not_your_command", path="$.command_id"))
            # An EA that goes on with other accounts' commands is either broken or curious.
            batch.offenders[arrival.session_id] += 1
            continue
        _take(arrival, report, command, work)
    call_for_attention(work, batch)
    if not _has_sequel(work):
        return partial(write, work)
    with together():
        write(work)
    _follow(work, batch)
    return _nothing


# One report -------------------------------------------------------------------------------------------------


def _take(arrival: Arrival, report: ExecutionReport, command: Command | None, work: Reports) -> None:
    copy = command.copy if command is not None else _find_copy(arrival.account_pk, report, work)
    action = _ACTIONS[command.action] if command is not None else None
    row = report_row(arrival, report, command, copy)
    work.rows.append(row)
    row.flag = ReportFlag.FROM_SNAPSHOT if work.causes is not None else ""
    row.repeated = _is_repeat(arrival, report, work) if command is None else _move(command, report, row, work)
    if not row.repeated:
        _keep_funds(arrival, report, work)
    if (
        copy is not None
        and not row.repeated
        and report.cause not in ACCOUNT_CAUSES
        and not _is_beside(row, report, command, copy)
        and not (command is not None and work.is_overtaken(command, report))
    ):
        _apply(copy, command, action, report, work)
        if command is not None and _is_under_filled(command, report, copy):
            # What a book proved keeps saying so: the EA's own report takes its place by that.
            row.flag = row.flag or ReportFlag.UNDER_FILLED
            work.under_filled.append((command, row))
        inferred = work.causes is not None
        flag = work.waits.hear(copy, action, report, inferred=inferred)
        row.flag = row.flag if inferred else flag or row.flag
        if work.causes and work.causes.get(arrival.frame_id):
            # A book only proves that the copy is not there; with this cause, a later book that shows it brings it back.
            copy.close_cause = work.causes[arrival.frame_id]
    if command is not None and report.found is False:
        _not_found(command, arrival, report, work)
    elif command is not None and (command.state in _CAME_TO_NOTHING or is_given_up(command.copy)):
        work.unsettled[command.copy_id.int] = command.copy


def _is_under_filled(command: Command, report: ExecutionReport, copy: Copy) -> bool:
    """Whether an opening is over, and has filled in part."""
    over = command.action in ADDS_EXPOSURE and command.state in _OVER
    # A book had ended it too soon: its EA says that it still fills.
    if report.status is ReportStatus.PARTIALLY_FILLED:
        return False
    # What its master took off before an open was ordered again is not missing.
    ordered, filled = command.lots or _NONE, copy.lots_filled or _NONE
    return over and copy.state == CopyState.OPEN and _NONE < filled < ordered - CRUMB


def _is_beside(row: Report, report: ExecutionReport, command: Command | None, copy: Copy) -> bool:
    """Whether it changes nothing of the copy: a book has told it before, its command was about a second position, or
    an attempt that was given up has filled beside the one that took its place. The snapshot that is asked for shows
    both."""
    if command is not None and command.ticket is not None:
        return True
    if row.flag == ReportFlag.AFTER_SNAPSHOT:
        return not _fills_more(report, copy)
    return row.flag == ReportFlag.AFTER_VOID and copy.state == CopyState.OPEN


def _fills_more(report: ExecutionReport, copy: Copy) -> bool:
    """Whether more has filled than is known: lots of fills are cumulative. A book that was read in the middle of an
    order which fills in parts showed the first of them, and was taken for its outcome."""
    fills = report.status in (ReportStatus.FILLED, ReportStatus.PARTIALLY_FILLED)
    return fills and (report.lots or _NONE) > (copy.lots_filled or _NONE)


def _find_copy(account_pk: UUID, report: ExecutionReport, work: Reports) -> Copy | None:
    if report.copy_no and (found := work.by_number.get((account_pk.int, report.copy_no))):
        return found
    # After a partial close the terminal may name the new ticket alone, and its parent.
    for ticket in (report.ticket, report.parent_ticket):
        if ticket and (found := work.by_ticket.get((account_pk.int, ticket))):
            return found
    return None


def _is_repeat(arrival: Arrival, report: ExecutionReport, work: Reports) -> bool:
    """The same fact about a ticket again. Only ends and bookings can repeat: stops may be set twice."""
    if report.ticket is None or report.status not in (ReportStatus.CLOSED, ReportStatus.CANCELLED):
        return False
    cause = report.cause.value if report.cause else ""
    fact = (arrival.account_pk, report.ticket, report.status.value, cause, Decimal(report.remaining_lots or 0))
    known = fact in work.facts
    work.facts.add(fact)
    return known


def _move(command: Command, report: ExecutionReport, row: Report, work: Reports) -> bool:
    """Move the command as the report says; True if it says nothing new. What the table forbids is kept and flagged."""
    before, after = moves.COMMAND_STATES[command.state], BY_REPORT[report.status]
    # "Time out" is no refusal: the broker may carry it out all the same.
    if after is CommandState.REJECTED and may_have_happened(report.error_code):
        after = CommandState.UNKNOWN
    if before is after:
        return _repeats(command, report, row, work)
    if not may_move(before, after):
        from_book = command.reason == CommandReason.FROM_SNAPSHOT and work.causes is None
        more = from_book and command.action in ADDS_EXPOSURE and _fills_more(report, command.copy)
        row.flag = ReportFlag.AFTER_SNAPSHOT if more else ReportFlag.OUT_OF_ORDER
        return not more
    # The EA had executed it before it heard of its end: a fact, and odd enough for a snapshot.
    if before in (CommandState.VOID, CommandState.EXPIRED):
        row.flag = row.flag or ReportFlag.AFTER_VOID
    moves.move_command(command, after)
    # What is done needs no excuse any more.
    command.reason = "" if after in (CommandState.DONE, CommandState.WORKING) else command.reason
    command.reason = CommandReason.FROM_SNAPSHOT if work.causes is not None else command.reason
    if after is CommandState.EXPIRED and before is not CommandState.WORKING and command.action in ADDS_EXPOSURE:
        # A working order that its broker lets expire was there; what its EA found too late never was.
        command.reason = CommandReason.MISSED
        work.too_late.append(command)
    command.error_code = report.error_code
    command.absent_from = row.received_at + settings.GATEWAY["in_doubt"] if after is CommandState.UNKNOWN else None
    _time(command, report, row)
    work.moved[command.id.int] = command
    work.firsts[command.id.int, report.status] = row
    return False


def _time(command: Command, report: ExecutionReport, row: Report) -> None:
    if BY_REPORT[report.status] is not CommandState.RECEIVED:
        done_at = _before(row.received_at, report.age_ms)
        command.reported_at, command.broker_done_at = row.received_at, done_at
        command.broker_started_at = _before(done_at, report.execution_ms)


def _before(moment: datetime, milliseconds: int | None) -> datetime:
    return moment - timedelta(milliseconds=milliseconds) if milliseconds else moment


def _repeats(command: Command, report: ExecutionReport, row: Report, work: Reports) -> bool:
    """A report for a state that the command is in already.

    What we had from a snapshot gets its figures now, and steps back. Else the first report holds; one that contradicts
    it is flagged.
    """
    first = work.firsts.get((command.id.int, report.status))
    # Lots of fills are cumulative: more than before is news, and no more has been told already. Each part has its own
    # lots and price: the first one contradicts none of them.
    if report.status is ReportStatus.PARTIALLY_FILLED:
        return (report.lots or _NONE) <= (command.copy.lots_filled or _NONE)
    if command.reason == CommandReason.FROM_SNAPSHOT and work.causes is None:
        if first is not None and first.flag == ReportFlag.FROM_SNAPSHOT:
            first.repeated = True
            work.replaced.append(first)
        command.reason, row.flag = "", ReportFlag.AFTER_SNAPSHOT
        _time(command, report, row)
        work.moved[command.id.int] = command
        return False
    if (
        first is not None
        and first.flag != ReportFlag.FROM_SNAPSHOT
        and contradicts(report, first.ticket, first.lots, first.price)
    ):
        row.flag = ReportFlag.DIFFERS_FROM_FIRST
        work.contradicted.append(row)
    return True


def _keep_funds(arrival: Arrival, report: ExecutionReport, work: Reports) -> None:
    """Keep the figures that it tells, as of when they were true; newer ones stay. All of the account's are only as
    fresh as the oldest: a balance alone makes no known equity younger.
    """
    balance, equity = report.balance, report.equity
    # Figures of a former session may be hours old.
    if (balance is None and equity is None) or arrival.late:
        return
    account = work.accounts[arrival.account_pk.int]
    at = _before(arrival.at, report.age_ms)
    # Those of a slow frame may be older than what we have.
    if account.funds_at is not None and at < account.funds_at:
        return
    account.balance = account.balance if balance is None else balance
    account.equity = account.equity if equity is None else equity
    if account.equity is None or equity is not None:
        account.funds_at = at
    work.funded[account.id.int] = account


def _apply(copy: Copy, command: Command | None, action: Action | None, report: ExecutionReport, work: Reports) -> None:
    adds = action in ADDS_EXPOSURE
    before = CopyFacts(
        state=moves.COPY_STATES[copy.state],
        lots_decided=copy.lots_decided or _NONE,
        lots_open=copy.lots_open or _NONE,
        ticket=copy.ticket,
        close_cause=copy.close_cause,
        tombstoned=copy.tombstoned_at is not None,
        lots_ordered=(command.lots if adds and command else copy.lots_opened) or _NONE,
        lots_filled=copy.lots_filled or _NONE,
        lots_coming=_coming(command, report, work) if command else None,
    )
    after = outcome(before, action, report)
    moved = _observe(copy, command, report, work)
    # Set in vain: nothing has changed, and that is the news.
    vain = report.status is ReportStatus.MODIFIED and not convergence.is_settled(copy)
    # Most repeats end here: nothing is written for them.
    if after == before and not (moved or vain):
        return
    moves.move_copy(copy, after.state)
    copy.lots_decided, copy.lots_open, copy.lots_filled = after.lots_decided, after.lots_open, after.lots_filled
    if (after.state, after.lots_open, after.lots_filled) != (before.state, before.lots_open, before.lots_filled):
        # Refusals from before this are no measure of what comes now: they were about other lots.
        copy.observed_at = work.log.now
    copy.ticket, copy.close_cause = after.ticket, after.close_cause
    if after.ticket is not None:
        # The next report of this batch may name the new ticket alone.
        work.by_ticket[copy.account_id.int, after.ticket] = copy
    if after.tombstoned and copy.tombstoned_at is None:
        copy.tombstoned_at = work.log.now
    if before.tombstoned and not after.tombstoned:
        copy.tombstoned_at = None
    if after.state in (CopyState.CLOSED, CopyState.FAILED):
        copy.closed_at, copy.next_check_at, copy.wait_reason = work.log.now, None, ""
        work.cancelled[copy.id.int] = copy
    came_back = before.state in (CopyState.FAILED, CopyState.CLOSED) and after.state is not before.state
    if came_back or not convergence.is_settled(copy):
        work.unsettled[copy.id.int] = copy
    else:
        copy.next_check_at, copy.wait_reason = None, ""
    if before.state is CopyState.CLOSED:
        copy.closed_at = None
    work.touched[copy.id.int] = copy


def _coming(command: Command, report: ExecutionReport, work: Reports) -> Decimal | None:
    """Where the copy's last other command without outcome leads; looked up only where a report may ask for it."""
    # One read more, which a plain fill does without.
    asks = report.remaining_lots or report.status in (ReportStatus.REJECTED, ReportStatus.EXPIRED)
    asks = asks or (report.status is ReportStatus.CANCELLED and command.action in ADDS_EXPOSURE)
    if not asks and command.copy.state != CopyState.FAILED:
        return None
    others = [
        row.lots_after or _NONE
        for row in work.commands_of(command.copy)
        if row.id != command.id and row.state in UNFINISHED and row.action in TAKES_OFF
    ]
    return others[-1] if others else None


def _observe(copy: Copy, command: Command | None, report: ExecutionReport, work: Reports) -> bool:
    """Keep where its stops stand at the broker, as far as this report tells; whether that has changed. What an EA tells
    after a command is what was ordered, on its broker's grid, or that a stop is not there; a book tells what stands.
    """
    inferred = work.causes is not None
    if report.status not in _TELL_STOPS or (command is None and not inferred):
        return False
    if command is not None and not inferred and _was_said_in_vain(copy, command, work):
        work.early[copy.account_id] = work.log.now
        return False
    # An order that fills on: what was set since its first fill stands, and not what it was opened with.
    fills_on = command is not None and command.action in ADDS_EXPOSURE and copy.state == CopyState.OPEN
    named: tuple[Decimal | None, ...] = (command.sl or _NONE, command.tp or _NONE) if command else (None, None)
    ordered = (copy.sl_at_broker, copy.tp_at_broker) if fills_on else named
    price = command.price if command is not None and command.price is not None else report.price
    before = (copy.sl_at_broker, copy.tp_at_broker, copy.price_at_broker, copy.expiry_at_broker)
    copy.sl_at_broker = _level(report.sl, ordered[0], before[0], inferred=inferred)
    copy.tp_at_broker = _level(report.tp, ordered[1], before[1], inferred=inferred)
    copy.price_at_broker = copy.price_at_broker if price is None else price
    # No report tells an expiry. A modify that names none leaves the one that is there.
    if command is not None and (command.expiry or command.action in ADDS_EXPOSURE):
        copy.expiry_at_broker = command.expiry
    return before != (copy.sl_at_broker, copy.tp_at_broker, copy.price_at_broker, copy.expiry_at_broker)


def _was_said_in_vain(copy: Copy, command: Command, work: Reports) -> bool:
    """Whether the modify before this one was to set the same stops, was done, and left the copy without them: a book is
    asked for, not its EA's word. What a person was called for would seem over with each try.
    """
    if command.action != Action.MODIFY or copy.unprotected_since is None:
        return False
    before = [row for row in work.commands_of(copy) if row.action == Action.MODIFY and row.id < command.id]
    if not before or before[-1].state != CommandState.DONE:
        return False
    return (before[-1].sl or _NONE, before[-1].tp or _NONE) == (command.sl or _NONE, command.tp or _NONE)


def _level(told: Decimal | None, ordered: Decimal | None, known: Decimal | None, *, inferred: bool) -> Decimal | None:
    """Where a stop stands: what was told, what was ordered, or what is known."""
    if told is not None and (inferred or not told or ordered is None):
        return told
    return known if ordered is None else ordered


def _not_found(command: Command, arrival: Arrival, report: ExecutionReport, work: Reports) -> None:
    """The broker was asked and knows nothing of it. That counts only from the moment on at which it must have known.

    A broker may fill seconds after it has said "time out", and an EA that looks at once finds nothing: whatever an EA
    says, an open is not ordered again before.
    """
    voided = command.state == CommandState.VOID and command.absent_from is not None
    if command.state != CommandState.UNKNOWN and not voided:
        return
    looked_at = arrival.at - timedelta(milliseconds=report.age_ms)
    # A book says so only of what is due.
    told = work.causes is None
    if told and command.absent_from is not None and looked_at < command.absent_from:
        due = command.absent_from
        work.early[command.account_id] = min(due, work.early.get(command.account_id, due))
        return
    command.absent_from = None
    work.moved[command.id.int] = command
    work.touched[command.copy_id.int] = work.unsettled[command.copy_id.int] = command.copy
    if voided:
        return
    after, reason = _after_absence(command, work)
    moves.move_command(command, after, reason)
    if command.action == Action.CANCEL:
        work.waits.lose(command.copy)
    if reason is CommandReason.MISSED:
        work.missed.append(command)


def _after_absence(command: Command, work: Reports) -> tuple[CommandState, CommandReason]:
    """What becomes of a command that was not carried out. Whether another one takes its place, the copy tells."""
    if command.ticket is not None:
        return CommandState.VOID, CommandReason.NOT_EXECUTED
    all_of_copy = work.commands_of(command.copy)
    if command.action not in ADDS_EXPOSURE:
        behind = [row for row in all_of_copy if row.id > command.id]
        taken_over = any(takes_over(_target(row), _target(command)) for row in behind)
        return CommandState.VOID, CommandReason.SUPERSEDED if taken_over else CommandReason.NOT_EXECUTED
    if not command.copy.lots_decided or command.copy.state in (CopyState.CLOSED, CopyState.FAILED):
        return CommandState.VOID, CommandReason.NOT_WANTED
    young = command.valid_until is not None and command.valid_until >= work.log.now
    if young and sum(row.action in ADDS_EXPOSURE for row in all_of_copy) < MAX_OPENINGS:
        return CommandState.VOID, CommandReason.NOT_EXECUTED
    return CommandState.EXPIRED, CommandReason.MISSED


def _target(command: Command) -> Target:
    return Target(Action(command.action), CommandState(command.state), command.lots_after or _NONE)


def _has_sequel(work: Reports) -> bool:
    """Whether anything follows that looks at what was written: of most reports nothing does."""
    return bool(_ended_orders(work) or work.unsettled or work.waits.changed or work.waits.copies)


def _ended_orders(work: Reports) -> list[UUID]:
    """The copies that have ended, and may have been placed as orders: those of a market order never were."""
    return [copy.id for copy in work.cancelled.values() if copy.order_type != OrderType.MARKET]


def _nothing() -> None:
    """Everything is written."""


def _follow(work: Reports, batch: Batch) -> None:
    """What the reports lead to: orders that are gone, waits, and the copies that are not where they shall be."""
    if ended := _ended_orders(work):
        # A placed order's command is `working` as long as the order is there; no report of its own ends it.
        placed = Command.objects.filter(copy__in=ended, action=Action.PLACE)
        moves.move_commands(placed, CommandState.VOID, only=[CommandState.WORKING], reason=CommandReason.CANCELLED)
    fill_waits.write(work.waits)
    convergence.lead_on(work.log, work.unsettled.values(), batch)
    work.log.write(batch)
