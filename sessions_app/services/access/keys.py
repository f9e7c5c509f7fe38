"""Enrol keys and decide about them. What is approved is the key; its session follows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from sessions_app import queries
from sessions_app.auth.account_session_key import key_fingerprint
from sessions_app.auth.hashing import hash_keys
from sessions_app.auth.recogniser import verified_keys
from sessions_app.auth.registry import takes_keys
from sessions_app.domain.keys import canonical_account_id, check_key, owners_code, token_digest
from sessions_app.domain.lifecycle import KeyState, Reason
from sessions_app.domain.problems import Refused
from sessions_app.models import AuthKey, BrokerAccount, Tenant, light
from sessions_app.models.bulk import insert_rows
from sessions_app.models.transactions import requires_transaction
from sessions_app.services.access import enrolment_policies
from sessions_app.services.ingest import quarantine
from sessions_app.services.ingest.ports import Batch
from sessions_app.services.lifecycle import ending, locking, promotion
from sessions_app.services.lifecycle.after_commit import ring_after_commit
from sessions_app.services.operations import history, moves
from sessions_app.services.operations.history import Actor

_log = structlog.get_logger(__name__)


def _clock(at: datetime) -> str:
    """By the clock of whoever looks at a page; of programs, UTC."""
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M:%S} {timezone.get_current_timezone_name()}"


class AlreadyDecided(Exception):
    """Someone else decided about this key first: what, who and when."""

    def __init__(self, *, state: str, by: str, at: datetime | None) -> None:
        self.state, self.by, self.at = state, by, at
        super().__init__(f"Already {state} by {by} at {_clock(at)}" if at else f"The key is {state}")

    @classmethod
    def of(cls, key_id: UUID) -> "AlreadyDecided":
        key = AuthKey.objects.get(id=key_id)
        return cls(state=key.state, by=key.decided_as, at=key.decided_at)


class TenantNeeded(Exception):
    """The account belongs to nobody yet: an approval must say whose it becomes."""


class KeysNotTaken(Exception):
    """The account's tenant has switched off every method that goes by keys."""


class ForeignAccount(Exception):
    """The account belongs to another tenant."""


@dataclass(frozen=True, slots=True)
class Approval:
    """An approved key, and the session that was promoted with it, if one was alive."""

    key_id: UUID
    promoted: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """A key that nobody knows yet, and what is to be stored of it. `digest`: see `auth.interface.Verified`."""

    account_id: str
    claimed_as: str
    fingerprint: str
    digest: str
    key_hash: str
    address: str


def enrol(*, unknown: Unknown, stored: bool, now: datetime) -> AuthKey:
    """Store a key that nobody knows yet, as one approval request; asking again finds the same request.

    A policy of its tenant approves it at once.

    `stored`: keys that no policy approves are kept.

    :raises Refused: `key_not_enrolled`: they are not, and no policy applies (any more); `try_later`: the
        account's last key has lapsed in this moment, and the account with it
    """
    try:
        return _enrol(unknown, stored=stored, now=now)
    except IntegrityError as gone:
        raise Refused("try_later", retry_after=1) from gone


def _enrol(unknown: Unknown, *, stored: bool, now: datetime) -> AuthKey:
    with transaction.atomic(durable=True):
        # The same statements whether the account is new or not: how long it takes tells nothing.
        claimed = BrokerAccount(account_id=unknown.account_id, claimed_as=unknown.claimed_as, created_at=now)
        BrokerAccount.objects.bulk_create([claimed], ignore_conflicts=True)
        account = BrokerAccount.objects.get(account_id=unknown.account_id)
        key = request_approval(
            account=account,
            fingerprint=unknown.fingerprint,
            digest=unknown.digest,
            key_hash=unknown.key_hash,
            address=unknown.address,
            actor=history.EA,
            now=now,
        )
        batch = Batch(now=now)
        marks = (unknown.fingerprint, unknown.digest)
        if not _approve_by_policy(batch, key=key, marks=marks, address=unknown.address) and not stored:
            raise Refused("key_not_enrolled")
    ring_after_commit(batch)
    key.refresh_from_db()
    return key


def consult_policies(*, key: AuthKey, digest: str, address: str) -> AuthKey:
    """The pending key, approved if a policy applies by now; else as it is."""
    with transaction.atomic(durable=True):
        batch = Batch(now=queries.database_now())
        approved = _approve_by_policy(batch, key=key, marks=(key.fingerprint, digest), address=address)
    ring_after_commit(batch)
    if approved:
        key.refresh_from_db()
    return key


@requires_transaction
def _approve_by_policy(batch: Batch, *, key: AuthKey, marks: Sequence[str], address: str) -> bool:
    """Approve a pending key by the policy that applies, inside the caller's transaction; whether it is approved now.

    The key is locked first, then the account's turn: of two first keys of an account only one finds it without any.
    """
    locked = AuthKey.objects.select_for_update(no_key=True).get(id=key.id)
    if locked.state != KeyState.PENDING:
        return locked.state == KeyState.APPROVED
    locking.take_turns(locked.account_id)
    account = BrokerAccount.objects.select_related("tenant").get(id=locked.account_id)
    policy = enrolment_policies.applying_policy(
        enrolment_policies.Asking(account.account_id, account, marks, address, batch.now)
    )
    if policy is None or not takes_keys(account.tenant) or not enrolment_policies.spend_place(policy):
        return False
    approve_in(batch, key_id=key.id, by=policy.actor, reason=policy.reason, tenant_id=policy.tenant_id)
    _log.info("key.approved", key_id=str(key.id), by=policy.actor.name)
    return True


@requires_transaction
def request_approval(
    *, account: BrokerAccount, fingerprint: str, digest: str, key_hash: str, address: str, actor: Actor, now: datetime
) -> AuthKey:
    """The one approval request of this key for this account, inside the caller's transaction."""
    # A terminal asks again and again while it waits: one request a key, however often.
    key, created = AuthKey.objects.get_or_create(
        account=account,
        fingerprint=fingerprint,
        defaults={
            "key_hash": key_hash,
            "code": owners_code(digest),
            "requested_at": now,
            "requested_from": address,
        },
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


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key of an account that the running transaction has made."""

    account_pk: UUID
    fingerprint: str
    key_hash: str
    approved: bool


@requires_transaction
def store_new(new: Sequence[NewKey], *, address: str, by: Actor, reason: str, now: datetime) -> list[AuthKey]:
    """Store many keys at once, and approve those that shall be, inside the caller's transaction. Their accounts were
    made by it: nobody else has asked for them, and there is no session to promote. In their order, as stored at first.
    """
    rows = [
        light.record(
            AuthKey,
            account_id=key.account_pk,
            fingerprint=key.fingerprint,
            key_hash=key.key_hash,
            requested_at=now,
            requested_from=address,
        )
        for key in new
    ]
    insert_rows(AuthKey, rows)
    history.record_for_keys(rows, before="", after=KeyState.PENDING, reason=Reason.ASKED, actor=by, at=now)
    approved = [row for row, key in zip(rows, new, strict=True) if key.approved]
    decided = {"decided_at": now, "decided_by": by.user_id, "decided_as": by.name, "decision_reason": reason[:255]}
    if approved:
        moves.move_keys([row.id for row in approved], KeyState.PENDING, KeyState.APPROVED, **decided)
    history.record_for_keys(
        approved,
        before=KeyState.PENDING,
        after=KeyState.APPROVED,
        reason=Reason.KEY_APPROVED,
        actor=by,
        at=now,
        note=reason,
    )
    return rows


def approve(
    *,
    key_id: UUID,
    by: Actor,
    reason: str,
    tenant_id: UUID | None = None,
    overlap: timedelta | None = None,
    lasts: timedelta | None = None,
) -> Approval:
    """Approve a pending key and promote its newest living session, if there is one.

    `tenant_id` names the owner of an account that has none yet; it is ignored for any other. `overlap`: the account's
    other approved keys retire after it; without one they stay valid. `lasts`: this key itself retires after it.

    :raises AlreadyDecided: someone else decided first; says who and when
    :raises TenantNeeded: the account has no tenant and none was given
    :raises KeysNotTaken: a key would open nothing
    """
    with transaction.atomic(durable=True):
        batch = Batch(now=queries.database_now())
        if not takes_keys(_owner(key_id, tenant_id)):
            raise KeysNotTaken
        promoted = approve_in(batch, key_id=key_id, by=by, reason=reason, tenant_id=tenant_id, overlap=overlap)
        if lasts is not None:
            retire_in(key_id=key_id, at=batch.now + lasts, by=by, reason=reason, now=batch.now)
    ring_after_commit(batch)
    _log.info("key.approved", key_id=str(key_id), by=by.name)
    return Approval(key_id=key_id, promoted=promoted)


@requires_transaction
def approve_in(
    batch: Batch, *, key_id: UUID, by: Actor, reason: str, tenant_id: UUID | None, overlap: timedelta | None = None
) -> UUID | None:
    """`approve`, inside the caller's transaction; the caller rings after the commit. Returns the promoted session.

    :raises AlreadyDecided: someone else decided first
    :raises TenantNeeded: the account has no tenant and none was given
    """
    if overlap is not None:
        _lock_keys_beside(key_id)
    key = _decide(key_id, KeyState.PENDING, KeyState.APPROVED, by=by, reason=reason, batch=batch)
    if overlap is not None:  # all keys before any session: whoever opens one locks its key first
        _retire_others(key_id, at=batch.now + overlap, by=by, now=batch.now)
    locking.lock_living_sessions(key.account_id)
    _give_tenant(key.account_id, tenant_id)
    return promotion.promote_newest_living(key_id=key_id, batch=batch)


def reject(*, key_id: UUID, by: Actor, reason: str) -> None:
    """Reject a pending key; its sessions end.

    :raises AlreadyDecided: someone else decided first
    """
    with transaction.atomic(durable=True):
        batch = Batch(now=queries.database_now())
        _decide(key_id, KeyState.PENDING, KeyState.REJECTED, by=by, reason=reason, batch=batch)
        ending.end_sessions_of_key(key_id=key_id, rejected=True, actor=by, batch=batch)
        quarantine.discard(key_id=key_id)
    ring_after_commit(batch)
    _log.info("key.rejected", key_id=str(key_id), by=by.name)


def revoke(*, key_id: UUID, by: Actor, reason: str) -> None:
    """Withdraw an approved key; its sessions end at once.

    :raises AlreadyDecided: the key is not approved (any more)
    """
    with transaction.atomic(durable=True):
        batch = Batch(now=queries.database_now())
        _decide(key_id, KeyState.APPROVED, KeyState.REVOKED, by=by, reason=reason, batch=batch)
        ending.end_sessions_of_key(key_id=key_id, rejected=False, actor=by, batch=batch)
        quarantine.discard(key_id=key_id)
    ring_after_commit(batch)
    _log.info("key.revoked", key_id=str(key_id), by=by.name)


def retire(*, key_id: UUID, after: timedelta, by: Actor, reason: str) -> datetime:
    """Let an approved key end by itself: until then it is as good as its successor. Returns when.

    :raises AlreadyDecided: the key is not approved (any more)
    """
    with transaction.atomic(durable=True):
        now = queries.database_now()
        retire_in(key_id=key_id, at=now + after, by=by, reason=reason, now=now)
    _log.info("key.retires", key_id=str(key_id), by=by.name)
    return now + after


@requires_transaction
def retire_in(*, key_id: UUID, at: datetime, by: Actor, reason: str, now: datetime) -> None:
    """`retire`, inside the caller's transaction.

    :raises AlreadyDecided: the key is not approved (any more)
    """
    if not AuthKey.objects.filter(id=key_id, state=KeyState.APPROVED).update(retires_at=at):
        raise AlreadyDecided.of(key_id)
    verified_keys.forget(key_id)
    history.record(
        account_pk=AuthKey.objects.get(id=key_id).account_id,
        key_id=key_id,
        before=KeyState.APPROVED,
        after=KeyState.APPROVED,
        reason=Reason.KEY_RETIRES,
        actor=by,
        at=now,
        note=f"at {at:%Y-%m-%d %H:%M:%S} UTC: {reason}",
    )


def _lock_keys_beside(key_id: UUID) -> None:
    """Lock all keys of a key's account in the order of their ids: some of them end with its approval."""
    keys = AuthKey.objects.filter(account__keys=key_id).order_by("id")
    list(keys.select_for_update(of=("self",), no_key=True).values_list("id"))


def _retire_others(key_id: UUID, *, at: datetime, by: Actor, now: datetime) -> None:
    """End the overlap of the account's other approved keys, unless it ends sooner anyway."""
    account_pk = AuthKey.objects.get(id=key_id).account_id
    others = AuthKey.objects.filter(account_id=account_pk, state=KeyState.APPROVED).exclude(id=key_id)
    staying = others.filter(Q(retires_at=None) | Q(retires_at__gt=at)).order_by("id")
    for other in staying.values_list("id", flat=True):
        retire_in(key_id=other, at=at, by=by, reason=f"replaced by {key_id}", now=now)


def revoke_retired() -> int:
    """Revoke keys whose overlap is over; their sessions end. Returns how many. The sweep and beat call it."""
    revoked = 0
    # Each in its own transaction: several gateways sweep at once, and who comes second skips.
    for key_id in queries.retired_keys(queries.database_now()):
        try:
            revoke(key_id=key_id, by=history.GATEWAY, reason="its overlap with another key is over")
        except AlreadyDecided:
            continue  # somebody revoked it in between
        revoked += 1
    return revoked


def share_key(
    *, tenant_id: UUID, claimed_as: str, material: str, by: Actor, reason: str, overlap: timedelta | None = None
) -> Approval:
    """Approve a key that its EA has not shown yet, for an account of the tenant, or of nobody until now.

    :raises Refused: `account_id_invalid`, `key_malformed`
    :raises ForeignAccount: the account belongs to another tenant
    :raises AlreadyDecided: somebody has decided about this key before
    """
    canonical = canonical_account_id(claimed_as)
    check_key(material)
    # Before the transaction: hashing takes milliseconds, and no lock should be held meanwhile.
    (key_hash,) = hash_keys([material])
    with transaction.atomic(durable=True):
        batch = Batch(now=queries.database_now())
        account, _ = BrokerAccount.objects.get_or_create(
            account_id=canonical, defaults={"claimed_as": claimed_as, "created_at": batch.now}
        )
        # A tenant could otherwise take over the account of another one with a key of its own.
        if account.tenant_id not in (None, tenant_id):
            raise ForeignAccount
        key = request_approval(
            account=account,
            fingerprint=key_fingerprint(material),
            digest=token_digest(material),
            key_hash=key_hash,
            address="",
            actor=by,
            now=batch.now,
        )
        promoted = approve_in(batch, key_id=key.id, by=by, reason=reason, tenant_id=tenant_id, overlap=overlap)
    ring_after_commit(batch)
    _log.info("key.shared", key_id=str(key.id), by=by.name)
    return Approval(key_id=key.id, promoted=promoted)


_REASONS = {
    KeyState.APPROVED: Reason.KEY_APPROVED,
    KeyState.REJECTED: Reason.KEY_REJECTED,
    KeyState.REVOKED: Reason.KEY_REVOKED,
}


@requires_transaction
def _decide(key_id: UUID, before: KeyState, after: KeyState, *, by: Actor, reason: str, batch: Batch) -> AuthKey:
    """Move a key by compare-and-set and write its history row, inside the caller's transaction."""
    decided = {"decided_at": batch.now, "decided_by": by.user_id, "decided_as": by.name}
    if not moves.move_key(key_id, before, after, **decided, decision_reason=reason[:255]):
        raise AlreadyDecided.of(key_id)
    verified_keys.forget(key_id)
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


def _owner(key_id: UUID, tenant_id: UUID | None) -> Tenant | None:
    """Whose account it is that a key asks for, or would be."""
    owned = Tenant.objects.filter(accounts__keys=key_id)
    return owned.first() or (Tenant.objects.filter(id=tenant_id).first() if tenant_id is not None else None)


def _give_tenant(account_pk: UUID, tenant_id: UUID | None) -> None:
    account = BrokerAccount.objects.get(id=account_pk)
    if account.tenant_id is not None:
        return
    if tenant_id is None or not Tenant.objects.filter(id=tenant_id).exists():
        raise TenantNeeded
    # Compare-and-set: an owner is given once and never changed here.
    BrokerAccount.objects.filter(id=account_pk, tenant__isnull=True).update(tenant_id=tenant_id)
