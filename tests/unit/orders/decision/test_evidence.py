"""What a decision says that it looked at: the last step of each denial, and of what needs nothing."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from orders.domain.copies.positions import PositionState
from orders.domain.decision.filters import read_filters
from orders.domain.decision.inputs import Case, Draft, Outcome
from orders.domain.decision.pipeline import decide
from orders.domain.decision.settings import LatePolicy, MinLotsPolicy
from orders.domain.risk.limits import Exposure
from orders.domain.sizing.modes import Funds, Mode
from orders.domain.states.copies import CopyState
from orders.domain.states.denials import Code, Denied
from orders.domain.states.subscriptions import SubscriptionState
from orders.domain.wire.intents import Action, OrderType, Side
from sessions_app.domain.decimals import Lots
from tests.unit.builders import NOW, book, case, intent, leg, position, rules, spec, terminal

TOO_OLD = NOW - timedelta(seconds=61.23456)
LATE = rules(late_policy=LatePolicy.PENDING_AT_MASTER_PRICE, late_seconds=1)
COARSE = terminal(book(spec(least="0.10", step="0.10")))
FORCED = rules(min_lots_policy=MinLotsPolicy.FORCE_MIN, max_risk_multiple=Decimal("1.5"))
RATIO = rules(mode=Mode.BALANCE_RATIO)
OLD = NOW - timedelta(seconds=31)
ROUNDED = {"exact": "0.1", "max_lots": None, "lots_step": "0.01", "lots_min": "0.2", "lots": "0.1"}
CASES: list[tuple[Case, str, dict[str, Any]]] = [
    (case(rules=rules(state=SubscriptionState.OFF)), "subscription_close_only", {"state": "off"}),
    (case(position=position(state=PositionState.CLOSED)), "already_closed", {"position_id": 1}),
    (case(legs=[leg("0", state=CopyState.CLOSED, tombstoned=True)]), "tombstoned", {"position_id": 1}),
    (case(legs=[leg()]), "already_copied", {"position_id": 1}),
    (case(intent(magic=0x5A000001), own_copies={1}), "copy_not_relayed", {"magic": 0x5A000001, "relay_copies": False}),
    (case(occurred_at=TOO_OLD), "signal_too_old", {"age_seconds": 61.235, "limit_seconds": 60}),
    (
        case(occurred_at=TOO_OLD, rules=LATE),
        "signal_too_old",
        {
            "age_seconds": 61.235,
            "limit_seconds": 60,
            "late_policy": "pending_at_master_price",
            "pending_until": "2026-11-23T03:59:59.765Z",
        },
    ),
    (
        case(intent(symbol="FOO"), follower=terminal(book(*(spec(f"FOO.{n}") for n in "fedzba")))),
        "symbol_not_found",
        {"symbol": "FOO", "suggestions": ["FOO.a", "FOO.b", "FOO.d", "FOO.e", "FOO.f"]},
    ),
    (
        case(follower=terminal(book(spec("Eurusd"), spec("eurUSD")))),
        "symbol_ambiguous",
        {"symbol": "EURUSD", "suggestions": ["Eurusd", "eurUSD"]},
    ),
    (
        case(rules=rules(symbol_map={"EURUSD": "EU"})),
        "symbol_not_found",
        {"symbol": "EU", "suggestions": []},
    ),
    (
        case(rules=rules(mode=Mode.FIXED_LOTS)),
        "allocation_data_missing",
        {"missing": "lots of the subscription"},
    ),
    (case(rules=RATIO, master_funds=Funds("USD")), "allocation_data_missing", {"missing": "balance of the master"}),
    (
        case(rules=RATIO, follower_funds=Funds("USD", balance=Decimal(0))),
        "allocation_data_missing",
        {"missing": "balance of the follower"},
    ),
    (case(rules=RATIO, master=terminal(currency="EUR")), "allocation_data_missing", {"missing": "rate USD to USD"}),
    (
        case(rules=RATIO, follower_funds=Funds("USD", balance=Decimal(5_000), as_of=OLD)),
        "allocation_data_stale",
        {"stale": "balance of the follower", "as_of": OLD.isoformat()},
    ),
    (case(follower=terminal(book(spec(least="0.2")))), "below_minimum_lots", ROUNDED),
    (
        case(intent(lots=Lots("0.05")), follower=COARSE, rules=FORCED),
        "below_minimum_lots",
        {
            "exact": "0.05",
            "max_lots": None,
            "lots_step": "0.1",
            "lots_min": "0.1",
            "lots": "0",
            "max_risk_multiple": "1.5",
        },
    ),
    (
        case(rules=rules(max_open_positions=3), exposure=Exposure(open_positions=3)),
        "max_open_positions",
        {"after": 4, "limit": 3},
    ),
    (
        case(exposure=Exposure(next_copy_no=0xFFFFFF)),
        "copy_numbers_exhausted",
        {"next_copy_no": 0xFFFFFF, "limit": 0xFFFFFF},
    ),
    (
        case(intent(lots=Lots("50")), follower=terminal(book(spec(most="2")))),
        "above_maximum_lots",
        {"lots": "50", "lots_max": "2", "legs_allowed": 20},
    ),
    (case(intent(Action.CLOSE)), "not_copied", {"position_id": 1}),
    (case(intent(Action.CLOSE), legs=[leg("0", state=CopyState.CLOSED)]), "copy_gone", {"position_id": 1}),
    (
        case(intent(Action.ACTIVATE), legs=[leg(state=CopyState.WORKING, order_type=OrderType.LIMIT)]),
        "fills_at_own_broker",
        {"position_id": 1, "waiting_legs": [1], "wait_seconds": 5},
    ),
    (
        case(intent(Action.PARTIAL_CLOSE), legs=[leg("0.01")]),
        "partial_close_deferred",
        {"exact": "0.005", "lots": "0.01"},
    ),
    (
        case(intent(Action.PARTIAL_CLOSE), legs=[leg(state=CopyState.WORKING, order_type=OrderType.LIMIT)]),
        "copy_still_working",
        {"lots_after": ["0.05"], "when_filled": [1]},
    ),
]


@pytest.mark.parametrize(("asked", "code", "evidence"), CASES)
def test_the_last_step_says_what_it_looked_at(asked: Case, code: str, evidence: dict[str, Any]) -> None:
    last = dict(decide(asked).steps[-1])
    del last["step"]
    assert last == {"result": code, **evidence}


FILTERS: list[tuple[dict[str, Any], dict[str, Any], str, dict[str, Any]]] = [
    ({"symbols_deny": ["GBP*", "EUR*"]}, {}, "filtered_symbol", {"symbol": "EURUSD", "denied_by": "EUR*"}),
    (
        {"symbols_allow": [f"X{n}" for n in range(12)]},
        {},
        "filtered_symbol",
        {"symbol": "EURUSD", "allowed": [f"X{n}" for n in range(10)]},
    ),
    (
        {"comments_deny": ["*test*"]},
        {"comment": "a test"},
        "filtered_comment",
        {"comment": "a test", "denied_by": "*test*"},
    ),
    ({"sides": ["sell"]}, {}, "filtered_side", {"side": Side.BUY, "allowed": ["sell"]}),
    ({"order_types": ["limit"]}, {}, "filtered_order_type", {"order_type": OrderType.MARKET, "allowed": ["limit"]}),
    ({"magics_deny": ["100..199"]}, {"magic": 150}, "filtered_magic", {"magic": 150}),
    ({"magics_allow": ["7"]}, {"magic": 8}, "filtered_magic", {"magic": 8}),
    (
        {"lots_least": "0.01"},
        {"lots": None},
        "filtered_lots",
        {"master_lots": "0", "lots_least": "0.01", "lots_most": None},
    ),
    (
        {"hours": [{"days": ["tue"]}], "time_zone": "Asia/Tokyo"},
        {},
        "outside_trading_hours",
        {"local_time": "Mon 12:59:59", "time_zone": "Asia/Tokyo"},
    ),
]


@pytest.mark.parametrize(("content", "order", "code", "evidence"), FILTERS)
def test_a_filter_that_refuses_says_what_it_looked_at(
    content: dict[str, Any], order: dict[str, Any], code: str, evidence: dict[str, Any]
) -> None:
    last = decide(case(intent(**order), rules=rules(filters=read_filters(content)))).steps[-1]
    assert last == {"step": "filters", "result": code, **evidence}


def test_filters_that_cannot_be_read_let_nothing_through_and_stop_nothing_else() -> None:
    assert decide(case(rules=rules(filters=None))).code is Code.FILTERS_UNREADABLE
    closed = decide(case(intent(Action.CLOSE), legs=[leg()], rules=rules(filters=None)))
    assert closed.outcome is Outcome.COPIED


def test_an_order_that_is_relayed_says_that_it_is_a_copy_and_another_one_only_its_magic_number() -> None:
    steps = [
        next(
            step
            for step in decide(case(intent(magic=magic), rules=rules(relay_copies=True), own_copies={1})).steps
            if step["step"] == "origin"
        )
        for magic in (0x5A000001, 7)
    ]
    assert steps == [
        {"step": "origin", "result": "ok", "magic": 0x5A000001, "relay_copies": True},
        {"step": "origin", "result": "ok", "magic": 7},
    ]


def test_a_forced_minimum_says_so() -> None:
    verdict = decide(case(intent(lots=Lots("0.08")), follower=COARSE, rules=FORCED))
    (rounding,) = [step for step in verdict.steps if step["step"] == "rounding"]
    assert (rounding["exact"], rounding["lots"], rounding["forced_minimum"]) == ("0.08", "0.1", True)


def test_figures_that_cannot_be_reckoned_with_deny_one_follower_and_stop_no_trade() -> None:
    absurd = rules(mode=Mode.MIRRORED, multiplier=Decimal("9e999999"))
    verdict = decide(case(intent(lots=Lots("50")), rules=absurd))
    assert (verdict.outcome, verdict.code, verdict.orders) == (Outcome.DENIED, Code.ALLOCATION_DATA_MISSING, ())
    assert verdict.steps[-1] == {"step": "allocation", "result": "allocation_data_missing", "fault": "Overflow"}


def test_a_step_that_needs_the_followers_symbol_denies_without_one() -> None:
    with pytest.raises(Denied) as denied:
        _ = Draft().known_spec
    assert denied.value.code is Code.SYMBOL_NOT_FOUND
