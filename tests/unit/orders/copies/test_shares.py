"""How many lots the legs of a copy shall have together, and which of them lots leave."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.domain.copies.legs import Leg
from orders.domain.copies.shares import HUNDREDTH, exact_share, on_grid, parts_to_close
from orders.domain.states.copies import CopyState
from tests.unit.builders import book, leg, spec

ENDED = (CopyState.CLOSED, CopyState.FAILED)


def copied(ordered: str, had: str | None, lots: str | None = None, **changes: Any) -> Leg:
    """A leg that was ordered with `ordered` lots when its master had `had`."""
    master = None if had is None else Decimal(had)
    return leg(ordered if lots is None else lots, lots_ordered=Decimal(ordered), master_lots=master, **changes)


def parts(legs: Sequence[Leg], excess: str, **terms: str) -> list[tuple[int, str]]:
    told = parts_to_close(legs, Decimal(excess), book(spec(**terms)))
    return [(one.leg, str(part.normalize())) for one, part in told]


@pytest.mark.parametrize(
    ("ordered", "had", "left", "share"),
    [
        ("0.10", "1", "0.5", "0.05"),
        ("0.10", "1", "1", "0.1"),
        ("0.10", "1", "3", "0.1"),  # he has added to it: the copy is no larger than it was
        ("0.30", "2", "0.1", "0.015"),
        ("0.30", "0.1", "0.05", "0.15"),
        ("7", "1", "0", "0"),
    ],
)
def test_a_copy_shall_have_what_was_copied_times_what_its_master_has_left(
    ordered: str, had: str, left: str, share: str
) -> None:
    assert exact_share([copied(ordered, had)], Decimal(left)) == Decimal(share)


def test_what_a_leg_has_by_now_is_no_part_of_the_origin() -> None:
    assert exact_share([copied("0.10", "1", lots="0.03")], Decimal("0.5")) == Decimal("0.05")


def test_legs_that_were_copied_at_different_times_are_shared_apart() -> None:
    legs = [copied("0.10", "1"), copied("0.08", "0.5", number=2)]
    assert exact_share(legs, Decimal("0.5")) == Decimal("0.13")


@pytest.mark.parametrize("state", CopyState)
@pytest.mark.parametrize("filled", [True, False])
def test_a_leg_that_never_came_to_life_is_no_part_of_the_origin(state: CopyState, filled: bool) -> None:
    """One that has ended is, whether its fill was told or not: something was there that could end."""
    legs = [copied("0.10", "1"), copied("0.10", "1", number=2, state=state, filled=filled)]
    born = filled or state is not CopyState.FAILED
    assert exact_share(legs, Decimal("0.5")) == Decimal("0.10" if born else "0.05")


def test_nothing_of_a_leg_whose_master_has_nothing_of_it_is_shared() -> None:
    assert exact_share([copied("0.10", "0")], Decimal("0.5")) is None
    assert exact_share([copied("0.10", "1"), copied("0.10", "0", number=2)], Decimal("0.5")) == Decimal("0.05")


def test_what_was_closed_by_hand_and_copied_anew_counts_once() -> None:
    before = copied("0.10", "1", "0", state=CopyState.CLOSED, filled=True, lifted=True)
    assert exact_share([before, copied("0.10", "0.8", number=2)], Decimal("0.4")) == Decimal("0.05")
    # While a part of the old one is there, nothing is copied anew: a leg that stands in for another one is no new copy.
    open_still = copied("0.10", "1", number=2, lifted=True)
    assert exact_share([before, open_still], Decimal("0.5")) == Decimal("0.10")
    assert exact_share([before, open_still, copied("0.10", "0", number=3)], Decimal("0.5")) == Decimal("0.10")
    assert exact_share([before, open_still, copied("0.10", "1", number=3)], Decimal("0.5")) == Decimal("0.15")
    instead = copied("0.10", "0", number=2)
    assert exact_share([before, instead], Decimal("0.5")) == Decimal("0.05")


def test_a_master_who_had_one_lot_is_followed_as_any_other() -> None:
    assert exact_share([copied("0.10", "1")], Decimal("0.2")) == Decimal("0.02")


def test_a_share_is_not_known_where_one_legs_origin_is_not() -> None:
    known = copied("0.10", "1")
    assert exact_share([known, copied("0.10", None, number=2)], Decimal("0.5")) is None
    assert exact_share([known, copied("0", "1", number=2)], Decimal("0.5")) is None
    assert exact_share([copied("0.10", None)], Decimal("0.5")) is None
    assert exact_share([copied("0", "1")], Decimal("0.5")) is None
    assert exact_share([], Decimal("0.5")) is None
    # One that was refused is asked for nothing.
    refused = copied("0.10", None, number=2, state=CopyState.FAILED)
    assert exact_share([known, refused], Decimal("0.5")) == Decimal("0.05")


@pytest.mark.parametrize(
    ("exact", "least", "step", "lots"),
    [
        ("0.057", "0.01", "0.01", "0.05"),
        ("0.057", "0.01", "0.02", "0.04"),
        ("0.0099999999", "0.01", "0.01", "0.01"),
        ("0.003", "0.01", "0.01", "0.01"),
        ("0.3", "0.5", "0.1", "0.5"),
        ("2.7", "1", "1", "2"),
        ("0", "0.1", "0.1", "0.1"),
    ],
)
def test_lots_go_down_to_the_step_and_never_below_the_minimum(exact: str, least: str, step: str, lots: str) -> None:
    assert on_grid(Decimal(exact), spec(least=least, step=step)) == Decimal(lots)


def test_where_nobody_tells_a_step_it_is_a_hundredth() -> None:
    assert Decimal("0.01") == HUNDREDTH
    assert on_grid(Decimal("0.0577"), None) == Decimal("0.05")
    assert on_grid(Decimal("0.001"), None) == Decimal("0.01")


@pytest.mark.parametrize(
    ("excess", "taken"),
    [
        ("0.02", [(3, "0.02")]),
        ("0.05", [(3, "0.05")]),
        ("0.07", [(3, "0.05"), (2, "0.02")]),
        ("0.15", [(3, "0.05"), (2, "0.1")]),
        ("0.20", [(3, "0.05"), (2, "0.1"), (1, "0.05")]),
        ("0.30", [(3, "0.05"), (2, "0.1"), (1, "0.09")]),
        ("0.005", []),
        ("0", []),
        ("-0.05", []),
    ],
)
def test_lots_leave_the_last_leg_first_and_one_of_them_stays(excess: str, taken: list[tuple[int, str]]) -> None:
    assert parts([leg("0.10"), leg("0.10", number=2), leg("0.05", number=3)], excess) == taken


def test_a_leg_that_cannot_give_leaves_the_next_one_to_give() -> None:
    # What would remain of the last leg is below the minimum, and all of it is too much.
    legs = [leg("0.10"), leg("0.05", number=2)]
    assert parts(legs, "0.04", least="0.05") == [(1, "0.04")]


def test_whole_lots_leave_too() -> None:
    assert parts([leg("3"), leg("1", number=2)], "1", least="1", step="1") == [(2, "1")]
    assert parts([leg("3"), leg("2", number=2)], "1", least="1", step="1") == [(2, "1")]
    assert parts([leg("3")], "1", least="1", step="1") == [(1, "1")]


@pytest.mark.parametrize("on_its_way", [CopyState.HELD, CopyState.ORDERED])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_while_one_of_several_legs_is_on_its_way_nothing_leaves(on_its_way: CopyState, place: int) -> None:
    legs = [leg("0.10", number=number) for number in (1, 2, 3)]
    legs[place] = leg("0.10", number=place + 1, state=on_its_way)
    assert parts_to_close(legs, Decimal("0.05"), book()) == []
    assert parts_to_close([legs[place], legs[place - 1]], Decimal("0.05"), book()) == []


def test_a_copy_of_one_leg_gives_while_it_is_on_its_way() -> None:
    assert parts([leg("0.10", state=CopyState.ORDERED)], "0.05") == [(1, "0.05")]


@pytest.mark.parametrize("state", ENDED)
def test_a_leg_that_has_ended_neither_gives_nor_lets_the_last_one_end(state: CopyState) -> None:
    ended = leg("0.10", number=2, state=state)
    assert parts([leg("0.10"), ended], "0.10") == [(1, "0.09")]
    assert parts([leg("0.10"), leg("0", number=2)], "0.10") == [(1, "0.09")]
    assert parts([leg("0.10"), leg("0.10", number=3), ended], "0.10") == [(3, "0.1")]


_STEPS = st.sampled_from(["0.01", "0.1", "1"])


@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=5),
    excess=st.integers(-10, 220),
    dust=st.sampled_from(["0", "0.4"]),
    step=_STEPS,
)
def test_what_leaves_is_never_more_than_asked_and_all_that_can_leave(
    sizes: list[int], excess: int, dust: str, step: str
) -> None:
    legs = [leg(str(size * Decimal(step)), number=number) for number, size in enumerate(sizes, 1)]
    asked = (excess + Decimal(dust)) * Decimal(step)
    taken = parts_to_close(legs, asked, book(spec(least=step, step=step)))
    steps = [int(part / Decimal(step)) for _, part in taken]
    # Whole steps, as many as were asked for, and one step is left at least.
    assert sum(steps) == min(max(excess, 0), sum(sizes) - 1)
    assert all(0 < part <= one.lots for one, part in taken)
    assert [one.leg for one, _ in taken] == sorted((one.leg for one, _ in taken), reverse=True)


@given(
    ordered=st.integers(1, 500),
    had=st.integers(1, 300),
    left=st.integers(1, 300),
    step=st.sampled_from(["0.01", "0.05", "0.1"]),
    least=st.sampled_from(["0.01", "0.1"]),
)
def test_a_share_is_the_largest_multiple_of_the_step_that_is_no_more_than_exact(
    ordered: int, had: int, left: int, step: str, least: str
) -> None:
    exact = exact_share([copied(f"{ordered}e-2", f"{had}e-2")], Decimal(left) / 100)
    assert exact is not None
    fair = Fraction(ordered, 100) * min(Fraction(left, had), Fraction(1))
    whole = fair // Fraction(step) * Fraction(step)
    assert Fraction(on_grid(exact, spec(least=least, step=step))) == max(whole, Fraction(least))
