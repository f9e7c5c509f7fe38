"""Limits per minute that hold exactly, however many requests come at once and however many processes take them."""

from datetime import datetime, timedelta
from typing import Final

from django.db.models import F

from sessions_app.models import RequestTally

WINDOW: Final = timedelta(seconds=60)
# Longer than any minute that is counted, and short enough that strangers fill no table.
_KEPT: Final = timedelta(hours=1)


def count_request(*, scope: str, limit: int, now: datetime, window: timedelta = WINDOW) -> bool:
    """Count one request of this scope; False, and nothing counted, when its minute has had `limit` of them.

    The minute, or another `window` of up to an hour, begins with the first request. Every step is one conditional
    statement on one row, which the database runs one after the other.
    """
    rows, since = RequestTally.objects.filter(scope=scope), now - window
    for _ in range(2):  # again only if another request has just begun the minute
        if rows.filter(started_at__gt=since, count__lt=limit).update(count=F("count") + 1):
            return True
        if rows.filter(started_at__lte=since).update(started_at=now, count=1):
            return True
        if RequestTally.objects.get_or_create(scope=scope, defaults={"started_at": now, "count": 1})[1]:
            return True
    return False


def give_back(*, scope: str) -> None:
    """Take one request back that was counted and turned out to be none of those that are bounded."""
    RequestTally.objects.filter(scope=scope, count__gt=1).update(count=F("count") - 1)


def forget_tallies(*, now: datetime) -> int:
    """Delete tallies of minutes that are long over. Returns how many."""
    return RequestTally.objects.filter(started_at__lt=now - _KEPT).delete()[0]
