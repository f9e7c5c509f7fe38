"""What a report does to a copy."""

from decimal import Decimal
from typing import Any

import pytest

from orders.domain.copies.report_effects import CopyFacts, outcome
from orders.domain.states.copies import MOVES, CopyState
from orders.domain.states.reasons import CloseCause
from orders.domain.wire.intents import ADDS_EXPOSURE, TAKES_OFF, Action, Cause
from orders.domain.wire.reports import ExecutionReport, ReportStatus
from sessions_app.domain.decimals import Lots


def report(status: ReportStatus, lots: str | None = None, **changes: Any) -> ExecutionReport:
    return ExecutionReport(status=status, lots=None if lots is None else Lots(lots), **changes)


def facts(state: CopyState = CopyState.OPEN, decided: str = "0.10", held: str = "0.10", **changes: Any) -> CopyFacts:
    return CopyFacts(state, Decimal(decided), Decimal(held), **changes)


ORDERED = facts(CopyState.ORDERED, held="0")


def test_a_fill_opens_the_copy_under_the_brokers_ticket() -> None:
    opened = outcome(ORDERED, Action.OPEN, report(ReportStatus.FILLED, "0.10", ticket=77))
    assert opened == facts(ticket=77)


def test_a_fill_of_fewer_lots_is_taken_as_it_came() -> None:
    opened = outcome(ORDERED, Action.OPEN, report(ReportStatus.FILLED, "0.06"))
    assert opened == facts(decided="0.06", held="0.06")


def test_a_fill_behind_a_decided_partial_close_keeps_the_smaller_target() -> None:
    opened = outcome(facts(CopyState.ORDERED, "0.04", "0"), Action.OPEN, report(ReportStatus.FILLED, "0.10"))
    assert (opened.lots_decided, opened.lots_open) == (Decimal("0.04"), Decimal("0.10"))


def test_a_fill_after_the_copy_was_given_up_brings_it_to_life() -> None:
    late = outcome(facts(CopyState.FAILED, "0", "0"), Action.OPEN, report(ReportStatus.FILLED, "0.10"))
    assert late == facts()
    closing = facts(CopyState.FAILED, "0", "0", lots_coming=Decimal("0.04"))
    late = outcome(closing, Action.OPEN, report(ReportStatus.FILLED, "0.10"))
    assert (late.lots_decided, late.lots_open) == (Decimal("0.04"), Decimal("0.10"))


@pytest.mark.parametrize(
    ("action", "status", "held"),
    [(Action.PLACE, ReportStatus.PLACED, "0"), (Action.OPEN, ReportStatus.PARTIALLY_FILLED, "0.04")],
)
def test_what_lives_after_it_was_given_up_leads_where_it_was_ordered_to(
    action: Action, status: ReportStatus, held: str
) -> None:
    given_up = facts(CopyState.FAILED, "0", "0", lots_ordered=Decimal("0.10"))
    late = outcome(given_up, action, report(status, held if held != "0" else None))
    assert (late.lots_decided, late.lots_open) == (Decimal("0.10"), Decimal(held))


def test_a_pending_order_works_until_it_fills() -> None:
    placed = outcome(ORDERED, Action.PLACE, report(ReportStatus.PLACED, ticket=77))
    assert placed == facts(CopyState.WORKING, held="0", ticket=77)
    assert outcome(placed, Action.PLACE, report(ReportStatus.FILLED, "0.10", ticket=77)) == facts(ticket=77)


@pytest.mark.parametrize("action", [Action.OPEN, Action.PLACE])
@pytest.mark.parametrize("status", [ReportStatus.REJECTED, ReportStatus.EXPIRED])
def test_what_was_never_opened_has_failed(action: Action, status: ReportStatus) -> None:
    assert outcome(ORDERED, action, report(status)) == facts(CopyState.FAILED, "0", "0")


def test_a_rejected_close_leaves_a_copy_that_is_still_to_end() -> None:
    closing = facts(decided="0")
    assert outcome(closing, Action.CLOSE, report(ReportStatus.REJECTED)) == closing


@pytest.mark.parametrize("coming", [None, Decimal("0.03")])
def test_a_rejected_partial_close_leaves_the_target(coming: Decimal | None) -> None:
    closing = facts(decided="0.03", held="0.06", lots_coming=coming)
    assert outcome(closing, Action.PARTIAL_CLOSE, report(ReportStatus.REJECTED)) == closing


@pytest.mark.parametrize("action", sorted(TAKES_OFF))
@pytest.mark.parametrize("state", [CopyState.ORDERED, CopyState.FAILED])
def test_nothing_left_to_do_on_what_is_not_there_yet_says_nothing(action: Action, state: CopyState) -> None:
    unborn = facts(state, decided="0", held="0")
    status = ReportStatus.CANCELLED if action is Action.CANCEL else ReportStatus.CLOSED
    assert outcome(unborn, action, report(status, already=True)) == unborn


def test_a_fill_after_the_end_is_a_position_that_is_to_end() -> None:
    ended = facts(CopyState.CLOSED, "0", "0", close_cause="command")
    late = outcome(ended, Action.OPEN, report(ReportStatus.FILLED, "0.10", ticket=77))
    assert (late.state, late.lots_open, late.lots_decided) == (CopyState.OPEN, Decimal("0.10"), Decimal(0))


def test_case_157_a_remainder_that_nobody_has_told_before_is_taken_over() -> None:
    told = report(ReportStatus.CLOSED, already=True, remaining_lots=Lots("0.05"), new_ticket=78)
    after = outcome(facts(decided="0.05"), Action.PARTIAL_CLOSE, told)
    assert (after.lots_open, after.lots_decided, after.ticket) == (Decimal("0.05"), Decimal("0.05"), 78)
    assert outcome(after, Action.PARTIAL_CLOSE, told) == after


@pytest.mark.parametrize("status", [ReportStatus.REJECTED, ReportStatus.EXPIRED])
def test_a_working_order_that_its_broker_drops_has_ended(status: ReportStatus) -> None:
    assert outcome(facts(CopyState.WORKING, held="0"), Action.PLACE, report(status)).state is CopyState.CLOSED


def test_a_copy_that_one_book_did_not_show_and_another_does_is_as_it_was() -> None:
    gone = facts(CopyState.CLOSED, "0", "0", close_cause=CloseCause.GONE, tombstoned=True)
    shown = outcome(gone, None, report(ReportStatus.FILLED, "0.10", ticket=7))
    assert (shown.state, shown.lots_open, shown.lots_decided) == (CopyState.OPEN, Decimal("0.10"), Decimal("0.10"))
    assert (shown.close_cause, shown.tombstoned) == ("", False)


def test_a_partial_close_leads_as_far_as_it_went_unless_more_is_on_its_way() -> None:
    part = report(ReportStatus.CLOSED, "0.07", remaining_lots=Lots("0.03"))
    assert outcome(facts(), Action.PARTIAL_CLOSE, part) == facts(decided="0.03", held="0.03")
    further = facts(decided="0.01", lots_coming=Decimal("0.01"))
    assert outcome(further, Action.PARTIAL_CLOSE, part).lots_decided == Decimal("0.01")


def test_a_rejected_modify_changes_nothing() -> None:
    assert outcome(facts(), Action.MODIFY, report(ReportStatus.REJECTED)) == facts()


def test_a_close_ends_the_copy() -> None:
    ended = outcome(facts(decided="0"), Action.CLOSE, report(ReportStatus.CLOSED, "0.10", ticket=77))
    assert ended == facts(CopyState.CLOSED, "0", "0", ticket=77, close_cause="command")


def test_a_partial_close_goes_on_under_the_remainders_ticket() -> None:
    part = report(ReportStatus.CLOSED, "0.04", remaining_lots=Lots("0.06"), new_ticket=78)
    assert outcome(facts(decided="0.06", ticket=77), Action.PARTIAL_CLOSE, part) == facts(
        decided="0.06", held="0.06", ticket=78
    )


@pytest.mark.parametrize("copy", [ORDERED, facts(CopyState.FAILED, "0", "0")])
def test_a_partial_close_that_finds_nothing_ends_no_copy_whose_open_may_come_still(copy: CopyFacts) -> None:
    assert outcome(copy, Action.PARTIAL_CLOSE, report(ReportStatus.CLOSED, already=True)) == copy


def test_a_partial_close_that_finds_nothing_of_an_open_copy_ends_it() -> None:
    ended = outcome(facts(), Action.PARTIAL_CLOSE, report(ReportStatus.CLOSED, already=True))
    assert ended.state is CopyState.CLOSED


def test_a_partial_close_by_hand_lowers_the_target() -> None:
    by_hand = report(ReportStatus.CLOSED, "0.04", remaining_lots=Lots("0.06"), cause=Cause.MANUAL)
    assert outcome(facts(), None, by_hand) == facts(decided="0.06", held="0.06")


@pytest.mark.parametrize("cause", [Cause.STOP_LOSS, Cause.TAKE_PROFIT, Cause.STOP_OUT])
def test_a_close_by_the_broker_is_no_tombstone(cause: Cause) -> None:
    ended = outcome(facts(), None, report(ReportStatus.CLOSED, cause=cause))
    assert (ended.state, ended.close_cause, ended.tombstoned) == (CopyState.CLOSED, cause.value, False)


def test_a_close_by_hand_is_a_tombstone() -> None:
    assert outcome(facts(), None, report(ReportStatus.CLOSED, cause=Cause.MANUAL)).tombstoned


def test_a_cancelled_pending_copy_is_closed() -> None:
    working = facts(CopyState.WORKING, held="0")
    assert outcome(working, Action.CANCEL, report(ReportStatus.CANCELLED)).state is CopyState.CLOSED


@pytest.mark.parametrize("status", ReportStatus)
def test_a_closed_copy_stays_as_it_is(status: ReportStatus) -> None:
    closed = facts(CopyState.CLOSED, "0", "0", close_cause="command")
    for action in (None, *(set(Action) - ADDS_EXPOSURE)):
        assert outcome(closed, action, report(status, "0.10", cause=Cause.MANUAL)) == closed


@pytest.mark.parametrize("status", ReportStatus)
@pytest.mark.parametrize("state", [state for state in CopyState if state is not CopyState.HELD])
def test_no_report_moves_a_copy_against_the_table(state: CopyState, status: ReportStatus) -> None:
    for action in (None, *Action):
        moved = outcome(facts(state), action, report(status, "0.10"))
        assert moved.state is state or moved.state in MOVES[state]
        assert min(moved.lots_decided, moved.lots_open) >= 0
