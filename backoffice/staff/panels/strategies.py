"""Who follows, with what, how well? The master, his followers with what became of his trades today, and the last of
them.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from django.db.models import Count, F, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join

from backoffice.foreign import foreign
from backoffice.latency import COLUMNS, Moments, at_p95
from backoffice.own_clock import utc_midnight
from backoffice.staff.panels.panel import Panel, badge, counted_in, linked, linked_to, list_of, may_see
from backoffice.standings import TARGET_MS, failed_since
from backoffice.templatetags.outside import NOTHING, exact, lots, moment
from backoffice.templatetags.spoken import in_english
from backoffice.terminals import Link, ago, silence_of, standing_of
from orders.domain.decision.inputs import Outcome
from orders.domain.states.copies import ALIVE
from orders.domain.wire.intents import Action
from orders.models import Command, Copy, Decision, Intent, Strategy, Subscription
from sessions_app.domain.lifecycle import LIVING
from sessions_app.models import EaSession
from sessions_app.queries import clock, count_of

FOLLOWERS: Final = 50
TRADES: Final = 10
SAMPLE: Final = 1000
"""Today's latest commands of these followers, of which their p95 are taken."""
_ALIVE: Final = [state.value for state in sorted(ALIVE)]
_OPENINGS: Final = (Action.OPEN.value, Action.PLACE.value)


def for_page(rows: QuerySet[Strategy]) -> QuerySet[Any]:
    """Strategies with the time, and how many follow."""
    following = count_of(Subscription.objects.filter(strategy=OuterRef("pk")))
    return rows.select_related("tenant", "master").annotate(now=clock(), following=following)


def of_strategy(request: HttpRequest, strategy: Any) -> Iterator[Panel]:
    """Everything about a strategy that the person may see."""
    rows = _followers(strategy) if may_see(request, Subscription) else []
    accounts = [strategy.master_id, *(row.follower_id for row in rows)]
    links = _links(accounts) if may_see(request, EaSession) else {}
    facts = [
        ("Master", format_html("{} {}", linked(strategy.master), _terminal(strategy, links.get(strategy.master_id)))),
        ("Tenant", linked(strategy.tenant)),
        ("Followers", strategy.following),
        ("Copies of copies", "are relayed" if strategy.relay_copies else "are not relayed"),
    ]
    yield Panel("Who follows, with what, how well?", facts=facts)
    if may_see(request, Subscription):
        yield _of_followers(strategy, rows, links, _p95(accounts[1:], strategy) if may_see(request, Command) else {})
    if may_see(request, Intent) and may_see(request, Decision):
        yield _last_trades(strategy)


def _followers(strategy: Any) -> list[Any]:
    since = utc_midnight(strategy.now)
    today = Decision.objects.filter(subscription=OuterRef("pk"), decided_at__gte=since)
    copies = Copy.objects.filter(subscription=OuterRef("pk"), account=OuterRef("follower"), state__in=_ALIVE)
    refused, missed = failed_since(Command.objects.filter(account=OuterRef("follower")), since)
    rows = Subscription.objects.filter(strategy=strategy).select_related("follower")
    counted = rows.annotate(
        copied=count_of(today.filter(outcome=Outcome.COPIED)),
        denied=count_of(today.filter(outcome=Outcome.DENIED)),
        failed=count_of(refused) + count_of(missed),
        open_copies=count_of(copies),
    )
    return list(counted.order_by("follower__account_id")[:FOLLOWERS])


def _links(accounts: Sequence[UUID]) -> Mapping[UUID, Link]:
    """What says whether their terminals are there; the authenticated session before one that waits."""
    rows = EaSession.objects.filter(account__in=accounts, state__in=LIVING).order_by("-state", "created_at")
    return {link.account_id: link for link in map(Link._make, rows.values_list(*Link._fields))}


def _terminal(strategy: Any, link: Link | None) -> Any:
    if link is None:
        return format_html('<span class="state {}">offline</span>', "warning")
    alive, silence = silence_of(link, strategy.now)
    standing = standing_of(link.state, link.key__state, alive=alive)
    level = "ok" if standing == "connected" else "warning"
    return format_html('<span class="state {}" title="heard {}">{}</span>', level, ago(silence), standing)


def _p95(accounts: Sequence[UUID], strategy: Any) -> Mapping[UUID, float | None]:
    """Of the latest commands of today, without those that were held for an approval."""
    since = utc_midnight(strategy.now)
    rows = Command.objects.filter(account__in=accounts, decided_at__gte=since, hold_no__isnull=True)
    ways: dict[UUID, list[Moments]] = defaultdict(list)
    reported = rows.filter(reported_at__isnull=False).order_by("-decided_at")
    for account, *moments in reported.values_list("account_id", *COLUMNS)[:SAMPLE]:
        ways[account].append(tuple(moments))
    return {account: at_p95(sample)[0] for account, sample in ways.items()}


def _of_followers(
    strategy: Any, found: Sequence[Any], links: Mapping[UUID, Link], p95: Mapping[UUID, float | None]
) -> Panel:
    since = utc_midnight(strategy.now)
    rows = []
    for one in found:
        asked = {"subscription__id__exact": one.pk, "decided_at__gte": since}
        failed = {"account__id__exact": one.follower_id, "state__in": "rejected,unknown", "decided_at__gte": since}
        alive = {"account__id__exact": one.follower_id, "state__in": ",".join(_ALIVE)}
        rows.append(
            (
                linked(one.follower),
                _terminal(strategy, links.get(one.follower_id)),
                linked_to(Subscription, one.pk, f"{in_english(one.mode)}, {exact(one.multiplier)} x"),
                badge(one.state),
                counted_in(Copy, one.open_copies, **alive),
                counted_in(Decision, one.copied, outcome__exact=Outcome.COPIED, **asked),
                counted_in(Decision, one.denied, outcome__exact=Outcome.DENIED, **asked),
                counted_in(Command, one.failed, **failed),
                _late(p95.get(one.follower_id)),
            )
        )
    heads = (
        "Follower", "Terminal", "Settings", "State", "Open copies", "Copied today", "Denied today", "Failed today",
        "p95 today, ms",
    )  # fmt: skip
    on = ("", "")
    if strategy.following > len(rows):
        on = (f"All {strategy.following} followers", list_of(Subscription, strategy__id__exact=strategy.pk))
    return Panel("Followers", heads, rows, none="Nobody follows it yet.", on=on)


def _late(p95: float | None) -> str:
    if p95 is None:
        return NOTHING
    return f"{p95:.0f} (over {TARGET_MS})" if p95 > TARGET_MS else f"{p95:.0f}"


def _last_trades(strategy: Any) -> Panel:
    """The latest openings of the master, each with what it became for these followers."""
    openings = Intent.objects.filter(account=strategy.master, action__in=_OPENINGS, repeated=False)
    latest = openings.order_by("-id").values("id")[:TRADES]
    here = Q(decisions__subscription__strategy=strategy)
    counts = Intent.objects.filter(id__in=latest).annotate(
        outcome=F("decisions__outcome"), times=Count("decisions", filter=here)
    )
    trades: dict[UUID, tuple[Intent, list[tuple[str, str]]]] = {}
    for row in counts.order_by("-id", "outcome"):
        _, became = trades.setdefault(row.pk, (row, []))
        if row.outcome is not None and row.times:
            became.append((row.outcome, f"{row.times} {in_english(row.outcome)}"))
    rows = [
        (
            linked(row, f"{row.symbol} #{row.position_id}"),
            foreign(row.content.get("side", "")),
            lots(row.lots),
            exact(row.price),
            format_html_join(" ", '<span class="state {}">{}</span>', became) or NOTHING,
            moment(row.received_at),
        )
        for row, became in trades.values()
    ]
    heads = ("Trade", "Side", "Lots", "Price", "What it became", "Received")
    on = ("Everything that its master did", list_of(Intent, account__id__exact=strategy.master_id))
    return Panel("Last trades", heads, rows, none="Its master has not traded yet.", on=on)
