"""Books against copies: what is proven, what disagrees, and that one pass is enough."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.domain.copies.report_effects import CopyFacts, outcome
from orders.domain.reconciliation.books import Held
from orders.domain.reconciliation.comparison import Comparison, Copied, Issued, reconcile
from orders.domain.reconciliation.inference import Target, takes_over
from orders.domain.states.commands import BY_REPORT, CommandState
from orders.domain.states.copies import CopyState
from orders.domain.wire.commands import copy_number
from orders.domain.wire.intents import Action, Side
from orders.domain.wire.reports import ReportStatus
from orders.domain.wire.snapshots import (
    DifferenceKind,
    DifferenceSeverity,
    SnapshotPhase,
    SyncSnapshot,
    fault,
    history_start,
)
from tests.unit.orders.reconciliation.books import NOON, TENTH, book, command, copied, kinds, position


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (position(), []),
        (position(side=Side.SELL), [("wrong_side", "critical")]),
        (position(lots=Decimal("0.3")), [("wrong_lots", "major")]),
        (position(sl=Decimal("1.05")), [("stops_drift", "minor")]),
        (position(2), [("extra", "critical"), ("missing", "major")]),
        (position(magic=5), [("missing", "major"), ("foreign", "ok")]),
    ],
)
def test_every_disagreement_has_its_kind_and_severity(item: Held, expected: list[tuple[str, str]]) -> None:
    assert kinds(reconcile(book(item), [copied()])) == expected


def test_a_detached_copy_is_a_strangers_position() -> None:
    facts = CopyFacts(CopyState.CLOSED, Decimal(0), Decimal(0), ticket=901, close_cause="detached")
    assert kinds(reconcile(book(position()), [copied(CopyState.CLOSED, facts=facts)])) == [("foreign", "ok")]
    assert kinds(reconcile(book(), [copied(CopyState.CLOSED, facts=facts)])) == []


def test_a_lost_stop_loss_is_worse_than_a_moved_one() -> None:
    protected = copied(sl=Decimal("1.05"))
    assert kinds(reconcile(book(position()), [protected])) == [("stops_drift", "major")]
    assert kinds(reconcile(book(position(sl=Decimal("1.06"))), [protected])) == [("stops_drift", "minor")]


def test_a_pending_order_at_another_price_than_ordered_is_a_difference_and_a_filled_one_is_not() -> None:
    fields: dict[str, Any] = {"price": Decimal("1.05")}
    waiting = copied(CopyState.WORKING, **fields)
    (drift,) = reconcile(book(position(working=True, price=Decimal("1.10"))), [waiting]).differences
    assert (drift.kind, drift.severity) == (DifferenceKind.STOPS_DRIFT, DifferenceSeverity.MAJOR)
    assert (drift.expected, drift.actual) == ("price 1.05 sl 0 tp 0", "price 1.1 sl 0 tp 0")
    assert kinds(reconcile(book(position(working=True, **fields)), [waiting])) == []
    assert kinds(reconcile(book(position(price=Decimal("1.10"))), [copied(**fields)])) == []


def test_what_filled_of_an_order_is_no_difference_up_to_what_was_ordered() -> None:
    filling = copied(facts=CopyFacts(CopyState.OPEN, Decimal(1), Decimal("0.3"), ticket=901))
    for lots in ("0.3", "0.6", "1"):
        comparison = reconcile(book(position(lots=Decimal(lots))), [filling])
        assert (comparison.facts, comparison.differences) == ([], [])
    (more,) = reconcile(book(position(lots=Decimal("1.2"))), [filling]).differences
    assert (more.kind, more.expected, more.actual) == (DifferenceKind.WRONG_LOTS, "1", "1.2")


def test_case_090_more_copies_gone_than_the_gate_lets_through_are_held() -> None:
    many = [copied(copy_no=number) for number in range(1, 7)]
    comparison = reconcile(book(), many, gate=5)
    assert (comparison.facts, {item.held for item in comparison.differences}) == ([], {True})
    comparison = reconcile(book(), many[:5], gate=5)
    assert [fact.report.status for fact in comparison.facts] == [ReportStatus.CLOSED] * 5


def test_a_copy_that_a_person_says_is_there_is_not_given_up() -> None:
    comparison = reconcile(book(), [copied(kept=True)])
    assert (comparison.facts, kinds(comparison)) == ([], [("missing", "major")])


def test_what_waits_for_a_person_is_not_let_go_by_a_book_that_misses_fewer() -> None:
    waiting = [copied(copy_no=number, held=True) for number in (1, 2)]
    comparison = reconcile(book(position(1)), [*waiting, copied(copy_no=3)], gate=5)
    assert comparison.facts == []
    assert [(item.copy_no, item.held, item.adopted) for item in comparison.differences] == [
        (2, True, False),
        (3, True, False),
    ]


def test_a_book_that_lacks_what_a_person_says_is_there_proves_nothing_of_others() -> None:
    comparison = reconcile(book(), [copied(kept=True), copied(copy_no=2)])
    assert comparison.facts == []
    assert [(item.copy_no, item.held) for item in comparison.differences] == [(2, True), (1, False)]


def test_a_book_that_shows_again_all_that_waited_is_believed() -> None:
    comparison = reconcile(book(position(1)), [copied(held=True), copied(copy_no=2)])
    assert [(fact.copy_no, fact.cause) for fact in comparison.facts] == [(2, "gone")]


def test_two_positions_with_one_magic_are_a_copy_and_an_extra() -> None:
    comparison = reconcile(book(position(ticket=5), position()), [copied()])
    (extra,) = comparison.differences
    assert (extra.kind, extra.ticket, extra.beside) == (DifferenceKind.EXTRA, 5, True)
    assert extra.item == position(ticket=5)


def test_of_two_positions_neither_of_which_is_known_nothing_is_closed() -> None:
    comparison = reconcile(book(position(ticket=5), position(ticket=6)), [copied()])
    (extra,) = [item for item in comparison.differences if item.kind is DifferenceKind.EXTRA]
    assert (extra.ticket, extra.beside, extra.item) == (6, True, None)


def doubtful_close(**fields: Any) -> Issued:
    """A close of the second position 950, of which nobody knows what became."""
    return command(Action.CLOSE, CommandState.UNKNOWN, ticket=950, **fields)


def test_the_ticket_tells_what_became_of_a_close_of_a_second_position() -> None:
    closing = doubtful_close(absent_from=NOON)
    gone = reconcile(book(position()), [copied(CopyState.OPEN, closing)])
    assert [(fact.report.status, fact.report.command_id) for fact in gone.facts] == [(ReportStatus.CLOSED, closing.id)]
    assert gone.differences == []
    there = reconcile(book(position(), position(ticket=950)), [copied(CopyState.OPEN, closing)])
    assert [(fact.report.status, fact.report.found) for fact in there.facts] == [(ReportStatus.UNKNOWN, False)]
    assert [item.ticket for item in there.differences] == [950]


def test_absence_of_a_second_position_counts_when_it_may() -> None:
    late = doubtful_close(absent_from=NOON + timedelta(hours=2))
    assert reconcile(book(position()), [copied(CopyState.OPEN, late)]).facts == []
    due = doubtful_close(absent_from=NOON)
    assert reconcile(book(position(), incomplete=True), [copied(CopyState.OPEN, due)]).facts == []
    assert reconcile(book(position()), [copied(CopyState.OPEN, doubtful_close())]).facts == []


def test_a_close_of_a_second_position_keeps_no_copy_from_being_compared() -> None:
    sent = command(Action.CLOSE, CommandState.QUEUED, ticket=950)
    (drift,) = reconcile(book(position(sl=TENTH)), [copied(CopyState.OPEN, sent)]).differences
    assert drift.kind is DifferenceKind.STOPS_DRIFT


def test_what_stands_beside_a_copy_that_is_adopted_now_is_nothing_to_repair() -> None:
    voided = command(Action.OPEN, CommandState.VOID)
    comparison = reconcile(book(position(), position(ticket=950)), [copied(CopyState.FAILED, voided)])
    (extra,) = comparison.differences
    assert (extra.ticket, extra.item) == (950, None)


def test_a_working_order_that_filled_unseen_is_a_fill() -> None:
    placed = command(Action.PLACE, CommandState.WORKING)
    (fact,) = reconcile(book(position()), [copied(CopyState.WORKING, placed)]).facts
    assert (fact.report.status, fact.report.command_id) == (ReportStatus.FILLED, placed.id)


def test_a_working_order_that_is_gone_was_cancelled() -> None:
    (fact,) = reconcile(book(), [copied(CopyState.WORKING)]).facts
    assert (fact.report.status, fact.cause) == (ReportStatus.CANCELLED, "gone")


def test_case_086_a_voided_open_that_is_there_all_the_same_is_adopted() -> None:
    voided = command(Action.OPEN, CommandState.VOID)
    comparison = reconcile(book(position()), [copied(CopyState.FAILED, voided)])
    assert [fact.report.status for fact in comparison.facts] == [ReportStatus.FILLED]


def test_a_rejected_open_that_is_there_all_the_same_is_extra() -> None:
    rejected = command(Action.OPEN, CommandState.REJECTED)
    comparison = reconcile(book(position()), [copied(CopyState.FAILED, rejected)])
    assert (comparison.facts, kinds(comparison)) == ([], [("extra", "critical")])


def test_a_copy_with_commands_on_their_way_is_not_compared() -> None:
    closing = command(Action.CLOSE, CommandState.RECEIVED)
    comparison = reconcile(book(), [copied(CopyState.OPEN, closing)])
    assert (comparison.facts, comparison.differences, comparison.unseen) == ([], [], {1})


DOUBTED: dict[str, Any] = {"absent_from": NOON + timedelta(seconds=60)}


@pytest.mark.parametrize(
    ("doubtful", "state", "held", "status"),
    [
        (command(Action.OPEN, CommandState.UNKNOWN, **DOUBTED), CopyState.ORDERED, position(), "filled"),
        (command(Action.OPEN, CommandState.UNKNOWN, **DOUBTED), CopyState.ORDERED, None, "unknown"),
        (command(Action.PLACE, CommandState.UNKNOWN, **DOUBTED), CopyState.ORDERED, position(working=True), "placed"),
        (command(Action.CLOSE, CommandState.UNKNOWN, **DOUBTED), CopyState.OPEN, None, "closed"),
        (command(Action.CLOSE, CommandState.UNKNOWN, **DOUBTED), CopyState.OPEN, position(), "unknown"),
        (command(Action.CANCEL, CommandState.UNKNOWN, **DOUBTED), CopyState.WORKING, None, "cancelled"),
        (command(Action.MODIFY, CommandState.UNKNOWN, **DOUBTED), CopyState.OPEN, position(), "modified"),
        (
            command(Action.MODIFY, CommandState.UNKNOWN, sl=Decimal(1), **DOUBTED),
            CopyState.OPEN,
            position(),
            "unknown",
        ),
    ],
)
def test_case_072_a_doubtful_command_is_cleared_up_by_what_it_leads_to(
    doubtful: Issued, state: CopyState, held: Held | None, status: str
) -> None:
    row = copied(state, doubtful, sl=doubtful.sl)
    items = [held] if held else []
    late = reconcile(book(*items), [row])
    assert [fact.report.status.value for fact in late.facts][:1] == [status]
    early = reconcile(book(*items, after=59), [row])
    assert [fact.report.status.value for fact in early.facts] == (
        [] if held is None or status == "unknown" else [status]
    )


def test_while_an_open_is_in_doubt_absence_proves_nothing_about_what_was_ordered_behind_it() -> None:
    opening = command(Action.OPEN, CommandState.UNKNOWN, absent_from=NOON + timedelta(days=1))
    for action in (Action.CLOSE, Action.PARTIAL_CLOSE, Action.CANCEL, Action.MODIFY):
        row = copied(CopyState.ORDERED, opening, command(action, CommandState.UNKNOWN, **DOUBTED))
        comparison = reconcile(book(), [row])
        assert (comparison.facts, comparison.unseen) == ([], {1})


def test_what_was_ordered_behind_an_open_that_is_ordered_anew_has_not_ended_it() -> None:
    opening = command(Action.OPEN, CommandState.UNKNOWN, **DOUBTED)
    part = command(Action.PARTIAL_CLOSE, CommandState.UNKNOWN, lots_after=Decimal("0.05"), **DOUBTED)
    comparison = reconcile(book(), [copied(CopyState.ORDERED, opening, part)])
    assert [(fact.report.status, fact.report.found) for fact in comparison.facts] == [(ReportStatus.UNKNOWN, False)] * 2


TENTH_LEFT = Target(Action.PARTIAL_CLOSE, CommandState.UNKNOWN, TENTH)
MOVED = Target(Action.MODIFY, CommandState.UNKNOWN, TENTH)


@pytest.mark.parametrize(
    ("later", "earlier", "taken"),
    [
        (Target(Action.MODIFY, CommandState.DONE, TENTH), MOVED, True),
        (Target(Action.OPEN, CommandState.QUEUED, TENTH), MOVED, True),
        (Target(Action.MODIFY, CommandState.REJECTED, TENTH), MOVED, False),
        (Target(Action.PARTIAL_CLOSE, CommandState.QUEUED, TENTH), MOVED, False),
        (Target(Action.PARTIAL_CLOSE, CommandState.QUEUED, Decimal("0.05")), TENTH_LEFT, True),
        (Target(Action.CLOSE, CommandState.RECEIVED, Decimal(0)), TENTH_LEFT, True),
        (Target(Action.OPEN, CommandState.QUEUED, TENTH), TENTH_LEFT, True),
        (Target(Action.CLOSE, CommandState.REJECTED, Decimal(0)), TENTH_LEFT, False),
        (Target(Action.MODIFY, CommandState.DONE, TENTH), TENTH_LEFT, False),
        (TENTH_LEFT, Target(Action.CLOSE, CommandState.UNKNOWN, Decimal(0)), False),
        (Target(Action.CANCEL, CommandState.QUEUED, TENTH), Target(Action.CANCEL, CommandState.UNKNOWN, TENTH), True),
        (TENTH_LEFT, Target(Action.OPEN, CommandState.UNKNOWN, TENTH), False),
    ],
)
def test_a_later_command_takes_over_what_it_leads_to_as_well(later: Target, earlier: Target, *, taken: bool) -> None:
    assert takes_over(later, earlier) is taken


@pytest.mark.parametrize(
    ("action", "state"),
    [(Action.OPEN, CopyState.ORDERED), (Action.CLOSE, CopyState.OPEN), (Action.MODIFY, CopyState.OPEN)],
)
def test_absence_clears_nothing_up_in_a_book_that_lacks_too_much(action: Action, state: CopyState) -> None:
    doubtful = copied(state, command(action, CommandState.UNKNOWN, **DOUBTED), copy_no=9)
    many = [copied(copy_no=number) for number in range(1, 7)]
    comparison = reconcile(book(), [*many, doubtful], gate=5)
    assert comparison.facts == []
    waiting = [copied(held=True), doubtful]
    assert reconcile(book(), waiting, gate=5).facts == []


def test_too_many_closes_that_only_absence_would_prove_are_held_with_their_copies() -> None:
    closing = [
        copied(CopyState.OPEN, command(Action.CLOSE, CommandState.UNKNOWN, number, **DOUBTED), copy_no=number)
        for number in range(1, 7)
    ]
    comparison = reconcile(book(), closing, gate=5)
    assert (comparison.facts, {(item.copy_no, item.held) for item in comparison.differences}) == (
        [],
        {(number, True) for number in range(1, 7)},
    )
    assert len(reconcile(book(), closing[:5], gate=5).facts) == 5


def test_absence_proves_nothing_beyond_the_terminals_history() -> None:
    doubtful = command(Action.OPEN, CommandState.UNKNOWN, **DOUBTED)
    later = book(history_from=NOON + timedelta(days=1))
    assert reconcile(later, [copied(CopyState.ORDERED, doubtful)]).facts == []
    (missing,) = reconcile(later, [copied()]).differences
    assert (missing.held, missing.adopted) == (False, False)


@pytest.mark.parametrize(("item", "status"), [(position(), "unknown"), (None, "closed")])
def test_a_doubtful_close_needs_no_history(item: Held | None, status: str) -> None:
    closing = command(Action.CLOSE, CommandState.UNKNOWN, **DOUBTED)
    later = book(*[item] if item else [], history_from=NOON + timedelta(days=1))
    assert [fact.report.status.value for fact in reconcile(later, [copied(CopyState.OPEN, closing)]).facts] == [status]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("yesterday", None),
        ("2026-11-01T00:00:00Z", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026.11.01 00:00:00", datetime(2026, 11, 1, 14, tzinfo=UTC)),
    ],
)
def test_a_terminals_history_begins_no_earlier_than_it_may_truly_be(
    text: str | None, expected: datetime | None
) -> None:
    assert history_start(text) == expected
    refused = fault(SyncSnapshot(phase=SnapshotPhase.REPORT, history_from=text))
    assert (refused is not None and refused[0] == "$.history_from") is (text is not None and expected is None)


@pytest.mark.parametrize(("magic", "number"), [(None, None), (0, None), (0x5A000000, None), (0x5A000007, 7), (7, None)])
def test_a_magic_number_of_ours_names_its_copy(magic: int | None, number: int | None) -> None:
    assert copy_number(magic) == number


# One pass is enough -------------------------------------------------------------------------------------------------

STATES = st.sampled_from([CopyState.ORDERED, CopyState.WORKING, CopyState.OPEN, CopyState.CLOSED, CopyState.FAILED])
LOTS = st.sampled_from([Decimal("0.1"), Decimal("0.05"), Decimal("0.3")])
COMMANDS = st.lists(
    st.builds(
        command,
        st.sampled_from([Action.OPEN, Action.PLACE, Action.CLOSE, Action.MODIFY, Action.PARTIAL_CLOSE, Action.CANCEL]),
        st.sampled_from(CommandState),
        st.integers(1, 3),
        absent_from=st.sampled_from([None, NOON, NOON + timedelta(days=1)]),
    ),
    max_size=3,
    unique_by=lambda item: item.id,
)


def _of(number: int, item: Issued) -> Issued:
    """A command that no other copy has."""
    return replace(item, id=uuid5(item.id, str(number)))


COPIES = st.lists(
    st.builds(
        lambda number, state, commands, newer, ahead: copied(
            state, *(_of(number, item) for item in commands), copy_no=number, newer=newer, ahead=ahead
        ),
        st.integers(1, 4),
        STATES,
        COMMANDS,
        st.booleans(),
        st.booleans(),
    ),
    max_size=4,
    unique_by=lambda row: row.copy_no,
)
HELD = st.lists(
    st.builds(
        lambda number, lots, sl, side, working, ticket: position(
            number, lots=lots, sl=sl, side=side, working=working, ticket=ticket
        ),
        st.integers(1, 6),
        LOTS,
        st.sampled_from([Decimal(0), Decimal("1.05")]),
        st.sampled_from(Side),
        st.booleans(),
        st.integers(890, 910),
    ),
    max_size=6,
    unique_by=lambda item: item.ticket,
)


def applied(rows: list[Copied], comparison: Comparison) -> list[Copied]:
    """The copies after the facts, as the services write them; a command that was not found is ordered anew."""
    by_number = {row.copy_no: row for row in rows}
    for fact in comparison.facts:
        row = by_number[fact.copy_no]
        action = next((item.action for item in row.commands if item.id == fact.report.command_id), None)
        facts = row.facts if fact.report.found is False else outcome(row.facts, action, fact.report)
        commands = [
            _moved(item, fact.report.status, found=fact.report.found) if item.id == fact.report.command_id else item
            for item in row.commands
        ]
        by_number[fact.copy_no] = replace(row, facts=facts, commands=tuple(commands))
    return list(by_number.values())


def _moved(item: Issued, status: ReportStatus, *, found: bool | None) -> Issued:
    return replace(item, state=CommandState.QUEUED if found is False else BY_REPORT[status])


@given(rows=COPIES, items=HELD, gate=st.integers(0, 5))
def test_case_092_the_same_book_again_proves_nothing_new(rows: list[Copied], items: list[Held], gate: int) -> None:
    seen = book(*items)
    first = reconcile(seen, rows, gate=gate)
    second = reconcile(seen, applied(rows, first), gate=gate)
    assert second.facts == []
    standing = {(item.kind, item.subject) for item in first.differences if not item.adopted}
    again = {(item.kind, item.subject) for item in second.differences}
    assert {key for key in again - standing if "copy" in key[1]} == set()


@given(rows=COPIES, items=HELD)
def test_a_copy_about_which_something_newer_is_known_is_left_alone(rows: list[Copied], items: list[Held]) -> None:
    newer = [replace(row, newer=True) for row in rows]
    comparison = reconcile(book(*items), newer)
    assert comparison.facts == []
    assert comparison.unseen == {row.copy_no for row in rows}
    assert {item.kind for item in comparison.differences} <= {DifferenceKind.EXTRA}


@given(rows=COPIES, items=HELD)
def test_nothing_is_said_twice_of_one_subject(rows: list[Copied], items: list[Held]) -> None:
    comparison = reconcile(book(*items), rows)
    subjects = [(item.kind, item.subject) for item in comparison.differences]
    assert len(subjects) == len(set(subjects))
    names = [fact.name for fact in comparison.facts]
    assert len(names) == len(set(names))
