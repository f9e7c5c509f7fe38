"""A member finds out in two clicks why a trade was not copied, and what to do about it; and what the desk says of an EA
that has not been heard."""

import html
import re
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from backoffice.tenants import mending
from orders.domain.decision.settings import SETTINGS
from tests import factories
from tests.factories.sessions import now
from tests.integration.backoffice.house import House, build

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def house() -> House:
    cache.clear()
    return build("Own")


def member(client: Client, house: House, role: str = "owner") -> None:
    row = factories.MemberFactory.create(tenant=house.tenant, role=role, user__is_staff=False)
    client.force_login(row.user)


def page(client: Client, address: str) -> str:
    answer: Any = client.get(address)
    assert answer.status_code == 200, address
    text: str = answer.content.decode()
    return text


def test_the_number_of_denials_leads_to_each_with_its_reason(client: Client, house: House) -> None:
    subscription = house.row("orders.subscription")
    for age, code in ((0, "signal_too_old"), (0, "symbol_not_found"), (2, "tombstoned")):
        factories.DecisionFactory.create(subscription=subscription, denied=code, decided_at=now() - timedelta(days=age))
    factories.DecisionFactory.create(subscription=subscription, decided_at=now())
    other = factories.SubscriptionFactory.create(strategy=subscription.strategy, follower__tenant=house.tenant)
    factories.DecisionFactory.create(subscription=other, denied="below_minimum_lots", decided_at=now())
    member(client, house, "viewer")
    health = page(client, reverse("tenants:health", args=[house.tenant.pk]))
    links = re.findall(r'<a href="([^"]+\?denied=[^"]+)">(\d+)</a>', health)
    address, count = next(one for one in links if str(subscription.follower_id) in one[0])
    listed = page(client, html.unescape(address))
    body = listed.partition("<tbody>")[2].partition("</tbody>")[0]
    assert body.count("<tr>") == int(count)
    assert 'title="signal_too_old"' in body
    assert 'title="symbol_not_found"' in body
    assert "no such symbol" in body
    assert "tombstoned" not in body
    assert "below_minimum_lots" not in body
    trade = re.search(r'href="([^"]+\?outcome=denied)"', body)
    assert trade is not None
    assert "no such symbol" in page(client, trade[1]) or "too old" in page(client, trade[1])


def test_denials_of_another_tenants_follower_are_as_those_of_nobody(client: Client, house: House) -> None:
    neighbour = build("Neighbour")
    member(client, house)
    trades = reverse("tenants:trades", args=[house.tenant.pk])
    foreign = neighbour.row("orders.subscription").follower_id
    for who in (foreign, "01a22dcf-b36b-76f3-af43-ba19f2b5dc63", "' OR 1=1 --", "1" * 5000):
        assert client.get(trades, {"denied": who}).status_code == 404, who


@pytest.mark.parametrize(("role", "offered"), [("viewer", False), ("operator", False), ("admin", True)])
def test_a_missing_mapping_leads_to_where_it_is_made(client: Client, house: House, role: str, offered: bool) -> None:
    subscription = house.row("orders.subscription")
    factories.DecisionFactory.create(subscription=subscription, denied="symbol_not_found", decided_at=now())
    member(client, house, role)
    edit = reverse("tenants:edit_subscription", args=[house.tenant.pk, subscription.pk])
    shown = page(client, reverse("tenants:mappings", args=[house.tenant.pk]))
    link = f"{edit}?at=symbol_map&amp;map=EURUSD#id_symbol_map"
    assert (f'href="{link}"' in shown) is offered
    assert ("An admin or owner of this tenant can change that." in shown) is not offered
    if offered:
        # The map is open, and the line begun: only the follower's name of the symbol is missing.
        form = page(client, html.unescape(link))
        assert re.search(r"<details[^>]* open><summary><strong>Symbol mapping</strong>", form)
        assert re.search(r'id="id_symbol_map">\s*EURUSD = </textarea>', form)


def follower_with(house: House, *names: str) -> Any:
    """The house's subscription, whose follower's terminal has told symbols of these names."""
    subscription = house.row("orders.subscription")
    spec = {"digits": 5, "lots_min": "0.01", "lots_step": "0.01", "lots_max": "100", "contract_size": "100000"}
    profile = factories.TerminalProfileFactory.create(
        session__account=subscription.follower, content={"symbols": [{"name": name, **spec} for name in names]}
    )
    type(subscription.follower).objects.filter(pk=subscription.follower_id).update(profile=profile)
    return subscription


def test_a_symbol_that_has_been_mapped_is_mended_in_the_list_and_no_longer_counted(
    client: Client, house: House
) -> None:
    subscription = follower_with(house, "EURUSD.pro", "XAUUSD.pro")
    gold = factories.IntentFactory.create(account=subscription.strategy.master, symbol="GOLD")
    for intent in (None, gold):
        one = {"intent": intent} if intent else {}
        factories.DecisionFactory.create(subscription=subscription, denied="symbol_not_found", decided_at=now(), **one)
    member(client, house)
    mappings, health = (reverse(f"tenants:{name}", args=[house.tenant.pk]) for name in ("mappings", "health"))
    assert "2 trades not copied today for want of a symbol" in page(client, health)
    shown = page(client, mappings)
    assert ">mended<" not in shown
    # One click leads to the map with the line that may be meant.
    edit = reverse("tenants:edit_subscription", args=[house.tenant.pk, subscription.pk])
    link = f"{edit}?at=symbol_map&amp;map=GOLD&amp;to=XAUUSD.pro#id_symbol_map"
    assert f'href="{link}">XAUUSD.pro' in shown
    assert re.search(r'id="id_symbol_map">\s*GOLD = XAUUSD.pro</textarea>', page(client, html.unescape(link)))
    assert "For GOLD the follower&#x27;s terminal has: XAUUSD.pro." in page(client, f"{edit}?map=GOLD")
    assert "has told no symbol whose name is like SUGAR." in page(client, f"{edit}?map=SUGAR")
    type(subscription).objects.filter(pk=subscription.pk).update(symbol_map={"GOLD": "XAUUSD.pro"})
    assert "1 trade not copied today for want of a symbol" in page(client, health)
    shown = page(client, mappings)
    assert shown.count(">mended<") == 1
    assert "The next one is copied as <bdi>XAUUSD.pro</bdi>." in shown
    type(subscription).objects.filter(pk=subscription.pk).update(suffix=".pro")
    assert "for want of a symbol" not in page(client, health)
    assert page(client, mappings).count(">mended<") == 2


def test_a_symbol_that_is_mapped_to_nothing_the_terminal_has_is_missing_still(client: Client, house: House) -> None:
    subscription = follower_with(house, "EURUSD.pro")
    factories.DecisionFactory.create(subscription=subscription, denied="symbol_not_found", decided_at=now())
    type(subscription).objects.filter(pk=subscription.pk).update(symbol_map={"EURUSD": "EURUSD.m", "GOLD": "XAU"})
    member(client, house)
    shown = page(client, reverse("tenants:mappings", args=[house.tenant.pk]))
    assert ">mended<" not in shown
    # Where the line is wrong, its place is taken by the right one.
    link = re.findall(r'href="([^"]+to=EURUSD.pro[^"]*)"', shown)
    assert re.search(r'_map">\s*GOLD = XAU\nEURUSD = EURUSD.pro</textarea>', page(client, html.unescape(link[0])))


def test_a_map_to_what_the_terminal_has_not_told_is_saved_with_a_warning(client: Client, house: House) -> None:
    subscription = follower_with(house, "EURUSD.pro")
    member(client, house)
    edit = reverse("tenants:edit_subscription", args=[house.tenant.pk, subscription.pk])
    typed = {"mode": "mirrored", "contract_size": "check", "late_policy": "deny", "min_lots_policy": "deny",
             "symbol_map": "EURUSD = EURUSD.pro\nGOLD = XAUUSD", "version": "1", "reason": "gold"}  # fmt: skip
    said = "1 line of the symbol map names a symbol that the follower&#x27;s terminal has not told: GOLD = XAUUSD."
    assert said in client.post(edit, {**typed, "preview": "1"}, follow=True).content.decode()
    saved: Any = client.post(edit, {**typed, "save": "1"}, follow=True)
    assert said in saved.content.decode()
    subscription.refresh_from_db()
    assert subscription.symbol_map == {"EURUSD": "EURUSD.pro", "GOLD": "XAUUSD"}
    typed = {**typed, "symbol_map": "EURUSD = EURUSD.pro", "version": "2", "preview": "1"}
    assert "has not told" not in client.post(edit, typed, follow=True).content.decode()


def test_a_symbol_that_is_mapped_already_or_is_none_begins_no_line(client: Client, house: House) -> None:
    subscription = house.row("orders.subscription")
    type(subscription).objects.filter(pk=subscription.pk).update(symbol_map={"GOLD": "XAUUSD"})
    member(client, house)
    edit = reverse("tenants:edit_subscription", args=[house.tenant.pk, subscription.pk])
    for symbol in ("GOLD", "", "A\nB = C", "\u202eUSD"):
        form = page(client, f"{edit}?at=symbol_map&map={quote(symbol)}")
        assert re.search(r'id="id_symbol_map">\s*GOLD = XAUUSD</textarea>', form), symbol
    assert "GOLD = XAUUSD\n&lt;b&gt; = </textarea>" in page(client, f"{edit}?map=%3Cb%3E")


@pytest.mark.parametrize(
    ("code", "words", "where"),
    [
        ("signal_too_old", "Change the setting…", "?at=max_age_seconds#id_max_age_seconds"),
        ("filtered_side", "Change the setting…", "?at=filters#id_filters"),
        ("subscription_close_only", "Resume…", "/resume/"),
        ("follower_not_ready", "Look at the account", "/accounts/"),
    ],
)
def test_a_denial_leads_to_what_said_no_in_the_list_and_at_the_trade(
    client: Client, house: House, code: str, words: str, where: str
) -> None:
    subscription = house.row("orders.subscription")
    decision = factories.DecisionFactory.create(subscription=subscription, denied=code, decided_at=now())
    member(client, house)
    trades = reverse("tenants:trades", args=[house.tenant.pk])
    trade = reverse("tenants:trade", args=[house.tenant.pk, decision.intent_id])
    for address in (f"{trades}?denied={subscription.follower_id}", trade):
        found = re.findall(rf'<a href="([^"]+)">{words}', page(client, address))
        assert len(found) == 1, address
        assert where in html.unescape(found[0])
        page(client, html.unescape(found[0]))


def test_what_no_member_can_change_leads_nowhere(client: Client, house: House) -> None:
    decision = factories.DecisionFactory.create(subscription=house.row("orders.subscription"), denied="tombstoned")
    member(client, house)
    shown = page(client, reverse("tenants:trade", args=[house.tenant.pk, decision.intent_id]))
    told = shown.partition("The copy was closed by hand")[2].partition("</p>")[0]
    assert "<a " not in told
    assert "admin or owner" not in told


def test_every_setting_that_a_denial_leads_to_is_there() -> None:
    assert set(mending._SETTINGS.values()) <= {row.name for row in SETTINGS.rows}


def test_an_ea_that_never_said_a_word_is_not_heard_yet(client: Client) -> None:
    factories.EaSessionFactory.create(last_heartbeat_at=None, account__tenant=None)
    client.force_login(factories.UserFactory.create(is_superuser=True))
    shown = " ".join(re.sub(r"<[^>]+>", " ", page(client, reverse("admin:approvals"))).split())
    assert "not heard yet" in shown
    assert "silent never" not in shown


def test_ones_own_log_in_names_the_language_beside_the_zone(client: Client) -> None:
    user = factories.UserFactory.create()
    factories.PreferenceFactory.create(user=user, zone="Asia/Tokyo", language="de")
    client.force_login(user)
    shown = page(client, reverse("profile:me"))
    assert "sprechen <strong>Deutsch</strong>" in shown
