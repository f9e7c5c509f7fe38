"""Heartbeat arithmetic."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions_app.domain.liveness import MAX_INTERVAL, MIN_INTERVAL, Pace, silent_after


@pytest.mark.parametrize(
    ("wished", "interval"),
    [(None, 5), (5, 5), (2, 2), (1, 1), (0, 1), (-7, 1), (6, 5), (10_000, 5)],
)
def test_a_wish_is_granted_within_what_the_timeout_allows(wished: int | None, interval: int) -> None:
    assert Pace.of(wished=wished, interval=5, timeout=15) == Pace(interval=interval, timeout=15)


def test_a_longer_timeout_allows_a_slower_beat_up_to_a_minute() -> None:
    assert Pace.of(wished=20, interval=5, timeout=90).interval == 20
    assert Pace.of(wished=600, interval=5, timeout=3600).interval == MAX_INTERVAL


def test_a_timeout_too_short_for_its_interval_is_lengthened() -> None:
    assert Pace.of(wished=None, interval=10, timeout=15) == Pace(interval=10, timeout=30)


@given(st.none() | st.integers(-(2**31), 2**31), st.integers(1, 60), st.integers(1, 600))
def test_the_timeout_always_holds_three_beats(wished: int | None, interval: int, timeout: int) -> None:
    pace = Pace.of(wished=wished, interval=interval, timeout=timeout)
    assert pace.timeout >= max(timeout, 3 * pace.interval)
    assert MIN_INTERVAL <= pace.interval <= MAX_INTERVAL


def test_the_deadline_is_the_timeout_after_the_last_beat() -> None:
    beat_at = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
    assert Pace(interval=5, timeout=15).deadline(beat_at) == beat_at + timedelta(seconds=15)


def test_the_server_asks_after_one_and_a_half_intervals_of_silence() -> None:
    assert silent_after(5) == 7.5
