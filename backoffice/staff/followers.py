"""Who follows and who leads, over all tenants, with what is wrong of each: read in a fixed number of statements.

The day's decisions and commands are read here by account, and monitoring's totals are summed up from the same rows.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.db.models import CharField, Count, DateTimeField, Min, OuterRef, Q, QuerySet, Subquery, UUIDField, Value

from backoffice import latency
from backoffice.latency import Moments
from backoffice.own_clock import utc_midnight
from backoffice.standings import (
    FAILED,
    MISSED,
    Account,
    Row,
    connect,
    count_followed,
    count_led,
    counted,
    failed_since,
    state_line,
    strategy_words,
    tell_led,
)
from backoffice.terminals import Link
from orders.domain.decision.inputs import Outcome
from orders.domain.states.commands import CommandState
from orders.domain.states.copies import ALIVE
from orders.domain.states.differences import WAITING, DifferenceState
from orders.domain.wire.snapshots import DifferenceSeverity
from orders.models import Command, Copy, Decision, Difference, Strategy, Subscription
from sessions_app.models import EaSession, Tenant

ROWS: Final = 25
"""Followers, and masters: the worst. Each is 2.5 KB of a page that has 150, and a millisecond of one that has 300."""
SLOWEST: Final = 12
SAMPLE: Final = 1000
HOUR_SAMPLE: Final = 100
ALIVE_STATES: Final = [state.value for state in sorted(ALIVE)]
WAITING_STATES: Final = [state.value for state in sorted(WAITING)]


@dataclass(frozen=True, slots=True)
class Day:
    """What happened since midnight: decisions by outcome and code, failures by state, all commands by state, the latest
    moments, and the latest of each hour."""

    outcomes: Mapping[str, int]
    denials: Mapping[str, int]
    failures: Mapping[str, int]
    commands: Mapping[str, int]
    moments: Sequence[Moments]
    by_hour: Sequence[Sequence[Moments]]


@dataclass(frozen=True, slots=True)
class Differences:
    """Disagreements between books that nobody has settled, and missing copies that wait for a person's word."""

    unsettled: int
    held: int


@dataclass(frozen=True, slots=True)
class Standing:
    """The first line with its level, and the rows, the worst first; `more`: followers that stand better.
    `slowest`: followers by their p95 of today, also of those that stand better."""

    level: str
    words: str
    followers: Sequence[Row]
    masters: Sequence[Row]
    more: int
    slowest: Sequence[Row]
    day: Day
    differences: Differences


def standing(now: datetime, living: Mapping[UUID, Link], troubles: str = "") -> Standing:
    """How everybody stands at this moment. `troubles`: what the first line has to say besides."""
    midnight = utc_midnight(now)
    followers, masters = _cast()
    rows = {**masters, **followers}
    connect(rows, living, now)
    differences = _books(rows)
    day = _day(rows, midnight, now)
    ordered = sorted(followers.values(), key=lambda row: row.place)
    leading = sorted((rows[pk] for pk in masters), key=lambda row: row.place)
    level, words = first_line(ordered, leading, troubles)
    more = max(len(ordered) - ROWS, 0)
    slowest = sorted((row for row in ordered if row.p95 is not None), key=lambda row: -(row.p95 or 0.0))[:SLOWEST]
    return Standing(level, words, ordered[:ROWS], leading[:ROWS], more, slowest, day, differences)


def first_line(followers: Sequence[Row], masters: Sequence[Row], troubles: str = "") -> tuple[str, str]:
    """How bad it is, and what is wrong in words: the followers' state first, then masters that nobody hears, then what
    is wrong with the deployment."""
    level, words = state_line(followers)
    away = [row for row in masters if row.standing != "connected"]
    if level == "ok" and (away or troubles):  # not all is, then
        words = f"{counted(len(followers), 'follower')} connected."
    if away:
        level, words = _with_masters(level, words, away)
    if not troubles:
        return level, words
    return ("bad" if level == "bad" else "warning"), f"{words} {troubles}"


def _with_masters(level: str, words: str, away: Sequence[Row]) -> tuple[str, str]:
    verb = "is" if len(away) == 1 else "are"
    said = f"{words} {counted(len(away), 'master')} {verb} away: nothing new is copied from there"
    depending = sum(row.depending for row in away)
    # Of one follower two masters may be away, so these are copies, and no followers.
    closes = f", and no close of his reaches {counted(depending, 'open copy')}" if depending else ""
    return ("bad" if level == "bad" else "warning"), f"{said}{closes}."


def _cast() -> tuple[dict[UUID, Row], dict[UUID, Row]]:
    """Followers and masters, in one read of plain values: there may be thousands of followers, and each of one
    strategy would bring its master once more."""
    tenants: dict[str, Tenant] = {}
    followed = Strategy.objects.filter(pk__in=Subscription.objects.order_by().values("strategy"))
    masters: dict[UUID, Row] = {}
    followers: dict[UUID, Row] = {}
    links = _with(Subscription.objects.order_by(), "follower", "strategy_id", "id", "state")
    read = list(_with(followed.order_by(), "master", "id", "id", "name").union(links, all=True))
    # A strategy stands in the place of its own subscription.
    names = {strategy: name for strategy, pk, name, *_ in read if strategy == pk}
    owners = {strategy: values[0] for strategy, pk, _, *values in read if strategy == pk}
    for strategy, pk, word, *values in sorted(read, key=lambda one: (names[one[0]], one[0] != one[1], one[1])):
        if strategy == pk:
            leading = _row(masters, values, tenants)
            leading.strategies += [] if word in leading.strategies else [word]
        else:
            following = _row(followers, values, tenants)
            following.subscriptions.append((strategy_words(names[strategy], word), pk))
            count_followed(following, word)
            count_led(masters[owners[strategy]], word)
    for row in followers.values():
        row.strategies = [words for words, _ in row.subscriptions]
    tell_led(followers, masters)
    return followers, masters


_COLUMNS: Final = ("id", "account_id", "claimed_as", "suspended_at")


def _with(rows: QuerySet[Any], side: str, *columns: str) -> QuerySet[Any, Any]:
    """These columns of rows, and then of the account on this side what `_row` takes."""
    sessions: Any = EaSession.objects.filter(account=OuterRef(side)).order_by("-created_at")
    ended = rows.annotate(last_end=Subquery(sessions.values("closed_at")[:1]))
    own = [f"{side}__{name}" for name in _COLUMNS]
    read: QuerySet[Any, Any] = ended.values_list(*columns, *own, "last_end", f"{side}__tenant__name")
    return read


def _row(rows: dict[UUID, Row], values: Sequence[Any], tenants: dict[str, Tenant]) -> Row:
    pk, account_id, claimed_as, suspended_at, last_end, name = values
    if pk not in rows:
        if name is not None and name not in tenants:
            tenants[name] = Tenant(name=name)
        rows[pk] = Row(Account(pk, account_id, claimed_as, suspended_at, last_end, tenants.get(name)))
    return rows[pk]


def _books(rows: Mapping[UUID, Row]) -> Differences:
    """Copies and differences of each account, and those that depend on each master, in one read; and over all what
    nobody has settled, without what is merely foreign, and what is held."""
    living = Copy.objects.filter(state__in=ALIVE_STATES).order_by()
    copies = living.annotate(what=_word(_COPIES), worst=_word(""))
    bare = Count("id", filter=Q(unprotected_since__isnull=False))
    held_copies = copies.values_list("account_id", "what", "worst").annotate(times=Count("id"), bare=bare)
    led = living.annotate(what=_word(_DEPENDING), worst=_word("")).values_list(
        "subscription__strategy__master_id", "what", "worst"
    )
    depending = led.annotate(times=Count("id"), bare=Value(0))
    waiting = Difference.objects.filter(state__in=WAITING_STATES).order_by()
    standing = waiting.values_list("account_id", "state", "severity").annotate(times=Count("id"), bare=Value(0))
    unsettled = held = 0
    for account, what, severity, times, unprotected in held_copies.union(depending, standing, all=True):
        row = rows.get(account)
        if what == _DEPENDING:
            if row is not None:
                row.depending = times
            continue
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
_DEPENDING: Final = "depending"


def _word(text: str) -> Value:
    return Value(text, CharField())


def _day(rows: Mapping[UUID, Row], midnight: datetime, now: datetime) -> Day:
    """Commands that nobody has fetched, today's failures by state, and today's decisions: in one read."""
    failures: Counter[str] = Counter()
    outcomes: Counter[str] = Counter()
    denials: Counter[str] = Counter()
    commands: dict[str, int] = {}
    parts = (*_failed(midnight), _decisions(midnight), _ordered(midnight))
    for account, what, code, times, oldest in _undelivered().union(*parts, all=True):
        if account is None:
            commands[what] = times
            continue
        row = rows.get(account) or Row(_NOBODY)
        if what in FAILED or what in MISSED:
            failures[what] += times
            row.failed += times
        elif what == CommandState.QUEUED:
            row.undelivered, row.oldest = times, max(now - oldest, timedelta(0))
        else:
            outcomes[what] += times
            denials[code] += times if what == Outcome.DENIED else 0
            row.copied += times if what == Outcome.COPIED else 0
            row.denied += times if what == Outcome.DENIED else 0
    return Day(outcomes, +denials, failures, commands, *_moments(rows, midnight, now))


_NOBODY: Final = Account(UUID(int=0), "", "", None)
"""Of an account that neither follows nor leads any more: counted over all, and shown in no row."""


def _undelivered() -> QuerySet[Command, Any]:
    """Apart from what has failed: one condition for both would be found by no index, and read all commands."""
    return _by_account(Command.objects.filter(state=CommandState.QUEUED))


def _failed(midnight: datetime) -> Iterable[QuerySet[Command, Any]]:
    return map(_by_account, failed_since(Command.objects.all(), midnight))


def _by_account(commands: QuerySet[Command]) -> QuerySet[Command, Any]:
    counts = commands.order_by().annotate(code=_word("")).values_list("account_id", "state", "code")
    found: QuerySet[Command, Any] = counts.annotate(times=Count("id"), oldest=Min("decided_at"))
    return found


def _ordered(midnight: datetime) -> QuerySet[Command, Any]:
    """All of today by their state, over all accounts: how far they came."""
    today = Command.objects.filter(decided_at__gte=midnight).order_by()
    states = today.annotate(nobody=Value(None, UUIDField()), code=_word("")).values_list("nobody", "state", "code")
    found: QuerySet[Command, Any] = states.annotate(times=Count("id"), oldest=Value(None, DateTimeField()))
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
    lines = [[moments for _, moments in part] for part in found]
    taken: dict[UUID, list[Moments]] = defaultdict(list)
    for account, moments in found[0]:
        if account in rows and moments[-1] is not None:
            taken[account].append(moments)
    for pk, ways in taken.items():
        rows[pk].p95, rows[pk].hops = latency.at_p95(ways)
    return lines[0], lines[1:]


def _latest(spans: Sequence[tuple[datetime, datetime | None, int]]) -> list[list[tuple[UUID, Moments]]]:
    """Account and moments of the latest commands of each span of time, at most so many, in one statement: each takes
    as many steps of the index over their time. Django slices no part of a union on SQLite, so its own statements are
    put together here; its converters are used, but no models are built of what may be thousands of rows."""
    commands = Command.objects.filter(hold_no__isnull=True).order_by("-decided_at")
    parts, values, compilers = [], [], []
    for number, (start, end, most) in enumerate(spans):
        within = Q(decided_at__gte=start) & (Q() if end is None else Q(decided_at__lt=end))
        part = commands.filter(within).values("account_id", *latency.COLUMNS)[:most]
        compilers.append(part.query.get_compiler(connection=connection))
        text, params = compilers[-1].as_sql()
        # Of an hour only the whole way is shown.
        columns = f"part{number}.*" if end is None else "account_id, received_at, NULL, NULL, NULL, reported_at"
        parts.append(f"SELECT {columns}, {number} AS part FROM ({text}) AS part{number}")  # noqa: S608 - all ours
        values += params
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts), values)
        read = cursor.fetchall()
    found: list[list[tuple[UUID, Moments]]] = [[] for _ in spans]
    for account, *moments, number in compilers[0].results_iter([read]):
        found[number].append((account, tuple(moments)))
    return found
