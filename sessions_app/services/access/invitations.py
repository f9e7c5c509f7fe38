"""Members are invited by mail. Who has the link joins, with a log-in that he has or one that he makes."""

import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from sessions_app import queries
from sessions_app.domain.keys import token_digest
from sessions_app.domain.people import PersonAct
from sessions_app.models import Invitation, Member, Role, Tenant
from sessions_app.models.transactions import requires_transaction
from sessions_app.services.access import rate_counters
from sessions_app.services.operations import person_history

LIFETIME: Final = timedelta(days=7)
MOST_AN_HOUR: Final = 20
_TOKEN_BYTES: Final = 32


class TooManyInvitations(Exception):
    """The tenant has sent as many as it may in an hour."""

    def __str__(self) -> str:
        return f"no more than {MOST_AN_HOUR} invitations an hour"


class InvitationOver(Exception):
    """It was accepted, withdrawn, or its time is over."""


class AlreadyMember(Exception):
    """The person belongs to the tenant already."""


@dataclass(frozen=True, slots=True)
class Sent:
    """An invitation, and the secret of its link, which stands in the mail alone."""

    row: Invitation
    token: str = field(repr=False)


def invite(*, tenant: Tenant, email: str, role: Role, by: str, address: str) -> Sent:
    """Make an invitation; a former one to the same address ends.

    :raises AlreadyMember: who has this address is one
    :raises TooManyInvitations: others' mailboxes are not ours to fill
    """
    now = queries.database_now()
    if Member.objects.filter(tenant=tenant, user__username__iexact=email).exists():
        raise AlreadyMember
    scope = f"invitations of {tenant.pk}"
    if not rate_counters.count_request(scope=scope, limit=MOST_AN_HOUR, now=now, window=timedelta(minutes=59)):
        raise TooManyInvitations
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    with transaction.atomic():
        standing(tenant.pk).filter(email__iexact=email).update(ended_at=now)
        row = Invitation.objects.create(
            tenant=tenant,
            email=email,
            role=role,
            digest=token_digest(token),
            invited_as=by,
            created_at=now,
            expires_at=now + LIFETIME,
        )
        _record(PersonAct.INVITED, row, by, address, f"as {role.value}")
    return Sent(row, token)


def standing(tenant_id: UUID) -> QuerySet[Invitation]:
    """Invitations of a tenant that have not ended."""
    return Invitation.objects.filter(tenant_id=tenant_id, ended_at=None, expires_at__gt=queries.database_now())


def withdraw(*, row: Invitation, by: str, address: str) -> None:
    """End an invitation.

    :raises InvitationOver: it has ended
    """
    with transaction.atomic():
        _end(row)
        _record(PersonAct.INVITATION_WITHDRAWN, row, by, address, "")


def of_token(token: str) -> Invitation | None:
    """The invitation that a link opens, if it is good still."""
    rows = Invitation.objects.select_related("tenant").filter(digest=token_digest(token))
    return rows.filter(ended_at=None, expires_at__gt=queries.database_now()).first()


def accept(*, row: Invitation, user: User, address: str) -> Member:
    """Become a member.

    :raises InvitationOver: somebody was first, or it was withdrawn
    :raises AlreadyMember: he is one
    """
    with transaction.atomic():
        return _join(row, user, address)


def accept_as_new(*, row: Invitation, password: str, address: str) -> User:
    """Become a member with a log-in that is made for it; its name is the address that was invited.

    :raises InvitationOver: somebody was first, or it was withdrawn
    """
    with transaction.atomic():
        user = User.objects.create_user(row.email.lower(), email=row.email, password=password)
        _join(row, user, address)
    return user


def has_log_in(row: Invitation) -> bool:
    """Whether somebody signs in with this address: then nobody else makes a log-in of that name."""
    return User.objects.filter(username__iexact=row.email).exists()


@requires_transaction
def _join(row: Invitation, user: User, address: str) -> Member:
    if Member.objects.filter(tenant=row.tenant, user=user).exists():
        raise AlreadyMember
    _end(row, accepted_as=user.get_username())
    member = Member.objects.create(tenant=row.tenant, user=user, role=row.role, created_at=queries.database_now())
    note = f"as {row.role}, invited by {row.invited_as}"
    _record(PersonAct.INVITATION_ACCEPTED, row, user.get_username(), address, note)
    return member


def _end(row: Invitation, accepted_as: str = "") -> None:
    now = queries.database_now()
    good = Invitation.objects.filter(pk=row.pk, ended_at=None, expires_at__gt=now)
    if not good.update(ended_at=now, accepted_as=accepted_as):
        raise InvitationOver


def _record(act: PersonAct, row: Invitation, actor: str, address: str, note: str) -> None:
    person_history.record(
        act=act,
        person=row.email,
        actor=actor,
        address=address,
        at=queries.database_now(),
        tenant_id=row.tenant_id,
        note=note,
    )
