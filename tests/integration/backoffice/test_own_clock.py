"""Each person reads times by the clock that he has chosen; days, exports and programs stay in UTC."""

import csv
import html
import io
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from backoffice.policy import ROUTES, Members, Staff
from backoffice.staff.system import System
from sessions_app.models import BrowserSession, MaintenanceWindow, Preference
from sessions_app.services.access import preferences
from sessions_app.services.access.preferences import UnknownZone
from tests import factories
from tests.integration.backoffice.house import House, all_parts_there, build, person
from tests.integration.backoffice.test_policy_walk import tries
from tests.integration.counting import counted

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _nothing_cached() -> None:
    cache.clear()


@pytest.fixture
def house() -> House:
    return build("Own")


@pytest.fixture
def pat(client: Client) -> User:
    user: User = factories.UserFactory.create(is_staff=False)
    client.force_login(user)
    return user


def of_zone(zone: str, **user: Any) -> Client:
    """A browser of somebody who has chosen this zone: staff who may everything, unless said otherwise."""
    row = factories.UserFactory.create(**{"is_superuser": True, **user})
    factories.PreferenceFactory.create(user=row, zone=zone)
    client = Client()
    client.force_login(row)
    return client


def page(client: Client, address: str) -> str:
    answer: Any = client.get(address)
    assert answer.status_code == 200, address
    return str(answer.content.decode())


# Choosing ------------------------------------------------------------------------------------------------------------


def test_a_person_chooses_his_zone_once_for_everything(client: Client, pat: User) -> None:
    assert "Times are UTC." in page(client, "/me/")
    assert client.post("/me/preferences/", {"zone": "Asia/Tokyo", "language": "en-gb"}).status_code == 302
    told = page(client, "/me/")
    assert "Times are Asia/Tokyo (UTC+9)." in told
    assert "Your choice was saved." in told
    assert '<option value="Asia/Tokyo" selected>' in page(client, "/me/preferences/")
    client.post("/me/preferences/", {"zone": "UTC", "language": "en-gb"})
    assert "Times are UTC." in page(client, "/me/")
    assert Preference.objects.count() == 1


def test_it_holds_in_every_browser_of_his_at_once_and_for_nobody_else(client: Client, pat: User) -> None:
    elsewhere, other = Client(), of_zone("America/New_York")
    elsewhere.force_login(pat)
    client.post("/me/preferences/", {"zone": "Asia/Tokyo", "language": "en-gb"})
    assert "Times are Asia/Tokyo (UTC+9)." in page(elsewhere, "/me/")
    assert "Times are America/New_York" in page(other, "/me/")
    assert "Times are UTC." in page(Client(), "/sign-in/")


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../../etc/passwd", "EST", '<script>alert("x")</script>'])
def test_a_name_that_is_none_of_the_list_is_refused_in_a_sentence(client: Client, pat: User, name: str) -> None:
    answer: Any = client.post("/me/preferences/", {"zone": name, "language": "en-gb"})
    told = answer.content.decode()
    assert answer.status_code == 200
    assert ("There is no such time zone in the list." if name else "This field is required.") in told
    assert "<script>" not in told
    with pytest.raises(UnknownZone):
        preferences.choose(user_id=pat.pk, zone=name, language="en-gb")
    assert not Preference.objects.exists()


def test_a_zone_that_is_not_installed_here_any_more_is_utc_and_the_page_says_so(client: Client, pat: User) -> None:
    factories.PreferenceFactory.create(user=pat, zone="Europe/Atlantis")
    assert "Times are UTC." in page(client, "/me/")


# Pages ---------------------------------------------------------------------------------------------------------------


@pytest.mark.daily("embedded")
def test_every_page_says_whose_clock_it_shows_and_shows_no_other(house: House) -> None:
    """Of members and of staff: what names the zone names that of the person, and no page says UTC of a time."""
    neighbour, walked = build("Neighbour"), 0
    for name in ("the tenant's owner", "staff: Administrator"):
        who = person(name, house, neighbour)
        factories.PreferenceFactory.create(user=who.user, zone="Asia/Kolkata")
        door = Members if name.startswith("the tenant") else Staff
        for one in tries(house, neighbour):
            answer: Any = who.client.get(one.address) if isinstance(ROUTES[one.name].door, door) else None
            if answer is None or answer.status_code != 200 or "html" not in answer.headers["Content-Type"]:
                continue
            told = re.sub(r'(title|datetime)="[^"]*"', "", answer.content.decode())
            if "</footer>" in told:
                assert "Times are Asia/Kolkata (UTC+5:30)." in told, one.address
            assert not re.search(r"\d\d:\d\d(:\d\d)? UTC|\(UTC\)|Times are UTC", told), one.address
            walked += 1
    assert walked > 150


def test_two_people_see_one_moment_each_by_his_own_clock(house: House) -> None:
    row = house.row("orders.intent")
    type(row).objects.filter(pk=row.pk).update(received_at=NOON)
    seen = {}
    for zone in ("Europe/Berlin", "Asia/Kolkata", "UTC"):
        user = factories.MemberFactory.create(tenant=house.tenant, role="viewer", user__is_staff=False).user
        factories.PreferenceFactory.create(user=user, zone=zone)
        client = Client()
        client.force_login(user)
        told = page(client, reverse("tenants:trade", args=[house.tenant.pk, row.pk]))
        seen[zone] = re.findall(r'title="2026-11-24 12:00:00 UTC">([^<]+)</time>', told)
    assert seen == {
        "Europe/Berlin": ["2026-11-24 13:00:00"],
        "Asia/Kolkata": ["2026-11-24 17:30:00"],
        "UTC": ["2026-11-24 12:00:00"],
    }


def test_what_is_cached_for_all_is_shown_to_each_by_his_own_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two people ask for the fragment of monitoring within the second for which its figures are kept."""
    monkeypatch.setattr("backoffice.staff.monitoring.look", lambda: System(NOON, ()))
    factories.OperatorAlertFactory.create(at=NOON)
    command = factories.CommandFactory.create(occurred_at=NOON, decision__decided_at=NOON)
    type(command).objects.filter(pk=command.pk).update(reported_at=NOON + timedelta(seconds=1))
    seen = {}
    for zone in ("Europe/Berlin", "Asia/Kolkata"):
        told = page(of_zone(zone), reverse("admin:monitoring_numbers"))
        monkeypatch.setattr("backoffice.staff.queries.figures", None)  # the next one finds them
        seen[zone] = [
            " ".join(re.sub(r"<[^>]+>", " ", part).split())
            for part in (
                told[told.index("As of") : told.index("</p>")],
                re.findall(r'data-label="Last" class="moment">([^<]+)<', told)[0],
                told[told.index("<thead", told.index('id="hours"')) : told.index("<p", told.index('id="hours"'))],
            )
        ]
    assert seen["Europe/Berlin"] == [
        'As of 13:00:00 Europe/Berlin; "today" is 24 November 2026, UTC, since 2026-11-24 01:00',
        "2026-11-24 13:00:00",
        "Hour, Europe/Berlin p50 p95 of 13:00 1000.0 1000.0 1",
    ]
    assert seen["Asia/Kolkata"] == [
        'As of 17:30:00 Asia/Kolkata; "today" is 24 November 2026, UTC, since 2026-11-24 05:30',
        "2026-11-24 17:30:00",
        "Hour, Asia/Kolkata p50 p95 of 17:30 1000.0 1000.0 1",
    ]


def test_a_zone_costs_no_statement_on_any_page(house: House) -> None:
    all_parts_there()  # monitoring reads the clock with its gateways
    neighbour = build("Neighbour")
    for name in ("the tenant's owner", "staff: Administrator"):
        who = person(name, house, neighbour)
        address = reverse("tenants:health", args=[house.tenant.pk]) if "owner" in name else reverse("admin:monitoring")
        costs = []
        for zone in (None, "Asia/Kolkata"):
            if zone:
                factories.PreferenceFactory.create(user=who.user, zone=zone)
            cache.clear()
            with counted() as cost:
                told = page(who.client, address)
            costs.append(cost.calls)
            assert ("Asia/Kolkata" in told) is (zone is not None)
        assert costs[0] == costs[1] <= 12


# Clocks that change --------------------------------------------------------------------------------------------------


def test_each_moment_is_shown_by_the_clock_of_its_own_day(client: Client, pat: User) -> None:
    """Clocks go back at 01:00 UTC of 25 October: 02:30 comes twice, and the title in UTC tells the two apart."""
    factories.PreferenceFactory.create(user=pat, zone="Europe/Berlin")
    moments = (
        datetime(2026, 7, 1, 12, tzinfo=UTC),
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
        datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
        datetime(2026, 12, 1, 12, tzinfo=UTC),
    )
    for number, at in enumerate(moments):
        factories.PasskeyFactory.create(user=pat, name=f"key {number}", created_at=at)
    shown = re.findall(r'data-label="Added" class="moment"><time [^>]*title="([^"]+)">([^<]+)<', page(client, "/me/"))
    assert sorted(shown) == [
        ("2026-07-01 12:00:00 UTC", "2026-07-01 14:00:00"),
        ("2026-10-25 00:30:00 UTC", "2026-10-25 02:30:00"),
        ("2026-10-25 01:30:00 UTC", "2026-10-25 02:30:00"),
        ("2026-12-01 12:00:00 UTC", "2026-12-01 13:00:00"),
    ]


def announced(client: Client, start: str, end: str, **more: str) -> str:
    sent = {"reason": "disks", "starts_at": start, "ends_at": end, "reconnect_after_seconds": "60", **more}
    answer: Any = client.post(reverse("admin:announce_maintenance"), sent, follow=True)
    return str(answer.content.decode())


def test_what_staff_fill_in_is_meant_by_their_own_clock() -> None:
    berlin = of_zone("Europe/Berlin")
    assert "Starts (Europe/Berlin)" in page(berlin, reverse("admin:announce_maintenance"))
    look = announced(berlin, "2027-03-27T22:00", "2027-03-28T10:00")  # clocks go forward at night
    assert "2027-03-28 10:00 Europe/Berlin" in look
    kept = dict(re.findall(r'name="(starts_at|ends_at)" value="([^"]+)"', look))
    assert kept == {"starts_at": "2027-03-27T22:00:00+01:00", "ends_at": "2027-03-28T10:00:00+02:00"}
    # In another tab the person chooses another zone meanwhile: what he has looked at is what is done.
    berlin.post("/me/preferences/", {"zone": "Asia/Tokyo", "language": "en-gb"})
    announced(berlin, kept["starts_at"], kept["ends_at"], sure="yes")
    window = MaintenanceWindow.objects.get()
    assert window.starts_at == datetime(2027, 3, 27, 21, tzinfo=UTC)
    assert window.ends_at == datetime(2027, 3, 28, 8, tzinfo=UTC)


@pytest.mark.parametrize("moment", ["2027-03-28T02:30", "2027-10-31T02:30"])
def test_a_time_that_a_clock_shows_never_or_twice_is_a_mistake(moment: str) -> None:
    told = announced(of_zone("Europe/Berlin"), moment, "2027-12-01T10:00")
    assert "be ambiguous or it may not exist" in told
    assert announced(of_zone("UTC"), moment, "2027-12-01T10:00").count("ambiguous") == 0
    assert not MaintenanceWindow.objects.exists()


# Days ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/Los_Angeles", "UTC"])
def test_a_number_of_today_and_its_list_have_the_same_rows_in_every_zone(
    monkeypatch: pytest.MonkeyPatch, zone: str
) -> None:
    """At 20:00 UTC Tokyo has tomorrow, and at 01:00 UTC Los Angeles has yesterday: the day is that of UTC."""
    evening = NOON.replace(hour=20)
    monkeypatch.setattr("backoffice.staff.monitoring.look", lambda: System(evening, ()))
    row = factories.SubscriptionFactory.create()
    for at in (NOON.replace(hour=0) - timedelta(seconds=1), NOON.replace(hour=0), NOON.replace(hour=1), evening):
        factories.DecisionFactory.create(subscription=row, decided_at=at)
    client = of_zone(zone)
    link = re.search(r'id="copied"><a href="([^"]+)">(\d+)<', page(client, reverse("admin:monitoring")))
    assert link is not None
    assert link[2] == "3"
    answer: Any = client.get(html.unescape(link[1]))
    assert answer.context["cl"].result_count == 3
    began = {"Asia/Tokyo": "2026-11-24 09:00", "America/Los_Angeles": "2026-11-23 16:00", "UTC": "2026-11-24 00:00"}
    assert f"Since {began[zone]} {zone}" in answer.content.decode()


def test_the_lists_own_today_is_the_day_of_utc_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    late = datetime(2026, 11, 24, 20, tzinfo=UTC)  # the 25th in Tokyo
    monkeypatch.setattr("django.contrib.admin.filters.timezone.now", lambda: late)
    told = page(of_zone("Asia/Tokyo"), reverse("admin:orders_decision_changelist"))
    assert "decided_at__gte=2026-11-24+00%3A00%3A00%2B00%3A00" in told
    assert "decided at, days of UTC" in " ".join(told.split())
    assert "days of UTC" not in page(of_zone("UTC"), reverse("admin:orders_decision_changelist"))


@pytest.mark.parametrize("since", ["0001-01-01 00:00:00+00:00", "9999-12-31 23:59:59+00:00", "yesterday", "2026-13-01"])
def test_a_day_that_no_clock_can_show_breaks_no_list(since: str) -> None:
    for zone in ("Asia/Tokyo", "America/Los_Angeles"):
        answer: Any = of_zone(zone).get(reverse("admin:orders_decision_changelist"), {"decided_at__gte": since})
        assert answer.status_code in (200, 302)


# What stays in UTC ---------------------------------------------------------------------------------------------------


def test_exports_and_programs_stay_in_utc(house: House) -> None:
    row = house.row("orders.decision")
    type(row).objects.filter(pk=row.pk).update(decided_at=NOON)
    user = factories.MemberFactory.create(tenant=house.tenant, role="owner", user__is_staff=False).user
    factories.PreferenceFactory.create(user=user, zone="Asia/Tokyo")
    client = Client()
    client.force_login(user)
    answer: Any = client.get(reverse("tenants:export", args=[house.tenant.pk, "decisions"]))
    rows = list(csv.DictReader(io.StringIO(b"".join(answer).decode("utf-8-sig"))))
    assert "2026-11-24T12:00:00.000+00:00" in {cell for one in rows for cell in one.values()}
    # A browser that is signed in, and shows a program's token.
    factories.ManagementTokenFactory.create(tenant=house.tenant, token="eagm_of the house")
    with counted() as cost:
        told = client.get("/ea-gateway/v1/manage/trades", headers={"Authorization": "Bearer eagm_of the house"})
    assert told.status_code == 200
    assert "browsersession" not in str(cost.sql)
    moments = re.findall(r'"\d{4}-\d\d-\d\dT[^"]+"', told.content.decode())
    assert moments
    assert all(moment.endswith('Z"') for moment in moments)


def test_one_persons_clock_is_left_behind_by_nobodys_page() -> None:
    assert "Times are Asia/Tokyo" in page(of_zone("Asia/Tokyo"), "/me/")
    assert "Times are UTC." in page(Client(), "/sign-in/")


def test_who_is_signed_out_is_nobody_again(client: Client, pat: User) -> None:
    factories.PreferenceFactory.create(user=pat, zone="Asia/Tokyo")
    assert "Times are Asia/Tokyo" in page(client, "/me/")
    BrowserSession.objects.all().delete()
    assert "Times are UTC." in page(client, "/sign-in/")
