"""Time zones by which people read the clock: their names, and how a page or a mail says which one it means."""

from datetime import datetime
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

UTC_NAME: Final = "UTC"


@cache
def offered() -> tuple[str, ...]:
    """The names that a person may choose. What has no region is an old name of something that has one."""
    return (UTC_NAME, *sorted(name for name in available_timezones() if "/" in name))


@cache
def zone_of(name: str | None) -> ZoneInfo:
    """The zone of this name; UTC where nobody has chosen, and for one that is not installed here any more: a page in
    UTC that says so is better than none."""
    try:
        return ZoneInfo(name or UTC_NAME)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo(UTC_NAME)


def in_words(zone: ZoneInfo, at: datetime) -> str:
    """The zone, and how far it is from UTC at this moment: `Europe/Berlin (UTC+1)`; UTC is only that."""
    if zone.key == UTC_NAME:
        return zone.key
    offset = at.astimezone(zone).utcoffset()
    minutes = 0 if offset is None else round(offset.total_seconds() / 60)
    hours, rest = divmod(abs(minutes), 60)
    return f"{zone.key} (UTC{'-' if minutes < 0 else '+'}{hours}{f':{rest:02}' if rest else ''})"
