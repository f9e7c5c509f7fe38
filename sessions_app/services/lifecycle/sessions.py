"""Open, promote, resume and end EA sessions. Preemption happens when a session is authorised, never when it asks."""

import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet

from sessions_app import doorbell, queries
from sessions_app.domain.keys import token_digest
from sessions_app.domain.lifecycle import LIVING, GrantState, KeyState, Reason, SessionStatus, SnapshotReason
from sessions_app.domain.liveness import Pace
from sessions_app.domain.problems import Refused
from sessions_app.domain.recovery import Claims
from sessions_app.models import AccountGrant, AuthKey, BrokerAccount, EaSession, TerminalProfile
from sessions_app.models.bulk import update_rows
from sessions_app.models.transactions import requires_transaction
from sessions_app.services.ingest import ports, quarantine
from sessions_app.services.ingest.ports import Batch
from sessions_app.services.lifecycle import expiry, preemptions, recovery, snapshot_requests
from sessions_app.services.operations import history, maintenance, moves
from sessions_app.services.operations.history import EA, GATEWAY, Actor

_SESSIONS_OF_A_KEY: Final = 50
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a terminal asks for when it opens a session."""

    auth_method: str
    platform: str
    ea_version: str = ""
    environment: dict[str, Any] = field(default_factory=dict)
    address: str = ""
    idempotency_key: str | None = None
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    """A session as its terminal gets to know it. `token` is shown this once; only its hash is stored."""

    session: EaSession
    token: str


Proof = AuthKey | AccountGrant


def open_session(*, key: Proof, request: Request) -> Opened:
    """Open a session for a verified key, or for the grant that a token led to: authenticated at once if the key is
    approved or the grant in force, else pending.

    A replay under the same Idempotency-Key answers with the same session and a new token.

    :raises Refused: `account_suspended`, `key_rejected`, `account_not_granted`, `idempotency_key_reused`
    """
    token = secrets.token_urlsafe(32)
    with transaction.atomic(durable=True):
        batch = Batch(now=queries.database_now())
        account = BrokerAccount.objects.select_related("tenant").get(id=key.account_id)
        approved = _check_in_force(key)
        if approved and account.suspended_at is not None:
            raise Refused("account_suspended")  # strangers must not learn that there is such an account
        if approved:
            maintenance.refuse_during(account_pk=account.id, now=batch.now)
        session = _replayed(account, request, token) or _create(account, key, request, token, batch.now)
        if session.state == SessionStatus.PENDING:
            _authorise(session.id, account.id, batch)
    tell(batch)
    session.refresh_from_db()
    _log.info("session.opened", session_id=str(session.id), account=account.account_id, state=session.state)
    return Opened(session=session, token=token)


def _check_in_force(proof: Proof) -> bool:
    """Lock what the session shall rest on: a revocation comes before us, or waits, sees our session and ends it.

    Before every other lock, as the services that decide about it do. Whether it is approved already.
    """
    if isinstance(proof, AuthKey):
        key = AuthKey.objects.select_for_update(no_key=True).get(id=proof.id)
        if key.state not in (KeyState.PENDING, KeyState.APPROVED):
            raise Refused("key_rejected")
        return key.state == KeyState.APPROVED
    grant = AccountGrant.objects.select_for_update(no_key=True).get(id=proof.id)
    if grant.state != GrantState.GRANTED:
        raise Refused("account_not_granted")
    return True


def _replayed(account: BrokerAccount, request: Request, token: str) -> EaSession | None:
    if request.idempotency_key is None:
        return None
    session = EaSession.objects.filter(account=account, idempotency_key=request.idempotency_key).first()
    if session is None:
        return None
    if session.request_digest != request.digest:
        raise Refused("idempotency_key_reused")
    EaSession.objects.filter(id=session.id).update(token_hash=token_digest(token))
    return session


def _create(account: BrokerAccount, proof: Proof, request: Request, token: str, now: datetime) -> EaSession:
    pace = _pace(account)
    session = EaSession.objects.create(
        account=account,
        key=proof if isinstance(proof, AuthKey) else None,
        grant=proof if isinstance(proof, AccountGrant) else None,
        auth_method=request.auth_method,
        token_hash=token_digest(token),
        idempotency_key=request.idempotency_key,
        request_digest=request.digest,
        platform=request.platform,
        ea_version=request.ea_version,
        environment=request.environment,
        remote_address=request.address,
        heartbeat_interval=pace.interval,
        heartbeat_timeout=pace.timeout,
        deadline_at=pace.deadline(now),
        created_at=now,
    )
    history.record(
        account_pk=account.id,
        session_id=session.id,
        before="",
        after=SessionStatus.PENDING,
        reason=Reason.ASKED,
        actor=EA,
        at=now,
    )
    return session


def _pace(account: BrokerAccount) -> Pace:
    tenant = account.tenant
    interval = (tenant.heartbeat_interval if tenant else None) or settings.GATEWAY["heartbeat_interval"]
    timeout = (tenant.heartbeat_timeout if tenant else None) or settings.GATEWAY["heartbeat_timeout"]
    return Pace.of(wished=None, interval=interval, timeout=timeout)


# Promotion --------------------------------------------------------------------------------------------------


def promote(*, session_id: UUID) -> bool:
    """Promote a pending session whose key has been approved meanwhile; False if there is nothing to promote, or if a
    newer session of the same key is in charge."""
    with transaction.atomic(durable=True):
        batch = Batch(now=queries.database_now())
        account_pk = EaSession.objects.filter(id=session_id).values_list("account_id", flat=True).first()
        promoted = account_pk is not None and _authorise(session_id, account_pk, batch)
    tell(batch)
    return promoted


@requires_transaction
def promote_newest_living(*, key_id: UUID, batch: Batch) -> UUID | None:
    """Promote the key's newest living session, inside the caller's transaction; the caller tells the batch.

    Alive: heard of within its timeout. A dead one is promoted at its next StatusHeartbeat.
    """
    asked = EaSession.objects.filter(key_id=key_id, state=SessionStatus.PENDING, last_heartbeat_at__isnull=False)
    living = [row for row in asked.order_by("-created_at", "-id")[:_SESSIONS_OF_A_KEY] if _is_alive(row, batch.now)]
    promoted = bool(living) and _authorise(living[0].id, living[0].account_id, batch)
    return living[0].id if promoted else None


def _is_alive(session: EaSession, now: datetime) -> bool:
    heard = session.last_heartbeat_at
    return heard is not None and heard + timedelta(seconds=session.heartbeat_timeout) >= now


def _authorise(session_id: UUID, account_pk: UUID, batch: Batch) -> bool:
    """pending -> authenticated, the account's former session preempted, its backlog released; one transaction.

    Sessions are locked before their account, as batches do, and only against writers: a master's batch, which holds
    the account, may just be writing held commands that refer to the pending session. The stronger lock, which the
    change of state needs, comes when the account is ours.
    """
    reason = _lock_proof(session_id)
    if reason is None:
        return False
    take_turns(account_pk)
    locked = _locked()
    living = list(locked.filter(account_id=account_pk, state__in=LIVING).order_by("id"))
    session = next((row for row in living if row.id == session_id and row.state == SessionStatus.PENDING), None)
    if session is None or _is_outlived(session, living):
        return False
    account = lock_accounts({account_pk, *quarantine.touched(session_id)})[account_pk]
    if account.suspended_at is not None:
        return False
    former = [row for row in living if row.state == SessionStatus.AUTHENTICATED]
    _end(former, SessionStatus.CLOSED, reason=Reason.PREEMPTED, actor=EA, now=batch.now)
    preemptions.watch(former=former, session=session, now=batch.now)
    fence = account.fence + 1
    deadline = batch.now + timedelta(seconds=session.heartbeat_timeout)
    columns = {"fence": fence, "authenticated_at": batch.now, "deadline_at": deadline}
    moves.move_session(session_id, SessionStatus.PENDING, SessionStatus.AUTHENTICATED, **columns)
    _adopt_terminal(account, session, fence)
    snapshot_requests.fall_due(accounts=[account_pk], reason=SnapshotReason.SESSION_START, at=batch.now)
    if session.hello is not None:
        recovery.settle(session=session, claims=Claims.read(session.hello), now=batch.now)
    history.record(
        account_pk=account_pk,
        session_id=session_id,
        before=SessionStatus.PENDING,
        after=SessionStatus.AUTHENTICATED,
        reason=reason,
        actor=GATEWAY,
        at=batch.now,
    )
    quarantine.apply(session_id=session_id, account_pk=account_pk, fence=fence, batch=batch)
    ports.bound().release(account_pk, session_id, batch)
    batch.changed_sessions |= {session_id, *(row.id for row in former)}
    return True


def _is_outlived(session: EaSession, living: Iterable[EaSession]) -> bool:
    """Whether a newer session of the same key is in charge: an older one that is still heard of never ends it."""
    return any(
        row.state == SessionStatus.AUTHENTICATED
        and row.key_id is not None
        and row.key_id == session.key_id
        and (row.created_at, row.id) > (session.created_at, session.id)
        for row in living
    )


def _lock_proof(session_id: UUID) -> Reason | None:
    """Lock the key or the grant that a session rests on, and say why it may be authorised; None if it may not.

    Whoever revokes it waits for us and then ends our session too, or was first and is seen here.
    """
    keys = AuthKey.objects.filter(sessions=session_id, state=KeyState.APPROVED)
    if list(keys.select_for_update(of=("self",), no_key=True).values_list("id")):
        return Reason.KEY_APPROVED
    grants = AccountGrant.objects.filter(sessions=session_id, state=GrantState.GRANTED)
    return Reason.GRANTED if list(grants.select_for_update(of=("self",), no_key=True).values_list("id")) else None


@requires_transaction
def hold(account_ids: Collection[str]) -> None:
    """Lock what accounts' sessions rest on, and the living sessions, inside the caller's transaction: whoever locks
    accounts and approves keys afterwards does this first, in the order that every writer keeps."""
    keys = AuthKey.objects.filter(account__account_id__in=account_ids).order_by("id")
    list(keys.select_for_update(of=("self",), no_key=True).values_list("id"))
    accounts = BrokerAccount.objects.filter(account_id__in=account_ids).order_by("id")
    for account_pk in accounts.values_list("id", flat=True):
        hold_living(account_pk)


@requires_transaction
def hold_living(account_pk: UUID) -> None:
    """Take the account's turn and lock its living sessions, inside the caller's transaction: before its own row."""
    take_turns(account_pk)
    list(_locked().filter(account_id=account_pk, state__in=LIVING).order_by("id").values_list("id"))


def take_turns(account_pk: UUID) -> None:
    """Authorise an account's sessions one after the other: each must see the one that the turn before has left.

    The account's row cannot be that lock: a batch locks sessions before accounts. SQLite has one writer anyway.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            turn = int.from_bytes(account_pk.bytes[-8:], "big", signed=True)
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [turn])


def _adopt_terminal(account: BrokerAccount, session: EaSession, fence: int) -> None:
    """Decisions rest from now on what this session has told."""
    account.fence = fence
    profile = TerminalProfile.objects.filter(session_id=session.id).order_by("-created_at").first()
    if profile is not None:
        account.profile = profile
    account.save(update_fields=["fence", "profile"])


# Ends -------------------------------------------------------------------------------------------------------


def close(*, session_id: UUID, reason: Reason, actor: Actor, note: str = "") -> bool:
    """End a living session; False if it has ended already. Closing twice is one transition."""
    with transaction.atomic(durable=True):
        batch = Batch(now=queries.database_now())
        rows = list(_locked().filter(id=session_id, state__in=LIVING))
        _end(rows, SessionStatus.CLOSED, reason=reason, actor=actor, now=batch.now, note=note)
        batch.changed_sessions |= {row.id for row in rows}
    tell(batch)
    return bool(rows)


@requires_transaction
def end_session_of_account(*, account_pk: UUID, reason: Reason, actor: Actor, batch: Batch) -> int:
    """End the session that serves an account, inside the caller's transaction, who has taken its turn. How many."""
    serving = _locked().filter(account_id=account_pk, state=SessionStatus.AUTHENTICATED)
    rows = list(serving)
    _end(rows, SessionStatus.CLOSED, reason=reason, actor=actor, now=batch.now)
    batch.changed_sessions |= {row.id for row in rows}
    return len(rows)


@requires_transaction
def end_sessions_of_grant(*, grant_id: UUID, actor: Actor, batch: Batch) -> None:
    """End every living session of a grant that was withdrawn, inside the caller's transaction."""
    rows = list(_locked().filter(grant_id=grant_id, state__in=LIVING).order_by("id"))
    _end(rows, SessionStatus.CLOSED, reason=Reason.KEY_REVOKED, actor=actor, now=batch.now)
    batch.changed_sessions |= {row.id for row in rows}


@requires_transaction
def end_sessions_of_key(*, key_id: UUID, rejected: bool, actor: Actor, batch: Batch) -> None:
    """End every living session of a key that was rejected or revoked, inside the caller's transaction."""
    rows = list(_locked().filter(key_id=key_id, state__in=LIVING).order_by("id"))
    after = SessionStatus.REJECTED if rejected else SessionStatus.CLOSED
    reason = Reason.KEY_REJECTED if rejected else Reason.KEY_REVOKED
    _end(rows, after, reason=reason, actor=actor, now=batch.now)
    batch.changed_sessions |= {row.id for row in rows}


def expire_overdue() -> int:
    """Close authenticated sessions whose heartbeat is overdue, each by compare-and-set on the deadline read.

    A heartbeat that comes in between wins. Returns how many were closed.
    """
    expired = 0
    for session_id, deadline in expiry.due(queries.database_now()):
        with transaction.atomic(durable=True):
            batch = Batch(now=queries.database_now())
            rows = list(_locked().filter(id=session_id, state=SessionStatus.AUTHENTICATED, deadline_at=deadline))
            _end(rows, SessionStatus.CLOSED, reason=Reason.HEARTBEAT_TIMEOUT, actor=GATEWAY, now=batch.now)
            batch.changed_sessions |= {row.id for row in rows}
        tell(batch)
        expired += len(rows)
    return expired


def forgive_absence(*, alone: bool = False) -> int:
    """A gateway's absence is not the EAs' silence: give every authenticated session a full timeout from now.

    Called when a gateway process starts; does nothing while another one's lease is in force, unless the caller knows
    that it is `alone`. Returns how many sessions it concerned.
    """
    with transaction.atomic(durable=True):
        now = queries.database_now()
        if not alone and queries.living_gateways(now):
            return 0
        rows = list(_locked().filter(state=SessionStatus.AUTHENTICATED).order_by("id"))
        for row in rows:
            row.deadline_at = max(row.deadline_at, now + timedelta(seconds=row.heartbeat_timeout))
        update_rows(rows, ["deadline_at"])
    return len(rows)


def lapse_pending() -> int:
    """End pending sessions that nobody approved in time. Returns how many."""
    lapsed = 0
    for session_id in queries.pending_since(queries.database_now() - settings.GATEWAY["pending_lifetime"]):
        with transaction.atomic(durable=True):
            batch = Batch(now=queries.database_now())
            rows = list(_locked().filter(id=session_id, state=SessionStatus.PENDING))
            _end(rows, SessionStatus.LAPSED, reason=Reason.PENDING_LAPSED, actor=GATEWAY, now=batch.now)
            batch.changed_sessions |= {row.id for row in rows}
        tell(batch)
        lapsed += len(rows)
    return lapsed


def _locked() -> QuerySet[EaSession]:
    """Sessions, locked against writers only: a batch may be writing rows that refer to them."""
    return EaSession.objects.select_for_update(no_key=True)


@requires_transaction
def _end(
    rows: Iterable[EaSession], after: SessionStatus, *, reason: Reason, actor: Actor, now: datetime, note: str = ""
) -> None:
    """End locked living sessions and write their history, inside the caller's transaction.

    They are locked against writers only, and pending ones change their state when their account is ours: see
    `_authorise`.
    """
    ended = list(rows)
    lock_accounts({row.account_id for row in ended if row.state == SessionStatus.PENDING})
    for row in ended:
        moves.move_session(row.id, SessionStatus(row.state), after, closed_at=now, close_reason=reason)
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


@requires_transaction
def lock_accounts(account_pks: Collection[UUID]) -> dict[UUID, BrokerAccount]:
    """Lock accounts in the order of their ids, which every writer keeps, inside the caller's transaction."""
    if not account_pks:
        return {}
    rows = BrokerAccount.objects.select_for_update(no_key=True).filter(id__in=account_pks).order_by("id")
    return {row.id: row for row in rows}


def _forget_terminal(row: EaSession) -> None:
    """Decisions that rested on a pending session which has ended rest on the oldest other one from now on."""
    others = TerminalProfile.objects.filter(account_id=row.account_id, session__state=SessionStatus.PENDING)
    oldest = others.exclude(session_id=row.id).order_by("session__created_at", "-created_at").first()
    BrokerAccount.objects.filter(id=row.account_id, profile__session_id=row.id).update(
        profile=oldest, balance=None, equity=None, free_margin=None, funds_at=None
    )


def tell(batch: Batch) -> None:
    """Ring for what a committed transaction has changed."""
    doorbell.ring(sessions=batch.changed_sessions, accounts=batch.tops)
