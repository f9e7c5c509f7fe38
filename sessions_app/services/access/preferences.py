"""What a person has chosen for himself, on pages and in mails: the clock by which he reads times, and his language."""

from django.conf import settings

from sessions_app import queries
from sessions_app.domain import zones
from sessions_app.models import Preference


class UnknownZone(Exception):
    """There is no time zone of this name to choose."""


class UnknownLanguage(Exception):
    """There is no catalogue of this language."""


def choose(*, user_id: int, zone: str, language: str) -> None:
    """Keep both, in place of what was chosen before. Two pages at once: the later one holds.

    :raises UnknownZone: the name is none of the list
    :raises UnknownLanguage: it is none of ours
    """
    if zone not in zones.offered():
        raise UnknownZone
    if language not in dict(settings.LANGUAGES):
        raise UnknownLanguage
    chosen = {"zone": zone, "language": language, "changed_at": queries.database_now()}
    Preference.objects.update_or_create(user_id=user_id, defaults=chosen)
