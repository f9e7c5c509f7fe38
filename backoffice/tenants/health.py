"""Is my money copied right now? One row per follower, the worst first."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import CharField, Count, DateTimeField, F, Max, Min, Q, QuerySet, UUIDField, Value
from django.http.response import HttpResponseBase
from django.utils.translation import gettext

from backoffice.latency import percentile
from backoffice.own_clock import utc_midnight
from backoffice.standings import (
    TARGET_MS,
    Account,
    Row,
    connect,
    count_followed,
    count_led,
    failed_since,
    strategy_words,
    tell_led,
)
from backoffice.tenants.answer import Answer, answer, nobody
from backoffice.tenants.equity import tell_money
from backoffice.tenants.missing import CODES, Lacked, still_missing
from backoffice.tenants.pages import ROWS, Visit, member_page
from backoffice.tenants.scope import Scope
from backoffice.tenants.trades import last_trades
from orders.domain.decision.inputs import Outcome
from orders.domain.states.commands import CommandState
from orders.domain.states.copies import ALIVE
from orders.domain.states.differences import WAITING
from orders.domain.states.subscriptions import SubscriptionState
from sessions_app.queries import clock, database_now

SAMPLE: Final = 2000


@dataclass(frozen=True, slots=True)
class Health:
    """How a tenant stands; rows come the worst first. `now`: as of when."""

    now: datetime
    line: Answer
    followers: Sequence[Row]
    masters: Sequence[Row]
    waiting: int
    alerts: int
    differences: int
    missing: int


@member_page
def page(visit: Visit) -> HttpResponseBase:
    found = health_of(visit.scope)
    followers, masters = found.followers[:ROWS], found.masters[:ROWS]
    drawn = tell_money(visit.scope, (*followers, *masters), found.now)
    differing = (row.account.pk for row in (*found.followers, *found.masters) if row.differences)
    return visit.show(
        "health",
        gettext("Is my money copied right now?"),
        now=found.now,
        line=found.line,
        followers=followers,
        more_followers=max(len(found.followers) - ROWS, 0),
        masters=masters,
        waiting=found.waiting,
        alerts=found.alerts,
        differences=found.differences,
        first_differing=next(differing, None),
        missing=found.missing,
        drawn=drawn,
        trades=last_trades(visit.scope),
        target=TARGET_MS,
        may_subscribe=visit.may("tenants:subscribe"),
    )


def name_currencies(scope: Scope, rows: Sequence[Row]) -> None:
    """Say in what each row's account counts its money, in one query."""
    told = scope.currencies([row.account.pk for row in rows])
    for row in rows:
        row.currency = told.get(row.account.pk, "")


def health_of(scope: Scope) -> Health:
    """How a tenant stands, in a fixed number of queries."""
    accounts, waiting, alerts, now = _accounts(scope)
    followers, masters = _cast(scope, accounts)
    rows = {**followers, **{pk: row for pk, row in masters.items() if pk not in followers}}
    connect(rows, scope.links(), now)
    _counts(scope, rows, now)
    _latencies(scope, rows, now)
    missing = _decisions(scope, rows, now)
    ordered = sorted(followers.values(), key=lambda row: row.place)
    leading = sorted((rows[pk] for pk in masters), key=lambda row: row.place)
    line = answer(ordered, rows, leading) if ordered else _beginning(scope, accounts)
    return Health(
        now=now,
        line=line,
        followers=ordered,
        masters=leading,
        waiting=waiting,
        alerts=alerts,
        differences=sum(row.differences for row in rows.values()),
        missing=missing,
    )


def _beginning(scope: Scope, accounts: Mapping[UUID, Account]) -> Answer:
    return nobody(accounts=bool(accounts), strategies=scope.strategies().exists())


# Reads: a fixed number of them ---------------------------------------------------------------------------------------


def _accounts(scope: Scope) -> tuple[dict[UUID, Account], int, int, datetime]:
    """Accounts by their ids, how many keys wait, how many alerts stand, and the clock, which is read with them."""
    columns = ("pk", "account_id", "claimed_as", "suspended_at", "last_end", "equity", "waiting", "standing", "now")
    accounts: dict[UUID, Account] = {}
    waiting, alerts, now = 0, 0, None
    for row in scope.accounts_with_ends().annotate(now=clock()).values_list(*columns):
        pk, name, claimed_as, suspended_at, ended, equity, waiting, alerts, now = row
        accounts[pk] = Account(pk, name, claimed_as, suspended_at, ended, scope.tenant, equity)
    return accounts, waiting, alerts, now or database_now()


def _cast(scope: Scope, accounts: Mapping[UUID, Account]) -> tuple[dict[UUID, Row], dict[UUID, Row]]:
    """Followers and masters."""
    followers: dict[UUID, Row] = {}
    masters: dict[UUID, Row] = {}
    links = scope.subscriptions().order_by("strategy__name", "id")
    for follower, master, name, state in links.values_list(
        "follower_id", "strategy__master_id", "strategy__name", "state"
    ):
        following = followers.setdefault(follower, Row(accounts[follower]))
        following.strategies.append(strategy_words(name, state))
        if state == SubscriptionState.ACTIVE:
            following.leaders.append(master)
        count_followed(following, state)
        master_row = masters.setdefault(master, Row(accounts[master]))
        count_led(master_row, state)
        if name not in master_row.strategies:
            master_row.strategies.append(name)
    tell_led(followers, masters)
    return followers, masters


def _counts(scope: Scope, rows: Mapping[UUID, Row], now: datetime) -> None:
    """Open copies by follower and by master, those without their stops, differences that stand, and commands that wait
    or have failed today: in one read."""
    living = scope.copies().filter(state__in=[state.value for state in sorted(ALIVE)])
    standing = scope.differences().filter(state__in=[state.value for state in sorted(WAITING)])
    # Apart: one condition for both would be found by no index, and read all commands of the tenant.
    queued = scope.commands().filter(state=CommandState.QUEUED)
    counted = _counted(queued, "queued", oldest=Min("decided_at")).union(
        *(_counted(commands, "failed") for commands in failed_since(scope.commands(), utc_midnight(now))),
        _counted(living, "copies", bare=Count("id", filter=Q(unprotected_since__isnull=False))),
        _counted(living, "depending", by="subscription__strategy__master_id"),
        _counted(standing, "differences"),
        all=True,
    )
    for one, row in _known(counted, rows):
        match one["what"]:
            case "queued":
                row.undelivered, row.oldest = one["times"], max(now - one["oldest"], timedelta(0))
            case "failed":
                row.failed += one["times"]
            case "copies":
                row.open_copies, row.unprotected = one["times"], one["bare"]
            case "depending":
                row.depending = one["times"]
            case _:
                row.differences = one["times"]


def _counted(
    found: QuerySet[Any], what: str, *, by: str = "account_id", bare: Count | None = None, oldest: Min | None = None
) -> QuerySet[Any, Any]:
    """Likewise of each account; the first of a union says of what kind its columns are."""
    named: QuerySet[Any, Any] = found.order_by().annotate(what=Value(what, CharField())).values(by, "what")
    counted: QuerySet[Any, Any] = named.annotate(
        times=Count("id"),
        bare=bare or Count("id", filter=Q(id__isnull=True)),
        oldest=oldest or Value(None, DateTimeField()),
    )
    return counted


def _latencies(scope: Scope, rows: Mapping[UUID, Row], now: datetime) -> None:
    """How long the way of today's commands took."""
    sample = scope.commands().filter(decided_at__gte=utc_midnight(now), hold_no__isnull=True, reported_at__isnull=False)
    taken: dict[UUID, list[float]] = defaultdict(list)
    for pk, received, reported in sample.order_by("-decided_at").values_list(
        "account_id", "received_at", "reported_at"
    )[:SAMPLE]:
        if reported is not None:
            taken[pk].append(max(0.0, (reported - received).total_seconds() * 1000))
    for pk, times in taken.items():
        if pk in rows:
            rows[pk].p95 = percentile(sorted(times), 0.95)


def _decisions(scope: Scope, rows: Mapping[UUID, Row], now: datetime) -> int:
    """Today's outcomes of each follower; how many trades lacked a symbol that is missing still."""
    today = scope.decisions().filter(decided_at__gte=utc_midnight(now)).order_by()
    lacking = today.filter(code__in=CODES).annotate(whose=F("subscription_id"), symbol=F("intent__symbol"))
    others = today.annotate(whose=Value(None, UUIDField()), symbol=Value("", CharField()))
    columns = ("subscription__follower_id", "outcome", "code", "whose", "symbol")
    grouped = (
        found.values(*columns).annotate(times=Count("id"), last=Max("decided_at")) for found in (lacking, others)
    )
    denied = []
    for one in next(grouped).union(*grouped, all=True):
        row = rows.get(one["subscription__follower_id"])
        if one["whose"] is not None:
            denied.append(Lacked((one["whose"], one["symbol"]), one["times"], one["last"]))
        elif row is not None and one["outcome"] == Outcome.COPIED:
            row.copied += one["times"]
        elif row is not None and one["outcome"] == Outcome.DENIED:
            row.denied += one["times"]
    return still_missing(scope, denied)


def _known(counts: Iterable[Any], rows: Mapping[UUID, Row]) -> Iterable[tuple[Any, Row]]:
    return [(one, rows[one["account_id"]]) for one in counts if one["account_id"] in rows]
