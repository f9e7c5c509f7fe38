"""Each person reads pages and mails in the language that he has chosen; programs and what is stored stay in English."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import translation
from django.utils.formats import localize, localize_input, sanitize_separators

from backoffice.policy import ROUTES, Members, SignedIn
from eagateway.documents import catalogues
from orders.domain.decision.inputs import Outcome
from sessions_app.models import Preference
from sessions_app.services.access import preferences
from sessions_app.services.access.preferences import UnknownLanguage
from sessions_app.services.operations import outbox
from tests import factories
from tests.factories.sessions import now
from tests.integration.backoffice.house import House, build, person
from tests.integration.backoffice.test_policy_walk import tries

pytestmark = pytest.mark.django_db(transaction=True)

EVIL: Final = '<script>alert("x")</script>'
_OF_STAFF: Final = ("monitoring", "approvals")
ENGLISH_WORDS: Final = re.compile(r"\b(the|is|are|of|its|this|that|with|and|not|from|for|by|to|no|yet)\b")


@pytest.fixture(autouse=True)
def _nothing_cached() -> None:
    cache.clear()


@pytest.fixture
def house() -> House:
    return build("Own")


@pytest.fixture
def pat(client: Client) -> User:
    user: User = factories.UserFactory.create(is_staff=False, email="pat@example.com")
    client.force_login(user)
    return user


def speaks(user: User, language: str) -> Client:
    """A browser of somebody who has chosen this language."""
    factories.PreferenceFactory.create(user=user, language=language)
    client = Client()
    client.force_login(user)
    return client


def german_owner(house: House) -> Client:
    member = factories.MemberFactory.create(tenant=house.tenant, role="owner", user__is_staff=False)
    return speaks(member.user, "de")


def page(client: Client, address: str, **headers: str) -> str:
    answer: Any = client.get(address, headers=headers)
    assert answer.status_code == 200, address
    return str(answer.content.decode())


def told(html: str) -> list[str]:
    """What a page says: its texts, and attributes that are read out."""
    body = re.sub(r"<(style|script|svg|code|option|textarea)\b.*?</\1>", "", html, flags=re.S)
    attributes = re.findall(r'(?:data-label|aria-label|title|placeholder)="([^"]+)"', body)
    texts = [" ".join(text.split()) for text in re.sub(r"<[^>]+>", "\n", body).split("\n")]
    return [text for text in (*texts, *attributes) if text]


# Choosing ------------------------------------------------------------------------------------------------------------


def test_a_person_chooses_his_language_and_is_told_so_in_it(client: Client, pat: User) -> None:
    assert '<html lang="en-gb"' in page(client, "/me/")
    form = page(client, "/me/preferences/")
    assert '<option value="de">Deutsch</option>' in form
    assert '<option value="en-gb" selected>English</option>' in form
    assert client.post("/me/preferences/", {"zone": "Europe/Berlin", "language": "de"}).status_code == 302
    html = page(client, "/me/")
    assert '<html lang="de"' in html
    assert "Ihre Wahl wurde gespeichert." in html
    assert "Zeiten sind Europe/Berlin (UTC+" in html
    assert '<html lang="en-gb"' in page(of_somebody_else(), "/me/")


def of_somebody_else() -> Client:
    client = Client()
    client.force_login(factories.UserFactory.create())
    return client


@pytest.mark.parametrize("name", ["fr", "", "DE", "../de", EVIL])
def test_a_language_that_is_none_of_the_list_is_refused_in_a_sentence(client: Client, pat: User, name: str) -> None:
    answer: Any = client.post("/me/preferences/", {"zone": "UTC", "language": name})
    html = answer.content.decode()
    assert answer.status_code == 200
    assert ("There is no such language in the list." if name else "This field is required.") in html
    assert EVIL not in html
    with pytest.raises(UnknownLanguage):
        preferences.choose(user_id=pat.pk, zone="UTC", language=name)
    assert not Preference.objects.exists()


@pytest.mark.parametrize(
    ("asks", "language"),
    [("de-AT,en;q=0.5", "de"), ("de", "de"), ("en-US,de;q=0.9", "en-gb"), ("fr,ja", "en-gb"), ("fr,de;q=0.2", "de"),
     ("", "en-gb"), ("*", "en-gb"), ("<x>,,;q", "en-gb")],
)  # fmt: skip
def test_before_the_sign_in_the_browser_says_which_language(asks: str, language: str) -> None:
    for address in ("/sign-in/", "/password/reset/", "/invitation/x/"):
        answer: Any = Client().get(address, headers={"Accept-Language": asks})
        assert f'<html lang="{language}"' in answer.content.decode()
        assert answer.headers["Content-Language"] == language
        assert "Accept-Language" in answer.headers["Vary"]


def test_who_has_chosen_none_reads_the_deployments_whatever_his_browser_asks_for(
    client: Client, pat: User, settings: Any
) -> None:
    assert '<html lang="en-gb"' in page(client, "/me/", **{"Accept-Language": "de"})
    settings.PEOPLES_LANGUAGE = "de"
    assert '<html lang="de"' in page(client, "/me/", **{"Accept-Language": "en"})
    assert '<html lang="de"' in page(Client(), "/sign-in/", **{"Accept-Language": "fr"})
    factories.PreferenceFactory.create(user=pat, language="tlh")  # of a release that had it
    assert '<html lang="de"' in page(client, "/me/")


# Pages ---------------------------------------------------------------------------------------------------------------


def walked(house: House, client: Client) -> Iterator[tuple[str, str]]:
    """Address and body of every page of members, and of one's own."""
    for one in tries(house, build("Neighbour")):
        if isinstance(ROUTES[one.name].door, Members | SignedIn) and one.of[0] == one.of[1] == "own":
            answer: Any = client.get(one.address)
            if answer.status_code == 200 and "html" in answer.headers["Content-Type"]:
                yield one.address, answer.content.decode()


def test_no_page_of_a_member_says_in_english_what_the_catalogue_has_in_german(house: House) -> None:
    entries = catalogues.read(catalogues.place("de").read_text())
    english = {
        one for (one, _), entry in entries.items()
        if entry.said[0] != one and "%" not in one and re.search(r"[a-z]{2}\b.*[a-z]{2}", one)
    }  # fmt: skip
    count = 0
    for address, html in walked(house, german_owner(house)):
        assert '<html lang="de"' in html, address
        assert [text for text in told(html) if text.rstrip(":") in english] == [], address
        count += 1
    assert count > 35


def test_what_a_german_page_says_in_english_is_no_sentence_of_ours(house: House) -> None:
    """What is English still is a name of a state, a role or a code, what a window of MetaTrader says, or is stored: the
    text of an alert; and the name of its kind with its severity."""
    stored = re.compile(
        r"EURUSD|Demo|Trend|Own|user\d|@|OrderIntent could not| \((critical|error|warning)\):$"
        r"|^Allow WebRequest for listed URL$"
    )
    left = {
        text
        for _, html in walked(house, german_owner(house))
        for text in told(html)
        if ENGLISH_WORDS.search(text) and not stored.search(text)
    }
    assert left == set(), "\n".join(sorted(left))


def test_settings_are_called_in_german_where_they_are_changed_and_where_their_changes_are_told(house: House) -> None:
    client, row = german_owner(house), house.row("orders.subscription")
    edit = reverse("tenants:edit_subscription", args=[house.tenant.pk, row.pk])
    form = page(client, edit)
    assert re.search(r"<label[^>]*>Höchstens Lots", form)
    assert "“Höchstalter in Sekunden”" in form  # the help of another setting calls it as its own label does
    names = ("mode", "contract_size", "late_policy", "min_lots_policy")
    kept = {name: getattr(row, name) for name in names}
    client.post(edit, {**kept, "max_lots": "2", "version": row.version, "reason": "trial", "save": "1"})
    for name in ("versions", "subscription"):
        assert "Höchstens Lots" in page(client, reverse(f"tenants:{name}", args=[house.tenant.pk, row.pk])), name
    shown = page(client, reverse("tenants:configuration", args=[house.tenant.pk]))
    assert "Abstand der Heartbeats" in shown
    assert "Heartbeat interval" not in shown


def test_states_are_said_in_german_with_the_programs_name_as_their_title(house: House) -> None:
    client = german_owner(house)
    account, subscription = house.row("sessions_app.brokeraccount"), house.row("orders.subscription")
    shown = page(client, reverse("tenants:account", args=[house.tenant.pk, account.pk]))
    trade = page(client, reverse("tenants:trade", args=[house.tenant.pk, house.row("orders.decision").intent_id]))
    listed = page(client, reverse("tenants:subscriptions", args=[house.tenant.pk]))
    for html, name, german in (
        (shown, "approved", "freigegeben"), (shown, "open", "offen"), (shown, "ordered", "beauftragt"),
        (trade, "queued", "eingereiht"), (listed, "active", "aktiv"),
    ):  # fmt: skip
        assert f'<span title="{name}">{german}</span>' in html, name
    form = page(client, reverse("tenants:edit_subscription", args=[house.tenant.pk, subscription.pk]))
    assert '<option value="mirrored" selected>gespiegelt</option>' in form
    assert "“feste Lots”" in form  # the help calls a value as the choices do


def test_names_of_others_are_no_markup_in_german_either(house: House) -> None:
    type(house.tenant).objects.filter(pk=house.tenant.pk).update(name=EVIL)
    strategy = house.row("orders.strategy")
    type(strategy).objects.filter(pk=strategy.pk).update(name=EVIL)
    for address, html in walked(house, german_owner(house)):
        assert EVIL not in html, address


def test_numbers_keep_their_point_in_german(house: House) -> None:
    row = house.row("orders.subscription")
    type(row).objects.filter(pk=row.pk).update(multiplier=Decimal("0.10"), max_lots=Decimal("1234.5"))
    client, english = german_owner(house), person("the tenant's owner", house, build("Other")).client
    form = page(client, reverse("tenants:edit_subscription", args=[house.tenant.pk, row.pk]))
    assert 'name="multiplier" value="0.1"' in form or 'name="multiplier" value="0.10"' in form
    assert 'value="1234.5"' in form
    for name in ("health", "subscriptions", "accounts", "trades"):
        address = reverse(f"tenants:{name}", args=[house.tenant.pk])
        numbers = [re.findall(r"\b\d+[.,]\d+\b", " ".join(told(page(one, address)))) for one in (client, english)]
        assert numbers[0] == numbers[1]
    export = reverse("tenants:export", args=[house.tenant.pk, "trades"])
    assert [b"".join(one.get(export)) for one in (client,)] == [b"".join(english.get(export))]
    with translation.override("de"):
        assert (localize(0.5), localize_input(Decimal("0.10")), localize(1234567)) == ("0.5", "0.10", "1234567")
        assert sanitize_separators("0.10") == "0.10"


def test_what_is_kept_for_all_is_kept_in_no_language_of_one() -> None:
    """Two of the staff ask for monitoring within the second for which its figures are kept."""
    row = factories.SubscriptionFactory.create()
    factories.EaSessionFactory.create(
        account=row.follower, authenticated=True, last_heartbeat_at=now(), heartbeat_timeout=600
    )
    for first, second in (("de", "en-gb"), ("en-gb", "de")):
        cache.clear()
        clients = [speaks(factories.UserFactory.create(is_superuser=True), one) for one in (first, second)]
        lines = [
            re.findall(r'id="state"[^>]*><strong>([^<]+)', page(one, reverse("admin:monitoring"))) for one in clients
        ]
        assert lines[0] == lines[1]
        assert all("vor " not in page(one, reverse(f"admin:{name}")) for one in clients for name in _OF_STAFF)
        assert lines[0][0].startswith("1 follower connected. 1 master is away")


def test_outcomes_that_have_no_code_have_no_sentence(house: House) -> None:
    """An empty text is the head of the catalogue: it must not come out on a page."""
    row = house.row("orders.decision")
    assert (row.outcome, row.code) == (Outcome.COPIED, "")
    html = page(german_owner(house), reverse("tenants:trade", args=[house.tenant.pk, row.intent_id]))
    assert "charset=UTF-8" not in html


# What stays in English ------------------------------------------------------------------------------------------------


def test_programs_are_told_english_whoever_asks(house: House) -> None:
    client = german_owner(house)
    factories.ManagementTokenFactory.create(tenant=house.tenant, token="eagm_of the house")
    named = {"Authorization": "Bearer eagm_of the house", "Accept-Language": "de"}
    for address in ("health", "trades?page=x", "nowhere", "subscriptions"):
        asked = f"/ea-gateway/v1/manage/{address}"
        said = [one.get(asked, headers={**named, "Accept-Language": "de"}).content for one in (client, Client())]
        plain = Client().get(asked, headers={"Authorization": named["Authorization"]}).content
        strip = re.compile(rb'"(as_of|at|instance|request_id|trace_id)":"[^"]*"')
        assert {strip.sub(b"", one) for one in said} == {strip.sub(b"", plain)}


# Mails ---------------------------------------------------------------------------------------------------------------


def test_a_mail_about_alerts_is_in_the_language_of_whom_it_goes_to(mailoutbox: list[Any], house: House) -> None:
    for language in ("de", "en-gb"):
        member = factories.MemberFactory.create(
            tenant=house.tenant, role="owner", user__email=f"{language}@example.com"
        )
        factories.PreferenceFactory.create(user=member.user, zone="Europe/Berlin", language=language)
    factories.OperatorAlertFactory.create(
        account=house.row("sessions_app.brokeraccount"), code="unprotected", text="the EA's own words"
    )
    outbox.work()
    outbox.work()
    bodies = {mail.to[0].partition("@")[0]: mail.body for mail in mailoutbox if mail.to[0].endswith("@example.com")}
    assert "Bedeutung: Einer Kopie fehlt ein Stop" in bodies["de"]
    assert "Was: the EA's own words" in bodies["de"]
    assert "CRITICAL unprotected, seit 20" in bodies["de"]
    assert "Meaning: A copy lacks a stop that its master has" in bodies["en-gb"]


def test_a_link_for_a_new_password_comes_in_the_persons_language_whoever_asks(
    mailoutbox: list[Any], client: Client, pat: User
) -> None:
    for language, subject in (("de", "Ein neues Passwort für EA Gateway"), ("en-gb", "A new password for EA Gateway")):
        Preference.objects.update_or_create(user=pat, defaults={"language": language, "changed_at": pat.date_joined})
        for asks in ("de", "en"):
            Client().post("/password/reset/", {"email": pat.email}, headers={"Accept-Language": asks})
            assert mailoutbox[-1].subject == subject
    assert "Der Link öffnet einmal, innerhalb einer Stunde." in mailoutbox[0].body
