"""The demo's verdict on a follower's book: every kind of wrong money is named, and what is right passes."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from eagateway_sdk.paper import Book
from eagateway_sdk.paper.broker import Amounts, Executed, Position, WorkingOrder
from eagateway_sdk.paper.recording import AccountInfo, Event, SymbolInfo

from eagateway.demo.cast import Copying, part
from eagateway.demo.expectation import Clock, Told, expect, positions
from eagateway.demo.verdict import Judge

NONE = Decimal(0)
SPEC = SymbolInfo(5, Decimal(100000), Decimal("0.01"), Decimal("0.01"), Decimal(5))
ACCOUNT = AccountInfo("USD", 2, 100, None, "UTC", {"eurusd": SPEC})
_KINDS = {"open": "buy", "place": "buy limit", "activate": "buy"}


class Broker:
    """A follower's broker that does what a test says, one order after the other."""

    def __init__(self) -> None:
        self.book = Book.for_account(ACCOUNT)

    def open(self, lots: str, *, position: int = 1, magic: int = 7, **changes: Any) -> int:
        order = Position(0, position, "eurusd", "buy", Decimal(lots), NONE, Decimal(1), Decimal(2), magic)
        booked = self.book.open_market(replace(order, **changes))
        self._note("open", booked)
        return booked.ticket

    def place(self, lots: str, **changes: Any) -> int:
        order = WorkingOrder(0, 1, "eurusd", "buy", "limit", Decimal(lots), Decimal("1.1"), Decimal(1), Decimal(2), 7)
        booked = self.book.place(replace(order, **changes))
        self._note("place", booked)
        return booked.ticket

    def modify(self, ticket: int, sl: int, tp: int = 2) -> None:
        self.book.modify(ticket, sl=Decimal(sl), tp=Decimal(tp))

    def close(self, ticket: int, lots: str) -> int:
        """The ticket of the remainder, or 0."""
        _, rest = self.book.close(ticket, lots=Decimal(lots), price=NONE, at="", amounts=Amounts())
        return rest.ticket if rest else 0

    def _note(self, action: str, order: Position | WorkingOrder) -> None:
        entry = Executed(
            7, None, action, order.ticket, order.position_id, order.lots, NONE, order.lots, order.sl, order.tp
        )
        self.book.journal.append(entry)


def told(ev: str, at: float = 0.0, *, ticket: int = 1, **fields: Any) -> Told:
    levels: dict[str, Any] = {
        name: Decimal(fields.pop(name)) for name in ("lots", "sl", "tp", "price") if name in fields
    }
    if ev in _KINDS:
        levels = {"price": Decimal("1.1"), "sl": Decimal(1), "tp": Decimal(2), **levels}
        fields = {"type": _KINDS[ev], "symbol": "eurusd", **fields}
    return Told(Event(line=9, t="2020.01.01 00:00:00", ev=ev, ticket=ticket, **levels, **fields), at)


def judge(master: list[Told], broker: Broker, *, copying: Copying | None = None, clock: Clock | None = None) -> str:
    """All findings, as one text."""
    when = clock or Clock()
    expected = expect(part("one", "Demo:1", None, {}, copying or Copying()), ACCOUNT, positions(master), when)
    return "\n".join(Judge("Demo:1", when.lag).judge(expected, broker.book))


OPEN = told("open", lots="1")
CLOSE = told("close", 100, lots="1")


def test_a_book_that_followed_is_right() -> None:
    broker = Broker()
    ticket = broker.open("1")
    broker.modify(ticket, 5)
    rest = broker.close(ticket, "0.4")
    broker.close(rest, "0.6")
    broker.open("2", position=3)
    parts = [told("modify", 10, sl=5, tp=2), told("partial_close", 20, lots="0.4", new_ticket=2)]
    master = [OPEN, *parts, told("close", 30, ticket=2, lots="0.6"), told("open", 40, ticket=3, lots="2")]
    assert judge(master, broker) == ""


def _nothing(broker: Broker) -> None:
    """The broker was ordered nothing."""


def _double(broker: Broker) -> None:
    broker.open("2")


def _twice(broker: Broker) -> None:
    broker.open("1")
    broker.open("1", magic=8)


def _halves(broker: Broker) -> None:
    broker.open("0.5")
    broker.open("0.5")


def _sold(broker: Broker) -> None:
    broker.open("1", side="sell")


def _bare(broker: Broker) -> None:
    broker.open("1", sl=NONE)


def _stranger(broker: Broker) -> None:
    broker.open("1")
    broker.open("0.1", position=77)


@pytest.mark.parametrize(
    ("done", "sentence"),
    [
        (_nothing, "position 1 (open of buy 1 eurusd): expected buy 1 eurusd; there nothing was opened"),
        (_double, "expected buy 1 eurusd opened; there is open buy 2 eurusd"),
        (_twice, "expected buy 1 eurusd opened; there is open buy 1 eurusd and is open buy 1 eurusd"),
        (_halves, "expected buy 1 eurusd opened; there is open buy 0.5 eurusd and is open buy 0.5 eurusd"),
        (_sold, "expected buy 1 eurusd; there is sell 1 eurusd"),
        (_bare, "expected sl 1, tp 2 at the opening; there were sl 0, tp 2"),
        (_stranger, "position 77: expected nothing, for the master never had it; there is open buy 0.1 eurusd"),
    ],
)
def test_what_is_wrong_in_an_open_position_is_named(done: Callable[[Broker], None], sentence: str) -> None:
    broker = Broker()
    done(broker)
    assert sentence in judge([OPEN], broker)


def test_a_position_that_was_never_closed_is_named() -> None:
    broker = Broker()
    broker.open("1")
    found = judge([OPEN, CLOSE], broker)
    assert "expected nothing to be left after line 9: close; there is open buy 1 eurusd" in found


def test_a_position_that_was_closed_too_early_is_named() -> None:
    broker = Broker()
    broker.close(broker.open("1"), "1")
    assert "expected 1 lots open after line 9: open; there was closed buy 1 eurusd" in judge([OPEN], broker)


def test_a_partial_close_of_the_wrong_size_is_named() -> None:
    broker = Broker()
    rest = broker.close(broker.open("1"), "0.5")
    broker.close(rest, "0.5")
    master = [OPEN, told("partial_close", 10, lots="0.4", new_ticket=2), told("close", 20, ticket=2, lots="0.6")]
    assert "expected the closes to leave 0.6, then 0 lots; there was a close that left 0.5" in judge(master, broker)


@pytest.mark.parametrize(("lag", "found"), [(5.0, False), (0.5, True)])
def test_a_partial_close_may_be_left_out_only_when_the_close_came_while_it_was_on_its_way(
    lag: float, found: bool
) -> None:
    broker = Broker()
    broker.close(broker.open("1"), "1")
    master = [OPEN, told("partial_close", 10, lots="0.4", new_ticket=2), told("close", 11, ticket=2, lots="0.6")]
    assert bool(judge(master, broker, clock=Clock(lag=lag))) is found


@pytest.mark.parametrize(("lag", "found"), [(5.0, False), (0.5, True)])
def test_stops_may_be_left_out_only_when_the_close_came_while_they_were_on_their_way(lag: float, found: bool) -> None:
    broker = Broker()
    broker.close(broker.open("1"), "1")
    sentence = judge([OPEN, told("modify", 10, sl=5, tp=2), told("close", 11, lots="1")], broker, clock=Clock(lag=lag))
    assert ("expected sl 5, tp 2 at the close; there were sl 1, tp 2" in sentence) is found


def test_stops_that_never_reach_a_book_are_named_however_fast_the_closes_come() -> None:
    broker, master = Broker(), []
    for ticket in (1, 2, 3):
        broker.close(broker.open("1", position=ticket), "1")
        master += [told("open", 0, ticket=ticket, lots="1"), told("modify", 9, ticket=ticket, sl=5, tp=2)]
        master += [told("close", 9, ticket=ticket, lots="1")]
    assert "expected 3 changes of stops just before a close; there not one of them" in judge(
        master, broker, clock=Clock(lag=1)
    )


def test_stops_at_the_end_are_the_last_ones_whatever_the_clock_says() -> None:
    broker = Broker()
    broker.open("1")
    found = judge([OPEN, told("modify", 0, sl=5, tp=2)], broker, clock=Clock(lag=50))
    assert "expected sl 5, tp 2 at the end; there were sl 1, tp 2" in found


def test_legs_are_closed_one_by_one_and_the_total_counts() -> None:
    broker = Broker()
    first, second = broker.open("5"), broker.open("3", magic=8)
    broker.close(second, "3")
    rest = broker.close(first, "1")
    broker.close(rest, "4")
    master = [told("open", lots="8"), told("partial_close", 10, lots="4", new_ticket=2)]
    assert judge([*master, told("close", 20, ticket=2, lots="4")], broker) == ""
    broker.open("4", magic=8)
    assert "8 eurusd in 2 orders opened" in judge([*master, told("close", 20, ticket=2, lots="4")], broker)


def test_an_order_that_was_cancelled_leaves_no_position() -> None:
    broker = Broker()
    master = [told("place", lots="1"), told("cancel", 100)]
    assert "expected buy 1 eurusd placed and cancelled; there was no such order" in judge(master, broker)
    ticket = broker.place("1")
    assert "to be cancelled; there works buy 1 eurusd" in judge(master, broker)
    broker.book.delete(ticket)
    assert judge(master, broker) == ""


def test_an_order_that_works_at_another_price_is_named() -> None:
    broker = Broker()
    broker.place("1", price=Decimal("1.2"))
    assert "expected a working order at 1.1; there is one at 1.2" in judge([told("place", lots="1")], broker)


def test_an_order_that_was_placed_anew_after_it_was_cancelled_is_one_position() -> None:
    broker = Broker()
    broker.book.delete(broker.place("1"))
    broker.open("1", magic=8)
    assert judge([told("place", lots="1"), told("activate", 10, lots="1")], broker) == ""


def test_a_filled_order_that_works_still_is_named() -> None:
    broker = Broker()
    broker.place("1")
    assert "expected 1 lots open" in judge([told("place", lots="1"), told("activate", 10, lots="1")], broker)


def test_what_may_not_be_copied_and_stands_in_the_book_is_named() -> None:
    broker = Broker()
    broker.open("1")
    found = judge([OPEN], broker, copying=Copying(lacks=frozenset({"eurusd"})))
    assert "expected nothing, for his broker has no eurusd; there is open buy 1 eurusd" in found


def test_a_backlog_of_doubtful_age_may_be_there_or_not_but_not_otherwise() -> None:
    doubtful, broker = Clock(lag=1, approved=(59.5, 60.0)), Broker()
    assert judge([OPEN], broker, clock=doubtful) == ""
    broker.open("1")
    assert judge([OPEN], broker, clock=doubtful) == ""
    broker.open("3")
    assert "opened" in judge([OPEN], broker, clock=doubtful)
