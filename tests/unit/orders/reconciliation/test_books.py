"""What a terminal's snapshot is as a book: its parts joined, what it holds, how far it reaches."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest

from orders.domain.reconciliation.books import Book, Held, is_usable, join, place, read_book, weight
from orders.domain.wire.commands import magic_of
from orders.domain.wire.intents import OrderType, Side
from orders.domain.wire.snapshots import HeldOrder, HeldPosition, Quote, SnapshotPhase, SyncSnapshot
from sessions_app.domain.decimals import Lots, Money, Price

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
BOUGHT = HeldPosition(
    ticket=7,
    symbol="EURUSD",
    side=Side.BUY,
    lots=Lots("0.1"),
    price=Price("1.1"),
    sl=Price("1.05"),
    tp=Price("1.2"),
    magic=magic_of(3),
    parent_ticket=5,
)
WAITING = HeldOrder(
    ticket=8, symbol="GBPUSD", side=Side.SELL, order_type=OrderType.LIMIT, lots=Lots("0.2"), price=Price("1.3")
)
EURUSD = Quote(symbol="EURUSD", bid=Price("1.1"), ask=Price("1.2"))


def snapshot(**fields: Any) -> SyncSnapshot:
    return SyncSnapshot(**({"phase": SnapshotPhase.REPORT} | fields))


def test_a_book_holds_what_the_snapshot_tells() -> None:
    told = snapshot(
        positions=[BOUGHT],
        working_orders=[WAITING],
        quotes=[EURUSD],
        applied_server_seq=41,
        history_from="2026-11-01T00:00:00Z",
    )
    assert read_book(told, taken_at=NOON) == Book(
        taken_at=NOON,
        applied_seq=41,
        history_from=datetime(2026, 11, 1, tzinfo=UTC),
        held=[
            Held(8, "GBPUSD", Side.SELL, Decimal("0.2"), Decimal("1.3"), working=True),
            Held(
                ticket=7,
                symbol="EURUSD",
                side=Side.BUY,
                lots=Decimal("0.1"),
                price=Decimal("1.1"),
                sl=Decimal("1.05"),
                tp=Decimal("1.2"),
                magic=magic_of(3),
                parent_ticket=5,
            ),
        ],
        quotes={"EURUSD": EURUSD},
    )


def test_stops_that_are_not_told_are_zero() -> None:
    bare = HeldPosition(ticket=7, symbol="EURUSD", side=Side.BUY, lots=Lots("0.1"))
    (held,) = read_book(snapshot(positions=[bare]), taken_at=NOON).held
    assert held.sl == held.tp == 0
    assert held.price is None


def test_an_order_that_is_a_position_as_well_has_just_filled() -> None:
    filled = HeldPosition(ticket=8, symbol="GBPUSD", side=Side.SELL, lots=Lots("0.2"))
    (held,) = read_book(snapshot(positions=[filled], working_orders=[WAITING]), taken_at=NOON).held
    assert held.working is False


def test_the_highest_copy_number_of_a_book_is_that_of_a_copy() -> None:
    def held(*magics: int | None) -> Book:
        return Book(NOON, held=[Held(1, "EURUSD", Side.BUY, Decimal(1), magic=magic) for magic in magics])

    assert held().top_copy_no == 0
    assert held(None, 5).top_copy_no == 0
    assert held(magic_of(3), None, magic_of(9), 99).top_copy_no == 9


@pytest.mark.parametrize(("back", "covered"), [(None, True), (1, True), (0, True), (-1, False)])
def test_a_book_covers_what_began_within_its_history(back: int | None, covered: bool) -> None:
    history = None if back is None else NOON - timedelta(hours=back)
    assert Book(NOON, history_from=history).covers(NOON) is covered


@pytest.mark.parametrize(
    ("fields", "usable"),
    [
        ({}, False),
        ({"balance": Money("0")}, True),
        ({"positions": [BOUGHT]}, True),
        ({"working_orders": [WAITING]}, True),
        ({"same": True}, True),
        ({"same": True, "balance": Money("1"), "positions": [BOUGHT], "connected": False}, False),
    ],
)
def test_an_empty_book_without_a_balance_and_one_without_its_broker_say_nothing(
    fields: dict[str, Any], usable: bool
) -> None:
    assert is_usable(snapshot(**fields)) is usable


# Parts ----------------------------------------------------------------------------------------------------------------


def test_a_part_belongs_to_its_set_at_its_number() -> None:
    part = snapshot(request_id=UUID(int=1), digest="d", hash="h", n=2, of=3)
    assert place(part) == ((UUID(int=1), "d", "h"), 2, 3)


def test_a_part_weighs_as_many_items_as_it_carries() -> None:
    assert weight(snapshot()) == 0
    assert weight(snapshot(positions=[BOUGHT] * 4, working_orders=[WAITING] * 2, quotes=[EURUSD])) == 7


def test_parts_are_joined_and_the_first_figures_hold() -> None:
    first = snapshot(n=1, of=3, digest="d", positions=[BOUGHT], applied_server_seq=4)
    second = snapshot(
        n=2, of=3, digest="d", working_orders=[WAITING], balance=Money("100"), history_from="2026-11-01T00:00:00Z"
    )
    third = snapshot(
        n=3,
        of=3,
        digest="d",
        positions=[BOUGHT],
        quotes=[EURUSD],
        balance=Money("90"),
        history_from="2026-11-02T00:00:00Z",
    )
    assert join([first, second, third]) == snapshot(
        digest="d",
        positions=[BOUGHT, BOUGHT],
        working_orders=[WAITING],
        quotes=[EURUSD],
        balance=Money("100"),
        history_from="2026-11-01T00:00:00Z",
        applied_server_seq=4,
    )


def test_a_whole_is_connected_if_all_its_parts_are_and_has_a_balance_if_one_has() -> None:
    parts = [snapshot(n=1, of=2, balance=Money("1")), snapshot(n=2, of=2, connected=False)]
    assert (join(parts).connected, join(parts).balance) == (False, Money("1"))
    bare = join([snapshot(n=1, of=2), snapshot(n=2, of=2)])
    assert (bare.connected, bare.balance, bare.history_from, bare.n, bare.of) == (True, None, None, 1, 1)


@pytest.mark.parametrize(("number", "ours"), [(1, True), (100_040, True), (100_041, False), (2_396_238, False)])
def test_a_magic_number_far_beyond_the_accounts_own_is_a_foreign_one(number: int, ours: bool) -> None:
    """An expert advisor's time of 2017 is no copy, and must not use up the account's copy numbers."""
    row = msgspec.structs.replace(BOUGHT, magic=magic_of(number))
    book = read_book(snapshot(positions=[row]), taken_at=NOON, next_copy_no=41)
    assert [item.copy_no for item in book.held] == [number if ours else None]
    assert book.top_copy_no == (number if ours else 0)


def test_a_book_is_incomplete_when_one_of_its_parts_is() -> None:
    parts = [snapshot(n=1, of=2, digest="d"), snapshot(n=2, of=2, digest="d", incomplete=True)]
    assert read_book(join(parts), taken_at=NOON).incomplete
    assert not read_book(join([parts[0], parts[0]]), taken_at=NOON).incomplete
