"""A person's password: changed by himself, or by a link that he was sent."""

from django.contrib.auth.models import User
from django.db import transaction

from sessions_app import queries
from sessions_app.domain.people import PersonAct
from sessions_app.services.access import browser_sessions
from sessions_app.services.operations import person_history


def change(*, user: User, password: str, keep: str | None, address: str) -> None:
    """Another password, by who knows the former one: his sessions end, but for the one with the key `keep`."""
    _set(PersonAct.PASSWORD_CHANGED, user, password, keep, address)


def reset(*, user: User, password: str, address: str) -> None:
    """Another password, by who got the link: all of his sessions end. A second factor stays, and is asked for."""
    _set(PersonAct.PASSWORD_RESET, user, password, None, address)


def _set(act: PersonAct, user: User, password: str, keep: str | None, address: str) -> None:
    with transaction.atomic():
        user.set_password(password)
        user.save(update_fields=["password"])
        name = user.get_username()
        person_history.record(act=act, person=name, actor=name, address=address, at=queries.database_now())
        browser_sessions.end_others_in(user=user, but=keep, by=name, address=address)
