"""What a report does to a copy. Facts from the broker are taken as they come; a late fact wins over our belief."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from orders.domain.copies import CopyState
from orders.domain.intents import ADDS_EXPOSURE, TAKES_OFF, Action, Cause
from orders.domain.reports import ExecutionReport, ReportStatus

_NONE = Decimal(0)
_UNBORN: Final = frozenset({CopyState.ORDERED, CopyState.FAILED})


@dataclass(frozen=True, slots=True)
class CopyFacts:
    """A copy as far as a report can change it. `lots_decided`: where our commands lead; `lots_open`: the broker's;
    `lots_ordered`: what was ordered at first; `lots_coming`: where the last of its other commands without outcome
    leads, None if there is none.
    """

    state: CopyState
    lots_decided: Decimal
    lots_open: Decimal
    ticket: int | None = None
    close_cause: str = ""
    tombstoned: bool = False
    lots_ordered: Decimal = _NONE
    lots_coming: Decimal | None = None

    @property
    def lots_most(self) -> Decimal:
        """The most lots that were ordered of its position: what is open, or is being filled."""
        return max(self.lots_open, self.lots_decided)


def outcome(copy: CopyFacts, action: Action | None, report: ExecutionReport) -> CopyFacts:
    """The copy after `report`; `action` is the command's, None for what happened without us."""
    effect = _EFFECTS.get(report.status)
    return copy if effect is None else effect(copy, action, report)


def _filled(copy: CopyFacts, action: Action | None, report: ExecutionReport) -> CopyFacts:
    if copy.state is CopyState.CLOSED or action not in ADDS_EXPOSURE:
        return copy
    lots = report.lots if report.lots is not None else copy.lots_decided or copy.lots_ordered
    return replace(
        copy,
        state=CopyState.OPEN,
        lots_open=lots,
        lots_decided=min(_revived(copy, lots), lots),
        ticket=report.ticket or copy.ticket,
    )


def _partially_filled(copy: CopyFacts, action: Action | None, report: ExecutionReport) -> CopyFacts:
    if copy.state is CopyState.CLOSED:
        return copy
    lots = report.lots or _NONE
    return replace(
        copy,
        state=CopyState.OPEN,
        lots_open=lots,
        lots_decided=_revived(copy, copy.lots_ordered or lots),
        ticket=report.ticket or copy.ticket,
    )


def _placed(copy: CopyFacts, action: Action | None, report: ExecutionReport) -> CopyFacts:
    if copy.state not in (CopyState.ORDERED, CopyState.FAILED):
        return copy
    return replace(
        copy,
        state=CopyState.WORKING,
        lots_decided=_revived(copy, copy.lots_ordered or report.lots or _NONE),
        ticket=report.ticket or copy.ticket,
    )


def _revived(copy: CopyFacts, lots: Decimal) -> Decimal:
    """Where its commands lead: a copy that was given up led nowhere, and is there all the same."""
    if copy.state is not CopyState.FAILED:
        return copy.lots_decided
    return lots if copy.lots_coming is None else min(lots, copy.lots_coming)


def _closed(copy: CopyFacts, action: Action | None, report: ExecutionReport) -> CopyFacts:
    if copy.state is CopyState.CLOSED or (report.already and report.remaining_lots):
        return copy
    if action is Action.PARTIAL_CLOSE and report.already and copy.state in _UNBORN:
        return copy  # nothing to take a part off yet: its open may come still
    remaining = report.remaining_lots or _NONE
    if remaining > 0:
        on_its_way = action is not None and copy.lots_coming is not None
        decided = copy.lots_decided if on_its_way else min(copy.lots_decided, remaining)
        ticket = report.new_ticket or copy.ticket
        return replace(copy, lots_open=remaining, lots_decided=decided, ticket=ticket)
    return _ended(copy, report)


def _cancelled(copy: CopyFacts, action: Action | None, report: ExecutionReport) -> CopyFacts:
    return copy if copy.state is CopyState.CLOSED else _ended(copy, report)


def _ended(copy: CopyFacts, report: ExecutionReport) -> CopyFacts:
    return replace(
        copy,
        state=CopyState.CLOSED,
        lots_open=_NONE,
        lots_decided=_NONE,
        ticket=report.ticket or copy.ticket,
        close_cause=report.cause.value if report.cause else "command",
        tombstoned=copy.tombstoned or report.cause is Cause.MANUAL,
    )


def _failed(copy: CopyFacts, action: Action | None, report: ExecutionReport) -> CopyFacts:
    if action in ADDS_EXPOSURE:
        if copy.state is not CopyState.ORDERED:
            return copy
        return replace(copy, state=CopyState.FAILED, lots_decided=_NONE)
    if copy.state is CopyState.OPEN and action in TAKES_OFF:
        return _back_to(copy, copy.lots_open)  # it is still there: a later close must find it
    if copy.state is CopyState.WORKING and action in (Action.CLOSE, Action.CANCEL) and copy.lots_ordered:
        return _back_to(copy, copy.lots_ordered)
    return copy


def _back_to(copy: CopyFacts, lots: Decimal) -> CopyFacts:
    """Where its commands lead without the one that failed: `lots`, if no other one is on its way."""
    return replace(copy, lots_decided=lots if copy.lots_coming is None else copy.lots_coming)


_EFFECTS: Final[Mapping[ReportStatus, Callable[[CopyFacts, Action | None, ExecutionReport], CopyFacts]]] = {
    ReportStatus.FILLED: _filled,
    ReportStatus.PARTIALLY_FILLED: _partially_filled,
    ReportStatus.PLACED: _placed,
    ReportStatus.CLOSED: _closed,
    ReportStatus.CANCELLED: _cancelled,
    ReportStatus.REJECTED: _failed,
    ReportStatus.EXPIRED: _failed,
}
