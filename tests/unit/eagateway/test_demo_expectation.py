"""What the demo expects of its followers' books, against figures worked out by hand."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from eagateway_sdk.paper.recording import AccountInfo, BrokenRecording, Event, Recording, SymbolInfo

from eagateway.demo.cast import FIXED, RATIO, Copying, Part, part, with_extras
from eagateway.demo.expectation import Clock, Expected, Told, expect, positions

SPEC = SymbolInfo(5, Decimal(100000), Decimal("0.10"), Decimal("0.01"), Decimal(5))
ACCOUNT = AccountInfo("USD", 2, 100, None, "UTC", {"eurusd": SPEC, "gold": replace(SPEC, digits=2)})
SAME = Copying()
TRIPLE = Copying(RATIO, master_base=Decimal(1000), follower_base=Decimal(3000))


def event(ev: str, ticket: int = 1, **fields: Any) -> Event:
    levels: dict[str, Any] = {
        name: Decimal(fields.pop(name)) for name in ("lots", "sl", "tp", "price") if name in fields
    }
    kind = {"open": "buy", "place": "sell limit", "activate": "sell"}.get(ev, "")
    return Event(line=1, t="2020.01.01 00:00:00", ev=ev, ticket=ticket, type=kind, **levels, **fields)


def opened(lots: str = "1.00", symbol: str = "eurusd", **fields: Any) -> Event:
    return event("open", lots=lots, symbol=symbol, price="1.1", **fields)


def follower(copying: Copying = SAME, **rename: str) -> Part:
    return part("one", "Demo:1", Decimal(1), rename, copying)


def copy(events: list[Event], copying: Copying = SAME, *, clock: Clock | None = None, at: float = 0.0) -> Expected:
    """What is expected of the first position, all events told at one moment."""
    masters = positions(Told(one, at) for one in events)
    return expect(follower(copying), ACCOUNT, masters, clock or Clock())[1]


def sizes(expected: Expected) -> list[str]:
    return [str(state.lots) for state in expected.states]


@pytest.mark.parametrize(
    ("copying", "master", "lots"),
    [
        (SAME, "0.37", "0.37"),
        (TRIPLE, "0.37", "1.11"),
        (Copying(RATIO, master_base=Decimal(3), follower_base=Decimal(2)), "0.20", "0.13"),  # 0.1333 down
        (Copying(FIXED, lots=Decimal("0.15")), "4.00", "0.15"),
        (replace(TRIPLE, max_lots=Decimal("1.005")), "0.37", "1.00"),
    ],
)
def test_the_lots_of_a_copy(copying: Copying, master: str, lots: str) -> None:
    expected = copy([opened(master)], copying)
    assert sizes(expected) == [lots]
    assert expected.cut is (copying.max_lots is not None)


@pytest.mark.parametrize(
    ("copying", "master", "why"),
    [
        (SAME, "0.09", "0.09 lots cannot be ordered"),
        (SAME, "101.00", "101 lots cannot be ordered"),  # 21 orders of 5
        (replace(SAME, lacks=frozenset({"eurusd"})), "1.00", "has no eurusd"),
    ],
)
def test_what_is_not_copied_says_why(copying: Copying, master: str, why: str) -> None:
    expected = copy([opened(master)], copying)
    assert expected.states == ()
    assert why in expected.why


def test_lots_above_the_maximum_become_the_fewest_orders() -> None:
    assert copy([opened("5.00")]).legs == 1
    assert copy([opened("12.50")]).legs == 3


def test_what_is_left_after_each_part_follows_from_the_lots_at_the_open() -> None:
    parts = [
        event("partial_close", 1, lots="0.33", new_ticket=2),
        event("partial_close", 2, lots="0.33", new_ticket=3),
        event("partial_close", 3, lots="0.33", new_ticket=4),
        event("close", 4, lots="0.01"),
    ]
    # 0.25 x 0.67 = 0.1675, 0.25 x 0.34 = 0.085: the minimum stands as long as the master has anything.
    assert sizes(copy([opened(), *parts], Copying(FIXED, lots=Decimal("0.25")))) == [
        "0.25",
        "0.16",
        "0.10",
        "0.10",
        "0",
    ]


def test_an_event_that_is_told_twice_counts_once() -> None:
    part = event("partial_close", 1, lots="0.50", new_ticket=2)
    close = event("close", 2, lots="0.50")
    assert sizes(copy([opened(), opened(), part, part, close, close])) == ["1.00", "0.50", "0"]


def test_stops_and_names_are_those_of_the_followers_broker() -> None:
    events = [opened(symbol="gold", sl="1.005", tp="0"), event("modify", sl="2.344", tp="9")]
    expected = expect(follower(gold="GOLD.r"), ACCOUNT, positions(Told(one, 0) for one in events), Clock())[1]
    assert (expected.symbol, expected.side) == ("GOLD.r", "buy")
    assert [(one.sl, one.tp) for one in expected.states] == [
        (Decimal("1.01"), Decimal(0)),
        (Decimal("2.34"), Decimal(9)),
    ]


def test_a_pending_order_works_until_it_is_activated_or_cancelled() -> None:
    placed = event("place", lots="1", symbol="eurusd", price="1.2")
    filled = copy([placed, event("activate", lots="1", symbol="eurusd", price="1.2", sl="1.3")])
    assert [(one.working, one.sl) for one in filled.states] == [(True, Decimal(0)), (False, Decimal("1.3"))]
    cancelled = copy([placed, event("cancel")])
    assert [(one.working, str(one.lots)) for one in cancelled.states] == [(True, "1.00"), (True, "0")]


@pytest.mark.parametrize(
    ("age", "certain", "states"),
    [(10, True, 1), (55, False, 1), (59, False, 1), (61, True, 0)],
)
def test_a_backlog_is_copied_as_far_as_it_is_young_enough(age: float, certain: bool, states: int) -> None:
    """The approval took 3 seconds, and orders took 2: between them the clock decides."""
    expected = copy([opened()], clock=Clock(lag=2.0, approved=(1000.0, 1003.0)), at=1000.0 - age)
    assert (expected.certain, len(expected.states)) == (certain, states)
    assert ("61 s old" in expected.why) is (age == 61)


def test_what_came_before_the_approval_reaches_its_follower_with_it() -> None:
    expected = copy([opened()], clock=Clock(approved=(30.0, 31.0)), at=5.0)
    assert [one.at for one in expected.states] == [31.0]


# The cast ----------------------------------------------------------------------------------------------------------


def recorded(tmp_path: Any, cast: str | None) -> Recording:
    if cast is not None:
        (tmp_path / "cast.json").write_text(cast)
    return Recording("one", ACCOUNT, tmp_path / "stream.jsonl")


def test_a_recording_may_say_what_a_followers_broker_lacks_and_where_he_is_cut(tmp_path: Any) -> None:
    recording = recorded(tmp_path, '{"one": {"lacks": ["gold"], "max_lots": "2.5"}}')
    (changed,) = with_extras([follower()], recording)
    assert changed.copying == Copying(max_lots=Decimal("2.5"), lacks=frozenset({"gold"}))
    assert set(changed.listed(ACCOUNT).symbols) == {"eurusd"}


def test_a_recording_without_a_cast_changes_nobody(tmp_path: Any) -> None:
    one = follower()
    assert with_extras([one], recorded(tmp_path, None)) == [one]


@pytest.mark.parametrize(
    "cast",
    [
        "{",
        "[]",
        '{"two": {}}',
        '{"one": []}',
        '{"one": {"lots": "1"}}',
        '{"one": {"lacks": ["silver"]}}',
        '{"one": {"lacks": "gold"}}',
        '{"one": {"max_lots": 2.5}}',
        '{"one": {"max_lots": "much"}}',
        '{"one": {"max_lots": "NaN"}}',
        '{"one": {"max_lots": "0"}}',
    ],
)
def test_a_wrong_cast_breaks_the_recording(tmp_path: Any, cast: str) -> None:
    with pytest.raises(BrokenRecording, match=r"cast\.json"):
        with_extras([follower()], recorded(tmp_path, cast))
