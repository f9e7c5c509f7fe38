"""Tokens of the management API: made, looked up by their hash, revoked. Each of it but the look-up leaves a row."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import OuterRef, QuerySet, Subquery

from sessions_app import queries
from sessions_app.domain.keys import token_digest
from sessions_app.domain.people import PersonAct
from sessions_app.models import ROLES, ManagementToken, Member, Role, Tenant, TokenScope
from sessions_app.models.transactions import requires_transaction
from sessions_app.services.operations import person_history
from sessions_app.services.operations.history import Actor

ROLE_OF: Final[Mapping[TokenScope, Role]] = {
    TokenScope.READ: Role.VIEWER,
    TokenScope.OPERATE: Role.OPERATOR,
    TokenScope.ADMINISTER: Role.ADMIN,
    TokenScope.OWN: Role.OWNER,
}
"""A token of a scope opens what a member of this role opens."""
PREFIX: Final = "eagm_"  # so that scanners for secrets find a token that somebody has committed
LONGEST_DAYS: Final = 366
MOST: Final = 50
_USED_KEPT_TO: Final = timedelta(minutes=1)


class TokenNameTaken(Exception):
    """The tenant has, or had, a token of this name."""


class TooManyTokens(Exception):
    """The tenant has as many as it may."""

    def __str__(self) -> str:
        return f"no more than {MOST} tokens at once: revoke one first"


class TokenOver(Exception):
    """It was revoked, or has expired."""


@dataclass(frozen=True, slots=True)
class Made:
    """A token's row, and the token itself, which is shown this once."""

    row: ManagementToken
    token: str = field(repr=False)


def make(
    *, tenant_id: UUID, name: str, scope: TokenScope, days: int, by: Actor, address: str, of_member: bool = True
) -> Made:
    """Make a token. `of_member`: who makes it is a member, and it ends when he leaves; else it is the staff's.

    :raises TokenNameTaken, TooManyTokens: nothing is stored then
    """
    token = PREFIX + secrets.token_urlsafe(32)
    try:
        with transaction.atomic():
            # Two at once may not both be the last one that there is room for.
            Tenant.objects.select_for_update(no_key=True).get(pk=tenant_id)
            now = queries.database_now()
            if living(tenant_id, now).count() >= MOST:
                raise TooManyTokens
            row = ManagementToken.objects.create(
                tenant_id=tenant_id,
                name=name,
                digest=token_digest(token),
                scope=scope,
                made_by_id=by.user_id if of_member else None,
                created_as=by.name[:150],
                created_at=now,
                expires_at=now + timedelta(days=days),
            )
            note = f"scope {scope.value}, until {row.expires_at:%Y-%m-%d}"
            _record(PersonAct.TOKEN_MADE, row, by.name, address, now, note)
    except IntegrityError as taken:
        raise TokenNameTaken from taken
    return Made(row, token)


def living(tenant_id: UUID, now: datetime) -> QuerySet[ManagementToken]:
    """Tokens of a tenant that open something."""
    return ManagementToken.objects.filter(tenant_id=tenant_id, revoked_at=None, expires_at__gt=now)


def revoke(*, token_id: UUID, by: Actor, address: str, reason: str) -> None:
    """End a token at once.

    :raises TokenOver: it has ended
    """
    with transaction.atomic():
        now = queries.database_now()
        if not _end(ManagementToken.objects.filter(pk=token_id, expires_at__gt=now), by.name, address, now, reason):
            raise TokenOver


@requires_transaction
def revoke_beyond(*, tenant_id: UUID, user_id: int, role: Role | None, by: str, address: str, now: datetime) -> int:
    """End a member's tokens that reach beyond the role that he has from now on, inside the caller's transaction.

    Who leaves (`role` None), or is no admin any more, has none. Returns how many ended.
    """
    mine = ManagementToken.objects.filter(tenant_id=tenant_id, made_by=user_id).exclude(scope__in=_scopes_of(role))
    return _end(mine, by, address, now, "who made it has left, or has a lesser role")


def of_token(token: str) -> ManagementToken | None:
    """The living token that somebody shows, with its tenant; none where the member who made it could not make it today.

    His role is looked at here too: provisioning changes roles, and staff closes log-ins, without knowing of tokens.
    """
    maker = Member.objects.filter(tenant=OuterRef("tenant"), user=OuterRef("made_by"), user__is_active=True)
    rows: QuerySet[Any] = ManagementToken.objects.annotate(role_of_maker=Subquery(maker.values("role")[:1]))
    rows = rows.select_related("tenant").filter(digest=token_digest(token), revoked_at=None)
    row = rows.filter(expires_at__gt=queries.database_now()).first()
    if row is None or (row.made_by_id is not None and row.scope not in _scopes_of(row.role_of_maker)):
        return None
    found: ManagementToken = row
    return found


def _scopes_of(role: str | None) -> list[str]:
    """The scopes that a member of this role may give; none below admin."""
    if role is None or ROLES.index(Role(role)) < ROLES.index(Role.ADMIN):
        return []
    return [scope.value for scope, needs in ROLE_OF.items() if ROLES.index(needs) <= ROLES.index(Role(role))]


def note_use(row: ManagementToken) -> None:
    """Keep when it was used last, to the minute: not each call is worth a write."""
    now = queries.database_now()
    if row.last_used_at is None or now - row.last_used_at >= _USED_KEPT_TO:
        ManagementToken.objects.filter(pk=row.pk).update(last_used_at=now)


def _end(rows: QuerySet[ManagementToken], by: str, address: str, now: datetime, reason: str) -> int:
    ended = 0
    for row in rows.filter(revoked_at=None).order_by("id"):
        won = ManagementToken.objects.filter(pk=row.pk, revoked_at=None).update(revoked_at=now, revoked_as=by[:150])
        if won:
            ended += 1
            _record(PersonAct.TOKEN_REVOKED, row, by, address, now, reason)
    return ended


def _record(act: PersonAct, row: ManagementToken, actor: str, address: str, at: datetime, note: str) -> None:
    person_history.record(
        act=act,
        person=f"token {row.name}",
        actor=actor,
        address=address,
        at=at,
        tenant_id=row.tenant_id,
        note=note,
    )
