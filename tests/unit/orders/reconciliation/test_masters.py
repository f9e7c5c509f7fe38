"""A master's book against what he told: the intents that his EA would have sent, and what a second look shows."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

import pytest

from orders.domain.copies.positions import Position, PositionState, advance
from orders.domain.reconciliation.books import Held
from orders.domain.reconciliation.masters import SECOND_LOOK, Told, compare_master, ended
from orders.domain.wire.intents import Action, OrderIntent, OrderType, Side
from tests.unit.orders.reconciliation.books import NOON, book

D: Final = Decimal
PLAIN: Final = Position(PositionState.OPEN, ticket=71, lots=D("0.40"), sl=D("1.05"), tp=D("1.25"), price=D("1.1"))
WORKING: Final = replace(PLAIN, state=PositionState.WORKING, expiry="2026-12-01T00:00:00Z")


def told(position: Position = PLAIN, number: int = 70, **changes: Any) -> Told:
    return replace(Told(number, "EURUSD", position), **changes)


def held(**changes: Any) -> Held:
    made = Held(71, "EURUSD", Side.BUY, D("0.40"), price=D("1.1"), sl=D("1.05"), tp=D("1.25"))
    return replace(made, **changes)


def intents(one: Told, item: Held) -> list[OrderIntent]:
    return compare_master(book(item), [one]).intents


def said(intent: OrderIntent) -> dict[str, Any]:
    """What of an intent is said at all."""
    fields = {name: getattr(intent, name) for name in OrderIntent.__struct_fields__}
    bare = OrderIntent(action=intent.action, position_id=0, ticket=0, symbol="")
    plain = {name: getattr(bare, name) for name in fields}
    always = {"action", "position_id", "ticket", "order_type"}
    return {name: value for name, value in fields.items() if name in always or value != plain[name]}


def test_a_position_that_is_as_he_told_needs_nothing() -> None:
    found = compare_master(book(held()), [told()])
    assert (found.intents, found.missing, found.seen, found.gone) == ([], [], [], [])
    working = compare_master(book(held(working=True)), [told(WORKING)])
    assert (working.intents, working.missing, working.seen, working.gone) == ([], [], [], [])


def test_two_books_say_nothing_of_each_other() -> None:
    first = compare_master(book(), [told()])
    assert (first.missing, compare_master(book(), []).missing) == ([70], [])
    nothing = compare_master(book(), [])
    assert (nothing.intents, nothing.seen, nothing.gone) == ([], [], [])


def test_fewer_lots_are_a_partial_close() -> None:
    (intent,) = intents(told(), held(lots=D("0.15"), ticket=71))
    assert said(intent) == {
        "action": Action.PARTIAL_CLOSE, "position_id": 70, "ticket": 71, "symbol": "EURUSD",
        "order_type": OrderType.MARKET, "lots": D("0.25"), "remaining_lots": D("0.15"), "new_ticket": 71,
    }  # fmt: skip


def test_what_remains_is_known_by_the_ticket_that_it_came_from() -> None:
    (intent,) = intents(told(), held(lots=D("0.15"), ticket=99, parent_ticket=71))
    assert (intent.ticket, intent.new_ticket, intent.remaining_lots) == (71, 99, D("0.15"))
    assert compare_master(book(held(ticket=99, parent_ticket=98)), [told()]).missing == [70]
    assert compare_master(book(held(ticket=99)), [told()]).missing == [70]


def test_more_lots_are_no_news_for_a_copy() -> None:
    assert intents(told(), held(lots=D("0.60"))) == []


def test_lots_that_he_never_told_cannot_have_become_fewer() -> None:
    assert intents(told(replace(PLAIN, lots=None)), held(lots=D("0.15"))) == []


@pytest.mark.parametrize("stops", [{"sl": D("1.06")}, {"tp": D("1.3")}, {"sl": D(0)}, {"tp": D(0)}])
def test_other_stops_are_a_modify_with_both_of_them(stops: dict[str, Decimal]) -> None:
    (intent,) = intents(told(), held(**stops))
    expected = {
        "action": Action.MODIFY, "position_id": 70, "ticket": 71, "symbol": "EURUSD", "order_type": OrderType.MARKET,
        "sl": D("1.05"), "tp": D("1.25"),
    }  # fmt: skip
    assert said(intent) == expected | stops


def test_a_positions_own_price_is_history() -> None:
    assert intents(told(), held(price=D("1.2"))) == []
    assert intents(told(replace(PLAIN, price=None)), held(price=D("1.2"))) == []


def test_a_working_order_at_another_price_is_moved() -> None:
    (intent,) = intents(told(WORKING), held(working=True, price=D("1.02")))
    assert (intent.action, intent.price, intent.sl, intent.tp) == (Action.MODIFY, D("1.02"), D("1.05"), D("1.25"))
    assert intents(told(replace(WORKING, price=None)), held(working=True, price=D("1.02"))) == []


def test_a_working_order_with_other_stops_keeps_its_price() -> None:
    (intent,) = intents(told(WORKING), held(working=True, sl=D("1.06")))
    assert (intent.price, intent.sl) == (D("1.1"), D("1.06"))
    (bare,) = intents(told(WORKING), held(working=True, price=None, sl=D("1.06")))
    assert bare.price is None


def test_a_working_orders_lots_are_not_closed_in_part() -> None:
    assert intents(told(WORKING), held(working=True, lots=D("0.15"))) == []


def test_an_order_that_has_filled_is_activated() -> None:
    (intent,) = intents(told(WORKING), held(ticket=71, price=D("1.0998")))
    assert said(intent) == {
        "action": Action.ACTIVATE, "position_id": 70, "ticket": 71, "symbol": "EURUSD",
        "order_type": OrderType.MARKET, "price": D("1.0998"),
    }  # fmt: skip
    (unpriced,) = intents(told(WORKING), held(price=None))
    assert unpriced.price is None


def test_what_has_filled_was_reduced_and_moved_comes_in_this_order() -> None:
    one, item = told(WORKING), held(ticket=99, parent_ticket=71, lots=D("0.10"), price=D("1.0998"), sl=D("1.07"))
    made = intents(one, item)
    assert [(row.action, row.ticket) for row in made] == [
        (Action.ACTIVATE, 99), (Action.PARTIAL_CLOSE, 71), (Action.MODIFY, 99),
    ]  # fmt: skip
    position: Position | None = one.position
    for row in made:
        position = advance(position, row)
    assert position is not None
    assert (position.state, position.ticket, position.lots, position.sl) == (
        PositionState.OPEN, 99, D("0.10"), D("1.07"),
    )  # fmt: skip
    # What was made up is what he tells: the same book needs nothing more.
    assert intents(replace(one, position=position), item) == []


def test_what_is_not_there_is_missing_until_a_second_look() -> None:
    assert timedelta(seconds=30) == SECOND_LOOK
    first = compare_master(book(after=0), [told()])
    assert (first.missing, first.gone, first.intents) == ([70], [], [])
    one = told(missing_since=NOON)
    soon = compare_master(book(after=29), [one])
    assert (soon.missing, soon.gone, soon.intents, soon.seen) == ([], [], [], [])
    later = compare_master(book(after=30), [one])
    assert (later.missing, later.gone, later.intents, later.seen) == ([], [one], [], [])
    assert compare_master(book(after=31), [one]).gone == [one]


def test_what_is_there_again_was_not_gone() -> None:
    found = compare_master(book(held(), after=3600), [told(missing_since=NOON)])
    assert (found.seen, found.gone, found.missing, found.intents) == ([70], [], [], [])


def test_every_position_is_compared_on_its_own() -> None:
    rows = [
        told(number=1, position=replace(PLAIN, ticket=1)),
        told(number=2, position=replace(PLAIN, ticket=2)),
        told(number=3, position=replace(PLAIN, ticket=3), missing_since=NOON),
        told(number=4, position=replace(PLAIN, ticket=4), missing_since=NOON),
        told(number=5, position=replace(PLAIN, ticket=5)),
    ]
    seen = [held(ticket=2, lots=D("0.1")), held(ticket=4), held(ticket=5, sl=D(0)), held(ticket=6)]
    found = compare_master(book(*seen), rows)
    assert [(intent.position_id, intent.action.value) for intent in found.intents] == [
        (2, "partial_close"), (5, "modify"),
    ]  # fmt: skip
    assert (found.missing, found.seen, [one.position_id for one in found.gone]) == ([1], [4], [3])


def test_what_has_ended_is_closed_and_an_order_cancelled() -> None:
    close = {"action": Action.CLOSE, "position_id": 70, "ticket": 71, "symbol": "EURUSD"}
    assert said(ended(told())) == close | {"order_type": OrderType.MARKET}
    assert said(ended(told(WORKING))) == close | {"action": Action.CANCEL, "order_type": OrderType.LIMIT}


def test_more_lots_than_he_told_of_are_found_and_nothing_is_made_up() -> None:
    found = compare_master(book(held(lots=D("0.41"))), [told()])
    assert (found.intents, [(one.position_id, item.lots) for one, item in found.grown]) == ([], [(70, D("0.41"))])
    for lots in ("0.40", "0.39"):
        assert compare_master(book(held(lots=D(lots))), [told()]).grown == []
    assert compare_master(book(held()), [told(replace(PLAIN, lots=None))]).grown == [], "nobody told the lots"
    working = replace(held(lots=D("0.41")), working=True)
    assert compare_master(book(working), [told(WORKING)]).grown == []


def test_what_stands_on_the_other_side_has_ended_and_is_found() -> None:
    one = told(side=Side.SELL)
    found = compare_master(book(held(lots=D("0.20"))), [one])
    assert ([item.action for item in found.intents], found.grown[0][0]) == ([Action.CLOSE], one)
    same = compare_master(book(held()), [told(side=Side.BUY)])
    assert (same.intents, same.grown) == ([], [])
    pending = compare_master(book(replace(held(), working=True)), [told(WORKING, side=Side.SELL)])
    assert pending.grown == []
