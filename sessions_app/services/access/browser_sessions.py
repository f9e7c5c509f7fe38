"""Sessions of a person in browsers: listed, and ended."""

from datetime import datetime
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction

from sessions_app import queries
from sessions_app.domain.people import PersonAct
from sessions_app.models import BrowserSession
from sessions_app.models.transactions import requires_transaction
from sessions_app.services.operations import person_history


def of(user_id: int) -> list[BrowserSession]:
    """A person's sessions that are good still, the newest first."""
    rows = BrowserSession.objects.filter(user_id=user_id, expire_date__gt=queries.database_now())
    return list(rows.order_by("-signed_in_at")[:100])


def end(*, user: User, number: UUID, address: str) -> bool:
    """End one of the person's sessions. False: it is none of his, or has ended."""
    with transaction.atomic():
        if not BrowserSession.objects.filter(user=user, number=number).delete()[0]:
            return False
        _record(user, user.get_username(), address, "one session")
    return True


def end_others(*, user: User, but: str | None, address: str) -> int:
    """End the person's sessions, but for the one with this key. Returns how many."""
    with transaction.atomic():
        return end_others_in(user=user, but=but, by=user.get_username(), address=address)


@requires_transaction
def end_others_in(*, user: User, but: str | None, by: str, address: str) -> int:
    """The same inside the caller's transaction."""
    count = BrowserSession.objects.filter(user=user).exclude(session_key=but or "").delete()[0]
    if count:
        _record(user, by, address, f"{count} session{'' if count == 1 else 's'}")
    return count


def forget_old(*, now: datetime) -> int:
    """Delete sessions whose time is over. Returns how many."""
    return BrowserSession.objects.filter(expire_date__lt=now).delete()[0]


def _record(user: User, actor: str, address: str, note: str) -> None:
    person_history.record(
        act=PersonAct.SESSIONS_ENDED,
        person=user.get_username(),
        actor=actor,
        address=address,
        at=queries.database_now(),
        note=note,
    )
