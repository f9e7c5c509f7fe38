"""The approval desk: who may decide, what the confirm page says, and what a decision does."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from sessions_app.domain.lifecycle import KeyState, SessionStatus
from sessions_app.models import AuthKey, SessionEvent
from sessions_app.services.access import keys
from sessions_app.services.operations.history import Actor
from tests.factories import (
    AuthKeyFactory,
    CommandFactory,
    EaSessionFactory,
    TenantFactory,
    UserFactory,
    grant,
)
from tests.factories.sessions import key_of, now

pytestmark = pytest.mark.django_db(transaction=True)

DECIDE, REVOKE, VIEW = "sessions_app.decide_authkey", "sessions_app.revoke_authkey", "sessions_app.view_authkey"


@pytest.fixture
def operator(client: Client) -> User:
    """Someone who may decide and revoke, signed in."""
    user = grant(UserFactory.create(username="olga"), DECIDE, REVOKE)
    client.force_login(user)
    return user


def url(verb: str, key: AuthKey) -> str:
    return reverse(f"admin:{verb}_key", args=[key.id])


def text_of(response: Any) -> str:
    """The page's words, with single spaces."""
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def told(response: Any) -> list[str]:
    return [str(message) for message in response.context["messages"]]


# Who may -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["approve", "reject", "revoke"])
@pytest.mark.parametrize("permissions", [(), (VIEW,)])
def test_case_136_without_the_named_permission_nothing_happens(
    client: Client, verb: str, permissions: tuple[str, ...]
) -> None:
    key = AuthKeyFactory.create(approved=verb == "revoke")
    client.force_login(grant(UserFactory.create(), *permissions))
    for answer in (client.get(url(verb, key)), client.post(url(verb, key), {"reason": "because"})):
        assert answer.status_code == 403
    before, key = key.state, AuthKey.objects.get(id=key.id)
    assert key.state == before
    assert not SessionEvent.objects.exists()


def test_deciding_and_revoking_are_two_permissions(client: Client) -> None:
    waiting, approved = AuthKeyFactory.create(), AuthKeyFactory.create(approved=True)
    client.force_login(grant(UserFactory.create(), DECIDE))
    assert client.get(url("approve", waiting)).status_code == 200
    assert client.get(url("revoke", approved)).status_code == 403
    client.force_login(grant(UserFactory.create(), REVOKE))
    assert client.get(url("reject", waiting)).status_code == 403
    assert client.get(url("revoke", approved)).status_code == 200


def test_case_129_a_permission_that_is_withdrawn_is_gone_at_the_next_request(client: Client, operator: User) -> None:
    key = AuthKeyFactory.create()
    assert client.get(url("approve", key)).status_code == 200
    operator.user_permissions.clear()
    assert client.post(url("approve", key), {"reason": "known"}).status_code == 403
    assert AuthKey.objects.get(id=key.id).state == KeyState.PENDING


def test_strangers_are_asked_to_sign_in(client: Client) -> None:
    key = AuthKeyFactory.create()
    for page in (reverse("admin:approvals"), url("approve", key)):
        assert client.get(page)["Location"].startswith("/admin/login/")
    client.force_login(UserFactory.create(is_staff=False))
    assert client.get(reverse("admin:approvals")).status_code == 302


def test_a_decision_without_the_forms_token_is_refused(operator: User) -> None:
    key = AuthKeyFactory.create()
    guarded = Client(enforce_csrf_checks=True)
    guarded.force_login(operator)
    assert guarded.post(url("approve", key), {"reason": "known"}).status_code == 403
    assert AuthKey.objects.get(id=key.id).state == KeyState.PENDING


def test_who_may_only_look_sees_no_way_to_decide(client: Client) -> None:
    AuthKeyFactory.create()
    client.force_login(grant(UserFactory.create(), VIEW))
    page = text_of(client.get(reverse("admin:approvals")))
    assert "Approve…" not in page
    client.force_login(UserFactory.create())
    assert client.get(reverse("admin:approvals")).status_code == 403


# The desk ------------------------------------------------------------------------------------------------------------


def test_the_desk_without_keys_says_so(client: Client, operator: User) -> None:
    page = text_of(client.get(reverse("admin:approvals")))
    assert "No key waits for a decision." in page
    assert "Nothing has been decided yet." in page


def test_the_desk_shows_who_asks_and_whether_its_terminal_lives(client: Client, operator: User) -> None:
    living = EaSessionFactory.create(ea_version="7.7", account__claimed_as="Alive-Demo:1")
    silent = EaSessionFactory.create(last_heartbeat_at=now() - timedelta(hours=1), account__tenant=None)
    AuthKeyFactory.create(requested_from="198.51.100.4")
    page = text_of(client.get(reverse("admin:approvals")))
    assert 'Keys that wait <span class="count">3</span>' in page
    for expected in ("Alive-Demo:1", key_of(living).fingerprint[:12], "<bdi>7.7</bdi>", "198.51.100.4", "none yet"):
        assert expected in page
    for state in ("connected", "silent", "no session"):
        assert page.count(f">{state}</span>") == 1
    assert key_of(silent).fingerprint not in page


def test_the_desk_lists_the_last_decisions(client: Client, operator: User) -> None:
    key = AuthKeyFactory.create()
    keys.reject(key_id=key.id, by=Actor("pit"), reason="nobody knows it")
    page = text_of(client.get(reverse("admin:approvals")))
    assert "nobody knows it" in page
    assert "pit" in page


def test_the_desk_says_which_approved_keys_no_ea_has_shown_since(client: Client, operator: User) -> None:
    session = EaSessionFactory.create(last_heartbeat_at=now() - timedelta(hours=1))
    keys.approve(key_id=key_of(session).pk, by=Actor("pit"), reason="known")
    EaSessionFactory.create(authenticated=True)
    page = text_of(client.get(reverse("admin:approvals")))
    assert page.count("its EA has not called since: it is let in when it does") == 1


@pytest.mark.parametrize("evil", ["<script>alert(1)</script>", "=cmd()", '"><img src=x onerror=alert(1)>', "a\r\nb"])
def test_case_137_what_an_ea_says_of_itself_is_inert(client: Client, operator: User, evil: str) -> None:
    session = EaSessionFactory.create(ea_version=evil, remote_address=evil[:60], account__claimed_as=evil)
    for page in (reverse("admin:approvals"), url("approve", key_of(session)), url("reject", key_of(session))):
        text = client.get(page).content.decode()
        assert "<script>alert" not in text
        assert "<img src=x" not in text


def test_a_strangers_text_forges_no_line_of_ours(client: Client, operator: User) -> None:
    forged = "1.0 at 192.0.2.99, heard 1 s ago\u202e\x07"
    session = EaSessionFactory.create(ea_version=forged, remote_address="203.0.113.5")
    shown = "<bdi>1.0 at 192.0.2.99, heard 1 s ago\\u202e\\u0007</bdi>"
    for page in (reverse("admin:approvals"), url("approve", key_of(session)), url("reject", key_of(session))):
        text = client.get(page).content.decode()
        assert shown in text
        assert text.count("192.0.2.99") == text.count(shown), "nowhere but in its own element"
        assert "\u202e" not in text


# What happens --------------------------------------------------------------------------------------------------------


def test_the_confirm_page_says_what_an_approval_does(client: Client, operator: User) -> None:
    former = EaSessionFactory.create(authenticated=True, remote_address="203.0.113.5")
    asking = EaSessionFactory.create(account=former.account)
    for minutes in (-1, 1, 1):
        decision = CommandFactory.create(
            held=True,
            decision__subscription__follower=former.account,
            valid_until=now() + timedelta(minutes=minutes),
            copy__copy_no=None,
        )
        assert decision.account == former.account
    page = text_of(client.get(url("approve", key_of(asking))))
    assert "<strong>authenticated at once</strong>" in page
    assert "203.0.113.5" in page
    assert "<strong>3 held commands</strong> go to the EA with its session; 1 of them expires" in page
    assert AuthKey.objects.get(id=key_of(asking).id).state == KeyState.PENDING


def test_the_confirm_page_tells_a_silent_terminal_from_a_living_one(client: Client, operator: User) -> None:
    silent = EaSessionFactory.create(last_heartbeat_at=now() - timedelta(hours=1))
    assert "at its next heartbeat" in text_of(client.get(url("approve", key_of(silent))))
    assert "It has no session now." in text_of(client.get(url("approve", AuthKeyFactory.create())))


def test_an_approval_needs_a_reason(client: Client, operator: User) -> None:
    key = AuthKeyFactory.create()
    page = text_of(client.post(url("approve", key), {"reason": "  "}))
    assert "This field is required." in page
    assert AuthKey.objects.get(id=key.id).state == KeyState.PENDING


def test_an_approval_is_done_told_and_signed(client: Client, operator: User) -> None:
    session = EaSessionFactory.create()
    answer = client.post(url("approve", key_of(session)), {"reason": "our terminal"}, follow=True)
    assert told(answer) == [f"Approved the key of {session.account}. Its session is authenticated now."]
    session.refresh_from_db()
    key = AuthKey.objects.get(id=key_of(session).id)
    assert session.state == SessionStatus.AUTHENTICATED
    assert (key.decided_by, key.decided_as, key.decision_reason) == (operator, "olga", "our terminal")
    assert SessionEvent.objects.get(key=key).note == "our terminal"


def test_an_account_of_nobody_gets_the_chosen_tenant(client: Client, operator: User) -> None:
    key, tenant = AuthKeyFactory.create(account__tenant=None), TenantFactory.create(name="Acme")
    assert "Choose whose account this becomes" in text_of(client.get(url("approve", key)))
    page = text_of(client.post(url("approve", key), {"reason": "known"}))
    assert "This account belongs to nobody yet: choose its tenant." in page
    client.post(url("approve", key), {"reason": "known", "tenant": tenant.id})
    key.account.refresh_from_db()
    assert key.account.tenant == tenant


def test_a_rejection_and_a_revocation_end_the_sessions(client: Client, operator: User) -> None:
    pending, living = EaSessionFactory.create(), EaSessionFactory.create(authenticated=True)
    assert "<strong>1 session</strong> of this key ends at once" in text_of(client.get(url("reject", key_of(pending))))
    client.post(url("reject", key_of(pending)), {"reason": "unknown"})
    client.post(url("revoke", key_of(living)), {"reason": "sold"})
    pending.refresh_from_db()
    living.refresh_from_db()
    assert (pending.state, living.state) == (SessionStatus.REJECTED, SessionStatus.CLOSED)


@pytest.mark.parametrize("verb", ["approve", "reject"])
def test_case_020_the_second_approver_is_told_who_was_first(client: Client, operator: User, verb: str) -> None:
    key = AuthKeyFactory.create()
    assert client.get(url(verb, key)).status_code == 200
    keys.approve(key_id=key.id, by=Actor("pit"), reason="known")
    answer = client.post(url(verb, key), {"reason": "too late"}, follow=True)
    assert told(answer)[0].startswith("Nothing changed: Already approved by pit at 2")
    assert SessionEvent.objects.filter(key=key).count() == 1


def test_case_020_a_race_between_two_approvers_has_one_winner(
    client: Client, operator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = AuthKeyFactory.create()
    approve = keys.approve

    def approve_second(**arguments: Any) -> Any:
        keys.reject(key_id=key.id, by=Actor("pit"), reason="faster")
        return approve(**arguments)

    monkeypatch.setattr(keys, "approve", approve_second)
    answer = client.post(url("approve", key), {"reason": "slower"}, follow=True)
    assert told(answer)[0].startswith("Nothing changed: Already rejected by pit at 2")


def test_a_key_that_does_not_exist_is_not_found(client: Client, operator: User) -> None:
    missing = AuthKeyFactory.build(account=None)
    assert client.get(url("approve", missing)).status_code == 404
    assert client.post(url("approve", missing), {"reason": "known"}).status_code == 404


def test_the_page_of_an_approved_key_leads_to_its_revocation(client: Client, operator: User) -> None:
    key, waiting = AuthKeyFactory.create(approved=True), AuthKeyFactory.create()
    grant(operator, VIEW)
    page = text_of(client.get(reverse("admin:sessions_app_authkey_change", args=[key.id])))
    assert url("revoke", key) in page
    assert key.key_hash not in page
    page = text_of(client.get(reverse("admin:sessions_app_authkey_change", args=[waiting.id])))
    assert url("approve", waiting) in page
    assert url("revoke", waiting) not in page
