"""Who copies whom, in a circle or not."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.domain.provisioning.cycles import find_cycle


@pytest.mark.parametrize(
    ("edges", "cycle"),
    [
        ([], None),
        ([("a", "b"), ("b", "c")], None),
        ([("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")], None),
        ([("a", "a")], ["a", "a"]),
        ([("a", "b"), ("b", "a")], ["a", "b", "a"]),
        ([("a", "b"), ("b", "c"), ("c", "b")], ["b", "c", "b"]),
        ([("a", "b"), ("c", "d"), ("d", "e"), ("e", "c")], ["c", "d", "e", "c"]),
    ],
)
def test_a_circle_is_named_from_where_it_closes(edges: list[tuple[str, str]], cycle: list[str] | None) -> None:
    assert find_cycle(edges) == cycle


def test_a_chain_of_any_length_is_walked() -> None:
    chain = [(f"{number:05}", f"{number + 1:05}") for number in range(2_000)]
    assert find_cycle(chain) is None


def test_a_master_that_many_roads_lead_to_is_walked_once() -> None:
    """Forty steps with two roads each: walked anew on every road, this would never end."""
    doubled = [(f"{step:02}{side}", f"{step + 1:02}{to}") for step in range(40) for side in "ab" for to in "ab"]
    assert find_cycle(doubled) is None


ACCOUNTS = st.sampled_from("abcde")


@given(st.sets(st.tuples(ACCOUNTS, ACCOUNTS), max_size=8))
def test_a_circle_is_found_where_and_only_where_an_account_reaches_itself(edges: set[tuple[str, str]]) -> None:
    reach = set(edges)
    for _ in range(5):
        reach |= {(start, end) for start, middle in reach for other, end in edges if middle == other}
    cycle = find_cycle(edges)
    assert (cycle is not None) == any(start == end for start, end in reach)
    if cycle is not None:
        assert cycle[0] == cycle[-1]
        assert set(pairwise(cycle)) <= edges
