"""What a book proves about one copy and its commands, as the report that the EA would have sent."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final, Protocol
from uuid import UUID

from msgspec import structs

from orders.domain.copies.report_effects import CopyFacts
from orders.domain.reconciliation.books import Held
from orders.domain.states.commands import BY_REPORT, CommandState, may_move
from orders.domain.states.copies import CopyState
from orders.domain.wire.intents import ADDS_EXPOSURE, Action, Cause
from orders.domain.wire.reports import ExecutionReport, ReportStatus
from sessions_app.domain.decimals import Lots, Price

_NONE = Decimal(0)


class Ordered(Protocol):
    """A command, as far as a book can prove or disprove it."""

    @property
    def id(self) -> UUID: ...
    @property
    def attempt(self) -> int: ...
    @property
    def state(self) -> CommandState: ...
    @property
    def lots_after(self) -> Decimal: ...
    @property
    def sl(self) -> Decimal: ...
    @property
    def tp(self) -> Decimal: ...
    @property
    def price(self) -> Decimal | None: ...
    @property
    def fills_until(self) -> datetime | None: ...


def clear_up(
    action: Action,
    command: Ordered,
    item: Held | None,
    copy_no: int,
    *,
    taken_at: datetime,
    absence_counts: bool,
    opens_anew: bool = False,
) -> ExecutionReport | None:
    """What became of a doubtful command: opens by the magic number, the rest by the state they lead to.

    None while the book proves nothing; a report that it was not found only when absence counts. `opens_anew`: the open
    in front of it was not found and is ordered once more, so that nothing has ended.
    """
    # What follows an open that is ordered anew has not ended: its position is still to come.
    ended = absence_counts and not opens_anew
    done = _done(action, command, item, copy_no, taken_at=taken_at, absence_counts=ended)
    if done is not None or not absence_counts:
        return done
    return ExecutionReport(
        status=ReportStatus.UNKNOWN, command_id=command.id, copy_no=copy_no, attempt=command.attempt, found=False
    )


def _done(
    action: Action, command: Ordered, item: Held | None, copy_no: int, *, taken_at: datetime, absence_counts: bool
) -> ExecutionReport | None:
    if action in ADDS_EXPOSURE:
        return None if item is None else opened(command, item, copy_no, taken_at)
    if item is None:
        return _on_nothing(action, command, copy_no) if absence_counts else None
    if action is Action.MODIFY and _stands(command, item):
        return _report(ReportStatus.MODIFIED, command, copy_no, item)
    if action is Action.PARTIAL_CLOSE and item.lots <= command.lots_after:
        return _closed_to(command, copy_no, item)
    return None


def _stands(command: Ordered, item: Held) -> bool:
    """Whether the stops are those of a modify, and its price is a working order's."""
    priced = command.price is None or not item.working or item.price == command.price
    return priced and (item.sl, item.tp) == (command.sl, command.tp)


def _on_nothing(action: Action, command: Ordered, copy_no: int) -> ExecutionReport:
    """There is no such position: what was to end has ended, and there is nothing to modify."""
    status = {Action.CANCEL: ReportStatus.CANCELLED, Action.MODIFY: ReportStatus.REJECTED}.get(
        action, ReportStatus.CLOSED
    )
    return ExecutionReport(status=status, command_id=command.id, copy_no=copy_no, attempt=command.attempt, already=True)


@dataclass(frozen=True, slots=True)
class Target:
    """What one command of a copy is to lead to, as far as another one may take its place."""

    action: Action
    state: CommandState
    lots_after: Decimal


_SUCCESSORS: Final[Mapping[Action, frozenset[Action]]] = {
    Action.MODIFY: frozenset({Action.MODIFY, Action.OPEN, Action.PLACE}),
    Action.PARTIAL_CLOSE: frozenset({Action.PARTIAL_CLOSE, Action.CLOSE, Action.CANCEL, Action.OPEN, Action.PLACE}),
    Action.CLOSE: frozenset({Action.CLOSE}),
    Action.CANCEL: frozenset({Action.CANCEL, Action.CLOSE}),
}
_FAILED: Final = frozenset({CommandState.REJECTED, CommandState.EXPIRED, CommandState.VOID})


def takes_over(later: Target, earlier: Target) -> bool:
    """Whether a later command of the same copy leads where an earlier one was to lead, or further.

    An open that was ordered anew is opened with the lots and stops of that moment.
    """
    # What has failed leads nowhere, and takes nobody's place.
    if later.state in _FAILED or later.action not in _SUCCESSORS.get(earlier.action, ()):
        return False
    return earlier.action is Action.MODIFY or later.lots_after <= earlier.lots_after


def opened(command: Ordered, item: Held, copy_no: int, taken_at: datetime) -> ExecutionReport:
    """A position with our magic number proves that its command was filled, or began to be; a working order, that it was
    placed.
    """
    if item.working:
        return _report(ReportStatus.PLACED, command, copy_no, item)
    begun = _may_fill_on(command, item, taken_at)
    return _report(ReportStatus.PARTIALLY_FILLED if begun else ReportStatus.FILLED, command, copy_no, item)


def _may_fill_on(command: Ordered, item: Held, taken_at: datetime) -> bool:
    """Whether the book may have been read in the middle of an order that fills in parts."""
    soon = command.fills_until is not None and taken_at < command.fills_until
    return item.filling or (soon and item.lots < command.lots_after)


def adoption(
    facts: CopyFacts, command: Ordered, item: Held, copy_no: int, taken_at: datetime
) -> ExecutionReport | None:
    """The fill, or the placing, that nobody has reported; None when it is known, or cannot be."""
    # No report has told of it yet, or we had given it up.
    unknown = facts.state in (CopyState.ORDERED, CopyState.FAILED)
    filled = facts.state is CopyState.WORKING and not item.working
    report = opened(command, item, copy_no, taken_at)
    if _is_over(facts, command, item, taken_at):
        # What fills is told cumulatively; a part of it may have been closed since.
        lots = facts.lots_filled + item.lots - facts.lots_open
        return structs.replace(report, lots=Lots(lots))
    after = BY_REPORT[report.status]
    # A first part leaves the command of a pending order where it was: the rest works on.
    begun = filled and after is command.state is CommandState.WORKING
    if not (unknown or filled) or not (begun or may_move(command.state, after)):
        return None
    return report


def _is_over(facts: CopyFacts, command: Ordered, item: Held, taken_at: datetime) -> bool:
    """Whether an order that fills in parts has come to its end, and nobody has told so."""
    filling = facts.state is CopyState.OPEN and command.state is CommandState.WORKING and not item.working
    late = command.fills_until is not None and taken_at >= command.fills_until
    return filling and late and not item.filling and item.lots >= facts.lots_open


def gone(facts: CopyFacts, copy_no: int) -> ExecutionReport:
    """A copy that is not there any more ended without us: as if by hand, so that it is not opened again."""
    working = facts.state is CopyState.WORKING
    return ExecutionReport(
        status=ReportStatus.CANCELLED if working else ReportStatus.CLOSED,
        cause=Cause.MANUAL,
        copy_no=copy_no,
        ticket=facts.ticket,
        lots=Lots(facts.lots_open) if facts.lots_open else None,
    )


def shown(item: Held, copy_no: int) -> ExecutionReport:
    """A copy that was taken for gone is there: one book has not shown it, and this one does."""
    return ExecutionReport(
        status=ReportStatus.PLACED if item.working else ReportStatus.FILLED,
        copy_no=copy_no,
        ticket=item.ticket,
        lots=Lots(item.lots),
    )


def taken_off(facts: CopyFacts, item: Held, copy_no: int) -> ExecutionReport | None:
    """A part was closed without us, and the rest may have another ticket: one lineage all the same."""
    if item.lots > facts.lots_open or (item.lots == facts.lots_open and item.ticket == facts.ticket):
        return None
    return ExecutionReport(
        status=ReportStatus.CLOSED,
        cause=Cause.MANUAL,
        copy_no=copy_no,
        ticket=facts.ticket,
        parent_ticket=item.parent_ticket,
        new_ticket=item.ticket,
        lots=Lots(facts.lots_open - item.lots),
        remaining_lots=Lots(item.lots),
    )


def _closed_to(command: Ordered, copy_no: int, item: Held) -> ExecutionReport:
    return ExecutionReport(
        status=ReportStatus.CLOSED,
        command_id=command.id,
        copy_no=copy_no,
        attempt=command.attempt,
        new_ticket=item.ticket,
        remaining_lots=Lots(item.lots),
    )


def _report(status: ReportStatus, command: Ordered, copy_no: int, item: Held) -> ExecutionReport:
    return ExecutionReport(
        status=status,
        command_id=command.id,
        copy_no=copy_no,
        attempt=command.attempt,
        ticket=item.ticket,
        lots=Lots(item.lots),
        price=None if item.price is None else Price(item.price),
        sl=Price(item.sl),
        tp=Price(item.tp),
    )
