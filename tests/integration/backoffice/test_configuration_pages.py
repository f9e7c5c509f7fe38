"""The pages of a tenant's configuration: what holds, who says so, and changing it, in two tabs too."""

import html as markup
import re
from typing import Any, Final

import pytest
from django.test import Client

from sessions_app.models import BrokerAccount, Member, SettingChange
from tests import factories
from tests.integration.backoffice.test_own_language import speaks

pytestmark = pytest.mark.django_db

EVIL: Final = '<script>alert("x")</script>\u202eUSD'


@pytest.fixture
def admin(client: Client) -> Member:
    row: Member = factories.MemberFactory.create(role="admin", user__is_staff=False, user__username="pat")
    client.force_login(row.user)
    return row


@pytest.fixture
def account(admin: Member) -> BrokerAccount:
    row: BrokerAccount = factories.BrokerAccountFactory.create(tenant=admin.tenant, claimed_as="Own:1")
    return row


def body(client: Client, address: str) -> str:
    answer: Any = client.get(address)
    assert answer.status_code == 200
    return markup.unescape(str(answer.content.decode()))


def form(html: str, **changes: str) -> dict[str, str]:
    """The form as a browser would send it, with what is changed in it."""
    fields = dict(re.findall(r'<input type="(?:text|hidden)" name="([a-z_]+)" value="([^"]*)"', html))
    fields.pop("csrfmiddlewaretoken", None)
    chosen = re.search(r'<option value="([a-z]*)" selected>', html)
    return {**fields, "self_enrolment": chosen[1] if chosen else "", "reason": "trial", **changes}


def rows(html: str) -> dict[str, tuple[str, str]]:
    """Value and source by setting, as the page shows them."""
    found = re.findall(
        r'data-label="Setting">([^<]+)</th><td data-label="Value">([^<]+)</td>'
        r'<td data-label="Said by"><span class="[^"]+">([^<]+)</span>',
        html,
    )
    return {name: (value, said_by) for name, value, said_by in found}


def test_the_page_says_what_holds_and_who_says_so(client: Client, admin: Member, settings: Any) -> None:
    settings.GATEWAY = {**settings.GATEWAY, "repair_gate_percent": 2}
    page = f"/t/{admin.tenant_id}/configuration/"
    edit = f"{page}edit/"
    assert client.post(edit, form(body(client, edit), mass_close_gate="3", self_enrolment="off")).status_code == 302
    assert rows(body(client, page)) == {
        "Heartbeat interval": ("5 seconds", "default"),
        "Heartbeat timeout": ("15 seconds", "default"),
        "Self enrolment": ("off", "tenant"),
        "Snapshot interval": ("600 seconds", "default"),
        "Mass close gate": ("3 copies", "tenant"),
        "Repair gate percent": ("2 percent", "deployment"),
    }


def test_the_last_changes_stand_on_the_page_from_what_to_what(client: Client, admin: Member) -> None:
    page, edit = f"/t/{admin.tenant_id}/configuration/", f"/t/{admin.tenant_id}/configuration/edit/"
    assert 'id="changes"' not in body(client, page)
    client.post(edit, form(body(client, edit), mass_close_gate="3", reason="first"))
    client.post(edit, form(body(client, edit), mass_close_gate="", self_enrolment="off", reason=EVIL))
    html = body(client, page)
    table = html[html.index('id="changes"') :]
    found = re.findall(
        r'data-label="Setting">([^<]+)<.*?"Before">([^<]*)<.*?"After">([^<]*)<.*?"Who"><bdi>([^<]*)<', table
    )
    assert sorted(found[:2]) == [
        ("Mass close gate", "3", "as above", "pat"),
        ("Self enrolment", "as above", "off", "pat"),
    ]
    assert found[2] == ("Mass close gate", "as above", "3", "pat")
    assert "<script>alert" not in client.get(page).content.decode()
    Member.objects.filter(pk=admin.pk).update(role="viewer")
    assert 'id="changes"' not in body(client, page), "who may not read the audit log"


def test_an_account_differs_and_goes_back(client: Client, admin: Member, account: BrokerAccount) -> None:
    page = f"/t/{admin.tenant_id}/configuration/"
    edit = f"{page}{account.pk}/"
    client.post(edit, form(body(client, edit), mass_close_gate="9"))
    assert "Mass close gate: 9 copies" in body(client, page)
    assert 'name="mass_close_gate" value="9"' in body(client, edit)
    client.post(edit, form(body(client, edit), mass_close_gate=""))
    account.refresh_from_db()
    assert account.overrides is None
    assert "as all accounts" in body(client, page)
    audit = body(client, f"/t/{admin.tenant_id}/audit/")
    assert "as above → 9" in audit
    assert "9 → as above" in audit
    assert "Own:1" in audit
    assert "trial" in audit


def test_the_second_of_two_tabs_is_told_by_whom_and_may_save_his_own_in_its_place(
    client: Client, admin: Member
) -> None:
    edit = f"/t/{admin.tenant_id}/configuration/edit/"
    first, second = body(client, edit), body(client, edit)
    assert client.post(edit, form(first, mass_close_gate="3", reason="theirs")).status_code == 302
    answer: Any = client.post(edit, form(second, mass_close_gate="4", reason="mine"), follow=True)
    said = answer.content.decode()
    assert "<bdi>pat</bdi> has changed these settings since you opened this page: <bdi>theirs</bdi>" in said
    assert "<li>Mass close gate: 3 → 4</li>" in said
    assert 'name="mass_close_gate" value="4"' in said
    assert 'name="reason" value="mine"' in said
    admin.tenant.refresh_from_db()
    assert admin.tenant.overrides == {"mass_close_gate": 3}
    again = form(markup.unescape(said))
    refused: Any = client.post(edit, again, follow=True)
    assert "has changed these settings" in refused.content.decode(), "not by sending it once more"
    for other in ("instead-of:", "instead-of:mass_close_gate=5", "mass_close_gate=3"):
        assert client.post(edit, {**again, "save": other}, follow=True).status_code == 200
    button = re.search(r'name="save" value="([^"]*)">Save mine in its place<', said)
    assert button
    assert client.post(edit, {**again, "save": button[1]}).status_code == 302
    admin.tenant.refresh_from_db()
    assert admin.tenant.overrides == {"mass_close_gate": 4}


def test_who_is_overtaken_at_an_account_reads_of_this_account_alone(
    client: Client, admin: Member, account: BrokerAccount
) -> None:
    """Also where the other one has taken everything back: then nothing is what it is saved in place of."""
    whole, edit = f"/t/{admin.tenant_id}/configuration/edit/", f"/t/{admin.tenant_id}/configuration/{account.pk}/"
    client.post(edit, form(body(client, edit), mass_close_gate="3", reason="first"))
    late = body(client, edit)
    client.post(edit, form(body(client, edit), mass_close_gate="", reason="taken back"))
    client.post(whole, form(body(client, whole), mass_close_gate="8", reason="of all"))
    answer: Any = client.post(edit, form(late, mass_close_gate="4"), follow=True)
    said = answer.content.decode()
    assert "<bdi>taken back</bdi>" in said
    assert "Mass close gate: as above → 4" in said
    assert 'value="instead-of:">' in said
    client.post(edit, {**form(markup.unescape(said)), "save": "instead-of:"})
    account.refresh_from_db()
    assert account.overrides == {"mass_close_gate": 4}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"mass_close_gate": "-1"}, "expected 0 to 10,000 copies"),
        ({"mass_close_gate": "1e3"}, "expected 0 to 10,000 copies"),
        ({"mass_close_gate": "9" * 40}, "expected 0 to 10,000 copies"),
        ({"mass_close_gate": "٣"}, "expected 0 to 10,000 copies"),
        ({"mass_close_gate": EVIL}, "expected 0 to 10,000 copies"),
        ({"heartbeat_interval": "61"}, "expected 1 to 60 seconds"),
        ({"heartbeat_interval": "6"}, "15 is less than three intervals of 6 seconds"),
        ({"self_enrolment": "perhaps"}, "Select a valid choice"),
        ({"mass_close_gate": "3", "reason": ""}, "This field is required"),
    ],
)
def test_nonsense_is_refused_in_words(client: Client, admin: Member, changes: dict[str, str], words: str) -> None:
    edit = f"/t/{admin.tenant_id}/configuration/edit/"
    answer: Any = client.post(edit, form(body(client, edit), **changes), follow=True)
    assert answer.status_code == 200
    said = answer.content.decode()
    assert words in said
    assert "<script>alert" not in said
    assert not SettingChange.objects.exists()


def test_an_account_is_held_to_what_stands_above_it(client: Client, admin: Member, account: BrokerAccount) -> None:
    """Its interval, with the tenant's timeout."""
    factories.TenantFactory._meta.model.objects.filter(pk=admin.tenant_id).update(heartbeat_timeout=60)
    edit = f"/t/{admin.tenant_id}/configuration/{account.pk}/"
    assert "Empty: 60 seconds (tenant)." in body(client, edit)
    assert client.post(edit, form(body(client, edit), heartbeat_interval="20")).status_code == 302
    answer: Any = client.post(edit, form(body(client, edit), heartbeat_interval="21"), follow=True)
    assert "less than three intervals" in answer.content.decode()


def test_viewers_look_and_change_nothing(client: Client, account: BrokerAccount, admin: Member) -> None:
    Member.objects.update(role="operator")
    page = f"/t/{admin.tenant_id}/configuration/"
    assert "Change…" not in body(client, page)
    for address in (f"{page}edit/", f"{page}{account.pk}/"):
        assert client.post(address, {"reason": "x", "mass_close_gate": "1"}).status_code == 403
    assert not SettingChange.objects.exists()


def test_a_german_form_begins_with_what_is_set_and_saving_it_changes_nothing(admin: Member) -> None:
    """`off` was no choice of the field where the word for it was "aus": whoever saved set it as it is above."""
    type(admin.tenant).objects.filter(pk=admin.tenant_id).update(self_enrolment=False)
    client = speaks(admin.user, "de")
    edit = f"/t/{admin.tenant_id}/configuration/edit/"
    shown = body(client, edit)
    assert '<option value="off" selected>' in shown
    client.post(edit, {**form(shown, reason="x"), "self_enrolment": "off"})
    admin.tenant.refresh_from_db()
    assert admin.tenant.self_enrolment is False
