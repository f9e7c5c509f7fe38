"""Members change their role and leave. The last owner stays: nobody else could give anybody a role."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from sessions_app import queries
from sessions_app.domain.people import PersonAct
from sessions_app.models import Member, Role
from sessions_app.models.transactions import requires_transaction
from sessions_app.services.access import management_tokens
from sessions_app.services.operations import person_history
from sessions_app.services.operations.history import Actor


class LastOwner(Exception):
    """The tenant would have no owner."""

    def __str__(self) -> str:
        return "this is the tenant's last owner: make somebody else an owner first"


class MemberChanged(Exception):
    """The member has left, or has another role than was looked at."""

    def __str__(self) -> str:
        return "somebody else has changed this member meanwhile"


class SameRole(Exception):
    """The member has this role already."""

    def __str__(self) -> str:
        return "the member has this role already"


def change_role(*, row: Member, role: Role, by: Actor, address: str) -> None:
    """Give a member another role. Management tokens of his that reach further end.

    :raises SameRole, LastOwner, MemberChanged: nothing is changed then
    """
    if row.role == role:
        raise SameRole
    with transaction.atomic():
        now = _guard(row)
        if not Member.objects.filter(pk=row.pk, role=row.role).update(role=role):
            raise MemberChanged
        _end_tokens(row, role, by, address, now)
        _record(PersonAct.ROLE_CHANGED, row, by, address, now, f"{row.role} to {role.value}")


def remove(*, row: Member, by: Actor, address: str) -> None:
    """Take a member out of his tenant: its pages and his management tokens are closed to him at once. His log-in stays.

    :raises LastOwner, MemberChanged: nothing is changed then
    """
    with transaction.atomic():
        now = _guard(row)
        if not Member.objects.filter(pk=row.pk, role=row.role).delete()[0]:
            raise MemberChanged
        _end_tokens(row, None, by, address, now)
        _record(PersonAct.MEMBER_REMOVED, row, by, address, now, f"was {row.role}")


@requires_transaction
def _guard(row: Member) -> datetime:
    """Refuse to take the last owner, inside the caller's transaction. All owners are locked: two could go at once."""
    owners: set[UUID] = set()
    if row.role == Role.OWNER:
        locked = Member.objects.filter(tenant_id=row.tenant_id, role=Role.OWNER).order_by("id")
        owners = set(locked.select_for_update(no_key=True).values_list("id", flat=True))
        if owners == {row.pk}:
            raise LastOwner
    return queries.database_now()


def _end_tokens(row: Member, role: Role | None, by: Actor, address: str, now: datetime) -> None:
    management_tokens.revoke_beyond(
        tenant_id=row.tenant_id, user_id=row.user_id, role=role, by=by.name, address=address, now=now
    )


def _record(act: PersonAct, row: Member, by: Actor, address: str, at: datetime, note: str) -> None:
    person_history.record(
        act=act,
        person=row.user.get_username(),
        actor=by.name,
        address=address,
        at=at,
        tenant_id=row.tenant_id,
        note=note,
    )
