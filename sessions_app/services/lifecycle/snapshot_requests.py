"""When an account's EA is asked what it holds. What it answers is a matter of the app above."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from sessions_app import doorbell, queries
from sessions_app.domain.lifecycle import SessionStatus, SnapshotReason
from sessions_app.models import BrokerAccount, EaSession
from sessions_app.models.transactions import requires_transaction
from sessions_app.services.ingest.ports import Batch


@requires_transaction
def fall_due(*, accounts: Collection[UUID], reason: SnapshotReason, at: datetime) -> None:
    """Let snapshots of these accounts be asked for from `at` on, inside the caller's transaction.

    What is due earlier stays so, and what an account cannot go on without keeps its reason.
    """
    later = Q(snapshot_due_at__isnull=True) | Q(snapshot_due_at__gt=at)
    rows = BrokerAccount.objects.filter(later, id__in=accounts, needs_snapshot=False)
    rows.update(snapshot_due_at=at, snapshot_reason=reason)


def ask_for_snapshot(*, account_pk: UUID, reason: SnapshotReason) -> bool:
    """Have a snapshot asked for at once; False if no EA is in charge, so that it waits for the next session."""
    with transaction.atomic(durable=True):
        fall_due(accounts=[account_pk], reason=reason, at=queries.database_now())
    session = EaSession.objects.filter(account_id=account_pk, state=SessionStatus.AUTHENTICATED).first()
    # After the commit: the gateway that holds the socket reads the row that we have just written.
    if session is not None:
        doorbell.ring(sessions=[session.id])
    return session is not None


def ask_for_books(batch: Batch) -> None:
    """Have the books asked for that a committed batch wants."""
    for account_pk in sorted(batch.books_wanted):
        ask_for_snapshot(account_pk=account_pk, reason=SnapshotReason.IN_DOUBT)
