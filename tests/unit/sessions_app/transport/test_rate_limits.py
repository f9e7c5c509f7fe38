"""Token buckets, and how many peers a process keeps some of."""

import time

import pytest

from sessions_app.transport.inbound.rate_limits import Bucket, Kept


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The monotonic clock, set by hand."""
    moment = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: moment[0])
    return moment


def test_a_bucket_says_how_long_to_wait_and_is_right(clock: list[float]) -> None:
    bucket = Bucket(rate=0.5, burst=3)
    assert [bucket.wait() for _ in range(4)] == [0, 0, 0, 2]
    clock[0] += 1.5
    assert (bucket.wait(), bucket.take()) == (0.5, False)
    clock[0] += 0.5
    assert (bucket.take(), bucket.take()) == (True, False)


def test_an_unused_bucket_holds_no_more_than_its_burst(clock: list[float]) -> None:
    bucket = Bucket(rate=10, burst=3)
    clock[0] += 3600
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]


def test_what_was_asked_for_is_granted_beyond_the_burst(clock: list[float]) -> None:
    bucket = Bucket(rate=1, burst=1)
    bucket.grant(5)
    clock[0] += 3600
    assert [bucket.take() for _ in range(7)] == [True] * 6 + [False]


def test_who_was_unused_longest_is_forgotten_first(clock: list[float]) -> None:
    kept = Kept(lambda: Bucket(rate=1, burst=1), most=100)
    assert kept.of("owner").take()
    for number in range(10_000):
        kept.of(number)
        if number % 50 == 0:
            assert not kept.of("owner").take()
    assert len(kept) == 100
    kept.clear()
    assert kept.of("owner").take()


def test_a_new_bucket_starts_full_by_the_rate_that_its_account_has(clock: list[float]) -> None:
    bucket = Bucket(rate=20, burst=50)
    bucket.change(500, 500)
    assert [bucket.take() for _ in range(501)] == [True] * 500 + [False]


def test_another_rate_wins_no_tokens_and_takes_what_is_above_it(clock: list[float]) -> None:
    bucket = Bucket(rate=500, burst=500)
    assert bucket.take()
    bucket.change(20, 50)
    bucket.change(500, 500)
    assert [bucket.take() for _ in range(51)] == [True] * 50 + [False]
