"""German words are longer: heads and tables have room for them, and break neither a name nor a login."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

import pytest
from django.core.cache import cache
from django.urls import reverse
from playwright.sync_api import Browser
from pytest_django.live_server_helper import LiveServer

from sessions_app.models import BrokerAccount
from tests import factories
from tests.e2e.test_browser_accessibility import signed_in
from tests.integration.backoffice.house import House, build
from tests.integration.backoffice.test_own_language import speaks
from tests.integration.backoffice.test_words_of_pages import earns

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LONG: Final = "annegret.mustermann-von-der-heide@handelshaus-norddeutschland.example"
_HEAD: Final = """() => {
  const head = document.querySelector("#header").getBoundingClientRect();
  const parts = [...document.querySelectorAll("#header a, #header button, #header .tenant")];
  const seen = parts.map(one => [one.textContent.trim(), one.getBoundingClientRect()]).filter(([, at]) => at.width > 1);
  const cut = ([, at]) => at.left < 0 || at.right > innerWidth || at.top < 0 || at.bottom > head.bottom + 1;
  return seen.filter(cut).map(([words]) => words);
}"""
_LINES: Final = "link => [...new Set([...link.getClientRects()].map(one => Math.round(one.top)))].length"


@pytest.fixture(autouse=True)
def _nothing_cached() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def house() -> House:
    house = build("Own")
    house.tenant.name = "Vermögensverwaltung Müller-Lüdenscheidt GmbH & Co. KG"
    house.tenant.save()
    return house


@pytest.fixture
def german(house: House) -> Any:
    member = factories.MemberFactory.create(
        tenant=house.tenant, role="owner", user__username=LONG, user__is_staff=True, user__is_superuser=True
    )
    factories.MemberFactory.create(tenant=factories.TenantFactory.create(), user=member.user)
    return speaks(member.user, "de")


@pytest.mark.parametrize("width", [1280, 390])
def test_no_head_is_cut(browser: Browser, live_server: LiveServer, house: House, german: Any, width: int) -> None:
    context = signed_in(browser, live_server, german, (width, "light"))
    tab = context.new_page()
    for address in (reverse("tenants:health", args=[house.tenant.pk]), "/me/", "/admin/", "/admin/audit/"):
        tab.goto(address)
        assert tab.evaluate(_HEAD) == [], address
        assert tab.evaluate("document.querySelector('#site-name').getBoundingClientRect().top") >= 4, address
    context.close()


def test_a_login_stands_on_one_line_beside_long_german_headings(
    browser: Browser, live_server: LiveServer, house: House, german: Any
) -> None:
    follower = house.row("sessions_app.brokeraccount")
    earns(follower, house.row("sessions_app.easession"), "USD")
    BrokerAccount.objects.filter(pk=follower.pk).update(equity=Decimal("1234567.89"))
    context = signed_in(browser, live_server, german, (1280, "light"))
    tab = context.new_page()
    tab.goto(reverse("tenants:health", args=[house.tenant.pk]))
    assert tab.get_by_role("link", name=follower.claimed_as, exact=True).first.evaluate(_LINES) == 1
    tab.goto(reverse("tenants:account", args=[house.tenant.pk, follower.pk]))
    assert all(code.evaluate(_LINES) == 1 for code in tab.locator("table code").all())
    context.close()
