"""Actions on keys, grants, OAuth clients and policies: what each does, and what it says."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from sessions_app.domain.lifecycle import GrantState, KeyState, SessionStatus
from sessions_app.models import (
    AccountGrant,
    ApprovedFingerprint,
    AuthKey,
    BrokerAccount,
    EaSession,
    EnrolmentWindow,
    OauthClient,
)
from sessions_app.services.access import oauth_clients
from sessions_app.services.operations.history import Actor
from tests.factories import (
    AccountGrantFactory,
    AuthKeyFactory,
    BrokerAccountFactory,
    EaSessionFactory,
    EnrolmentWindowFactory,
    OauthClientFactory,
    TenantFactory,
    UserFactory,
    grant,
)
from tests.factories.sessions import key_material, now
from tests.integration.sessions_app.rest.test_rest_sessions import ask

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def olga(client: Client) -> User:
    user = User.objects.create_superuser("olga", password="correct horse battery")
    client.force_login(user)
    return user


def register(**fields: Any) -> Any:
    return oauth_clients.register(
        tenant_id=TenantFactory.create().id, client_id="robot", by=Actor("pit"), now=now(), **fields
    )


def address(name: str, row: Any = None) -> str:
    return reverse(f"admin:{name}", args=[row.pk] if row is not None else [])


def act(client: Client, name: str, row: Any = None, **fields: Any) -> Any:
    return client.post(address(name, row), {"reason": "because", **fields}, follow=True)


def text_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


# Windows -------------------------------------------------------------------------------------------------------------


def test_pages_link_the_acts_that_are_open_to_a_person(client: Client, olga: User) -> None:
    window = EnrolmentWindowFactory.create()
    listed = reverse("admin:sessions_app_enrolmentwindow_changelist")
    page = reverse("admin:sessions_app_enrolmentwindow_change", args=[window.pk])
    assert address("open_window") in client.get(listed).content.decode()
    assert address("close_window", window) in client.get(page).content.decode()
    act(client, "close_window", window)
    assert address("close_window", window) not in client.get(page).content.decode()
    reader = grant(UserFactory.create(), "sessions_app.view_enrolmentwindow")
    client.force_login(reader)
    assert address("open_window") not in client.get(listed).content.decode()


def test_the_second_of_two_people_is_told(client: Client, olga: User) -> None:
    window = EnrolmentWindowFactory.create()
    act(client, "close_window", window)
    assert "decided already" in text_of(act(client, "close_window", window))


# Keys ----------------------------------------------------------------------------------------------------------------


def test_a_key_that_is_made_here_is_shown_once_and_works(client: Client, olga: User) -> None:
    tenant = TenantFactory.create()
    answer = act(client, "share_key", tenant=tenant.pk, account="PaperMarkets-Demo:0012345")
    secret = re.search(r"<code>([\w-]{43})</code>", text_of(answer))
    assert secret is not None
    assert "no-store" in answer["Cache-Control"]
    key = AuthKey.objects.get()
    assert (key.state, key.decided_as, key.account.claimed_as) == ("approved", "olga", "PaperMarkets-Demo:0012345")
    assert key.account.tenant == tenant
    assert ask(Client(), auth_key=secret[1]).json()["status"] == "authenticated"
    assert secret[1] not in client.get(reverse("admin:sessions_app_authkey_change", args=[key.pk])).content.decode()


def test_a_key_of_ones_own_is_shared_with_an_overlap(client: Client, olga: User) -> None:
    former = AuthKeyFactory.create(account__claimed_as="PaperMarkets-Demo:12345", approved=True)
    fields = {"tenant": former.account.tenant_id, "account": "PaperMarkets-Demo:12345", "overlap": 2}
    answer = act(client, "share_key", **fields, key=key_material(5))
    assert "is authenticated when it shows it" in text_of(answer)
    former.refresh_from_db()
    assert former.retires_at is not None
    assert abs(former.retires_at - now() - timedelta(hours=2)) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"key": "short"}, "Expected at least 128 random bits"),
        ({"account": "nonsense"}, "Expected &lt;broker server&gt;"),
        ({"account": "Other-Demo:1"}, "The account belongs to another tenant."),
    ],
)
def test_a_share_that_is_refused_says_why(client: Client, olga: User, fields: dict[str, str], message: str) -> None:
    BrokerAccountFactory.create(claimed_as="Other-Demo:1")
    valid = {"tenant": TenantFactory.create().pk, "account": "Paper-Demo:1"}
    assert message in text_of(act(client, "share_key", **{**valid, **fields}))
    assert not AuthKey.objects.exists()


def test_a_key_is_retired(client: Client, olga: User) -> None:
    key = AuthKeyFactory.create(approved=True)
    assert "is valid until" in text_of(act(client, "retire_key", key, overlap=1))
    key.refresh_from_db()
    assert (key.state, key.retires_at is not None) == (KeyState.APPROVED, True)


def test_an_approval_may_end_the_accounts_other_keys(client: Client, olga: User) -> None:
    waiting = AuthKeyFactory.create()
    page = reverse("admin:approve_key", args=[waiting.pk])
    assert "Overlap in hours" not in client.get(page).content.decode()
    former = AuthKeyFactory.create(account=waiting.account, approved=True)
    assert "Overlap in hours" in client.get(page).content.decode()
    client.post(page, {"reason": "new terminal", "overlap": "3"})
    former.refresh_from_db()
    assert former.retires_at is not None


# Policies ------------------------------------------------------------------------------------------------------------


def window_fields(**changes: Any) -> dict[str, Any]:
    times = {"opens_at": f"{now():%Y-%m-%d %H:%M}", "closes_at": f"{now() + timedelta(hours=2):%Y-%m-%d %H:%M}"}
    return {"tenant": TenantFactory.create().pk, **times, "accounts": "*", **changes}


def test_a_window_is_opened_and_enrols(client: Client, olga: User) -> None:
    act(client, "open_window", **window_fields(max_keys=1, adopts="on", addresses="192.0.2.0/24, 203.0.113.7"))
    window = EnrolmentWindow.objects.get()
    assert (window.max_keys, window.adopts, window.created_as, window.reason) == (1, True, "olga", "because")
    assert window.addresses == ["192.0.2.0/24", "203.0.113.7/32"]
    assert ask(Client()).json()["status"] == "authenticated"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"closes_at": "2020-01-01 00:00"}, "It must close after it opens."),
        ({"opens_at": "2020-01-01 00:00", "closes_at": "2020-01-02 00:00"}, "It would be over already."),
        ({"addresses": "here"}, "Expected an address"),
        ({"opens_at": "soon"}, "Enter a valid date/time."),
    ],
)
def test_a_window_that_cannot_be_says_why(client: Client, olga: User, changes: dict[str, str], message: str) -> None:
    assert message in text_of(act(client, "open_window", **window_fields(**changes)))
    assert not EnrolmentWindow.objects.exists()


def test_a_fingerprint_is_approved_once_and_withdrawn(client: Client, olga: User) -> None:
    fields = {"tenant": TenantFactory.create().pk, "fingerprint": "AB" * 32, "accounts": "*"}
    act(client, "approve_fingerprint", **fields)
    assert "has this already" in text_of(act(client, "approve_fingerprint", **fields))
    row = ApprovedFingerprint.objects.get()
    act(client, "withdraw_fingerprint", row)
    row.refresh_from_db()
    assert (row.withdrawn_as, row.created_as) == ("olga", "olga")
    assert "Expected 64" in text_of(act(client, "approve_fingerprint", **{**fields, "fingerprint": "x"}))


# OAuth clients and grants --------------------------------------------------------------------------------------------


def test_a_client_is_registered_granted_renewed_and_revoked(client: Client, olga: User) -> None:
    account: BrokerAccount = BrokerAccountFactory.create(claimed_as="Paper-Demo:1")
    shown = text_of(act(client, "register_client", tenant=account.tenant_id, client_id="signals"))
    assert re.search(r"<code>[\w-]{43}</code>", shown)
    row = OauthClient.objects.get()
    assert "Paper-Demo:1" in text_of(act(client, "grant_account", row, account="PAPER-demo:01"))
    granted = AccountGrant.objects.get()
    session = EaSessionFactory.create(account=account, key=None, grant=granted, state="authenticated")
    assert re.search(r"<code>[\w-]{43}</code>", text_of(act(client, "renew_secret", row)))
    act(client, "revoke_client", row)
    session.refresh_from_db()
    assert session.state == SessionStatus.CLOSED
    assert AccountGrant.objects.get().state == GrantState.REVOKED
    taken = act(client, "register_client", tenant=account.tenant_id, client_id="signals")
    assert "There is, or was, a client of this name." in text_of(taken)


def test_a_foreign_account_is_not_granted(client: Client, olga: User) -> None:
    row = OauthClientFactory.create()
    BrokerAccountFactory.create(claimed_as="Paper-Demo:1")
    for account in ("Paper-Demo:1", "Nobody-Demo:9"):
        assert "has no such account" in text_of(act(client, "grant_account", row, account=account))
    assert not AccountGrant.objects.exists()


def test_an_external_client_gets_no_secret(client: Client, olga: User) -> None:
    fields = {"tenant": TenantFactory.create().pk, "client_id": "theirs", "external": "on"}
    assert "Registered the client theirs" in text_of(act(client, "register_client", **fields))
    assert OauthClient.objects.get().application is None


def test_a_grant_is_withdrawn_with_its_sessions(client: Client, olga: User) -> None:
    row = AccountGrantFactory.create()
    EaSessionFactory.create(account=row.account, key=None, grant=row, state="authenticated")
    act(client, "withdraw_grant", row)
    assert EaSession.objects.get().state == SessionStatus.CLOSED
    assert AccountGrant.objects.get().decided_as == "olga"
