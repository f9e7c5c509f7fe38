"""A second factor: set up, asked for on every way in, lost and replaced; sessions that are listed and ended."""

import base64
import hmac
import re
import struct
import time
from datetime import timedelta
from typing import Any, Final

import pytest
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.auth.models import User
from django.test import Client

from sessions_app.auth.browser_sessions import SessionStore
from sessions_app.models import BrowserSession, PersonEvent, RecoveryCode, SecondFactor, SignIn
from sessions_app.services.access import second_factors
from sessions_app.tasks import forget_expired
from sessions_app.vault.ring import Unreadable
from tests import factories
from tests.factories.sessions import now
from tests.integration.counting import counted

pytestmark = pytest.mark.django_db

PASSWORD: Final = "a long enough one"


@pytest.fixture
def owner() -> User:
    return User.objects.create_user("olga", email="olga@example.com", password=PASSWORD, is_staff=True)


@pytest.fixture
def demanded(settings: Any) -> None:
    settings.GATEWAY = {**settings.GATEWAY, "staff_second_factor": True}


def phone(secret: str, *, halves_later: int = 0) -> str:
    """What a phone shows: RFC 6238 by hand."""
    mac = hmac.digest(base64.b32decode(secret), struct.pack(">Q", int(time.time()) // 30 + halves_later), "sha1")
    at = mac[-1] & 15
    return f"{(struct.unpack('>I', mac[at : at + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


def signed_in(name: str = "olga", **extra: Any) -> Client:
    client = Client(**extra)
    assert client.post("/sign-in/", {"username": name, "password": PASSWORD}).status_code == 302
    return client


def set_up(client: Client) -> tuple[str, list[str]]:
    """The secret and the recovery codes, as the pages show them."""
    page = client.get("/me/second-factor/").content.decode()
    secret = re.findall(r"<code>([A-Z2-7 ]+)</code>", page)[0].replace(" ", "")
    done = client.post("/me/second-factor/", {"code": phone(secret), "password": PASSWORD})
    assert done.status_code == 200
    return secret, re.findall(r"<code>([a-z2-7-]{19})</code>", done.content.decode())


def half_in(name: str = "olga") -> Client:
    client = Client()
    answer = client.post("/sign-in/", {"username": name, "password": PASSWORD})
    assert answer["Location"] == "/sign-in/code/"
    return client


def is_in(client: Client) -> bool:
    return client.get("/me/").status_code == 200


# Setting it up, and signing in with it --------------------------------------------------------------------------------


def test_with_a_second_factor_the_password_alone_opens_nothing(owner: User) -> None:
    secret, _ = set_up(signed_in())
    client = half_in()
    assert not is_in(client)
    assert client.get("/admin/").status_code == 302
    assert client.post("/sign-in/code/", {"code": "000000"}).status_code == 200
    assert not is_in(client)
    assert client.post("/sign-in/code/", {"code": phone(secret, halves_later=1)})["Location"] == "/"
    assert is_in(client)
    assert client.get("/admin/").status_code == 200


def test_a_code_opens_once(owner: User) -> None:
    secret, _ = set_up(signed_in())
    used, later = phone(secret), phone(secret, halves_later=1)
    assert half_in().post("/sign-in/code/", {"code": used}).status_code == 200, "taken when it was set up"
    assert half_in().post("/sign-in/code/", {"code": later}).status_code == 302
    assert half_in().post("/sign-in/code/", {"code": later}).status_code == 200


def test_a_recovery_code_opens_once_and_is_written_down(owner: User) -> None:
    _, codes = set_up(signed_in())
    assert len(codes) == 10
    assert half_in().post("/sign-in/code/", {"code": codes[3].upper()}).status_code == 302
    assert half_in().post("/sign-in/code/", {"code": codes[3]}).status_code == 200
    told = PersonEvent.objects.get(act="recovery_code_used")
    assert (told.person, told.note, told.address) == ("olga", "9 left", "127.0.0.1")


def test_tries_of_codes_are_bounded_as_those_of_passwords(owner: User) -> None:
    secret, _ = set_up(signed_in())
    client = half_in()
    answers = [client.post("/sign-in/code/", {"code": "000000"}).status_code for _ in range(12)]
    assert answers[0] == 200
    assert answers[-1] == 429
    assert client.post("/sign-in/code/", {"code": phone(secret, halves_later=1)}).status_code == 429
    assert SignIn.objects.filter(name="olga", succeeded=False).count() == answers.count(200)


def test_who_has_the_password_alone_gets_no_tries_back_by_it(owner: User) -> None:
    """Else he would try codes without end, a password in between."""
    set_up(signed_in())
    client, answers = Client(), []
    for _ in range(12):
        client.post("/sign-in/", {"username": "olga", "password": PASSWORD})
        answers.append(client.post("/sign-in/code/", {"code": "000000"}).status_code)
    assert 4 <= answers.count(200) <= 5, "each round takes two of ten tries"


def test_who_gets_in_with_a_code_uses_up_no_tries(owner: User) -> None:
    _, codes = set_up(signed_in())
    for code in [*codes, None, None]:
        client = half_in()
        if code:
            assert client.post("/sign-in/code/", {"code": code}).status_code == 302


def test_half_way_in_lasts_ten_minutes_and_no_longer(owner: User) -> None:
    secret, _ = set_up(signed_in())
    client = half_in()
    session = client.session
    session["half_signed_in"] = {**session["half_signed_in"], "at": (now() - timedelta(minutes=11)).timestamp()}
    session.save()
    assert client.post("/sign-in/code/", {"code": phone(secret, halves_later=1)})["Location"] == "/sign-in/"
    assert not is_in(client)
    assert "half_signed_in" not in client.session


def test_half_way_in_keeps_nothing_that_a_session_of_who_is_in_has(owner: User) -> None:
    set_up(whole := signed_in())
    client = half_in()
    assert str(owner.pk) in map(str, client.session["half_signed_in"].values())
    assert whole.session[HASH_SESSION_KEY] not in client.session["half_signed_in"].values()


def test_half_way_in_ends_when_the_password_changes(owner: User) -> None:
    secret, _ = set_up(signed_in())
    client = half_in()
    owner.set_password("another long one")
    owner.save()
    assert client.post("/sign-in/code/", {"code": phone(secret, halves_later=1)})["Location"] == "/sign-in/"
    assert "half_signed_in" not in client.session


def test_setting_it_up_takes_the_password_and_ends_other_sessions(owner: User) -> None:
    other, client = signed_in(), signed_in()
    secret = re.findall(r"<code>([A-Z2-7 ]+)</code>", client.get("/me/second-factor/").content.decode())[0]
    found = client.post("/me/second-factor/", {"code": phone(secret.replace(" ", "")), "password": "no"})
    assert "This is not your password" in found.content.decode()
    assert not second_factors.is_set_up(owner.pk)
    set_up(client)
    assert second_factors.is_set_up(owner.pk)
    assert is_in(client)
    assert not is_in(other)


def test_the_secret_is_stored_sealed_and_the_codes_as_digests(owner: User) -> None:
    client = signed_in()
    secret, codes = set_up(client)
    row = SecondFactor.objects.get()
    stored = bytes(row.sealed) + b"".join(one.session_data.encode() for one in BrowserSession.objects.all())
    keys = BrowserSession.objects.values_list("session_key", flat=True)
    decoded = "".join(str(SessionStore(key).load()) for key in keys)
    for clear in (secret, base64.b32decode(secret).hex(), *codes):
        assert clear.encode() not in stored
        assert clear not in decoded
    assert not RecoveryCode.objects.filter(digest__in=codes).exists()
    assert secret not in client.get("/me/").content.decode()


def test_a_sealed_secret_that_is_copied_to_another_person_opens_nothing(owner: User) -> None:
    secret, _ = set_up(signed_in())
    thief = User.objects.create_user("mallory", password=PASSWORD)
    row = SecondFactor.objects.get(user=owner)
    SecondFactor.objects.create(
        user=thief, sealed=row.sealed, key_version=1, created_at=row.created_at, confirmed_at=row.confirmed_at
    )
    with pytest.raises(Unreadable):
        second_factors.check(user=thief, code=phone(secret, halves_later=1), address="192.0.2.1")


def test_removing_it_and_new_codes_take_a_code(owner: User) -> None:
    client = signed_in()
    secret, codes = set_up(client)
    assert client.post("/me/second-factor/remove/", {"code": "000000"}).status_code == 200
    assert second_factors.is_set_up(owner.pk)
    renewed = client.post("/me/second-factor/codes/", {"code": codes[0]}).content.decode()
    assert len(re.findall(r"<code>[a-z2-7-]{19}</code>", renewed)) == 10
    assert half_in().post("/sign-in/code/", {"code": codes[1]}).status_code == 200, "a former one"
    assert client.post("/me/second-factor/remove/", {"code": phone(secret, halves_later=1)}).status_code == 302
    assert is_in(signed_in())
    acts = list(PersonEvent.objects.order_by("id").values_list("act", flat=True))
    assert acts == [
        "second_factor_set_up", "recovery_code_used", "recovery_codes_renewed", "second_factor_removed",
    ]  # fmt: skip


def test_without_a_key_of_the_vault_none_is_set_up(owner: User, settings: Any) -> None:
    settings.VAULT_KEYS = {}
    answer = signed_in().get("/me/second-factor/")
    assert answer.status_code == 503
    assert "VAULT_KEYS" in answer.content.decode()


# Demanded of the staff ------------------------------------------------------------------------------------------------

DOORS: Final = (
    "/admin/", "/admin/monitoring/", "/admin/approvals/", "/admin/maintenance/", "/admin/sessions_app/signin/", "/t/",
    "/me/", "/me/password/",
)  # fmt: skip


@pytest.mark.usefixtures("demanded")
@pytest.mark.parametrize("door", DOORS)
def test_staff_that_owes_one_is_led_to_set_it_up_from_everywhere(owner: User, door: str) -> None:
    owner.is_superuser = True
    owner.save()
    client = signed_in()
    assert client.get(door, follow=True).redirect_chain[-1][0] == "/me/second-factor/"
    set_up(client)
    assert client.get(door).status_code == 200


@pytest.mark.usefixtures("demanded")
def test_nothing_of_the_admin_answers_who_owes_one(owner: User, client: Client) -> None:
    """Neither the fragment of monitoring, which has no door of the admin's before it, nor an act."""
    owner.is_superuser = True
    owner.save()
    client.force_login(owner)
    assert "HX-Refresh" in client.get("/admin/monitoring/numbers/")
    account = factories.BrokerAccountFactory.create()
    act = f"/admin/actions/brokeraccount/{account.pk}/suspend_account/"
    assert client.post(act, {"reason": "x"}).status_code == 302
    account.refresh_from_db()
    assert account.suspended_at is None


@pytest.mark.usefixtures("demanded")
def test_staff_that_is_a_member_too_owes_it_on_tenants_pages(owner: User, client: Client) -> None:
    member = factories.MemberFactory.create(user=owner, role="owner")
    client.force_login(owner)
    assert client.get(f"/t/{member.tenant_id}/")["Location"] == "/me/second-factor/"


@pytest.mark.usefixtures("demanded")
def test_members_who_are_no_staff_owe_nothing(client: Client) -> None:
    member = factories.MemberFactory.create(user__is_staff=False)
    client.force_login(member.user)
    assert client.get(f"/t/{member.tenant_id}/").status_code == 200


@pytest.mark.usefixtures("demanded")
def test_a_session_that_is_older_than_the_factor_has_to_be_begun_anew(owner: User, client: Client) -> None:
    """It must not be a way to put another phone in place of the owner's."""
    set_up(signed_in())
    client.force_login(owner)
    answer = client.get("/me/second-factor/")
    assert answer["Location"] == "/sign-in/"
    assert client.post("/me/second-factor/", {"code": "000000", "password": PASSWORD})["Location"] == "/sign-in/"


# Sessions -------------------------------------------------------------------------------------------------------------


def test_sessions_are_listed_and_ended_one_by_one_or_all(owner: User) -> None:
    here = signed_in(headers={"User-Agent": "Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0"})
    there = signed_in(REMOTE_ADDR="203.0.113.5", headers={"User-Agent": "Browser of elsewhere"})
    third = signed_in()
    page = here.get("/me/").content.decode()
    for shown in ("Firefox on Windows", "Browser of elsewhere", "203.0.113.5", "(this one)"):
        assert shown in page
    assert str(here.session.session_key) not in page
    number = BrowserSession.objects.get(address="203.0.113.5").number
    assert here.post(f"/me/sessions/{number}/end/").status_code == 302
    assert (is_in(here), is_in(there), is_in(third)) == (True, False, True)
    here.post("/me/sessions/end/")
    assert (is_in(here), is_in(third)) == (True, False)
    assert PersonEvent.objects.filter(act="sessions_ended", person="olga").count() == 2


def test_another_persons_session_is_none(owner: User) -> None:
    User.objects.create_user("mallory", password=PASSWORD)
    here, thief = signed_in(), signed_in("mallory")
    number = BrowserSession.objects.get(user=owner).number
    assert thief.post(f"/me/sessions/{number}/end/").status_code == 404
    assert is_in(here)


def test_another_password_ends_other_sessions(owner: User) -> None:
    here, there = signed_in(), signed_in()
    sent = {"old_password": PASSWORD, "new_password1": "quite another one", "new_password2": "quite another one"}
    assert here.post("/me/password/", sent).status_code == 302
    assert (is_in(here), is_in(there)) == (True, False)
    assert BrowserSession.objects.filter(user=owner).count() == 1


def test_sessions_whose_time_is_over_are_forgotten() -> None:
    over, good = (factories.BrowserSessionFactory.create(expire_date=now() + timedelta(hours=h)) for h in (-1, 1))
    forget_expired()
    assert list(BrowserSession.objects.values_list("session_key", flat=True)) == [good.session_key]
    assert over.session_key != good.session_key


def test_the_page_of_a_log_in_asks_little(owner: User) -> None:
    client = signed_in()
    with counted() as cost:
        assert client.get("/me/").status_code == 200
    assert cost.calls <= 12, cost.sql


# Resets ---------------------------------------------------------------------------------------------------------------


def link_in(mail: Any) -> str:
    return str(re.findall(r"http://testserver(/password/reset/\S+)", mail.body)[0])


def test_a_link_by_mail_sets_a_new_password_and_ends_all_sessions(owner: User, mailoutbox: list[Any]) -> None:
    here, stranger = signed_in(), Client()
    stranger.post("/password/reset/", {"email": "olga@example.com"})
    form = stranger.get(link_in(mailoutbox[0]), follow=True).redirect_chain[-1][0]
    sent = {"new_password1": "quite another one", "new_password2": "quite another one"}
    assert stranger.post(form, sent)["Location"] == "/sign-in/"
    assert not is_in(here)
    owner.refresh_from_db()
    assert owner.check_password("quite another one")
    assert "This link is over" in Client().get(link_in(mailoutbox[0]), follow=True).content.decode()
    assert PersonEvent.objects.filter(act="password_reset", person="olga").exists()


def test_a_reset_takes_no_second_factor_away(owner: User, mailoutbox: list[Any]) -> None:
    set_up(signed_in())
    stranger = Client()
    stranger.post("/password/reset/", {"email": "olga@example.com"})
    form = stranger.get(link_in(mailoutbox[0]), follow=True).redirect_chain[-1][0]
    stranger.post(form, {"new_password1": PASSWORD, "new_password2": PASSWORD})
    half_in()


def test_the_answer_tells_nobody_who_is_known(owner: User, mailoutbox: list[Any]) -> None:
    known = Client().post("/password/reset/", {"email": "olga@example.com"}, follow=True)
    unknown = Client().post("/password/reset/", {"email": "nobody@example.com"}, follow=True)
    assert known.content == unknown.content
    assert [mail.to for mail in mailoutbox] == [["olga@example.com"]]


def test_nobodys_mailbox_is_filled(owner: User, mailoutbox: list[Any]) -> None:
    answers = [
        Client(REMOTE_ADDR=f"198.51.100.{n}").post("/password/reset/", {"email": "olga@example.com"}).status_code
        for n in range(14)
    ]
    assert answers == [302] * 10 + [429] * 4
    assert len(mailoutbox) == 10


def test_a_member_of_the_provisioning_file_gets_his_first_password_by_mail(mailoutbox: list[Any]) -> None:
    user = User.objects.create_user("new@example.com", email="new@example.com")
    assert not user.has_usable_password()
    Client().post("/password/reset/", {"email": "new@example.com"})
    assert len(mailoutbox) == 1
