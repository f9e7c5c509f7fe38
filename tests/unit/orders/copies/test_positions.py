"""The master's position as its intents tell it."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from orders.domain.copies.positions import (
    Position,
    PositionState,
    advance,
    as_part,
    completed,
    is_fill,
    is_known_open,
    is_latest,
    is_reused,
    is_unknown_part,
)
from orders.domain.wire.intents import Action, OrderIntent, Side
from sessions_app.domain.decimals import Lots, Price
from tests.unit.builders import intent, position


def modify(**changes: str) -> OrderIntent:
    return intent(Action.MODIFY, **{name: Price(value) for name, value in changes.items()})


def test_an_open_makes_an_open_position_with_its_stops() -> None:
    made = advance(None, intent(sl=Price("1.09"), tp=Price("1.12")))
    assert made == Position(
        PositionState.OPEN, 1, Decimal("0.10"), sl=Decimal("1.09"), tp=Decimal("1.12"), price=Decimal("1.1")
    )


def test_stops_that_are_not_set_are_zero() -> None:
    made = advance(None, intent())
    assert made is not None
    assert made.sl == made.tp == 0


def test_a_pending_order_works_until_it_is_activated() -> None:
    placed = advance(None, intent(Action.PLACE, sl=Price("1.09"), expiry="2026-11-24T00:00:00Z"))
    assert placed is not None
    assert placed.state is PositionState.WORKING
    filled = advance(placed, intent(Action.ACTIVATE))
    assert filled == replace(placed, state=PositionState.OPEN)


def test_an_activation_may_bring_the_fill_price() -> None:
    placed = advance(None, intent(Action.PLACE))
    filled = advance(placed, intent(Action.ACTIVATE, price=Price("1.0998")))
    assert filled is not None
    assert filled.price == Decimal("1.0998")


def test_an_activation_of_an_order_never_seen_makes_a_position() -> None:
    made = advance(None, intent(Action.ACTIVATE, lots=Lots("0.2")))
    assert made is not None
    assert (made.state, made.lots) == (PositionState.OPEN, Decimal("0.2"))


def test_a_modify_changes_the_stops_that_it_names() -> None:
    moved = advance(position(sl=Decimal("1.09"), tp=Decimal("1.12")), modify(sl="1.1"))
    assert moved == position(sl=Decimal("1.1"), tp=Decimal("1.12"))


def test_a_modify_takes_a_stop_away_by_zero() -> None:
    moved = advance(position(sl=Decimal("1.09")), modify(sl="0"))
    assert moved == position(sl=Decimal(0))


def test_a_modify_moves_the_price_of_a_pending_order_and_of_nothing_else() -> None:
    working = position(state=PositionState.WORKING)
    assert advance(working, modify(price="1.05")) == replace(working, price=Decimal("1.05"))
    assert advance(position(), modify(price="1.05")) == position()


def test_a_modify_of_a_position_never_seen_leaves_nothing() -> None:
    assert advance(None, modify(sl="1.1")) is None


def test_a_partial_close_goes_on_under_the_remainders_ticket() -> None:
    rest = advance(position(sl=Decimal("1.09")), intent(Action.PARTIAL_CLOSE, ticket=1, new_ticket=7))
    assert rest == position(ticket=7, lots=Decimal("0.05"), sl=Decimal("1.09"))


def test_a_chain_of_partial_closes_stays_one_position() -> None:
    held: Position | None = position(lots=Decimal("0.40"))
    for ticket, remaining in ((2, "0.30"), (3, "0.20"), (4, "0.10")):
        held = advance(held, intent(Action.PARTIAL_CLOSE, new_ticket=ticket, remaining_lots=Lots(remaining)))
    assert held == position(ticket=4, lots=Decimal("0.10"))


@pytest.mark.parametrize("action", [Action.CLOSE, Action.CANCEL])
def test_a_close_leaves_a_closed_position(action: Action) -> None:
    assert advance(position(), intent(action)) == position(state=PositionState.CLOSED, lots=Decimal(0))


@pytest.mark.parametrize("action", [Action.CLOSE, Action.CANCEL])
def test_a_close_of_a_position_never_seen_leaves_a_marker(action: Action) -> None:
    marker = advance(None, intent(action, ticket=9))
    assert marker is not None
    assert (marker.state, marker.ticket, marker.lots) == (PositionState.CLOSED, 9, Decimal(0))


@pytest.mark.parametrize("action", Action)
def test_nothing_brings_a_closed_position_back(action: Action) -> None:
    closed = position(state=PositionState.CLOSED, lots=Decimal(0))
    assert advance(closed, intent(action)) == closed


def test_a_stop_moved_there_and_back_is_three_changes() -> None:
    held: Position | None = position(sl=Decimal("1.09"))
    repeats = []
    for level in ("1.10", "1.20", "1.10"):
        repeats.append(is_latest(held, modify(sl=level)))
        held = advance(held, modify(sl=level))
    assert repeats == [False, False, False]
    assert held == position(sl=Decimal("1.1"))


def test_a_modify_that_says_what_is_stored_is_a_repeat() -> None:
    stored = position(sl=Decimal("1.10"), tp=Decimal("1.20"))
    assert is_latest(stored, modify(sl="1.1"))
    assert is_latest(stored, modify(sl="1.10", tp="1.2"))
    assert is_latest(stored, modify())
    assert not is_latest(stored, modify(sl="1.1", tp="0"))


def test_the_market_price_in_a_modify_is_no_change_of_an_open_position() -> None:
    assert is_latest(position(sl=Decimal("1.1")), modify(sl="1.1", price="1.2345"))
    assert not is_latest(position(state=PositionState.WORKING, sl=Decimal("1.1")), modify(sl="1.1", price="1.2345"))


def test_a_pendings_new_expiry_is_a_change() -> None:
    working = position(state=PositionState.WORKING, expiry="2026-11-24T00:00:00Z")
    assert not is_latest(working, intent(Action.MODIFY, expiry="2026-11-25T00:00:00Z"))
    assert is_latest(working, intent(Action.MODIFY, expiry="2026-11-24T00:00:00Z"))


def test_only_a_modify_of_a_known_position_repeats_a_state() -> None:
    assert not is_latest(None, modify())
    assert not is_latest(position(), intent(Action.CLOSE))


def test_an_expiry_is_kept_until_another_one_is_named() -> None:
    placed = advance(None, intent(Action.PLACE, expiry="2026-11-24T00:00:00Z"))
    assert placed is not None
    assert placed.expiry == "2026-11-24T00:00:00Z"
    filled = advance(placed, intent(Action.ACTIVATE))
    assert filled is not None
    assert filled.expiry == "2026-11-24T00:00:00Z"
    other = advance(placed, intent(Action.PLACE, expiry="2026-11-25T00:00:00Z"))
    assert other is not None
    assert other.expiry == "2026-11-25T00:00:00Z"


def test_an_expiry_says_nothing_of_an_open_position() -> None:
    assert advance(position(), intent(Action.MODIFY, expiry="2026-11-24T00:00:00Z")) == position()


def test_a_partial_close_of_a_position_never_seen_makes_its_remainder() -> None:
    rest = advance(None, intent(Action.PARTIAL_CLOSE, ticket=1, new_ticket=7, remaining_lots=Lots("0.05")))
    assert rest == Position(PositionState.OPEN, 7, Decimal("0.05"))


def test_a_remainder_without_a_ticket_of_its_own_keeps_the_one_acted_on() -> None:
    rest = advance(position(ticket=9), intent(Action.PARTIAL_CLOSE, ticket=3, new_ticket=None))
    assert rest is not None
    assert rest.ticket == 3


def test_a_deal_on_an_open_position_moves_neither_its_ticket_nor_its_lots() -> None:
    there = Position(PositionState.OPEN, 71, Decimal("0.3"), sl=Decimal("1.05"))
    deal = OrderIntent(
        action=Action.OPEN, position_id=71, ticket=99, symbol="EURUSD", lots=Lots("0.1"), sl=Price("1.06")
    )
    assert advance(there, deal) == replace(there, sl=Decimal("1.06"))
    # What names the ticket that it was is what remains of it, told by a terminal that has lost its files.
    for proof in ({"parent_ticket": 71}, {"comment": "from #71"}):
        rest = structs.replace(deal, **proof)
        assert advance(there, rest) == replace(there, ticket=99, lots=Decimal("0.1"), sl=Decimal("1.06"))


def test_an_open_that_comes_after_its_partial_close_brings_no_lots_back() -> None:
    reduced = Position(PositionState.OPEN, 72, Decimal("0.1"))
    late = OrderIntent(action=Action.OPEN, position_id=71, ticket=71, symbol="EURUSD", lots=Lots("0.3"))
    assert advance(reduced, late) == reduced


def test_an_open_under_the_remainders_ticket_tells_of_a_position_that_is_known() -> None:
    """An EA that has lost its files tells what remains of 71 as a position of its own, 72."""
    remainder = position(ticket=72)
    anew = intent(position_id=71, ticket=72)
    assert is_known_open(remainder, anew) is True
    for known, told in (
        (None, anew),
        (remainder, intent(Action.CLOSE, position_id=71, ticket=72)),
        (replace(remainder, state=PositionState.CLOSED), anew),
        (remainder, intent(position_id=71, ticket=73)),
        (remainder, intent(position_id=72, ticket=72)),
    ):
        assert is_known_open(known, told) is False


def test_an_order_that_has_filled_is_not_placed_again() -> None:
    place = intent(Action.PLACE)
    assert is_known_open(position(), place) is True
    for state in (PositionState.WORKING, PositionState.CLOSED):
        assert is_known_open(position(state=state), place) is False


@pytest.mark.parametrize(
    ("known", "action", "placed", "fills"),
    [
        (position(state=PositionState.WORKING), Action.OPEN, False, True),
        (position(), Action.OPEN, True, True),
        (position(), Action.OPEN, False, False),
        (position(state=PositionState.CLOSED), Action.OPEN, True, False),
        (position(state=PositionState.WORKING), Action.PLACE, True, False),
        (None, Action.OPEN, True, False),
    ],
)
def test_an_open_is_the_fill_of_an_order_that_was_placed_and_has_not_ended(
    known: Position | None, action: Action, placed: bool, fills: bool
) -> None:
    assert is_fill(known, intent(action), placed=placed) is fills


CLOSED = position(state=PositionState.CLOSED)


@pytest.mark.parametrize(
    ("known", "symbol", "side", "told", "reused"),
    [
        (CLOSED, "EURUSD", "buy", Side.BUY, False),  # a repeat
        (CLOSED, "EURUSD", "buy", Side.SELL, True),
        (None, "EURUSD", "buy", Side.SELL, True),
        (CLOSED, "EURUSD", None, Side.SELL, False),  # nobody knows which side it had
        (CLOSED, "EURUSD", "buy", None, False),
        (position(), "EURUSD", "buy", Side.SELL, False),  # it lives: an account that nets
        (position(state=PositionState.WORKING), "EURUSD", "buy", Side.SELL, False),
        (position(), "GBPUSD", "buy", Side.BUY, True),
        (CLOSED, "GBPUSD", None, None, True),
    ],
)
def test_a_ticket_is_used_again_for_another_symbol_or_once_it_is_over_for_the_other_side(
    known: Position | None, symbol: str, side: str | None, told: Side | None, reused: bool
) -> None:
    assert is_reused(known, intent(side=told), symbol=symbol, side=side) is reused


@pytest.mark.parametrize("told", [{"parent_ticket": 1}, {"comment": "from #1"}])
def test_an_open_of_what_remains_is_the_part_that_was_closed(told: dict[str, Any]) -> None:
    rest = intent(ticket=99, lots=Lots("0.04"), **told)
    part = as_part(position(), rest)
    assert part == structs.replace(
        rest,
        action=Action.PARTIAL_CLOSE,
        ticket=1,
        new_ticket=99,
        lots=Lots("0.06"),
        remaining_lots=Lots("0.04"),
    )
    after = advance(position(), part)
    assert after is not None
    assert (after.ticket, after.lots) == (99, Decimal("0.04"))


@pytest.mark.parametrize(
    ("known", "told"),
    [
        (None, {}),
        (CLOSED, {}),
        (position(state=PositionState.WORKING), {}),
        (position(lots=None), {}),
        (position(ticket=2), {}),  # what remains of a part that we know of
        (position(), {"parent_ticket": None}),  # a deal of an account that nets, perhaps
        (position(), {"lots": Lots("0.10")}),
        (position(), {"lots": Lots("0.20")}),
        (position(), {"lots": None}),
        (position(), {"action": Action.PLACE}),
        (position(), {"action": Action.MODIFY}),
    ],
)
def test_any_other_intent_stays_as_it_is(known: Position | None, told: dict[str, Any]) -> None:
    one = structs.replace(intent(ticket=99, parent_ticket=1, lots=Lots("0.04")), **told)
    assert as_part(known, one) is one


def test_an_open_of_a_position_whose_lots_nobody_knows_tells_them() -> None:
    """As one does whose order works still: it has filled."""
    deal = intent(ticket=99, lots=Lots("0.1"))
    for known in (position(lots=None), position(state=PositionState.WORKING, lots=Decimal("0.3"))):
        opened = advance(known, deal)
        assert opened is not None
        assert (opened.ticket, opened.lots) == (99, Decimal("0.1"))


def test_of_a_remainder_that_is_not_told_no_lots_are_known() -> None:
    for left in (None, Lots("0")):
        rest = advance(position(lots=Decimal("0.3")), intent(Action.PARTIAL_CLOSE, remaining_lots=left))
        assert rest is not None
        assert rest.lots is None


# Parts that are told by one figure ------------------------------------------------------------------------------------


def part(closed: str | None, left: str | None, **fields: Any) -> OrderIntent:
    figures = {"lots": closed and Lots(closed), "remaining_lots": left and Lots(left)}
    return intent(Action.PARTIAL_CLOSE, **figures, **fields)


@pytest.mark.parametrize(("closed", "left"), [("0.04", None), ("0.04", "0"), (None, "0.06"), ("0", "0.06")])
def test_the_position_tells_the_other_figure_of_a_part(closed: str | None, left: str | None) -> None:
    found = completed(position(lots=Decimal("0.10")), part(closed, left))
    assert (found.action, found.lots, found.remaining_lots) == (Action.PARTIAL_CLOSE, Decimal("0.04"), Decimal("0.06"))


@pytest.mark.parametrize("closed", ["0.10", "0.11"])
def test_a_part_that_leaves_nothing_is_a_close(closed: str) -> None:
    found = completed(position(lots=Decimal("0.10")), part(closed, None))
    assert (found.action, found.lots, found.remaining_lots) == (Action.CLOSE, Decimal(closed), None)


@pytest.mark.parametrize(
    "told",
    [
        None,
        position(lots=None),
        position(state=PositionState.CLOSED, lots=Decimal(0)),
        position(state=PositionState.WORKING, lots=Decimal("0.10")),
    ],
)
@pytest.mark.parametrize("parts", [(), (Decimal("0.06"),)])
def test_without_a_position_a_part_stays_as_it_came(told: Position | None, parts: tuple[Decimal, ...]) -> None:
    came = part("0.04", None)
    assert completed(told, came, parts) == came
    assert is_unknown_part(told, came) is (told is None or told.state is not PositionState.CLOSED)


def test_what_remains_is_unknown_of_a_part_that_does_not_say_so_and_of_nothing_else() -> None:
    assert is_unknown_part(position(), part("0.04", None)) is True
    assert is_unknown_part(position(), part("0.04", "0.06")) is False
    assert is_unknown_part(None, part("0.04", "0.06")) is False
    assert is_unknown_part(position(), intent(Action.CLOSE)) is False


@pytest.mark.parametrize("left", ["0.10", "0.20"])
def test_as_much_left_as_there_was_or_more_says_nothing_about_the_part(left: str) -> None:
    came = part(None, left)
    assert completed(position(lots=Decimal("0.10")), came) == came


def test_nothing_else_is_completed() -> None:
    for came in (intent(Action.CLOSE, lots=Lots("0.04")), intent(lots=Lots("0.04"))):
        assert completed(position(lots=Decimal("0.10")), came, [Decimal("0.06")]) == came


def test_a_part_with_both_figures_is_taken_at_its_word() -> None:
    came = part("0.04", "0.01")
    assert completed(position(lots=Decimal("0.10")), came) == came


def test_a_part_of_a_ticket_that_is_no_more_has_come_before() -> None:
    now = position(lots=Decimal("0.06"), ticket=2)
    assert completed(now, part("0.04", None, ticket=1), [Decimal("0.06")]).remaining_lots == Decimal("0.06")
    assert completed(now, part("0.04", None, ticket=2), [Decimal("0.06")]).remaining_lots == Decimal("0.02")
    # Of several the largest: it is the oldest, and what the younger ones left is no more than that.
    several = [Decimal("0.02"), Decimal("0.06"), Decimal("0.04")]
    assert completed(now, part("0.04", None, ticket=1), several).remaining_lots == Decimal("0.06")
    # Where nothing came before, or what was closed is not told, the position tells the other figure.
    assert completed(now, part("0.04", None, ticket=1)).remaining_lots == Decimal("0.02")
    assert completed(now, part(None, "0.05", ticket=1), several).lots == Decimal("0.01")
