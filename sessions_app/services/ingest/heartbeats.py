"""StatusHeartbeats and InitRequests: what a terminal says of itself."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, cast
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from sessions_app.domain.decimals import to_json
from sessions_app.domain.frames import introductions
from sessions_app.domain.frames.envelope import MAX_FRAME_BYTES, digest, rfc3339
from sessions_app.domain.frames.pages import fitting
from sessions_app.domain.frames.payloads import (
    HeartbeatAck,
    HeartbeatPace,
    InitAck,
    InitRequest,
    LocalGuards,
    SessionLimits,
    StatusHeartbeat,
)
from sessions_app.domain.lifecycle import SessionStatus
from sessions_app.domain.liveness import Pace
from sessions_app.domain.problems import Refused
from sessions_app.domain.recovery import told_log
from sessions_app.models import BrokerAccount, EaSession, TerminalProfile
from sessions_app.models.statements import Place, Statement
from sessions_app.models.transactions import requires_transaction
from sessions_app.services.ingest import beats, ports
from sessions_app.services.ingest.beats import Beat
from sessions_app.services.ingest.ports import Arrival, Batch, Left

_WAIT_SECONDS: Final = 600


@requires_transaction
def record(arrivals: Sequence[Arrival], batch: Batch) -> Left:
    """Renew the deadlines and keep the funds, inside the ingest batch's transaction: of pending sessions, mostly, for
    others' beats are answered by their links.

    Only the newest beat of a session counts.
    """
    newest = {item.session_id: item for item in arrivals}
    left = beats.renew({pk: Beat(item.heard, cast(StatusHeartbeat, item.payload)) for pk, item in newest.items()})
    for pk, state, claimed, epoch, following in _TOLD.read(sessions=newest):
        pending = state == SessionStatus.PENDING
        log = told_log(pending=pending, session_id=pk, claimed=claimed, epoch=epoch, top_seq=following - 1)
        batch.replies.append((newest[pk], heartbeat_ack(*log, batch.now)))
    return left


def _told() -> "QuerySet[EaSession, Any]":
    rows = EaSession.objects.filter(id__among=Place("sessions"))
    return rows.values_list("id", "state", "hello__epoch", "account__epoch", "account__next_seq")


_TOLD: Final = Statement(_told)


def heartbeat_ack(epoch: UUID, top_seq: int, now: datetime) -> HeartbeatAck:
    """The answer to a heartbeat."""
    return HeartbeatAck(server_time=rfc3339(now), epoch=epoch, top_seq=top_seq)


def _with_profiles() -> QuerySet[EaSession]:
    """Sessions with whose profile is their account's, without its content: that may be a megabyte, every 5 s."""
    rows = EaSession.objects.select_related("account__profile__session")
    return rows.defer("account__profile__content")


def _speaks_for_account(session: EaSession) -> bool:
    """Whether a session's figures are the account's: it is authenticated, or decisions rest on it (protocol, 3)."""
    if session.state == SessionStatus.AUTHENTICATED:
        return True
    profile = session.account.profile
    return profile is not None and profile.session_id == session.id


def _comes_after(session: EaSession, told: TerminalProfile | None) -> bool:
    """Whether a pending session takes the place of what is known of its account's terminal: nothing is, or it is the
    same terminal, restarted."""
    if told is None:
        return True
    before = told.session
    # What an authenticated session told stays until the next one is authenticated.
    restarted = before.fence == 0 and session.key_id is not None and session.key_id == before.key_id
    return restarted and (session.created_at, session.id) >= (before.created_at, before.id)


@requires_transaction
def introduce(arrivals: Sequence[Arrival], batch: Batch) -> None:
    """Keep what terminals say of themselves, inside the ingest batch's transaction.

    It is acknowledged where the session is authenticated. Its money counts as a heartbeat's does: what is opened before
    the first heartbeat needs a balance, too.
    """
    for arrival in arrivals:
        session = _with_profiles().get(id=arrival.session_id)
        request = cast(InitRequest, arrival.payload)
        profile = _profile(session, introductions.content(request), batch.now)
        if profile is None:
            arrival.refuse(Refused("throttled", "Too many different InitRequests", retry_after=_WAIT_SECONDS))
            continue
        _set_pace(session, request.heartbeat_interval_seconds)
        _note_version(session, request.ea_version)
        if session.state == SessionStatus.AUTHENTICATED or _comes_after(session, session.account.profile):
            session.account.profile = profile
            session.account.save(update_fields=["profile"])
        if _speaks_for_account(session):
            _fund(session.account, request, arrival.at)
        if session.state == SessionStatus.AUTHENTICATED:
            batch.replies.append((arrival, init_ack(session, batch.now)))


def _note_version(session: EaSession, version: str | None) -> None:
    """A terminal whose EA was updated resumes its session: what it runs now is told here alone."""
    if version and version != session.ea_version:
        session.ea_version = version
        session.save(update_fields=["ea_version"])


def _fund(account: BrokerAccount, request: InitRequest, at: datetime) -> None:
    """The funds as of an InitRequest, unless newer ones are known: it may have come in parts, with a beat between."""
    if request.balance is None or (account.funds_at is not None and account.funds_at > at):
        return
    account.balance, account.equity, account.free_margin = request.balance, request.equity, request.free_margin
    account.funds_at = at
    account.save(update_fields=["balance", "equity", "free_margin", "funds_at"])


def _profile(session: EaSession, content: dict[str, Any], now: datetime) -> TerminalProfile | None:
    """The stored content of an InitRequest; None when the session has told too many different ones within the hour.

    Older ones that nothing refers to make room for it.
    """
    mine = TerminalProfile.objects.filter(session_id=session.id)
    identity = digest(InitRequest.__name__, to_json(content))
    known = mine.filter(digest=identity).defer("content").first()
    if known is not None:
        return known
    hour_ago = now - timedelta(hours=1)
    # Each may be a megabyte: a terminal that always tells another one would fill the table.
    if mine.filter(created_at__gt=hour_ago).count() >= settings.GATEWAY["init_requests_per_hour"]:
        return None
    in_use = BrokerAccount.objects.filter(id=session.account_id, profile__isnull=False).values("profile")
    mine.filter(created_at__lte=hour_ago).exclude(id__in=in_use).delete()
    return TerminalProfile.objects.create(
        session_id=session.id,
        digest=identity,
        account_id=session.account_id,
        content=content,
        created_at=now,
    )


def _set_pace(session: EaSession, wished: int | None) -> None:
    """Another pace counts from the last heartbeat. Only a heartbeat renews the deadline, and nothing takes back what an
    announced long call has been given."""
    pace = Pace.of(wished=wished, interval=session.heartbeat_interval, timeout=session.heartbeat_timeout)
    if (pace.interval, pace.timeout) == (session.heartbeat_interval, session.heartbeat_timeout):
        return
    session.heartbeat_interval, session.heartbeat_timeout = pace.interval, pace.timeout
    since = max(filter(None, (session.created_at, session.authenticated_at, session.last_heartbeat_at)))
    session.deadline_at = max(session.deadline_at, pace.deadline(since))
    session.save(update_fields=["heartbeat_interval", "heartbeat_timeout", "deadline_at"])


def init_ack(session: EaSession, now: datetime) -> InitAck:
    """The answer to an authenticated terminal's InitRequest."""
    summaries = ports.bound().summaries(session.account_id)
    return InitAck(
        server_time=rfc3339(now),
        role=summaries.role,
        capabilities=["resend", "gap_fill", "snapshot", "init_parts"],
        heartbeat=HeartbeatPace(interval_seconds=session.heartbeat_interval, timeout_seconds=session.heartbeat_timeout),
        limits=limits(session.account.intent_rate),
        subscriptions=fitting(summaries.rows),
        subscriptions_total=summaries.total,
        guards=LocalGuards(**told) if (told := settings.GATEWAY["ea_guards"]) else None,
    )


def limits(intent_rate: int) -> SessionLimits:
    """The bounds in force."""
    return SessionLimits(
        frame_bytes=MAX_FRAME_BYTES,
        max_unacked_commands=settings.GATEWAY["max_unacked_commands"],
        intent_rate=intent_rate,
        resend_page=settings.GATEWAY["resend_page"],
    )
