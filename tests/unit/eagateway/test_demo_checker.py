"""The demo's check of books: cancels that spare what has filled."""

from decimal import Decimal
from typing import Any

from eagateway.demo.checker import Booked, Findings, Follower, Ordered, Standing, check

LOTS, NONE = Decimal("0.1"), Decimal(0)


def ordered(action: str, copy_no: int = 1, *, state: str = "done", after: Decimal = NONE) -> Ordered:
    return Ordered(copy_no, 7, action, state, after, NONE, NONE)


def booked(action: str, copy_no: int = 1, *, before: Decimal = NONE, after: Decimal = NONE) -> Booked:
    return Booked(copy_no, 7, action, before, after, NONE, NONE)


def findings(orders: list[Ordered], books: list[Booked], **standing: Any) -> Findings:
    held = {int(name.removeprefix("copy_")): Standing(False, lots, NONE, NONE) for name, lots in standing.items()}
    return check(undecided=[], followers=[Follower("one", orders, books, held, frozenset({7}))])


def test_a_cancel_that_found_a_filled_order_is_no_close() -> None:
    orders = [ordered("place", after=LOTS), ordered("cancel", after=LOTS)]
    found = findings(orders, [booked("place", after=LOTS)], copy_1=LOTS)
    assert (found.lost, found.duplicated) == ([], [])


def test_a_copy_that_was_cancelled_and_opened_anew_is_one_position() -> None:
    orders = [ordered("place", after=LOTS), ordered("cancel"), ordered("open", 2, after=LOTS)]
    books = [booked("place", after=LOTS), booked("cancel", before=LOTS), booked("open", 2, after=LOTS)]
    found = findings(orders, books, copy_2=LOTS)
    assert (found.lost, found.duplicated) == ([], [])


def test_a_spared_position_that_is_gone_is_found() -> None:
    orders = [ordered("place", after=LOTS), ordered("cancel", after=LOTS)]
    found = findings(orders, [booked("place", after=LOTS), booked("cancel", before=LOTS)])
    assert len(found.lost) == 1
