"""Sessions of people in browsers: Django's own in the database, with columns that say whose each is."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, cast

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.db.models import F
from django.utils import timezone

from sessions_app.models import BrowserSession

BEGUN: Final = "begun"
"""Where a session keeps what its columns say: address, browser and time of the sign-in."""


class SessionStore(DatabaseStore):
    """What `SESSION_ENGINE` names.

    A session is read together with what its person has chosen: each page needs both, and so one statement does. Kept in
    the session itself, the choice would be another one in each browser.
    """

    _chosen: tuple[int | None, str | None, str | None] = (None, None, None)

    @classmethod
    def get_model_class(cls) -> type[BrowserSession]:
        return BrowserSession

    @property
    def zone(self) -> str | None:
        """The name of the time zone that its person has chosen; None: he has not, or nobody is signed in."""
        return self._read()[1]

    @property
    def language(self) -> str | None:
        """The language that its person has chosen, as `zone`."""
        return self._read()[2]

    @property
    def is_of_somebody(self) -> bool:
        """Whether somebody is signed in."""
        return self._read()[0] is not None

    def _read(self) -> tuple[int | None, str | None, str | None]:
        self._get_session()  # type: ignore[attr-defined]  # reads it, unless it is read
        return self._chosen

    def _get_session_from_db(self) -> BrowserSession | None:
        rows = BrowserSession.objects.annotate(
            zone=F("user__preference__zone"), language=F("user__preference__language")
        )
        row = rows.filter(session_key=self.session_key, expire_date__gt=timezone.now()).first()
        if row is None:
            self._session_key = None
            return None
        self._chosen = row.user_id, row.zone, row.language
        return row

    def create_model_instance(self, data: Mapping[str, Any]) -> BrowserSession:
        row = cast(BrowserSession, super().create_model_instance(dict(data)))
        begun = data.get(BEGUN, {})
        row.user_id = int(data[SESSION_KEY]) if SESSION_KEY in data else None
        row.address, row.browser = begun.get("address", ""), begun.get("browser", "")
        row.signed_in_at = datetime.fromisoformat(begun["at"]) if "at" in begun else None
        return row
