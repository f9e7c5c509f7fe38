"""The paper terminal: what is executed on the broker's book, and never twice."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from eagateway_sdk import Action, Cause, ExecutionReport, OrderCommand, Outcome, ReportStatus
from eagateway_sdk.paper import Amounts, Book, BrokerError, Fault, Faults, PaperTerminal, PartialFill, Rule, Tape

from .bench import HandClock
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


# --- answers that are wrong, late or partial ---

REFUSALS = (4, 6, 8, 129, 130, 131, 132, 133, 134, 135, 136, 137, 138, 141, 145, 146, 147)


@pytest.mark.parametrize("action", ["open", "modify", "partial_close", "close"])
@pytest.mark.parametrize("code", REFUSALS)
async def test_every_refusal_can_be_had_for_every_action_as_often_as_told(code: int, action: str) -> None:
    trader = terminal(faults=Faults(Rule(Fault.refusal(code), action=Action(action), count=2)))
    wanted = order(action, sl="1.09", tp="1.12", lots_after="0.10" if action == "open" else "0.04")
    if action != "open":
        assert statuses(await trader.execute(order())) == ["filled"]
    told = [only(await trader.execute(wanted)) for _ in range(3)]
    assert [(report.status.value, report.error_code) for report in told[:2]] == [("rejected", code)] * 2
    assert told[2].status is not ReportStatus.REJECTED
    always = terminal(faults=Faults(Rule(Fault.refusal(code), count=None)))
    assert {tuple(statuses(await always.execute(order(copy_no=one)))) for one in range(1, 30)} == {("rejected",)}
    assert not always.journal


async def test_rules_choose_by_action_and_copy_and_the_first_that_fits_is_used() -> None:
    plan = Faults(Rule(Fault(134), copy_no=2), Rule(Fault(132), action=Action.CLOSE), Rule(Fault(6), count=1))
    trader = terminal(faults=plan)
    told = [only(await trader.execute(order(copy_no=copy_no))) for copy_no in (2, 1, 1, 2)]
    assert [report.error_code for report in told] == [134, 6, None, None]
    assert only(await trader.execute(order("close", 1))).error_code == 132
    assert statuses(await trader.execute(order("close", 1))) == ["closed"]


@pytest.mark.parametrize("code", [128, 142, 143])
async def test_a_timeout_may_fill_late_by_the_clock_and_without_a_word(code: int) -> None:
    hand = HandClock()
    trader = terminal(faults={1: Fault(code, late=2.0)}, clock=hand.clock())
    opening = order()
    assert statuses(await trader.execute(opening)) == ["unknown"]
    hand.seconds += 1.9
    assert await trader.search(opening) is None
    assert (await trader.snapshot()).positions == []
    hand.seconds += 0.1
    assert trader.elapse() == []
    assert statuses(await trader.search(opening) or []) == ["filled"]
    assert [one.lots for one in (await trader.snapshot()).positions] == [Decimal("0.10")]


async def test_what_fills_late_belongs_to_the_broker_and_fills_beside_a_second_order() -> None:
    hand = HandClock()
    first = terminal(faults={1: Fault(128, late=5.0)}, clock=hand.clock())
    await first.execute(order())
    second = PaperTerminal(first.book, clock=hand.clock())
    await second.execute(order(attempt=2))
    hand.seconds += 5
    assert len((await second.snapshot()).positions) == 2  # what an EA must not let happen


async def test_a_close_that_is_executed_late_finds_what_another_one_has_left() -> None:
    hand = HandClock()
    late = Rule(Fault(128, late=5.0), action=Action.PARTIAL_CLOSE)
    trader = terminal(faults=Faults(late), clock=hand.clock())
    part = order("partial_close", lots="0.04", lots_after="0.06")
    await trader.execute(order())
    await trader.execute(part)
    await trader.execute(part)
    hand.seconds += 5
    assert [one.lots for one in (await trader.snapshot()).positions] == [Decimal("0.06")]
    assert [entry.action for entry in trader.journal] == ["open", "partial_close"]


async def test_a_connection_lost_while_sending_raises_and_may_have_been_an_order() -> None:
    trader = terminal(faults={1: Fault(6, raises=True, executed=True), 2: Fault(6, raises=True)})
    for copy_no, found in ((1, True), (2, False)):
        with pytest.raises(ConnectionError):
            await trader.execute(order(copy_no=copy_no))
        assert (await trader.search(order(copy_no=copy_no)) is not None) == found


async def test_a_fill_in_parts_tells_cumulative_lots_and_the_last_one_is_the_whole() -> None:
    hand = HandClock()
    fill = PartialFill((Decimal("0.4"), Decimal("0.7"), Decimal(1)), every=2.0)
    trader = terminal(faults={1: fill}, clock=hand.clock())
    opening = order(lots="1.00")
    first = only(await trader.execute(opening))
    assert (first.status.value, first.lots) == ("partially_filled", Decimal("0.40"))
    assert statuses(await trader.search(opening) or []) == ["partially_filled"]
    told = []
    for _ in range(4):
        hand.seconds += 1
        told += trader.elapse()
    assert [(one.status.value, one.lots, one.ticket) for one in told] == [
        ("partially_filled", Decimal("0.70"), first.ticket), ("filled", Decimal("1.00"), first.ticket),
    ]  # fmt: skip
    assert {(one.command_id, one.copy_no) for one in told} == {(opening.command_id, 1)}
    assert [one.lots for one in trader.book.positions()] == [Decimal("1.00")]
    assert trader.elapse() == []


async def test_a_part_may_be_all_that_fills_and_a_close_ends_what_was_to_come() -> None:
    hand = HandClock()
    under, cut = PartialFill((Decimal("0.4"),)), PartialFill((Decimal("0.4"), Decimal(1)))
    trader = terminal(faults={1: under, 2: cut}, clock=hand.clock())
    for copy_no in (1, 2):
        assert statuses(await trader.execute(order(copy_no=copy_no))) == ["partially_filled"]
    await trader.execute(order("close", 2))
    hand.seconds += 60
    assert trader.elapse() == []
    assert [one.lots for one in trader.book.positions()] == [Decimal("0.04")]


async def test_stops_that_are_too_near_are_refused_and_the_trade_is_taken_without_them() -> None:
    trader = terminal()
    trader.book.stop_points = 50
    near = order(price="1.10000", sl="1.09951", tp="0")
    assert only(await trader.execute(near)).error_code == 130
    assert only(await trader.execute(order(price="1.10000", sl="0", tp="1.10049"))).error_code == 130
    assert statuses(await trader.execute(order(price="1.10000"))) == ["filled"]
    stops = order("modify", sl="1.09951", tp="0")
    assert only(await trader.execute(stops)).error_code == 130
    trader.book.market["EURUSD"] = Decimal("1.10010")  # the price has moved away from the stop
    assert statuses(await trader.execute(stops)) == ["modified"]
    assert [one.sl for one in trader.book.positions()] == [Decimal("1.09951")]


async def test_a_sell_s_stops_lie_on_the_other_side_and_a_working_order_s_around_its_price() -> None:
    trader = terminal()
    trader.book.stop_points = 50
    assert only(await trader.execute(order(side="sell", price="1.1", sl="1.1", tp="0"))).error_code == 130
    assert statuses(await trader.execute(order(side="sell", price="1.1", sl="1.1005", tp="1.0995"))) == ["filled"]
    trader.book.market["EURUSD"] = Decimal("1.2")
    pending = order("place", 2, order_type="limit", price="1.05", sl="1.04960", tp="0")
    assert only(await trader.execute(pending)).error_code == 130
    moved = order("place", 2, order_type="limit", price="1.05", sl="1.04950", tp="0")
    assert statuses(await trader.execute(moved)) == ["placed"]


async def test_a_rule_for_orders_with_stops_lets_the_bare_order_through() -> None:
    trader = terminal(faults=Faults(Rule(Fault(130), action=Action.OPEN, count=None, with_stops=True)))
    assert only(await trader.execute(order(sl="1.09"))).error_code == 130
    assert statuses(await trader.execute(order())) == ["filled"]


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


async def test_the_half_of_a_close_by_that_is_printed_with_no_lots_is_all_of_them() -> None:
    made = recording(
        line("open", 101, lots="0.30"), line("partial_close", 101, lots="0.10", new_ticket=102),
        line("close", 102, lots="0.00", profit="4.00"),
    )  # fmt: skip
    trader = PaperTerminal(Book.for_account(made.account), tape=Tape(made))
    await trader.execute(order(lots="0.15", price=None))
    await trader.execute(order("partial_close", lots_after="0.10"))
    rest = only(await trader.execute(order("close")))
    assert (rest.status, rest.profit) == (ReportStatus.CLOSED, Decimal("2.00"))


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


@pytest.mark.parametrize("own_first", [True, False])
async def test_one_of_two_positions_is_closed_by_its_ticket_and_the_other_stays(own_first: bool) -> None:
    trader = terminal(falsify="double")
    told = only(await trader.execute(order()))
    tickets = sorted(trader.book.open)
    meant, other = tickets if own_first else reversed(tickets)
    assert told.ticket in tickets
    close = order("close", ticket=meant)
    assert await trader.search(close) is None
    report = only(await trader.execute(close))
    assert (report.status, report.ticket, report.lots) == (ReportStatus.CLOSED, meant, Decimal("0.10"))
    assert list(trader.book.open) == [other]
    again = only(await trader.execute(close))
    assert (again.status, again.ticket, again.already, list(trader.book.open)) == (
        ReportStatus.CLOSED, meant, True, [other],
    )  # fmt: skip


async def test_a_ticket_of_another_magic_number_is_not_touched() -> None:
    trader = terminal()
    first = only(await trader.execute(order()))
    report = only(await trader.execute(order("close", copy_no=2, ticket=first.ticket)))
    assert (report.status, report.already, len(trader.book.open)) == (ReportStatus.CLOSED, True, 1)


async def test_a_second_working_order_is_cancelled_by_its_ticket() -> None:
    trader = terminal(falsify="double")
    await trader.execute(order("place", order_type="limit"))
    first, second = sorted(trader.book.working)
    report = only(await trader.execute(order("cancel", ticket=second)))
    assert (report.status, report.ticket, list(trader.book.working)) == (ReportStatus.CANCELLED, second, [first])
    assert only(await trader.execute(order("cancel", ticket=second))).status is ReportStatus.CANCELLED


async def test_a_falsified_open_is_reported_as_if_it_were_right() -> None:
    for how in ("drop", "double", "lots"):
        report = only(await terminal(falsify=how).execute(order()))
        assert (report.status, report.lots) == (ReportStatus.FILLED, Decimal("0.10"))
