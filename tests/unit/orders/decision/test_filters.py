"""Which of a master's trades are copied at all."""

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fnmatch import translate
from re import IGNORECASE, match
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.domain.decision.filters import NO_FILTERS, FilterMistake, check_filters, matches, read_filters
from orders.domain.decision.inputs import Outcome
from orders.domain.decision.pipeline import decide
from orders.domain.decision.symbols import NO_AFFIXES, Affixes
from orders.domain.states.denials import Code, Denied
from orders.domain.wire.intents import ADDS_EXPOSURE, Action, OrderType, Side
from sessions_app.domain.decimals import Lots, Price
from tests.unit.builders import NOW, case, intent, leg, rules, terminal

MONDAY = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def refused(content: dict[str, Any], *, at: datetime = MONDAY, affixes: Affixes = NO_AFFIXES, **order: Any) -> str:
    """The code of what these filters say to an order; empty if they let it through."""
    action = Action.PLACE if order.get("order_type", OrderType.MARKET) is not OrderType.MARKET else Action.OPEN
    try:
        check_filters(read_filters(content), intent(action, **order), occurred_at=at, affixes=affixes)
    except Denied as no:
        return no.code.value
    return ""


@pytest.mark.parametrize(
    ("content", "order", "code"),
    [
        ({}, {}, ""),
        ({"symbols_allow": ["EURUSD", "XAU*"]}, {}, ""),
        ({"symbols_allow": ["XAU*"]}, {}, "filtered_symbol"),
        ({"symbols_allow": ["eur*"], "symbols_deny": ["*USD"]}, {}, "filtered_symbol"),
        ({"symbols_deny": ["GBP*"]}, {}, ""),
        ({"sides": ["sell"]}, {}, "filtered_side"),
        ({"sides": ["buy", "sell"]}, {"side": Side.SELL}, ""),
        ({"order_types": ["market"]}, {"order_type": OrderType.STOP}, "filtered_order_type"),
        ({"order_types": ["limit", "stop"]}, {"order_type": OrderType.STOP}, ""),
        ({"magics_allow": ["7", "100..199"]}, {"magic": 7}, ""),
        ({"magics_allow": ["7", "100..199"]}, {"magic": 199}, ""),
        ({"magics_allow": ["7", "100..199"]}, {"magic": 200}, "filtered_magic"),
        ({"magics_allow": ["7"]}, {}, "filtered_magic"),
        ({"magics_allow": ["0"]}, {}, ""),
        ({"magics_allow": ["-5..500"], "magics_deny": ["100..199"]}, {"magic": 150}, "filtered_magic"),
        ({"magics_deny": ["100..199"]}, {"magic": 150}, "filtered_magic"),
        ({"magics_deny": ["100..199"]}, {"magic": 200}, ""),
        ({"comments_allow": ["scalp-?"]}, {"comment": "Scalp-1"}, ""),
        ({"comments_allow": ["scalp-?"]}, {}, "filtered_comment"),
        ({"comments_deny": ["*test*"]}, {"comment": "a TEST order"}, "filtered_comment"),
        ({"lots_least": "0.10", "lots_most": "0.10"}, {}, ""),
        ({"lots_least": "0.11"}, {}, "filtered_lots"),
        ({"lots_most": "0.09"}, {}, "filtered_lots"),
        ({"sl_required": True}, {}, "stop_loss_required"),
        ({"sl_required": True}, {"sl": Price("0")}, "stop_loss_required"),
        ({"sl_required": True, "tp_required": True}, {"sl": Price("1.09")}, "take_profit_required"),
        ({"sl_required": True, "tp_required": True}, {"sl": Price("1.09"), "tp": Price("1.2")}, ""),
    ],
)
def test_each_filter_lets_through_and_refuses(content: dict[str, Any], order: dict[str, Any], code: str) -> None:
    assert refused(content, **order) == code


def test_a_symbol_fits_with_and_without_the_affixes_of_the_masters_broker() -> None:
    around = Affixes("m.", "i")
    assert refused({"symbols_allow": ["EURUSD"]}, symbol="m.EURUSDi", affixes=around) == ""
    assert refused({"symbols_deny": ["m.*"]}, symbol="m.EURUSDi", affixes=around) == "filtered_symbol"


# Trading hours -------------------------------------------------------------------------------------------------------


def hours(*windows: dict[str, Any], zone: str = "UTC") -> dict[str, Any]:
    return {"hours": list(windows), "time_zone": zone}


@pytest.mark.parametrize(
    ("window", "at", "inside"),
    [
        ({"since": "08:00", "until": "17:30"}, "2026-11-23T08:00:00", True),
        ({"since": "08:00", "until": "17:30"}, "2026-11-23T17:29:59", True),
        ({"since": "08:00", "until": "17:30"}, "2026-11-23T17:30:00", False),
        ({"since": "08:00", "until": "17:30", "days": ["tue"]}, "2026-11-23T12:00:00", False),
        ({"days": ["mon"]}, "2026-11-23T23:59:59", True),
        ({"days": ["mon"]}, "2026-11-24T00:00:00", False),
        ({"since": "22:00", "until": "06:00", "days": ["mon"]}, "2026-11-23T23:00:00", True),
        ({"since": "22:00", "until": "06:00", "days": ["mon"]}, "2026-11-24T05:59:00", True),
        ({"since": "22:00", "until": "06:00", "days": ["mon"]}, "2026-11-23T05:00:00", False),
        ({"since": "22:00", "until": "06:00", "days": ["sun"]}, "2026-11-23T05:00:00", True),
        ({"since": "22:00", "until": "06:00", "days": ["mon"]}, "2026-11-23T22:00:00", True),
        ({"since": "22:00", "until": "06:00", "days": ["mon"]}, "2026-11-24T06:00:00", False),
        ({"since": "22:00", "until": "06:00", "days": ["mon"]}, "2026-11-24T23:00:00", False),
    ],
)
def test_a_window_names_the_days_that_it_begins_on(window: dict[str, Any], at: str, inside: bool) -> None:
    code = refused(hours(window), at=datetime.fromisoformat(at).replace(tzinfo=UTC))
    assert code == ("" if inside else "outside_trading_hours")


def test_it_is_enough_to_be_inside_one_window() -> None:
    morning, evening = {"since": "08:00", "until": "10:00"}, {"since": "11:00", "until": "13:00"}
    assert refused(hours(morning, evening)) == ""
    assert refused(hours(morning, evening), at=MONDAY - timedelta(minutes=90)) == "outside_trading_hours"


@pytest.mark.parametrize(
    ("at", "inside"),
    [
        ("2026-03-27T08:30:00", True),  # 09:30 in Berlin, winter
        ("2026-03-30T08:30:00", False),  # 10:30, summer
        ("2026-03-30T07:30:00", True),
        ("2026-10-26T07:30:00", False),  # 08:30, winter again
    ],
)
def test_hours_are_those_of_the_zone_in_summer_and_in_winter(at: str, inside: bool) -> None:
    content = hours({"since": "09:00", "until": "10:00"}, zone="Europe/Berlin")
    assert (refused(content, at=datetime.fromisoformat(at).replace(tzinfo=UTC)) == "") is inside


def test_the_hour_that_the_end_of_summer_time_repeats_is_inside_twice() -> None:
    content = hours({"since": "01:00", "until": "02:00"}, zone="America/New_York")
    first = datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
    assert [refused(content, at=first + timedelta(hours=more)) for more in (0, 1, 2)] == [
        "",
        "",
        "outside_trading_hours",
    ]


def test_an_hour_that_summer_time_skips_never_comes() -> None:
    content = hours({"since": "02:00", "until": "03:00", "days": ["sun"]}, zone="Europe/Berlin")
    midnight = datetime(2026, 3, 29, tzinfo=UTC)
    minutes = [midnight + timedelta(minutes=minute) for minute in range(180)]
    assert {refused(content, at=at) for at in minutes} == {"outside_trading_hours"}


@given(
    st.integers(0, 10 * 365 * 24 * 60).map(
        lambda minutes: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    )
)
def test_a_window_and_the_one_that_completes_its_day_never_agree(at: datetime) -> None:
    zone = "Australia/Lord_Howe"  # half an hour of summer time
    day, night = {"since": "07:15", "until": "19:45"}, {"since": "19:45", "until": "07:15"}
    inside = [refused(hours(window, zone=zone), at=at) == "" for window in (day, night)]
    assert sorted(inside) == [False, True]
    assert inside[0] == ("07:15" <= at.astimezone(ZoneInfo(zone)).strftime("%H:%M") < "19:45")


# What is no filter ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "path", "message"),
    [
        ({"symbol_allow": []}, "", "unknown field"),
        ({"sides": ["long"]}, "sides[0]", "long"),
        ({"symbols_allow": [""]}, "symbols_allow[0]", "length"),
        ({"hours": [{"since": "8:00"}]}, "hours[0].since", "matching regex"),
        ({"hours": [{"since": "08:00", "until": "08:00"}]}, "hours[0]", "beginning"),
        ({"hours": [{"since": "24:00", "until": "08:00"}]}, "hours[0]", "beginning"),
        ({"time_zone": "Europe/Nowhere"}, "time_zone", "IANA"),
        ({"time_zone": "../../etc/passwd"}, "time_zone", "IANA"),
        ({"time_zone": "/etc/localtime"}, "time_zone", "IANA"),
        ({"time_zone": ""}, "time_zone", "IANA"),
        ({"lots_least": "2", "lots_most": "1"}, "lots_least", "lots_most"),
        ({"lots_least": 0.1}, "lots_least", "string"),
        ({"magics_allow": [7]}, "magics_allow[0]", "str"),
        ({"magics_allow": ["1-7"]}, "magics_allow[0]", "matching regex"),
        ({"magics_deny": ["3", "9..1"]}, "magics_deny[1]", "low to high"),
    ],
)
def test_a_mistake_names_its_place(content: dict[str, Any], path: str, message: str) -> None:
    with pytest.raises(FilterMistake) as mistake:
        read_filters(content)
    assert mistake.value.path == path
    assert message in str(mistake.value)


def test_no_filters_are_nothing_to_look_at() -> None:
    assert read_filters({}) is NO_FILTERS
    assert check_filters(NO_FILTERS, intent(), occurred_at=NOW) == {"filters": 0}


# Patterns ------------------------------------------------------------------------------------------------------------

LETTERS = st.text(alphabet="abAB", max_size=8)


@given(st.lists(st.sampled_from(["a", "b", "A", "*", "?"]), max_size=8).map("".join), LETTERS)
def test_a_pattern_means_what_a_shell_means_by_it(pattern: str, text: str) -> None:
    assert matches(pattern, text) == (match(translate(pattern), text, IGNORECASE) is not None)


def test_only_stars_and_question_marks_are_special() -> None:
    assert matches("[abc](.+)$", "[ABC](.+)$")
    assert not matches("[abc]", "a")


def test_no_pattern_is_slow() -> None:
    began = time.process_time()  # whatever else the machine does
    assert not matches("*a" * 32, "a" * 63 + "b")
    assert time.process_time() - began < 0.5


# In the decision -----------------------------------------------------------------------------------------------------


def test_a_decision_filters_by_the_plain_name_at_the_masters_broker() -> None:
    allowed = rules(filters=read_filters({"symbols_allow": ["EURUSD"]}))
    around = terminal(affixes=Affixes("m.", "i"))
    verdict = decide(case(intent(symbol="m.EURUSDi"), rules=allowed, master=around))
    assert next(step["result"] for step in verdict.steps if step["step"] == "filters") == "ok"
    other = decide(
        case(intent(symbol="m.US30i"), rules=rules(filters=read_filters({"symbols_allow": ["US30"]})), master=around)
    )
    assert next(step["result"] for step in other.steps if step["step"] == "filters") == "ok"


def test_a_filter_denies_with_its_own_code_and_what_it_looked_at() -> None:
    verdict = decide(case(intent(lots=Lots("3")), rules=rules(filters=read_filters({"lots_most": "2"}))))
    assert (verdict.outcome, verdict.code) == (Outcome.DENIED, Code.FILTERED_LOTS)
    assert verdict.steps[-1] == {
        "step": "filters",
        "result": "filtered_lots",
        "master_lots": "3",
        "lots_least": None,
        "lots_most": "2",
    }


def test_what_the_filters_looked_at_is_kept_when_they_let_it_through() -> None:
    content = {"symbols_deny": ["XAU*"], "hours": [{"days": ["mon"]}], "lots_least": "0.01"}
    steps = {step["step"]: step for step in decide(case(rules=rules(filters=read_filters(content)))).steps}
    assert steps["filters"]["local_time"] == "Mon 03:59:59"
    assert (steps["filters"]["symbol"], steps["filters"]["lots_least"]) == ("EURUSD", "0.01")


@pytest.mark.parametrize("action", sorted(set(Action) - ADDS_EXPOSURE))
def test_filters_never_touch_what_follows_a_copy(action: Action) -> None:
    closed = read_filters({"symbols_deny": ["*"], "sides": ["sell"], "sl_required": True, "lots_least": "99"})
    plain = decide(case(intent(action), legs=[leg()]))
    filtered = decide(case(intent(action), legs=[leg()], rules=rules(filters=closed)))
    assert (filtered.outcome, filtered.code, filtered.orders) == (plain.outcome, plain.code, plain.orders)
    assert Decimal(0) in [order.lots_after for order in filtered.orders] or action not in (Action.CLOSE, Action.CANCEL)
