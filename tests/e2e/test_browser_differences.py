"""A person in a browser, on a phone, without JavaScript: differences, and the decisions about them."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.urls import reverse
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from orders.models import Difference
from tests.factories import CopyFactory, DifferenceEventFactory, DifferenceFactory, SnapshotFactory, UserFactory, grant

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PASSWORD = "correct horse battery staple"
PHONE = {"width": 390, "height": 844}


@pytest.fixture
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_context_args, "viewport": PHONE, "java_script_enabled": False}


@pytest.fixture(autouse=True)
def _nothing_cached() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def see(page: Page, live_server: LiveServer, address: str, name: str) -> None:
    """Open a page of ours; it fits a phone."""
    page.goto(f"{live_server.url}{address}")
    folder = os.environ.get("EAGATEWAY_SCREENSHOTS")
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
    box = page.locator("body").bounding_box()
    assert box is not None
    assert box["width"] <= PHONE["width"]


@pytest.fixture
def signed_in(page: Page, live_server: LiveServer) -> Page:
    user = UserFactory.create(username="olga@example.com")
    user.set_password(PASSWORD)
    user.save(update_fields=["password"])
    grant(
        user,
        "sessions_app.view_easession",
        "sessions_app.view_brokeraccount",
        "orders.view_difference",
        "orders.decide_difference",
    )
    page.goto(f"{live_server.url}{reverse('admin:login')}")
    page.get_by_label("Username").fill(user.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    return page


def test_differences_are_read_and_decided_on_a_phone_without_javascript(
    signed_in: Page, live_server: LiveServer
) -> None:
    drift = DifferenceFactory.create()
    DifferenceEventFactory.create(difference=drift)
    first = CopyFactory.create(state="open", lots_open="0.10")
    missing: list[Difference] = [
        DifferenceFactory.create(
            copy=copy,
            kind="missing",
            severity="critical",
            state="held",
            expected="buy 0.1",
            actual="nothing",
        )
        for copy in (first, *CopyFactory.create_batch(5, subscription=first.subscription, state="open"))
    ]
    SnapshotFactory.create(account=first.account)
    see(signed_in, live_server, reverse("admin:monitoring"), "monitoring")
    expect(signed_in.locator("#differences")).to_have_text("1")
    expect(signed_in.locator("#held")).to_have_text("6")
    see(signed_in, live_server, reverse("admin:orders_difference_changelist"), "list")
    see(signed_in, live_server, reverse("admin:orders_difference_change", args=[drift.id]), "difference")
    signed_in.get_by_role("link", name="Accept as it is").click()
    see(signed_in, live_server, reverse("admin:accept_difference", args=[drift.id]), "accept")
    signed_in.get_by_label("Reason").fill("as wanted")
    signed_in.get_by_role("button", name="Accept").click()
    expect(signed_in.get_by_text("Accepted: ")).to_be_visible()
    see(signed_in, live_server, reverse("admin:orders_difference_change", args=[missing[0].id]), "held")
    see(signed_in, live_server, reverse("admin:let_go_held", args=[first.account_id]), "let_go")
    signed_in.get_by_label("Reason").fill("liquidated")
    signed_in.get_by_role("button", name="Let all missing copies go").click()
    expect(signed_in.get_by_text("Let go: 6 copies")).to_be_visible()
    see(signed_in, live_server, reverse("admin:sessions_app_brokeraccount_change", args=[first.account_id]), "account")
    signed_in.get_by_role("link", name="Ask for a snapshot").click()
    see(signed_in, live_server, reverse("admin:ask_snapshot", args=[first.account_id]), "ask")
