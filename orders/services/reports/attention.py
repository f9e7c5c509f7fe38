"""Whom odd reports call: operators by alerts, EAs by being asked what they hold."""

import math
from collections.abc import Iterator
from decimal import Decimal

from orders.domain.states.reasons import ReportFlag
from orders.domain.wire.reports import ReportStatus
from orders.models import Command, Report
from orders.services.reports import second_positions
from orders.services.reports.work import Reports
from sessions_app.domain.alerts import AlertCode
from sessions_app.domain.decimals import plain
from sessions_app.domain.lifecycle import SnapshotReason
from sessions_app.services.ingest.ports import Batch
from sessions_app.services.lifecycle import snapshot_requests
from sessions_app.services.operations import alerts

_NONE = Decimal(0)


def call_for_attention(work: Reports, batch: Batch) -> None:
    """Operators look at what contradicts and at what was missed; EAs are asked what they hold after odd facts."""
    alerts.raise_alerts(_calls(work), work.log.now)
    second_positions.look_again(work)
    # A snapshot is being applied: asking for another one would never end.
    if work.causes is not None:
        return
    _ask_for_books(work, batch)


def _calls(work: Reports) -> Iterator[alerts.Call]:
    for row in work.contradicted:
        told = " at ".join(plain(figure) for figure in (row.lots, row.price) if figure is not None)
        text = f"{row.status} {told}, ticket {row.ticket}: the first report said otherwise"
        yield alerts.Call(AlertCode.REPORT_DISCREPANCY, text, row.account_id, str(row.command_id))
    for command, row in work.under_filled:
        copy = command.copy
        filled = " of ".join(plain(lots or _NONE) for lots in (copy.lots_filled, command.lots))
        text = f"copy {copy.copy_no}, {copy.symbol}: {filled} lots filled"
        yield alerts.Call(AlertCode.UNDER_FILLED, text, row.account_id)
    for command in work.missed:
        yield _missed(command, "not executed, and too old to be repeated")
    for command in work.too_late:
        yield _missed(command, _how_late(command))


def _missed(command: Command, why: str) -> alerts.Call:
    text = f"{command.action} {command.symbol} {plain(command.lots or _NONE)}: {why}"
    return alerts.Call(AlertCode.COMMAND_MISSED, text, command.account_id)


def _how_late(command: Command) -> str:
    """What its EA found too late, and whether it was by our clock."""
    limit, told = command.valid_until, command.reported_at
    if limit is None or told is None or told >= limit:
        return "too late when its terminal came to it"
    # It is told us before the moment that it says has passed: no way takes less than no time.
    early = math.ceil((limit - told).total_seconds())
    return f"too late by its terminal, {early} s before that moment by ours: its clock is ahead, or its EA ignores ours"


def _is_odd(row: Report) -> bool:
    """Whether something has filled that was given up, or said to be refused: nobody here follows it."""
    refused = row.flag == ReportFlag.OUT_OF_ORDER and row.status in (ReportStatus.FILLED, ReportStatus.PARTIALLY_FILLED)
    return refused or row.flag == ReportFlag.AFTER_VOID


def _ask_for_books(work: Reports, batch: Batch) -> None:
    unknown = {row.account_id: row.session_id for row in work.rows if row.status == ReportStatus.UNKNOWN}
    late = {row.account_id for row in work.rows if row.late or _is_odd(row)}
    if unknown:
        snapshot_requests.fall_due(accounts=unknown, reason=SnapshotReason.UNKNOWN_OUTCOME, at=work.log.now)
        batch.changed_sessions |= set(unknown.values())
    if late:
        snapshot_requests.fall_due(accounts=late, reason=SnapshotReason.LATE_FACT, at=work.log.now)
    for account_pk, moment in work.early.items():
        snapshot_requests.fall_due(accounts=[account_pk], reason=SnapshotReason.IN_DOUBT, at=moment)
