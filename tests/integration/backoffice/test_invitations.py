"""Members come by an invitation: who sends one, who gets in by its link, and who does not."""

import re
from datetime import timedelta
from typing import Any, Final

import pytest
from django.contrib.auth.models import User
from django.core.mail import EmailMessage
from django.test import Client

from sessions_app.models import Invitation, Member, PersonEvent
from tests import factories
from tests.factories.sessions import now

pytestmark = pytest.mark.django_db

PASSWORD: Final = "quite a long one"
NEW: Final = {"new_password1": PASSWORD, "new_password2": PASSWORD}


@pytest.fixture
def owner(client: Client) -> Member:
    member: Member = factories.MemberFactory.create(role="owner", user__is_staff=False, user__username="boss")
    client.force_login(member.user)
    return member


def invited(client: Client, owner: Member, mails: list[EmailMessage], *, role: str = "operator") -> str:
    """The path of the link in the mail."""
    page = f"/t/{owner.tenant_id}/members/invite/"
    assert client.post(page, {"email": "pat@example.com", "role": role}).status_code == 302
    return str(re.findall(r"http://testserver(/invitation/\S+)", str(mails[-1].body))[0])


def test_an_invited_person_makes_a_log_in_and_is_a_member(client: Client, owner: Member, mailoutbox: list[Any]) -> None:
    link = invited(client, owner, mailoutbox)
    assert mailoutbox[0].to == ["pat@example.com"]
    assert "pat@example.com" in client.get(f"/t/{owner.tenant_id}/members/").content.decode()
    pat = Client()
    assert "operator" in pat.get(link).content.decode()
    assert pat.post(link, NEW)["Location"] == f"/t/{owner.tenant_id}/"
    assert pat.get(f"/t/{owner.tenant_id}/").status_code == 200
    member = Member.objects.get(user__username="pat@example.com")
    assert (member.role, member.tenant_id, member.user.is_staff) == ("operator", owner.tenant_id, False)
    assert Client().get(link).status_code == 404, "it opens once"
    page = client.get(f"/t/{owner.tenant_id}/audit/").content.decode()
    assert "invited" in page
    assert "invitation accepted" in page


def test_who_has_a_log_in_signs_in_first_and_nobody_else_takes_his_name(
    client: Client, owner: Member, mailoutbox: list[Any]
) -> None:
    pat = User.objects.create_user("Pat@example.com", password=PASSWORD)
    link = invited(client, owner, mailoutbox)
    stranger = Client()
    assert "sign in first" in stranger.get(link).content.decode()
    stranger.post(link, NEW)
    assert User.objects.filter(username__iexact="pat@example.com").count() == 1
    stranger.force_login(pat)
    assert stranger.post(link)["Location"] == f"/t/{owner.tenant_id}/"
    assert Member.objects.get(user=pat).role == "operator"


def test_a_weak_password_is_refused_and_the_invitation_stays(
    client: Client, owner: Member, mailoutbox: list[Any]
) -> None:
    link = invited(client, owner, mailoutbox)
    answer = Client().post(link, {"new_password1": "12345", "new_password2": "12345"}, follow=True)
    assert "too short" in answer.content.decode()
    assert Invitation.objects.get().ended_at is None


def test_what_was_withdrawn_or_is_old_opens_nothing(client: Client, owner: Member, mailoutbox: list[Any]) -> None:
    link = invited(client, owner, mailoutbox)
    row = Invitation.objects.get()
    Invitation.objects.update(expires_at=now() - timedelta(seconds=1))
    assert Client().post(link, NEW).status_code == 404
    Invitation.objects.update(expires_at=now() + timedelta(days=1))
    assert client.post(f"/t/{owner.tenant_id}/invitations/{row.pk}/withdraw/").status_code == 302
    assert Client().post(link, NEW).status_code == 404
    assert not User.objects.filter(username="pat@example.com").exists()
    assert PersonEvent.objects.filter(act="invitation_withdrawn", tenant=owner.tenant).count() == 1


def test_another_invitation_to_the_same_address_ends_the_former(
    client: Client, owner: Member, mailoutbox: list[Any]
) -> None:
    first = invited(client, owner, mailoutbox, role="owner")
    second = invited(client, owner, mailoutbox, role="viewer")
    assert Client().get(first).status_code == 404
    assert Client().get(second).status_code == 200


def test_a_member_is_not_invited_again(client: Client, owner: Member, mailoutbox: list[Any]) -> None:
    factories.MemberFactory.create(tenant=owner.tenant, user__username="pat@example.com")
    page = f"/t/{owner.tenant_id}/members/invite/"
    answer = client.post(page, {"email": "Pat@example.com", "role": "viewer"}, follow=True)
    assert "a member already" in answer.content.decode()
    assert mailoutbox == []


def test_twenty_an_hour(client: Client, owner: Member, mailoutbox: list[Any]) -> None:
    page = f"/t/{owner.tenant_id}/members/invite/"
    for number in range(22):
        client.post(page, {"email": f"p{number}@example.com", "role": "viewer"})
    assert len(mailoutbox) == 20


def test_the_secret_of_a_link_is_stored_nowhere(client: Client, owner: Member, mailoutbox: list[Any]) -> None:
    token = invited(client, owner, mailoutbox).split("/")[2]
    assert token not in str(list(Invitation.objects.values()))
    assert token not in client.get(f"/t/{owner.tenant_id}/members/").content.decode()


def test_a_mail_server_that_is_away_is_told(client: Client, owner: Member, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    page = f"/t/{owner.tenant_id}/members/invite/"
    answer = client.post(page, {"email": "pat@example.com", "role": "viewer"}, follow=True)
    assert "did not take" in answer.content.decode()


def test_links_lead_to_the_public_address(client: Client, owner: Member, mailoutbox: list[Any], settings: Any) -> None:
    settings.PUBLIC_URL = "https://gateway.example/"
    client.post(f"/t/{owner.tenant_id}/members/invite/", {"email": "pat@example.com", "role": "viewer"})
    assert "https://gateway.example/invitation/" in mailoutbox[0].body
