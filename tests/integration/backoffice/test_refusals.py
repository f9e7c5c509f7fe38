"""What somebody sees who is refused: a page of ours that says why and what to do, and what he had typed."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from orders.models import Subscription
from tests import factories
from tests.integration.backoffice.house import House, build, person

pytestmark = pytest.mark.django_db(transaction=True)
REASON = "the broker asked for it <b>today</b>"
OURS = {"origin": "http://testserver"}


@pytest.fixture
def house() -> House:
    cache.clear()
    return build("Own")


def text_of(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def is_ours(answer: Any) -> bool:
    """The frame of our pages, and nothing that the policy of content would block."""
    html = answer.content.decode()
    return 'class="tenants"' in html and "<style" not in html and "style=" not in html


@pytest.mark.parametrize("who", ["anonymous", "the tenant's owner", "staff: Viewer"])
@pytest.mark.parametrize("address", ["/nowhere/", "/admin/nowhere/", "/t/00000000-0000-7000-8000-000000000000/"])
def test_an_address_that_leads_nowhere_is_a_page_of_ours(house: House, who: str, address: str) -> None:
    answer = person(who, house, build("Neighbour")).client.get(address)
    if answer.status_code == 302:
        assert "sign-in" in answer["Location"] or "login" in answer["Location"]
        return
    assert answer.status_code == 404
    assert is_ours(answer)
    assert "There is nothing here" in text_of(answer)


def test_staff_who_may_not_are_told_which_right_it_takes_and_who_gives_it(house: House) -> None:
    User.objects.create_superuser("root@example.com", password="correct horse battery")
    key = house.row("sessions_app.authkey")
    viewer = person("staff: Viewer", house, build("Neighbour"))
    answer = viewer.client.get(reverse("admin:approve_key", args=[key.pk]))
    assert answer.status_code == 403
    assert is_ours(answer)
    text = text_of(answer)
    assert "sessions_app.decide_authkey" in text
    assert "Approver, Operator, Administrator" in text
    assert "root@example.com" in text


def test_what_nobody_may_says_so(house: House) -> None:
    staff = person("staff: Administrator", house, build("Neighbour"))
    answer = staff.client.get(reverse("admin:orders_copy_add"))
    assert answer.status_code == 403
    assert "Nobody may do this here." in text_of(answer)


@pytest.mark.parametrize("who", ["the tenant's owner", "staff: Administrator"])
def test_what_was_typed_is_shown_to_whom_the_session_ended_meanwhile(house: House, who: str) -> None:
    subscription = house.row("orders.subscription")
    client = person(who, house, build("Neighbour")).client
    address = (
        reverse("admin:pause_subscription", args=[subscription.pk])
        if who.startswith("staff")
        else reverse("tenants:pause", args=[house.tenant.pk, subscription.pk])
    )
    client.logout()
    sent = {"reason": REASON, "password": "hunter2", "csrfmiddlewaretoken": "t0ken", "version": "7", "save": "1"}
    answer: Any = client.post(address, sent, headers=OURS)
    assert answer.status_code == 403
    assert is_ours(answer)
    html = answer.content.decode()
    assert html.count("<dt>") == 1  # what a form carries along by itself was typed by nobody
    assert "<dt><bdi>Reason</bdi></dt><dd><bdi>the broker asked for it &lt;b&gt;today&lt;/b&gt;</bdi></dd>" in html
    assert "hunter2" not in html
    assert "t0ken" not in html
    assert f"/sign-in/?next={address}" in html
    assert Subscription.objects.get(pk=subscription.pk).state == "active"
    assert client.post(address, {}, headers=OURS).status_code == 302
    # What another site lets him send is no word of ours.
    for elsewhere in ({}, {"origin": "https://phish.example"}, {"origin": "null"}):
        assert client.post(address, sent, headers=elsewhere).status_code == 302


def test_a_form_of_a_former_log_in_changes_nothing_and_loses_nothing(house: House) -> None:
    client = Client(enforce_csrf_checks=True)
    user = factories.UserFactory.create(is_staff=False)
    factories.MemberFactory.create(tenant=house.tenant, user=user, role="owner")
    client.force_login(user)
    subscription = house.row("orders.subscription")
    address = reverse("tenants:pause", args=[house.tenant.pk, subscription.pk])
    for origin, shown in ((OURS, True), ({}, False)):
        answer: Any = client.post(address, {"reason": REASON, "csrfmiddlewaretoken": "a" * 64}, headers=origin)
        assert answer.status_code == 403
        assert is_ours(answer)
        assert ("the broker asked for it &lt;b&gt;today&lt;/b&gt;" in answer.content.decode()) is shown
    assert Subscription.objects.get(pk=subscription.pk).state == "active"


def test_a_fault_is_a_page_of_ours_without_a_database(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    client = person("the tenant's owner", house, build("Neighbour")).client

    def broken(*_: Any) -> None:
        raise RuntimeError("a planted fault")

    monkeypatch.setattr("backoffice.tenants.health.health_of", broken)
    client.raise_request_exception = False
    answer = client.get(reverse("tenants:health", args=[house.tenant.pk]))
    assert answer.status_code == 500
    assert is_ours(answer)
    assert "Something broke" in text_of(answer)
    assert "planted" not in text_of(answer)


def test_nobody_is_offered_what_the_deployment_leaves_to_its_staff(house: House, settings: Any) -> None:
    client = person("the tenant's owner", house, build("Neighbour")).client
    address = reverse("tenants:accounts", args=[house.tenant.pk])
    for enrols in (True, False):
        settings.GATEWAY = {**settings.GATEWAY, "tenants_enrol": enrols}
        assert ("Register an account" in text_of(client.get(address))) is enrols
