"""System checks of the deployment: `manage.py check` names what would fail at run time."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core import checks


def register() -> None:
    """Register the checks; called when the apps are ready."""
    checks.register(check_lane)


def check_lane(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """PostgreSQL and Redis go together; several gateway processes need both."""
    if settings.DATABASE_URL and not settings.REDIS_URL:
        message = "DATABASE_URL is set, REDIS_URL is not: doorbells cannot reach other gateway processes."
        return [checks.Warning(message, hint="Set REDIS_URL=redis://127.0.0.1:6379/0", id="eagateway.W001")]
    if settings.REDIS_URL and not settings.DATABASE_URL:
        message = "REDIS_URL is set, DATABASE_URL is not: SQLite serves one gateway process only."
        return [
            checks.Warning(message, hint="Set DATABASE_URL=postgres://user:password@host/name", id="eagateway.W002")
        ]
    return []
