"""Reads for the pages that humans look at."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Count, QuerySet

from backoffice import latency
from backoffice.latency import Bucket, Hop
from backoffice.terminals import Terminal
from orders import queries as order_queries
from orders.domain.decision.inputs import Outcome
from orders.domain.states.commands import CommandState
from orders.domain.states.denials import SENTENCES
from orders.models import Command, Decision
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
