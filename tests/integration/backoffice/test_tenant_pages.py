"""The pages of tenants' members: what they say, how little they ask the database, and that no text breaks out."""

import csv
import io
import re
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from backoffice import one_trade, standings
from backoffice.policy import ROUTES
from backoffice.spreadsheets import cell
from orders.models import Copy, Decision, Intent, Subscription
from sessions_app.models import Tenant
from sessions_app.services.access import keys
from sessions_app.services.operations.history import Actor
from tests import factories
from tests.factories.sessions import key_of, now
from tests.integration.backoffice.house import House, all_parts_there, build
from tests.integration.counting import counted

pytestmark = [pytest.mark.django_db, pytest.mark.lane("embedded")]

ROOT: Final = Path(__file__).resolve().parents[3]
MOST_QUERIES: Final = 12
MOST_BYTES: Final = 150 * 1024
EVIL: Final = '<script>alert("x")</script>\u202eU\u2066SD'
UNSEEN: Final = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Marks of direction: one of the isolates would take the end of its element for its own."""
# Pages, and the table whose row each is about.
PAGES: Final = {
    "health": "", "trades": "", "trade": "orders.intent", "strategies": "", "strategy": "orders.strategy",
    "subscriptions": "", "subscription": "orders.subscription", "accounts": "",
    "pause": "orders.subscription", "resume": "orders.subscription",
    "subscribe": "", "edit_subscription": "orders.subscription", "versions": "orders.subscription",
    "vault": "", "store_secret": "",
    "replace_secret": "sessions_app.vaultsecret", "remove_secret": "sessions_app.vaultsecret",
    "alerts": "", "alert_mails": "", "configuration": "", "configure_tenant": "",
    "configure_account": "sessions_app.brokeraccount",
    "tokens": "", "make_token": "", "revoke_token": "sessions_app.managementtoken",
    "change_role": "sessions_app.member", "remove_member": "sessions_app.member",
    "invite": "", "withdraw_invitation": "sessions_app.invitation",
    "register_account": "", "share_key": "sessions_app.brokeraccount", "approve_key": "sessions_app.authkey",
    "reject_key": "sessions_app.authkey", "revoke_key": "sessions_app.authkey",
    "account": "sessions_app.brokeraccount", "mappings": "", "members": "", "audit": "", "exports": "",
}  # fmt: skip
LISTS: Final = [name for name, table in PAGES.items() if not table]


@pytest.fixture(autouse=True)
def _nothing_cached() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def house() -> House:
    return build("Own")


def member(client: Client, tenant: Tenant, role: str = "owner") -> User:
    user: User = factories.UserFactory.create(is_staff=False)
    factories.MemberFactory.create(tenant=tenant, user=user, role=role)
    client.force_login(user)
    return user


def address(name: str, tenant: Tenant, *ids: Any) -> str:
    return reverse(f"tenants:{name}", args=[tenant.pk, *ids])


def page(client: Client, name: str, tenant: Tenant, *ids: Any, query: str = "") -> str:
    response: Any = client.get(address(name, tenant, *ids) + query)
    assert response.status_code == 200
    return str(response.content.decode())


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


# All of them ---------------------------------------------------------------------------------------------------------


def test_the_pages_here_are_those_of_the_policy() -> None:
    assert {f"tenants:{name}" for name in PAGES} == {
        name for name in ROUTES if name.startswith("tenants:") and name not in ("tenants:mine", "tenants:export")
    }


@pytest.mark.parametrize("name", PAGES)
def test_a_page_asks_the_database_twelve_times_at_most(client: Client, house: House, name: str) -> None:
    member(client, house.tenant)
    ids = [house.row(PAGES[name]).pk] if PAGES[name] else []
    with counted() as cost:
        html = page(client, name, house.tenant, *ids)
    assert cost.calls <= MOST_QUERIES, cost.sql
    assert "Own" in html
    assert "style=" not in html
    # It works without one: the settings form alone has one, which puts the caret where a line is begun.
    # Health has two, which ask for it anew while somebody looks.
    assert html.count("<script") == {"subscribe": 1, "edit_subscription": 1, "health": 2}.get(name, 0)


@pytest.mark.parametrize("name", LISTS)
def test_a_page_of_an_empty_tenant_says_so(client: Client, name: str) -> None:
    tenant = factories.TenantFactory.create()
    member(client, tenant)
    html = page(client, name, tenant)
    assert 'class="nothing"' in html or name in (
        "members", "exports", "invite", "store_secret", "subscribe", "alert_mails", "configure_tenant", "make_token",
        "register_account",
    )  # fmt: skip


def test_texts_from_outside_stay_texts_and_isolated_on_every_page(client: Client, house: House) -> None:
    member(client, house.tenant)
    follower, subscription = house.row("sessions_app.brokeraccount"), house.row("orders.subscription")
    for row, names in (
        (follower, ["claimed_as"]),
        (subscription.strategy, ["name"]),
        (subscription.strategy.master, ["claimed_as"]),
        (house.row("orders.intent"), ["symbol"]),
        (house.row("orders.copy"), ["symbol"]),
        (house.row("orders.difference"), ["symbol", "expected", "actual"]),
        (house.row("sessions_app.easession"), ["ea_version"]),
        (house.row("sessions_app.sessionevent"), ["note", "actor"]),
        (house.row("orders.subscriptionevent"), ["note", "actor"]),
        (house.tenant, ["name"]),
    ):
        type(row).objects.filter(pk=row.pk).update(**dict.fromkeys(names, EVIL))
    Decision.objects.update(
        code="symbol_not_found", outcome="denied", steps=[{"step": "symbol", "result": EVIL, "master": EVIL}]
    )
    seen = 0
    for name, table in PAGES.items():
        html = page(client, name, house.tenant, *([house.row(table).pk] if table else []))
        assert "<script>alert" not in html
        body = html.partition("</head>")[2]
        escaped = "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;\\u202eU\\u2066SD"
        outside_of_bdi = re.sub(r"<(bdi|option)[^>]*>[^<]*</\1>", "", body)
        assert escaped not in outside_of_bdi, name
        assert not UNSEEN.search(body), name
        seen += body.count(f"<bdi>{escaped}")
    assert seen > 20


@pytest.mark.parametrize(
    "query",
    ["?page=0", "?page=-1", "?page=x", "?page=99999999999999999999", "?page=²", "?q=%00%E2%80%AE", "?q=" + "9" * 200],
)
def test_nonsense_in_an_address_is_no_error(client: Client, house: House, query: str) -> None:
    member(client, house.tenant)
    for name in ("trades", "accounts", "subscriptions"):
        page(client, name, house.tenant, query=query)


def test_a_page_is_never_kept_by_the_browser(client: Client, house: House) -> None:
    member(client, house.tenant)
    assert "no-store" in client.get(address("health", house.tenant)).headers["Cache-Control"]


def test_a_page_only_shows(client: Client, house: House) -> None:
    member(client, house.tenant)
    assert client.post(address("health", house.tenant)).status_code == 405


# Who may, and who can give it ----------------------------------------------------------------------------------------


def test_who_may_not_is_told_which_role_it_takes_and_who_gives_it(client: Client, house: House) -> None:
    owner = factories.MemberFactory.create(tenant=house.tenant, role="owner", user__username="boss@example.com")
    member(client, house.tenant, "viewer")
    response = client.get(address("audit", house.tenant))
    assert response.status_code == 403
    text = text_of(response.content.decode())
    assert "“Audit log” is for operators , admins and owners" in text.replace("operators,", "operators ,")
    assert owner.user.username in text


def test_a_menu_has_what_the_role_may_open(client: Client, house: House) -> None:
    member(client, house.tenant, "viewer")
    assert address("audit", house.tenant) not in page(client, "health", house.tenant)
    member(client, house.tenant, "operator")
    assert address("audit", house.tenant) in page(client, "health", house.tenant)


def test_a_role_that_is_taken_away_ends_at_once(client: Client, house: House) -> None:
    user = member(client, house.tenant)
    page(client, "health", house.tenant)
    user.memberships.all().delete()
    assert client.get(address("health", house.tenant)).status_code == 404


def test_rows_are_taken_from_the_scope_alone() -> None:
    """So the filter by tenant stands in one file."""
    takes = re.compile(r"\.(objects|_default_manager|_base_manager)\b|get_object_or_404|\.raw\(|cursor\(")
    files = [*sorted((ROOT / "backoffice" / "tenants").glob("*.py")), ROOT / "backoffice" / "one_trade.py"]
    assert len(files) >= 10
    assert [path.name for path in files if takes.search(path.read_text(encoding="utf-8"))] == ["scope.py"]


# The way in ----------------------------------------------------------------------------------------------------------


def test_a_member_signs_in_and_lands_on_the_health_of_his_tenant(client: Client, house: House) -> None:
    user = factories.UserFactory.create(username="pat@example.com", is_staff=False)
    user.set_password("correct horse battery")
    user.save()
    factories.MemberFactory.create(tenant=house.tenant, user=user, role="admin")
    assert client.get("/", follow=True).redirect_chain[-1][0] == "/sign-in/"
    wrong = client.post("/sign-in/", {"username": "pat@example.com", "password": "no"}, follow=True)
    assert "correct username and password" in wrong.content.decode()
    done: Any = client.post(
        "/sign-in/", {"username": "pat@example.com", "password": "correct horse battery"}, follow=True
    )
    assert done.redirect_chain[-1][0] == address("health", house.tenant)
    assert client.get("/admin/", follow=True).redirect_chain
    client.post("/sign-out/")
    assert client.get(address("health", house.tenant)).headers["Location"].startswith("/sign-in/?next=/t/")


def test_one_is_led_to_where_one_may_go(client: Client, house: House) -> None:
    staff = factories.UserFactory.create(is_staff=True)
    client.force_login(staff)
    assert client.get("/").headers["Location"] == "/admin/"
    factories.MemberFactory.create(tenant=house.tenant, user=staff)
    assert client.get("/").headers["Location"] == "/t/"
    both = client.get("/t/").content.decode()
    assert address("health", house.tenant) in both
    assert "/admin/" in both
    client.force_login(factories.UserFactory.create(is_staff=False))
    assert "You belong to no tenant yet" in client.get("/", follow=True).content.decode()


def test_signing_in_leads_to_no_other_site(client: Client, house: House) -> None:
    user = factories.UserFactory.create(username="pat@example.com", is_staff=False)
    user.set_password("correct horse battery")
    user.save()
    sent = {"username": "pat@example.com", "password": "correct horse battery", "next": "https://evil.example/"}
    assert client.post("/sign-in/", sent).headers["Location"] == "/"


# Acts ----------------------------------------------------------------------------------------------------------------


def state_of(house: House) -> str:
    row: Subscription = house.row("orders.subscription")
    row.refresh_from_db()
    return str(row.state)


def test_an_operator_pauses_and_resumes_with_a_reason_and_his_name(client: Client, house: House) -> None:
    user = member(client, house.tenant, "operator")
    subscription = house.row("orders.subscription")
    Copy.objects.update(state="open")  # the working one was made without the command that placed it
    assert address("pause", house.tenant, subscription.pk) in page(
        client, "subscription", house.tenant, subscription.pk
    )
    assert "Nothing that adds exposure" in page(client, "pause", house.tenant, subscription.pk)
    pausing = address("pause", house.tenant, subscription.pk)
    assert "This field is required" in client.post(pausing, {"reason": " "}, follow=True).content.decode()
    assert state_of(house) == "active"
    assert client.post(pausing, {"reason": "news at 14:30"}).status_code == 302
    assert state_of(house) == "close_only"
    event = subscription.events.order_by("-at").first()
    assert (event.actor, event.note, event.to_state) == (user.username, "news at 14:30", "close_only")
    assert "news at 14:30" in page(client, "audit", house.tenant)
    assert (
        "Nothing changed: it is paused already."
        in client.post(pausing, {"reason": "twice"}, follow=True).content.decode()
    )
    assert subscription.events.filter(note="twice").count() == 0
    client.post(address("resume", house.tenant, subscription.pk), {"reason": "over"})
    assert state_of(house) == "active"


@pytest.mark.parametrize(("role", "whose", "status"), [("viewer", "own", 403), ("owner", "neighbour", 404)])
def test_who_may_not_pause_changes_nothing(client: Client, house: House, role: str, whose: str, status: int) -> None:
    member(client, house.tenant, role)
    theirs = house if whose == "own" else build("Neighbour")
    for tenant in {house.tenant, theirs.tenant}:
        sent = client.post(address("pause", tenant, theirs.row("orders.subscription").pk), {"reason": "because"})
        assert sent.status_code == status
    assert state_of(theirs) == "active"
    if role == "viewer":
        assert "/pause/" not in page(client, "subscription", house.tenant, house.row("orders.subscription").pk)


def test_an_act_from_another_site_is_refused(house: House) -> None:
    client = Client(enforce_csrf_checks=True)
    member(client, house.tenant)
    sent = client.post(address("pause", house.tenant, house.row("orders.subscription").pk), {"reason": "because"})
    assert sent.status_code == 403
    assert state_of(house) == "active"


# Health --------------------------------------------------------------------------------------------------------------


def test_the_worst_follower_comes_first_and_the_first_line_says_it(client: Client, house: House) -> None:
    member(client, house.tenant)
    calm = page(client, "health", house.tenant)
    differing = address("account", house.tenant, house.row("orders.difference").account_id)
    assert f'<a href="{differing}">1 difference between books</a>' in calm
    calm = text_of(calm)
    strategy = house.row("orders.strategy")
    lost = factories.SubscriptionFactory.create(
        strategy=strategy, follower__tenant=house.tenant, follower__claimed_as="Lost-Demo:1"
    )
    factories.CopyFactory.create_batch(2, subscription=lost, state="open")
    factories.EaSessionFactory.create(account=strategy.master, authenticated=True, heartbeat_timeout=600)
    html = page(client, "health", house.tenant)
    said = (
        "Partly: 1 of 2 followers are copied. <bdi>Lost-Demo:1</bdi> is not: offline with 2 open copies, never heard."
    )
    assert f"<strong>{said}</strong> 1 difference between books." in html
    assert "offline with 2 open copies" in html
    followers = html.partition("Followers, the worst first")[2]
    assert followers.index("Lost-Demo:1") < followers.index(house.row("sessions_app.brokeraccount").claimed_as)


def test_a_followers_row_counts_what_is_open_waits_and_failed(client: Client) -> None:
    tenant = factories.TenantFactory.create()
    subscription = factories.SubscriptionFactory.create(strategy__tenant=tenant)
    follower = subscription.follower
    factories.EaSessionFactory.create(account=follower, authenticated=True, heartbeat_timeout=600)
    for number, state in enumerate(("queued", "queued", "rejected", "done")):
        moment = now() - timedelta(seconds=5)
        factories.CommandFactory.create(
            decision__subscription=subscription, state=state, seq=number + 1, occurred_at=moment,
            reported_at=moment + timedelta(milliseconds=200) if state == "done" else None,
        )  # fmt: skip
    factories.DecisionFactory.create(subscription=subscription, denied="signal_too_old")
    factories.CopyFactory.create(subscription=subscription, state="open", unprotected_since=now())
    member(client, tenant)
    html = page(client, "health", tenant)
    cell = r'<td data-label="([^"]+)" class="number[^"]*">(?:<a [^>]*>)?([^<(]*)'
    cells = dict(re.findall(cell, html.partition("Followers")[2]))
    assert {name: cells[name].strip() for name in ("Open copies", "Not delivered", "Copied today", "Denied today")} == {
        "Open copies": "5", "Not delivered": "2", "Copied today": "4", "Denied today": "1",
    }  # fmt: skip
    assert "200 ms (over 150)" in html
    assert "1 copy without the stop loss" in html
    assert "1 failed today" in html


def test_the_state_line_without_followers_and_when_all_is_well() -> None:
    assert standings.state_line([]) == ("idle", "No account follows a strategy yet.")
    row = standings.Row(factories.BrokerAccountFactory.build(), standing="connected")
    assert standings.state_line([row, row]) == ("ok", "All is well: 2 followers connected.")
    row = standings.Row(factories.BrokerAccountFactory.build(), standing="offline")
    assert standings.state_line([row])[0] == "warning"


def test_whom_people_have_paused_is_told_as_such_and_not_as_calm(client: Client) -> None:
    """On the members' page and on the staff's: in the first line, in its row, and in its master's."""
    all_parts_there()
    row = factories.SubscriptionFactory.create(strategy__name="First")
    tenant = row.strategy.tenant
    for account in (row.follower, row.strategy.master):
        factories.EaSessionFactory.create(account=account, authenticated=True, heartbeat_timeout=600)
    second = factories.SubscriptionFactory.create(
        follower=row.follower, strategy__tenant=tenant, strategy__master=row.strategy.master, strategy__name="Second"
    )
    name = row.follower.claimed_as
    paused = "1 follower was paused by people for a part of its strategies."
    partly = (
        f"Partly: 1 follower is copied, but not of everything that it follows.</strong> {paused}",
        f"1 follower connected. {paused}</strong>",
    )
    wholly = (
        f"No: <bdi>{name}</bdi> is not copied: paused by people.</strong>",
        "1 follower connected. 1 follower was paused by people: no new trade is copied to it.</strong>",
    )
    expected = [
        (
            row,
            "close_only",
            partly,
            ["paused by people for 1 of 2 strategies", "for 1 of 2 followers", "First (paused"],
        ),
        (second, "off", wholly, ["connected paused by people First", "for 1 of 1 followers", "Second (switched off"]),
    ]
    for subscription, state, lines, also in expected:
        type(subscription).objects.filter(pk=subscription.pk).update(state=state)
        cache.clear()
        member(client, tenant)
        htmls = [page(client, "health", tenant)]
        client.force_login(factories.UserFactory.create(is_superuser=True))
        htmls.append(client.get("/admin/monitoring/").content.decode())
        for html, line in zip(htmls, lines, strict=True):
            assert re.search(rf'class="line warning"[^>]*><strong>{re.escape(line)}', html)
            without_names = text_of(html).replace(f"{row.follower.claimed_as} ", "")
            for words in also:
                assert words in without_names, words


def test_the_first_line_says_what_was_denied_today_instead_of_that_all_is_well(client: Client) -> None:
    row = factories.SubscriptionFactory.create()
    for account in (row.follower, row.strategy.master):
        factories.EaSessionFactory.create(account=account, authenticated=True, heartbeat_timeout=600)
    factories.DecisionFactory.create(subscription=row, denied="signal_too_old")
    member(client, row.strategy.tenant)
    line = (
        "Yes, but not every trade: 1 follower is copied.</strong> 1 copy was denied today: “Denied today” leads to why."
    )
    assert f'class="line idle" role="status"><strong>{line}' in page(client, "health", row.strategy.tenant)


def test_a_master_who_is_away_is_named_also_while_nothing_is_open(client: Client) -> None:
    row = factories.SubscriptionFactory.create()
    factories.EaSessionFactory.create(account=row.follower, authenticated=True, heartbeat_timeout=600)
    member(client, row.strategy.tenant)
    html = page(client, "health", row.strategy.tenant)
    assert f"<strong>No: <bdi>{row.follower.claimed_as}</bdi> is not copied: its master is away.</strong>" in html
    other = factories.SubscriptionFactory.create(follower=row.follower, strategy__tenant=row.strategy.tenant)
    factories.EaSessionFactory.create(account=other.strategy.master, authenticated=True, heartbeat_timeout=600)
    partly = "Partly: 1 follower is copied, but not of everything that it follows.</strong> 1 master is away:"
    assert f"<strong>{partly} nothing new is copied from there." in page(client, "health", row.strategy.tenant)


def test_one_subscription_that_has_ended_is_nothing_to_look_at_and_all_of_them_are(client: Client) -> None:
    row = factories.SubscriptionFactory.create(strategy__name="First")
    tenant, follower, master = row.strategy.tenant, row.follower, row.strategy.master
    for account in (follower, master):
        factories.EaSessionFactory.create(account=account, authenticated=True, heartbeat_timeout=600)
    factories.SubscriptionFactory.create(
        follower=follower, strategy__tenant=tenant, strategy__master=master, strategy__name="Old", state="off"
    )
    member(client, tenant)
    html = page(client, "health", tenant)
    assert "<strong>Yes: 1 follower is copied.</strong>" in html
    assert "by people" not in html
    type(row).objects.filter(pk=row.pk).update(state="off")
    html = page(client, "health", tenant)
    assert f"<strong>No: <bdi>{follower.claimed_as}</bdi> is not copied: switched off by people.</strong>" in html
    assert '<span class="state warning">switched off by people</span>' in html


def test_the_paused_stand_below_those_in_trouble_and_above_those_who_are_well() -> None:
    away, paused, well = (
        standings.Row(factories.BrokerAccountFactory.build(), standing=standing, strategies=["Trend"], paused=held)
        for standing, held in (("offline", 0), ("connected", 1), ("connected", 0))
    )
    assert sorted([well, paused, away], key=lambda row: row.place) == [away, paused, well]


def test_a_key_that_was_approved_while_its_ea_was_away_waits_for_the_ea_and_not_for_people(
    client: Client, settings: Any
) -> None:
    settings.GATEWAY = {**settings.GATEWAY, "tenants_enrol": True}
    row = factories.SubscriptionFactory.create()
    tenant, follower = row.strategy.tenant, row.follower
    session = factories.EaSessionFactory.create(account=follower, last_heartbeat_at=now() - timedelta(hours=1))
    member(client, tenant, "admin")
    waiting = text_of(page(client, "account", tenant, follower.pk))
    assert "waits for approval heard 60 min ago" in waiting
    assert "Approve its key below, or reject it." in waiting
    keys.approve(key_id=key_of(session).pk, by=Actor("olga"), reason="known")
    for name, ids in (("account", [follower.pk]), ("accounts", []), ("health", []), ("strategy", [row.strategy.pk])):
        shown = text_of(page(client, name, tenant, *ids))
        assert "not heard since its approval" in shown, name
        assert "waits for approval" not in shown, name
    account = text_of(page(client, "account", tenant, follower.pk))
    assert "the EA is let in when it calls next. If it does not, look whether its terminal runs" in account
    assert "approved no EA has been let in with it yet" in account


def test_an_ea_that_calls_with_an_approved_key_and_is_suspended_is_not_said_to_be_unheard_of(client: Client) -> None:
    row = factories.SubscriptionFactory.create(follower__suspended_at=now())
    key = factories.AuthKeyFactory.create(account=row.follower, approved=True)
    factories.EaSessionFactory.create(account=row.follower, key=key, heartbeat_timeout=600)
    member(client, row.strategy.tenant)
    shown = text_of(page(client, "account", row.strategy.tenant, row.follower.pk))
    assert "not let in" in shown
    assert "not heard since" not in shown


# Trades --------------------------------------------------------------------------------------------------------------


def _step(**more: Any) -> list[dict[str, Any]]:
    allocation = {"step": "allocation", "result": "ok", "mode": "balance_ratio", "master_lots": "10", "rate": "1"}
    return [allocation | more["allocation"], {"step": "rounding", "result": "ok"} | more.get("rounding", {})]


@pytest.mark.parametrize(
    ("steps", "sentence"),
    [
        (
            _step(
                allocation={"multiplier": "0.5", "follower_base": "5000", "master_base": "10000", "exact": "2.5"},
                rounding={"max_lots": "2", "lots": "2"},
            ),
            "10 x 0.5 x 5000 / 10000 = 2.5, cut to 2 by max lots",
        ),
        (
            _step(allocation={"mode": "mirrored", "multiplier": "1", "exact": "10"}, rounding={"lots": "10.00"}),
            "10 x 1 = 10",
        ),
        (  # bases are kept in every mode, and count in two
            _step(
                allocation={
                    "mode": "mirrored",
                    "multiplier": "2",
                    "exact": "20",
                    "follower_base": "1",
                    "master_base": "9",
                }
            ),
            "10 x 2 = 20",
        ),
        (
            _step(
                allocation={
                    "multiplier": "1",
                    "exact": "4.6296",
                    "follower_base": "5000",
                    "master_base": "10000",
                    "rate": "1.08",
                }
            ),
            "10 x 1 x 5000 / 10000 / 1.08 = 4.6296",
        ),
        (
            _step(
                allocation={
                    "mode": "contract_units",
                    "multiplier": "1",
                    "exact": "1",
                    "master_contract": "10",
                    "follower_contract": "100",
                }
            ),
            "10 x 1 x 10 / 100 = 1",
        ),
        (_step(allocation={"mode": "mirrored", "multiplier": "1", "exact": "7"}), "mirrored = 7"),
        (_step(allocation={"mode": "mirrored", "multiplier": "1", "exact": "NaN"}), ""),
        (
            _step(
                allocation={"mode": "fixed_lots", "multiplier": "1", "exact": "0.125"},
                rounding={"lots": "0.12", "max_lots": "5"},
            ),
            "fixed lots = 0.125, rounded to 0.12",
        ),
        ([{"step": "signal_age", "result": "signal_too_old"}], ""),
    ],
)
def test_sizing_is_one_sentence(steps: list[dict[str, Any]], sentence: str) -> None:
    assert one_trade.sizing(steps) == sentence


@pytest.mark.parametrize(
    ("allocation", "names"),
    [
        ({"mode": "mirrored", "multiplier": "2", "exact": "20"}, "lots of the master x multiplier"),
        (
            {"multiplier": "1", "exact": "5", "follower_base": "5000", "master_base": "10000"},
            "lots of the master x multiplier x funds of the follower / of the master",
        ),
        (
            {"multiplier": "1", "exact": "4.6296", "follower_base": "5000", "master_base": "10000", "rate": "1.08"},
            "lots of the master x multiplier x funds of the follower / of the master / rate of the currencies",
        ),
        (
            {
                "mode": "contract_units", "multiplier": "1", "exact": "1", "master_contract": "10",
                "follower_contract": "100",
            },
            "lots of the master x multiplier x contract of the master's symbol / of the follower's",
        ),
        ({"mode": "fixed_lots", "multiplier": "1", "exact": "0.125"}, ""),
        ({"mode": "mirrored", "multiplier": "1", "exact": "7"}, ""),
    ],
)  # fmt: skip
def test_the_numbers_of_the_sentence_have_names(allocation: dict[str, Any], names: str) -> None:
    assert one_trade.sizing_names(_step(allocation=allocation)) == names


def test_a_trades_page_says_who_got_it_and_why_not(client: Client, house: House) -> None:
    member(client, house.tenant)
    opening: Intent = house.row("orders.intent")
    other = factories.SubscriptionFactory.create(strategy=house.row("orders.strategy"), follower__tenant=house.tenant)
    factories.DecisionFactory.create(subscription=other, intent=opening, denied="symbol_not_found")
    text = text_of(page(client, "trade", house.tenant, opening.pk))
    assert "The follower's broker has no such symbol" in text.replace("&#x27;", "'")
    assert other.follower.claimed_as in text
    assert house.row("sessions_app.brokeraccount").claimed_as in text


def test_a_trade_of_many_followers_comes_in_pages_and_by_outcome(client: Client, house: House) -> None:
    member(client, house.tenant)
    opening = factories.IntentFactory.create(account=house.row("orders.strategy").master)
    for number in range(25):
        follower = factories.SubscriptionFactory.create(
            strategy=house.row("orders.strategy"), follower__tenant=house.tenant
        )
        if number < 3:
            factories.DecisionFactory.create(subscription=follower, intent=opening, denied="symbol_not_found")
        else:
            _carried_out(factories.DecisionFactory.create(subscription=follower, intent=opening, steps=_LONG))
    with counted() as cost:
        first = page(client, "trade", house.tenant, opening.pk)
    assert cost.calls <= MOST_QUERIES
    assert len(first.encode()) <= MOST_BYTES
    assert first.count("<article") == one_trade.FOLLOWERS
    assert "All 25" in first
    last = page(client, "trade", house.tenant, opening.pk, query="?page=2")
    assert (last.count("<article"), "?page=1" in last, "?page=3" in last) == (5, True, False)
    denied = page(client, "trade", house.tenant, opening.pk, query="?outcome=denied")
    assert (denied.count("<article"), denied.count("has no such symbol")) == (3, 3)
    assert page(client, "trade", house.tenant, opening.pk, query="?outcome=nonsense").count("<article") == 20
    listed = page(client, "trades", house.tenant)
    assert f'href="{address("trade", house.tenant, opening.pk)}?outcome=denied">3 denied' in listed


_LONG: Final = [
    {"step": f"step_{number}", "result": "ok", **{f"what_it_looked_at_{field}": "1234.56789" for field in range(3)}}
    for number in range(10)
]
"""As long as the steps of a decision are."""


def _carried_out(decision: Decision) -> None:
    """Opened and closed, with what was said of it."""
    copy = factories.CopyFactory.create(
        subscription=decision.subscription, position_id=decision.intent.position_id, state="closed",
        close_cause="command",
    )  # fmt: skip
    moment = now()
    for action in ("open", "close"):
        command = factories.CommandFactory.create(
            copy=copy, account=copy.account, action=action, state="done", received_at=moment, committed_at=moment,
            pushed_at=moment, acked_at=moment, reported_at=moment,
        )  # fmt: skip
        factories.ReportFactory.create(command=command, account=copy.account)


@pytest.mark.parametrize(("role", "acts"), [("operator", True), ("viewer", False)])
def test_a_subscription_is_paused_in_two_clicks_and_a_reason(
    client: Client, house: House, role: str, acts: bool
) -> None:
    member(client, house.tenant, role)
    subscription = house.row("orders.subscription")
    pause = f'href="{address("pause", house.tenant, subscription.pk)}"'
    for listed in (
        page(client, "subscriptions", house.tenant),
        page(client, "account", house.tenant, subscription.follower_id),
    ):
        assert (pause in listed) == acts


def test_an_empty_tenant_is_told_what_to_do_next(client: Client) -> None:
    tenant = factories.TenantFactory.create()
    member(client, tenant)
    accounts, subscribe = (f'href="{address(name, tenant)}"' for name in ("accounts", "subscribe"))
    health = page(client, "health", tenant).partition("<main")[2]
    assert "No: no account follows a strategy yet.</strong> First the accounts are registered." in health
    assert (accounts in health, subscribe in health) == (True, True)
    assert accounts in page(client, "subscribe", tenant).partition("<main")[2]
    assert "Who runs this gateway makes one" in page(client, "strategies", tenant)


def test_health_of_many_followers_builds_no_model_of_each(client: Client, house: House) -> None:
    member(client, house.tenant)
    page(client, "health", house.tenant)
    with counted() as few:
        page(client, "health", house.tenant)
    more = factories.SubscriptionFactory.create_batch(
        10, strategy=house.row("orders.strategy"), follower__tenant=house.tenant, follower__equity=Decimal("77.5")
    )
    for row in more:
        factories.EaSessionFactory.create(account=row.follower, authenticated=True)
    with counted() as many:
        html = page(client, "health", house.tenant)
    assert more[0].follower.claimed_as in html
    assert "77.50" in html
    assert many.instances == few.instances


def test_the_words_of_a_trade_are_the_members(client: Client, house: House) -> None:
    member(client, house.tenant)
    opening = factories.IntentFactory.create(account=house.row("orders.strategy").master)
    for outcome in ("copied", "noop"):
        subscription = factories.SubscriptionFactory.create(
            strategy=house.row("orders.strategy"), follower__tenant=house.tenant
        )
        decision = factories.DecisionFactory.create(
            subscription=subscription, intent=opening, outcome=outcome, code="" if outcome == "copied" else "no_copy"
        )
        if outcome == "copied":
            _carried_out(decision)
    text = text_of(page(client, "trade", house.tenant, opening.pk)).replace("&#x27;", "'")
    assert "closed by the gateway's command" in text
    assert "1 nothing to do" in text
    assert "noop" not in text


def test_the_way_of_a_command_is_a_bar_of_its_hops() -> None:
    start = now()
    moments = [start + timedelta(milliseconds=after) for after in (0, 10, 30, 40, 100)]
    drawn = one_trade.hops(moments)
    assert [hop.milliseconds for hop in drawn] == [10, 20, 10, 60]
    assert [(hop.x, hop.width) for hop in drawn] == [(0, 10), (10, 20), (30, 10), (40, 60)]
    assert [hop.number for hop in one_trade.hops([*moments[:2], None, None, None])] == [1]
    assert one_trade.hops([None] * 5) == []
    early = one_trade.hops([*moments[:3], moments[4], moments[3]])  # reported before it was acknowledged
    assert [hop.milliseconds for hop in early] == [10, 20, 10, 0]


@pytest.mark.parametrize("text", ["eurusd", "EURUSD", "4711", "#4711", "8765", "990017", "paper-demo:55", "55"])
def test_trades_are_found_by_number_symbol_and_login_in_any_case(client: Client, house: House, text: str) -> None:
    member(client, house.tenant)
    strategy = factories.StrategyFactory.create(tenant=house.tenant, master__claimed_as="Paper-Demo:55")
    wanted = factories.IntentFactory.create(account=strategy.master, position_id=4711, ticket=8765, symbol="EURUSD")
    factories.IntentFactory.create(account=strategy.master, position_id=1, ticket=2, symbol="XAUUSD")
    subscription = factories.SubscriptionFactory.create(strategy=strategy, follower__tenant=house.tenant)
    factories.CopyFactory.create(subscription=subscription, position_id=4711, ticket=990017)
    # A neighbour's follower has the ticket too, and a neighbour's copy finds nothing of this house.
    factories.CopyFactory.create(position_id=1, ticket=990017)
    html = page(client, "trades", house.tenant, query=f"?q={text.replace('#', '%23')}")
    assert f"#{wanted.position_id}" in html
    if text not in ("paper-demo:55", "55"):
        assert "XAUUSD" not in html


# Exports -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "\uff1d1+1",
        "\uff0b1",
        "\uff20x",
        "  =1",
        "\u200b=1",
        "\u202e=1",
    ],
)
def test_a_formula_is_defused(text: str) -> None:
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(Decimal("-1.50"), "-1.5"), (-3, "-3"), ("EURUSD", "EURUSD"), ("a=b", "a=b"), (None, ""), ("", "")],
)
def test_what_is_no_formula_stays(value: Any, shown: str) -> None:
    assert cell(value) == shown


def exported(client: Client, tenant: Tenant, table: str) -> list[dict[str, str]]:
    response: Any = client.get(address("export", tenant, table))
    assert response.status_code == 200
    assert response.streaming
    assert response.headers["Content-Disposition"] == f'attachment; filename="{table}.csv"'
    return list(csv.DictReader(io.StringIO(b"".join(response).decode("utf-8-sig"))))


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume asynchronous iterators")
def test_each_table_is_exported_with_the_tenants_rows_alone(client: Client, house: House) -> None:
    build("Neighbour")
    member(client, house.tenant)
    Intent.objects.filter(pk=house.row("orders.intent").pk).update(symbol="=cmd|'/c calc'!A1")
    rows = exported(client, house.tenant, "trades")
    assert rows[0]["symbol"] == "'=cmd|'/c calc'!A1"
    follower = house.row("sessions_app.brokeraccount").claimed_as
    assert {row["follower"] for row in exported(client, house.tenant, "copies")} == {follower}
    assert {row["follower"] for row in exported(client, house.tenant, "decisions")} == {follower}
    assert client.get(address("export", house.tenant, "passwords")).status_code == 404


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume asynchronous iterators")
def test_ten_thousand_rows_are_exported_in_pieces_and_shown_in_pages(client: Client) -> None:
    tenant, subscription = _full(10_000)
    member(client, tenant)
    assert len(exported(client, tenant, "trades")) == 10_000
    for name, ids in (
        *((name, []) for name in LISTS),
        ("strategy", [subscription.strategy_id]),
        ("subscription", [subscription.pk]),
        ("account", [subscription.follower_id]),
    ):
        with counted() as cost:
            html = page(client, name, tenant, *ids)
        assert cost.calls <= MOST_QUERIES, name
        assert len(html.encode()) <= MOST_BYTES, name
    first = page(client, "trades", tenant)
    assert first.count("<tr>") == 51
    second = page(client, "trades", tenant, query="?page=2&q=eurusd")
    assert "?q=eurusd&amp;page=3" in second
    # Behind the last page there is no master who has never traded.
    assert page(client, "trades", tenant, query="?page=999").count("<tr>") == 51


def _full(rows: int) -> tuple[Tenant, Any]:
    tenant = factories.TenantFactory.create()
    subscription = factories.SubscriptionFactory.create(strategy__tenant=tenant)
    master = subscription.strategy.master
    session = factories.EaSessionFactory.create(account=master, authenticated=True)
    moment = now()
    intents = [
        factories.IntentFactory.build(account=master, session=session, occurred_at=moment, position_id=n, ticket=n)
        for n in range(1, rows + 1)
    ]
    Intent.objects.bulk_create(intents, batch_size=1000)
    decisions = [
        factories.DecisionFactory.build(
            intent=row, subscription=subscription, decided_at=moment, denied="symbol_not_found"
        )
        for row in intents
    ]
    Decision.objects.bulk_create(decisions, batch_size=1000)
    return tenant, subscription
