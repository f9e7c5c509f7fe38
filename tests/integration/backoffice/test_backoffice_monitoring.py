"""The monitoring page: the right figures, with no data and with much of it."""

import html
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from backoffice import charts, latency
from backoffice.staff import queries
from backoffice.staff.followers import HOUR_SAMPLE
from backoffice.staff.system import System
from orders.models import Command, Copy, Decision, Intent
from sessions_app.models import EaSession
from sessions_app.queries import database_now
from tests.factories import (
    AuthKeyFactory,
    CommandFactory,
    CopyFactory,
    DecisionFactory,
    DifferenceFactory,
    EaSessionFactory,
    IntentFactory,
    StrategyFactory,
    SubscriptionFactory,
    UserFactory,
    grant,
)
from tests.factories.sessions import key_of
from tests.integration.backoffice.house import all_parts_there, build, person
from tests.integration.counting import counted

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
VIEW = "sessions_app.view_easession"


@pytest.fixture(autouse=True)
def _nothing_cached() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture(autouse=True)
def _all_parts_there() -> None:
    """The page is served by a gateway, beside a worker and beat."""
    all_parts_there()


@pytest.fixture
def watcher(client: Client) -> User:
    user = grant(UserFactory.create(), VIEW)
    client.force_login(user)
    return user


@pytest.fixture
def at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backoffice.staff.monitoring.look", lambda: System(NOON, ()))


def number(page: str, name: str) -> int:
    found = re.search(rf'id="{name}">(?:<a [^>]*>)?(\d+)', page)
    assert found is not None, name
    return int(found.group(1))


def show(client: Client, name: str = "monitoring") -> str:
    response: Any = client.get(reverse(f"admin:{name}"))
    assert response.status_code == 200
    return str(response.content.decode())


def command_at(moment: datetime, **changes: Any) -> Command:
    """A command on its way: committed after 5 ms, pushed after 7, acknowledged after 27, reported after 127."""
    times = {"committed_at": 5, "pushed_at": 7, "acked_at": 27, "reported_at": 127}
    steps = {name: moment + timedelta(milliseconds=after) for name, after in times.items()}
    return CommandFactory.create(occurred_at=moment, decision__decided_at=moment, **{**steps, **changes})


# Figures -------------------------------------------------------------------------------------------------------------


def test_without_data_the_page_is_whole_and_all_zero(client: Client, watcher: User) -> None:
    page = show(client)
    assert {number(page, name) for name in ("connected", "waiting", "copied", "denied", "failed")} == {0}
    for sentence in ("No command has been reported today.", "Nothing was denied", "No EA is connected."):
        assert sentence in page


def test_the_figures_of_today_are_counted_by_the_utc_day(client: Client, watcher: User, at_noon: None) -> None:
    EaSessionFactory.create(authenticated=True)
    EaSessionFactory.create()
    EaSessionFactory.create(closed=True)
    AuthKeyFactory.create()
    DecisionFactory.create(decided_at=NOON)
    DecisionFactory.create_batch(2, denied="signal_too_old", decided_at=NOON)
    DecisionFactory.create(denied="symbol_not_found", decided_at=NOON)
    DecisionFactory.create(outcome="noop", code="not_copied", decided_at=NOON)
    DecisionFactory.create(denied="signal_too_old", decided_at=NOON - timedelta(hours=13))
    command_at(NOON, state="rejected")
    command_at(NOON, state="unknown")
    command_at(NOON - timedelta(days=1), state="rejected")
    page = show(client)
    shown = {name: number(page, name) for name in ("connected", "waiting", "copied", "denied", "failed")}
    assert shown == {"connected": 1, "waiting": 3, "copied": 3, "denied": 3, "failed": 2}
    assert "older than the subscription&#x27;s limit" in page
    assert page.index("signal_too_old") < page.index("symbol_not_found")
    assert "Besides, 1 decision had nothing to do." in page


def test_latency_is_shown_by_hop(client: Client, watcher: User, at_noon: None) -> None:
    for _ in range(3):
        command_at(NOON)
    command_at(NOON, reported_at=NOON + timedelta(seconds=3))
    command_at(NOON, reported_at=None, acked_at=None)
    hops = {(hop.start, hop.end): hop for hop in queries.figures(NOON).hops}
    assert (hops["received", "committed"].p50, hops["received", "committed"].samples) == (5, 5)
    assert hops["pushed", "acknowledged"].samples == 4
    whole = hops["received", "reported"]
    assert (whole.p50, whole.p95, whole.p99, whole.samples) == (127, 3000, 3000, 4)
    page = show(client)
    assert "today&#x27;s latest 4 commands" in page or "today's latest 4 commands" in page
    assert "127.0" in page


def test_latency_is_shown_by_hour_against_the_target(client: Client, watcher: User, at_noon: None) -> None:
    """Also of an hour that the latest commands would hide; and what is over the target stands out."""
    early = NOON.replace(hour=3)
    for milliseconds in (40, 50, 60, 4000):
        command_at(early, reported_at=early + timedelta(milliseconds=milliseconds))
    command_at(NOON.replace(hour=2, minute=59), held=True)
    for _ in range(HOUR_SAMPLE + 5):
        command_at(NOON)
    hours = {one.hour: (one.samples, one.p50, one.p95) for one in queries.figures(NOON).hours if one.samples}
    assert hours == {3: (4, 50, 4000), 12: (HOUR_SAMPLE, 127, 127)}
    page = show(client)
    table = page[page.index('id="hours"') :]
    assert '<th scope="row">03:00</th>' in table
    assert '<td class="number late">4000.0</td>' in table
    assert page.count('class="bar late"') == 1
    assert "150 ms</text>" in page


def test_the_chart_of_hours_keeps_its_bounds_and_its_target_line() -> None:
    hours = [latency.Hour(hour, 1, p95, p95) for hour, p95 in enumerate([0.0, 75.0, 150.0, 9000.0])]
    columns = charts.hour_bars(hours, NOON.replace(hour=0), 150)
    assert [column.late for column in columns] == [False, False, False, True]
    line = charts.target_line(hours, 150)
    assert columns[2].bar.y == line == charts.HEIGHT * 3 / 4, "the target is a quarter of a chart that is cut"
    assert columns[3].bar.height == charts.HEIGHT
    assert charts.target_line([], 150) == pytest.approx(charts.HEIGHT / 5)


def test_latency_is_shown_by_follower_and_hop_against_the_target(client: Client, watcher: User, at_noon: None) -> None:
    """The slowest first; the hops are those of the command that stands at the p95, and make it up."""
    for number, milliseconds in enumerate((90, 400, 5000)):
        follower = SubscriptionFactory.create(follower__claimed_as=f"Demo:{number}").follower
        for way in (20, milliseconds):
            command_at(NOON, account=follower, reported_at=NOON + timedelta(milliseconds=way))
    unknown = SubscriptionFactory.create(follower__claimed_as="Demo:no-hops").follower
    command_at(NOON, account=unknown, pushed_at=None, reported_at=NOON + timedelta(milliseconds=10))
    slowest = queries.figures(NOON).standing.slowest
    assert [(row.account.claimed_as, row.p95) for row in slowest] == [
        ("Demo:2", 5000), ("Demo:1", 400), ("Demo:0", 90), ("Demo:no-hops", 10),
    ]  # fmt: skip
    page = show(client)
    table = page[page.index('id="ways"') :]
    assert table.index("Demo:2") < table.index("Demo:1") < table.index("Demo:0")
    assert table.count('class="number late"') == 2
    assert "dashed: 150 ms" in table
    bars = charts.follower_bars(slowest, 150)
    assert charts.follower_target(slowest, 150) == 25, "the target is a quarter of a chart that is cut"
    for bar in bars:
        assert sum(part.milliseconds for part in bar.segments) == pytest.approx(bar.row.p95)
        assert sum(part.width for part in bar.segments) == pytest.approx(min((bar.row.p95 or 0) / 6, 100), abs=0.05)
    assert [part.number for part in bars[-1].segments] == [0], "a hop of it is not known"


def test_held_commands_and_yesterdays_are_no_latency() -> None:
    CommandFactory.create(held=True, decided_at=NOON)
    command_at(NOON - timedelta(days=1))
    assert {hop.samples for hop in queries.figures(NOON).hops} == {0}


def test_percentiles_are_nearest_rank() -> None:
    values = [float(value) for value in range(1, 101)]
    assert [latency.percentile(values, share) for share in (0.5, 0.95, 0.99)] == [50, 95, 99]
    assert latency.percentile([7.0], 0.99) == 7
    assert latency.percentile([], 0.5) is None


def test_the_histogram_counts_every_command_once() -> None:
    rows = [(NOON, None, None, None, NOON + timedelta(milliseconds=ms)) for ms in (-3, 0, 5, 6, 5000, 5001, 10**7)]
    buckets = latency.histogram(rows)
    assert [bucket.count for bucket in buckets] == [3, 1, 0, 0, 0, 0, 0, 0, 0, 1, 2]
    columns = charts.bars(buckets)
    assert max(column.height for column in columns) == charts.HEIGHT
    assert all(0 <= column.x <= charts.WIDTH - column.width for column in columns)


def test_evil_strings_are_inert_on_the_page(client: Client, watcher: User) -> None:
    evil = "<script>alert(1)</script>"
    EaSessionFactory.create(ea_version=evil, account__claimed_as=evil, account__tenant__name=evil)
    assert "<script>alert" not in show(client)
    assert "&lt;script&gt;" in show(client)


# The fragment --------------------------------------------------------------------------------------------------------


def test_the_fragment_is_the_numbers_alone_and_is_asked_for_by_the_page(client: Client, watcher: User) -> None:
    fragment = show(client, "monitoring_numbers")
    assert "<html" not in fragment
    assert number(fragment, "connected") == 0
    page = show(client)
    assert f'hx-get="{reverse("admin:monitoring_numbers")}"' in page
    assert "django_htmx/htmx-2.min.js" in page


def test_figures_are_computed_at_most_once_a_second(client: Client, watcher: User) -> None:
    show(client, "monitoring_numbers")
    EaSessionFactory.create(authenticated=True)
    assert number(show(client, "monitoring_numbers"), "connected") == 0
    cache.clear()
    assert number(show(client, "monitoring_numbers"), "connected") == 1


def test_who_is_signed_out_meanwhile_gets_the_page_anew(client: Client) -> None:
    assert client.get(reverse("admin:monitoring_numbers"))["HX-Refresh"] == "true"
    assert client.get(reverse("admin:monitoring")).status_code == 302


def test_without_the_permission_there_are_no_figures(client: Client) -> None:
    client.force_login(UserFactory.create())
    for name in ("monitoring", "monitoring_numbers"):
        assert client.get(reverse(f"admin:{name}")).status_code == 403


def test_the_count_in_the_head_is_that_of_now_on_the_page_after_an_act(client: Client) -> None:
    """Figures are kept for a second, in which somebody has decided."""
    client.force_login(UserFactory.create(is_superuser=True))
    key = key_of(EaSessionFactory.create())
    badge = r'id="waiting-keys"[^>]*>1<'
    assert re.search(badge, show(client))
    assert re.search(badge, show(client, "monitoring_numbers"))
    client.post(reverse("admin:approve_key", args=[key.pk]), {"reason": "known"})
    for name in ("monitoring", "monitoring_numbers"):
        assert re.search(r'id="waiting-keys"[^>]* hidden>0<', show(client, name)), name


def test_who_may_not_see_keys_gets_no_count_of_them_with_new_figures(client: Client, watcher: User) -> None:
    EaSessionFactory.create()
    assert "waiting-keys" not in show(client, "monitoring_numbers")


# In words, and where each number leads -------------------------------------------------------------------------------


def test_the_first_line_says_in_words_what_is_wrong_and_the_worst_stands_first(client: Client, watcher: User) -> None:
    calm, lost = SubscriptionFactory.create(), SubscriptionFactory.create()
    for account in (calm.follower, calm.strategy.master, lost.strategy.master):
        EaSessionFactory.create(account=account, authenticated=True, heartbeat_timeout=600)
    assert "1 follower to look at; no open copy is at risk." in show(client)
    CopyFactory.create(subscription=lost, state="open")
    cache.clear()
    page = show(client)
    assert re.search(r'class="line bad" id="state"[^>]*><strong>1 follower holds open copies and cannot be', page)
    assert page.index(lost.follower.claimed_as) < page.index(calm.follower.claimed_as)
    EaSession.objects.filter(account=calm.strategy.master).delete()
    cache.clear()
    assert "1 master is away: nothing new is copied from there." in show(client)


def test_a_master_who_is_away_says_how_many_open_copies_depend_on_him(client: Client, watcher: User) -> None:
    """Their followers are all connected, so no row of theirs tells of it."""
    row = SubscriptionFactory.create()
    EaSessionFactory.create(account=row.follower, authenticated=True, heartbeat_timeout=600)
    for state in ("open", "open", "closed"):
        CopyFactory.create(subscription=row, state=state)
    other = SubscriptionFactory.create()
    for account in (other.follower, other.strategy.master):
        EaSessionFactory.create(account=account, authenticated=True, heartbeat_timeout=600)
    CopyFactory.create(subscription=other, state="open")
    page = show(client)
    assert 'class="line warning" id="state"' in page
    assert "nothing new is copied from there, and no close of his reaches 2 open copies." in page
    assert "offline, with 2 open copies at followers" in page
    assert "All is well" not in page
    EaSessionFactory.create(account=row.strategy.master, authenticated=True, heartbeat_timeout=600)
    cache.clear()
    page = show(client)
    assert 'class="line ok"' in page
    assert "at followers" not in page


def test_when_all_is_well_the_line_is_calm(client: Client, watcher: User) -> None:
    row = SubscriptionFactory.create()
    for account in (row.follower, row.strategy.master):
        EaSessionFactory.create(account=account, authenticated=True, heartbeat_timeout=600)
    assert 'class="line ok"' in show(client)


def test_each_number_leads_to_the_list_that_it_counts(client: Client) -> None:
    client.force_login(UserFactory.create(is_superuser=True))
    row = SubscriptionFactory.create()
    now = database_now()
    for outcome in ({}, {}, {"denied": "signal_too_old"}):
        DecisionFactory.create(subscription=row, decided_at=now, **outcome)
    DecisionFactory.create(subscription=row, decided_at=now - timedelta(days=2))
    for state in ("rejected", "unknown", "queued"):
        CommandFactory.create(
            decision=DecisionFactory.create(subscription=row, decided_at=now), occurred_at=now, state=state
        )
    DifferenceFactory.create_batch(2, account=row.follower, severity="major")
    EaSessionFactory.create(account=row.follower, authenticated=True)
    page = show(client)
    links = re.findall(r'<a href="([^"]+\?[^"]+)">(\d+)</a>', page)
    assert len(links) >= 11
    for href, shown in links:
        answer: Any = client.get(html.unescape(href))
        assert answer.status_code == 200, href
        assert answer.context["cl"].result_count == int(shown), href
    assert sum(int(shown) for _, shown in links) > 20


def test_what_is_ordered_delivered_and_done_today_is_counted_apart(client: Client, watcher: User) -> None:
    states = ("queued", "received", "working", "done", "done", "rejected", "unknown", "expired", "void")
    for state in states:
        CommandFactory.create(state=state)
    CommandFactory.create(held=True)
    CommandFactory.create(state="done", decided_at=database_now() - timedelta(days=2))
    page = show(client)
    assert [number(page, name) for name in ("ordered", "delivered", "done")] == [10, 6, 3]


# Much data -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["monitoring", "monitoring_numbers"])
def test_monitoring_asks_the_database_twelve_times_at_most_also_for_an_administrator(name: str) -> None:
    """Whose rights come of a group, and who sees what others may not."""
    own = build("Own")
    who = person("staff: Administrator", own, build("Neighbour"))
    with counted() as cost:
        show(who.client, name)
    assert cost.calls <= 12, cost.sql


def test_monitoring_of_many_followers_builds_models_of_what_it_shows_alone(
    client: Client, watcher: User, at_noon: None
) -> None:
    """A model takes ten times as long to build as its values are to read, and two thousand were half a second."""
    strategy = StrategyFactory.create()

    def built(more: int) -> Counter[str]:
        for number in range(more):
            row = SubscriptionFactory.create(strategy=strategy, follower__tenant=strategy.tenant)
            EaSessionFactory.create(account=row.follower, authenticated=True)
            command_at(
                NOON,
                decision__subscription=row,
                account=row.follower,
                reported_at=NOON + timedelta(milliseconds=number),
            )
        cache.clear()
        with counted() as cost:
            show(client)
        return cost.instances

    few = built(queries.LIVE_ROWS)
    assert built(10) == few
    standing = queries.figures(NOON).standing
    assert len(standing.followers) + standing.more == queries.LIVE_ROWS + 10


def test_a_follower_is_paused_two_clicks_from_monitoring(client: Client, watcher: User) -> None:
    row = SubscriptionFactory.create()
    page = show(client)
    assert f'href="{reverse("admin:orders_subscription_change", args=[row.pk])}"' in page
    assert "Denied today" in page.partition("<thead>")[2].partition("</thead>")[0]


@pytest.mark.daily("production")
def test_ten_thousand_rows_of_today_are_shown_in_time(client: Client, watcher: User) -> None:
    _fill(10_000)
    with CaptureQueriesContext(connection) as reads:
        began = perf_counter()
        page = show(client)
        took = perf_counter() - began
    assert number(page, "copied") == 10_000
    assert len(reads) <= 12, "four of them are of the person: session, name, permissions"
    assert took < 2, f"{took:.2f} s"
    assert "latest 1000 commands" in page


def _fill(rows: int) -> None:
    subscription = SubscriptionFactory.create()
    master = subscription.strategy.master
    session: EaSession = EaSessionFactory.create(account=master, authenticated=True)
    moment = datetime.now(UTC)
    intents = [
        IntentFactory.build(account=master, session=session, occurred_at=moment, position_id=n + 1, ticket=n + 1)
        for n in range(rows)
    ]
    Intent.objects.bulk_create(intents, batch_size=1000)
    decisions = [DecisionFactory.build(intent=item, subscription=subscription, decided_at=moment) for item in intents]
    Decision.objects.bulk_create(decisions, batch_size=1000)
    follower = subscription.follower
    copies = [
        CopyFactory.build(subscription=subscription, account=follower, position_id=n + 1, copy_no=n + 1)
        for n in range(rows)
    ]
    Copy.objects.bulk_create(copies, batch_size=1000)
    commands = [
        CommandFactory.build(
            decision=decision, copy=copies[n], account=follower, seq=n + 1, occurred_at=moment, reported_at=moment
        )
        for n, decision in enumerate(decisions)
    ]
    Command.objects.bulk_create(commands, batch_size=500)


def test_a_pending_session_is_told_apart_from_a_key_that_waits(client: Client, watcher: User) -> None:
    EaSessionFactory.create(key=AuthKeyFactory.create(approved=True))
    page = " ".join(re.sub(r"<[^>]+>", " ", show(client)).split())
    assert "Keys that wait for approval 0" in page
    assert "pending not let in: their key waits, or its terminal has not called since it was approved 1" in page
