"""What a person has chosen for himself, on pages and in mails: the clock by which he reads times."""

from sessions_app import queries
from sessions_app.domain import zones
from sessions_app.models import Preference


class UnknownZone(Exception):
    """There is no time zone of this name to choose."""


def choose(*, user_id: int, zone: str) -> None:
    """Keep it, in place of what was chosen before. Two pages at once: the later one holds.

    :raises UnknownZone: the name is none of the list
    """
    if zone not in zones.offered():
        raise UnknownZone
    Preference.objects.update_or_create(user_id=user_id, defaults={"zone": zone, "changed_at": queries.database_now()})
