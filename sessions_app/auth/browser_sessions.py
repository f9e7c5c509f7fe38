"""Sessions of people in browsers: Django's own in the database, with columns that say whose each is."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, cast

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore

from sessions_app.models import BrowserSession

BEGUN: Final = "begun"
"""Where a session keeps what its columns say: address, browser and time of the sign-in."""


class SessionStore(DatabaseStore):
    """What `SESSION_ENGINE` names."""

    @classmethod
    def get_model_class(cls) -> type[BrowserSession]:
        return BrowserSession

    def create_model_instance(self, data: Mapping[str, Any]) -> BrowserSession:
        row = cast(BrowserSession, super().create_model_instance(dict(data)))
        begun = data.get(BEGUN, {})
        row.user_id = int(data[SESSION_KEY]) if SESSION_KEY in data else None
        row.address, row.browser = begun.get("address", ""), begun.get("browser", "")
        row.signed_in_at = datetime.fromisoformat(begun["at"]) if "at" in begun else None
        return row
