"""A member's browser: every page of a tenant, on a phone and on a screen, light and dark, with scripts switched off."""

import os
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest
from django.core.cache import cache
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from orders.models import Decision
from tests import factories
from tests.factories.sessions import now
from tests.integration.backoffice.house import House, build
from tests.integration.backoffice.test_tenant_pages import LISTS, PAGES, address

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PASSWORD: Final = "correct horse battery staple"
LONG: Final = "A-Very-Long-Broker-Name-" * 4 + ":1"
LEFT: Final = "net::ERR_ABORTED"
"""Why the icon of a page fails when the next page is asked for before it came; a page is loaded without it."""
SHOTS: Final = os.environ.get("EAGATEWAY_SHOTS", "")
"""A folder for the pictures, to be looked at by people; else they go with the test."""


@pytest.fixture(autouse=True)
def _nothing_cached() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture(
    # By day each width and each scheme once.
    params=[
        pytest.param((1280, "light"), id="1280-light"),
        pytest.param((1280, "dark"), id="1280-dark", marks=pytest.mark.nightly),
        pytest.param((390, "light"), id="390-light", marks=pytest.mark.nightly),
        pytest.param((390, "dark"), id="390-dark"),
    ]
)
def screen(request: pytest.FixtureRequest, browser: Browser, live_server: LiveServer) -> Iterator[Page]:
    """A browser without JavaScript, of a width and a colour."""
    width, colours = request.param
    context = browser.new_context(
        viewport={"width": width, "height": 844}, color_scheme=colours, java_script_enabled=False,
        base_url=live_server.url,
    )  # fmt: skip
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("requestfailed", lambda failed: complaints.extend([failed.url] if failed.failure != LEFT else []))
    yield page
    context.close()
    assert complaints == []


def sign_in(page: Page, house: House) -> None:
    user = factories.UserFactory.create(username="pat@example.com", is_staff=False)
    user.set_password(PASSWORD)
    user.save()
    factories.MemberFactory.create(tenant=house.tenant, user=user, role="owner")
    page.goto("/")
    page.get_by_label("Username").fill("pat@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Is my money copied right now?")).to_be_visible()


def furnish(house: House) -> None:
    """Troubles, long names and a trade with a whole way."""
    strategy, follower = house.row("orders.strategy"), house.row("sessions_app.brokeraccount")
    lost = factories.SubscriptionFactory.create(
        strategy=strategy, follower__tenant=house.tenant, follower__claimed_as=LONG, max_lots=Decimal(2)
    )
    factories.CopyFactory.create_batch(
        2, subscription=lost, state="open", lots_open=Decimal("0.10"), unprotected_since=now()
    )
    factories.DecisionFactory.create(
        subscription=lost, intent=house.row("orders.intent"), denied="symbol_not_found", intent__symbol="A" * 64
    )
    command, start = house.row("orders.command"), now()
    for name, after in {
        "received_at": 0,
        "committed_at": 9,
        "pushed_at": 14,
        "acked_at": 41,
        "reported_at": 133,
    }.items():
        setattr(command, name, start + timedelta(milliseconds=after))
    command.state = "done"
    command.save()
    steps = [
        {"step": "allocation", "result": "ok", "mode": "balance_ratio", "master_lots": "10", "multiplier": "0.5",
         "master_base": "10000", "follower_base": "5000", "rate": "1", "exact": "2.5"},
        {"step": "rounding", "result": "ok", "exact": "2.5", "max_lots": "2", "lots": "2"},
    ]  # fmt: skip
    Decision.objects.filter(pk=house.row("orders.decision").pk).update(steps=steps)
    type(follower).objects.filter(pk=follower.pk).update(
        equity=Decimal("10234.5"), balance=Decimal(10000), funds_at=now()
    )
    factories.SessionEventFactory.create(session=house.row("sessions_app.easession"), actor="olga", note="N" * 255)


def look(page: Page, tmp_path: Path, name: str) -> None:
    """The page fits the screen, and there is something to see."""
    viewport: Any = page.viewport_size
    box = page.locator("html").bounding_box()
    assert box is not None
    wide = page.locator("main").evaluate("() => document.documentElement.scrollWidth")
    assert wide <= viewport["width"], name
    folder = Path(SHOTS) if SHOTS else tmp_path
    scheme = page.locator("html").evaluate(
        "() => matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'"
    )
    picture = page.screenshot(path=folder / f"{name}-{viewport['width']}-{scheme}.png", full_page=True)
    assert len(picture) > 1000


def test_every_page_fits_with_everything_on_it(screen: Page, tmp_path: Path) -> None:
    house = build("Own")
    furnish(house)
    sign_in(screen, house)
    for name, table in PAGES.items():
        screen.goto(address(name, house.tenant, *([house.row(table).pk] if table else [])))
        expect(screen.locator("h1")).to_be_visible()
        if name == "trade":
            expect(screen.get_by_text("10 x 0.5 x 5000 / 10000 = 2.5, cut to 2 by max lots")).to_be_visible()
            screen.get_by_text("Every step").first.click()
            expect(screen.get_by_text("allocation").first).to_be_visible()
        look(screen, tmp_path, name)


def test_every_list_fits_with_nothing_on_it(screen: Page, tmp_path: Path) -> None:
    house = House(factories.TenantFactory.create(name="Empty"), {}, "")
    sign_in(screen, house)
    for name in LISTS:
        screen.goto(address(name, house.tenant))
        look(screen, tmp_path, f"empty-{name}")


def test_every_list_fits_with_more_than_a_page_on_it(screen: Page, tmp_path: Path) -> None:
    """A page has fifty rows at most, so that sixty look like ten thousand."""
    house = build("Own")
    strategy, opening = house.row("orders.strategy"), house.row("orders.intent")
    for _ in range(60):
        row = factories.SubscriptionFactory.create(strategy=strategy, follower__tenant=house.tenant)
        factories.DecisionFactory.create(subscription=row, intent=opening)
        factories.DecisionFactory.create(
            subscription=row, intent=factories.IntentFactory.create(account=strategy.master), denied="symbol_not_found"
        )
    sign_in(screen, house)
    for name, ids in (*((name, []) for name in LISTS), ("trade", [opening.pk]), ("strategy", [strategy.pk])):
        screen.goto(address(name, house.tenant, *ids))
        if name in ("trades", "accounts", "subscriptions", "trade"):
            expect(screen.get_by_role("link", name="Next")).to_be_visible()
        look(screen, tmp_path, f"full-{name}")


def test_the_pages_of_a_log_in_fit(screen: Page, tmp_path: Path) -> None:
    sign_in(screen, build("Own"))
    screen.get_by_role("link", name="pat@example.com").click()
    look(screen, tmp_path, "me")
    screen.goto("/me/password/")
    look(screen, tmp_path, "password")
    screen.goto("/me/alerts/")
    screen.get_by_role("button", name="Send me a mail to try it").click()
    expect(screen.get_by_text("a mail to try it").last).to_be_visible()
    look(screen, tmp_path, "alerts-of-a-log-in")
    screen.goto("/me/second-factor/")
    expect(screen.get_by_alt_text("The secret, as a picture for your phone")).to_be_visible()
    look(screen, tmp_path, "second-factor")


def test_a_member_goes_from_health_to_why_it_was_denied_in_two_clicks(screen: Page) -> None:
    house = build("Own")
    furnish(house)
    sign_in(screen, house)
    screen.get_by_role("link", name="Trades", exact=True).click()
    screen.get_by_role("row").get_by_role("link", name="denied").first.click()
    expect(screen.get_by_text("The follower's broker has no such symbol")).to_be_visible()


def test_the_menu_of_a_phone_is_one_row_in_which_the_page_is_seen(browser: Browser, live_server: LiveServer) -> None:
    house = build("Own")
    options: Any = {"viewport": {"width": 390, "height": 844}, "java_script_enabled": False}
    page = browser.new_context(**options, base_url=live_server.url).new_page()
    sign_in(page, house)
    for name, title in (("health", "Health"), ("members", "Members"), ("exports", "Exports")):
        page.goto(address(name, house.tenant))
        menu, entry = page.locator("nav.menu"), page.locator("nav.menu [aria-current]")
        box = menu.bounding_box()
        assert box is not None
        assert box["height"] < 60, "one row"
        expect(entry).to_have_text(title)
        expect(entry).to_be_in_viewport(ratio=0.9)
    page.context.close()


def test_who_is_led_to_the_symbol_map_types_on_behind_the_line_that_is_begun(
    browser: Browser, live_server: LiveServer
) -> None:
    house = build("Own")
    subscription = house.row("orders.subscription")
    type(subscription).objects.filter(pk=subscription.pk).update(symbol_map={"SILVER": "XAGUSD"})
    decision = house.row("orders.decision")
    Decision.objects.filter(pk=decision.pk).update(outcome="denied", code="symbol_not_found", decided_at=now())
    page = browser.new_context(base_url=live_server.url).new_page()
    sign_in(page, house)
    page.get_by_role("link", name="Missing mappings").click()
    page.get_by_role("link", name="Map it…").click()
    page.wait_for_load_state("load")
    expect(page.get_by_label("Symbol map")).to_be_focused()
    page.keyboard.type("EURUSD.pro")
    expect(page.get_by_label("Symbol map")).to_have_value("SILVER = XAGUSD\nEURUSD = EURUSD.pro")
    page.context.close()


def test_a_browser_goes_back_from_what_was_saved_to_the_preview_with_what_was_typed(screen: Page) -> None:
    house = build("Own")
    sign_in(screen, house)
    edit = address("edit_subscription", house.tenant, house.row("orders.subscription").pk)
    screen.goto(edit)
    screen.get_by_label("Multiplier").fill("3")
    screen.get_by_label("Reason").fill("grow")
    screen.get_by_role("button", name="Preview").click()
    expect(screen.get_by_role("heading", name="What the last ten trades would have become")).to_be_in_viewport()
    screen.get_by_role("button", name="Save").click()
    expect(screen.get_by_text("Version 2 holds from now on.")).to_be_visible()
    screen.go_back()
    expect(screen.get_by_label("Multiplier")).to_have_value("3")
    expect(screen.get_by_label("Reason")).to_have_value("grow")
    screen.go_back()
    screen.go_forward()
    expect(screen.get_by_role("heading", name="What the last ten trades would have become")).to_be_visible()


def test_keys_alone_lead_to_the_page(screen: Page) -> None:
    house = build("Own")
    sign_in(screen, house)
    screen.keyboard.press("Tab")
    expect(screen.get_by_text("Skip to the page")).to_be_focused()
    screen.get_by_role("button", name="Sign out").click()
    expect(screen.get_by_role("button", name="Sign in")).to_be_visible()
