"""A tenant's own accounts and keys: registered, shared, approved, rejected, revoked; and everything sent wrongly."""

import re
from datetime import timedelta
from typing import Any, Final

import pytest
from django.contrib.auth.models import User
from django.test import Client

from sessions_app.domain.lifecycle import KeyState
from sessions_app.models import AuthKey, BrokerAccount, EaSession, SessionEvent, Tenant
from tests import factories
from tests.factories.sessions import now

pytestmark = [pytest.mark.django_db(transaction=True)]

OWN_KEY: Final = "mJ4nQ0v6rTz8xYb2cDe5fGh7iKl9oPqR"


@pytest.fixture(autouse=True)
def _enrolling(settings: Any) -> None:
    settings.GATEWAY = {**settings.GATEWAY, "tenants_enrol": True}


@pytest.fixture
def tenant() -> Tenant:
    made: Tenant = factories.TenantFactory.create(name="Own")
    return made


@pytest.fixture
def admin(tenant: Tenant) -> Client:
    return signed_in(tenant)


def signed_in(tenant: Tenant, role: str = "admin", name: str = "olga@example.com") -> Client:
    user: User = factories.UserFactory.create(username=name, is_staff=False)
    factories.MemberFactory.create(tenant=tenant, user=user, role=role)
    client = Client()
    client.force_login(user)
    return client


def text_of(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def form_of(client: Client, address: str) -> dict[str, str]:
    """The hidden field of a form as it is shown."""
    return {"once": re.findall(r'name="once" value="([^"]+)"', client.get(address).content.decode())[0]}


def key_in(response: Any) -> str:
    return str(re.findall(r'<code class="secret">([^<]+)<', response.content.decode())[0])


def account_of(tenant: Tenant, name: str = "broker:1") -> BrokerAccount:
    made: BrokerAccount = factories.BrokerAccountFactory.create(tenant=tenant, account_id=name, claimed_as=name)
    return made


def opens(account: str, key: str) -> str:
    """What an EA is answered that shows this key."""
    body = {"auth_method": "account_session_key", "account_id": account, "auth_key": key, "platform": "mt4"}
    answer = Client().post("/ea-gateway/v1/sessions", body, content_type="application/json", follow=True)
    return str(answer.json().get("code") or answer.json()["status"])


# Registering ----------------------------------------------------------------------------------------------------------


def test_an_account_is_registered_with_a_key_that_opens(tenant: Tenant, admin: Client) -> None:
    door = f"/t/{tenant.pk}/accounts/new/"
    done: Any = admin.post(
        door, {**form_of(admin, door), "account": "Broker:007", "reason": "our new one"}, follow=True
    )
    made = key_in(done)
    assert "Shown this once" in text_of(done)
    assert opens("broker:7", made) == "authenticated"
    row = BrokerAccount.objects.get()
    assert (row.tenant, row.account_id, row.claimed_as) == (tenant, "broker:7", "Broker:007")
    told = set(SessionEvent.objects.filter(account=row, actor="olga@example.com").values_list("note", flat=True))
    assert "registered: our new one" in told
    page = admin.get(f"/t/{tenant.pk}/accounts/{row.pk}/")
    assert made not in page.content.decode()
    assert "approved" in text_of(page)


def test_an_account_is_registered_with_a_key_of_ones_own(tenant: Tenant, admin: Client) -> None:
    door = f"/t/{tenant.pk}/accounts/new/"
    sent = {**form_of(admin, door), "account": "broker:7", "key": OWN_KEY, "reason": "x"}
    done = admin.post(door, sent, follow=True)
    assert "its EA is authenticated when it shows it" in text_of(done)
    assert OWN_KEY not in done.content.decode()
    assert opens("broker:7", OWN_KEY) == "authenticated"


def test_who_holds_a_key_is_told_which_inputs_of_the_ea_take_it(tenant: Tenant, admin: Client, settings: Any) -> None:
    door = f"/t/{tenant.pk}/accounts/new/"
    done: Any = admin.post(door, {**form_of(admin, door), "account": "broker:7", "reason": "our new one"}, follow=True)
    shown = text_of(done)
    assert f"AccountKey {key_in(done)}" in shown
    assert "GatewayUrl http://testserver " in shown
    assert "tick Allow WebRequest for listed URL and add http://testserver ." in shown
    # The account's own page says the same at any time, by the address that the deployment is known by, without the key.
    settings.PUBLIC_URL = "https://gateway.example/"
    account = text_of(admin.get(f"/t/{tenant.pk}/accounts/{BrokerAccount.objects.get().pk}/"))
    assert "GatewayUrl https://gateway.example " in account
    assert "AccountKey The key, which is shown once when it is made." in account
    assert "listed URL and add https://gateway.example ." in account


@pytest.mark.parametrize(
    ("enrols", "role", "said"),
    [
        (True, "admin", "Register an account…"),
        (True, "viewer", "An admin or owner of this tenant registers accounts."),
        (False, "admin", "A new account is registered by the staff of this deployment: tell them its broker server"),
    ],
)
def test_the_list_of_accounts_says_how_another_comes_to_it(
    tenant: Tenant, settings: Any, enrols: bool, role: str, said: str
) -> None:
    settings.GATEWAY = {**settings.GATEWAY, "tenants_enrol": enrols}
    assert said in text_of(signed_in(tenant, role).get(f"/t/{tenant.pk}/accounts/"))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"account": "nonsense"}, "Expected &lt;broker server&gt;:&lt;login&gt;"), ({"account": ""}, "required"),
        ({"account": "b:1" + "x" * 200}, "at most 128"), ({"reason": ""}, "required"), ({"key": "short"}, "128 random"),
        ({"key": "a" * 43}, "128 random"), ({"once": ""}, "required"), ({"once": "x"}, "at least 43"),
        ({"reason": "r" * 300}, "at most 255"), ({"account": "b:<script>"}, "Expected &lt;broker server"),
    ],
)  # fmt: skip
def test_a_form_that_is_wrong_makes_nothing_and_keeps_what_was_typed(
    tenant: Tenant, admin: Client, changed: dict[str, str], said: str
) -> None:
    door = f"/t/{tenant.pk}/accounts/new/"
    sent = {**form_of(admin, door), "account": "broker:7", "reason": "typed at length", **changed}
    answer = admin.post(door, sent)
    page = answer.content.decode()
    assert answer.status_code == 200
    assert said in page
    assert ("typed at length" in page) is ("reason" not in changed)
    assert "<script>" not in page
    assert not BrokerAccount.objects.exists()
    assert not AuthKey.objects.exists()


def test_nothing_of_a_key_is_kept_with_the_log_in(tenant: Tenant, admin: Client) -> None:
    door = f"/t/{tenant.pk}/accounts/new/"
    sent = {**form_of(admin, door), "account": "broker:7", "key": OWN_KEY, "reason": ""}
    assert OWN_KEY in admin.post(door, sent).content.decode()
    sent = {**form_of(admin, door), "account": "broker:7", "reason": "made"}
    shown: Any = admin.post(door, sent)
    assert len(key_in(shown)) == 43
    assert "answers" not in admin.session


@pytest.mark.parametrize("owned", [True, False], ids=["a neighbour's", "nobody's, a terminal has asked"])
def test_an_account_of_somebody_else_is_not_given_away(tenant: Tenant, admin: Client, owned: bool) -> None:
    whose = factories.TenantFactory.create() if owned else None
    row = factories.BrokerAccountFactory.create(tenant=whose, account_id="broker:7")
    door = f"/t/{tenant.pk}/accounts/new/"
    answer = admin.post(door, {**form_of(admin, door), "account": "BROKER:7", "reason": "mine now"}, follow=True)
    assert "ask the staff whose it is" in text_of(answer)
    row.refresh_from_db()
    assert row.tenant == whose
    assert not AuthKey.objects.exists()


# Sent twice -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("door", ["accounts/new/", "share"])
def test_a_form_that_is_sent_twice_makes_one_key_and_the_second_click_sees_it(
    tenant: Tenant, admin: Client, door: str
) -> None:
    door = f"/t/{tenant.pk}/" + (door if door != "share" else f"accounts/{account_of(tenant, 'broker:7').pk}/keys/new/")
    sent = {**form_of(admin, door), "account": "broker:7", "reason": "two clicks"}
    first, second = admin.post(door, sent), admin.post(door, sent)
    assert key_in(first) == key_in(second)
    assert AuthKey.objects.count() == 1
    assert BrokerAccount.objects.count() == 1


@pytest.mark.parametrize("door", ["accounts/new/", "share"])
def test_a_form_that_is_sent_again_later_shows_no_key(tenant: Tenant, admin: Client, door: str) -> None:
    door = f"/t/{tenant.pk}/" + (door if door != "share" else f"accounts/{account_of(tenant, 'broker:7').pk}/keys/new/")
    sent = {**form_of(admin, door), "account": "broker:7", "reason": "an old page"}
    made = key_in(admin.post(door, sent))
    AuthKey.objects.update(decided_at=now() - timedelta(minutes=2))
    late = admin.post(door, sent, follow=True)
    assert made not in late.content.decode()
    assert "sent before" in text_of(late) or "yours already" in text_of(late)
    assert AuthKey.objects.count() == 1


def test_somebody_elses_form_makes_another_key(tenant: Tenant, admin: Client) -> None:
    """Who has seen a page of another's cannot have his key shown."""
    account = account_of(tenant)
    door = f"/t/{tenant.pk}/accounts/{account.pk}/keys/new/"
    sent = {**form_of(admin, door), "reason": "x"}
    other = signed_in(tenant, "owner", "mallory@example.com")
    assert key_in(admin.post(door, sent)) != key_in(other.post(door, sent))


def test_two_tabs_make_two_keys_and_an_overlap_ends_the_first(tenant: Tenant, admin: Client) -> None:
    account = account_of(tenant)
    door = f"/t/{tenant.pk}/accounts/{account.pk}/keys/new/"
    one, two = form_of(admin, door), form_of(admin, door)
    first = key_in(admin.post(door, {**one, "reason": "first"}))
    second = key_in(admin.post(door, {**two, "reason": "second", "overlap": "0"}))
    assert first != second
    assert opens("broker:1", second) == "authenticated"
    assert opens("broker:1", first) == "key_rejected"


# Decisions ------------------------------------------------------------------------------------------------------------


def waiting(tenant: Tenant) -> tuple[AuthKey, EaSession]:
    session = factories.EaSessionFactory.create(account=account_of(tenant))
    key = session.key
    assert key is not None
    return key, session


def test_a_key_that_waits_is_approved_and_its_session_promoted(tenant: Tenant, admin: Client) -> None:
    key, session = waiting(tenant)
    page = admin.get(f"/t/{tenant.pk}/accounts/{key.account_id}/").content.decode()
    door = f"/t/{tenant.pk}/keys/{key.pk}/approve/"
    assert f'href="{door}"' in page
    shown = text_of(admin.get(door))
    assert "Approve this key?" in shown
    assert "Its session is authenticated at once" in shown
    assert "&lt;" not in admin.get(door).content.decode(), "what is made for a page is not escaped once more"
    assert admin.post(door, {"reason": "it is ours"})["Location"] == f"/t/{tenant.pk}/accounts/{key.account_id}/"
    key.refresh_from_db()
    session.refresh_from_db()
    assert (key.state, key.decided_as, key.decision_reason) == ("approved", "olga@example.com", "it is ours")
    assert session.state == "authenticated"


@pytest.mark.parametrize(
    ("verb", "before", "after"), [("reject", "pending", "rejected"), ("revoke", "approved", "revoked")]
)
def test_a_key_is_ended_with_its_sessions(tenant: Tenant, admin: Client, verb: str, before: str, after: str) -> None:
    session = factories.EaSessionFactory.create(account=account_of(tenant), authenticated=before == "approved")
    door = f"/t/{tenant.pk}/keys/{session.key_id}/{verb}/"
    assert admin.post(door, {"reason": ""}, follow=True).status_code == 200, "a reason is asked for"
    assert AuthKey.objects.get().state == before
    assert admin.post(door, {"reason": "stolen"}).status_code == 302
    session.refresh_from_db()
    assert AuthKey.objects.get().state == after
    assert session.closed_at is not None


@pytest.mark.parametrize("verb", ["approve", "reject", "revoke"])
def test_who_comes_second_is_told_and_nothing_changes(tenant: Tenant, admin: Client, verb: str) -> None:
    """A page that was opened before, another tab, a second click."""
    key = factories.AuthKeyFactory.create(account=account_of(tenant), approved=verb == "revoke")
    door = f"/t/{tenant.pk}/keys/{key.pk}/{verb}/"
    assert admin.post(door, {"reason": "first"}).status_code == 302
    events = SessionEvent.objects.count()
    for _ in range(2):
        answer = admin.post(door, {"reason": "second"}, follow=True)
        assert "Nothing changed" in text_of(answer)
        assert "olga@example.com" in text_of(answer)
    key.refresh_from_db()
    assert key.decision_reason == "first"
    assert SessionEvent.objects.count() == events


def test_an_approval_and_a_rejection_at_once_leave_one(tenant: Tenant, admin: Client) -> None:
    key, _ = waiting(tenant)
    for verb in ("reject", "approve"):
        admin.post(f"/t/{tenant.pk}/keys/{key.pk}/{verb}/", {"reason": verb})
    key.refresh_from_db()
    assert (key.state, key.decision_reason) == (KeyState.REJECTED, "reject")


# Whose, and whether ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["approve", "reject", "revoke"])
def test_a_neighbours_key_is_none(tenant: Tenant, admin: Client, verb: str) -> None:
    """Under one's own tenant, and under his."""
    key = factories.AuthKeyFactory.create(account__tenant=factories.TenantFactory.create(), approved=verb == "revoke")
    for house in (tenant.pk, key.account.tenant_id):
        assert admin.post(f"/t/{house}/keys/{key.pk}/{verb}/", {"reason": "mine"}).status_code == 404
    before = key.state
    key.refresh_from_db()
    assert key.state == before


def test_a_key_for_a_neighbours_account_is_not_shared(tenant: Tenant, admin: Client) -> None:
    account = account_of(factories.TenantFactory.create())
    for house in (tenant.pk, account.tenant_id):
        door = f"/t/{house}/accounts/{account.pk}/keys/new/"
        assert admin.post(door, {"once": "o" * 43, "reason": "x"}).status_code == 404
    assert not AuthKey.objects.exists()


def test_an_operator_sees_no_way_and_has_none(tenant: Tenant) -> None:
    key, _ = waiting(tenant)
    client = signed_in(tenant, "operator")
    page = client.get(f"/t/{tenant.pk}/accounts/{key.account_id}/").content.decode()
    assert "/approve/" not in page
    assert "/keys/new/" not in page
    assert client.post(f"/t/{tenant.pk}/keys/{key.pk}/approve/", {"reason": "x"}).status_code == 403
    assert client.post(f"/t/{tenant.pk}/accounts/new/", {"account": "b:1"}).status_code == 403


def test_where_the_staff_enrols_it_is_left_to_them_but_for_revoking(
    tenant: Tenant, admin: Client, settings: Any
) -> None:
    settings.GATEWAY = {**settings.GATEWAY, "tenants_enrol": False}
    key, _ = waiting(tenant)
    for door in (f"keys/{key.pk}/approve/", f"keys/{key.pk}/reject/", "accounts/new/"):
        sent = {"reason": "x", "account": "b:1", "once": "o" * 43}
        assert "leaves it to its staff" in text_of(admin.post(f"/t/{tenant.pk}/{door}", sent, follow=True))
    assert AuthKey.objects.get().state == "pending"
    assert BrokerAccount.objects.count() == 1
    assert "/approve/" not in admin.get(f"/t/{tenant.pk}/accounts/{key.account_id}/").content.decode()
    AuthKey.objects.update(state="approved", decided_at=now(), decided_as="staff")
    assert admin.post(f"/t/{tenant.pk}/keys/{key.pk}/revoke/", {"reason": "x"}).status_code == 302
    assert AuthKey.objects.get().state == "revoked"


def test_a_member_of_two_tenants_acts_in_the_one_of_the_address(tenant: Tenant, admin: Client) -> None:
    other = factories.TenantFactory.create()
    factories.MemberFactory.create(tenant=other, user=User.objects.get(username="olga@example.com"), role="viewer")
    key = factories.AuthKeyFactory.create(account=account_of(other))
    assert admin.post(f"/t/{other.pk}/keys/{key.pk}/approve/", {"reason": "x"}).status_code == 403
    assert admin.post(f"/t/{tenant.pk}/keys/{key.pk}/approve/", {"reason": "x"}).status_code == 404
