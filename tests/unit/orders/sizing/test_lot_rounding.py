"""Rounding lots to what a broker takes, and splitting them into legs."""

from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from orders.domain.sizing.rounding import LOT_TOLERANCE, round_lots, split_legs
from orders.domain.states.denials import Code, Denied
from tests.unit.builders import spec

STEPS = st.sampled_from([Decimal(text) for text in ("0.01", "0.05", "0.1", "0.001", "1", "10", "0.25")])
LOTS = st.decimals(min_value=0, max_value=10_000, places=8)


@pytest.mark.parametrize(
    ("exact", "step", "rounded"),
    [
        ("0.109", "0.01", "0.10"),
        ("0.11", "0.01", "0.11"),
        ("0.0099", "0.01", "0"),
        ("0.37", "0.1", "0.3"),
        ("7.9", "1", "7"),
        ("0.74", "0.25", "0.50"),
        ("0.0999999999", "0.01", "0.10"),
        ("0.09999999", "0.01", "0.10"),
        ("0.0999999", "0.01", "0.09"),
        ("0", "0.01", "0"),
    ],
)
def test_lots_go_down_to_the_step_but_for_dust(exact: str, step: str, rounded: str) -> None:
    assert round_lots(Decimal(exact), step=Decimal(step)) == Decimal(rounded)


def test_a_third_of_three_steps_is_one_step() -> None:
    assert round_lots(Decimal("0.03") / 3, step=Decimal("0.01")) == Decimal("0.01")
    assert round_lots(Decimal("0.1") / 3 * 3, step=Decimal("0.1")) == Decimal("0.1")


@given(LOTS, STEPS)
def test_lots_are_never_rounded_up(exact: Decimal, step: Decimal) -> None:
    rounded = round_lots(exact, step=step)
    assert rounded <= exact + LOT_TOLERANCE
    assert exact - rounded < step


@given(LOTS, STEPS)
def test_rounded_lots_lie_on_the_step_and_stay_there(exact: Decimal, step: Decimal) -> None:
    rounded = round_lots(exact, step=step)
    assert rounded % step == 0
    assert round_lots(rounded, step=step) == rounded


@given(LOTS, LOTS, STEPS)
def test_more_lots_never_round_to_less(one: Decimal, other: Decimal, step: Decimal) -> None:
    small, large = sorted((one, other))
    assert round_lots(small, step=step) <= round_lots(large, step=step)


@pytest.mark.parametrize(
    ("lots", "least", "most", "legs"),
    [
        ("3", "0.01", "100", ["3"]),
        ("10", "0.01", "10", ["10"]),
        ("25", "0.01", "10", ["10", "10", "5"]),
        ("10.1", "0.5", "10", ["9.6", "0.5"]),
        ("30", "1", "10.005", ["10", "10", "10"]),
        ("3.1", "1", "1.5", ["1.1", "1", "1"]),
        ("5", "0.01", "0", ["5"]),
    ],
)
def test_lots_above_the_brokers_maximum_become_legs(lots: str, least: str, most: str, legs: list[str]) -> None:
    split = split_legs(Decimal(lots), spec=spec(least=least, most=most), most=20)
    assert split == tuple(Decimal(leg) for leg in legs)


def test_more_legs_than_allowed_are_denied() -> None:
    with pytest.raises(Denied) as caught:
        split_legs(Decimal("10.01"), spec=spec(most="1"), most=10)
    assert caught.value.code is Code.ABOVE_MAXIMUM_LOTS
    assert caught.value.evidence == {"lots": Decimal("10.01"), "lots_max": Decimal(1), "legs_allowed": 10}


def test_just_as_many_legs_as_allowed_are_made() -> None:
    assert split_legs(Decimal(10), spec=spec(most="1"), most=10) == (Decimal(1),) * 10


def test_lots_that_no_legs_can_carry_are_denied() -> None:
    with pytest.raises(Denied) as caught:
        split_legs(Decimal("1.6"), spec=spec(least="1", most="1.5"), most=20)
    assert caught.value.code is Code.ABOVE_MAXIMUM_LOTS


def test_an_absurd_size_is_denied_at_once() -> None:
    with pytest.raises(Denied):
        split_legs(Decimal(10) ** 12, spec=spec(most="0.01"), most=20)


@given(st.integers(1, 4000), st.integers(1, 50), st.integers(0, 400), STEPS)
def test_legs_sum_to_the_whole_and_each_is_one_the_broker_takes(
    size: int, least: int, spread: int, step: Decimal
) -> None:
    assume(size >= least)
    bounds = spec(least=str(least * step), step=str(step), most=str((least + spread) * step))
    try:
        legs = split_legs(size * step, spec=bounds, most=20)
    except Denied:
        assert size > 20 * (least + spread) or size < -(-size // (least + spread)) * least
        return
    assert sum(legs) == size * step
    assert len(legs) <= 20
    assert all(bounds.lots_min <= leg <= bounds.lots_max and leg % step == 0 for leg in legs)
    assert list(legs) == sorted(legs, reverse=True)
