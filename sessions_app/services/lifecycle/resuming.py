"""A link comes back, or comes for the first time: who it is, what its Hello says, and where its command log goes on."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, F

from sessions_app import doorbell, queries
from sessions_app.domain.frames.payloads import Hello
from sessions_app.domain.keys import token_digest
from sessions_app.domain.lifecycle import LIVING, SessionStatus
from sessions_app.domain.problems import Refused
from sessions_app.domain.recovery import Claims, Memory, memory
from sessions_app.models import BrokerAccount, EaSession
from sessions_app.queries import Standing
from sessions_app.services.ingest import ports
from sessions_app.services.lifecycle import recovery
from sessions_app.services.operations import gateway_processes, maintenance


@dataclass(frozen=True, slots=True)
class Resumed:
    """A session as its socket finds it. `resume_from`: the last command number that need not be sent."""

    standing: Standing
    resume_from: int
    recovered: bool


def resume(*, token: str, hello: Hello | None, confirmed: int | None = None) -> Resumed:
    """Who comes back, and where its command log goes on. What may no longer be executed is voided first.

    Without a Hello, as an exchange may come back, the log goes on above `confirmed`, else above what was acknowledged.

    :raises Refused: `token_invalid`, `maintenance`
    """
    standing = _resume_known(token, hello) if hello is not None else None
    if standing is not None:
        return _resumed(standing, hello.last_server_seq if hello is not None else 0, recovered=True)
    now = queries.database_now()
    standing = queries.standing_by_token(token_digest(token))
    if standing is None:
        raise Refused("token_invalid")
    # An ended session is told why it ended, and maintenance does not hide that.
    if standing.state not in LIVING:
        return Resumed(standing=standing, resume_from=standing.top_seq, recovered=True)
    maintenance.refuse_during(account_pk=standing.account_pk, now=now)
    recovered = _hear(standing, hello, confirmed, now) is Memory.SAME
    # Again: a new epoch may have begun, and links were counted.
    standing = queries.standing_by_token(token_digest(token)) or standing
    if hello is None:
        # Not above our log: an exchange may confirm what a set-back database has lost.
        resume_from = min(standing.acked_seq if confirmed is None else confirmed, standing.top_seq)
    else:
        # Numbers of another epoch, or of none, mean nothing here: the log is sent from its beginning.
        resume_from = hello.last_server_seq if recovered and hello.epoch is not None else 0
    return _resumed(standing, resume_from, recovered=recovered)


def _resumed(standing: Standing, resume_from: int, *, recovered: bool) -> Resumed:
    if standing.links > 1:
        doorbell.publish(doorbell.Ring(frozenset({standing.session_id})))  # another process may hold the former link
    if standing.state == SessionStatus.AUTHENTICATED and standing.top_seq > resume_from:
        # Before the log goes on: an open that is too old must not be sent and executed late.
        ports.bound().void_overdue(standing.account_pk, resume_from, queries.database_now())
    return Resumed(standing=standing, resume_from=resume_from, recovered=recovered)


def _resume_known(token: str, hello: Hello) -> Standing | None:
    """The common case, in two statements: a session in charge comes back, and nothing is to be settled.

    None, and nothing is changed: anything else.
    """
    claims = Claims.of(hello)
    if claims.epoch is None:
        return None
    windows = maintenance.windows_in_force(queries.clock())
    known = EaSession.objects.filter(
        ~Exists(windows),
        token_hash=token_digest(token),
        state=SessionStatus.AUTHENTICATED,
        settled_at__isnull=False,
        account__epoch=claims.epoch,
        account__next_seq__gt=claims.last_server_seq,
        account__next_copy_no__gt=claims.max_copy_no_seen,
    )
    told = {"installation_id": claims.installation_id} if claims.installation_id else {}
    with transaction.atomic(durable=True):
        if not known.update(
            links=F("links") + 1,
            gateway=gateway_processes.THIS,
            hello=claims.stored(),
            ledger_head=claims.ledger_head,
            **told,
        ):
            return None
        at_number = ports.bound().frame_at("account_id", "account__epoch", claims.last_server_seq)
        standing, frame_id = queries.standing_and(at_number, token_hash=token_digest(token))
        found = memory(claims, epoch=standing.epoch, top_seq=standing.top_seq, known_ids=recovery.sent_as(frame_id))
        if found is not Memory.SAME:
            transaction.set_rollback(True)
            return None
    return standing


def _hear(standing: Standing, hello: Hello | None, confirmed: int | None, now: datetime) -> Memory:
    """Keep what a Hello says; act on it if its session is in charge. Who comes back without one says little."""
    claims = Claims(ledger_head=confirmed or 0) if hello is None else Claims.of(hello)
    with transaction.atomic(durable=True):
        session = EaSession.objects.select_for_update(no_key=True).get(id=standing.session_id)
        session.links += 1
        session.gateway = gateway_processes.THIS
        # A call that comes back says nothing new of its ledger; the Hello that is kept stands.
        if hello is None and session.settled_at is not None:
            session.save(update_fields=["links", "gateway"])
            return Memory.SAME
        session.hello, session.ledger_head = claims.stored(), claims.ledger_head
        session.installation_id = claims.installation_id or session.installation_id
        noted = ["links", "gateway", "hello", "ledger_head", "installation_id"]
        # A pending session is promoted if it is alive, and a Hello is a sign of life.
        if session.state == SessionStatus.PENDING:
            session.last_heartbeat_at = now
            noted.append("last_heartbeat_at")
        session.save(update_fields=noted)
        if session.state == SessionStatus.AUTHENTICATED:
            return recovery.settle_hello(session=session, claims=claims, now=now)
        return recovery.compare_memory(account=BrokerAccount.objects.get(id=session.account_id), claims=claims)
