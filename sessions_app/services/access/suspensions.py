"""Suspend an account, and lift it: nobody may serve a suspended one. Its commands wait, its positions stay."""

from uuid import UUID

import structlog
from django.db import transaction

from sessions_app import queries
from sessions_app.domain.lifecycle import AccountState, Reason
from sessions_app.models import BrokerAccount
from sessions_app.services.ingest.ports import Batch
from sessions_app.services.lifecycle import ending, locking
from sessions_app.services.lifecycle.after_commit import ring_after_commit
from sessions_app.services.operations import history
from sessions_app.services.operations.history import Actor

_log = structlog.get_logger(__name__)


class AlreadyThere(Exception):
    """The account is in this state already: someone else was first."""


def suspend(*, account_pk: UUID, by: Actor, reason: str) -> int:
    """Refuse everyone who would serve an account, and end the session of who does. Returns how many ended.

    Pending sessions stay: a stranger who asks must not learn of it, and none is promoted.

    :raises AlreadyThere: it is suspended
    """
    with transaction.atomic(durable=True):
        batch = Batch(now=queries.database_now())
        # A session that is being authorised is either ended by us, or finds the account suspended.
        locking.take_turns(account_pk)
        ended = ending.end_session_of_account(
            account_pk=account_pk, reason=Reason.ACCOUNT_SUSPENDED, actor=by, batch=batch
        )
        if not BrokerAccount.objects.filter(id=account_pk, suspended_at=None).update(suspended_at=batch.now):
            raise AlreadyThere
        history.record(
            account_pk=account_pk,
            before=AccountState.ACTIVE,
            after=AccountState.SUSPENDED,
            reason=Reason.ACCOUNT_SUSPENDED,
            actor=by,
            at=batch.now,
            note=reason,
        )
    ring_after_commit(batch)
    _log.info("account.suspended", account_pk=str(account_pk), by=by.name)
    return ended


def lift_suspension(*, account_pk: UUID, by: Actor, reason: str) -> None:
    """Let an account be served again.

    :raises AlreadyThere: it is not suspended
    """
    with transaction.atomic(durable=True):
        now = queries.database_now()
        if not BrokerAccount.objects.filter(id=account_pk, suspended_at__isnull=False).update(suspended_at=None):
            raise AlreadyThere
        history.record(
            account_pk=account_pk,
            before=AccountState.SUSPENDED,
            after=AccountState.ACTIVE,
            reason=Reason.SUSPENSION_LIFTED,
            actor=by,
            at=now,
            note=reason,
        )
    _log.info("account.suspension_lifted", account_pk=str(account_pk), by=by.name)
