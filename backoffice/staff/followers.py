"""Who follows and who leads, over all tenants, with what is wrong of each: read in a fixed number of statements.

The day's decisions and commands are read here by account, and monitoring's totals are summed up from the same rows.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import CharField, Count, DateTimeField, Min, OuterRef, Q, QuerySet, Subquery, Value

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
HOUR_SAMPLE: Final = 100
FAILED: Final = (CommandState.REJECTED.value, CommandState.UNKNOWN.value)
ALIVE_STATES: Final = [state.value for state in sorted(ALIVE)]
WAITING_STATES: Final = [state.value for state in sorted(WAITING)]


@dataclass(frozen=True, slots=True)
class Day:
    """What happened since midnight: decisions by outcome and code, failures by state, the latest moments, and
    the latest of each hour."""

    outcomes: Mapping[str, int]
    denials: Mapping[str, int]
    failures: Mapping[str, int]
    moments: Sequence[Moments]
    by_hour: Sequence[Sequence[Moments]]


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
    differences = _books(rows)
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
    """Followers and masters: the accounts once, each with `last_end`, when its newest session ended; and who follows
    whom as plain values, for there may be thousands."""
    links = Subscription.objects.order_by("strategy__name", "id")
    concerned = Q(pk__in=links.order_by().values("follower")) | Q(pk__in=links.order_by().values("strategy__master"))
    ends: Any = EaSession.objects.filter(account=OuterRef("pk")).order_by("-created_at")
    found: Any = BrokerAccount.objects.filter(concerned).select_related("tenant").only(*_COLUMNS)
    accounts = {row.pk: row for row in found.annotate(last_end=Subquery(ends.values("closed_at")[:1]))}
    followers: dict[UUID, Row] = {}
    masters: dict[UUID, Row] = {}
    for follower, master, name, state in links.values_list("follower", "strategy__master", "strategy__name", "state"):
        if follower not in accounts or master not in accounts:
            continue  # it was made between the two reads
        words = name if state == "active" else f"{name} ({state.replace('_', ' ')})"
        followers.setdefault(follower, Row(accounts[follower])).strategies.append(words)
        leading = masters.setdefault(master, Row(accounts[master]))
        if name not in leading.strategies:
            leading.strategies.append(name)
    return followers, masters


_COLUMNS: Final = ("claimed_as", "account_id", "suspended_at", "tenant__name")


def _books(rows: Mapping[UUID, Row]) -> Differences:
    """Copies and differences of each account, in one read; and over all what nobody has settled, without what is merely
    foreign, and what is held."""
    copies = Copy.objects.filter(state__in=ALIVE_STATES).annotate(what=_word(_COPIES), worst=_word(""))
    bare = Count("id", filter=Q(unprotected_since__isnull=False))
    held_copies = copies.order_by().values_list("account_id", "what", "worst").annotate(times=Count("id"), bare=bare)
    waiting = Difference.objects.filter(state__in=WAITING_STATES).order_by()
    standing = waiting.values_list("account_id", "state", "severity").annotate(times=Count("id"), bare=Value(0))
    unsettled = held = 0
    for account, what, severity, times, unprotected in held_copies.union(standing, all=True):
        row = rows.get(account)
        if what == _COPIES:
            if row is not None:
                row.open_copies, row.unprotected = times, unprotected
            continue
        held += times if what == DifferenceState.HELD else 0
        unsettled += times if what != DifferenceState.HELD and severity != DifferenceSeverity.OK else 0
        if row is not None:
            row.differences += times
    return Differences(unsettled, held)


_COPIES: Final = "copies"


def _word(text: str) -> Value:
    return Value(text, CharField())


def _day(rows: Mapping[UUID, Row], midnight: datetime, now: datetime) -> Day:
    """Commands that nobody has fetched, today's failures by state, and today's decisions: in one read."""
    failures: Counter[str] = Counter()
    outcomes: Counter[str] = Counter()
    denials: Counter[str] = Counter()
    for account, what, code, times, oldest in _undelivered().union(_failed(midnight), _decisions(midnight), all=True):
        row = rows.get(account) or Row(_NOBODY)
        if what in FAILED:
            failures[what] += times
            row.failed += times
        elif what == CommandState.QUEUED:
            row.undelivered, row.oldest = times, max(now - oldest, timedelta(0))
        else:
            outcomes[what] += times
            denials[code] += times if what == Outcome.DENIED else 0
            row.copied += times if what == Outcome.COPIED else 0
            row.denied += times if what == Outcome.DENIED else 0
    return Day(outcomes, +denials, failures, *_moments(rows, midnight, now))


_NOBODY: Final = BrokerAccount()
"""Of an account that neither follows nor leads any more: counted over all, and shown in no row."""


def _undelivered() -> QuerySet[Command, Any]:
    """Apart from what has failed: one condition for both would be found by no index, and read all commands."""
    return _by_account(Command.objects.filter(state=CommandState.QUEUED))


def _failed(midnight: datetime) -> QuerySet[Command, Any]:
    return _by_account(Command.objects.filter(state__in=FAILED, decided_at__gte=midnight))


def _by_account(commands: QuerySet[Command]) -> QuerySet[Command, Any]:
    counts = commands.order_by().annotate(code=_word("")).values_list("account_id", "state", "code")
    found: QuerySet[Command, Any] = counts.annotate(times=Count("id"), oldest=Min("decided_at"))
    return found


def _decisions(midnight: datetime) -> QuerySet[Decision, Any]:
    today = Decision.objects.filter(decided_at__gte=midnight).order_by()
    counts = today.values_list("subscription__follower_id", "outcome", "code")
    found: QuerySet[Decision, Any] = counts.annotate(times=Count("id"), oldest=Value(None, DateTimeField()))
    return found


def _moments(
    rows: Mapping[UUID, Row], midnight: datetime, now: datetime
) -> tuple[Sequence[Moments], Sequence[Sequence[Moments]]]:
    """Time lines of today's latest commands, and of the latest of each hour, without those that were held for an
    approval; p95 of each account."""
    hours = [midnight + timedelta(hours=hour) for hour in range(now.hour + 1)]
    spans = [(midnight, None, SAMPLE), *((hour, hour + timedelta(hours=1), HOUR_SAMPLE) for hour in hours)]
    found = _latest(spans)
    taken: dict[UUID, list[float]] = defaultdict(list)
    for command in found[0]:
        if command.reported_at is not None:
            taken[command.account_id].append(
                max(0.0, (command.reported_at - command.received_at).total_seconds() * 1000)
            )
    for pk, times in taken.items():
        if pk in rows:
            rows[pk].p95 = percentile(sorted(times), 0.95)
    lines = [[tuple(getattr(command, name) for name in latency.COLUMNS) for command in part] for part in found]
    return lines[0], lines[1:]


def _latest(spans: Sequence[tuple[datetime, datetime | None, int]]) -> list[list[Command]]:
    """The latest commands of each span of time, at most so many, in one statement: each takes as many steps of the
    index over their time. Django slices no part of a union on SQLite, so its own statements are put together here."""
    commands = Command.objects.filter(hold_no__isnull=True).order_by("-decided_at")
    parts, values = [], []
    for number, (start, end, most) in enumerate(spans):
        within = Q(decided_at__gte=start) & (Q() if end is None else Q(decided_at__lt=end))
        part = commands.filter(within).values("id", "account_id", *latency.COLUMNS)[:most]
        text, params = part.query.sql_with_params()
        parts.append(f"SELECT part{number}.*, {number} AS part FROM ({text}) AS part{number}")  # noqa: S608 - all ours
        values += params
    found: list[list[Command]] = [[] for _ in spans]
    for command in Command.objects.raw(" UNION ALL ".join(parts), values):
        found[command.part].append(command)  # type: ignore[attr-defined]  # a column of the statement
    return found
