"""Enrol keys and decide about them. What is approved is the key; its session follows."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog
from django.db import transaction

from sessions_app import queries
from sessions_app.domain.lifecycle import KeyState, Reason
from sessions_app.models import AuthKey, BrokerAccount, Tenant
from sessions_app.services import history, sessions
from sessions_app.services.history import Actor
from sessions_app.services.ports import Batch

_log = structlog.get_logger(__name__)


class AlreadyDecided(Exception):
    """Someone else decided about this key first: what, who and when."""

    def __init__(self, *, state: str, by: str, at: datetime | None) -> None:
        self.state, self.by, self.at = state, by, at
        super().__init__(f"Already {state} by {by} at {at:%Y-%m-%d %H:%M:%S} UTC" if at else f"The key is {state}")

    @classmethod
    def of(cls, key_id: UUID) -> "AlreadyDecided":
        key = AuthKey.objects.get(id=key_id)
        return cls(state=key.state, by=key.decided_as, at=key.decided_at)


class TenantNeeded(Exception):
    """The account belongs to nobody yet: an approval must say whose it becomes."""


@dataclass(frozen=True, slots=True)
class Approval:
    """An approved key, and the session that was promoted with it, if one was alive."""

    key_id: UUID
    promoted: UUID | None


def enrol(*, account_id: str, claimed_as: str, fingerprint: str, key_hash: str, address: str, now: datetime) -> AuthKey:
    """Store a key that nobody knows yet, as one approval request; asking again finds the same request."""
    with transaction.atomic(durable=True):
        account, _ = BrokerAccount.objects.get_or_create(
            account_id=account_id, defaults={"claimed_as": claimed_as, "created_at": now}
        )
        return request_approval(
            account=account, fingerprint=fingerprint, key_hash=key_hash, address=address, actor=history.EA, now=now
        )


def request_approval(
    *, account: BrokerAccount, fingerprint: str, key_hash: str, address: str, actor: Actor, now: datetime
) -> AuthKey:
    """The one approval request of this key for this account, inside the caller's transaction."""
    key, created = AuthKey.objects.get_or_create(
        account=account,
        fingerprint=fingerprint,
        defaults={"key_hash": key_hash, "requested_at": now, "requested_from": address},
    )
    if created:
        history.record(
            account_pk=account.id,
            key_id=key.id,
            before="",
            after=KeyState.PENDING,
            reason=Reason.ASKED,
            actor=actor,
            at=now,
        )
    return key


def approve(*, key_id: UUID, by: Actor, reason: str, tenant_id: UUID | None = None) -> Approval:
    """Approve a pending key and promote its newest living session, if there is one.

    `tenant_id` names the owner of an account that has none yet; it is ignored for any other.

    :raises AlreadyDecided: someone else decided first; says who and when
    :raises TenantNeeded: the account has no tenant and none was given
    """
    with transaction.atomic(durable=True):
        batch = Batch(now=queries.database_now())
        promoted = approve_in(batch, key_id=key_id, by=by, reason=reason, tenant_id=tenant_id)
    sessions.tell(batch)
    _log.info("key.approved", key_id=str(key_id), by=by.name)
    return Approval(key_id=key_id, promoted=promoted)


def approve_in(batch: Batch, *, key_id: UUID, by: Actor, reason: str, tenant_id: UUID | None) -> UUID | None:
    """`approve`, inside the caller's transaction; the caller tells the batch. Returns the promoted session.

    :raises AlreadyDecided: someone else decided first
    :raises TenantNeeded: the account has no tenant and none was given
    """
    key = _decide(key_id, KeyState.PENDING, KeyState.APPROVED, by=by, reason=reason, batch=batch)
    _give_tenant(key.account_id, tenant_id)
    return sessions.promote_newest_living(key_id=key_id, batch=batch)


def reject(*, key_id: UUID, by: Actor, reason: str) -> None:
    """Reject a pending key; its sessions end.

    :raises AlreadyDecided: someone else decided first
    """
    with transaction.atomic(durable=True):
        batch = Batch(now=queries.database_now())
        _decide(key_id, KeyState.PENDING, KeyState.REJECTED, by=by, reason=reason, batch=batch)
        sessions.end_sessions_of_key(key_id=key_id, rejected=True, actor=by, batch=batch)
    sessions.tell(batch)
    _log.info("key.rejected", key_id=str(key_id), by=by.name)


def revoke(*, key_id: UUID, by: Actor, reason: str) -> None:
    """Withdraw an approved key; its sessions end at once.

    :raises AlreadyDecided: the key is not approved (any more)
    """
    with transaction.atomic(durable=True):
        batch = Batch(now=queries.database_now())
        _decide(key_id, KeyState.APPROVED, KeyState.REVOKED, by=by, reason=reason, batch=batch)
        sessions.end_sessions_of_key(key_id=key_id, rejected=False, actor=by, batch=batch)
    sessions.tell(batch)
    _log.info("key.revoked", key_id=str(key_id), by=by.name)


_REASONS = {
    KeyState.APPROVED: Reason.KEY_APPROVED,
    KeyState.REJECTED: Reason.KEY_REJECTED,
    KeyState.REVOKED: Reason.KEY_REVOKED,
}


def _decide(key_id: UUID, before: KeyState, after: KeyState, *, by: Actor, reason: str, batch: Batch) -> AuthKey:
    """Move a key by compare-and-set and write its history row, inside the caller's transaction."""
    won = AuthKey.objects.filter(id=key_id, state=before).update(
        state=after, decided_at=batch.now, decided_by=by.user_id, decided_as=by.name, decision_reason=reason[:255]
    )
    if not won:
        raise AlreadyDecided.of(key_id)
    key = AuthKey.objects.get(id=key_id)
    history.record(
        account_pk=key.account_id,
        key_id=key_id,
        before=before,
        after=after,
        reason=_REASONS[after],
        actor=by,
        at=batch.now,
        note=reason,
    )
    return key


def _give_tenant(account_pk: UUID, tenant_id: UUID | None) -> None:
    account = BrokerAccount.objects.get(id=account_pk)
    if account.tenant_id is not None:
        return
    if tenant_id is None or not Tenant.objects.filter(id=tenant_id).exists():
        raise TenantNeeded
    BrokerAccount.objects.filter(id=account_pk, tenant__isnull=True).update(tenant_id=tenant_id)
