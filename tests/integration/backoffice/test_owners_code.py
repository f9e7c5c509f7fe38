"""Who approves a key can ask its owner which key it is: both see the same eight digits."""

import hashlib
import re
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from backoffice.staff.waiting import ROWS
from sessions_app.models import AuthKey
from tests import factories
from tests.factories.sessions import key_material

pytestmark = pytest.mark.django_db(transaction=True)


def asks(account: str, material: str) -> AuthKey:
    """An EA with this key asks for a session, as an EA does."""
    body = {"account_id": account, "auth_method": "account_session_key", "auth_key": material, "platform": "mt4"}
    answer = Client().post("/ea-gateway/v1/sessions", body, content_type="application/json")
    assert answer.status_code == 201
    assert answer.json()["key_code"] == told_by_its_owner(material)
    key: AuthKey = AuthKey.objects.get(account__claimed_as=account, state="pending")
    return key


def told_by_its_owner(material: str) -> str:
    """As `printf %s "$KEY" | sha256sum | cut -c1-8` says it, in two groups."""
    digits = hashlib.sha256(material.encode("ascii")).hexdigest()
    return f"{digits[:4]} {digits[4:8]}"


def text_of(answer: Any) -> str:
    assert answer.status_code == 200
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def test_the_desk_and_the_confirm_page_show_what_the_owner_can_tell(client: Client) -> None:
    client.force_login(factories.UserFactory.create(is_superuser=True))
    first, second = key_material(901), key_material(902)
    key = asks("Live:901", first)
    asks("Live:902", second)
    desk = text_of(client.get(reverse("admin:approvals")))
    assert re.search(rf"Live:901 {told_by_its_owner(first)} \w+ ", desk)
    assert re.search(rf"Live:902 {told_by_its_owner(second)} \w+ ", desk)
    assert "Compare the owner's code. The EA shows it on its chart while it waits" in desk
    assert "The same code: it is his key, approve it. Another one, or he knows of none: reject it" in desk
    assert "so compare nothing with it" in desk
    page = text_of(client.get(reverse("admin:approve_key", args=[key.pk])))
    assert f"Its owner&#x27;s code {told_by_its_owner(first)} Ask the owner of the account" in page
    assert "The same code: it is his key. Another one, or he knows of none: reject it, somebody else asks" in page
    assert f"Fingerprint {key.fingerprint[:12]} Our name of the key" in page
    assert told_by_its_owner(second) not in page


def test_a_tenants_admin_who_may_approve_sees_it_too(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(settings.GATEWAY, "tenants_enrol", True)
    member = factories.MemberFactory.create(role="admin", user__is_staff=False)
    factories.BrokerAccountFactory.create(account_id="live:903", claimed_as="Live:903", tenant=member.tenant)
    key = asks("Live:903", key_material(903))
    client.force_login(member.user)
    for name, row in (("approve_key", key), ("account", key.account)):
        page = text_of(client.get(reverse(f"tenants:{name}", args=[member.tenant.pk, row.pk])))
        assert told_by_its_owner(key_material(903)) in page, name


def test_a_key_that_was_stored_before_there_were_codes_has_none(client: Client) -> None:
    """And nothing is shown that could be taken for one."""
    client.force_login(factories.UserFactory.create(is_superuser=True))
    key = factories.EaSessionFactory.create(account__tenant=None).key
    assert key is not None
    AuthKey.objects.filter(pk=key.pk).update(code="")
    page = text_of(client.get(reverse("admin:approve_key", args=[key.pk])))
    assert "owner&#x27;s code" not in page
    assert key.fingerprint[:12] in page


def test_a_desk_that_is_full_has_its_150_kilobytes(client: Client) -> None:
    """Each row with an EA behind it that is as wordy as it may be."""
    client.force_login(factories.UserFactory.create(is_superuser=True))
    for _ in range(ROWS + 1):
        key = factories.AuthKeyFactory.create(
            key_hash="-", account__tenant=None, requested_from="2001:db8::" + "f" * 29
        )
        factories.EaSessionFactory.create(account=key.account, key=key, ea_version="v" * 64)
    answer = client.get(reverse("admin:approvals"))
    assert answer.content.count(b"Approve the key of") == ROWS
    assert len(answer.content) < 150_000
