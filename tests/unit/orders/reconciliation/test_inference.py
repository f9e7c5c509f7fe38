"""What a book proves about one copy and its commands, as the report that the EA would have sent."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from orders.domain.copies.report_effects import CopyFacts
from orders.domain.reconciliation.books import Held
from orders.domain.reconciliation.comparison import Issued
from orders.domain.reconciliation.inference import adoption, clear_up, gone, shown, taken_off
from orders.domain.states.commands import CommandState
from orders.domain.states.copies import CopyState
from orders.domain.wire.intents import Action, Cause
from orders.domain.wire.reports import ExecutionReport, ReportStatus
from sessions_app.domain.decimals import Lots, Price
from tests.unit.orders.reconciliation.books import NOON, TENTH, command, position

FULL = position(price=Decimal("1.1"), sl=Decimal("1.05"), tp=Decimal("1.2"))
WORKING = position(price=Decimal("1.1"), working=True)
UNTIL = NOON + timedelta(seconds=60)
LATER = NOON + timedelta(hours=1)


def doubtful(action: Action, **fields: Any) -> Issued:
    return command(action, CommandState.UNKNOWN, **({"attempt": 2} | fields))


def report(of: Issued, status: ReportStatus, **fields: Any) -> ExecutionReport:
    return ExecutionReport(status=status, command_id=of.id, copy_no=1, attempt=2, **fields)


def as_held(item: Held) -> dict[str, Any]:
    """What a report says of an item that the book shows."""
    return {
        "ticket": item.ticket,
        "lots": Lots(item.lots),
        "price": None if item.price is None else Price(item.price),
        "sl": Price(item.sl),
        "tp": Price(item.tp),
    }


@pytest.mark.parametrize("action", [Action.OPEN, Action.PLACE])
@pytest.mark.parametrize("counts", [False, True])
def test_an_open_is_proven_by_what_has_its_magic_number(action: Action, counts: bool) -> None:
    asked = doubtful(action)
    for item, status in (
        (FULL, ReportStatus.FILLED),
        (position(), ReportStatus.FILLED),
        (WORKING, ReportStatus.PLACED),
    ):
        assert clear_up(action, asked, item, 1, taken_at=LATER, absence_counts=counts) == report(
            asked, status, **as_held(item)
        )


@pytest.mark.parametrize("action", [Action.OPEN, Action.PLACE])
def test_an_open_that_is_not_there_was_not_found_once_absence_counts(action: Action) -> None:
    asked = doubtful(action)
    assert clear_up(action, asked, None, 1, taken_at=LATER, absence_counts=False) is None
    assert clear_up(action, asked, None, 1, taken_at=LATER, absence_counts=True) == report(
        asked, ReportStatus.UNKNOWN, found=False
    )


@pytest.mark.parametrize(
    ("action", "status"),
    [
        (Action.CLOSE, ReportStatus.CLOSED),
        (Action.PARTIAL_CLOSE, ReportStatus.CLOSED),
        (Action.CANCEL, ReportStatus.CANCELLED),
        (Action.MODIFY, ReportStatus.REJECTED),
    ],
)
def test_what_was_to_end_has_ended_where_nothing_is_there(action: Action, status: ReportStatus) -> None:
    asked = doubtful(action)
    assert clear_up(action, asked, None, 1, taken_at=LATER, absence_counts=False) is None
    assert clear_up(action, asked, None, 1, taken_at=LATER, absence_counts=True) == report(asked, status, already=True)
    anew = clear_up(action, asked, None, 1, taken_at=LATER, absence_counts=True, opens_anew=True)
    assert anew == report(asked, ReportStatus.UNKNOWN, found=False)


@pytest.mark.parametrize(
    ("asked", "item", "proven"),
    [
        (doubtful(Action.MODIFY, sl=FULL.sl, tp=FULL.tp), FULL, True),
        (doubtful(Action.MODIFY, sl=FULL.sl, tp=FULL.tp, lots_after=TENTH), FULL, True),
        (doubtful(Action.MODIFY, sl=FULL.sl, lots_after=TENTH), FULL, False),
        (doubtful(Action.MODIFY, tp=FULL.tp), FULL, False),
        (doubtful(Action.MODIFY), WORKING, True),
        (doubtful(Action.MODIFY, price=Decimal("1.1")), WORKING, True),
        (doubtful(Action.MODIFY, price=Decimal("1.2")), WORKING, False),
        (doubtful(Action.MODIFY, price=Decimal("1.2")), position(price=Decimal("1.1")), True),
        (doubtful(Action.CANCEL), position(), False),
    ],
)
def test_a_modify_is_proven_by_its_stops_and_a_working_orders_price(asked: Issued, item: Held, proven: bool) -> None:
    done = report(asked, ReportStatus.MODIFIED, **as_held(item))
    assert clear_up(asked.action, asked, item, 1, taken_at=LATER, absence_counts=False) == (done if proven else None)
    undone = report(asked, ReportStatus.UNKNOWN, found=False)
    assert clear_up(asked.action, asked, item, 1, taken_at=LATER, absence_counts=True) == (done if proven else undone)


@pytest.mark.parametrize(
    ("has", "left", "proven"), [("0.1", "0.1", True), ("0.04", "0.1", True), ("0.1", "0.09", False)]
)
def test_a_partial_close_is_proven_by_no_more_than_it_was_to_leave(has: str, left: str, proven: bool) -> None:
    asked = doubtful(Action.PARTIAL_CLOSE, lots_after=Decimal(left))
    item = position(ticket=77, lots=Decimal(has))
    done = report(asked, ReportStatus.CLOSED, new_ticket=77, remaining_lots=Lots(has))
    assert clear_up(asked.action, asked, item, 1, taken_at=LATER, absence_counts=False) == (done if proven else None)


@pytest.mark.parametrize("action", [Action.CLOSE, Action.CANCEL])
def test_what_is_to_end_is_not_proven_by_what_is_there_however_little_it_is(action: Action) -> None:
    """A cancel that spares what has filled is to leave all of it: that all is there proves nothing."""
    asked = doubtful(action, lots_after=TENTH)
    assert clear_up(action, asked, position(), 1, taken_at=LATER, absence_counts=False) is None
    undone = clear_up(action, asked, position(), 1, taken_at=LATER, absence_counts=True)
    assert undone == report(asked, ReportStatus.UNKNOWN, found=False)


# Without a command ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "moved", "item", "status"),
    [
        (CopyState.ORDERED, CommandState.QUEUED, FULL, ReportStatus.FILLED),
        (CopyState.ORDERED, CommandState.QUEUED, WORKING, ReportStatus.PLACED),
        (CopyState.FAILED, CommandState.VOID, FULL, ReportStatus.FILLED),
        (CopyState.FAILED, CommandState.REJECTED, FULL, None),
        (CopyState.WORKING, CommandState.WORKING, FULL, ReportStatus.FILLED),
        (CopyState.WORKING, CommandState.RECEIVED, WORKING, None),
        (CopyState.OPEN, CommandState.QUEUED, FULL, None),
        (CopyState.CLOSED, CommandState.QUEUED, FULL, None),
    ],
)
def test_a_fill_that_nobody_has_reported_is_adopted_if_it_can_be(
    state: CopyState, moved: CommandState, item: Held, status: ReportStatus | None
) -> None:
    asked = command(Action.PLACE, moved, attempt=2)
    expected = None if status is None else report(asked, status, **as_held(item))
    assert adoption(CopyFacts(state, TENTH, Decimal(0)), asked, item, 1, LATER) == expected


@pytest.mark.parametrize(
    ("seconds", "lots", "status"),
    [
        (59, "0.04", ReportStatus.PARTIALLY_FILLED),
        (60, "0.04", ReportStatus.FILLED),
        (59, "0.1", ReportStatus.FILLED),
        (59, "0.12", ReportStatus.FILLED),
    ],
)
def test_a_book_that_shows_fewer_lots_than_ordered_shows_an_order_that_may_fill_on(
    seconds: int, lots: str, status: ReportStatus
) -> None:
    item, at = position(lots=Decimal(lots)), UNTIL - timedelta(seconds=60 - seconds)
    for state in (CommandState.RECEIVED, CommandState.UNKNOWN):
        asked = command(Action.OPEN, state, attempt=2, lots_after=TENTH, fills_until=UNTIL)
        expected = report(asked, status, **as_held(item))
        assert adoption(CopyFacts(CopyState.ORDERED, TENTH, Decimal(0)), asked, item, 1, at) == expected
        assert clear_up(Action.OPEN, asked, item, 1, taken_at=at, absence_counts=True) == expected


def test_what_may_take_for_ever_is_filled_by_what_is_there() -> None:
    asked, item = command(Action.PLACE, CommandState.WORKING, attempt=2, lots_after=TENTH), position(lots=TENTH / 2)
    facts = CopyFacts(CopyState.WORKING, TENTH, Decimal(0))
    assert adoption(facts, asked, item, 1, NOON) == report(asked, ReportStatus.FILLED, **as_held(item))


@pytest.mark.parametrize(
    ("state", "seconds", "there", "told"),
    [
        (CommandState.WORKING, 60, "0.03", "0.04"),
        (CommandState.WORKING, 60, "0.05", "0.06"),
        (CommandState.WORKING, 59, "0.03", None),
        (CommandState.WORKING, 60, "0.02", None),
        (CommandState.DONE, 60, "0.03", None),
    ],
)
def test_an_order_that_filled_in_parts_is_over_when_nobody_has_told_so_in_time(
    state: CommandState, seconds: int, there: str, told: str | None
) -> None:
    """Of 0.04 that had filled 0.01 was closed since: 0.03 are there, and 0.05 would be 0.06 filled."""
    asked = command(Action.OPEN, state, attempt=2, lots_after=TENTH, fills_until=UNTIL)
    facts = CopyFacts(CopyState.OPEN, TENTH, Decimal("0.03"), ticket=901, lots_filled=Decimal("0.04"))
    item = position(lots=Decimal(there))
    expected = told and report(asked, ReportStatus.FILLED, **(as_held(item) | {"lots": Lots(told)}))
    assert adoption(facts, asked, item, 1, UNTIL - timedelta(seconds=60 - seconds)) == expected


def test_an_order_whose_rest_still_works_is_never_over() -> None:
    asked = command(Action.PLACE, CommandState.WORKING, attempt=2, lots_after=TENTH, fills_until=UNTIL)
    item, hour_later = position(lots=TENTH / 2, filling=True), UNTIL + timedelta(hours=1)
    part = report(asked, ReportStatus.PARTIALLY_FILLED, **as_held(item))
    assert adoption(CopyFacts(CopyState.WORKING, TENTH, Decimal(0)), asked, item, 1, hour_later) == part
    told = CopyFacts(CopyState.OPEN, TENTH, TENTH / 2, ticket=901, lots_filled=TENTH / 2)
    assert adoption(told, asked, item, 1, hour_later) is None
    over = report(asked, ReportStatus.FILLED, **as_held(item))
    assert adoption(told, asked, replace(item, filling=False), 1, hour_later) == over


def test_what_is_gone_ended_as_if_by_hand() -> None:
    assert gone(CopyFacts(CopyState.OPEN, TENTH, TENTH, ticket=7), 1) == ExecutionReport(
        status=ReportStatus.CLOSED, cause=Cause.MANUAL, copy_no=1, ticket=7, lots=Lots("0.1")
    )
    assert gone(CopyFacts(CopyState.WORKING, TENTH, Decimal(0), ticket=7), 1) == ExecutionReport(
        status=ReportStatus.CANCELLED, cause=Cause.MANUAL, copy_no=1, ticket=7
    )


def test_what_was_taken_for_gone_is_shown_by_what_is_there() -> None:
    for item, status in ((FULL, ReportStatus.FILLED), (WORKING, ReportStatus.PLACED)):
        expected = ExecutionReport(status=status, copy_no=1, ticket=901, lots=Lots("0.1"))
        assert shown(item, 1) == expected


@pytest.mark.parametrize(
    ("lots", "ticket", "off"),
    [
        ("0.1", 901, None),
        ("0.2", 901, None),
        ("0.2", 77, None),
        ("0.1", 77, "0"),
        ("0.04", 901, "0.06"),
        ("0.04", 77, "0.06"),
    ],
)
def test_a_part_that_was_taken_off_leaves_one_lineage(lots: str, ticket: int, off: str | None) -> None:
    item = position(lots=Decimal(lots), ticket=ticket, parent_ticket=901)
    expected = off and ExecutionReport(
        status=ReportStatus.CLOSED,
        cause=Cause.MANUAL,
        copy_no=1,
        ticket=901,
        parent_ticket=901,
        new_ticket=ticket,
        lots=Lots(off),
        remaining_lots=Lots(lots),
    )
    assert taken_off(CopyFacts(CopyState.OPEN, TENTH, TENTH, ticket=901), item, 1) == expected
