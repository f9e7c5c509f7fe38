"""What a report does to a copy.

The broker is right: a report says what has happened there, and our row follows, also when it comes late and says
something else than we believed. So nothing here refuses a report; at most it changes nothing.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final

import msgspec
from msgspec.structs import replace

from orders.domain.states.copies import CopyState
from orders.domain.states.reasons import CloseCause
from orders.domain.wire.intents import ADDS_EXPOSURE, TAKES_OFF, Action, Cause
from orders.domain.wire.reports import ExecutionReport, ReportStatus

_NONE = Decimal(0)
_UNBORN: Final = frozenset({CopyState.ORDERED, CopyState.FAILED})


class CopyFacts(msgspec.Struct, frozen=True):
    """A copy as far as a report can change it.

    `lots_decided`: where it is to be led, whether or not a command has come to something: it is ordered again then (see
    orders/domain/copies/converge.py). `lots_open`: the broker's; `lots_filled`: all that ever filled; `lots_ordered`:
    what was ordered at first; `lots_coming`: where the last of its other commands without outcome leads, None if there
    is none.
    """

    state: CopyState
    lots_decided: Decimal
    lots_open: Decimal
    ticket: int | None = None
    close_cause: str = ""
    tombstoned: bool = False
    lots_ordered: Decimal = _NONE
    lots_filled: Decimal = _NONE
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
    if action is None:
        return _shown(copy, CopyState.OPEN, report)
    if action not in ADDS_EXPOSURE:
        return copy
    # An EA may leave the lots out of a fill: then all that was ordered has filled.
    lots = report.lots if report.lots is not None else copy.lots_ordered or copy.lots_decided
    return _opened(copy, lots, report, all_of_it=True)


def _partially_filled(copy: CopyFacts, action: Action | None, report: ExecutionReport) -> CopyFacts:
    if action not in ADDS_EXPOSURE or not report.lots:
        return copy
    return _opened(copy, report.lots, report, all_of_it=False)


def _opened(copy: CopyFacts, lots: Decimal, report: ExecutionReport, *, all_of_it: bool) -> CopyFacts:
    """`lots` are all that has filled so far: what of it was closed already does not come back. Fewer than were known
    take nothing away: a book tells so that shows what remains.
    """
    there = copy.lots_open + max(_NONE, lots - copy.lots_filled)
    # The follower keeps what his subscription has let go, also what fills afterwards.
    if copy.close_cause == CloseCause.DETACHED:
        return replace(copy, lots_filled=max(lots, copy.lots_filled), ticket=report.ticket or copy.ticket)
    if copy.state is CopyState.CLOSED:
        return _unwanted(copy, there, lots, report) if there else copy
    decided = _revived(copy, lots if all_of_it else copy.lots_ordered or lots)
    return replace(
        copy,
        state=CopyState.OPEN,
        lots_open=there,
        lots_filled=max(lots, copy.lots_filled),
        # A partial close may have been ordered before the fill came: it still counts. More than has filled cannot
        # stay.
        lots_decided=min(decided, there) if all_of_it else decided,
        ticket=report.ticket or copy.ticket,
    )


def _unwanted(copy: CopyFacts, there: Decimal, lots: Decimal, report: ExecutionReport) -> CopyFacts:
    """The copy was closed before its fill was reported. There is a position all the same, and it shall end."""
    return replace(
        copy,
        state=CopyState.OPEN,
        lots_open=there,
        lots_filled=max(lots, copy.lots_filled),
        lots_decided=_NONE,
        ticket=report.ticket or copy.ticket,
        close_cause="",
    )


def _shown(copy: CopyFacts, state: CopyState, report: ExecutionReport) -> CopyFacts:
    """A book that did not show the copy made us close it, and now it is there: nobody has closed it by hand."""
    # Only what we closed for want of a better word comes back. What the EA reported as closed stays closed.
    if copy.state is not CopyState.CLOSED or copy.close_cause != CloseCause.GONE or not report.lots:
        return copy
    return replace(
        copy,
        state=state,
        lots_open=report.lots if state is CopyState.OPEN else _NONE,
        lots_filled=max(report.lots, copy.lots_filled) if state is CopyState.OPEN else copy.lots_filled,
        lots_decided=report.lots,
        ticket=report.ticket or copy.ticket,
        close_cause="",
        tombstoned=False,
    )


def _placed(copy: CopyFacts, action: Action | None, report: ExecutionReport) -> CopyFacts:
    if action is None:
        return _shown(copy, CopyState.WORKING, report)
    # A fill that was reported first is newer than the placing that led to it.
    if copy.state not in (CopyState.ORDERED, CopyState.FAILED):
        return copy
    return replace(
        copy,
        state=CopyState.WORKING,
        lots_decided=_revived(copy, copy.lots_ordered or report.lots or _NONE),
        ticket=report.ticket or copy.ticket,
    )


def _revived(copy: CopyFacts, lots: Decimal) -> Decimal:
    """The lots that the copy shall have. One that was given up was to have none, and exists all the same."""
    if copy.state is not CopyState.FAILED:
        return copy.lots_decided
    return lots if copy.lots_coming is None else min(lots, copy.lots_coming)


def _closed(copy: CopyFacts, action: Action | None, report: ExecutionReport) -> CopyFacts:
    remaining = report.remaining_lots or _NONE
    if action is Action.CANCEL and copy.state is CopyState.WORKING and report.already and remaining > 0:
        # The cancel has found a position: the order had filled, and nobody has told so yet.
        filled = max(remaining, copy.lots_filled)
        ticket = report.ticket or copy.ticket
        return replace(copy, state=CopyState.OPEN, lots_open=remaining, lots_filled=filled, ticket=ticket)
    if copy.state is CopyState.CLOSED or (report.already and _tells_nothing(copy, action, remaining)):
        return copy
    if remaining > 0 and copy.state in _UNBORN:
        return _proven(copy, remaining, report)
    if remaining > 0:
        # Another close on its way leads further than this one: what it was decided to leave stays decided.
        on_its_way = action is not None and copy.lots_coming is not None
        decided = copy.lots_decided if on_its_way else min(copy.lots_decided, remaining)
        # MT4 gives what remains of a partial close a new ticket. Without it the next close would name a ticket that
        # has gone.
        ticket = report.new_ticket or (report.ticket if report.already else None) or copy.ticket
        return replace(copy, lots_open=remaining, lots_decided=decided, ticket=ticket)
    return _ended(copy, report)


def _proven(copy: CopyFacts, remaining: Decimal, report: ExecutionReport) -> CopyFacts:
    """What remains was opened, though nobody has told so: were it looked for later and not found, it would be ordered a
    second time.
    """
    return replace(
        copy,
        state=CopyState.OPEN,
        lots_open=remaining,
        lots_filled=max(remaining + (report.lots or _NONE), copy.lots_filled),
        lots_decided=min(_revived(copy, remaining), remaining),
        ticket=report.new_ticket or report.ticket or copy.ticket,
    )


def _tells_nothing(copy: CopyFacts, action: Action | None, remaining: Decimal) -> bool:
    """Whether "there was nothing left to do" tells us nothing new.

    It does not while the copy has not been opened: the open may still come, unless lots remain. Nor does it when those
    are the lots that we know of.
    """
    if action in TAKES_OFF and copy.state in _UNBORN:
        return remaining <= 0
    return remaining > 0 and (copy.state is not CopyState.OPEN or remaining >= copy.lots_open)


def _cancelled(copy: CopyFacts, action: Action | None, report: ExecutionReport) -> CopyFacts:
    if copy.state is CopyState.CLOSED or (report.already and _tells_nothing(copy, action, _NONE)):
        return copy
    # An order that is gone, and that nobody here wanted gone, was deleted by its owner, unless his terminal says why.
    wanted = copy.lots_decided > 0 and copy.lots_coming is None
    by_hand = action in ADDS_EXPOSURE and wanted and report.cause is None
    return _ended(copy, replace(report, cause=Cause.MANUAL) if by_hand else report)


def _dropped(copy: CopyFacts, report: ExecutionReport) -> CopyFacts:
    """Its broker has let the working order go: that is nobody's will."""
    return _ended(copy, replace(report, cause=Cause.EXPIRY))


def _ended(copy: CopyFacts, report: ExecutionReport) -> CopyFacts:
    return replace(
        copy,
        state=CopyState.CLOSED,
        lots_open=_NONE,
        lots_decided=_NONE,
        ticket=report.ticket or copy.ticket,
        close_cause=report.cause.value if report.cause else CloseCause.COMMAND.value,
        # Who closed his copy by hand does not want the position back: it is not opened again until somebody lifts
        # this.
        tombstoned=copy.tombstoned or report.cause is Cause.MANUAL,
    )


def _failed(copy: CopyFacts, action: Action | None, report: ExecutionReport) -> CopyFacts:
    if action is None:
        # Nobody has ordered it: the broker has let the working order expire.
        gone = report.status is ReportStatus.EXPIRED and copy.state is CopyState.WORKING
        return _dropped(copy, report) if gone else copy
    if action in ADDS_EXPOSURE:
        # One that was refused before it lived may be ordered again: that is decided where its tries are known.
        return _dropped(copy, report) if copy.state is CopyState.WORKING else copy
    # The order still works at the broker, for its close or cancel was refused. It has its lots again, or the sweep
    # would take it for one that shall end and nobody would follow it.
    led_nowhere = not copy.lots_decided and action in (Action.CLOSE, Action.CANCEL)
    if copy.state is CopyState.WORKING and led_nowhere and copy.lots_ordered:
        return _back_to(copy, copy.lots_ordered)
    return copy


def _back_to(copy: CopyFacts, lots: Decimal) -> CopyFacts:
    """The lots that the copy shall have when one command has failed: `lots`, unless another command is on its way."""
    return replace(copy, lots_decided=lots if copy.lots_coming is None else copy.lots_coming)


# The others change no copy: accepted and modified move no lots, and unknown says nothing of them.
_EFFECTS: Final[Mapping[ReportStatus, Callable[[CopyFacts, Action | None, ExecutionReport], CopyFacts]]] = {
    ReportStatus.FILLED: _filled,
    ReportStatus.PARTIALLY_FILLED: _partially_filled,
    ReportStatus.PLACED: _placed,
    ReportStatus.CLOSED: _closed,
    ReportStatus.CANCELLED: _cancelled,
    ReportStatus.REJECTED: _failed,
    ReportStatus.EXPIRED: _failed,
}
