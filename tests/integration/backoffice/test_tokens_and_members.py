"""Management tokens on pages and by the staff, roles of members, suspended tenants."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from backoffice.policy import StaffGroup
from sessions_app.domain.keys import token_digest
from sessions_app.models import ManagementToken, Member, PersonEvent, Tenant, TokenScope
from sessions_app.rest import throttling
from sessions_app.services.access import management_tokens, members
from sessions_app.services.operations.history import Actor
from tests import factories
from tests.integration.backoffice.house import House, build, person
from tests.integration.backoffice.manage.programs import Program

pytestmark = [pytest.mark.django_db, pytest.mark.lane("embedded")]


@pytest.fixture(autouse=True)
def _fresh_paces() -> None:
    throttling.TOKENS.clear()
    throttling.ADDRESSES.clear()


@pytest.fixture
def tenant() -> Tenant:
    made: Tenant = factories.TenantFactory.create(name="Own")
    return made


def signed_in(tenant: Tenant, role: str, name: str = "olga@example.com") -> tuple[Client, User]:
    user: User = factories.UserFactory.create(username=name, is_staff=False)
    factories.MemberFactory.create(tenant=tenant, user=user, role=role)
    client = Client()
    client.force_login(user)
    return client, user


def text_of(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


# Tokens --------------------------------------------------------------------------------------------------------------


def test_an_admin_makes_a_token_which_is_shown_once_and_opens_his_tenant(tenant: Tenant) -> None:
    client, user = signed_in(tenant, "admin")
    sent = {"name": "night watch", "scope": "operate", "days": "30"}
    answer: Any = client.post(f"/t/{tenant.pk}/tokens/new/", sent, follow=True)
    [token] = re.findall(r"eagm_[A-Za-z0-9_-]{43}", answer.content.decode())
    assert answer["Cache-Control"].startswith("max-age=0")
    row = ManagementToken.objects.get()
    assert (row.digest, row.made_by, row.scope, (row.expires_at - row.created_at).days) == (
        token_digest(token), user, "operate", 30,
    )  # fmt: skip
    for page in ("tokens/", "audit/"):
        assert token not in client.get(f"/t/{tenant.pk}/{page}").content.decode()
    assert Program(token).read("me") == {
        "tenant_id": str(tenant.pk), "tenant": "Own", "name": "night watch", "scope": "operate",
        "expires_at": Program(token).read("me")["expires_at"],
    }  # fmt: skip
    assert "token night watch token made scope operate" in text_of(client.get(f"/t/{tenant.pk}/audit/"))

    again: Any = client.post(f"/t/{tenant.pk}/tokens/new/", sent, follow=True)
    assert "There is, or was, a token of this name." in text_of(again)
    revoking = f"/t/{tenant.pk}/tokens/{row.pk}/revoke/"
    assert client.post(revoking, {"reason": ""}, follow=True).status_code == 200
    assert client.post(revoking, {"reason": "leaked"}).status_code == 302
    assert Program(token).refused("GET", "me")[:2] == (401, "management_token_refused")
    assert "Nothing changed" in text_of(client.post(revoking, {"reason": "twice"}, follow=True))
    acts = PersonEvent.objects.order_by("id").values_list("act", "actor", "note")
    assert [act for act, _, _ in acts] == ["token_made", "token_revoked"]
    assert acts[1][1:] == ("olga@example.com", "leaked")


@pytest.mark.parametrize(
    ("role", "scope", "made"), [("admin", "own", 0), ("admin", "administer", 1), ("owner", "own", 1)]
)
def test_nobody_gives_more_than_he_has(tenant: Tenant, role: str, scope: str, made: int) -> None:
    client, _ = signed_in(tenant, role)
    client.post(f"/t/{tenant.pk}/tokens/new/", {"name": "x", "scope": scope, "days": "1"})
    assert ManagementToken.objects.count() == made


@pytest.mark.parametrize(
    "changed", [{"days": "0"}, {"days": "367"}, {"scope": "all"}, {"name": ""}, {"name": "a\u202eb"}]
)
def test_a_form_that_is_wrong_makes_no_token(tenant: Tenant, changed: dict[str, str]) -> None:
    client, _ = signed_in(tenant, "owner")
    sent = {"name": "x", "scope": "read", "days": "1", **changed}
    assert client.post(f"/t/{tenant.pk}/tokens/new/", sent).status_code == 200
    assert not ManagementToken.objects.exists()


def test_a_tenant_has_so_many_tokens_and_no_more(tenant: Tenant) -> None:
    factories.ManagementTokenFactory.create_batch(management_tokens.MOST, tenant=tenant)
    client, _ = signed_in(tenant, "owner")
    sent = {"name": "one more", "scope": "read", "days": "1"}
    assert "no more than 50 tokens at once" in text_of(client.post(f"/t/{tenant.pk}/tokens/new/", sent, follow=True))
    row = ManagementToken.objects.first()
    assert row is not None
    management_tokens.revoke(token_id=row.pk, by=Actor("olga"), address="", reason="room")
    assert "Shown this once" in text_of(client.post(f"/t/{tenant.pk}/tokens/new/", sent, follow=True))


def test_the_staff_makes_one_for_any_tenant_and_it_outlives_who_made_it(tenant: Tenant) -> None:
    neighbour = build("Neighbour")
    who = person(f"staff: {StaffGroup.ADMINISTRATOR}", neighbour, neighbour)
    sent = {"tenant": str(tenant.pk), "name": "import", "scope": "administer", "days": "7", "reason": "asked for"}
    answer: Any = who.client.post("/admin/actions/managementtoken/make_token/", sent, follow=True)
    [token] = re.findall(r"eagm_[A-Za-z0-9_-]{43}", answer.content.decode())
    assert Program(token).read("me")["tenant"] == "Own"
    row = ManagementToken.objects.get(name="import")
    assert row.made_by is None
    who.client.post(f"/admin/actions/managementtoken/{row.pk}/revoke_token/", {"reason": "done"})
    assert Program(token).refused("GET", "me")[0] == 401


def test_a_token_opens_no_more_than_who_made_it_could_whoever_has_changed_him(tenant: Tenant) -> None:
    """By provisioning, or by the staff that closes his log-in: neither knows of tokens."""
    _, user = signed_in(tenant, "owner")
    program = Program.of(tenant, "administer", made_by=user)
    staffs = Program.of(tenant, "administer")
    mine, log_in = Member.objects.filter(user=user), User.objects.filter(pk=user.pk)
    for role, status in (("owner", 200), ("admin", 200), ("operator", 401), ("admin", 200)):
        mine.update(role=role)
        assert program.call("GET", "me").status_code == status
    log_in.update(is_active=False)
    assert program.refused("GET", "me") == (401, "management_token_refused", None)
    log_in.update(is_active=True)
    assert program.read("me")
    mine.delete()
    assert program.refused("GET", "me")[0] == 401
    user.delete()
    assert not ManagementToken.objects.filter(made_by__isnull=False).exists()
    assert staffs.read("me")


# Members -------------------------------------------------------------------------------------------------------------


def test_an_owner_changes_a_role_and_a_stale_form_does_not(tenant: Tenant) -> None:
    client, _ = signed_in(tenant, "owner")
    row: Member = factories.MemberFactory.create(tenant=tenant, role="viewer")
    page = f"/t/{tenant.pk}/members/{row.pk}/role/"
    assert client.post(page, {"role": "operator", "seen": "viewer"}).status_code == 302
    assert Member.objects.get(pk=row.pk).role == "operator"
    stale: Any = client.post(page, {"role": "admin", "seen": "viewer"}, follow=True)
    assert "somebody else has changed this member meanwhile" in text_of(stale)
    assert Member.objects.get(pk=row.pk).role == "operator"
    assert [(one.act, one.note) for one in PersonEvent.objects.all()] == [("role_changed", "viewer to operator")]


def test_the_last_owner_stays_and_may_leave_when_there_is_another(tenant: Tenant) -> None:
    client, user = signed_in(tenant, "owner")
    mine = Member.objects.get(user=user)
    factories.MemberFactory.create(tenant=tenant, role="admin")
    removing, changing = (f"/t/{tenant.pk}/members/{mine.pk}/{verb}/" for verb in ("remove", "role"))
    assert "last owner" in text_of(client.post(removing, follow=True))
    assert "last owner" in text_of(client.post(changing, {"role": "viewer", "seen": "owner"}, follow=True))
    assert Member.objects.get(pk=mine.pk).role == "owner"
    factories.MemberFactory.create(tenant=tenant, role="owner")
    assert client.post(removing).status_code == 302
    assert not Member.objects.filter(pk=mine.pk).exists()
    assert client.get(f"/t/{tenant.pk}/").status_code == 404


def test_who_was_removed_sees_nothing_and_can_be_invited_again(tenant: Tenant) -> None:
    client, _ = signed_in(tenant, "owner")
    other, user = signed_in(tenant, "admin", "ada@example.com")
    token = management_tokens.make(
        tenant_id=tenant.pk, name="hers", scope=TokenScope.ADMINISTER, days=9,
        by=Actor(user.username, user.pk), address="",
    )  # fmt: skip
    row = Member.objects.get(user=user)
    assert other.get(f"/t/{tenant.pk}/").status_code == 200
    client.post(f"/t/{tenant.pk}/members/{row.pk}/remove/")
    assert other.get(f"/t/{tenant.pk}/").status_code == 404
    assert Program(token.token).refused("GET", "me")[0] == 401
    assert User.objects.filter(pk=user.pk).exists()
    with pytest.raises(members.MemberChanged):
        members.remove(row=row, by=Actor("olga"), address="")


# Suspended tenants ---------------------------------------------------------------------------------------------------


def test_a_suspended_tenants_pages_say_so_until_it_is_lifted() -> None:
    house: House = build("Own")
    member = person("the tenant's owner", house, house)
    staff = person(f"staff: {StaffGroup.ADMINISTRATOR}", house, house)
    action = f"/admin/actions/tenant/{house.tenant.pk}"
    assert staff.client.post(f"{action}/suspend_tenant/", {"reason": "unpaid"}).status_code == 302
    for page in ("", "trades/", "tokens/new/"):
        answer: Any = member.client.get(f"/t/{house.tenant.pk}/{page}")
        assert answer.status_code == 403
        assert "has suspended this tenant" in text_of(answer)
        assert "Trend of Own" not in answer.content.decode()
    assert member.client.post(f"/t/{house.tenant.pk}/tokens/new/", {}).status_code == 403
    assert staff.client.post(f"{action}/lift_tenant/", {"reason": "paid"}).status_code == 302
    assert member.client.get(f"/t/{house.tenant.pk}/").status_code == 200
    acts = PersonEvent.objects.filter(tenant=house.tenant, act__startswith="tenant_").order_by("id")
    assert [(one.act, one.note) for one in acts] == [
        ("tenant_suspended", "unpaid"), ("tenant_suspension_lifted", "paid"),
    ]  # fmt: skip
