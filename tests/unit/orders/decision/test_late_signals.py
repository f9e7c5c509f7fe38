"""Signals that come late, prices that have moved on, and orders that are copies themselves."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.domain.decision.inputs import Case, MarketQuote, Outcome
from orders.domain.decision.pipeline import decide
from orders.domain.decision.settings import LatePolicy, MinLotsPolicy
from orders.domain.states.copies import CopyState
from orders.domain.states.denials import Code
from orders.domain.wire.intents import Action, OrderType, Side
from sessions_app.domain.decimals import Lots, Price
from sessions_app.domain.frames.envelope import rfc3339
from tests.unit.builders import NOW, book, case, intent, leg, rules, spec, terminal

LATE = rules(late_policy=LatePolicy.PENDING_AT_MASTER_PRICE, late_seconds=600)


def market(bid: str, ask: str, *, age: float = 1) -> dict[str, MarketQuote]:
    return {"EURUSD": MarketQuote(Decimal(bid), Decimal(ask), NOW - timedelta(seconds=age))}


def late(**changes: Any) -> Case:
    """An open at 1.10000 that is two minutes old."""
    made = changes.pop("intent", intent())
    return case(made, **{"rules": LATE, "occurred_at": NOW - timedelta(seconds=120), **changes})


def test_a_late_open_is_denied_unless_its_policy_says_otherwise() -> None:
    assert decide(late(rules=rules())).code is Code.SIGNAL_TOO_OLD


@pytest.mark.parametrize(
    ("side", "reverse", "quotes", "kind"),
    [
        (Side.BUY, False, market("1.10480", "1.10500"), OrderType.LIMIT),
        (Side.BUY, False, market("1.09480", "1.09500"), OrderType.STOP),
        (Side.SELL, False, market("1.10480", "1.10500"), OrderType.STOP),
        (Side.SELL, False, market("1.09480", "1.09500"), OrderType.LIMIT),
        (Side.BUY, True, market("1.10480", "1.10500"), OrderType.STOP),
        (Side.BUY, True, market("1.09480", "1.09500"), OrderType.LIMIT),
        (Side.BUY, False, market("1.09990", "1.10000"), OrderType.LIMIT),
        (Side.SELL, False, market("1.10000", "1.10010"), OrderType.STOP),
        (Side.BUY, False, {}, OrderType.LIMIT),
        (Side.SELL, False, {}, OrderType.LIMIT),
        (Side.BUY, False, market("1.09480", "1.09500", age=31), OrderType.LIMIT),
        (Side.BUY, False, market("1.09480", "1.09500", age=30), OrderType.STOP),
    ],
)
def test_a_late_open_becomes_a_pending_order_at_the_masters_price(
    side: Side, reverse: bool, quotes: dict[str, MarketQuote], kind: OrderType
) -> None:
    settings = replace(LATE, settings=replace(LATE.settings, reverse=reverse))
    asked = late(intent=intent(side=side, sl=Price("1.05"), tp=Price("1.15")), rules=settings, quotes=quotes)
    verdict = decide(asked)
    (order,) = verdict.orders
    assert verdict.outcome is Outcome.COPIED
    assert (order.action, order.order_type, order.price) == (Action.PLACE, kind, Decimal("1.1"))
    until = asked.occurred_at + timedelta(seconds=60) + timedelta(minutes=10)
    assert (order.valid_until, order.expiry) == (until, rfc3339(until))


def test_the_masters_price_is_given_up_at_last() -> None:
    assert decide(late(occurred_at=NOW - timedelta(seconds=659))).outcome is Outcome.COPIED
    assert decide(late(occurred_at=NOW - timedelta(seconds=660))).code is Code.SIGNAL_TOO_OLD


def test_a_late_open_without_a_price_cannot_wait_for_it() -> None:
    assert decide(late(intent=intent(price=None))).code is Code.SIGNAL_TOO_OLD


def test_a_late_place_stays_what_it_is() -> None:
    placed = intent(Action.PLACE, order_type=OrderType.STOP, expiry="2026-11-24T00:00:00Z")
    (order,) = decide(late(intent=placed, quotes=market("1.2", "1.2"))).orders
    assert (order.action, order.order_type, order.expiry) == (Action.PLACE, OrderType.STOP, "2026-11-24T00:00:00Z")


def test_the_policy_changes_nothing_for_a_signal_in_time() -> None:
    (order,) = decide(late(occurred_at=NOW - timedelta(seconds=60))).orders
    assert (order.action, order.order_type) == (Action.OPEN, OrderType.MARKET)


# Price deviation ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "quotes", "copied"),
    [
        (Side.BUY, market("1.09990", "1.10010"), True),
        (Side.BUY, market("1.09991", "1.10011"), False),
        (Side.BUY, market("1.09970", "1.09989"), False),
        (Side.SELL, market("1.10010", "1.20000"), True),
        (Side.SELL, market("1.09989", "1.20000"), False),
        (Side.BUY, {}, True),
        (Side.BUY, market("9", "9", age=31), True),
    ],
)
def test_a_market_too_far_from_the_masters_price_is_denied(
    side: Side, quotes: dict[str, MarketQuote], copied: bool
) -> None:
    verdict = decide(case(intent(side=side), rules=rules(deviation_points=10), quotes=quotes))
    assert verdict.code is (None if copied else Code.PRICE_DEVIATION)
    assert [order.deviation_points for order in verdict.orders] == ([10] if copied else [])


@pytest.mark.parametrize("price", [None, Price("0")])
def test_an_open_without_a_price_is_no_distance_from_it(price: Price | None) -> None:
    verdict = decide(case(intent(price=price), rules=rules(deviation_points=10), quotes=market("1", "1")))
    assert verdict.outcome is Outcome.COPIED


def test_a_late_open_has_no_deviation() -> None:
    settings = rules(
        late_policy=LATE.settings.late_policy, late_seconds=LATE.settings.late_seconds, deviation_points=10
    )
    (order,) = decide(late(rules=settings)).orders
    assert order.deviation_points is None


def test_without_the_setting_no_distance_matters() -> None:
    (order,) = decide(case(quotes=market("2", "2"))).orders
    assert order.deviation_points is None


def test_a_pending_order_has_no_deviation() -> None:
    (order,) = decide(case(intent(Action.PLACE), rules=rules(deviation_points=1), quotes=market("2", "2"))).orders
    assert order.deviation_points is None


# Copies of copies, tombstones -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", [Action.OPEN, Action.PLACE])
@pytest.mark.parametrize("magic", [0x5A000001, 0x5AFFFFFF])
def test_case_153_a_copy_is_not_relayed_unless_its_strategy_says_so(action: Action, magic: int) -> None:
    asked, copies = intent(action, magic=magic), {magic - 0x5A000000}
    verdict = decide(case(asked, own_copies=copies))
    assert (verdict.outcome, verdict.code) == (Outcome.DENIED, Code.COPY_NOT_RELAYED)
    assert verdict.steps[-1]["magic"] == magic
    assert decide(case(asked, own_copies=copies, rules=rules(relay_copies=True))).outcome is Outcome.COPIED


@pytest.mark.parametrize("magic", [0x5A000000, 0x5A000001, 1_512_345_678, 0x5AFFFFFF])
@pytest.mark.parametrize("copies", [frozenset(), frozenset({0, 2, 17})])
def test_a_number_of_our_range_proves_no_copy_by_itself(magic: int, copies: frozenset[int]) -> None:
    """Times of 2017 and 2018 lie in the range of our magic numbers, and many an expert advisor has one as its own."""
    assert decide(case(intent(magic=magic), own_copies=copies)).outcome is Outcome.COPIED


@pytest.mark.parametrize("magic", [None, 0, -1, 0x59FFFFFF, 0x5B000000])
def test_other_magic_numbers_are_the_masters_own(magic: int | None) -> None:
    assert decide(case(intent(magic=magic))).outcome is Outcome.COPIED


def test_a_position_is_copied_anew_only_when_a_person_has_lifted_its_tombstone() -> None:
    dead = leg("0", state=CopyState.CLOSED, tombstoned=True)
    lifted = leg("0", state=CopyState.CLOSED, lifted=True)
    assert decide(case(legs=[dead])).code is Code.TOMBSTONED
    (order,) = decide(case(legs=[lifted])).orders
    assert order.leg == 2
    (order,) = decide(case(legs=[lifted, replace(lifted, leg=2)])).orders
    assert order.leg == 3
    assert decide(case(legs=[leg(lifted=True)])).code is Code.ALREADY_COPIED
    assert decide(case(legs=[lifted, leg(number=2)])).code is Code.ALREADY_COPIED
    assert decide(case(legs=[lifted, leg("0", number=2, state=CopyState.CLOSED)])).code is Code.ALREADY_COPIED


# Lots below the minimum -----------------------------------------------------------------------------------------------

FORCE = {"min_lots_policy": MinLotsPolicy.FORCE_MIN}


@pytest.mark.parametrize(
    ("lots", "settings", "ordered"),
    [
        ("0.05", FORCE, "0.10"),
        ("0.02", FORCE, "0.10"),
        ("0.019", FORCE, None),
        ("0.05", {**FORCE, "max_risk_multiple": Decimal(2)}, "0.10"),
        ("0.05", {**FORCE, "max_risk_multiple": Decimal("1.9")}, None),
        ("0.05", {**FORCE, "max_lots": Decimal("0.09")}, None),
        ("0.05", {}, None),
        ("0.15", FORCE, "0.10"),
    ],
)
def test_the_minimum_is_forced_only_within_its_risk(lots: str, settings: dict[str, Any], ordered: str | None) -> None:
    coarse = terminal(book(spec(least="0.10", step="0.10")))
    verdict = decide(case(intent(lots=Lots(lots)), rules=rules(**settings), follower=coarse))
    assert [order.lots for order in verdict.orders] == ([] if ordered is None else [Decimal(ordered)])
    assert verdict.code is (Code.BELOW_MINIMUM_LOTS if ordered is None else None)


@given(st.decimals(min_value="0.0001", max_value=1, places=4), st.decimals(min_value=1, max_value=20, places=1))
def test_forced_lots_never_exceed_their_multiple_of_what_was_intended(lots: Decimal, multiple: Decimal) -> None:
    settings = rules(min_lots_policy=MinLotsPolicy.FORCE_MIN, max_risk_multiple=multiple)
    coarse = terminal(book(spec(least="0.10", step="0.01")))
    verdict = decide(case(intent(lots=Lots(lots)), rules=settings, follower=coarse))
    assert sum(order.lots for order in verdict.orders) <= max(lots, lots * multiple)
