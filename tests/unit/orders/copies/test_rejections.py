"""What brokers' refusals mean, and when each is tried again: the table of docs/copying.md."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import pytest

from orders.domain.copies.rejections import (
    MAX_OPENINGS,
    Rejection,
    classify,
    may_have_happened,
    pause_before_closing,
    pause_before_moving,
    pause_before_opening,
)

# The names are those of the platforms' own manuals.
MT4: Final[Mapping[str, Mapping[int, str]]] = {
    "price": {129: "invalid price", 135: "price changed", 136: "off quotes", 138: "requote"},
    "busy": {
        4: "trade server busy",
        6: "no connection",
        8: "too frequent requests",
        137: "broker busy",
        141: "too many requests",
        145: "too close to the market",
        146: "trade context busy",
    },
    "stops": {130: "invalid stops"},
    "money": {134: "not enough money"},
    "market_closed": {132: "market closed", 133: "trade disabled"},
    "lots": {131: "invalid volume"},
    "expiry": {147: "expirations denied"},
    "unknown": {128: "time out", 142: "order accepted", 143: "order in process"},
    "other": {1: "no error, result unknown", 2: "common error", 64: "account disabled", 139: "locked", 148: "too many"},
}
MT5: Final[Mapping[str, Mapping[int, str]]] = {
    "price": {10004: "requote", 10015: "invalid price", 10020: "price changed", 10021: "no quotes"},
    "busy": {10024: "too many requests", 10028: "locked", 10029: "frozen", 10031: "no connection"},
    "stops": {10016: "invalid stops"},
    "money": {10019: "not enough money"},
    "market_closed": {10017: "trade disabled", 10018: "market closed"},
    "lots": {10014: "invalid volume"},
    "expiry": {10022: "invalid expiration"},
    "unknown": {10012: "time out"},
    "other": {10006: "rejected", 10013: "invalid request", 10030: "invalid filling", 10036: "position closed"},
}
NUMBERS: Final = {number: name for table in (MT4, MT5) for name, numbers in table.items() for number in numbers}
# Seconds before the second, third ... try.
GROWING: Final = [1, 2, 5, 15, 30, 60, 60, 60]
MINUTES: Final = [60] * 8
CLOSES: Final = {
    "price": GROWING, "busy": GROWING, "stops": GROWING, "lots": GROWING, "expiry": GROWING, "unknown": GROWING,
    "money": MINUTES, "market_closed": [15, *MINUTES[1:]], "other": MINUTES,
}  # fmt: skip
STOPS: Final = CLOSES | {"stops": [15] * 8}
OPENS: Final[Mapping[str, list[int | None]]] = {
    "price": [0, 0, None, None],
    "busy": [1, 2, None, None],
    # Without what it was refused for it may be ordered beyond the third time: converge knows whether it is that.
    "stops": [0] * 4,
    "expiry": [0] * 4,
    "money": [None] * 4,
    "market_closed": [None] * 4,
    "lots": [None] * 4,
    "unknown": [None] * 4,
    "other": [None] * 4,
}


@pytest.mark.parametrize("number", NUMBERS)
def test_an_error_number_has_the_class_of_the_document(number: int) -> None:
    assert classify(number) == NUMBERS[number]


def test_no_other_number_has_a_class() -> None:
    known = {number for number in [*range(-1, 200), *range(9_990, 10_060)] if classify(number) is not Rejection.OTHER}
    assert known == {number for number, name in NUMBERS.items() if name != "other"}


def test_a_refusal_without_a_number_is_of_no_known_class() -> None:
    assert classify(None) is Rejection.OTHER


@pytest.mark.parametrize("number", NUMBERS)
def test_only_a_number_that_says_nothing_of_the_outcome_leaves_it_open(number: int) -> None:
    assert may_have_happened(number) is (NUMBERS[number] == "unknown")
    assert may_have_happened(None) is False


@pytest.mark.parametrize("rejection", Rejection)
def test_a_refused_close_is_tried_again_without_end(rejection: Rejection) -> None:
    pauses = [pause_before_closing(rejection, tries) for tries in range(1, 9)]
    assert pauses == [timedelta(seconds=seconds) for seconds in CLOSES[rejection]]
    assert pause_before_closing(rejection, 500) == timedelta(minutes=1)


@pytest.mark.parametrize("rejection", Rejection)
def test_refused_stops_are_set_again_without_end(rejection: Rejection) -> None:
    pauses = [pause_before_moving(rejection, tries) for tries in range(1, 9)]
    assert pauses == [timedelta(seconds=seconds) for seconds in STOPS[rejection]]
    assert pause_before_moving(rejection, 500) == timedelta(seconds=15 if rejection is Rejection.STOPS else 60)


@pytest.mark.parametrize("rejection", Rejection)
def test_a_refused_open_is_ordered_again_after_a_pause_of_its_class(rejection: Rejection) -> None:
    pauses = [pause_before_opening(rejection, tries) for tries in range(1, 5)]
    assert pauses == [None if one is None else timedelta(seconds=one) for one in OPENS[rejection]]
    assert MAX_OPENINGS == 3


@pytest.mark.parametrize("rejection", [Rejection.PRICE, Rejection.BUSY])
def test_what_was_not_tried_yet_waits_for_nothing(rejection: Rejection) -> None:
    assert pause_before_closing(rejection, 0) == pause_before_moving(rejection, 0) == timedelta(0)
    assert pause_before_opening(rejection, 0) == timedelta(0)
