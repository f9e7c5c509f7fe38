"""Pending keys that nobody has decided about, and whose terminals have been silent since: they are deleted, with their
sessions and all that these have told, and with accounts that nobody owns. A terminal that asks again asks anew.
"""

from collections import Counter
from datetime import datetime
from typing import Final, TypeVar
from uuid import UUID

import structlog
from django.conf import settings
from django.db import models, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from sessions_app.domain.lifecycle import KeyState
from sessions_app.models import AccountGrant, AuthKey, BrokerAccount, EaSession
from sessions_app.models.transactions import requires_transaction
from sessions_app.services.lifecycle import locking

Row = TypeVar("Row", bound=models.Model)
SLICE: Final = 1000
KEYS_A_RUN: Final = 500  # the others wait for the next run: this one is one task among many
_log = structlog.get_logger(__name__)


def forget_undecided(*, now: datetime) -> Counter[str]:
    """Delete pending keys that were asked for `pending_retention` ago or longer and have had no session since, each in
    transactions of its own, many sessions in several. Returns how many rows of each table.

    A session that something else still refers to stays, and its key with it: a command that was held for its account
    names it.
    """
    before, deleted = now - settings.GATEWAY["pending_retention"], Counter[str]()
    for key_id in _silent(before).order_by("requested_at").values_list("id", flat=True)[:KEYS_A_RUN]:
        while step := _forget_some(key_id, before):
            deleted += step
    if deleted:
        _log.warning("retention.keys_lapsed", **{name.partition(".")[2].lower(): deleted[name] for name in deleted})
    return deleted


def _forget_some(key_id: UUID, before: datetime) -> Counter[str]:
    """One step: some sessions of a key that is still silent, or at last the key. Nothing is left when it is empty."""
    with transaction.atomic(durable=True):
        # The key first, as everybody who opens a session or decides about it: both come before us, or find it gone.
        key = _silent(before).filter(id=key_id).select_for_update(of=("self",)).first()
        if key is None:
            return Counter()
        locking.take_turns(key.account_id)
        # Asked again under the lock: who opened a session while we waited for it is not seen by the question above.
        over = key.sessions.filter(closed_at__lt=before)
        some = list(_unreferenced(over).order_by("id").select_for_update(of=("self",))[:SLICE])
        if some:
            # The account may rest on a terminal profile that goes with them.
            locking.lock_accounts({key.account_id})
            return Counter(EaSession.objects.filter(id__in=[row.id for row in some]).delete()[1])
        if key.sessions.exists():
            return Counter()
        return Counter(key.delete()[1]) + _forget_account(key.account_id)


@requires_transaction
def _forget_account(account_pk: UUID) -> Counter[str]:
    """Delete an account that only strangers have claimed, with the last of their keys."""
    rows = BrokerAccount.objects.select_for_update(of=("self",)).filter(id=account_pk, tenant=None)
    claimed = [Exists(model._default_manager.filter(account=OuterRef("pk"))) for model in (AuthKey, AccountGrant)]
    account = _unreferenced(rows).exclude(claimed[0] | claimed[1]).first()
    return Counter(account.delete()[1]) if account is not None else Counter()


def _silent(before: datetime) -> QuerySet[AuthKey]:
    """Pending keys that nobody has been heard of under since."""
    later = EaSession.objects.filter(Q(closed_at=None) | Q(closed_at__gte=before), key=OuterRef("pk"))
    return AuthKey.objects.filter(~Exists(later), state=KeyState.PENDING, requested_at__lt=before)


def _unreferenced(rows: QuerySet[Row]) -> QuerySet[Row]:
    """Those rows that no other row keeps from being deleted; of whatever app, this one names none above it."""
    for relation in rows.model._meta.get_fields(include_hidden=True):
        if isinstance(relation, models.ManyToOneRel) and relation.on_delete is models.PROTECT:
            holders = relation.related_model._default_manager.filter(**{relation.field.name: OuterRef("pk")})
            rows = rows.exclude(Exists(holders))
    return rows
