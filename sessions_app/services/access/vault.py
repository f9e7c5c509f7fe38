"""Secrets of a tenant: stored, opened for a purpose, removed. Each of it leaves a row."""

from datetime import datetime
from typing import Final
from uuid import UUID

import structlog
from django.db import IntegrityError, transaction

from sessions_app import queries
from sessions_app.domain.references import name_in
from sessions_app.models import Tenant, VaultAct, VaultSecret, VaultUse
from sessions_app.models.transactions import requires_transaction
from sessions_app.vault import ring
from sessions_app.vault.sealing import Place, key_version, rewrap, seal, unseal

_FIELD: Final = "vault secret"
_log = structlog.get_logger(__name__)


class NameTaken(Exception):
    """The tenant has a secret of this name: it is replaced, not stored beside it."""


class NoSecret(Exception):
    """The tenant has no secret of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no secret {name} in the vault of this tenant")


class Changed(Exception):
    """Somebody else has replaced or removed the secret meanwhile."""


def store(*, tenant: Tenant, name: str, text: str, note: str, by: str, purpose: str, address: str = "") -> VaultSecret:
    """Put a new secret into a tenant's vault.

    :raises NameTaken: there is one of this name
    :raises VaultClosed: there is no key to seal it with
    """
    now = queries.database_now()
    row = VaultSecret(
        tenant=tenant, name=name, note=note[:255], version=1, created_at=now, changed_at=now, changed_as=by[:150]
    )
    _seal(row, text)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
            _record(row, VaultAct.STORED, by, purpose, now, address)
    except IntegrityError as taken:
        raise NameTaken from taken
    return row


def replace(*, row: VaultSecret, text: str, by: str, purpose: str, address: str = "") -> VaultSecret:
    """Another text for a secret; the former one is gone.

    :raises Changed: somebody was first
    """
    with transaction.atomic():
        now, before = queries.database_now(), row.version
        row.version, row.changed_at, row.changed_as = before + 1, now, by[:150]
        _seal(row, text)
        won = VaultSecret.objects.filter(pk=row.pk, version=before).update(
            version=row.version,
            sealed=row.sealed,
            key_version=row.key_version,
            changed_at=now,
            changed_as=row.changed_as,
        )
        if not won:
            raise Changed
        _record(row, VaultAct.REPLACED, by, purpose, now, address)
    return row


def remove(*, row: VaultSecret, by: str, purpose: str, address: str = "") -> None:
    """Take a secret out of the vault, for good.

    :raises Changed: somebody was first
    """
    with transaction.atomic():
        if not VaultSecret.objects.filter(pk=row.pk, version=row.version).delete()[0]:
            raise Changed
        _record(row, VaultAct.REMOVED, by, purpose, queries.database_now(), address)


def use(*, tenant_id: UUID, reference: str, by: str, purpose: str) -> str:
    """The text of the secret that `vault:NAME` names, for a purpose that is written down.

    The row is committed before the text is handed out: no rollback of the caller takes it back.

    :raises NotAReference: it names none
    :raises NoSecret: this tenant has none of this name
    :raises ValueError: without a purpose
    """
    if not purpose.strip():
        raise ValueError("a secret is opened for a purpose")
    name = name_in(reference)
    with transaction.atomic(durable=True):
        row = VaultSecret.objects.filter(tenant_id=tenant_id, name=name).first()
        if row is None:
            raise NoSecret(name)
        _record(row, VaultAct.USED, by, purpose, queries.database_now())
    return unseal(bytes(row.sealed), place=_place(row), ring=ring.current())


def check_all() -> int:
    """Open every secret, and show none. Returns how many.

    :raises KeyMissing, Unreadable: one does not open
    """
    count = 0
    for row in VaultSecret.objects.order_by("id").iterator():
        unseal(bytes(row.sealed), place=_place(row), ring=ring.current())
        count += 1
    return count


@requires_transaction
def rewrap_all(*, limit: int) -> int:
    """Wrap some of those that rest on an older key of the vault anew. Returns how many."""
    keys = ring.current()
    rows = list(VaultSecret.objects.select_for_update().exclude(key_version=keys.newest).order_by("id")[:limit])
    for row in rows:
        row.sealed = rewrap(bytes(row.sealed), place=_place(row), ring=keys)
        row.key_version = keys.newest
    VaultSecret.objects.bulk_update(rows, ["sealed", "key_version"])
    return len(rows)


def _seal(row: VaultSecret, text: str) -> None:
    row.sealed = seal(text, place=_place(row), ring=ring.current())
    row.key_version = key_version(row.sealed)


def _place(row: VaultSecret) -> Place:
    return Place(tenant=str(row.tenant_id), owner=str(row.pk), field=_FIELD, version=row.version)


@requires_transaction
def _record(row: VaultSecret, act: VaultAct, by: str, purpose: str, at: datetime, address: str = "") -> None:
    VaultUse.objects.create(
        tenant_id=row.tenant_id,
        name=row.name,
        version=row.version,
        act=act,
        actor=by[:150],
        address=address[:64],
        purpose=purpose[:255],
        at=at,
    )
    _log.info("vault.act", act=act.value, name=row.name, tenant=str(row.tenant_id), by=by)
