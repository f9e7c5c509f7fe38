"""Reads for the pages that humans look at."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from backoffice import latency
from backoffice.latency import Bucket, Hop
from orders import queries as order_queries
from orders.domain.decision.inputs import Outcome
from orders.domain.states.commands import CommandState
from orders.domain.states.denials import SENTENCES
from orders.domain.wire.intents import ADDS_EXPOSURE
from orders.models import Command, Copy, Decision, Subscription
from sessions_app import queries
from sessions_app.domain.lifecycle import LIVING, KeyState, SessionStatus
from sessions_app.models import AuthKey, EaSession, OperatorAlert

DESK_ROWS: Final = 200
SAMPLE: Final = 2000
LIVE_ROWS: Final = 25
ALERT_ROWS: Final = 10
_FAILED: Final = (CommandState.REJECTED, CommandState.UNKNOWN)


# The approval desk ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Terminal:
    """A session and whether its terminal has been heard of within its timeout."""

    session: EaSession
    alive: bool
    silence: timedelta | None

    @classmethod
    def of(cls, session: EaSession, now: datetime) -> "Terminal":
        heard = session.last_heartbeat_at
        silence = max(now - heard, timedelta(0)) if heard is not None else None
        alive = silence is not None and silence <= timedelta(seconds=session.heartbeat_timeout)
        return cls(session, alive, silence)

    @property
    def heard(self) -> str:
        """How long ago it was heard of, in words."""
        if self.silence is None:
            return "never"
        seconds = int(self.silence.total_seconds())
        for length, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
            if seconds >= 2 * length:
                return f"{seconds // length} {unit} ago"
        return f"{seconds} s ago"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A key that waits for a decision, and the terminal that shows it, if there is one."""

    key: AuthKey
    terminal: Terminal | None


def waiting(now: datetime) -> list[Waiting]:
    """The oldest pending keys, at most DESK_ROWS."""
    keys = list(queries.waiting_keys()[:DESK_ROWS])
    asked = EaSession.objects.filter(key__in=keys, state=SessionStatus.PENDING).order_by("created_at", "id")
    newest = {session.key_id: Terminal.of(session, now) for session in asked}
    return [Waiting(key, newest.get(key.id)) for key in keys]


def waiting_count() -> int:
    return AuthKey.objects.filter(state=KeyState.PENDING).count()


def decided_lately(limit: int = 10) -> list[AuthKey]:
    """The last decisions about keys, the newest first."""
    decided = AuthKey.objects.exclude(state=KeyState.PENDING).select_related("account__tenant")
    return list(decided.order_by("-decided_at")[:limit])


def key_with_account(key_id: UUID) -> AuthKey | None:
    return AuthKey.objects.select_related("account__tenant").filter(id=key_id).first()


def other_keys(key: AuthKey) -> int:
    """The account's other keys that are approved."""
    return AuthKey.objects.filter(account_id=key.account_id, state=KeyState.APPROVED).exclude(id=key.id).count()


@dataclass(frozen=True, slots=True)
class Preview:
    """What a decision about a key would do.

    `terminal`: the session that an approval promotes, at once if it is alive, else at its next heartbeat; `preempted`:
    the account's session that would end for it; `held`: commands that wait for the account's EA, of which `dropped`
    would expire then (orders.services.copies.backlog has the rule).
    """

    terminal: Terminal | None
    preempted: EaSession | None
    living: int
    held: int
    dropped: int


def subscription_with_names(subscription_id: UUID) -> Subscription | None:
    """A subscription with its follower and strategy."""
    return Subscription.objects.select_related("follower", "strategy").filter(id=subscription_id).first()


def copy_with_names(copy_id: UUID) -> Copy | None:
    """A copy with its account."""
    return Copy.objects.select_related("account").filter(id=copy_id).first()


def copies_of(subscription_id: UUID) -> tuple[int, int]:
    """How many working pending copies, and how many open ones."""
    return (
        order_queries.working_copies(subscription_id).count(),
        order_queries.open_copies(subscription_id).count(),
    )


def preview(key: AuthKey, now: datetime) -> Preview:
    sessions = list(
        EaSession.objects.filter(account_id=key.account_id, state__in=LIVING).order_by("-created_at", "-id")[:50]
    )
    asked = [row for row in sessions if row.key_id == key.id and row.state == SessionStatus.PENDING]
    held = Command.objects.filter(account_id=key.account_id, state=CommandState.HELD)
    too_old = Q(valid_until__lt=now, action__in=ADDS_EXPOSURE)
    elsewhere = Q(decided_on__isnull=False) & ~Q(decided_on__in=[row.id for row in asked[:1]])
    return Preview(
        terminal=Terminal.of(asked[0], now) if asked else None,
        preempted=next((row for row in sessions if row.state == SessionStatus.AUTHENTICATED), None),
        living=sum(row.key_id == key.id for row in sessions),
        held=held.count(),
        dropped=held.filter(too_old | elsewhere).count(),
    )


# Monitoring ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tally:
    """How often something happened today. `share`: percent of the most frequent one."""

    name: str
    meaning: str
    count: int
    share: float


@dataclass(frozen=True, slots=True)
class Figures:
    """One look at the deployment. "Today" is the UTC day of `at`."""

    at: datetime
    sessions: Mapping[str, int]
    waiting: int
    copied: int
    denied: int
    failed: int
    nothing_to_do: int
    denials: list[Tally]
    failures: list[Tally]
    hops: list[Hop]
    histogram: list[Bucket]
    live: list[Terminal]
    differences: int
    held: int
    unasked: int
    alerts: list[OperatorAlert]
    open_alerts: int

    @property
    def connected(self) -> int:
        return self.sessions[SessionStatus.AUTHENTICATED]


def figures(now: datetime) -> Figures:
    """Everything the monitoring page shows, in eleven reads."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    outcomes = dict(_today(midnight).values_list("outcome").annotate(Count("id")).order_by())
    failures = _failures(midnight)
    unsettled, held = order_queries.count_differences()
    rows = _latest_moments(midnight)
    return Figures(
        at=now,
        sessions=queries.sessions_by_state(),
        waiting=waiting_count(),
        copied=outcomes.get(Outcome.COPIED, 0),
        denied=outcomes.get(Outcome.DENIED, 0),
        nothing_to_do=outcomes.get(Outcome.NOOP, 0),
        failed=sum(row.count for row in failures),
        denials=_denials(midnight),
        failures=failures,
        hops=latency.hops(rows),
        histogram=latency.histogram(rows),
        live=_live(now),
        differences=unsettled,
        held=held,
        unasked=queries.accounts_without_snapshot(),
        alerts=list(queries.open_alerts()[:ALERT_ROWS]),
        open_alerts=queries.open_alerts().count(),
    )


def _today(midnight: datetime) -> QuerySet[Decision]:
    return Decision.objects.filter(decided_at__gte=midnight)


def _denials(midnight: datetime) -> list[Tally]:
    denied = _today(midnight).filter(outcome=Outcome.DENIED).values_list("code").annotate(times=Count("id"))
    return _tallies(dict(denied.order_by("-times", "code")), {code.value: text for code, text in SENTENCES.items()})


def _failures(midnight: datetime) -> list[Tally]:
    commands = Command.objects.filter(decided_at__gte=midnight, state__in=_FAILED)
    failed = commands.values_list("state").annotate(times=Count("id")).order_by("-times")
    return _tallies(dict(failed), _MEANINGS)


_MEANINGS: Final = {
    CommandState.REJECTED.value: "The follower's broker said no.",
    CommandState.UNKNOWN.value: "No one knows yet whether the broker did it.",
}


def _tallies(counts: Mapping[str, int], meanings: Mapping[str, str]) -> list[Tally]:
    most = max(counts.values(), default=1)
    return [Tally(name, meanings.get(name, ""), n, round(n / most * 100, 1)) for name, n in counts.items()]


def _latest_moments(midnight: datetime) -> list[latency.Moments]:
    """Time lines of today's latest commands, at most SAMPLE, without those that were held for an approval."""
    commands = Command.objects.filter(decided_at__gte=midnight).filter(hold_no__isnull=True)
    return list(commands.order_by("-decided_at").values_list(*latency.COLUMNS)[:SAMPLE])


def _live(now: datetime) -> list[Terminal]:
    sessions = EaSession.objects.select_related("account__tenant").filter(state__in=LIVING)
    return [Terminal.of(session, now) for session in sessions.order_by("state", "-created_at")[:LIVE_ROWS]]
