"""What the number of a durable frame means."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions_app.domain.frames.sequence import Log, Place

IDS = [UUID(int=number) for number in range(100)]


def log(top: int = 3) -> Log:
    return Log.of(top, {seq: IDS[seq] for seq in range(1, top + 1)})


def test_the_first_number_of_a_session_is_1() -> None:
    empty = Log.of(0, {})
    assert empty.place(1, IDS[1]) is Place.NEXT
    assert empty.place(2, IDS[2]) is Place.AHEAD


@pytest.mark.parametrize(
    ("seq", "frame_id", "place"),
    [
        (4, IDS[4], Place.NEXT),
        (5, IDS[5], Place.AHEAD),
        (3, IDS[3], Place.REPEAT),
        (1, IDS[1], Place.REPEAT),
        (3, IDS[9], Place.CONFLICT),
    ],
)
def test_a_frame_is_placed_by_its_number_and_id(seq: int, frame_id: UUID, place: Place) -> None:
    assert log().place(seq, frame_id) is place


def test_a_consumed_number_under_which_nothing_is_stored_is_used() -> None:
    assert Log.of(50, {50: IDS[50]}).place(7, IDS[9]) is Place.USED


def test_placing_changes_nothing() -> None:
    before = log()
    before.place(4, IDS[4])
    assert before == log()


def test_a_taken_number_moves_the_top_and_is_known_by_its_id() -> None:
    taken = log()
    taken.take(4, IDS[4])
    assert taken.top == 4
    assert taken.place(4, IDS[4]) is Place.REPEAT
    assert taken.place(4, IDS[5]) is Place.CONFLICT


def test_a_log_does_not_share_the_ids_that_it_was_given() -> None:
    ids = {1: IDS[1]}
    Log.of(1, ids).take(2, IDS[2])
    assert ids == {1: IDS[1]}


@given(st.lists(st.integers(1, 20), max_size=60))
def test_whatever_comes_the_top_has_no_gap_below_it(numbers: list[int]) -> None:
    stored = Log.of(0, {})
    for seq in numbers:
        if stored.place(seq, IDS[seq]) is Place.NEXT:
            stored.take(seq, IDS[seq])
    assert sorted(stored.ids) == list(range(1, stored.top + 1))
    assert stored.top + 1 not in numbers or stored.top + 1 > max(stored.ids, default=0)
