"""What people decide about differences. Each verb is one transaction; who comes second changes nothing."""

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction

from orders import queries as order_queries
from orders.domain.copies.report_effects import CopyFacts
from orders.domain.reconciliation.comparison import Fact
from orders.domain.reconciliation.inference import gone
from orders.domain.states.copies import CopyState
from orders.domain.states.differences import DifferenceState
from orders.domain.states.reasons import CloseCause
from orders.models import Copy, Difference, Snapshot
from orders.services.command_log import open_log
from orders.services.intents.reading import followers_of
from orders.services.reconciliation import differences, masters, snapshots
from sessions_app import queries
from sessions_app.models import BrokerAccount
from sessions_app.models.fields import new_id
from sessions_app.services.ingest.ports import Batch
from sessions_app.services.lifecycle.after_commit import ring_after_commit
from sessions_app.services.operations.history import Actor


class AlreadyDecided(Exception):
    """The difference is not what the decision was about any more: decided by somebody, repaired, or gone."""


def accept(*, difference_id: UUID, by: Actor, reason: str) -> Difference:
    """An open difference may stay as it is: it is not repaired and not counted any more, as long as it stays the same.

    :raises AlreadyDecided: it is not open (any more), or is about a missing copy
    """
    with transaction.atomic(durable=True):
        accounts = BrokerAccount.objects.select_for_update(of=("self",), no_key=True)
        accounts.filter(differences=difference_id).first()  # a snapshot that is compared now comes first
        row = order_queries.open_difference(difference_id)
        if row is None:
            raise AlreadyDecided
        now = queries.database_now()
        differences.decided(rows=[row], after=DifferenceState.ACCEPTED, reason=reason, by=by, now=now)
    return row


def let_go(*, account_pk: UUID, seen: int, by: Actor, reason: str) -> int:
    """The copies that are missing, also those that were kept, are gone indeed: closed, not opened again. How many.

    :raises AlreadyDecided: not `seen` many are missing (any more)
    """
    with transaction.atomic(durable=True):
        batch = Batch(now=queries.database_now())
        # A master's positions may be among them, whose closes are written to his followers' logs.
        log = open_log({account_pk, *followers_of({account_pk})}, now=batch.now)
        account = log.row(account_pk)
        rows = _missing(account, DifferenceState.ADOPTED, seen)
        told = Snapshot.objects.get(account=account, pending=False)
        facts = [_fact(row.copy) for row in rows if row.copy is not None and row.copy.state in _LIVING]
        snapshots.infer(log, account, facts, session_id=told.session_id, at=batch.now, batch=batch)
        differences.decided(rows=rows, after=DifferenceState.ADOPTED, reason=reason, by=by, now=batch.now)
        masters.close_missing(account, rows, told.session_id, batch)
    ring_after_commit(batch)
    return len(rows)


def keep(*, account_pk: UUID, seen: int, by: Actor, reason: str) -> int:
    """The copies that are missing are there all the same: nothing is closed. How many.

    :raises AlreadyDecided: not `seen` many wait (any more)
    """
    with transaction.atomic(durable=True):
        now = queries.database_now()
        account = BrokerAccount.objects.select_for_update(no_key=True).get(id=account_pk)
        rows = _missing(account, DifferenceState.REFUSED, seen)
        differences.decided(rows=rows, after=DifferenceState.REFUSED, reason=reason, by=by, now=now)
    return len(rows)


_LIVING = (CopyState.OPEN, CopyState.WORKING)


def _missing(account: BrokerAccount, after: DifferenceState, seen: int) -> Sequence[Difference]:
    rows = list(order_queries.missing_copies(account.id, after))
    # The person has decided about what the page showed, not about what has come since.
    if not rows or len(rows) != seen:
        raise AlreadyDecided
    return rows


def _fact(copy: Copy) -> Fact:
    facts = CopyFacts(
        state=CopyState(copy.state),
        lots_decided=copy.lots_decided or differences.NO_LOTS,
        lots_open=copy.lots_open or differences.NO_LOTS,
        ticket=copy.ticket,
    )
    return Fact(f"let go {new_id()}", copy.copy_no or 0, gone(facts, copy.copy_no or 0), cause=CloseCause.GONE)
