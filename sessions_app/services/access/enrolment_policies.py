"""A tenant's approval policies: fingerprints approved beforehand, and windows in which an account's first key is.

A policy that does not apply leaves a key to the approval desk. Where two tenants' policies claim an account of nobody,
neither applies: that is for a person to decide.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import F, Q

from sessions_app import queries
from sessions_app.domain.enrolment import canonical_fingerprint, covers_account, covers_address
from sessions_app.domain.lifecycle import KeyState
from sessions_app.domain.people import PersonAct
from sessions_app.models import ApprovedFingerprint, AuthKey, BrokerAccount, EnrolmentWindow
from sessions_app.models.transactions import requires_transaction
from sessions_app.services.operations import person_history
from sessions_app.services.operations.history import Actor

_log = structlog.get_logger(__name__)


class AlreadyEnded(Exception):
    """The window was closed, or the fingerprint withdrawn, before."""


class AlreadyThere(Exception):
    """The tenant has this policy already."""


@dataclass(frozen=True, slots=True)
class Asking:
    """A key that asks: `marks` are the fingerprints it answers to; `account` is None for one that nobody knows."""

    account_id: str
    account: BrokerAccount | None
    marks: Sequence[str]
    address: str
    now: datetime


@dataclass(frozen=True, slots=True)
class Policy:
    """What approves a key: as which actor, why, and whose an account of nobody becomes.

    `proven`: the key itself was known beforehand. Otherwise only that somebody asks at the right time.
    """

    tenant_id: UUID
    actor: Actor
    reason: str
    window_id: UUID | None = None

    @property
    def proven(self) -> bool:
        return self.window_id is None


def applying_policy(asking: Asking) -> Policy | None:
    """The policy that approves this key now, if there is one. `spend_place` a window's before relying on it."""
    # The key itself was named: that is the better proof, and it uses up no place in a window.
    return _of_fingerprint(asking) or _of_window(asking)


@requires_transaction
def spend_place(policy: Policy) -> bool:
    """Take one place of a window, inside the caller's transaction; False if none is left or it was closed."""
    if policy.window_id is None:
        return True
    open_still = EnrolmentWindow.objects.filter(id=policy.window_id, closed_at=None)
    room = open_still.filter(Q(max_keys=None) | Q(enrolled__lt=F("max_keys")))
    # One conditional statement: of many who take the last place at once, one gets it.
    return bool(room.update(enrolled=F("enrolled") + 1))


def _of_fingerprint(asking: Asking) -> Policy | None:
    rows = ApprovedFingerprint.objects.filter(fingerprint__in=asking.marks, withdrawn_at=None)
    return _only(
        [
            Policy(row.tenant_id, Actor("policy: approved fingerprint"), f"{row.reason} (by {row.created_as})")
            for row in rows
            if covers_account(row.accounts, asking.account_id) and _may_have(row.tenant_id, asking, adopts=True)
        ]
    )


def _of_window(asking: Asking) -> Policy | None:
    rows = EnrolmentWindow.objects.filter(closed_at=None, opens_at__lte=asking.now, closes_at__gt=asking.now)
    fitting = [
        row
        for row in rows.filter(Q(max_keys=None) | Q(enrolled__lt=F("max_keys"))).order_by("opens_at", "id")
        if covers_account(row.accounts, asking.account_id)
        and covers_address(row.addresses, asking.address)
        and _may_have(row.tenant_id, asking, adopts=row.adopts)
    ]
    # Asked only where a window fits: it costs another read.
    if not fitting or _was_decided_about(asking.account):
        return None
    return _only(
        [
            Policy(row.tenant_id, Actor("policy: enrolment window"), f"{row.reason} (by {row.created_as})", row.id)
            for row in fitting
        ]
    )


def _may_have(tenant_id: UUID, asking: Asking, *, adopts: bool) -> bool:
    """An account of another tenant is never covered; one of nobody only where the policy takes such."""
    owner = asking.account.tenant_id if asking.account is not None else None
    return adopts if owner is None else owner == tenant_id


def _was_decided_about(account: BrokerAccount | None) -> bool:
    """A window is for an account's first key: whoever shows another one later is looked at by a person."""
    if account is None:
        return False
    return AuthKey.objects.filter(account=account).exclude(state=KeyState.PENDING).exists()


def _only(policies: Sequence[Policy]) -> Policy | None:
    return policies[0] if len({policy.tenant_id for policy in policies}) == 1 else None


# What people decide --------------------------------------------------------------------------------------------------


def approve_fingerprint(
    *, tenant_id: UUID, fingerprint: str, accounts: str, by: Actor, reason: str, now: datetime
) -> ApprovedFingerprint:
    """Approve a key that has not asked yet, inside the caller's transaction or its own.

    :raises Refused: `invalid`
    :raises AlreadyThere: the tenant has approved it before
    """
    with transaction.atomic():
        row, created = ApprovedFingerprint.objects.get_or_create(
            tenant_id=tenant_id,
            fingerprint=canonical_fingerprint(fingerprint),
            withdrawn_at=None,
            defaults={"accounts": accounts, "reason": reason[:255], "created_at": now, "created_as": by.name},
        )
        if not created:
            raise AlreadyThere
        _record(PersonAct.FINGERPRINT_APPROVED, row, by, now)
    _log.info("policy.fingerprint_approved", fingerprint_id=str(row.id), by=by.name)
    return row


def withdraw_fingerprint(*, fingerprint_id: UUID, by: Actor) -> None:
    """Approve it no more; keys that were approved by it stay approved.

    :raises AlreadyEnded: it was withdrawn before
    """
    with transaction.atomic():
        now = queries.database_now()
        rows = ApprovedFingerprint.objects.filter(id=fingerprint_id)
        if not rows.filter(withdrawn_at=None).update(withdrawn_at=now, withdrawn_as=by.name):
            raise AlreadyEnded
        _record(PersonAct.FINGERPRINT_WITHDRAWN, rows.get(), by, now)
    _log.info("policy.fingerprint_withdrawn", fingerprint_id=str(fingerprint_id), by=by.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What an enrolment window shall be; see the model."""

    opens_at: datetime
    closes_at: datetime
    max_keys: int | None = None
    accounts: str = "*"
    addresses: Sequence[str] = ()
    adopts: bool = False
    reason: str


def open_window(*, tenant_id: UUID, window: Window, by: Actor, now: datetime) -> EnrolmentWindow:
    """Open a window, inside the caller's transaction or its own.

    :raises AlreadyThere: the tenant has one that begins at that moment for these accounts
    """
    with transaction.atomic():
        row, created = EnrolmentWindow.objects.get_or_create(
            tenant_id=tenant_id,
            opens_at=window.opens_at,
            accounts=window.accounts,
            defaults={
                "closes_at": window.closes_at,
                "max_keys": window.max_keys,
                "addresses": list(window.addresses),
                "adopts": window.adopts,
                "reason": window.reason[:255],
                "created_at": now,
                "created_as": by.name,
            },
        )
        if not created:
            raise AlreadyThere
        _record(PersonAct.WINDOW_OPENED, row, by, now)
    _log.info("policy.window_opened", window_id=str(row.id), by=by.name)
    return row


def close_window(*, window_id: UUID, by: Actor) -> None:
    """Close a window before its time; keys that were approved by it stay approved.

    :raises AlreadyEnded: it was closed before
    """
    with transaction.atomic(durable=True):
        now = queries.database_now()
        rows = EnrolmentWindow.objects.filter(id=window_id)
        if not rows.filter(closed_at=None).update(closed_at=now, closed_as=by.name):
            raise AlreadyEnded
        _record(PersonAct.WINDOW_CLOSED, rows.get(), by, now)
    _log.info("policy.window_closed", window_id=str(window_id), by=by.name)


@requires_transaction
def _record(act: PersonAct, row: EnrolmentWindow | ApprovedFingerprint, by: Actor, at: datetime) -> None:
    """An end has no reason of its own: what is kept is why the policy was made."""
    whom = row.fingerprint[:12] if isinstance(row, ApprovedFingerprint) else row.accounts
    person_history.record(act=act, person=whom, actor=by, at=at, tenant_id=row.tenant_id, note=row.reason)
