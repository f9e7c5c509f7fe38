"""Maintenance windows: who may announce them, whom they concern, who is told, who is turned away."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from sessions_app import queries
from sessions_app.domain.frames.payloads import Hello
from sessions_app.domain.problems import Refused
from sessions_app.models import MaintenanceNotice, MaintenanceWindow
from sessions_app.services.lifecycle import opening, resuming
from sessions_app.services.operations import maintenance
from sessions_app.services.operations.history import Actor
from sessions_app.services.operations.maintenance import AlreadyOver, NotAnnounceable, Plan
from tests.factories import EaSessionFactory, MaintenanceWindowFactory, TenantFactory, UserFactory, grant
from tests.integration.trading import Desk

pytestmark = pytest.mark.django_db(transaction=True)

ANNOUNCE = "sessions_app.announce_maintenancewindow"
BY = Actor("olga")


def plan(*, begins: float = 0, lasts: float = 600, **whom: Any) -> Plan:
    starts = queries.database_now() + timedelta(seconds=begins)
    ends = starts + timedelta(seconds=lasts)
    return Plan(reason="new disks", starts_at=starts, ends_at=ends, reconnect_after_seconds=60, **whom)


def away(*sessions_held: Any) -> dict[Any, bool]:
    """Which of these must leave now, and whether they are told for the first time."""
    told = maintenance.send_away(held={session.id for session in sessions_held})
    return {item.session_id: item.first for item in told}


def test_each_session_is_told_once_whichever_gateway_holds_it() -> None:
    session = EaSessionFactory.create(authenticated=True)
    maintenance.announce(plan=plan(), by=BY)
    assert away(session) == {session.id: True}
    assert away(session) == {session.id: False}
    assert MaintenanceNotice.objects.count() == 1


def test_a_window_concerns_an_account_a_tenant_or_all() -> None:
    tenant = TenantFactory.create()
    ours = EaSessionFactory.create(account__tenant=tenant)
    other = EaSessionFactory.create()
    window = maintenance.announce(plan=plan(account_pk=other.account_id), by=BY)
    assert set(away(ours, other)) == {other.id}
    maintenance.cancel(window_id=window.id, by=BY)
    maintenance.announce(plan=plan(tenant_id=tenant.id), by=BY)
    assert set(away(ours, other)) == {ours.id}
    maintenance.announce(plan=plan(), by=BY)
    assert set(away(ours, other)) == {ours.id, other.id}


def test_before_its_start_and_after_its_end_a_window_does_nothing() -> None:
    session = EaSessionFactory.create()
    maintenance.announce(plan=plan(begins=60), by=BY)
    MaintenanceWindowFactory.create(ends_at=queries.database_now() - timedelta(seconds=1))
    assert away(session) == {}


def test_who_comes_while_a_window_lasts_is_told_when_to_come_back() -> None:
    desk = Desk.open("srv:1")
    request = opening.Request(auth_method="account_session_key", platform="sdk")
    token = opening.open_session(key=desk.key, request=request).token
    maintenance.announce(plan=plan(lasts=90), by=BY)
    with pytest.raises(Refused) as refusal:
        desk.again()
    assert (refusal.value.code, refusal.value.problem.status) == ("maintenance", 503)
    assert refusal.value.retry_after in (89, 90)
    with pytest.raises(Refused, match="new disks"):
        resuming.resume(token=token, hello=Hello())


def test_a_cancelled_window_lets_everybody_in_and_cannot_be_cancelled_twice() -> None:
    desk = Desk.open("srv:1")
    window = maintenance.announce(plan=plan(), by=BY)
    maintenance.cancel(window_id=window.id, by=Actor("oleg"))
    desk.again()
    window.refresh_from_db()
    assert window.cancelled_as == "oleg"
    with pytest.raises(AlreadyOver):
        maintenance.cancel(window_id=window.id, by=BY)


@pytest.mark.parametrize("odd", [{"lasts": -5}, {"begins": -600, "lasts": 60}, {"lasts": 90_000}])
def test_an_odd_window_is_not_announced(odd: dict[str, float]) -> None:
    with pytest.raises(NotAnnounceable):
        maintenance.announce(plan=plan(**odd), by=BY)


# Pages -------------------------------------------------------------------------------------------------------------


def content(**changes: str) -> dict[str, str]:
    now = queries.database_now()
    told = {
        "reason": "new <disks>",
        "starts_at": f"{now:%Y-%m-%dT%H:%M}",
        "ends_at": f"{now + timedelta(hours=1):%Y-%m-%dT%H:%M}",
        "reconnect_after_seconds": "60",
    }
    return {**told, **changes}


def test_case_136_the_pages_need_their_permission(client: Client) -> None:
    client.force_login(UserFactory.create())
    url = reverse("admin:announce_maintenance")
    assert client.get(reverse("admin:maintenance")).status_code == 403
    assert (client.get(url).status_code, client.post(url, content(sure="yes")).status_code) == (403, 403)
    assert not MaintenanceWindow.objects.exists()


def test_case_136_cancelling_needs_it_too(client: Client) -> None:
    window = MaintenanceWindowFactory.create()
    client.force_login(UserFactory.create())
    assert client.post(reverse("admin:cancel_maintenance", args=[window.id])).status_code == 403


def test_the_first_post_says_what_will_happen_and_the_second_does_it(client: Client) -> None:
    EaSessionFactory.create(authenticated=True)
    client.force_login(grant(UserFactory.create(username="olga"), ANNOUNCE))
    url = reverse("admin:announce_maintenance")
    page = client.post(url, content()).content.decode()
    assert "<strong>1 account</strong>, 1 living session now" in page
    assert "new &lt;disks&gt;" in page
    assert not MaintenanceWindow.objects.exists()
    assert client.post(url, content(sure="yes")).status_code == 302
    assert MaintenanceWindow.objects.get().announced_as == "olga"
    assert "all accounts" in client.get(reverse("admin:maintenance")).content.decode()


def test_mistakes_are_shown_in_the_form(client: Client) -> None:
    client.force_login(grant(UserFactory.create(), ANNOUNCE))
    url = reverse("admin:announce_maintenance")
    assert "There is no such account." in client.post(url, content(account="srv:999")).content.decode()
    late = content(ends_at="2020-01-01T00:00", sure="yes")
    assert "A window ends after it starts" in client.post(url, late).content.decode()
    assert not MaintenanceWindow.objects.exists()


def test_a_mistake_is_said_before_it_is_asked_whether_to_do_it(client: Client) -> None:
    client.force_login(grant(UserFactory.create(), ANNOUNCE))
    url = reverse("admin:announce_maintenance")
    page = client.post(url, content(ends_at="2020-01-01T00:00")).content.decode()
    assert "A window ends after it starts" in page
    assert ('value="2020-01-01T00:00"' in page, 'name="sure"' in page) == (True, False)
    assert "2026-13-45T00:00" in client.post(url, content(ends_at="2026-13-45T00:00")).content.decode()


def test_a_mistake_in_the_second_post_keeps_what_was_typed(client: Client) -> None:
    """The kept form tells moments with their distance from UTC, of which a browser's field shows nothing."""
    client.force_login(grant(UserFactory.create(), ANNOUNCE))
    late = content(starts_at="2020-01-01T08:00:00+02:00", ends_at="2020-01-01T09:30:00+02:00", sure="yes")
    page = client.post(reverse("admin:announce_maintenance"), late).content.decode()
    assert "A window ends in the future" in page
    assert ('value="2020-01-01T06:00"' in page, 'value="2020-01-01T07:30"' in page) == (True, True)


def test_two_tabs_announce_a_window_once(client: Client) -> None:
    client.force_login(grant(UserFactory.create(), ANNOUNCE))
    url, sent = reverse("admin:announce_maintenance"), content(sure="yes")
    assert client.post(url, sent).status_code == 302
    assert "This window is announced already" in client.post(url, sent).content.decode()
    assert MaintenanceWindow.objects.count() == 1
    client.post(reverse("admin:cancel_maintenance", args=[MaintenanceWindow.objects.get().id]))
    assert client.post(url, sent).status_code == 302  # what was cancelled may be announced anew
    assert MaintenanceWindow.objects.count() == 2


def test_cancelling_says_what_it_does_and_does_it_once(client: Client) -> None:
    window = MaintenanceWindowFactory.create()
    client.force_login(grant(UserFactory.create(username="oleg"), ANNOUNCE))
    url = reverse("admin:cancel_maintenance", args=[window.id])
    assert "EAs may connect again" in client.get(url).content.decode()
    client.post(url)
    client.post(url)
    window.refresh_from_db()
    assert window.cancelled_as == "oleg"
