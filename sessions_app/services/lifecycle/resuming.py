"""A link comes back, or comes for the first time: who it is, what its Hello says, and where its command log goes on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import BigIntegerField, Case, Exists, Value, When

from sessions_app import doorbell, queries
from sessions_app.domain.frames.payloads import Hello
from sessions_app.domain.keys import token_digest
from sessions_app.domain.lifecycle import LIVING, SessionStatus
from sessions_app.domain.problems import Refused
from sessions_app.domain.recovery import Claims, Memory, memory
from sessions_app.models import BrokerAccount, EaSession
from sessions_app.models.bulk import update_rows
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


class Coming(NamedTuple):
    """A link that says Hello with a session's token."""

    token: str
    hello: Hello


def resume(*, token: str, hello: Hello | None, confirmed: int | None = None) -> Resumed:
    """Who comes back, and where its command log goes on. What may no longer be executed is voided first.

    Without a Hello, as an exchange may come back, the log goes on above `confirmed`, else above what was acknowledged.

    :raises Refused: `token_invalid`, `maintenance`
    """
    known = None if hello is None else resume_known([Coming(token, hello)])[0]
    return resume_other(token=token, hello=hello, confirmed=confirmed) if known is None else known


def resume_known(coming: Sequence[Coming]) -> list[Resumed | None]:
    """The common case, of many at once in one transaction: sessions in charge come back, and nothing is to be settled.

    None for each of which anything else is true: nothing of it was changed.
    """
    claims = {token_digest(item.token): Claims.of(item.hello) for item in coming}
    with transaction.atomic(durable=True):
        found = _lock_known(claims)
        update_rows(EaSession, [_Back.of(item, claims[digest]) for digest, item in found.items()], _BACK)
    news = frozenset(item.standing.session_id for item in found.values() if item.standing.links > 0)
    doorbell.publish(doorbell.Ring(news))  # another process may hold the former link
    resumed = {digest: _come_back(item, claims[digest]) for digest, item in found.items()}
    return [resumed.pop(token_digest(item.token), None) for item in coming]


class _Known(NamedTuple):
    """A session as it is found, and what it keeps of its installation. `overdue`: something that its EA lacks may not
    be executed any more."""

    standing: Standing
    installation_id: str
    overdue: bool


def _lock_known(claims: Mapping[str, Claims]) -> dict[str, _Known]:
    """Those of these sessions, by their tokens' digests, that just come back; locked in the order of their ids."""
    numbers = [When(token_hash=digest, then=Value(_goes_on_from(item))) for digest, item in claims.items()]
    sessions = EaSession.objects.filter(token_hash__in=list(claims))
    rows = queries.with_standing(sessions.annotate(number=Case(*numbers, output_field=BigIntegerField()))).annotate(
        at_number=ports.bound().frame_at("account_id", "account__epoch", "number"),
        overdue=ports.bound().overdue("account_id", "number", queries.clock()),
        turned_away=Exists(maintenance.windows_in_force(queries.clock())),
    )
    more = ("token_hash", "installation_id", "settled_at", "account__next_copy_no")
    found = {}
    locked = rows.order_by("id").select_for_update(of=("self",), no_key=True)
    for *row, digest, installation, settled_at, copy_no, frame_id, overdue, turned_away in locked.values_list(
        *queries.STANDING, *more, "at_number", "overdue", "turned_away"
    ):
        standing, told = queries.standing_of(row), claims[digest]
        if turned_away or settled_at is None or standing.state != SessionStatus.AUTHENTICATED:
            continue
        # Something of the account is to be settled, which takes its lock: not while many others wait.
        if told.max_copy_no_seen >= copy_no:
            continue
        ids = recovery.sent_as(frame_id)
        if memory(told, epoch=standing.epoch, top_seq=standing.top_seq, known_ids=ids) is Memory.SAME:
            found[digest] = _Known(standing, told.installation_id or installation, overdue)
    return found


class _Back(NamedTuple):
    """A session's columns when its link comes back."""

    id: UUID
    links: int
    gateway: UUID
    hello: dict[str, Any]
    ledger_head: int
    installation_id: str

    @classmethod
    def of(cls, known: _Known, claims: Claims) -> "_Back":
        links, standing = known.standing.links + 1, known.standing
        return cls(
            standing.session_id,
            links,
            gateway_processes.THIS,
            claims.stored(),
            claims.ledger_head,
            known.installation_id,
        )


_BACK: Final = _Back._fields[1:]


def _come_back(known: _Known, claims: Claims) -> Resumed:
    standing, resume_from = replace(known.standing, links=known.standing.links + 1), _goes_on_from(claims)
    # Most EAs lack nothing that has grown too old: only who does costs a transaction of its own.
    if known.overdue:
        return _resumed(standing, resume_from, recovered=True)
    return Resumed(standing=standing, resume_from=resume_from, recovered=True)


def _goes_on_from(claims: Claims) -> int:
    """The last number that an EA whose memory is ours has. Numbers of no epoch mean nothing: its log is sent from its
    beginning."""
    return claims.last_server_seq if claims.epoch is not None else 0


def resume_other(*, token: str, hello: Hello | None, confirmed: int | None = None) -> Resumed:
    """`resume`, where something may be to settle.

    :raises Refused: `token_invalid`, `maintenance`
    """
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
    if standing.links > 1:
        doorbell.publish(doorbell.Ring(frozenset({standing.session_id})))
    if hello is None:
        # Not above our log: an exchange may confirm what a set-back database has lost.
        resume_from = min(standing.acked_seq if confirmed is None else confirmed, standing.top_seq)
    else:
        # Numbers of another epoch mean nothing here either.
        resume_from = _goes_on_from(Claims.of(hello)) if recovered else 0
    # Whether a claim is true is nothing that a stranger may try out.
    return _resumed(standing, resume_from, recovered=recovered or standing.state == SessionStatus.PENDING)


def _resumed(standing: Standing, resume_from: int, *, recovered: bool) -> Resumed:
    if standing.state == SessionStatus.AUTHENTICATED and standing.top_seq > resume_from:
        # Before the log goes on: an open that is too old must not be sent and executed late.
        ports.bound().void_overdue(standing.account_pk, resume_from, queries.database_now())
    return Resumed(standing=standing, resume_from=resume_from, recovered=recovered)


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
