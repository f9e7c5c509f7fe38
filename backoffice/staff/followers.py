"""Who follows and who leads, over all tenants, with what is wrong of each: read in a fixed number of statements.

The day's decisions and commands are read here by account, and monitoring's totals are summed up from the same rows.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import Count, Min, OuterRef, Q, Subquery

from backoffice import latency
from backoffice.latency import Moments, percentile
from backoffice.standings import Row, connect, counted, state_line
from orders.domain.decision.inputs import Outcome
from orders.domain.states.commands import CommandState
from orders.domain.states.copies import ALIVE
from orders.domain.states.differences import WAITING, DifferenceState
from orders.domain.wire.snapshots import DifferenceSeverity
from orders.models import Command, Copy, Decision, Difference, Subscription
from sessions_app.models import BrokerAccount, EaSession

ROWS: Final = 50
SAMPLE: Final = 2000
FAILED: Final = (CommandState.REJECTED.value, CommandState.UNKNOWN.value)
ALIVE_STATES: Final = [state.value for state in sorted(ALIVE)]
WAITING_STATES: Final = [state.value for state in sorted(WAITING)]


@dataclass(frozen=True, slots=True)
class Day:
    """What happened since midnight: decisions by outcome and code, failures by state, the latest moments."""

    outcomes: Mapping[str, int]
    denials: Mapping[str, int]
    failures: Mapping[str, int]
    moments: Sequence[Moments]


@dataclass(frozen=True, slots=True)
class Differences:
    """Disagreements between books that nobody has settled, and missing copies that wait for a person's word."""

    unsettled: int
    held: int


@dataclass(frozen=True, slots=True)
class Standing:
    """The first line with its level, and the rows, the worst first; `more`: followers that stand better."""

    level: str
    words: str
    followers: Sequence[Row]
    masters: Sequence[Row]
    more: int
    day: Day
    differences: Differences


def standing(now: datetime, living: Mapping[UUID, EaSession]) -> Standing:
    """How everybody stands at this moment."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    followers, masters = _cast()
    rows = {**masters, **followers}
    connect(rows, living, now)
    _books(rows)
    differences = _differences(rows)
    day = _day(rows, midnight, now)
    ordered = sorted(followers.values(), key=lambda row: row.place)
    leading = sorted((rows[pk] for pk in masters), key=lambda row: row.place)
    level, words = first_line(ordered, leading)
    return Standing(level, words, ordered[:ROWS], leading[:ROWS], max(len(ordered) - ROWS, 0), day, differences)


def first_line(followers: Sequence[Row], masters: Sequence[Row]) -> tuple[str, str]:
    """How bad it is, and what is wrong in words: the followers' state first, then masters that nobody hears."""
    level, words = state_line(followers)
    away = [row for row in masters if row.standing != "connected"]
    if not away:
        return level, words
    verb = "is" if len(away) == 1 else "are"
    said = f"{words} {counted(len(away), 'master')} {verb} away: nothing new is copied from there."
    return ("bad" if level == "bad" else "warning"), said


def _cast() -> tuple[dict[UUID, Row], dict[UUID, Row]]:
    """Followers and masters, in one read: each account with `last_end`, when its newest session ended."""
    rows: Any = Subscription.objects.select_related("follower__tenant", "strategy__master__tenant").only(*_COLUMNS)
    ends = {"follower_end": _last_end("follower_id"), "master_end": _last_end("strategy__master_id")}
    followers: dict[UUID, Row] = {}
    masters: dict[UUID, Row] = {}
    for link in rows.annotate(**ends).order_by("strategy__name", "id"):
        name = link.strategy.name
        words = name if link.state == "active" else f"{name} ({link.state.replace('_', ' ')})"
        _row(followers, link.follower, link.follower_end).strategies.append(words)
        leading = _row(masters, link.strategy.master, link.master_end)
        if name not in leading.strategies:
            leading.strategies.append(name)
    return followers, masters


_COLUMNS: Final = (
    "state", "follower", "strategy__name", "strategy__master",
    *(f"{account}__{column}" for account in ("follower", "strategy__master")
      for column in ("claimed_as", "account_id", "suspended_at", "tenant__name")),
)  # fmt: skip


def _last_end(account: str) -> Subquery:
    sessions: Any = EaSession.objects.filter(account=OuterRef(account)).order_by("-created_at")
    return Subquery(sessions.values("closed_at")[:1])


def _row(rows: dict[UUID, Row], account: BrokerAccount, last_end: datetime | None) -> Row:
    if account.pk not in rows:
        account.last_end = last_end  # type: ignore[attr-defined]  # as tenants' pages annotate it
        rows[account.pk] = Row(account)
    return rows[account.pk]


def _books(rows: Mapping[UUID, Row]) -> None:
    alive = Copy.objects.filter(state__in=ALIVE_STATES).values("account_id")
    counts = alive.annotate(held=Count("id"), bare=Count("id", filter=Q(unprotected_since__isnull=False)))
    for one, row in _known(counts.order_by(), rows):
        row.open_copies, row.unprotected = one["held"], one["bare"]


def _differences(rows: Mapping[UUID, Row]) -> Differences:
    """Of each account; and over all what nobody has settled, without what is merely foreign, and what is held."""
    unsettled = held = 0
    waiting = Difference.objects.filter(state__in=WAITING_STATES).values("account_id", "state", "severity")
    for one in waiting.annotate(times=Count("id")).order_by():
        if one["state"] == DifferenceState.HELD:
            held += one["times"]
        elif one["severity"] != DifferenceSeverity.OK:
            unsettled += one["times"]
        if one["account_id"] in rows:
            rows[one["account_id"]].differences += one["times"]
    return Differences(unsettled, held)


def _day(rows: Mapping[UUID, Row], midnight: datetime, now: datetime) -> Day:
    outcomes: Counter[str] = Counter()
    denials: Counter[str] = Counter()
    today = Decision.objects.filter(decided_at__gte=midnight)
    for one in today.values("subscription__follower_id", "outcome", "code").annotate(times=Count("id")).order_by():
        outcomes[one["outcome"]] += one["times"]
        row = rows.get(one["subscription__follower_id"])
        if one["outcome"] == Outcome.DENIED:
            denials[one["code"]] += one["times"]
        if row is not None and one["outcome"] == Outcome.COPIED:
            row.copied += one["times"]
        elif row is not None and one["outcome"] == Outcome.DENIED:
            row.denied += one["times"]
    return Day(outcomes, denials, _commands(rows, midnight, now), _moments(rows, midnight))


def _commands(rows: Mapping[UUID, Row], midnight: datetime, now: datetime) -> Mapping[str, int]:
    """Commands that nobody has fetched, and today's failures by state."""
    failures: Counter[str] = Counter()
    looked_at = Q(state=CommandState.QUEUED) | Q(state__in=FAILED, decided_at__gte=midnight)
    counts = Command.objects.filter(looked_at).values("account_id", "state")
    for one in counts.annotate(times=Count("id"), oldest=Min("decided_at")).order_by():
        row = rows.get(one["account_id"])
        if one["state"] in FAILED:
            failures[one["state"]] += one["times"]
            if row is not None:
                row.failed += one["times"]
        elif row is not None:
            row.undelivered, row.oldest = one["times"], max(now - one["oldest"], timedelta(0))
    return failures


def _moments(rows: Mapping[UUID, Row], midnight: datetime) -> Sequence[Moments]:
    """Time lines of today's latest commands, without those that were held for an approval; p95 of each account."""
    commands = Command.objects.filter(decided_at__gte=midnight, hold_no__isnull=True).order_by("-decided_at")
    found = list(commands.values_list("account_id", *latency.COLUMNS)[:SAMPLE])
    taken: dict[UUID, list[float]] = defaultdict(list)
    for account, received, *_, reported in found:
        if received is not None and reported is not None:
            taken[account].append(max(0.0, (reported - received).total_seconds() * 1000))
    for pk, times in taken.items():
        if pk in rows:
            rows[pk].p95 = percentile(sorted(times), 0.95)
    return [tuple(one[1:]) for one in found]


def _known(counts: Iterable[Any], rows: Mapping[UUID, Row]) -> Iterable[tuple[Any, Row]]:
    return [(one, rows[one["account_id"]]) for one in counts if one["account_id"] in rows]
