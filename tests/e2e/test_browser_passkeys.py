"""A passkey in a real browser: Chromium's own virtual authenticator makes it, shows it, and is taken away."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from django.core.cache import cache
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from sessions_app.models import Passkey

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PASSWORD: Final = "correct horse battery staple"
SHOTS: Final = os.environ.get("EAGATEWAY_SHOTS", "")
"""A folder for the pictures, to be looked at by people; else they go with the test."""


@pytest.fixture(autouse=True)
def _on(settings: Any) -> Iterator[None]:
    settings.GATEWAY = {**settings.GATEWAY, "passkeys_domain": "localhost", "staff_second_factor": True}
    cache.clear()
    yield
    cache.clear()


@pytest.fixture(params=[(1280, "light"), (390, "dark")], ids=lambda one: f"{one[0]}-{one[1]}")
def screen(request: pytest.FixtureRequest, browser: Browser, live_server: LiveServer) -> Iterator[Page]:
    """A browser with a finger on its sensor."""
    width, colours = request.param
    context = browser.new_context(
        viewport={"width": width, "height": 844}, color_scheme=colours, base_url=live_server.url
    )
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    wire = context.new_cdp_session(page)
    wire.send("WebAuthn.enable")
    made = wire.send(
        "WebAuthn.addVirtualAuthenticator",
        {"options": {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
                     "isUserVerified": True, "automaticPresenceSimulation": True}},
    )  # fmt: skip
    page.finger = lambda *, right: wire.send(  # type: ignore[attr-defined]
        "WebAuthn.setUserVerified", {"authenticatorId": made["authenticatorId"], "isUserVerified": right}
    )
    yield page
    context.close()
    assert complaints == []


def look(page: Page, tmp_path: Path, name: str) -> None:
    """It fits, axe finds nothing serious, and there is a picture."""
    page.wait_for_load_state()  # a click has led here, and the page may have no body yet
    viewport: Any = page.viewport_size
    assert page.evaluate("() => document.documentElement.scrollWidth") <= viewport["width"], name
    faults = [one["id"] for one in Axe().run(page).response["violations"] if one["impact"] in ("serious", "critical")]
    assert faults == [], name
    page.screenshot(path=(Path(SHOTS) if SHOTS else tmp_path) / f"{name}-{viewport['width']}.png", full_page=True)


def test_a_passkey_is_added_shown_and_removed(screen: Page, tmp_path: Path) -> None:
    User.objects.create_user("olga", password=PASSWORD, is_staff=True, is_superuser=True)
    screen.goto("/admin/")
    look(screen, tmp_path, "passkeys-sign-in")
    screen.get_by_label("Username").fill("olga")
    screen.get_by_label("Password").fill(PASSWORD)
    screen.get_by_role("button", name="Sign in").click()
    # Staff owes a second factor: the page of the phone offers a passkey.
    expect(screen.get_by_role("heading", name="Set up your second factor")).to_be_visible()
    look(screen, tmp_path, "passkeys-owed")
    screen.get_by_role("link", name="Add a passkey…").click()
    look(screen, tmp_path, "passkeys-add")
    screen.get_by_label("Name").fill("my laptop")
    screen.get_by_label("Your password").fill(PASSWORD)
    screen.get_by_role("button", name="Add it").click()
    expect(screen.get_by_role("heading", name="Your recovery codes")).to_be_visible()
    screen.goto("/me/")
    expect(screen.get_by_role("row").filter(has_text="my laptop")).to_be_visible()
    look(screen, tmp_path, "passkeys-me")
    screen.goto("/admin/monitoring/")
    expect(screen.get_by_role("heading", name="Monitoring")).to_be_visible()

    # The same one again is refused by the device itself.
    screen.goto("/me/passkeys/add/")
    screen.get_by_label("Name").fill("once more")
    screen.get_by_label("Your password").fill(PASSWORD)
    screen.get_by_role("button", name="Add it").click()
    expect(screen.get_by_text("holds a passkey of yours already")).to_be_visible()

    # As the second factor.
    screen.goto("/me/")
    screen.get_by_role("button", name="Sign out").click()
    screen.get_by_label("Username").fill("olga")
    screen.get_by_label("Password").fill(PASSWORD)
    screen.get_by_role("button", name="Sign in").click()
    expect(screen.get_by_role("heading", name="Your second factor")).to_be_visible()
    look(screen, tmp_path, "passkeys-second-factor")
    screen.get_by_role("button", name="Use a passkey").click()
    expect(screen.get_by_role("heading", name="Monitoring", exact=True)).to_be_visible()

    # Alone; but not with somebody else's finger.
    screen.goto("/me/")
    screen.get_by_role("button", name="Sign out").click()
    screen.get_by_role("link", name="With a passkey").click()
    look(screen, tmp_path, "passkeys-alone")
    screen.finger(right=False)  # type: ignore[attr-defined]
    screen.get_by_role("button", name="Use a passkey").click()
    expect(screen.get_by_text("Nothing was shown")).to_be_visible()
    screen.finger(right=True)  # type: ignore[attr-defined]
    screen.get_by_role("button", name="Use a passkey").click()
    expect(screen.get_by_role("heading", name="Monitoring", exact=True)).to_be_visible()

    # Removed.
    screen.goto("/me/")
    screen.get_by_role("link", name="Remove… my laptop").click()
    look(screen, tmp_path, "passkeys-remove")
    screen.get_by_label("Your password").fill(PASSWORD)
    screen.get_by_role("button", name="Remove it").click()
    expect(screen.get_by_role("heading", name="Set up your second factor")).to_be_visible()
    assert not Passkey.objects.exists()
