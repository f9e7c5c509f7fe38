"""The paper terminal: what is executed on the broker's book, and never twice."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from eagateway_sdk import Cause, ExecutionReport, OrderCommand, Outcome, ReportStatus
from eagateway_sdk.paper import Amounts, Book, BrokerError, Fault, PaperTerminal, Tape

from .mirror import follower, replayed, shape
from .recordings import account, line, recording
from .samples import command as wire

pytestmark = pytest.mark.asyncio


def order(action: str = "open", copy_no: int = 1, **changes: Any) -> OrderCommand:
    return msgspec.convert(wire(action, copy_no, **changes), OrderCommand, strict=False)


def only(outcome: Outcome) -> ExecutionReport:
    [report] = outcome if isinstance(outcome, list) else [outcome]
    return report


def statuses(outcome: Outcome) -> Sequence[str]:
    return [report.status.value for report in (outcome if isinstance(outcome, list) else [outcome])]


def terminal(**settings: Any) -> PaperTerminal:
    return PaperTerminal(Book.for_account(account(), balance=Decimal(1000)), **settings)


async def test_an_open_fills_at_the_commands_price_under_its_magic_number() -> None:
    trader = terminal()
    report = only(await trader.execute(order(sl="1.09", tp="0")))
    [position] = trader.book.positions()
    assert (report.status, report.ticket, report.price) == (ReportStatus.FILLED, position.ticket, Decimal("1.10000"))
    assert (position.magic, position.sl, position.tp) == (0x5A000001, Decimal("1.09"), Decimal(0))
    assert trader.book.snapshot()["open"][0]["lots"] == "0.10"


async def test_58_an_open_that_was_executed_is_found_by_magic_and_not_repeated() -> None:
    trader = terminal()
    await trader.execute(order())
    again = only(await PaperTerminal(trader.book).execute(order()))
    assert (again.status, again.already) == (ReportStatus.FILLED, True)
    assert len(trader.book.open) == len(trader.journal) == 1


async def test_an_open_found_after_its_close_is_reported_with_what_it_was() -> None:
    trader = terminal()
    opening = order()
    await trader.execute(opening)
    await trader.execute(order("partial_close", lots_after="0.06"))
    await trader.execute(order("close"))
    found = await trader.search(opening)
    assert found is not None
    report = only(found)
    assert (report.status, report.lots, report.price) == (ReportStatus.FILLED, Decimal("0.10"), Decimal("1.10000"))


async def test_157_a_partial_close_is_decided_by_the_target_lots() -> None:
    trader = terminal()
    await trader.execute(order())
    part = order("partial_close", lots="0.04", lots_before="0.10", lots_after="0.06")
    first, second = only(await trader.execute(part)), only(await trader.execute(part))
    assert (first.lots, first.remaining_lots, first.already) == (Decimal("0.04"), Decimal("0.06"), False)
    assert (second.status, second.already, second.remaining_lots) == (ReportStatus.CLOSED, True, Decimal("0.06"))
    [rest] = trader.book.positions()
    assert (rest.ticket, rest.parent, rest.lots) == (first.new_ticket, first.ticket, Decimal("0.06"))
    assert len(trader.book.history) == 1


async def test_a_close_after_a_hand_took_a_part_closes_what_is_left() -> None:
    trader = terminal()
    await trader.execute(order())
    [position] = trader.book.positions()
    [by_hand] = trader.close_by_hand(position.ticket, lots=Decimal("0.03"))
    assert (by_hand.command_id, by_hand.cause, by_hand.copy_no) == (None, Cause.MANUAL, 1)
    assert by_hand.remaining_lots == Decimal("0.07")
    closed = only(await trader.execute(order("close")))
    assert (closed.lots, closed.remaining_lots) == (Decimal("0.07"), Decimal(0))


async def test_a_close_of_a_copy_that_is_gone_is_already_done() -> None:
    trader = terminal()
    await trader.execute(order())
    [position] = trader.book.positions()
    trader.close_by_hand(position.ticket)
    report = only(await trader.execute(order("close")))
    assert (report.status, report.already) == (ReportStatus.CLOSED, True)
    with pytest.raises(BrokerError):
        trader.close_by_hand(position.ticket)


async def test_modify_sets_stops_and_zero_means_none() -> None:
    trader = terminal()
    await trader.execute(order(sl="1.09", tp="1.12"))
    await trader.execute(order("modify", sl="1.095", tp="0"))
    again = only(await trader.execute(order("modify", sl="1.0950", tp="0.0")))
    [position] = trader.book.positions()
    assert (position.sl, position.tp, again.already) == (Decimal("1.095"), Decimal(0), True)
    gone = only(await trader.execute(order("modify", copy_no=9, sl="1", tp="1")))
    assert (gone.status, gone.error_code) == (ReportStatus.REJECTED, 4108)


async def test_159_cancel_deletes_a_working_order_and_closes_a_filled_one() -> None:
    trader = terminal()
    await trader.execute(order("place", 1, order_type="limit"))
    await trader.execute(order("place", 2, order_type="stop"))
    await trader.execute(order("place", 3, order_type="limit"))
    [filled] = trader.on_recorded(next(recording(line("activate", 102)).events()))
    assert (filled.status, filled.copy_no, filled.command_id is not None) == (ReportStatus.FILLED, 2, True)
    assert statuses(await trader.execute(order("cancel", 1))) == ["cancelled"]
    assert statuses(await trader.execute(order("cancel", 2))) == ["closed"]
    assert statuses(await trader.execute(order("close", 3))) == ["cancelled"]
    again = [only(await trader.execute(order("cancel", copy_no))) for copy_no in (1, 2, 3)]
    assert [(report.status.value, report.already) for report in again] == [
        ("cancelled", True), ("closed", True), ("cancelled", True),
    ]  # fmt: skip
    assert not trader.book.open
    assert not trader.book.working


async def test_159_a_cancel_that_leaves_lots_spares_what_has_filled() -> None:
    trader = terminal()
    for copy_no, kind in ((1, "limit"), (2, "stop")):
        await trader.execute(order("place", copy_no, order_type=kind))
    trader.on_recorded(next(recording(line("activate", 102)).events()))
    spared = only(await trader.execute(order("cancel", 2, lots_after="0.10")))
    assert (spared.status.value, spared.already, spared.remaining_lots) == ("closed", True, Decimal("0.10"))
    assert [position.lots for position in trader.book.positions()] == [Decimal("0.10")]
    assert statuses(await trader.execute(order("cancel", 1, lots_after="0.10"))) == ["cancelled"]
    assert not trader.book.working


async def test_a_part_of_a_working_order_is_rejected_and_the_order_goes_on() -> None:
    trader = terminal()
    await trader.execute(order("place", 1, order_type="limit"))
    assert statuses(await trader.execute(order("partial_close", 1, lots_after="0.05"))) == ["rejected"]
    assert len(trader.book.working) == 1


async def test_a_place_that_comes_after_the_recorded_fill_is_placed_and_filled_at_once() -> None:
    trader = terminal()
    event = next(recording(line("activate", 101, price="1.09990")).events())
    assert trader.on_recorded(event) == []
    command = order("place", order_type="limit")
    assert statuses(await trader.execute(command)) == ["placed", "filled"]
    [position] = trader.book.positions()
    assert position.price == Decimal("1.09990")
    assert statuses(await trader.search(command) or []) == ["placed", "filled"]
    assert trader.on_recorded(event) == []


async def test_a_working_order_is_moved_with_its_stops() -> None:
    trader = terminal()
    await trader.execute(order("place", order_type="limit", price="1.05"))
    await trader.execute(order("modify", price="1.06", sl="1.01", tp="0"))
    [working] = trader.book.working.values()
    assert (working.price, working.sl) == (Decimal("1.06"), Decimal("1.01"))


@pytest.mark.parametrize(("lots", "symbol", "code"), [("0.005", "EURUSD", 131), ("50.01", "EURUSD", 131),
                                                      ("0.015", "EURUSD", 131), ("0.10", "GBPUSD", 4106)])  # fmt: skip
async def test_the_broker_refuses_lots_and_symbols_outside_its_terms(lots: str, symbol: str, code: int) -> None:
    report = only(await terminal().execute(order(lots=lots, symbol=symbol)))
    assert (report.status, report.error_code) == (ReportStatus.REJECTED, code)


@pytest.mark.parametrize("code", [130, 131, 134])
async def test_a_refusal_of_the_broker_is_reported_with_its_code(code: int) -> None:
    trader = terminal(faults={1: Fault(code)})
    report = only(await trader.execute(order()))
    assert (report.status, report.error_code) == (ReportStatus.REJECTED, code)
    assert not trader.book.open


@pytest.mark.parametrize(
    ("fault", "status"),
    [(Fault(138, times=3), "filled"), (Fault(138, times=4), "rejected"), (Fault(146, times=10), "filled")],
)
async def test_requotes_and_a_busy_context_are_tried_again(fault: Fault, status: str) -> None:
    trader = terminal(faults=lambda _command, number: fault if number == 1 else None)
    assert statuses(await trader.execute(order())) == [status]
    assert len(trader.book.open) == (status == "filled")


async def test_57_a_lost_reply_is_settled_by_asking_the_broker() -> None:
    trader = terminal(faults={1: Fault(128, executed=True), 2: Fault(128), 3: Fault(128, executed=True)})
    done, lost = only(await trader.execute(order())), only(await trader.execute(order(copy_no=2)))
    assert (done.status, done.found) == (ReportStatus.FILLED, True)
    assert (lost.status, lost.found, lost.error_code) == (ReportStatus.UNKNOWN, False, 128)
    closed = only(await trader.execute(order("close")))
    assert (closed.status, closed.found) == (ReportStatus.CLOSED, True)
    assert len(trader.journal) == 2


async def test_closes_are_booked_from_the_tape_for_the_followers_share() -> None:
    made = recording(
        line("open", 101, lots="0.30"), line("partial_close", 101, lots="0.10", new_ticket=102, profit="10.05"),
        line("close", 102, lots="0.20", profit="-0.05", commission="-0.05", swap="0.15"),
    )  # fmt: skip
    trader = PaperTerminal(Book.for_account(made.account), tape=Tape(made))
    await trader.execute(order(lots="0.15", price=None))
    part = only(await trader.execute(order("partial_close", lots_after="0.10")))
    assert (part.profit, part.broker_time, part.price) == (Decimal("5.03"), "2026.03.02 10:00:00", Decimal("1.10500"))
    rest = only(await trader.execute(order("close")))
    assert (rest.profit, rest.commission, rest.swap) == (Decimal("-0.03"), Decimal("-0.03"), Decimal("0.08"))
    assert trader.book.balance == sum((trade.amounts.net for trade in trader.book.history), Decimal(0))


async def test_amounts_are_rounded_to_the_accounts_money() -> None:
    assert Amounts(profit=Decimal("10.5")).share(
        lots=Decimal(1), of=Decimal(1), money_decimals=0
    ).profit == Decimal(11)  # fmt: skip


async def test_account_events_are_booked_once() -> None:
    trader = terminal()
    deposit, archive = recording(line("balance", 1), line("summary", 2)).events()
    assert [trader.book_account_event(event) is None for event in (deposit, deposit, archive)] == [False, True, False]
    assert trader.book.balance == Decimal("2006.50")


LINES = (
    line("balance", 1), line("open", 101), line("modify", 101), line("place", 102, type="sell limit"),
    line("activate", 102, type="sell"), line("partial_close", 101, new_ticket=103), line("place", 104),
    line("cancel", 104), line("close", 103, 90, lots="0.06", comment="[tp]"), line("open", 105), line("summary", 7),
)  # fmt: skip


async def test_a_mirrored_follower_ends_with_the_masters_book() -> None:
    made = recording(*LINES)
    trader = follower(made)
    master = await replayed(made, trader)
    assert shape(trader.book) == shape(master.book)


@pytest.mark.parametrize("how", ["drop", "double", "lots", "modify"])
@pytest.mark.parametrize("modifies", [True, False])
async def test_one_falsified_order_changes_the_book_and_nothing_in_the_reports(how: str, modifies: bool) -> None:
    made = recording(*(one for one in LINES if modifies or '"modify"' not in one))
    honest, spoilt = follower(made), follower(made, falsify=how)
    await replayed(made, honest, times=1)
    await replayed(made, spoilt, times=1)
    assert spoilt.book.falsified
    traces = [
        [(one.copy_no, one.action, one.lots, one.lots_after, one.sl, one.tp) for one in trader.journal]
        for trader in (honest, spoilt)
    ]
    assert traces[0] != traces[1]


async def test_a_falsified_open_is_reported_as_if_it_were_right() -> None:
    for how in ("drop", "double", "lots"):
        report = only(await terminal(falsify=how).execute(order()))
        assert (report.status, report.lots) == (ReportStatus.FILLED, Decimal("0.10"))
