"""The master's terminal: what an event books, and what is sent for it."""

from decimal import Decimal

import pytest

from eagateway_sdk import Action, Cause, OrderType, Side
from eagateway_sdk.envelope import MAX_FRAME_BYTES, payload_json
from eagateway_sdk.paper import BrokenRecording, MasterTerminal, Step, init_request

from .recordings import SYMBOL, account, line, recording


def replay(*lines: str) -> tuple[MasterTerminal, list[Step]]:
    made = recording(*lines)
    master = MasterTerminal(made)
    return master, [master.replay(event) for event in made.events()]


def test_a_partial_close_keeps_the_lineage() -> None:
    master, steps = replay(
        line("balance", 1), line("open", 10, magic=5), line("partial_close", 10, new_ticket=11),
        line("close", 11, lots="0.06", comment="[sl]"),
    )  # fmt: skip
    part, last = steps[2].intent, steps[3].intent
    assert part is not None
    assert last is not None
    assert (part.action, part.position_id, part.ticket, part.new_ticket) == (Action.PARTIAL_CLOSE, 10, 10, 11)
    assert (part.lots, part.remaining_lots, part.profit) == (Decimal("0.04"), Decimal("0.06"), Decimal("20.00"))
    assert (last.position_id, last.ticket, last.parent_ticket, last.close_reason) == (10, 11, 10, Cause.STOP_LOSS)
    assert master.book.balance == last.balance == Decimal("1068.91")
    assert [trade.lots for trade in master.book.history] == [Decimal("0.04"), Decimal("0.06")]
    assert {trade.opened_at for trade in master.book.history} == {"2026.03.02 10:00:00"}


def test_a_pending_order_is_placed_modified_activated_and_cancelled() -> None:
    master, steps = replay(
        line("place", 1, type="sell stop", price="1.09000"), line("modify", 1, price="1.20000"),
        line("activate", 1, type="sell", price="1.08990"), line("place", 2), line("cancel", 2),
    )  # fmt: skip
    placed, modified, activated, _, cancelled = [step.intent for step in steps]
    assert placed is not None
    assert (placed.side, placed.order_type, placed.price) == (Side.SELL, OrderType.STOP, Decimal("1.09000"))
    assert modified is not None
    assert (modified.price, modified.sl) == (Decimal("1.09000"), Decimal("1.09000"))  # its own, not the market's
    assert activated is not None
    assert (activated.action, activated.price) == (Action.ACTIVATE, Decimal("1.08990"))
    assert cancelled is not None
    assert cancelled.action is Action.CANCEL
    assert list(master.book.open) == [1]
    assert not master.book.working


def test_account_events_become_reports_without_a_command() -> None:
    master, steps = replay(line("balance", 1), line("summary", 2), line("balance", 3, amount="-100.00"))
    reports = [step.report for step in steps]
    assert [report.cause for report in reports if report] == [
        Cause.DEPOSIT_WITHDRAWAL, Cause.ARCHIVE, Cause.DEPOSIT_WITHDRAWAL,
    ]  # fmt: skip
    assert [report.balance for report in reports if report] == [Decimal(1000), Decimal("1006.50"), Decimal("906.50")]
    assert reports[1] is not None
    assert (reports[1].profit, reports[1].commission, reports[1].swap) == (Decimal(7), Decimal(-1), Decimal("0.50"))
    assert master.book.balance == Decimal("906.50")


@pytest.mark.parametrize("comment", ["[sl]", " so: 48.1%/100", "[tp]", "to #12", ""])
def test_the_comment_says_why_a_position_closed(comment: str) -> None:
    _, steps = replay(line("open", 1), line("close", 1, comment=comment))
    reasons = {"[": Cause.STOP_LOSS if "sl" in comment else Cause.TAKE_PROFIT, " ": Cause.STOP_OUT}
    intent = steps[1].intent
    assert intent is not None
    assert intent.close_reason is reasons.get(comment[:1], Cause.MANUAL)


def test_events_delivered_twice_are_sent_again_and_booked_once() -> None:
    lines = [
        line("balance", 1), line("open", 2), line("modify", 2), line("partial_close", 2, new_ticket=3),
        line("close", 3, lots="0.06"), line("place", 4), line("activate", 4), line("place", 5), line("cancel", 5),
        line("summary", 6),
    ]  # fmt: skip
    once, _ = replay(*lines)
    twice, steps = replay(*[one for one in lines for _ in (1, 2)])
    assert [step.repeat for step in steps] == [False, True] * len(lines)
    assert all(first.intent == second.intent for first, second in zip(steps[::2], steps[1::2], strict=True))
    assert twice.book.snapshot() == once.book.snapshot()
    assert twice.book.history == once.book.history
    late, steps = replay(*lines, lines[2], lines[4], lines[0])  # a while later, the position long closed
    assert [step.repeat for step in steps[-3:]] == [True, True, True]
    assert late.book.snapshot() == once.book.snapshot()


def test_149_stops_that_go_there_and_back_are_three_changes() -> None:
    _, steps = replay(line("open", 1), line("modify", 1, sl="1.1"), line("modify", 1, sl="1.2"),
                      line("modify", 1, sl="1.1"), line("modify", 1, sl="1.10000"))  # fmt: skip
    assert [step.repeat for step in steps] == [False, False, False, False, True]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (line("close", 9), "ticket 9, which is not open"),
        (line("modify", 9), "ticket 9, which is not open"),
        (line("cancel", 9), "ticket 9, which is no pending"),
        (line("activate", 9), "ticket 9, which is no pending"),
        (line("partial_close", 9, new_ticket=10), "ticket 9, which is not open"),
        (line("partial_close", 1, lots="0.10", new_ticket=10), "0.10 lots, but the position has 0.10"),
        (line("close", 1, lots="0.09"), "0.09 lots, but the position has 0.10"),
        (line("partial_close", 1, new_ticket=2), "ticket 2 a second time"),
        (line("activate", 3, lots="0.20"), "activate says buy 0.20"),
        (line("close", 1, symbol="XAUUSD"), "close says XAUUSD"),
    ],
)
def test_an_event_that_contradicts_the_book_breaks_the_recording_at_its_line(text: str, why: str) -> None:
    with pytest.raises(BrokenRecording, match=why) as caught:
        replay(line("open", 1), line("open", 2), line("place", 3), text)
    assert caught.value.line == 4


def test_the_init_request_of_140_symbols_fits_a_frame() -> None:
    many = account(symbols={f"SYMBOL{number}": SYMBOL for number in range(120)})
    request = init_request(many, suffix=".pro", rename={"SYMBOL1": "ONE"})
    assert request.symbols[1].name == "ONE.pro"
    assert len(payload_json(request)) < MAX_FRAME_BYTES - 512
    assert len(init_request(many, symbols={"SYMBOL7"}).symbols) == 1


def test_one_half_of_a_close_by_is_closed_with_no_lots() -> None:
    """Its position is gone; the other half has told the money."""
    master, steps = replay(line("balance", 1), line("open", 10, magic=5), line("close", 10, lots="0.00", profit="0"))
    closed = steps[2].intent
    assert closed is not None
    assert (closed.action, closed.ticket, closed.lots) == (Action.CLOSE, 10, Decimal(0))
    assert (master.book.open, [trade.lots for trade in master.book.history]) == ({}, [Decimal("0.10")])
