"""Suspend a tenant, and lift it: its people and its programs are shut out, its EAs and their copies go on."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from sessions_app import queries
from sessions_app.domain.people import PersonAct
from sessions_app.models import Tenant
from sessions_app.services.operations import person_history
from sessions_app.services.operations.history import Actor


class AlreadyThere(Exception):
    """The tenant is in this state already: someone else was first."""


def suspend(*, tenant_id: UUID, by: Actor, reason: str) -> None:
    """Shut out a tenant's members and management tokens. No session ends: open copies must be closed with their master.

    :raises AlreadyThere: it is suspended
    """
    _move(tenant_id, PersonAct.TENANT_SUSPENDED, by, reason, to=queries.database_now())


def lift(*, tenant_id: UUID, by: Actor, reason: str) -> None:
    """Let them in again.

    :raises AlreadyThere: it is not suspended
    """
    _move(tenant_id, PersonAct.TENANT_SUSPENSION_LIFTED, by, reason, to=None)


def _move(tenant_id: UUID, act: PersonAct, by: Actor, reason: str, *, to: datetime | None) -> None:
    with transaction.atomic():
        rows = Tenant.objects.filter(pk=tenant_id, suspended_at__isnull=to is not None)
        if not rows.update(suspended_at=to):
            raise AlreadyThere
        name = Tenant.objects.values_list("name", flat=True).get(pk=tenant_id)
        person_history.record(
            act=act,
            person=name,
            actor=by,
            at=queries.database_now(),
            tenant_id=tenant_id,
            note=reason,
        )
