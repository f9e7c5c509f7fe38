"""Reads of who is connected. The database's clock is read here too: one clock for every deadline."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, cast
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import (
    CharField,
    Count,
    DateTimeField,
    Exists,
    Expression,
    Func,
    Max,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    Window,
)
from django.db.models.functions import Coalesce

from sessions_app.domain.lifecycle import LIVING, KeyState, SessionStatus
from sessions_app.domain.recovery import told_log
from sessions_app.models import (
    PROVISIONED,
    AuthKey,
    BrokerAccount,
    EaSession,
    GatewayProcess,
    OperatorAlert,
    SessionEvent,
    Tenant,
    TerminalProfile,
)
from sessions_app.models.statements import Place, Statement, moment


def database_now() -> datetime:
    """The database's clock, not its transaction's start. SQLite has no clock of its own: the process's then."""
    if connection.vendor != "postgresql":
        return datetime.now(UTC)  # noqa: TID251 - this is where the clock is read
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        row = cursor.fetchone()
    moment: datetime = row[0]
    return moment.astimezone(UTC)


_CLOCK: Final = Statement(lambda: ("SELECT clock_timestamp()", []))


def send_for_clock() -> Callable[[], datetime]:
    """The same for what is sent together: what is called tells it. On SQLite, when it is called."""
    if connection.vendor != "postgresql":
        return database_now
    answer = _CLOCK.send()
    return lambda: cast(datetime, answer.read()[0][0]).astimezone(UTC)


class _Clock(Func):
    template = "clock_timestamp()"  # on SQLite a function of ours, see eagateway/sqlite
    output_field = DateTimeField()


def clock() -> Expression:
    """The same clock within another statement, which saves asking for it; also a compiled one tells the time at which
    it is executed."""
    return _Clock()


@dataclass(frozen=True, slots=True)
class Standing:
    """What a socket must know of its session: state, fence, numbers, and whether its terminal has introduced itself.

    `links`: how many links the session has had, in whatever process; the newest is the one in force.
    `needs_snapshot`: no command goes out before the EA has told what it holds; `snapshot_due`: it is to be asked.
    """

    session_id: UUID
    account_pk: UUID
    account_id: str
    state: str
    close_reason: str
    fence: int
    epoch: UUID
    stored_seq: int
    top_seq: int
    acked_seq: int
    interval: int
    timeout: int
    initialised: bool
    intent_rate: int
    links: int = 0
    needs_snapshot: bool = False
    snapshot_due: bool = False
    snapshot_reason: str = ""
    key_code: str = ""


STANDING = (
    "id",
    "account_id",
    "account__account_id",
    "state",
    "close_reason",
    "fence",
    "account__epoch",
    "stored_seq",
    "account__next_seq",
    "account__acked_seq",
    "heartbeat_interval",
    "heartbeat_timeout",
    "account__intent_rate",
    "links",
    "account__needs_snapshot",
    "account__snapshot_due_at",
    "account__snapshot_reason",
    "key__code",
    "hello__epoch",
    "told",
    "clock",
)


def standings(session_ids: Collection[UUID]) -> dict[UUID, Standing]:
    """The standing of each session that exists, in one read."""
    return {row[0]: standing_of(row) for row in _STANDINGS.read(sessions=session_ids)}


def _standings() -> "QuerySet[EaSession, Any]":
    return with_standing(EaSession.objects.filter(id__among=Place("sessions"))).values_list(*STANDING)


_STANDINGS: Final = Statement(_standings)


def standing_by_token(token_hash: str) -> Standing | None:
    """The session that a token opens, or None."""
    return next(map(standing_of, _STANDING_BY_TOKEN.read(token=token_hash)), None)


def _standing_by_token() -> "QuerySet[EaSession, Any]":
    return with_standing(EaSession.objects.filter(token_hash=Value(Place("token")))).values_list(*STANDING)


_STANDING_BY_TOKEN: Final = Statement(_standing_by_token)


def with_standing(sessions: QuerySet[EaSession]) -> QuerySet[EaSession]:
    """Sessions from which `STANDING` can be read."""
    told = Exists(TerminalProfile.objects.filter(session_id=OuterRef("id")))
    return sessions.annotate(told=told, clock=clock())


def standing_of(row: Sequence[Any]) -> Standing:
    """The standing in the columns `STANDING`."""
    (pk, account_pk, account_id, state, reason, fence, epoch, stored, next_seq, acked, pace, limit, rate, *rest) = row
    links, needs_snapshot, due_at, why, code, claimed, told, now = rest
    pending = state == SessionStatus.PENDING
    epoch, top_seq = told_log(pending=pending, session_id=pk, claimed=claimed, epoch=epoch, top_seq=next_seq - 1)
    return Standing(
        session_id=pk,
        account_pk=account_pk,
        account_id=account_id,
        state=state,
        close_reason=reason,
        fence=fence,
        epoch=epoch,
        stored_seq=stored,
        top_seq=top_seq,
        acked_seq=acked,
        interval=pace,
        timeout=limit,
        initialised=told,
        intent_rate=rate,
        links=links,
        needs_snapshot=needs_snapshot,
        snapshot_due=due_at is not None and due_at <= now,
        snapshot_reason=why,
        # Of a grant's session: none.
        key_code=code or "",
    )


def fences(account_pks: Collection[UUID]) -> dict[UUID, int]:
    """The fence of each account: a session of a lower one is not in charge any more."""
    return dict(BrokerAccount.objects.filter(id__among=account_pks).values_list("id", "fence"))


def session(session_id: UUID) -> EaSession | None:
    return EaSession.objects.select_related("account", "key").filter(id=session_id).first()


def session_by_token(token_hash: str) -> EaSession | None:
    return EaSession.objects.select_related("account").filter(token_hash=token_hash).first()


def kin(session_id: UUID) -> QuerySet[EaSession]:
    """A session and all others of its key, or of its grant: one terminal's, before and after its restarts."""
    return kin_of(EaSession.objects.only("account_id", "key_id", "grant_id").get(id=session_id))


def kin_of(session: EaSession) -> QuerySet[EaSession]:
    """The same, of a session that was read."""
    mine = EaSession.objects.filter(account_id=session.account_id)
    return mine.filter(grant_id=session.grant_id) if session.key_id is None else mine.filter(key_id=session.key_id)


def former_session(session: EaSession) -> EaSession | None:
    """The account's last session in charge before this one that said Hello: it may have been sent commands."""
    earlier = EaSession.objects.filter(account_id=session.account_id, fence__gt=0, hello__isnull=False)
    return earlier.exclude(id=session.id).exclude(state__in=LIVING).order_by("-fence").first()


def overdue_sessions(now: datetime) -> list[tuple[UUID, datetime]]:
    """Authenticated sessions past their deadline, with the deadline read: the compare of compare-and-set."""
    return [(pk, deadline) for pk, deadline in _OVERDUE.read(now=now)]


def _overdue() -> "QuerySet[EaSession, Any]":
    rows = EaSession.objects.filter(state=SessionStatus.AUTHENTICATED, deadline_at__lt=moment("now"))
    return rows.order_by("deadline_at").values_list("id", "deadline_at")[:500]


_OVERDUE: Final = Statement(_overdue)


def pending_since(moment: datetime) -> list[UUID]:
    """Pending sessions opened before `moment`."""
    rows = EaSession.objects.filter(state=SessionStatus.PENDING, created_at__lt=moment)
    return list(rows.values_list("id", flat=True)[:500])


def living_gateways(now: datetime) -> int:
    """Gateway processes whose lease is in force."""
    return GatewayProcess.objects.filter(lease_until__gte=now).count()


def stores_unknown_keys() -> bool:
    """Whether a key that nobody knows is kept: one rule for every account, known or not, or it would tell which is."""
    # A tenant that wants requests gets them only if nobody is told that the account is its own.
    return bool(settings.GATEWAY["self_enrolment"]) or Tenant.objects.filter(self_enrolment=True).exists()


def awaits_decision(prefix: str = "") -> Q:
    """Pending keys that people shall decide about: the tenant's own rule on unknown keys, else the deployment's.

    Keys that no terminal brought here are always looked at: somebody who may do so has written them down.
    """
    rule = f"{prefix}account__tenant__self_enrolment"
    # NULL also for an account of nobody.
    wanted = Q(**{rule: True})
    if settings.GATEWAY["self_enrolment"]:
        wanted |= Q(**{f"{rule}__isnull": True})
    written = Q(**{f"{prefix}requested_from__in": ["", PROVISIONED]})
    return Q(**{f"{prefix}state": KeyState.PENDING}) & (wanted | written)


def waiting_keys() -> QuerySet[AuthKey]:
    """Keys that wait for a decision, the oldest first."""
    return AuthKey.objects.filter(awaits_decision()).select_related("account__tenant").order_by("requested_at")


def with_calls(keys: QuerySet[AuthKey]) -> QuerySet[Any]:
    """Keys with `has_called`: whether an EA has been let in with it."""
    let_in = EaSession.objects.filter(key=OuterRef("pk"), authenticated_at__isnull=False)
    return keys.annotate(has_called=Exists(let_in))


def retired_keys(now: datetime) -> list[UUID]:
    """Approved keys whose overlap with their successor is over."""
    keys = AuthKey.objects.filter(state=KeyState.APPROVED, retires_at__lte=now)
    return list(keys.order_by("retires_at").values_list("id", flat=True)[:500])


@dataclass(frozen=True, slots=True)
class Headcount:
    """How many there are: sessions by state, keys that wait, accounts that get no command before a snapshot."""

    sessions: Mapping[str, int]
    waiting: int
    unasked: int


def headcount() -> Headcount:
    """All of it in one statement."""
    sessions = EaSession.objects.order_by().values_list("state").annotate(Count("id"))
    keys = _counted(AuthKey.objects.filter(awaits_decision()), "keys that wait")
    accounts = _counted(BrokerAccount.objects.filter(needs_snapshot=True), "accounts without a snapshot")
    counts = dict(sessions.union(keys, accounts, all=True))
    return Headcount(
        sessions={status.value: counts.get(status.value, 0) for status in SessionStatus},
        waiting=counts.get("keys that wait", 0),
        unasked=counts.get("accounts without a snapshot", 0),
    )


def _counted(rows: QuerySet[Any], what: str) -> QuerySet[Any, Any]:
    counts: QuerySet[Any, Any] = (
        rows.order_by().annotate(what=Value(what, CharField())).values_list("what").annotate(Count("id"))
    )
    return counts


def count_of(rows: QuerySet[Any]) -> Coalesce:
    """How many of these rows there are, as a column of another query: counted once for all of its rows, or for each if
    it refers to them."""
    counts = rows.order_by().annotate(whose=Value(1)).values("whose").annotate(times=Count("pk")).values("times")
    return Coalesce(Subquery(counts), 0)


def session_events(account_pk: UUID, *, only: UUID | None) -> QuerySet[SessionEvent]:
    """Changes of state of an account's sessions and keys, or of one session `only`."""
    events = SessionEvent.objects.filter(account_id=account_pk)
    return events if only is None else events.filter(session_id=only)


def account_by_id(account_id: str) -> BrokerAccount | None:
    return BrokerAccount.objects.select_related("tenant").filter(account_id=account_id).first()


def profile_contents(ids: Iterable[UUID]) -> list[tuple[UUID, bytes, dict[str, Any]]]:
    """InitRequests as (profile id, digest, content). They never change: callers may keep them."""
    rows = TerminalProfile.objects.filter(id__in=list(ids)).values_list("id", "digest", "content")
    return [(pk, bytes(digest), content) for pk, digest, content in rows]


def currencies(accounts: QuerySet[BrokerAccount]) -> dict[UUID, str]:
    """In what each of these accounts counts its money, of those whose EA has introduced itself."""
    told = accounts.filter(profile__isnull=False).values_list("pk", "profile__content__currency")
    return {pk: currency for pk, currency in told if currency}


def profile_sessions(ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """Which session told each profile."""
    return dict(TerminalProfile.objects.filter(id__in=list(ids)).values_list("id", "session_id"))


def heartbeat_timeouts(account_pks: Iterable[UUID]) -> dict[UUID, int]:
    """In force for the living sessions of accounts, in seconds; the longest where there are several."""
    living = EaSession.objects.filter(account__among=account_pks, state__in=LIVING)
    return dict(living.values_list("account_id").annotate(Max("heartbeat_timeout")))


def open_alerts() -> QuerySet[OperatorAlert]:
    """Alerts that nobody has acknowledged, the newest first; each with `standing`, how many there are."""
    standing = OperatorAlert.objects.filter(acknowledged_at__isnull=True, resolved_at__isnull=True)
    counted = standing.annotate(standing=Window(Count("id")))
    return counted.select_related("account").order_by("-at", "-id")
