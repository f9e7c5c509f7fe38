"""An operator's browser: approve an EA, and watch the numbers change without a reload."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.urls import reverse
from playwright.sync_api import ConsoleMessage, Page, expect
from pytest_django.live_server_helper import LiveServer

from backoffice.actions.registry import ACTIONS
from tests.factories import (
    CommandFactory,
    DecisionFactory,
    EaSessionFactory,
    EnrolmentWindowFactory,
    OperatorAlertFactory,
    UserFactory,
    grant,
)
from tests.factories.sessions import key_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PASSWORD = "correct horse battery staple"
EVIL = '<script>document.title="owned"</script>'
Visit = Callable[[str], None]


@pytest.fixture(autouse=True)
def _nothing_cached() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def operator() -> User:
    user = UserFactory.create(username="olga@example.com")
    user.set_password(PASSWORD)
    user.save(update_fields=["password"])
    return grant(
        user,
        "sessions_app.view_easession",
        "sessions_app.view_authkey",
        "sessions_app.decide_authkey",
        "orders.view_decision",
        "orders.view_command",
    )


@pytest.fixture
def complaints(page: Page) -> Iterator[list[str]]:
    """What the browser complains about: violations of the policy, missing files, script errors. Must stay empty."""
    heard: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            heard.append(message.text)

    page.on("console", listen)
    page.on("pageerror", lambda error: heard.append(str(error)))
    yield heard
    assert heard == []


@pytest.fixture
def visit(page: Page, live_server: LiveServer, operator: User, complaints: list[str]) -> Visit:
    """Signed in: opens one of the admin's pages by its address."""
    page.goto(f"{live_server.url}/admin/login/")
    page.get_by_label("Username").fill(operator.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()

    def go(path: str) -> None:
        page.goto(f"{live_server.url}{path}")

    return go


def test_an_approved_ea_shows_on_the_open_monitoring_page_without_a_reload(page: Page, visit: Visit) -> None:
    session = EaSessionFactory.create(account__claimed_as="Paper-Demo:4711", heartbeat_timeout=600)
    visit(reverse("admin:monitoring"))
    expect(page.locator("#connected")).to_have_text("0")
    expect(page.locator("#waiting")).to_have_text("1")
    badge = page.get_by_role("link", name="Approvals 1", exact=True)
    expect(badge).to_be_visible()
    page.evaluate("window.sameDocument = true")

    desk = page.context.new_page()
    desk.goto(page.url.replace("monitoring", "approvals"))
    desk.get_by_role("link", name="Approve the key of Paper-Demo:4711").click()
    expect(desk.get_by_text("authenticated at once")).to_be_visible()
    desk.get_by_label("Reason").fill("our terminal")
    desk.get_by_role("button", name="Approve").click()
    expect(desk.get_by_text("Approved the key of Paper-Demo:4711")).to_be_visible()
    expect(desk.get_by_text("No key waits for a decision.")).to_be_visible()
    desk.close()

    expect(page.locator("#connected")).to_have_text("1", timeout=20000)
    expect(page.locator("#waiting")).to_have_text("0")
    expect(badge).to_have_count(0)
    expect(page.get_by_role("link", name="Approvals", exact=True)).to_be_visible()
    assert page.evaluate("window.sameDocument") is True
    session.refresh_from_db()
    assert (session.state, key_of(session).decided_as) == ("authenticated", "olga@example.com")


def test_a_silent_server_is_noticed_and_its_return_too(page: Page, visit: Visit, complaints: list[str]) -> None:
    visit(reverse("admin:monitoring"))
    page.route("**/monitoring/numbers/", lambda route: route.abort())
    expect(page.get_by_text("The gateway does not answer")).to_be_visible(timeout=20000)
    page.unroute("**/monitoring/numbers/")
    expect(page.get_by_text("The gateway does not answer")).to_be_hidden(timeout=20000)
    complaints.clear()  # the browser reports the requests that this test has cut


def test_a_hidden_page_rests(page: Page, visit: Visit) -> None:
    visit(reverse("admin:monitoring"))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate("Object.defineProperty(document, 'visibilityState', {value: 'hidden', configurable: true})")
    page.wait_for_timeout(2500)
    assert [url for url in asked if "numbers" in url] == []


def test_on_a_phone_an_alert_s_sentence_has_the_room_beside_its_label(page: Page, visit: Visit) -> None:
    OperatorAlertFactory.create(text="copy 2, ticket 5002, EURUSD buy: its close is on its way for 30 s and not tried")
    page.set_viewport_size({"width": 390, "height": 844})
    visit(reverse("admin:monitoring"))
    measure = "range => (range.selectNodeContents(document.querySelector('.alerts tbody th').lastChild), "
    measure += "[range.getBoundingClientRect().left, range.getBoundingClientRect().width])"
    box = page.evaluate(f"({measure})(document.createRange())")
    assert box[0] > 104
    assert box[1] > 180


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("filled", [False, True])
def test_every_page_fits_the_screen(
    page: Page, visit: Visit, operator: User, tmp_path: Path, width: int, filled: bool
) -> None:
    grant(operator, "sessions_app.view_enrolmentwindow", *{action.permission for action in ACTIONS.values()})
    paths = [reverse(f"admin:{name}") for name in ("index", "monitoring", "approvals", "orders_decision_changelist")]
    if filled:
        session = EaSessionFactory.create(ea_version=EVIL, account__claimed_as="A-Very-Long-Broker-Name-" * 4 + ":1")
        # One word each, as long as they may be.
        decided = key_of(EaSessionFactory.create(authenticated=True, account__claimed_as="A" * 128))
        type(decided).objects.filter(pk=decided.pk).update(decision_reason="R" * 255, decided_as="o" * 150)
        CommandFactory.create(held=True, decision__subscription__follower=session.account, copy__copy_no=None)
        CommandFactory.create(state="rejected")
        decision = DecisionFactory.create(denied="below_minimum_lots", intent__symbol="A" * 64)
        paths += [reverse(f"admin:{verb}_key", args=[key_of(session).id]) for verb in ("approve", "reject")]
        paths += [reverse("admin:orders_decision_change", args=[decision.id])]
        paths += [reverse("admin:sessions_app_authkey_change", args=[key_of(session).id])]
        paths += [reverse(f"admin:{name}") for name, action in ACTIONS.items() if action.makes]
        window = EnrolmentWindowFactory.create(reason="A" * 255, accounts="A-Very-Long-Broker-Name-*" * 5)
        paths += [reverse("admin:close_window", args=[window.pk])]
        paths += [reverse("admin:sessions_app_enrolmentwindow_change", args=[window.pk])]
    page.set_viewport_size({"width": width, "height": 844})
    for path in paths:
        visit(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert len(page.screenshot(path=tmp_path / "page.png", full_page=True)) > 1000
    assert page.title() != "owned"


@pytest.mark.parametrize("name", ["orders_decision", "orders_command", "orders_subscription", "sessions_app_easession"])
def test_on_a_phone_a_list_of_staff_shows_the_state_first_and_cuts_nothing_off(
    page: Page, visit: Visit, operator: User, name: str
) -> None:
    User.objects.filter(pk=operator.pk).update(is_superuser=True)
    decision = DecisionFactory.create(
        denied="below_minimum_lots", subscription__follower__claimed_as="A-Very-Long-Broker-Name-" * 4 + ":1"
    )
    CommandFactory.create(decision=decision, state="rejected")
    EaSessionFactory.create(account=decision.subscription.follower)
    page.set_viewport_size({"width": 390, "height": 844})
    visit(reverse(f"admin:{name}_changelist"))
    cells = page.locator("#result_list tbody tr").first.locator("th, td")
    labels = [str(cell.get_attribute("data-label")) for cell in cells.all()]
    boxes = [cell.bounding_box() for cell in cells.all()]
    tops = {label: box["y"] for label, box in zip(labels, boxes, strict=True) if box}
    assert min(tops, key=lambda label: tops[label]) in ("State", "Outcome")
    assert all(box and box["x"] >= 0 and box["x"] + box["width"] <= 390 for box in boxes)
    # What is wider than its cell is scrolled, and so cut off.
    assert page.locator(".results").evaluate("one => one.scrollWidth <= one.clientWidth")
    assert cells.evaluate_all("all => all.every(one => one.scrollHeight <= one.clientHeight + 1)")


def test_the_monitoring_page_is_whole_without_javascript(page: Page, live_server: LiveServer, visit: Visit) -> None:
    CommandFactory.create()
    browser = page.context.browser
    assert browser is not None
    plain = browser.new_context(java_script_enabled=False, storage_state=page.context.storage_state())
    quiet = plain.new_page()
    quiet.goto(f"{live_server.url}{reverse('admin:monitoring')}")
    expect(quiet.locator("#copied")).to_have_text("1")
    expect(quiet.get_by_role("table", name="Latency by hop")).to_be_visible()
    plain.close()


@pytest.mark.parametrize("width", [390, 1280])
def test_the_api_document_is_shown_under_the_strict_policy_and_fits(
    page: Page, live_server: LiveServer, complaints: list[str], tmp_path: Path, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    answer = page.goto(f"{live_server.url}/ea-gateway/v1/docs")
    assert answer is not None
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    page.get_by_text("Open a session").click(timeout=15_000)
    expect(page.get_by_text("Idempotency-Key").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert len(page.screenshot(path=tmp_path / "docs.png", full_page=True)) > 1000
    for name in ("OpenAPI", "AsyncAPI of the socket", "JSON Schemas of the frames"):
        address = page.get_by_role("link", name=name, exact=True).get_attribute("href")
        assert page.request.get(f"{live_server.url}{address}").ok
