"""End living sessions: by their EA, by an operator, with the key, the grant or the account that they rest on."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import transaction

from sessions_app import queries
from sessions_app.domain.lifecycle import LIVING, Reason, SessionStatus
from sessions_app.models import BrokerAccount, EaSession, TerminalProfile
from sessions_app.models.transactions import requires_transaction
from sessions_app.services.ingest import ports
from sessions_app.services.ingest.ports import Batch
from sessions_app.services.lifecycle.after_commit import ring_after_commit
from sessions_app.services.lifecycle.locking import lock_accounts, locked_sessions
from sessions_app.services.operations import history, moves
from sessions_app.services.operations.history import GATEWAY, Actor

# Another session serves the account, or its EA has said that it goes: nobody is called. Whatever else ends a session
# leaves the account alone.
_EXPECTED: Final = frozenset({Reason.PREEMPTED, Reason.SHUTDOWN_BY_EA})


def close_session(*, session_id: UUID, reason: Reason, actor: Actor, note: str = "") -> bool:
    """End a living session; False if it has ended already. Closing twice is one transition."""
    with transaction.atomic(durable=True):
        batch = Batch(now=queries.database_now())
        # The state is asked under the lock: of two who close it, the second finds no row and records nothing.
        rows = list(locked_sessions().filter(id=session_id, state__in=LIVING))
        end_sessions(rows, SessionStatus.CLOSED, reason=reason, actor=actor, now=batch.now, note=note)
        batch.changed_sessions |= {row.id for row in rows}
    ring_after_commit(batch)
    return bool(rows)


@requires_transaction
def end_session_of_account(*, account_pk: UUID, reason: Reason, actor: Actor, batch: Batch) -> int:
    """End the session that serves an account, inside the caller's transaction, who has taken its turn. How many."""
    serving = locked_sessions().filter(account_id=account_pk, state=SessionStatus.AUTHENTICATED)
    rows = list(serving)
    end_sessions(rows, SessionStatus.CLOSED, reason=reason, actor=actor, now=batch.now)
    batch.changed_sessions |= {row.id for row in rows}
    return len(rows)


@requires_transaction
def end_sessions_of_grant(*, grant_id: UUID, actor: Actor, batch: Batch) -> None:
    """End every living session of a grant that was withdrawn, inside the caller's transaction."""
    # In the order of ids, as everybody who locks several sessions: no two wait for each other.
    rows = list(locked_sessions().filter(grant_id=grant_id, state__in=LIVING).order_by("id"))
    end_sessions(rows, SessionStatus.CLOSED, reason=Reason.KEY_REVOKED, actor=actor, now=batch.now)
    batch.changed_sessions |= {row.id for row in rows}


@requires_transaction
def end_sessions_of_key(*, key_id: UUID, rejected: bool, actor: Actor, batch: Batch) -> None:
    """End every living session of a key that was rejected or revoked, inside the caller's transaction."""
    rows = list(locked_sessions().filter(key_id=key_id, state__in=LIVING).order_by("id"))
    after = SessionStatus.REJECTED if rejected else SessionStatus.CLOSED
    reason = Reason.KEY_REJECTED if rejected else Reason.KEY_REVOKED
    end_sessions(rows, after, reason=reason, actor=actor, now=batch.now)
    batch.changed_sessions |= {row.id for row in rows}


def lapse_pending() -> int:
    """End pending sessions that nobody approved in time. Returns how many."""
    lapsed = 0
    # A transaction each: the locks of one session are let go of before those of the next are asked for.
    for session_id in queries.pending_since(queries.database_now() - settings.GATEWAY["pending_lifetime"]):
        with transaction.atomic(durable=True):
            batch = Batch(now=queries.database_now())
            # It may have been promoted since it was read.
            rows = list(locked_sessions().filter(id=session_id, state=SessionStatus.PENDING))
            end_sessions(rows, SessionStatus.LAPSED, reason=Reason.PENDING_LAPSED, actor=GATEWAY, now=batch.now)
            batch.changed_sessions |= {row.id for row in rows}
        ring_after_commit(batch)
        lapsed += len(rows)
    return lapsed


@requires_transaction
def end_sessions(
    rows: Iterable[EaSession], after: SessionStatus, *, reason: Reason, actor: Actor, now: datetime, note: str = ""
) -> None:
    """End locked living sessions and write their history, inside the caller's transaction.

    They are locked against writers only, and pending ones change their state when their account is ours: see
    `authorise`.
    """
    ended = list(rows)
    # A master's batch that holds commands for a pending session has the account locked: we come after it.
    lock_accounts({row.account_id for row in ended if row.state == SessionStatus.PENDING})
    if reason not in _EXPECTED:
        served = {row.account_id for row in ended if row.state == SessionStatus.AUTHENTICATED}
        ports.bound().gone(served, now)
    for row in ended:
        moves.move_session(row.id, SessionStatus(row.state), after, closed_at=now, close_reason=reason)
        # An authenticated terminal's profile and funds stay: its account goes on getting commands while it is away.
        if row.state == SessionStatus.PENDING:
            _forget_terminal(row)
        history.record(
            account_pk=row.account_id,
            session_id=row.id,
            before=row.state,
            after=after,
            reason=reason,
            actor=actor,
            at=now,
            note=note,
        )


def _forget_terminal(row: EaSession) -> None:
    """Decisions that rested on a pending session which has ended rest on the oldest other one from now on."""
    others = TerminalProfile.objects.filter(account_id=row.account_id, session__state=SessionStatus.PENDING)
    oldest = others.exclude(session_id=row.id).order_by("session__created_at", "-created_at").first()
    # Only if decisions rest on this session; its balance was told by the same terminal, so it goes too.
    BrokerAccount.objects.filter(id=row.account_id, profile__session_id=row.id).update(
        profile=oldest, balance=None, equity=None, free_margin=None, funds_at=None
    )
