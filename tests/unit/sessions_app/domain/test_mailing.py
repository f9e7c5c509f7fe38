"""When a person is mailed: his modes, his quiet hours by his own clock, and the daily mail."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sessions_app.domain.alerts import AlertCode
from sessions_app.domain.mailing import MOST_TRIES, Choices, MailMode, default_mode, wait_after

CRITICAL, WARNING = AlertCode.UNPROTECTED, AlertCode.UNDER_FILLED
AT_ONCE = {CRITICAL: MailMode.AT_ONCE, WARNING: MailMode.AT_ONCE}
BERLIN, TOKYO = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Tokyo")
NIGHT = (time(22), time(7))
NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


def test_at_once_is_now_and_off_is_never() -> None:
    choices = Choices({CRITICAL: MailMode.AT_ONCE, WARNING: MailMode.OFF})
    assert choices.due(CRITICAL, NOON) == NOON
    assert choices.due(WARNING, NOON) is None


def test_until_somebody_chooses_the_critical_ones_come_at_once_and_viewers_hear_nothing() -> None:
    assert default_mode(CRITICAL, acts=True) is MailMode.AT_ONCE
    assert default_mode(WARNING, acts=True) is MailMode.DIGEST
    assert {default_mode(code, acts=False) for code in AlertCode} == {MailMode.OFF}


@pytest.mark.parametrize(
    ("zone", "seen", "due"),
    [
        (BERLIN, datetime(2026, 11, 30, 22, 30, tzinfo=UTC), datetime(2026, 12, 1, 6, tzinfo=UTC)),  # 23:30 there
        (BERLIN, datetime(2026, 11, 30, 5, 59, tzinfo=UTC), datetime(2026, 11, 30, 6, tzinfo=UTC)),  # 06:59
        (BERLIN, datetime(2026, 11, 30, 6, 0, tzinfo=UTC), datetime(2026, 11, 30, 6, tzinfo=UTC)),  # 07:00: over
        (TOKYO, datetime(2026, 11, 30, 14, tzinfo=UTC), datetime(2026, 11, 30, 22, tzinfo=UTC)),  # 23:00
        (TOKYO, datetime(2026, 11, 30, 22, 30, tzinfo=UTC), datetime(2026, 11, 30, 22, 30, tzinfo=UTC)),  # 07:30
        (BERLIN, datetime(2026, 7, 1, 21, tzinfo=UTC), datetime(2026, 7, 2, 5, tzinfo=UTC)),  # summer: 23:00
    ],
)
def test_in_quiet_hours_mail_waits_for_their_end_by_the_persons_clock(
    zone: ZoneInfo, seen: datetime, due: datetime
) -> None:
    assert Choices(AT_ONCE, zone, NIGHT).due(CRITICAL, seen) == due


def test_only_critical_alerts_break_through_and_only_when_the_person_says_so() -> None:
    night = datetime(2026, 11, 30, 23, tzinfo=UTC)
    strict, urgent = Choices(AT_ONCE, quiet=NIGHT), Choices(AT_ONCE, quiet=NIGHT, breaks_through=True)
    assert urgent.due(CRITICAL, night) == night
    assert urgent.due(WARNING, night) == strict.due(CRITICAL, night) == datetime(2026, 12, 1, 7, tzinfo=UTC)
    daily = Choices({CRITICAL: MailMode.DIGEST}, quiet=NIGHT, breaks_through=True, digest_at=time(23, 30))
    assert daily.due(CRITICAL, night) == datetime(2026, 12, 1, 7, tzinfo=UTC)


def test_the_daily_mail_is_the_next_one() -> None:
    choices = Choices({WARNING: MailMode.DIGEST}, BERLIN, digest_at=time(8))
    assert choices.due(WARNING, datetime(2026, 11, 30, 6, tzinfo=UTC)) == datetime(2026, 11, 30, 7, tzinfo=UTC)
    assert choices.due(WARNING, datetime(2026, 11, 30, 7, tzinfo=UTC)) == datetime(2026, 12, 1, 7, tzinfo=UTC)


def test_a_night_in_which_clocks_are_changed_ends_by_the_clock_of_the_morning() -> None:
    choices = Choices(AT_ONCE, BERLIN, NIGHT)
    assert choices.due(CRITICAL, datetime(2026, 3, 28, 22, tzinfo=UTC)) == datetime(2026, 3, 29, 5, tzinfo=UTC)
    assert choices.due(CRITICAL, datetime(2026, 10, 24, 21, tzinfo=UTC)) == datetime(2026, 10, 25, 6, tzinfo=UTC)


ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/Santiago"]


@given(
    zone=some.sampled_from([ZoneInfo(name) for name in ZONES]),
    quiet=some.tuples(some.times(), some.times()).map(
        lambda two: (two[0].replace(second=0, microsecond=0), two[1].replace(second=0, microsecond=0))
    ),
    now=some.integers(0, 2 * 365 * 86_400).map(
        lambda seconds: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    ),
)
def test_no_mail_comes_in_quiet_hours_and_none_waits_longer_than_they_last(
    zone: ZoneInfo, quiet: tuple[time, time], now: datetime
) -> None:
    """Against a walk minute by minute. A gap of the clocks may hold a mail up by its own length, an hour at most."""
    due = Choices(AT_ONCE, zone, quiet).due(CRITICAL, now)
    assert due is not None

    def is_quiet(moment: datetime) -> bool:
        clock, (start, end) = moment.astimezone(zone).time(), quiet
        return (start <= clock < end) if start <= end else not (end <= clock < start)

    first = now
    while is_quiet(first):
        first = first.replace(second=0, microsecond=0) + timedelta(minutes=1)
    assert first <= due <= first + timedelta(hours=1)
    assert not is_quiet(due)


def test_retries_are_ever_rarer_and_come_to_an_end() -> None:
    waits = [wait_after(tries) for tries in range(1, MOST_TRIES + 1)]
    assert waits[-1] is None
    told = [wait.total_seconds() for wait in waits if wait is not None]
    assert told == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]
