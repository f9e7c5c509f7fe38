"""What pages call things: the field's words, and money with its currency."""

import re
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from tests import factories
from tests.factories.sessions import now
from tests.integration.backoffice.house import House, build, person

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def house() -> House:
    cache.clear()
    return build("Own")


def text_of(client: Client, address: str) -> str:
    answer: Any = client.get(address)
    assert answer.status_code == 200
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def earns(account: Any, session: Any, currency: str) -> None:
    """The account's EA has introduced itself, and told 10,234.50 of this currency."""
    profile = factories.TerminalProfileFactory.create(
        session=session, account=account, content={"currency": currency, "symbols": []}
    )
    type(account).objects.filter(pk=account.pk).update(
        profile=profile, equity=Decimal("10234.5"), balance=Decimal(10000), funds_at=now()
    )


def test_money_has_its_currency_on_every_page_that_shows_it(house: House) -> None:
    follower, master = house.row("sessions_app.brokeraccount"), house.row("orders.strategy").master
    earns(follower, house.row("sessions_app.easession"), "CHF")
    earns(master, factories.EaSessionFactory.create(account=master, authenticated=True), "JPY")
    neighbour = build("Neighbour")
    owner = person("the tenant's owner", house, neighbour).client
    staff = person("staff: Administrator", house, neighbour).client
    for name in ("health", "accounts"):
        page = text_of(owner, reverse(f"tenants:{name}", args=[house.tenant.pk]))
        assert "10,234.50 CHF" in page, name
        assert "10,234.50 JPY" in page, name
    for client, address in (
        (owner, reverse("tenants:account", args=[house.tenant.pk, follower.pk])),
        (staff, reverse("admin:monitoring")),
        (staff, reverse("admin:sessions_app_brokeraccount_changelist")),
    ):
        assert "CHF" in text_of(client, address), address


def test_a_currency_stays_text_and_one_that_nobody_has_told_is_left_out(house: House) -> None:
    follower = house.row("sessions_app.brokeraccount")
    address = reverse("tenants:health", args=[house.tenant.pk])
    owner = person("the tenant's owner", house, build("Neighbour")).client
    type(follower).objects.filter(pk=follower.pk).update(equity=Decimal(5))
    assert re.search(r">5\.00</td>", owner.get(address).content.decode())
    earns(follower, house.row("sessions_app.easession"), "<script>\N{RIGHT-TO-LEFT OVERRIDE}")
    html = owner.get(address).content.decode()
    assert "10,234.50 <bdi>&lt;script&gt;\\u202e</bdi>" in html


def test_tables_are_called_by_the_words_of_the_field() -> None:
    """Names that Django takes from a class would be "ea sessions" and "oauth clients"."""
    wrong = re.compile(r"\b(ea|oauth|ip|id|api|uuid|sign in)s?\b")
    called = [
        str(text)
        for app in ("sessions_app", "orders")
        for model in apps.get_app_config(app).get_models()
        for text in (model._meta.verbose_name, model._meta.verbose_name_plural)
    ]
    assert [text for text in called if wrong.search(text)] == []
