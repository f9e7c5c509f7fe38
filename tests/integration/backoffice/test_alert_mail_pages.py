"""The pages on which people see their alerts, choose which come by mail, and try whether one comes."""

import re
from datetime import time
from typing import Any, Final

import pytest
from django.test import Client

from sessions_app.domain.alerts import OF_THE_DEPLOYMENT, AlertCode
from sessions_app.models import MailPlan, Member, OutboxMessage
from sessions_app.services.access import mail_plans
from sessions_app.services.operations import outbox
from tests import factories
from tests.factories.sessions import now

pytestmark = pytest.mark.django_db

EVIL: Final = '<script>alert("x")</script>\u202eUSD'
HOURS: Final = {"quiet_from": "22:00", "quiet_until": "07:00", "digest_at": "08:30"}


@pytest.fixture
def viewer(client: Client) -> Member:
    row: Member = factories.MemberFactory.create(
        role="viewer", user__is_staff=False, user__username="pat", user__email="pat@example.com"
    )
    client.force_login(row.user)
    return row


def page_of(row: Member) -> str:
    return f"/t/{row.tenant_id}/alerts/mails/"


def sent(html: str, **changes: str) -> dict[str, str]:
    """The form as it stands, with what is changed in it."""
    version = re.search(r'name="version" value="(\d+)"', html)
    modes = {f"mode_{code}": "digest" for code in AlertCode if f'name="mode_{code}"' in html}
    assert version is not None
    return {"version": version[1], **HOURS, **modes, **changes}


def body(client: Client, address: str) -> str:
    answer: Any = client.get(address)
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_a_viewer_chooses_for_himself_and_finds_it_so(client: Client, viewer: Member) -> None:
    html = body(client, page_of(viewer))
    assert html.count('<option value="off" selected>') == len(AlertCode) - len(OF_THE_DEPLOYMENT)
    form = sent(html, mode_unprotected="at_once", breaks_through="on")
    assert client.post(page_of(viewer), form).status_code == 302
    plan = MailPlan.objects.get()
    assert (plan.user, plan.tenant) == (viewer.user, viewer.tenant)
    assert (plan.quiet_from, plan.quiet_until, plan.digest_at) == (time(22), time(7), time(8, 30))
    assert (plan.modes["unprotected"], plan.modes["under_filled"], plan.breaks_through) == ("at_once", "digest", True)
    html = body(client, page_of(viewer))
    assert 'name="quiet_from" value="22:00"' in html
    assert html.count('<option value="at_once" selected>') == 1


def test_the_kinds_of_the_deployment_are_not_offered_to_tenants(client: Client, viewer: Member) -> None:
    html = body(client, page_of(viewer))
    assert all(f'name="mode_{code}"' not in html for code in OF_THE_DEPLOYMENT)
    client.post(page_of(viewer), sent(html, mode_disk_full="at_once"))
    assert "disk_full" not in MailPlan.objects.get().modes


@pytest.mark.parametrize("first", [True, False])
def test_who_saves_on_a_stale_page_is_told_and_nothing_is_lost(client: Client, viewer: Member, first: bool) -> None:
    if not first:
        client.post(page_of(viewer), sent(body(client, page_of(viewer))))
    stale = body(client, page_of(viewer))
    assert client.post(page_of(viewer), sent(stale, digest_at="06:00")).status_code == 302
    answer: Any = client.post(page_of(viewer), sent(stale, digest_at="07:00"), follow=True)
    assert answer.status_code == 200
    told = answer.content.decode()
    assert "Nothing was saved: you have changed this on another page" in told
    assert MailPlan.objects.get().digest_at == time(6)
    version = MailPlan.objects.get().version
    assert f'name="save" value="instead-of-{version}">Save this in its place<' in told
    for other in (f"instead-of-{version + 1}", "instead-of-x", "1"):
        client.post(page_of(viewer), {**sent(stale, digest_at="07:00"), "save": other})
    assert MailPlan.objects.get().digest_at == time(6)
    client.post(page_of(viewer), {**sent(stale, digest_at="07:00"), "save": f"instead-of-{version}"})
    assert MailPlan.objects.get().digest_at == time(7)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"quiet_until": ""}, "Fill in both, or neither."),
        ({"quiet_from": ""}, "Fill in both, or neither."),
        ({"quiet_until": "21:15"}, "The quiet hours end when they begin."),
        ({"digest_at": "25:00"}, "Enter a valid time."),
        ({"mode_unprotected": "twice"}, "Select a valid choice"),
        ({"version": "-1"}, "Nothing was saved"),
        ({"mode_unprotected": EVIL}, "&lt;script&gt;"),
    ],
)
def test_nonsense_is_refused_in_words_and_what_was_typed_stays(
    client: Client, viewer: Member, changes: dict[str, str], words: str
) -> None:
    html = body(client, page_of(viewer))
    said = client.post(page_of(viewer), sent(html, **{"quiet_from": "21:15", **changes}), follow=True).content.decode()
    assert words in said
    assert "<script>alert" not in said
    assert changes.keys() & {"quiet_from"} or 'value="21:15"' in said
    assert not MailPlan.objects.exists()


def test_alerts_of_the_tenant_are_shown_and_the_neighbours_are_not(client: Client, viewer: Member) -> None:
    own = factories.BrokerAccountFactory.create(tenant=viewer.tenant, claimed_as="Own:1")
    factories.OperatorAlertFactory.create(account=own, code="unprotected", text=EVIL, times=7)
    factories.OperatorAlertFactory.create(account=own, code="under_filled", text="seen", acknowledged_as="olga",
                                          acknowledged_at=now())  # fmt: skip
    factories.OperatorAlertFactory.create(account__claimed_as="Neighbour:1", text="of the neighbour")
    factories.OperatorAlertFactory.create(account=None, subject="x", code="mass_silence", text="of the deployment")
    html = body(client, f"/t/{viewer.tenant_id}/alerts/")
    assert "1 alert to look at." in html
    assert "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;\\u202eUSD" in html
    assert "acknowledged by" in html
    assert "Neighbour" not in html
    assert "neighbour" not in html
    assert "of the deployment" not in html


def test_the_staff_chooses_under_its_own_log_in(client: Client) -> None:
    user = factories.grant(
        factories.UserFactory.create(email="o@example.com"), "sessions_app.acknowledge_operatoralert"
    )
    client.force_login(user)
    html = body(client, "/me/alerts/")
    assert all(f'name="mode_{code}"' in html for code in AlertCode)
    assert client.post("/me/alerts/", sent(html, mode_disk_full="off")).status_code == 302
    plan = MailPlan.objects.get()
    assert (plan.tenant, plan.modes["disk_full"]) == (None, "off")


def test_who_hears_of_nothing_is_told_so_and_cannot_choose(client: Client) -> None:
    client.force_login(factories.UserFactory.create())
    assert "no alert comes to you" in body(client, "/me/alerts/")
    assert client.post("/me/alerts/", {"version": "0", **HOURS}).status_code == 404
    assert not MailPlan.objects.exists()


def test_me_leads_to_the_choice_of_each_tenant(client: Client, viewer: Member) -> None:
    assert f'href="{page_of(viewer)}"' in body(client, "/me/alerts/")
    assert 'href="/me/alerts/"' in body(client, "/me/")


def test_a_mail_to_try_it_comes_and_only_so_many_an_hour(client: Client, viewer: Member, mailoutbox: list[Any]) -> None:
    assert client.get("/me/alerts/test/").status_code == 405
    for _ in range(mail_plans.TESTS_AN_HOUR + 2):
        client.post("/me/alerts/test/")
    assert OutboxMessage.objects.count() == mail_plans.TESTS_AN_HOUR
    assert "no more than 5 an hour" in body(client, "/me/alerts/")
    outbox.work()
    assert {tuple(mail.to) for mail in mailoutbox} == {("pat@example.com",)}
    html = body(client, "/me/alerts/")
    assert html.count('data-label="About">a mail to try it') == 5
    assert '<span class="state ok">sent</span>' in html


def test_without_an_address_it_is_said_and_nothing_is_sent(client: Client, viewer: Member) -> None:
    viewer.user.email = ""
    viewer.user.save()
    client.post("/me/alerts/test/")
    assert not OutboxMessage.objects.exists()
    for address in ("/me/alerts/", page_of(viewer)):
        assert "no e-mail address" in body(client, address)
