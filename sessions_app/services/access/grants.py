"""Grant accounts to whom a token speaks of, and withdraw them. What a session rests on is felt by it at once."""

from datetime import datetime
from uuid import UUID

import structlog
from django.db import transaction

from sessions_app import queries
from sessions_app.auth.interface import Vouched
from sessions_app.auth.registry import offered, strategy_for
from sessions_app.domain.lifecycle import GrantState, Reason
from sessions_app.domain.problems import Refused
from sessions_app.models import AccountGrant, BrokerAccount, Tenant
from sessions_app.models.transactions import requires_transaction
from sessions_app.services.ingest.ports import Batch
from sessions_app.services.lifecycle import ending
from sessions_app.services.lifecycle.after_commit import ring_after_commit
from sessions_app.services.operations import history, moves
from sessions_app.services.operations.history import Actor

_log = structlog.get_logger(__name__)


class NotGranted(Exception):
    """The grant is not in force (any more): someone else was first."""


@requires_transaction
def allow_account(
    *, account_pk: UUID, method: str, subject: str, by: Actor, reason: str, now: datetime
) -> AccountGrant:
    """Grant an account, inside the caller's transaction; granting it again changes nothing."""
    grant = _first(account_pk=account_pk, method=method, subject=subject, by=by, reason=reason, now=now)
    decided = {"decided_at": now, "decided_as": by.name, "decision_reason": reason[:255]}
    # In force already: nothing moves, and no second event is written.
    if moves.move_grant(grant.id, GrantState.REVOKED, GrantState.GRANTED, **decided):
        grant.refresh_from_db()
        _record(grant, GrantState.REVOKED, by=by, reason=reason, at=now)
    return grant


def _first(*, account_pk: UUID, method: str, subject: str, by: Actor, reason: str, now: datetime) -> AccountGrant:
    """The grant there is, whatever its state; else a first one, in force."""
    grant, created = AccountGrant.objects.get_or_create(
        account_id=account_pk,
        method=method,
        subject=subject,
        defaults={"decided_at": now, "decided_as": by.name, "decision_reason": reason[:255]},
    )
    if created:
        _record(grant, "", by=by, reason=reason, at=now)
    return grant


def withdraw_grant(*, grant_id: UUID, by: Actor, reason: str) -> None:
    """Withdraw a grant; its sessions end at once.

    :raises NotGranted: it is not in force
    """
    with transaction.atomic(durable=True):
        batch = Batch(now=queries.database_now())
        withdraw_grant_in(batch, grant_id=grant_id, by=by, reason=reason)
    ring_after_commit(batch)
    _log.info("grant.revoked", grant_id=str(grant_id), by=by.name)


@requires_transaction
def withdraw_grant_in(batch: Batch, *, grant_id: UUID, by: Actor, reason: str) -> None:
    """`withdraw_grant`, inside the caller's transaction; the caller rings after the commit.

    :raises NotGranted: it is not in force
    """
    decided = {"decided_at": batch.now, "decided_as": by.name, "decision_reason": reason[:255]}
    if not moves.move_grant(grant_id, GrantState.GRANTED, GrantState.REVOKED, **decided):
        raise NotGranted
    grant = AccountGrant.objects.get(id=grant_id)
    _record(grant, GrantState.GRANTED, by=by, reason=reason, at=batch.now)
    ending.end_sessions_of_grant(grant_id=grant_id, actor=by, batch=batch)


def admit_by_policy(*, vouched: Vouched, method: str, account_id: str, claimed_as: str) -> AccountGrant:
    """The grant for whom a trusted word speaks of: the one there is, else a first one, by the policy of that method.

    An account that nobody knows yet comes into being only in the tenant that the deployment names for this method.

    :raises Refused: `account_not_granted`: the account has no tenant or another one, or the grant was withdrawn;
        `auth_method_unknown`: that tenant does not offer this method
    """
    with transaction.atomic(durable=True):
        now = queries.database_now()
        account = _account(vouched, method=method, account_id=account_id, claimed_as=claimed_as, now=now)
        grant = _first(
            account_pk=account.id,
            method=method,
            subject=vouched.subject,
            by=Actor(f"policy: {method}"),
            reason="the issuer's word for this account",
            now=now,
        )
        if grant.state != GrantState.GRANTED:  # an operator's word is above the issuer's
            raise Refused("account_not_granted")
        return grant


def _account(vouched: Vouched, *, method: str, account_id: str, claimed_as: str, now: datetime) -> BrokerAccount:
    account = queries.account_by_id(account_id)
    if not vouched.tenant:
        # The issuer may speak of accounts that exist and have an owner; it cannot claim one.
        if account is None or account.tenant is None or method not in offered(account.tenant):
            raise Refused("account_not_granted")
        return account
    tenant = Tenant.objects.filter(name=vouched.tenant).first()
    if tenant is None:
        _log.error("tenant.missing", tenant=vouched.tenant)
        raise Refused("account_not_granted")
    if account is None:
        account, _ = BrokerAccount.objects.get_or_create(
            account_id=account_id, defaults={"claimed_as": claimed_as, "created_at": now}
        )
    # Compare-and-set: whoever gave it to another tenant in between keeps it.
    BrokerAccount.objects.filter(id=account.id, tenant__isnull=True).update(tenant=tenant)
    account.refresh_from_db(fields=["tenant"])
    if account.tenant_id != tenant.id:
        raise Refused("account_not_granted")
    # Refuses a method that the tenant does not offer: known only now that the tenant is.
    strategy_for(method, tenant)
    return account


def _record(grant: AccountGrant, before: str, *, by: Actor, reason: str, at: datetime) -> None:
    history.record(
        account_pk=grant.account_id,
        grant_id=grant.id,
        before=before,
        after=grant.state,
        reason=Reason.GRANTED if grant.state == GrantState.GRANTED else Reason.KEY_REVOKED,
        actor=by,
        at=at,
        note=reason,
    )
