"""InitRequests: what terminals say of themselves. As many statements for forty that come at once as for one: after an
outage everybody introduces himself in the same seconds."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, cast
from uuid import UUID

from django.conf import settings

from sessions_app.domain.decimals import to_json
from sessions_app.domain.frames import introductions
from sessions_app.domain.frames.envelope import MAX_FRAME_BYTES, digest, rfc3339
from sessions_app.domain.frames.pages import fitting
from sessions_app.domain.frames.payloads import HeartbeatPace, InitAck, InitRequest, LocalGuards, SessionLimits
from sessions_app.domain.lifecycle import SessionStatus
from sessions_app.domain.liveness import Pace
from sessions_app.domain.problems import Refused
from sessions_app.models import BrokerAccount, EaSession, TerminalProfile
from sessions_app.models.bulk import insert_rows, send_update
from sessions_app.models.light import make
from sessions_app.models.transactions import requires_transaction
from sessions_app.services.ingest import ports
from sessions_app.services.ingest.ports import Arrival, Batch, Left

_WAIT_SECONDS: Final = 600
_CONTENT_COUNTS: Final = timedelta(hours=1)
_MOMENT: Final = timedelta(microseconds=1)


@requires_transaction
def introduce(arrivals: Sequence[Arrival], batch: Batch) -> Left:
    """Keep what terminals say of themselves, inside the ingest batch's transaction; what is left to write.

    It is acknowledged where the session is authenticated. Its money counts as a heartbeat's does: what is opened before
    the first heartbeat needs a balance, too.
    """
    introductions_of = _Introductions({arrival.session_id for arrival in arrivals}, batch.now)
    taken = [arrival for arrival in arrivals if introductions_of.take(arrival)]
    introductions_of.forget_old()
    authenticated = [
        (arrival, session)
        for arrival in taken
        if (session := introductions_of.sessions[arrival.session_id]).state == SessionStatus.AUTHENTICATED
    ]
    acks = init_acks([session for _, session in authenticated], batch.now)
    batch.replies += [(arrival, acks[session.id]) for arrival, session in authenticated]
    return introductions_of.write


class _Introductions:
    """The sessions of a batch with what they have told before, and what is to be written of them."""

    def __init__(self, sessions: Collection[UUID], now: datetime) -> None:
        self.now = now
        # Without what the profile in force says: that may be a megabyte.
        rows = EaSession.objects.select_related("account__profile__session").defer("account__profile__content")
        self.sessions = {row.id: row for row in rows.filter(id__among=sessions)}
        accounts: dict[UUID, BrokerAccount] = {}
        for session in self.sessions.values():
            # Two sessions of one account are to see the same one.
            session.account = accounts.setdefault(session.account_id, session.account)
        self._told: dict[UUID, list[TerminalProfile]] = defaultdict(list)
        for profile in TerminalProfile.objects.filter(session__among=sessions).defer("content"):
            self._told[profile.session_id].append(profile)
        self._new: list[TerminalProfile] = []
        self._outdated: list[UUID] = []
        self._changed: dict[str, dict[UUID, Any]] = defaultdict(dict)

    def take(self, arrival: Arrival) -> bool:
        """Take what one says; refused are too many different ones of one session within the hour."""
        session, request = self.sessions[arrival.session_id], cast(InitRequest, arrival.payload)
        profile = self._profile(session, introductions.content(request))
        if profile is None:
            arrival.refuse(Refused("throttled", "Too many different InitRequests", retry_after=_WAIT_SECONDS))
            return False
        if _set_pace(session, request.heartbeat_interval_seconds):
            self._changed["pace"][session.id] = session
        # A terminal whose EA was updated resumes its session: what it runs now is told here alone.
        if request.ea_version and request.ea_version != session.ea_version:
            session.ea_version = request.ea_version
            self._changed["version"][session.id] = session
        account = session.account
        if session.state == SessionStatus.AUTHENTICATED or _comes_after(session, account.profile):
            account.profile = profile
            self._changed["profile"][account.id] = account
        if _speaks_for_account(session) and _fund(account, request, arrival.at):
            self._changed["funds"][account.id] = account
        return True

    def write(self) -> None:
        """Write what has changed: each table and kind of change once. The batch has locked these rows."""
        insert_rows(TerminalProfile, self._new)
        for what, (model, columns) in _COLUMNS.items():
            send_update(model, self._changed[what].values(), columns)

    def forget_old(self) -> None:
        """Delete what makes room for something new."""
        if self._outdated:
            TerminalProfile.objects.filter(id__among=self._outdated).delete()

    def _profile(self, session: EaSession, content: dict[str, Any]) -> TerminalProfile | None:
        """What is stored of this content; None when the session has told too many different ones within the hour.

        Older ones that nothing refers to make room for it.
        """
        told, identity = self._told[session.id], digest(InitRequest.__name__, to_json(content))
        known = next((profile for profile in told if bytes(profile.digest) == identity), None)
        if known is not None:
            # A promotion takes what was told last: a symbol may have left its broker's list, and have come back.
            if session.state == SessionStatus.PENDING and known.created_at < max(other.created_at for other in told):
                known.created_at = self._after(told)
                self._changed["told_again"][known.id] = known
            return known
        hour_ago = self.now - _CONTENT_COUNTS
        # Each may be a megabyte: a terminal that always tells another one would fill the table.
        if sum(profile.created_at > hour_ago for profile in told) >= settings.GATEWAY["init_requests_per_hour"]:
            return None
        in_force = session.account.profile_id
        old = [profile for profile in told if profile.created_at <= hour_ago and profile.id != in_force]
        self._outdated += [profile.id for profile in old]
        made = make(
            TerminalProfile,
            session=session,
            account=session.account,
            digest=identity,
            content=content,
            created_at=self._after(told),
        )
        self._new.append(made)
        self._told[session.id] = [*(profile for profile in told if profile not in old), made]
        return made

    def _after(self, told: Collection[TerminalProfile]) -> datetime:
        """The moment of the latest: later than all others, also of those that one batch brings."""
        return max([self.now, *(profile.created_at + _MOMENT for profile in told)])


# The columns of each kind of change; an UPDATE for each that there is.
_COLUMNS: Final[dict[str, tuple[Any, Sequence[str]]]] = {
    "told_again": (TerminalProfile, ["created_at"]),
    "pace": (EaSession, ["heartbeat_interval", "heartbeat_timeout", "deadline_at"]),
    "version": (EaSession, ["ea_version"]),
    "profile": (BrokerAccount, ["profile"]),
    "funds": (BrokerAccount, ["balance", "equity", "free_margin", "funds_at"]),
}


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


def _fund(account: BrokerAccount, request: InitRequest, at: datetime) -> bool:
    """The funds as of an InitRequest, unless newer ones are known: it may have come in parts, with a beat between."""
    if request.balance is None or (account.funds_at is not None and account.funds_at > at):
        return False
    account.balance, account.equity, account.free_margin = request.balance, request.equity, request.free_margin
    account.funds_at = at
    return True


def _set_pace(session: EaSession, wished: int | None) -> bool:
    """Another pace counts from the last heartbeat. Only a heartbeat renews the deadline, and nothing takes back what an
    announced long call has been given."""
    pace = Pace.of(wished=wished, interval=session.heartbeat_interval, timeout=session.heartbeat_timeout)
    if (pace.interval, pace.timeout) == (session.heartbeat_interval, session.heartbeat_timeout):
        return False
    session.heartbeat_interval, session.heartbeat_timeout = pace.interval, pace.timeout
    since = max(filter(None, (session.created_at, session.authenticated_at, session.last_heartbeat_at)))
    session.deadline_at = max(session.deadline_at, pace.deadline(since))
    return True


# Answers --------------------------------------------------------------------------------------------------------------


def init_ack(session: EaSession, now: datetime) -> InitAck:
    """The answer to an authenticated terminal's InitRequest."""
    return init_acks([session], now)[session.id]


def init_acks(sessions: Collection[EaSession], now: datetime) -> dict[UUID, InitAck]:
    """The answers to the InitRequests of these sessions, by session."""
    summaries = ports.bound().summaries({session.account_id for session in sessions}) if sessions else {}
    return {session.id: _init_ack(session, summaries[session.account_id], now) for session in sessions}


def _init_ack(session: EaSession, summary: ports.Summaries, now: datetime) -> InitAck:
    return InitAck(
        server_time=rfc3339(now),
        role=summary.role,
        capabilities=["resend", "gap_fill", "snapshot", "init_parts"],
        heartbeat=HeartbeatPace(interval_seconds=session.heartbeat_interval, timeout_seconds=session.heartbeat_timeout),
        limits=limits(session.account.intent_rate),
        subscriptions=fitting(summary.rows),
        subscriptions_total=summary.total,
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
