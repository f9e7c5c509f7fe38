"""What a report does to a copy."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs
from msgspec.structs import replace

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


def filled(held: str = "0.10", *, decided: str = "0.10", **changes: Any) -> CopyFacts:
    """Open, and nothing of it closed yet."""
    return facts(decided=decided, held=held, lots_filled=Decimal(held), **changes)


ORDERED = facts(CopyState.ORDERED, held="0")


def test_a_fill_opens_the_copy_under_the_brokers_ticket() -> None:
    opened = outcome(ORDERED, Action.OPEN, report(ReportStatus.FILLED, "0.10", ticket=77))
    assert opened == filled(ticket=77)


def test_a_fill_of_fewer_lots_is_taken_as_it_came() -> None:
    opened = outcome(ORDERED, Action.OPEN, report(ReportStatus.FILLED, "0.06"))
    assert opened == filled("0.06", decided="0.06")


def test_a_fill_behind_a_decided_partial_close_keeps_the_smaller_target() -> None:
    opened = outcome(facts(CopyState.ORDERED, "0.04", "0"), Action.OPEN, report(ReportStatus.FILLED, "0.10"))
    assert (opened.lots_decided, opened.lots_open) == (Decimal("0.04"), Decimal("0.10"))


def test_a_fill_after_the_copy_was_given_up_brings_it_to_life() -> None:
    late = outcome(facts(CopyState.FAILED, "0", "0"), Action.OPEN, report(ReportStatus.FILLED, "0.10"))
    assert late == filled()
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
    assert outcome(placed, Action.PLACE, report(ReportStatus.FILLED, "0.10", ticket=77)) == filled(ticket=77)


@pytest.mark.parametrize("action", [Action.OPEN, Action.PLACE])
@pytest.mark.parametrize("status", [ReportStatus.REJECTED, ReportStatus.EXPIRED])
def test_what_was_refused_before_it_lived_may_be_ordered_again(action: Action, status: ReportStatus) -> None:
    assert outcome(ORDERED, action, report(status)) == ORDERED


def test_a_working_order_that_its_broker_drops_without_a_command_has_ended() -> None:
    working = facts(CopyState.WORKING, held="0")
    dropped = outcome(working, None, report(ReportStatus.EXPIRED, cause=Cause.EXPIRY))
    assert (dropped.state, dropped.lots_decided, dropped.close_cause) == (CopyState.CLOSED, Decimal(0), "expiry")
    for state in (CopyState.OPEN, CopyState.ORDERED):
        copy = facts(state)
        assert outcome(copy, None, report(ReportStatus.EXPIRED, cause=Cause.EXPIRY)) == copy


def test_lots_of_fills_are_cumulative_and_what_was_closed_of_them_does_not_come_back() -> None:
    part = outcome(ORDERED, Action.OPEN, report(ReportStatus.PARTIALLY_FILLED, "0.04"))
    more = outcome(part, Action.OPEN, report(ReportStatus.PARTIALLY_FILLED, "0.07"))
    assert (more.lots_open, more.lots_filled) == (Decimal("0.07"), Decimal("0.07"))
    less = replace(more, lots_open=Decimal("0.02"), lots_decided=Decimal("0.02"))
    whole = outcome(less, Action.OPEN, report(ReportStatus.FILLED, "0.10"))
    assert (whole.lots_open, whole.lots_filled, whole.lots_decided) == (
        Decimal("0.05"),
        Decimal("0.10"),
        Decimal("0.02"),
    )


def test_what_fills_after_the_follower_was_let_go_is_his_own() -> None:
    kept = facts(CopyState.CLOSED, "0", "0", close_cause=CloseCause.DETACHED)
    late = outcome(kept, Action.OPEN, report(ReportStatus.FILLED, "0.10", ticket=77))
    assert (late.state, late.lots_open, late.ticket) == (CopyState.CLOSED, Decimal(0), 77)


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


@pytest.mark.parametrize(
    ("decided", "coming", "action", "cause", "ends_by"),
    [
        ("0.10", None, Action.PLACE, None, "manual"),  # nobody here wanted it gone: its owner has deleted it
        ("2", None, Action.PLACE, None, "manual"),
        ("0.10", None, Action.PLACE, Cause.STOP_OUT, "stop_out"),  # his terminal says why
        ("0", None, Action.PLACE, None, "command"),  # it was to go
        ("0", "0", Action.PLACE, None, "command"),
        ("0.10", "0.04", Action.PLACE, None, "command"),  # a command that takes it away is on its way
        ("0.10", None, Action.CANCEL, None, "command"),
    ],
)
def test_an_order_that_nobody_here_wanted_gone_was_deleted_by_its_owner(
    decided: str, coming: str | None, action: Action, cause: Cause | None, ends_by: str
) -> None:
    working = facts(CopyState.WORKING, decided, "0", lots_coming=None if coming is None else Decimal(coming))
    ended = outcome(working, action, report(ReportStatus.CANCELLED, cause=cause))
    assert (ended.state, ended.close_cause, ended.tombstoned) == (CopyState.CLOSED, ends_by, ends_by == "manual")


def test_what_its_broker_lets_go_was_nobodys_will() -> None:
    ended = outcome(facts(CopyState.WORKING, held="0"), Action.PLACE, report(ReportStatus.EXPIRED))
    assert (ended.state, ended.close_cause, ended.tombstoned) == (CopyState.CLOSED, "expiry", False)


# What a report leaves out --------------------------------------------------------------------------------------------

GIVEN_UP = facts(CopyState.FAILED, "0", "0")
ENDED = facts(CopyState.CLOSED, "0", "0", close_cause="command")
TAKEN_FOR_GONE = facts(CopyState.CLOSED, "0", "0", close_cause=CloseCause.GONE)
WORKING = facts(CopyState.WORKING, held="0")


@pytest.mark.parametrize(
    ("before", "action", "told"),
    [
        (ORDERED, Action.OPEN, report(ReportStatus.FILLED, "0.10")),
        (ORDERED, Action.OPEN, report(ReportStatus.PARTIALLY_FILLED, "0.04")),
        (ORDERED, Action.PLACE, report(ReportStatus.PLACED)),
        (ENDED, Action.OPEN, report(ReportStatus.FILLED, "0.10")),
        (ENDED, Action.OPEN, report(ReportStatus.PARTIALLY_FILLED, "0.04")),
        (TAKEN_FOR_GONE, None, report(ReportStatus.FILLED, "0.10")),
        (TAKEN_FOR_GONE, None, report(ReportStatus.PLACED, "0.10")),
        (facts(), Action.CLOSE, report(ReportStatus.CLOSED)),
        (WORKING, Action.CANCEL, report(ReportStatus.CANCELLED)),
    ],
)
def test_the_brokers_ticket_is_taken_and_kept_where_a_report_names_none(
    before: CopyFacts, action: Action | None, told: ExecutionReport
) -> None:
    known = replace(before, ticket=70)
    assert outcome(known, action, structs.replace(told, ticket=77)).ticket == 77
    after = outcome(known, action, told)
    assert (after.ticket, after != known) == (70, True)


@pytest.mark.parametrize(("ordered", "decided", "lots"), [("0.10", "0.04", "0.10"), ("0", "0.04", "0.04")])
def test_a_fill_that_names_no_lots_is_one_of_all_that_was_ordered(ordered: str, decided: str, lots: str) -> None:
    copy = facts(CopyState.ORDERED, decided, "0", lots_ordered=Decimal(ordered))
    opened = outcome(copy, Action.OPEN, report(ReportStatus.FILLED))
    assert (opened.lots_open, opened.lots_decided) == (Decimal(lots), Decimal(decided))


def test_a_part_that_filled_leaves_what_the_copy_is_to_be() -> None:
    assert outcome(ORDERED, Action.OPEN, report(ReportStatus.PARTIALLY_FILLED, "0.04")) == filled("0.04")
    assert outcome(ORDERED, Action.OPEN, report(ReportStatus.PARTIALLY_FILLED)) == ORDERED


def test_what_lives_after_it_was_given_up_is_to_be_as_large_as_the_broker_says_if_nobody_knows_better() -> None:
    assert outcome(GIVEN_UP, Action.OPEN, report(ReportStatus.PARTIALLY_FILLED, "0.04")) == filled(
        "0.04", decided="0.04"
    )
    assert outcome(GIVEN_UP, Action.PLACE, report(ReportStatus.PLACED, "0.04")) == facts(CopyState.WORKING, "0.04", "0")
    assert outcome(GIVEN_UP, Action.PLACE, report(ReportStatus.PLACED)) == facts(CopyState.WORKING, "0", "0")


def test_a_fill_after_the_end_is_all_to_end_whatever_was_decided_before() -> None:
    ended = facts(CopyState.CLOSED, "0.10", "0", close_cause="stop_loss")
    for told in (report(ReportStatus.FILLED, "0.06"), report(ReportStatus.PARTIALLY_FILLED, "0.06")):
        assert outcome(ended, Action.OPEN, told) == filled("0.06", decided="0")


def test_a_part_of_no_lots_after_the_end_changes_nothing() -> None:
    assert outcome(ENDED, Action.OPEN, report(ReportStatus.PARTIALLY_FILLED, "0")) == ENDED


def test_only_a_copy_that_was_taken_for_gone_is_shown_by_a_book() -> None:
    told = report(ReportStatus.FILLED, "0.06")
    for copy in (
        ENDED,
        facts(close_cause=CloseCause.GONE),
        facts(CopyState.FAILED, "0", "0", close_cause=CloseCause.GONE),
    ):
        assert outcome(copy, None, told) == copy
    assert outcome(TAKEN_FOR_GONE, None, report(ReportStatus.FILLED)) == TAKEN_FOR_GONE


# Parts and ends ------------------------------------------------------------------------------------------------------


def test_a_part_closed_by_hand_lowers_the_target_though_a_command_is_on_its_way() -> None:
    part = report(ReportStatus.CLOSED, "0.04", remaining_lots=Lots("0.06"), cause=Cause.MANUAL)
    assert outcome(facts(decided="0.08", lots_coming=Decimal("0.08")), None, part).lots_decided == Decimal("0.06")


@pytest.mark.parametrize(
    ("named", "already", "ticket"),
    [
        ({"ticket": 70}, False, 70),
        ({"ticket": 77}, False, 70),
        ({"ticket": 77}, True, 77),
        ({"ticket": 77, "new_ticket": 78}, True, 78),
        ({}, True, 70),
    ],
)
def test_the_remainders_ticket_is_the_new_one_or_where_nothing_was_left_to_do_the_one_found(
    named: dict[str, Any], already: bool, ticket: int
) -> None:
    part = report(ReportStatus.CLOSED, remaining_lots=Lots("0.05"), already=already, **named)
    assert outcome(facts(ticket=70), Action.PARTIAL_CLOSE, part).ticket == ticket


@pytest.mark.parametrize(
    ("copy", "remaining"), [(facts(ticket=70), "0.10"), (facts(ticket=70), "0.20"), (WORKING, "0.05")]
)
def test_a_remainder_that_is_no_less_than_what_we_know_says_nothing(copy: CopyFacts, remaining: str) -> None:
    told = report(ReportStatus.CLOSED, already=True, remaining_lots=Lots(remaining), new_ticket=78)
    assert outcome(copy, Action.PARTIAL_CLOSE, told) == copy


def test_a_working_order_that_was_cancelled_already_has_ended() -> None:
    told = report(ReportStatus.CANCELLED, already=True)
    assert outcome(WORKING, Action.CANCEL, told) == ENDED


def test_an_order_that_was_cancelled_before_it_was_placed_has_ended() -> None:
    assert outcome(ORDERED, Action.CANCEL, report(ReportStatus.CANCELLED)) == ENDED


def test_what_happened_without_a_command_ends_a_copy_that_is_not_reported_yet() -> None:
    for status in (ReportStatus.CLOSED, ReportStatus.CANCELLED):
        assert outcome(ORDERED, None, report(status, already=True)) == ENDED


def test_a_tombstone_stays_whatever_ends_the_copy() -> None:
    assert outcome(facts(tombstoned=True), Action.CLOSE, report(ReportStatus.CLOSED)).tombstoned


# Ends that come to nothing -------------------------------------------------------------------------------------------

TO_END = facts(CopyState.WORKING, "0", "0", lots_ordered=Decimal("0.10"))


@pytest.mark.parametrize("action", [Action.CLOSE, Action.CANCEL])
@pytest.mark.parametrize("status", [ReportStatus.REJECTED, ReportStatus.EXPIRED])
def test_a_working_order_whose_end_came_to_nothing_is_led_back(action: Action, status: ReportStatus) -> None:
    assert outcome(TO_END, action, report(status)) == replace(TO_END, lots_decided=Decimal("0.10"))
    other = replace(TO_END, lots_coming=Decimal("0.04"))
    assert outcome(other, action, report(status)) == replace(other, lots_decided=Decimal("0.04"))


@pytest.mark.parametrize(
    ("copy", "action"),
    [
        (TO_END, Action.MODIFY),
        (TO_END, Action.PARTIAL_CLOSE),
        (replace(TO_END, lots_decided=Decimal("0.05")), Action.CANCEL),
        (replace(TO_END, state=CopyState.OPEN, lots_open=Decimal("0.10")), Action.CLOSE),
        (replace(TO_END, lots_ordered=Decimal(0), lots_coming=Decimal("0.04")), Action.CANCEL),
    ],
)
def test_nothing_else_is_led_back(copy: CopyFacts, action: Action) -> None:
    assert outcome(copy, action, report(ReportStatus.REJECTED)) == copy


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


def test_a_cancel_that_finds_a_position_tells_that_its_order_has_filled() -> None:
    working = facts(CopyState.WORKING, held="0", ticket=77)
    told = report(ReportStatus.CLOSED, already=True, remaining_lots=Lots("0.10"), ticket=88)
    assert outcome(working, Action.CANCEL, told) == filled(ticket=88)
    untold = structs.replace(told, ticket=None, remaining_lots=Lots("0.04"))
    part = replace(working, lots_filled=Decimal("0.06"))
    assert outcome(part, Action.CANCEL, untold) == replace(
        part, state=CopyState.OPEN, lots_open=Decimal("0.04"), lots_filled=Decimal("0.06")
    )
    # Something else tells nothing of the kind.
    assert outcome(working, Action.CLOSE, told) == working
    assert outcome(working, Action.CANCEL, structs.replace(told, remaining_lots=None)).state is CopyState.CLOSED
    assert outcome(working, Action.CANCEL, structs.replace(told, already=False)).state is CopyState.WORKING
    assert outcome(filled(), Action.CANCEL, told) == filled()


@pytest.mark.parametrize("action", [Action.CLOSE, Action.PARTIAL_CLOSE, Action.CANCEL])
@pytest.mark.parametrize("already", [False, True])
def test_a_position_of_which_lots_remain_was_opened_though_nobody_has_told_so(action: Action, already: bool) -> None:
    told = report(ReportStatus.CLOSED, "0.06", already=already, remaining_lots=Lots("0.04"), ticket=77, new_ticket=78)
    opened = outcome(ORDERED, action, told)
    there: dict[str, Any] = {"held": "0.04", "ticket": 78, "lots_filled": Decimal("0.10")}
    assert opened == facts(decided="0.04", **there)
    assert outcome(replace(ORDERED, lots_decided=Decimal("0.02")), action, told) == facts(decided="0.02", **there)
    # The fill that comes late brings nothing back, nor does it make a second position of it.
    assert outcome(opened, Action.OPEN, report(ReportStatus.FILLED, "0.10", ticket=77)).lots_open == Decimal("0.04")
    # Nor does a book take anything away that shows what remains.
    assert outcome(opened, Action.OPEN, report(ReportStatus.FILLED, "0.04")) == opened
    # What was given up exists all the same.
    assert outcome(replace(ORDERED, state=CopyState.FAILED, lots_decided=Decimal(0)), action, told) == opened
    # It goes by the newest ticket that anybody has named.
    assert outcome(ORDERED, action, structs.replace(told, new_ticket=None)).ticket == 77
    untold = structs.replace(told, new_ticket=None, ticket=None)
    assert outcome(replace(ORDERED, ticket=70), action, untold).ticket == 70
    assert outcome(ORDERED, action, report(ReportStatus.CLOSED, already=True)) == ORDERED


def test_what_a_book_shows_again_has_filled_at_least_as_much_as_it_shows() -> None:
    gone = facts(CopyState.CLOSED, "0", "0", close_cause=CloseCause.GONE, lots_filled=Decimal("0.10"))
    assert outcome(gone, None, report(ReportStatus.FILLED, "0.04")).lots_filled == Decimal("0.10")
    assert outcome(gone, None, report(ReportStatus.FILLED, "0.20")).lots_filled == Decimal("0.20")
    assert outcome(gone, None, report(ReportStatus.PLACED, "0.20")).lots_filled == Decimal("0.10")


def test_what_the_follower_keeps_has_the_ticket_and_the_lots_of_its_fill() -> None:
    kept = facts(CopyState.CLOSED, "0", "0", close_cause=CloseCause.DETACHED, ticket=77, lots_filled=Decimal("0.10"))
    late = outcome(kept, Action.OPEN, report(ReportStatus.FILLED, "0.04"))
    assert (late.ticket, late.lots_filled) == (77, Decimal("0.10"))
    assert outcome(kept, Action.OPEN, report(ReportStatus.FILLED, "0.20")).lots_filled == Decimal("0.20")


def test_a_refusal_that_nobody_has_asked_for_ends_no_working_order() -> None:
    working = facts(CopyState.WORKING, held="0")
    assert outcome(working, None, report(ReportStatus.REJECTED, cause=Cause.MANUAL)) == working
