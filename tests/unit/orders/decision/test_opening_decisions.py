"""Decisions about what adds exposure: open and place."""

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.domain.copies.positions import PositionState
from orders.domain.decision.inputs import Outcome
from orders.domain.decision.pipeline import decide
from orders.domain.risk.limits import Exposure
from orders.domain.sizing.modes import Funds, Mode
from orders.domain.states.copies import CopyState
from orders.domain.states.denials import Code
from orders.domain.states.subscriptions import SubscriptionState
from orders.domain.wire.intents import Action, OrderType, Side
from sessions_app.domain.decimals import Lots, Price
from tests.unit.builders import NOW, book, case, intent, leg, position, rules, spec, terminal

STEPS = [
    "subscription",
    "position",
    "origin",
    "filters",
    "account",
    "signal_age",
    "symbol",
    "reverse",
    "price",
    "allocation",
    "rounding",
    "guards",
    "opening_orders",
]
RATIO = rules(mode=Mode.BALANCE_RATIO)
STALE = Funds("USD", balance=Decimal(5_000), as_of=NOW - timedelta(seconds=31))
DENIALS = [
    pytest.param({"rules": rules(state=SubscriptionState.CLOSE_ONLY)}, Code.SUBSCRIPTION_CLOSE_ONLY, "subscription"),
    pytest.param({"rules": rules(state=SubscriptionState.OFF)}, Code.SUBSCRIPTION_CLOSE_ONLY, "subscription"),
    pytest.param({"position": position(state=PositionState.CLOSED)}, Code.ALREADY_CLOSED, "position"),
    pytest.param({"legs": [leg("0", state=CopyState.CLOSED, tombstoned=True)]}, Code.TOMBSTONED, "position"),
    pytest.param({"follower": None}, Code.FOLLOWER_NOT_READY, "account"),
    pytest.param({"follower": terminal({})}, Code.FOLLOWER_NOT_READY, "account"),
    pytest.param({"follower": terminal(netting=True)}, Code.NETTING_UNSUPPORTED, "account"),
    pytest.param({"follower": terminal(fifo=True)}, Code.FIFO_UNSUPPORTED, "account"),
    pytest.param({"occurred_at": NOW - timedelta(seconds=60.001)}, Code.SIGNAL_TOO_OLD, "signal_age"),
    pytest.param({"follower": terminal(book(spec("GBPUSD")))}, Code.SYMBOL_NOT_FOUND, "symbol"),
    pytest.param({"follower": terminal(book(spec("Eurusd"), spec("eurUSD")))}, Code.SYMBOL_AMBIGUOUS, "symbol"),
    pytest.param({"rules": RATIO, "master_funds": Funds("USD")}, Code.ALLOCATION_DATA_MISSING, "allocation"),
    pytest.param({"rules": RATIO, "master": terminal(currency="EUR")}, Code.ALLOCATION_DATA_MISSING, "allocation"),
    pytest.param({"rules": RATIO, "follower_funds": STALE}, Code.ALLOCATION_DATA_STALE, "allocation"),
    pytest.param({"follower": terminal(book(spec(least="0.2")))}, Code.BELOW_MINIMUM_LOTS, "rounding"),
    pytest.param({"rules": rules(max_lots=Decimal(0))}, Code.BELOW_MINIMUM_LOTS, "rounding"),
    pytest.param(
        {"rules": rules(max_open_positions=3), "exposure": Exposure(open_positions=3)},
        Code.MAX_OPEN_POSITIONS,
        "guards",
    ),
    pytest.param({"exposure": Exposure(next_copy_no=0xFFFFFF)}, Code.COPY_NUMBERS_EXHAUSTED, "guards"),
    pytest.param(
        {"intent": intent(lots=Lots("50")), "follower": terminal(book(spec(most="2")))},
        Code.ABOVE_MAXIMUM_LOTS,
        "opening_orders",
    ),
]


def test_a_ratio_between_currencies_takes_the_rate_from_whoever_lists_the_pair() -> None:
    """One USD is 0.80 EUR: the master's 10,000 EUR are 12,500 USD, beside which the follower has 5,000."""
    told = replace(spec("EURUSD"), tick_size=Decimal("0.00001"), tick_value=Decimal("0.8"))
    untold = replace(spec("EURUSD"), tick_value=None)
    master = terminal(book(told), currency="EUR")
    decided = decide(case(rules=RATIO, master=master, follower=terminal(book(untold)), intent=intent(lots=Lots("1"))))
    assert [order.lots for order in decided.orders] == [Decimal("0.40")]


@pytest.mark.parametrize(("changes", "code", "step"), DENIALS)
@pytest.mark.parametrize("action", [Action.OPEN, Action.PLACE])
def test_each_step_may_deny(action: Action, changes: dict[str, Any], code: Code, step: str) -> None:
    asked = case(intent(action, lots=changes.get("intent", intent()).lots))
    verdict = decide(replace(asked, **{name: value for name, value in changes.items() if name != "intent"}))
    assert (verdict.outcome, verdict.code, verdict.orders) == (Outcome.DENIED, code, ())
    assert verdict.steps[-1]["step"] == step
    assert verdict.steps[-1]["result"] == code.value


@pytest.mark.parametrize(("changes", "code", "step"), DENIALS)
def test_a_denial_explains_every_step_up_to_itself(changes: dict[str, Any], code: Code, step: str) -> None:
    verdict = decide(replace(case(), **changes))
    assert [taken["step"] for taken in verdict.steps] == STEPS[: STEPS.index(step) + 1]
    assert all(taken["result"] == "ok" for taken in verdict.steps[:-1])


def test_of_several_reasons_the_first_step_speaks() -> None:
    verdict = decide(case(rules=rules(state=SubscriptionState.CLOSE_ONLY), follower=None, occurred_at=NOW.min))
    assert verdict.code is Code.SUBSCRIPTION_CLOSE_ONLY


def test_a_copy_explains_every_step_with_its_inputs_and_outputs() -> None:
    verdict = decide(case(rules=rules(mode=Mode.BALANCE_RATIO, max_lots=Decimal(2), max_open_positions=5)))
    explained = {taken["step"]: taken for taken in verdict.steps}
    assert (verdict.outcome, verdict.code) == (Outcome.COPIED, None)
    assert list(explained) == STEPS
    assert explained["signal_age"] == {"step": "signal_age", "result": "ok", "age_seconds": 1.0, "limit_seconds": 60}
    assert explained["symbol"]["follower"] == "EURUSD"
    assert explained["allocation"] | {"step": "", "result": ""} == {
        "step": "",
        "result": "",
        "mode": "balance_ratio",
        "master_lots": "0.1",
        "multiplier": "1",
        "master_base": "10000",
        "follower_base": "5000",
        "rate": "1",
        "exact": "0.05",
    }
    assert (explained["rounding"]["lots"], explained["rounding"]["max_lots"]) == ("0.05", "2")
    assert explained["guards"]["open_positions_after"] == 1
    assert explained["opening_orders"]["legs"] == ["0.05"]


def test_an_explanation_can_be_stored_as_json_and_holds_no_exponents() -> None:
    asked = case(
        intent(lots=Lots("1")),
        rules=rules(mode=Mode.BALANCE_RATIO, symbol_map={"EURUSD": "EURUSD"}),
        master_funds=Funds("USD", balance=Decimal("100.00")),
        follower_funds=Funds("USD", balance=Decimal(10_000)),
    )
    stored = json.dumps(decide(asked).steps)
    assert '"exact": "100"' in stored
    assert "E+" not in stored


def test_a_signal_exactly_at_the_age_limit_is_still_copied() -> None:
    assert decide(case(occurred_at=NOW - timedelta(seconds=60))).outcome is Outcome.COPIED


def test_an_open_becomes_an_order_with_the_state_it_should_lead_to() -> None:
    asked = case(intent(sl=Price("1.09"), tp=Price("1.12")))
    (order,) = decide(asked).orders
    assert (order.leg, order.action, order.symbol, order.side) == (1, Action.OPEN, "EURUSD", Side.BUY)
    assert (order.lots, order.lots_before, order.lots_after) == (Decimal("0.1"), Decimal(0), Decimal("0.1"))
    assert (order.sl, order.tp) == (Decimal("1.09"), Decimal("1.12"))
    assert order.valid_until == asked.occurred_at + timedelta(seconds=60)


def test_only_a_late_open_or_a_pending_order_expires() -> None:
    assert [order.expiry for order in decide(case()).orders] == [""]
    assert [order.expiry for order in decide(case(intent(Action.PLACE))).orders] == [""]


def test_what_the_wire_refuses_is_a_buy_of_no_lots() -> None:
    assert decide(case(intent(side=None))).orders[0].side is Side.BUY
    assert decide(case(intent(lots=None))).code is Code.BELOW_MINIMUM_LOTS


def test_no_lots_are_too_few_where_the_broker_names_no_minimum() -> None:
    verdict = decide(case(intent(lots=Lots("0.009")), follower=terminal(book(spec(least="0")))))
    assert verdict.code is Code.BELOW_MINIMUM_LOTS


@pytest.mark.parametrize(("multiplier", "code"), [("9.9", None), ("10", Code.ABOVE_MAXIMUM_LOTS)])
def test_lots_that_no_column_holds_are_denied(multiplier: str, code: Code | None) -> None:
    """Ten million is the first number that does not fit."""
    asked = case(
        intent(lots=Lots("1000000")),
        rules=rules(mode=Mode.MIRRORED, multiplier=Decimal(multiplier)),
        follower=terminal(book(spec(most="100000000"))),
    )
    assert decide(asked).code is code


def test_units_of_the_contract_are_those_of_both_symbols() -> None:
    """0.10 lots of 100,000 are 1.00 lots of 10,000."""
    asked = case(
        rules=rules(mode=Mode.CONTRACT_UNITS),
        follower=terminal(book(spec(contract_size=Decimal(10_000)))),
    )
    assert [order.lots for order in decide(asked).orders] == [Decimal(1)]


def test_a_pending_order_is_placed_as_one() -> None:
    placed = intent(Action.PLACE, side=Side.SELL, order_type=OrderType.STOP, expiry="2026-11-24T00:00:00Z")
    (order,) = decide(case(placed)).orders
    assert (order.action, order.order_type, order.side) == (Action.PLACE, OrderType.STOP, Side.SELL)
    assert (order.price, order.expiry) == (Decimal("1.1"), "2026-11-24T00:00:00Z")


def test_prices_of_the_order_lie_on_the_followers_grid() -> None:
    gold = terminal(book(spec("GOLD", digits=2, tick_size=Decimal("0.05"))))
    asked = case(intent(symbol="XAUUSD", price=Price("4210.13"), sl=Price("4199.99")), follower=gold)
    (order,) = decide(asked).orders
    assert (order.symbol, order.price, order.sl, order.tp) == ("GOLD", Decimal("4210.15"), Decimal("4200.00"), None)


def test_max_lots_reduce_what_is_copied() -> None:
    (order,) = decide(case(rules=rules(max_lots=Decimal("0.035")))).orders
    assert order.lots == Decimal("0.03")


def test_lots_above_the_brokers_maximum_become_several_legs() -> None:
    verdict = decide(case(intent(lots=Lots("2.5")), follower=terminal(book(spec(most="1")))))
    assert [(order.leg, order.lots) for order in verdict.orders] == [(1, 1), (2, 1), (3, Decimal("0.5"))]


def test_the_wanted_affixes_of_the_subscription_choose_the_symbol() -> None:
    follower = terminal(book(spec("EURUSD"), spec("EURUSD.pro")))
    verdict = decide(case(follower=follower, rules=rules(suffix=".pro")))
    assert verdict.orders[0].symbol == "EURUSD.pro"


@pytest.mark.parametrize("state", CopyState)
def test_a_position_copied_before_is_not_copied_again(state: CopyState) -> None:
    verdict = decide(case(legs=[leg(state=state)]))
    assert (verdict.outcome, verdict.code, verdict.orders) == (Outcome.NOOP, Code.ALREADY_COPIED, ())


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(
    ("lots", "side", "grown"),
    [
        ("0.10", Side.BUY, False),
        ("0.09", Side.BUY, False),
        ("0.11", Side.BUY, True),
        ("0.10", Side.SELL, True),
    ],
)
def test_more_of_a_position_or_its_other_side_tells_of_an_account_that_nets(
    reverse: bool, lots: str, side: Side, grown: bool
) -> None:
    copied = leg(master_lots=Decimal("0.10"), side=Side.SELL if reverse else Side.BUY, reverse=reverse)
    asked = intent(lots=Lots(lots), side=side)
    expected = Code.MASTER_NETTING_UNSUPPORTED if grown else Code.ALREADY_COPIED
    assert decide(case(asked, legs=[copied])).code is expected
    ended = replace(copied, state=CopyState.CLOSED)
    assert decide(case(asked, legs=[ended])).code is Code.ALREADY_COPIED
    # What stands in for an order of theirs names no lots of the master's, the order does.
    instead = replace(copied, leg=2, master_lots=Decimal(0))
    assert decide(case(asked, legs=[ended, instead])).code is expected
    for unknown in (None, Decimal(0)):
        older = replace(copied, master_lots=unknown)
        assert decide(case(intent(lots=Lots("9")), legs=[replace(older, side=Side.BUY, reverse=False)])).code is (
            Code.ALREADY_COPIED
        )


@given(
    st.decimals(min_value="0.01", max_value=100, places=2),
    st.decimals(min_value="0.01", max_value=10, places=2),
    st.sampled_from(["0.01", "0.1", "1"]),
)
def test_what_is_ordered_is_never_more_than_was_allocated(lots: Decimal, multiplier: Decimal, step: str) -> None:
    asked = case(
        intent(lots=Lots(lots)),
        rules=rules(multiplier=multiplier),
        follower=terminal(book(spec(least=step, step=step))),
    )
    verdict = decide(asked)
    ordered = sum(order.lots for order in verdict.orders)
    assert ordered <= lots * multiplier
    assert (verdict.code is Code.BELOW_MINIMUM_LOTS) == (lots * multiplier < Decimal(step))
