"""A tenant registers an account that nobody knows yet."""

from uuid import UUID

import structlog
from django.db import IntegrityError, transaction

from sessions_app import queries
from sessions_app.domain.keys import canonical_account_id
from sessions_app.domain.lifecycle import AccountState, Reason
from sessions_app.models import BrokerAccount
from sessions_app.services.operations import history
from sessions_app.services.operations.history import Actor

_log = structlog.get_logger(__name__)


class AccountKnown(Exception):
    """Somebody has it, or a terminal has asked for it: whose it is, is for the staff to say."""


def register(*, tenant_id: UUID, claimed_as: str, by: Actor, reason: str) -> BrokerAccount:
    """Make an account of this tenant. One that a terminal has asked for already is not given away here: who takes it
    could approve a terminal that is not his.

    :raises Refused: `account_id_invalid`
    :raises AccountKnown: it is there already, whoever has it
    """
    canonical = canonical_account_id(claimed_as)
    now = queries.database_now()
    try:
        with transaction.atomic():
            row = BrokerAccount.objects.create(
                account_id=canonical, claimed_as=claimed_as, tenant_id=tenant_id, created_at=now
            )
            history.record(
                account_pk=row.pk,
                before="",
                after=AccountState.ACTIVE,
                reason=Reason.ASKED,
                actor=by,
                at=now,
                note=f"registered: {reason}",
            )
    except IntegrityError as known:
        raise AccountKnown from known
    _log.info("account.registered", account_pk=str(row.pk), by=by.name)
    return row
