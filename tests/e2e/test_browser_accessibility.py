"""axe-core finds nothing serious on any page: in CI on a light screen, nightly in the dark and on a phone too."""

import os
import re
from collections.abc import Iterator
from typing import Any, Final

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core.cache import cache
from django.test import Client
from playwright.sync_api import Browser, BrowserContext
from pytest_django.live_server_helper import LiveServer

from tests.integration.backoffice.house import House, Person, build, person, served
from tests.integration.backoffice.test_policy_walk import BESIDE, LITERAL, filled

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SERIOUS: Final = ("serious", "critical")
NO_PAGES: Final = {
    "admin:monitoring_numbers",  # a piece of the monitoring page, which is looked at as a whole
    "docs",  # Swagger's own pages over our OpenAPI document
}
# Django's own pages of one table are one template each: in CI one table stands for all, the nightly run opens each.
ONE_TABLE: Final = re.compile(
    r"^admin:(?!orders_decision_|sessions_app_authkey_|index|login)[a-z]+_[a-z]+_(add|change|changelist|delete|history)$"
)
SCREENS: Final = [
    pytest.param((1280, "light"), id="1280-light"),
    pytest.param((1280, "dark"), id="1280-dark", marks=pytest.mark.nightly),
    pytest.param((390, "light"), id="390-light", marks=pytest.mark.nightly),
    pytest.param((390, "dark"), id="390-dark", marks=pytest.mark.nightly),
]


@pytest.fixture(autouse=True)
def _nothing_cached() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def pages(person: Person, houses: dict[str, House]) -> Iterator[tuple[str, str]]:
    """Name and address of each page that this person is shown."""
    for name, pattern in sorted(served()):
        if name in BESIDE | NO_PAGES or (ONE_TABLE.match(name) and "EAGATEWAY_NIGHTLY" not in os.environ):
            continue
        address = "/" + filled(LITERAL.get(name, pattern), ("own", "own"), houses)
        answer = person.client.get(address)
        if answer.status_code == 200 and answer["Content-Type"].startswith("text/html"):
            yield name, address


def signed_in(browser: Browser, live_server: LiveServer, client: Client, screen: tuple[int, Any]) -> BrowserContext:
    context = browser.new_context(
        viewport={"width": screen[0], "height": 844}, color_scheme=screen[1], base_url=live_server.url
    )
    context.add_cookies(
        [{"name": name, "value": cookie.value, "url": live_server.url} for name, cookie in client.cookies.items()]
    )
    return context


def found(context: BrowserContext, addresses: Iterator[tuple[str, str]]) -> tuple[int, list[str]]:
    """How many pages were looked at, and a line for each thing that axe finds serious."""
    axe, tab, lines, looked = Axe(), context.new_page(), [], 0
    for name, address in addresses:
        tab.goto(address, wait_until="domcontentloaded")
        for fault in axe.run(tab).response["violations"]:
            if fault["impact"] in SERIOUS:
                where = "; ".join(node["html"][:150] for node in fault["nodes"][:3])
                lines.append(f"{name} {address}: {fault['id']} x {len(fault['nodes'])}: {fault['help']}: {where}")
        looked += 1
    return looked, lines


@pytest.mark.parametrize("who", ["anonymous", "the tenant's owner", "staff: Administrator"])
@pytest.mark.parametrize("screen", SCREENS)
def test_nothing_serious_is_found_on_any_page(
    browser: Browser, live_server: LiveServer, who: str, screen: tuple[int, str]
) -> None:
    houses = {"own": build("Own"), "neighbour": build("Neighbour")}
    somebody = person(who, houses["own"], houses["neighbour"])
    context = signed_in(browser, live_server, somebody.client, screen)
    looked, lines = found(context, pages(somebody, houses))
    context.close()
    assert not lines, "\n".join(lines)
    assert looked >= {"anonymous": 1, "the tenant's owner": 20, "staff: Administrator": 20}[who]
