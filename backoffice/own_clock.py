"""The clock of whoever looks: the time zone that he has chosen, and moments as it shows them.

Pages alone are shown by it. Programs, exports and what is stored stay in UTC, and so do days: "today" is the UTC day,
which the limits of trading count by, for everybody.
"""

from datetime import UTC, datetime
from typing import Final, cast
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone
from django.utils.deprecation import MiddlewareMixin

from sessions_app.auth.browser_sessions import SessionStore
from sessions_app.domain import zones

_API: Final = "/ea-gateway/"
TO_THE_SECOND: Final = "%Y-%m-%d %H:%M:%S"
TO_THE_MINUTE: Final = "%Y-%m-%d %H:%M"


class OwnClock(MiddlewareMixin):
    """Shows pages by the clock of whoever is signed in. Below /ea-gateway/ it stays UTC, and no session is read: what
    programs are told depends on no browser."""

    def process_request(self, request: HttpRequest) -> None:
        if not request.path.startswith(_API):
            timezone.activate(zones.zone_of(cast(SessionStore, request.session).zone))

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        timezone.deactivate()
        return response


def utc_midnight(at: datetime) -> datetime:
    """When the day of this moment has begun: of trading, whose limits count by it, and so of every page's "today"."""
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def own_zone() -> ZoneInfo:
    """The zone of whoever looks."""
    return timezone.get_current_timezone()


def zone_in_words() -> str:
    """`UTC`, or `Europe/Berlin (UTC+1)`: as far from UTC as it is now."""
    return zones.in_words(own_zone(), timezone.now())


def clock(at: datetime, style: str = TO_THE_SECOND) -> str:
    """A moment by the clock of whoever looks, where the page says which zone that is."""
    return at.astimezone(own_zone()).strftime(style)


def clock_and_zone(at: datetime, style: str = TO_THE_SECOND) -> str:
    """The same with the zone beside it, where the moment stands in a sentence."""
    return f"{clock(at, style)} {own_zone().key}"
