"""Which copies a book is compared for, what doubts it clears up, and what each disagreement says."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from orders.domain.copies.report_effects import CopyFacts
from orders.domain.reconciliation.books import Held
from orders.domain.reconciliation.comparison import Comparison, Copied, Found, Issued, reconcile
from orders.domain.states.commands import CommandState
from orders.domain.states.copies import CopyState
from orders.domain.wire.intents import Action, Side
from orders.domain.wire.reports import ReportStatus
from orders.domain.wire.snapshots import DifferenceKind, DifferenceSeverity
from tests.unit.orders.reconciliation.books import NOON, TENTH, book, command, copied, kinds, position

HOUR = timedelta(hours=1)


def doubtful(action: Action, number: int = 1, *, due: bool = True, **fields: Any) -> Issued:
    """A command without a known outcome; once it is due, its absence means that it was not executed."""
    from_when = NOON if due else NOON + timedelta(days=1)
    return command(action, CommandState.UNKNOWN, number, **({"absent_from": from_when} | fields))


def told(comparison: Comparison) -> list[tuple[int, ReportStatus, bool | None]]:
    return [(fact.copy_no, fact.report.status, fact.report.found) for fact in comparison.facts]


# Which copies ---------------------------------------------------------------------------------------------------------

LOST = [copied(copy_no=number) for number in range(1, 7)]


def test_a_book_without_too_many_copies_was_compared_for_those_that_it_shows() -> None:
    ended = copied(CopyState.CLOSED, copy_no=8)
    comparison = reconcile(book(position(7)), [*LOST, copied(copy_no=7), ended])
    assert (comparison.incomplete, comparison.unseen) == (True, {1, 2, 3, 4, 5, 6})
    assert reconcile(book(), LOST[:5]).unseen == set()


@pytest.mark.parametrize(
    "explained",
    [
        copied(copy_no=9, newer=True),
        copied(copy_no=9, ahead=True),
        copied(CopyState.OPEN, command(Action.CLOSE, CommandState.QUEUED), copy_no=9),
        copied(CopyState.CLOSED, copy_no=9),
        copied(CopyState.ORDERED, copy_no=9),
    ],
)
def test_a_copy_whose_absence_has_a_reason_does_not_make_a_book_incomplete(explained: Copied) -> None:
    assert not reconcile(book(), [*LOST[:5], explained]).incomplete


def test_a_copy_with_commands_that_the_book_does_not_know_is_not_compared() -> None:
    comparison = reconcile(book(position(side=Side.SELL)), [copied(ahead=True)])
    assert (comparison.facts, comparison.differences, comparison.unseen) == ([], [], {1})


def test_a_copy_that_is_adopted_now_is_compared_at_once() -> None:
    queued = command(Action.OPEN, CommandState.QUEUED)
    comparison = reconcile(book(position(sl=Decimal("1.05"))), [copied(CopyState.ORDERED, queued)])
    assert told(comparison) == [(1, ReportStatus.FILLED, None)]
    assert (kinds(comparison), comparison.unseen) == ([("stops_drift", "minor")], set())


def test_a_copy_is_adopted_by_the_command_that_opened_it() -> None:
    opening = command(Action.OPEN, CommandState.VOID)
    closing = command(Action.CLOSE, CommandState.VOID)
    (fact,) = reconcile(book(position()), [copied(CopyState.FAILED, opening, closing)]).facts
    assert fact.report.command_id == opening.id


def test_of_two_strange_tickets_the_older_one_is_the_copy() -> None:
    comparison = reconcile(book(position(ticket=905), position(ticket=903)), [copied()])
    assert [(item.kind, item.ticket) for item in comparison.differences] == [(DifferenceKind.EXTRA, 905)]


# Doubts ---------------------------------------------------------------------------------------------------------------


def test_doubts_about_a_copy_that_is_shown_are_cleared_up_in_a_book_that_lacks_others() -> None:
    closing = copied(CopyState.OPEN, doubtful(Action.CLOSE), copy_no=9)
    comparison = reconcile(book(position(9)), [*LOST, closing])
    assert told(comparison) == [(9, ReportStatus.UNKNOWN, False)]


def test_a_doubt_behind_a_command_that_is_done_is_cleared_up() -> None:
    done = command(Action.OPEN, CommandState.DONE)
    comparison = reconcile(book(), [copied(CopyState.OPEN, done, doubtful(Action.CLOSE))])
    assert told(comparison)[0] == (1, ReportStatus.CLOSED, None)


def test_absence_counts_from_its_very_moment() -> None:
    closing = doubtful(Action.CLOSE, absent_from=NOON + HOUR)
    assert told(reconcile(book(after=3600), [copied(CopyState.OPEN, closing)])) == [(1, ReportStatus.CLOSED, None)]
    assert told(reconcile(book(after=3599), [copied(CopyState.OPEN, closing)])) == []


@pytest.mark.parametrize(("since", "found"), [(NOON + 2 * HOUR, True), (NOON, False), (None, False)])
def test_an_open_may_have_ended_before_the_history_that_the_book_knows(since: Any, found: bool) -> None:
    """The history begins at one o'clock; the copy is of noon, and so is an open that names no time of its own."""
    late = book(after=4 * 3600, history_from=NOON + HOUR)
    comparison = reconcile(late, [copied(CopyState.ORDERED, doubtful(Action.OPEN, since=since))])
    assert told(comparison) == ([(1, ReportStatus.UNKNOWN, False)] if found else [])
    assert comparison.unseen == {1}


def test_a_copy_with_a_doubt_that_is_not_due_does_not_wait_for_a_person_yet() -> None:
    for commands in (
        [doubtful(Action.CLOSE, due=False)],
        [doubtful(Action.CLOSE, due=False), doubtful(Action.CLOSE, 2)],
    ):
        comparison = reconcile(book(), [*LOST, copied(CopyState.OPEN, *commands, copy_no=9)])
        assert 9 in comparison.unseen
        assert 9 not in {item.copy_no for item in comparison.differences}


def test_nothing_behind_an_open_in_doubt_is_cleared_up_however_much_it_is() -> None:
    behind = [doubtful(Action.MODIFY), doubtful(Action.CLOSE), doubtful(Action.CANCEL)]
    comparison = reconcile(book(), [copied(CopyState.ORDERED, doubtful(Action.OPEN, due=False), *behind)])
    assert (comparison.facts, comparison.unseen) == ([], {1})


def test_a_doubt_that_stays_does_not_keep_the_next_one_from_being_cleared_up() -> None:
    stays, cleared = doubtful(Action.MODIFY, due=False, sl=Decimal(1)), doubtful(Action.MODIFY, 2, due=False)
    comparison = reconcile(book(position()), [copied(CopyState.OPEN, stays, cleared)])
    assert [fact.report.command_id for fact in comparison.facts] == [cleared.id]


def test_a_copy_whose_command_is_ordered_anew_is_not_compared() -> None:
    comparison = reconcile(book(position(side=Side.SELL)), [copied(CopyState.OPEN, doubtful(Action.CLOSE))])
    assert told(comparison) == [(1, ReportStatus.UNKNOWN, False)]
    assert (comparison.differences, comparison.unseen) == ([], {1})


def test_all_that_was_ordered_behind_an_open_that_is_ordered_anew_is_ordered_anew_as_well() -> None:
    row = copied(CopyState.ORDERED, doubtful(Action.OPEN), doubtful(Action.PARTIAL_CLOSE), doubtful(Action.CLOSE))
    assert told(reconcile(book(), [row])) == [(1, ReportStatus.UNKNOWN, False)] * 3


def test_an_open_of_what_is_to_end_is_not_ordered_anew_so_that_its_close_is_done() -> None:
    row = copied(CopyState.ORDERED, doubtful(Action.OPEN), doubtful(Action.CLOSE))
    ending = replace(row, facts=structs.replace(row.facts, lots_decided=Decimal(0)))
    assert told(reconcile(book(), [ending])) == [(1, ReportStatus.UNKNOWN, False), (1, ReportStatus.CLOSED, None)]


# Facts ----------------------------------------------------------------------------------------------------------------

TAKEN_FOR_GONE = copied(
    CopyState.CLOSED, facts=CopyFacts(CopyState.CLOSED, Decimal(0), Decimal(0), ticket=901, close_cause="gone")
)


def test_a_copy_that_was_taken_for_gone_is_there_again_and_compared() -> None:
    comparison = reconcile(book(position(sl=Decimal("1.05"))), [TAKEN_FOR_GONE])
    assert told(comparison) == [(1, ReportStatus.FILLED, None)]
    assert kinds(comparison) == [("stops_drift", "minor")]
    assert reconcile(book(position()), [TAKEN_FOR_GONE]).differences == []


def test_another_position_with_the_number_of_a_copy_that_is_gone_is_extra() -> None:
    comparison = reconcile(book(position(ticket=77)), [TAKEN_FOR_GONE])
    assert (comparison.facts, kinds(comparison)) == ([], [("extra", "critical")])


def test_a_part_that_was_taken_off_is_a_fact_and_a_difference_that_our_books_follow() -> None:
    item = position(lots=Decimal("0.04"))
    comparison = reconcile(book(item), [copied()])
    (fact,) = comparison.facts
    assert (fact.report.remaining_lots, fact.report.lots) == (Decimal("0.04"), Decimal("0.06"))
    assert comparison.differences == [
        Found(
            DifferenceKind.WRONG_LOTS,
            DifferenceSeverity.MINOR,
            "EURUSD",
            "0.1",
            "0.04",
            copy_no=1,
            ticket=901,
            adopted=True,
            item=item,
        )
    ]


def test_another_ticket_for_the_same_lots_is_a_fact_alone() -> None:
    comparison = reconcile(book(position(ticket=77)), [copied()])
    assert [fact.report.new_ticket for fact in comparison.facts] == [77]
    assert comparison.differences == []


# What a difference says -----------------------------------------------------------------------------------------------


def difference(item: Held | None, row: Copied | None) -> Found:
    (found,) = reconcile(book(*[item] if item else []), [row] if row else []).differences
    return found


MORE, SOLD, BARE = position(lots=Decimal("0.3")), position(side=Side.SELL), position(sl=Decimal("0.5"))
STRANGE = position(magic=5)
DIFFERENCES: list[tuple[Held | None, Copied | None, Found, str]] = [
    (
        MORE,
        copied(),
        Found(
            DifferenceKind.WRONG_LOTS,
            DifferenceSeverity.MAJOR,
            "EURUSD",
            "0.1",
            "0.3",
            copy_no=1,
            ticket=901,
            item=MORE,
        ),
        "copy 1",
    ),
    (
        SOLD,
        copied(),
        Found(
            DifferenceKind.WRONG_SIDE,
            DifferenceSeverity.CRITICAL,
            "EURUSD",
            "buy",
            "sell",
            copy_no=1,
            ticket=901,
            item=SOLD,
        ),
        "copy 1",
    ),
    (
        BARE,
        copied(tp=Decimal("1.2")),
        Found(
            DifferenceKind.STOPS_DRIFT,
            DifferenceSeverity.MINOR,
            "EURUSD",
            "sl 0 tp 1.2",
            "sl 0.5 tp 0",
            copy_no=1,
            ticket=901,
            item=BARE,
        ),
        "copy 1",
    ),
    (
        None,
        copied(),
        Found(
            DifferenceKind.MISSING,
            DifferenceSeverity.MAJOR,
            "EURUSD",
            "buy 0.1",
            "nothing",
            copy_no=1,
            ticket=901,
            adopted=True,
        ),
        "copy 1",
    ),
    (
        None,
        copied(CopyState.WORKING, facts=CopyFacts(CopyState.WORKING, Decimal("0.2"), Decimal(0), ticket=901)),
        Found(
            DifferenceKind.MISSING,
            DifferenceSeverity.MAJOR,
            "EURUSD",
            "buy 0.2",
            "nothing",
            copy_no=1,
            ticket=901,
            adopted=True,
        ),
        "copy 1",
    ),
    (
        MORE,
        None,
        Found(
            DifferenceKind.EXTRA,
            DifferenceSeverity.CRITICAL,
            "EURUSD",
            "no such copy",
            "buy 0.3",
            copy_no=1,
            ticket=901,
            item=MORE,
        ),
        "ticket 901",
    ),
    (
        MORE,
        copied(CopyState.FAILED),
        Found(
            DifferenceKind.EXTRA,
            DifferenceSeverity.CRITICAL,
            "EURUSD",
            "copy failed",
            "buy 0.3",
            copy_no=1,
            ticket=901,
            item=MORE,
        ),
        "ticket 901",
    ),
    (
        STRANGE,
        None,
        Found(DifferenceKind.FOREIGN, DifferenceSeverity.OK, "EURUSD", "nothing", "buy 0.1", ticket=901, item=STRANGE),
        "ticket 901",
    ),
]


@pytest.mark.parametrize(("item", "row", "found", "subject"), DIFFERENCES)
def test_a_difference_says_what_was_expected_and_what_is_there(
    item: Held | None, row: Copied | None, found: Found, subject: str
) -> None:
    told_of = difference(item, row)
    assert (told_of, told_of.subject) == (found, subject)


def test_the_accounts_own_trades_as_a_master_are_no_strangers() -> None:
    assert reconcile(book(STRANGE), [], known_tickets={901}).differences == []
    assert kinds(reconcile(book(STRANGE), [], known_tickets={902})) == [("foreign", "ok")]


def test_a_second_position_stands_beside_its_copy_with_its_own_ticket() -> None:
    second = position(ticket=950, lots=TENTH)
    found = difference_of_two(position(), second)
    assert (found.kind, found.expected, found.ticket, found.item) == (DifferenceKind.EXTRA, "one position", 950, second)
    assert found.beside


def difference_of_two(first: Held, second: Held) -> Found:
    (found,) = reconcile(book(first, second), [copied()]).differences
    return found


@pytest.mark.parametrize(("sl", "severity"), [("0.65", "major"), ("0", "minor"), ("1.65", "major")])
def test_only_a_stop_loss_that_the_master_has_can_be_lost(sl: str, severity: str) -> None:
    row = copied(sl=Decimal(sl), tp=Decimal("1.2"))
    assert kinds(reconcile(book(position()), [row])) == [("stops_drift", severity)]


def test_a_price_that_was_never_ordered_has_not_moved() -> None:
    waiting = copied(CopyState.WORKING)
    assert reconcile(book(position(working=True, price=Decimal("1.1"))), [waiting]).differences == []


def test_the_worst_disagreements_come_first() -> None:
    items = [position(1, sl=Decimal(1)), position(2, side=Side.SELL), position(3, magic=5)]
    comparison = reconcile(book(*items), [copied(copy_no=1), copied(copy_no=2), copied(copy_no=4)])
    assert [item.severity.value for item in comparison.differences] == ["critical", "major", "minor", "ok"]


def test_a_book_that_lacks_a_line_proves_no_absence() -> None:
    """A line that could not be read may be the copy that is missing; what the book does show is compared."""
    bare = position(2, sl=Decimal("1.05"))
    comparison = reconcile(book(bare, incomplete=True), [copied(), copied(copy_no=2), copied(copy_no=3)], gate=1)
    assert (comparison.facts, comparison.unseen) == ([], {1, 3})
    assert [(item.kind, item.copy_no) for item in comparison.differences] == [(DifferenceKind.STOPS_DRIFT, 2)]
    assert reconcile(book(), [copied()]).unseen == set()


@pytest.mark.parametrize("action", [Action.OPEN, Action.CLOSE, Action.MODIFY])
def test_a_book_that_lacks_a_line_clears_up_no_doubt_by_absence(action: Action) -> None:
    asked = [copied(CopyState.OPEN, doubtful(action))]
    assert told(reconcile(book(incomplete=True), asked)) == []
    assert told(reconcile(book(), asked)) != []
