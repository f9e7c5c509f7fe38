"""Passkeys: added, shown as the second factor or alone, listed, removed; and everything that is none."""

import json
from datetime import timedelta
from typing import Any, Final

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client

from eagateway.checks import check_second_factors
from sessions_app import queries
from sessions_app.models import Passkey, PersonEvent, RecoveryCode, SignIn
from sessions_app.services.access import passkeys
from sessions_app.services.access.passkeys import WrongPasskey
from tests import factories
from tests.factories.sessions import now
from tests.integration.backoffice.authenticator import HOST, PRESENT, Device, options, state
from tests.integration.backoffice.test_second_factors import PASSWORD, is_in, phone
from tests.integration.backoffice.test_second_factors import set_up as set_up_phone
from tests.integration.counting import counted

pytestmark = pytest.mark.django_db

CODE, ALONE, ADD = "/sign-in/code/", "/sign-in/passkey/", "/me/passkeys/add/"
REFUSED: Final = "This is no passkey that opens this"


@pytest.fixture(autouse=True)
def _on(settings: Any) -> None:
    settings.GATEWAY = {**settings.GATEWAY, "passkeys_domain": HOST}
    settings.ALLOWED_HOSTS = ["*"]


@pytest.fixture
def owner() -> User:
    return User.objects.create_user("olga", email="olga@example.com", password=PASSWORD, is_staff=True)


@pytest.fixture
def demanded(settings: Any) -> None:
    settings.GATEWAY = {**settings.GATEWAY, "staff_second_factor": True}


def browser() -> Client:
    return Client(headers={"Host": HOST})


def text(client: Client, address: str) -> str:
    return client.get(address).content.decode()


def signed_in(name: str = "olga") -> Client:
    client = browser()
    assert client.post("/sign-in/", {"username": name, "password": PASSWORD})["Location"] == "/"
    return client


def half_in(name: str = "olga") -> Client:
    client = browser()
    assert client.post("/sign-in/", {"username": name, "password": PASSWORD})["Location"] == CODE
    return client


def add(client: Client, device: Device, name: str = "my phone") -> Any:
    return client.post(ADD, {"name": name, "password": PASSWORD, **device.make(text(client, ADD))})


def added(name: str = "olga") -> Device:
    device = Device()
    assert "Your recovery codes" in add(signed_in(name), device).content.decode()
    return device


# Added and shown ------------------------------------------------------------------------------------------------------


def test_a_passkey_is_the_second_factor(owner: User) -> None:
    device, client = added(), half_in()
    assert not is_in(client)
    assert client.get("/admin/").status_code == 302
    assert client.post(CODE, device.show(text(client, CODE)))["Location"] == "/"
    assert is_in(client)
    assert client.get("/admin/").status_code == 200
    assert SignIn.objects.filter(name="olga", succeeded=True).exists()


def test_a_passkey_alone_signs_in_and_leads_to_where_one_came_from(owner: User) -> None:
    device, client = added(), browser()
    assert f'href="{ALONE}?next=/me/"' in text(client, "/sign-in/?next=/me/")
    sent = {**device.show(text(client, f"{ALONE}?next=/me/")), "next": "/me/"}
    assert client.post(ALONE, sent)["Location"] == "/me/"
    assert is_in(client)


def test_it_leads_to_no_other_house(owner: User) -> None:
    device, client = added(), browser()
    sent = {**device.show(text(client, ALONE)), "next": "//evil.example/"}
    assert client.post(ALONE, sent)["Location"] == "/"


def test_the_first_one_gives_recovery_codes_and_ends_other_sessions(owner: User) -> None:
    other = signed_in()
    added()
    assert not is_in(other)
    assert RecoveryCode.objects.filter(user=owner).count() == 10
    told = PersonEvent.objects.get(act="passkey_added")
    assert (told.person, told.note, told.address) == ("olga", "my phone", "127.0.0.1")


def test_a_second_one_leaves_the_codes_and_is_listed(owner: User) -> None:
    client = signed_in()
    add(client, Device(), "my phone")
    codes = set(RecoveryCode.objects.values_list("digest", flat=True))
    assert add(client, Device(), "the blue <stick>")["Location"] == "/me/"
    assert set(RecoveryCode.objects.values_list("digest", flat=True)) == codes
    page = text(client, "/me/")
    assert "a passkey is asked for when you sign in. 10 recovery codes left" in page
    assert "my phone" in page
    assert "the blue &lt;stick&gt;" in page


def test_beside_a_phone_either_opens(owner: User) -> None:
    client = signed_in()
    secret, _ = set_up_phone(client)
    device = Device()
    assert add(client, device)["Location"] == "/me/"
    one, other = half_in(), half_in()
    assert one.post(CODE, {"code": phone(secret, halves_later=1)}).status_code == 302
    assert other.post(CODE, device.show(text(other, CODE))).status_code == 302


def test_recovery_codes_stand_for_a_lost_passkey(owner: User) -> None:
    client = signed_in()
    page = add(client, Device()).content.decode()
    code = page.split("<li><code>")[1].split("<")[0]
    half = half_in()
    assert "One of your recovery codes" in text(half, CODE)
    assert half.post(CODE, {"code": code}).status_code == 302
    renewed = half.post("/me/second-factor/codes/", {"password": PASSWORD})
    assert "Your recovery codes" in renewed.content.decode()
    assert "This is not your password" in half.post("/me/second-factor/codes/", {"password": "no"}).content.decode()


def test_who_has_one_already_is_not_asked_to_make_it_again(owner: User) -> None:
    client, device = signed_in(), Device()
    add(client, device)
    known = [one["id"] for one in options(text(client, ADD))["excludeCredentials"]]
    assert known == [json.loads(device.show(text(client, ADD))["answer"])["id"]]


# Removed --------------------------------------------------------------------------------------------------------------


def test_removing_the_last_one_takes_the_password_and_the_codes_with_it(owner: User) -> None:
    client = signed_in()
    add(client, Device())
    door = f"/me/passkeys/{Passkey.objects.get().pk}/remove/"
    assert "This is not your password" in client.post(door, {"password": "no"}).content.decode()
    assert client.post(door, {"password": PASSWORD})["Location"] == "/me/"
    assert client.post(door, {"password": PASSWORD}).status_code == 404, "sent twice"
    assert not Passkey.objects.exists()
    assert not RecoveryCode.objects.exists()
    assert is_in(signed_in())
    assert PersonEvent.objects.get(act="passkey_removed").note == "my phone"


def test_removing_the_phone_leaves_the_passkey_asked_for(owner: User) -> None:
    client = signed_in()
    secret, _ = set_up_phone(client)
    add(client, Device())
    assert client.post("/me/second-factor/remove/", {"code": phone(secret, halves_later=1)}).status_code == 302
    assert is_in(client)
    assert RecoveryCode.objects.filter(user=owner).count() == 10
    half_in()


def test_anothers_is_none(owner: User) -> None:
    factories.PasskeyFactory.create(user=owner)
    User.objects.create_user("mallory", password=PASSWORD)
    door = f"/me/passkeys/{Passkey.objects.get().pk}/remove/"
    assert signed_in("mallory").post(door, {"password": PASSWORD}).status_code == 404
    assert Passkey.objects.exists()


def test_who_has_lost_all_of_it_is_let_in_by_the_operator(owner: User, capsys: pytest.CaptureFixture[str]) -> None:
    added()
    call_command("second_factor", "olga")
    assert "passkeys: 1; recovery codes left: 10" in capsys.readouterr().out
    call_command("second_factor", "olga", "--remove", "--reason", "lost, he came by")
    assert is_in(signed_in())
    assert PersonEvent.objects.get(act="second_factor_reset").note == "lost, he came by"


# What is none ---------------------------------------------------------------------------------------------------------


def bent(device: Device, **ways: Any) -> Device:
    for name, value in ways.items():
        setattr(device, name, value)
    return device


@pytest.mark.parametrize(
    "ways",
    [
        {"origin": "https://evil.example"}, {"origin": f"http://{HOST}.evil.example"}, {"origin": f"http://a.{HOST}"},
        {"origin": f"https://{HOST}"}, {"domain": "evil.example"}, {"flags": 0}, {"key": Device().key},
        {"credential_id": b"another one"}, {"user_handle": "MDAwMA"},
    ],
    ids=["a fisher", "a longer name", "a neighbour below us", "another scheme", "another domain", "nobody is there",
         "another key", "an unknown one", "another person"],
)  # fmt: skip
@pytest.mark.parametrize("door", [CODE, ALONE])
def test_what_is_not_right_opens_nothing(owner: User, ways: dict[str, Any], door: str) -> None:
    device, client = bent(added(), **ways), half_in() if door == CODE else browser()
    answer = client.post(door, device.show(text(client, door)))
    assert REFUSED in answer.content.decode()
    assert not is_in(client)


def test_an_answer_opens_once(owner: User) -> None:
    """Whoever gets hold of one, with the page that it was given to."""
    device, first, second = added(), half_in(), half_in()
    sent = device.show(text(first, CODE))
    assert first.post(CODE, sent).status_code == 302
    assert second.post(CODE, sent).status_code == 200
    alone, other = browser(), browser()
    sent = device.show(text(alone, ALONE))
    assert alone.post(ALONE, sent).status_code == 302
    assert other.post(ALONE, sent).status_code == 200
    assert not is_in(other)


def test_an_answer_opens_once_also_of_a_device_that_does_not_count(owner: User) -> None:
    device, first, second = bent(added(), counts=False), half_in(), half_in()
    sent = device.show(text(first, CODE))
    assert first.post(CODE, sent).status_code == 302
    assert second.post(CODE, sent).status_code == 200
    third = half_in()
    assert third.post(CODE, device.show(text(third, CODE))).status_code == 302


def test_a_copy_of_a_device_that_counts_is_seen(owner: User) -> None:
    device, client = added(), half_in()
    device.counter = 7
    assert client.post(CODE, device.show(text(client, CODE))).status_code == 302
    copy = half_in()
    device.counter = 6
    assert REFUSED in copy.post(CODE, device.show(text(copy, CODE))).content.decode()


def test_a_challenge_is_good_for_five_minutes(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    device, client = added(), half_in()
    sent = device.show(text(client, CODE))
    later = now() + timedelta(minutes=5, seconds=1)
    monkeypatch.setattr(queries, "database_now", lambda: later)
    assert client.post(CODE, sent).status_code in (200, 302)
    assert not is_in(client)


def test_a_challenge_is_for_one_person_and_one_purpose(owner: User) -> None:
    User.objects.create_user("mallory", password=PASSWORD)
    device, thief = added(), added("mallory")
    page, half = text(browser(), ALONE), half_in()
    assert half.post(CODE, device.show(page)).status_code == 200, "made for a passkey alone"
    other = half_in("mallory")
    assert half.post(CODE, {**device.show(text(other, CODE))}).status_code == 200, "made for mallory"
    assert half.post(CODE, thief.show(text(half, CODE))).status_code == 200, "the passkey of mallory"
    forged = {**device.show(text(half, CODE)), "state": state(page)[:-2] + "xx"}
    assert half.post(CODE, forged).status_code == 200
    assert not is_in(half)


def test_alone_it_must_have_made_sure_of_its_person(owner: User) -> None:
    device, client = bent(added(), flags=PRESENT), browser()
    assert REFUSED in client.post(ALONE, device.show(text(client, ALONE))).content.decode()
    half = half_in()
    assert half.post(CODE, device.show(text(half, CODE))).status_code == 302, "after a password it need not"


def test_somebody_who_was_switched_off_does_not_get_in(owner: User) -> None:
    device, client = added(), browser()
    User.objects.update(is_active=False)
    assert client.post(ALONE, device.show(text(client, ALONE))).status_code == 200
    assert not is_in(client)


def said(**response: str) -> str:
    return json.dumps({"rawId": "AA", "id": "AA", "type": "public-key", "response": response})


NONSENSE: Final = [
    "", "{", "[]", "null", "7", "{}", '{"id": 1}', said(), '{"response":' * 1500, "x" * 20_000,
    said(clientDataJSON="e30", authenticatorData="AA", signature="AA"),
    said(clientDataJSON="e30", attestationObject="gYGB" * 2000),  # a list in a list, six thousand deep
]  # fmt: skip


@pytest.mark.parametrize("answer", NONSENSE)
@pytest.mark.parametrize("door", [CODE, ALONE, ADD])
def test_nonsense_is_answered_and_opens_nothing(owner: User, answer: str, door: str) -> None:
    if door == ADD:
        client = signed_in()
        said = client.post(
            door, {"name": "x", "password": PASSWORD, "answer": answer, "state": state(text(client, ADD))}
        )
        assert REFUSED in said.content.decode()
        assert not Passkey.objects.exists()
        return
    device, client = added(), half_in() if door == CODE else browser()
    sent = device.show(text(client, door))
    assert REFUSED in client.post(door, {**sent, "answer": answer}).content.decode()
    assert REFUSED in client.post(door, {**sent, "state": answer[:50]}).content.decode()
    assert not is_in(client)


def test_tries_are_bounded_as_those_of_codes(owner: User) -> None:
    device, client = bent(added(), key=Device().key), half_in()
    answers = [client.post(CODE, device.show(text(client, CODE))).status_code for _ in range(12)]
    assert answers[0] == 200
    assert answers[-1] == 429


def test_adding_one_takes_the_password(owner: User) -> None:
    client, device = signed_in(), Device()
    refused = client.post(ADD, {"name": "x", "password": "no", **device.make(text(client, ADD))})
    assert "This is not your password" in refused.content.decode()
    assert not Passkey.objects.exists()


def test_one_that_somebody_has_is_not_added_again(owner: User) -> None:
    device = added()
    User.objects.create_user("mallory", password=PASSWORD)
    again = add(signed_in("mallory"), device)
    assert "You have a passkey of this name, or this very one" in again.content.decode()
    assert Passkey.objects.get().user == owner


def test_a_person_has_ten_at_most(owner: User) -> None:
    client = signed_in()
    for n in range(10):
        assert add(client, Device(), f"stick {n}").status_code in (200, 302)
    assert "You have 10 passkeys: remove one first" in add(client, Device(), "one more").content.decode()
    assert Passkey.objects.count() == 10


def test_a_key_of_a_kind_that_was_not_asked_for_is_refused(owner: User) -> None:
    """An algorithm that the library cannot verify would be a passkey that opens nothing, or anything."""
    assert REFUSED in add(signed_in(), Device(algorithm=-99)).content.decode()
    assert not Passkey.objects.exists()


# Demanded, and switched off -------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("demanded")
def test_staff_that_owes_a_second_factor_comes_in_with_a_passkey(owner: User) -> None:
    client = signed_in()
    assert client.get("/admin/", follow=True).redirect_chain[-1][0] == "/me/second-factor/"
    assert f'href="{ADD}"' in text(client, "/me/second-factor/")
    add(client, Device())
    assert client.get("/admin/").status_code == 200
    client.post(f"/me/passkeys/{Passkey.objects.get().pk}/remove/", {"password": PASSWORD})
    assert client.get("/admin/").status_code == 302, "he owes one again"


@pytest.mark.usefixtures("demanded")
def test_a_session_that_is_older_than_the_passkey_has_to_be_begun_anew(owner: User) -> None:
    """It must not be a way to put another's passkey or phone beside the owner's."""
    added()
    client = browser()
    client.force_login(owner)
    assert client.get(ADD)["Location"] == "/sign-in/"
    assert client.get("/me/second-factor/")["Location"] == "/sign-in/"


def test_without_a_key_of_the_vault_a_passkey_does(owner: User, settings: Any) -> None:
    settings.VAULT_KEYS = {}
    client = signed_in()
    assert client.get("/me/second-factor/")["Location"] == ADD
    settings.GATEWAY = {**settings.GATEWAY, "staff_second_factor": True}
    assert check_second_factors(None) == []


@pytest.mark.parametrize("off", [True, False], ids=["switched off", "at another address"])
def test_where_they_do_not_work_they_are_not_offered_and_yet_asked_for(owner: User, settings: Any, off: bool) -> None:
    """Else switching them off would make everybody's password enough."""
    page = add(signed_in(), Device()).content.decode()
    code = page.split("<li><code>")[1].split("<")[0]
    if off:
        settings.GATEWAY = {**settings.GATEWAY, "passkeys_domain": ""}
    client = Client(headers={"Host": HOST if off else "127.0.0.1"})
    assert "passkey" not in text(client, "/sign-in/")
    assert client.get(ALONE)["Location"] == "/sign-in/"
    assert client.post("/sign-in/", {"username": "olga", "password": PASSWORD})["Location"] == CODE
    assert "data-passkey" not in text(client, CODE)
    assert client.post(CODE, {"code": code})["Location"] == "/"
    assert client.get(ADD)["Location"] == "/me/"
    assert "They work at another address" in text(client, "/me/")


@pytest.mark.parametrize(
    ("domain", "right"),
    [("gateway.example.com", True), ("localhost", True), ("127.0.0.1", False), ("https://a.example", False),
     ("a.example:8000", False), ("::1", False), ("A.example", False), ("a..example", False)],
)  # fmt: skip
def test_the_domain_is_a_name(settings: Any, domain: str, right: bool) -> None:
    settings.GATEWAY = {**settings.GATEWAY, "passkeys_domain": domain}
    assert [message.id for message in check_second_factors(None)] == ([] if right else ["eagateway.E011"])


def test_strangers_leave_nothing_behind(client: Client) -> None:
    """A page that anybody may ask for stores no session and no challenge."""
    page = browser()
    with counted() as cost:
        assert page.get(ALONE).status_code == 200
    assert not any(sql.startswith(("INSERT", "UPDATE")) for sql in cost.sql)
    assert "sessionid" not in page.cookies


def test_a_passkey_of_nobody_is_refused_by_the_service(owner: User) -> None:
    with pytest.raises(WrongPasskey):
        passkeys.take(user=owner, answer="{}", state="x", place=passkeys.Place("http://x", "x"))
