"""A member finds out in two clicks why a trade was not copied, and what to do about it; and what the desk says of an EA
that has not been heard."""

import html
import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

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
    assert (f'href="{edit}#id_symbol_map"' in shown) is offered
    if offered:
        assert 'id="id_symbol_map"' in page(client, edit)


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
