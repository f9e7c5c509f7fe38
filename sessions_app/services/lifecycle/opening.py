"""Open a session for a key or a grant: authenticated at once if that is in force, else pending."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Final

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F

from sessions_app import queries
from sessions_app.domain.keys import token_digest
from sessions_app.domain.lifecycle import LIVING, GrantState, KeyState, Reason, SessionStatus
from sessions_app.domain.liveness import Pace
from sessions_app.domain.problems import Refused
from sessions_app.models import AccountGrant, AuthKey, BrokerAccount, EaSession, MaintenanceWindow
from sessions_app.models.light import Fetch
from sessions_app.models.statements import Place, Statement, together
from sessions_app.services.ingest.ports import Batch
from sessions_app.services.lifecycle.after_commit import ring_after_commit
from sessions_app.services.lifecycle.locking import take_turns
from sessions_app.services.lifecycle.promotion import authorise_new, authorise_session
from sessions_app.services.operations import configuration, history, maintenance
from sessions_app.services.operations.history import EA

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

    A replay under the same Idempotency-Key answers with the same session and a new token; if that has ended, with a new
    session.

    :raises Refused: `account_suspended`, `key_rejected`, `account_not_granted`, `idempotency_key_reused`
    """
    # Made here and never stored: a stored answer to a replay would be a stored secret.
    token = secrets.token_urlsafe(32)
    with transaction.atomic(durable=True):
        # The key's state as it was verified may be old by now: it is read again under its lock.
        approved, now, account, windows = _lock_and_read(key)
        batch = Batch(now=now)
        if approved and account.suspended_at is not None:
            raise Refused("account_suspended")  # strangers must not learn that there is such an account
        if approved:
            maintenance.refuse_in(windows, account=account, now=batch.now)
        if approved and request.idempotency_key is not None:
            take_turns(account.id)  # a replay changes its former session, and turns come before sessions
        session = _replayed(key, request, token, batch)
        if session is None:
            session = _new(account, key, request, token, batch.now)
            make = partial(_store, session)
            # A new one is in charge at once if it may be.
            if approved:
                authorise_new(session=session, make=make, batch=batch)
            else:
                make()
        # A replay may find its session promoted by a heartbeat meanwhile; nobody is without an approval, which we hold.
        elif approved and session.state == SessionStatus.PENDING:
            authorise_session(session.id, account.id, batch)
    ring_after_commit(batch)
    session.refresh_from_db()
    session.account = account
    _log.info("session.opened", session_id=str(session.id), account=account.account_id, state=session.state)
    return Opened(session=session, token=token)


_KEYS: Final = Statement(
    lambda: AuthKey.objects.filter(id__among=Place("proofs")).select_for_update(no_key=True).values_list("state")
)
_GRANTS: Final = Statement(
    lambda: AccountGrant.objects.filter(id__among=Place("proofs")).select_for_update(no_key=True).values_list("state")
)
_ACCOUNT: Final = Fetch(lambda: BrokerAccount.objects.filter(id__among=Place("accounts")), "tenant")


def _lock_and_read(proof: Proof) -> tuple[bool, datetime, BrokerAccount, Sequence[MaintenanceWindow]]:
    """Lock what the session shall rest on, and read behind it, in one round trip: whether it is approved already, the
    clock, the account with its tenant, and windows of maintenance.

    A revocation comes before us, or waits, sees our session and ends it. Before every other lock, as the services that
    decide about it do. The clock too is read under it: of two who ask at once the second is the newer one; else it
    would pass for the older, and wait behind the first.
    """
    with together():
        locked = (_KEYS if isinstance(proof, AuthKey) else _GRANTS).send(proofs=[proof.id])
        clock = queries.send_for_clock()
        found = _ACCOUNT.send(accounts=[proof.account_id])
        windows = maintenance.send_for_windows()
    states, accounts = locked.read(), found.read()
    # It has lapsed in this moment.
    if not states:
        raise type(proof).DoesNotExist
    if not accounts:
        raise BrokerAccount.DoesNotExist
    approved = _is_approved(proof, states[0][0])
    account = accounts[0]
    if account.tenant_id is None:  # what was read beside it is a row of nothing
        account.tenant = None
    return approved, clock(), account, windows.read()


def _is_approved(proof: Proof, state: str) -> bool:
    if isinstance(proof, AuthKey):
        if state not in (KeyState.PENDING, KeyState.APPROVED):
            raise Refused("key_rejected")
        return state == KeyState.APPROVED
    if state != GrantState.GRANTED:
        raise Refused("account_not_granted")
    return True


def former_of(proof: Proof, idempotency_key: str | None) -> EaSession | None:
    """The session that this credential has opened under this Idempotency-Key, whatever has become of it.

    Of the credential, not of the account: another key must neither meet nor take over its session.
    """
    if idempotency_key is None:
        return None
    mine = {"key": proof} if isinstance(proof, AuthKey) else {"grant": proof}
    return EaSession.objects.filter(idempotency_key=idempotency_key, **mine).first()


def _replayed(proof: Proof, request: Request, token: str, batch: Batch) -> EaSession | None:
    session = former_of(proof, request.idempotency_key)
    if session is None:
        return None
    # The same key for another request is a mistake of the client: the former session is not what it asked for.
    if session.request_digest != request.digest:
        raise Refused("idempotency_key_reused")
    if session.state not in LIVING:
        # Its token would open nothing: who asks again gets a session, and the next replay finds that one.
        EaSession.objects.filter(id=session.id).update(idempotency_key=None)
        return None
    # Only a hash of the first token is known: the answer that was lost cannot be given again. Whoever holds the token
    # that is replaced is let go: a link more than it has counts as a newer one.
    EaSession.objects.filter(id=session.id).update(token_hash=token_digest(token), links=F("links") + 1)
    batch.changed_sessions.add(session.id)
    return session


def _new(account: BrokerAccount, proof: Proof, request: Request, token: str, now: datetime) -> EaSession:
    beat = _pace(account)
    return EaSession(
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
        heartbeat_interval=beat.interval,
        heartbeat_timeout=beat.timeout,
        deadline_at=beat.deadline(now),
        created_at=now,
    )


def _store(session: EaSession) -> None:
    session.save(force_insert=True)
    history.record(
        account_pk=session.account_id,
        session_id=session.id,
        before="",
        after=SessionStatus.PENDING,
        reason=Reason.ASKED,
        actor=EA,
        at=session.created_at,
    )


def pace(session: EaSession | None) -> Pace:
    """The heartbeat of a session; without one the deployment's, which says nothing of any tenant."""
    if session is not None:
        return Pace(session.heartbeat_interval, session.heartbeat_timeout)
    bounds = settings.GATEWAY
    return Pace.of(wished=None, interval=bounds["heartbeat_interval"], timeout=bounds["heartbeat_timeout"])


def _pace(account: BrokerAccount) -> Pace:
    interval = configuration.number("heartbeat_interval", account)
    timeout = configuration.number("heartbeat_timeout", account)
    return Pace.of(wished=None, interval=interval, timeout=timeout)
