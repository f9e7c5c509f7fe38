"""The admin's filter by a day: of UTC for everybody, as the numbers count that lead to a list."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from backoffice.own_clock import TO_THE_MINUTE, clock_and_zone, own_zone
from sessions_app.domain.zones import UTC_NAME


class UtcDays(admin.DateFieldListFilter):
    """Django's own takes the days of whoever looks; then "today" would hold other rows than the number of today."""

    def __init__(self, *args: Any, **named: Any) -> None:
        with timezone.override(ZoneInfo(UTC_NAME)):
            super().__init__(*args, **named)
        if own_zone().key != UTC_NAME:
            self.title = f"{self.title}, days of UTC"

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Also what a link has chosen that is none of them: since when, by the clock of whoever looks."""
        since = parse_datetime(self.date_params.get(self.lookup_kwarg_since, ""))
        known = False
        for choice in super().choices(changelist):
            known |= bool(choice["selected"])
            yield choice
        if since is not None and since.tzinfo is not None and not known:
            with suppress(OverflowError):  # the year 1, typed into the address
                words = f"Since {clock_and_zone(since, TO_THE_MINUTE)}"
                yield {"selected": True, "query_string": changelist.get_query_string(), "display": words}
