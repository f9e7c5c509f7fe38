"""Time zones as people choose and read them."""

from datetime import UTC, datetime

import pytest

from sessions_app.domain.zones import in_words, offered, zone_of

WINTER = datetime(2026, 12, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("UTC", "UTC"),
        ("Europe/Berlin", "Europe/Berlin (UTC+1)"),
        ("Europe/London", "Europe/London (UTC+0)"),
        ("Asia/Kolkata", "Asia/Kolkata (UTC+5:30)"),
        ("America/St_Johns", "America/St_Johns (UTC-3:30)"),
        ("America/Los_Angeles", "America/Los_Angeles (UTC-8)"),
    ],
)
def test_a_zone_says_how_far_it_is_from_utc(name: str, words: str) -> None:
    assert in_words(zone_of(name), WINTER) == words


def test_the_distance_is_that_of_the_moment_when_clocks_change() -> None:
    before, after = datetime(2026, 10, 25, 0, 59, 59, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)
    berlin = zone_of("Europe/Berlin")
    assert [in_words(berlin, at) for at in (before, after)] == ["Europe/Berlin (UTC+2)", "Europe/Berlin (UTC+1)"]


@pytest.mark.parametrize("name", [None, "", "Mars/Olympus", "../../etc/passwd", "/etc/passwd", "Europe"])
def test_what_is_no_zone_here_is_read_as_utc(name: str | None) -> None:
    assert zone_of(name).key == "UTC"


def test_utc_is_offered_first_and_then_names_with_a_region() -> None:
    assert offered()[0] == "UTC"
    assert {"Europe/Berlin", "Asia/Tokyo", "America/Argentina/Buenos_Aires"} <= set(offered())
    assert not {"EST", "GMT", "posixrules", "localtime"} & set(offered())
    assert all(zone_of(name).key == name for name in offered())
