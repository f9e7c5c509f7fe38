"""What people did: one page over all histories, of a tenant and of all: who, from where, on what, what and why."""

import csv
import io
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import pytest
from django.contrib.auth.models import Permission, User
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from backoffice import audit
from backoffice.permissions import SEE_ACTS
from backoffice.staff.audit import Everything
from orders.services.provisioning import deployment
from sessions_app.domain.lifecycle import Reason
from sessions_app.domain.people import EA, PersonAct
from sessions_app.models import PersonEvent, SessionEvent
from sessions_app.services.access import enrolment_policies, oauth_clients
from sessions_app.services.operations import alerts, maintenance, person_history
from sessions_app.services.operations.history import Actor
from tests import factories
from tests.factories.sessions import now
from tests.integration.backoffice.house import House, build, person
from tests.integration.backoffice.test_configuration_pages import form
from tests.integration.backoffice.test_own_language import speaks
from tests.integration.counting import counted

pytestmark = pytest.mark.django_db(transaction=True)

PAGE: Final = "/admin/audit/"
EVIL: Final = "=HYPERLINK(1)"


@pytest.fixture(autouse=True)
def _nothing_cached() -> None:
    cache.clear()


@pytest.fixture
def house() -> House:
    return build("Own")


@pytest.fixture
def staff(house: House) -> Client:
    return person("staff: Viewer", house, build("Neighbour")).client


@pytest.fixture
def owner(house: House) -> Client:
    return person("the tenant's owner", house, house).client


def text_of(client: Client, address: str, **asked: str) -> str:
    answer: Any = client.get(address, asked)
    assert answer.status_code == 200
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def rows_of(client: Client, address: str, **asked: str) -> list[list[str]]:
    """The lines of the table."""
    shown = client.get(address, asked).content.decode()
    lines = re.findall(r"<tr>(<td.*?)</tr>", shown, re.S)
    cells = [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", line, re.S) for line in lines]
    return [[" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in line] for line in cells]


def file_of(client: Client, address: str, **asked: str) -> list[Mapping[str, str]]:
    text = b"".join(client.get(address, asked)).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def changes_settings(client: Client, house: House, **sent: str) -> None:
    row = house.row("orders.subscription")
    row.refresh_from_db()
    kept = {name: getattr(row, name) for name in ("mode", "contract_size", "late_policy", "min_lots_policy")}
    edit = reverse("tenants:edit_subscription", args=[house.tenant.pk, row.pk])
    answer = client.post(edit, {**kept, "version": row.version, "save": "1", **sent})
    assert answer.status_code == 302, answer.content.decode()


# What stands there ---------------------------------------------------------------------------------------------------


def test_a_change_of_settings_says_from_what_to_what_on_each_page_that_tells_acts(
    house: House, owner: Client, staff: Client
) -> None:
    changes_settings(owner, house, max_lots="2", reason="too much")
    row = house.row("orders.subscription")
    versions = reverse("tenants:versions", args=[house.tenant.pk, row.pk])
    for client, address in (
        (owner, reverse("tenants:audit", args=[house.tenant.pk])),
        (owner, reverse("tenants:subscription", args=[house.tenant.pk, row.pk])),
        (staff, PAGE),
    ):
        (told,) = [line for line in rows_of(client, address) if "too much" in line]
        assert any("Max lots: off → 2" in cell for cell in told), address
        assert "from 127.0.0.1" in told[1]
        assert (f'href="{versions}?page=1#version-2"' in client.get(address).content.decode()) is (client is owner)
    assert 'id="version-2"' in owner.get(versions).content.decode()


def test_from_where_somebody_acts_is_for_those_who_may_read_the_audit_log(house: House, owner: Client) -> None:
    changes_settings(owner, house, max_lots="2", reason="too much")
    page = reverse("tenants:subscription", args=[house.tenant.pk, house.row("orders.subscription").pk])
    viewer = person("the tenant's viewer", house, house).client
    assert "from 127.0.0.1" in text_of(person("the tenant's operator", house, house).client, page)
    assert "Max lots: off → 2" in text_of(viewer, page)
    assert "127.0.0.1" not in text_of(viewer, page)


def test_every_history_stands_on_the_one_page_with_its_tenant(house: House, staff: Client) -> None:
    session, difference = house.row("sessions_app.easession"), house.row("orders.difference")
    factories.SessionEventFactory.create(session=session, account=session.account, actor="ann")
    factories.DifferenceEventFactory.create(difference=difference, actor="ann")
    told = rows_of(staff, PAGE)
    by_tenant = {line[2] for line in told}
    assert {"Own", "Neighbour"} <= by_tenant
    for kind in ("session", "subscription", "configuration", "difference", "log-in", "secret"):
        assert any(line[3].startswith(f"{kind} ") for line in told), kind


def test_acts_of_staff_that_had_no_history_stand_there_too(house: House, staff: Client) -> None:
    by, tenant = Actor("sue", address="198.51.100.7"), house.tenant
    window = enrolment_policies.open_window(
        tenant_id=tenant.pk, by=by, now=now(),
        window=enrolment_policies.Window(opens_at=now(), closes_at=now().replace(year=2100), reason="new desks"),
    )  # fmt: skip
    enrolment_policies.close_window(window_id=window.pk, by=by)
    mark = enrolment_policies.approve_fingerprint(
        tenant_id=tenant.pk, fingerprint="ab" * 32, accounts="*", by=by, reason="told by phone", now=now()
    )
    enrolment_policies.withdraw_fingerprint(fingerprint_id=mark.pk, by=by)
    made = oauth_clients.register(tenant_id=tenant.pk, client_id="robot", by=by, now=now())
    oauth_clients.renew_secret(client_pk=made.client.pk, by=by)
    oauth_clients.revoke(client_pk=made.client.pk, by=by, reason="gone")
    plan = maintenance.Plan(
        reason="a new disk", starts_at=now(), ends_at=now().replace(hour=23, minute=59, second=59),
        reconnect_after_seconds=5, tenant_id=tenant.pk,
    )  # fmt: skip
    announced = maintenance.announce(plan=plan, by=by)
    maintenance.cancel(window_id=announced.pk, by=by)
    alerts.acknowledge(alert_id=house.row("sessions_app.operatoralert").pk, by=by)
    told = [line for line in rows_of(staff, PAGE) if line[1].startswith("sue")]
    assert [line[4] for line in reversed(told)] == [
        "window opened", "window closed", "fingerprint approved", "fingerprint withdrawn", "client registered",
        "client secret renewed", "client revoked", "maintenance announced", "maintenance cancelled",
        "alert acknowledged",
    ]  # fmt: skip
    assert {(line[1], line[2]) for line in told} == {("sue from 198.51.100.7", "Own")}
    assert {"new desks", "told by phone", "gone", "a new disk"} <= {line[5] for line in told}


def test_who_edits_users_and_groups_is_written_down(house: House, staff: Client) -> None:
    boss = factories.UserFactory.create(is_staff=True, is_superuser=True, username="boss")
    client = Client()
    client.force_login(boss)
    assert client.post("/admin/auth/group/add/", {"name": "night shift"}).status_code == 302
    new = {"username": "nina", "usable_password": "false"}
    assert client.post("/admin/auth/user/add/", new).status_code == 302
    nina = User.objects.get(username="nina")
    edit = {"username": "nina", "is_staff": "on", "date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
    assert client.post(f"/admin/auth/user/{nina.pk}/change/", edit).status_code == 302
    assert client.post(f"/admin/auth/user/{nina.pk}/delete/", {"post": "yes"}).status_code == 302
    told = [(line[3], line[4], line[5]) for line in rows_of(staff, PAGE) if line[1] == "boss from 127.0.0.1"]
    assert [(on, what) for on, what, _ in reversed(told)] == [
        ("group of staff night shift", "group made"), ("log-in nina", "log in made"), ("log-in nina", "log in changed"),
        ("log-in nina", "log in deleted"),
    ]  # fmt: skip
    assert "Staff status" in told[1][2]


def test_what_machines_did_is_no_act_of_a_person(house: House, staff: Client) -> None:
    row = house.row("sessions_app.easession")
    factories.SessionEventFactory.create(session=row, account=row.account, actor=EA, note="by itself")
    assert "by itself" not in text_of(staff, PAGE)


def test_a_file_that_provisions_tells_whom_it_made_a_member_and_what_it_changed(house: House, staff: Client) -> None:
    def applied(role: str, repairs: dict[str, str]) -> None:
        tenant = {"name": "Own", "repairs": repairs, "members": [{"email": "ina@example.com", "role": role}]}
        deployment.provision(document={"tenants": [tenant]}, by=Actor("provision by root"))

    for role in ("operator", "operator", "admin"):
        applied(role, {"extra": "repair"})
    told = [tuple(line[3:]) for line in rows_of(staff, PAGE, who="provision")]
    assert told == [
        ("member ina@example.com", "role changed", "provisioned: operator to admin"),
        ("member ina@example.com", "member added", "provisioned: as operator"),
        ("configuration all accounts", "Repairs: as above → extra = repair", "provisioned"),
    ]


def test_from_where_somebody_acts_stands_in_each_history(house: House, owner: Client, staff: Client) -> None:
    base = f"/t/{house.tenant.pk}"
    owner.post(f"{base}/vault/store/", {"name": "key", "secret": "x", "note": "", "reason": "a broker"})
    configure = f"{base}/configuration/edit/"
    owner.post(configure, form(owner.get(configure).content.decode(), mass_close_gate="3", reason="a gate"))
    operator = person("staff: Operator", house, house).client
    operator.post(f"/admin/actions/brokeraccount/{house.row('sessions_app.brokeraccount').pk}/suspend_account/",
                  {"reason": "a stop"})  # fmt: skip
    operator.post(f"/admin/actions/difference/{house.row('orders.difference').pk}/accept_difference/",
                  {"reason": "a fact"})  # fmt: skip
    told = {line[5]: line[1] for line in rows_of(staff, PAGE)}
    for why in ("a broker", "a gate", "a stop", "a fact"):
        assert told[why].endswith("from 127.0.0.1"), why


def test_an_act_and_its_row_are_stored_together_or_not_at_all(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**told: Any) -> None:
        raise RuntimeError("no room")

    monkeypatch.setattr(person_history, "record", full)
    with pytest.raises(RuntimeError, match="no room"):
        oauth_clients.register(tenant_id=house.tenant.pk, client_id="robot", by=Actor("sue"), now=now())
    assert not type(house.row("sessions_app.oauthclient")).objects.filter(client_id="robot").exists()


# Finding it ----------------------------------------------------------------------------------------------------------


def test_the_list_is_narrowed_by_tenant_person_kind_day_and_words(house: House, staff: Client) -> None:
    account = house.row("sessions_app.brokeraccount")
    for number, actor in enumerate(("ann", "bob")):
        factories.PersonEventFactory.create(
            tenant=house.tenant, person=f"p{number}", actor=actor, act=PersonAct.ROLE_CHANGED, note=f"why {number}"
        )
    old = UUID(int=int(datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp() * 1000) << 80)
    SessionEvent.objects.create(
        id=old, account=account, to_state="suspended", from_state="active", reason=Reason.ACCOUNT_SUSPENDED,
        actor="ann", note="long ago", at=datetime(2026, 3, 1, 12, tzinfo=UTC),
    )  # fmt: skip
    assert {line[1] for line in rows_of(staff, PAGE, who="AN")} == {"ann", "ann from 192.0.2.7"}
    assert [line[5] for line in rows_of(staff, PAGE, day="2026-03-01")] == ["long ago"]
    assert [line[5] for line in rows_of(staff, PAGE, q="why 1")] == ["why 1"]
    assert [line[3] for line in rows_of(staff, PAGE, q="p0")] == ["member p0"]
    assert {line[2] for line in rows_of(staff, PAGE, tenant="neigh")} == {"Neighbour"}
    assert {line[3].split()[0] for line in rows_of(staff, PAGE, kind="account", who="ann")} == {"account"}
    assert "No act of a person fits this." in text_of(staff, PAGE, q="nothing of the kind")
    for asked in ({"day": "x"}, {"day": "0001-01-01"}, {"day": "9999-12-31"}, {"kind": "x"}, {"before": "x"}):
        assert "long ago" in text_of(staff, PAGE, q="long", **asked)


def test_a_long_list_is_read_page_by_page_each_act_once_and_exported_whole(house: House, staff: Client) -> None:
    factories.PersonEventFactory.create_batch(120, tenant=house.tenant, actor="ann")
    seen: list[list[str]] = []
    address = f"{PAGE}?who=ann"
    while address:
        seen += rows_of(staff, address)
        found = re.search(r'<a class="act" href="([^"]+)" rel="next"', staff.get(address).content.decode())
        address = PAGE + found[1].replace("&amp;", "&") if found else ""
    assert len(seen) == 120
    assert len(file_of(staff, f"{PAGE}audit.csv", who="ann")) == 120
    with counted() as asked:
        staff.get(PAGE)
    assert asked.calls <= 12


def test_a_file_has_no_formula_and_says_whose_it_is(house: House, staff: Client, owner: Client) -> None:
    factories.PersonEventFactory.create(tenant=house.tenant, actor=EVIL, note="+1", act=PersonAct.ROLE_CHANGED)
    german = speaks(factories.MemberFactory.create(tenant=house.tenant, role="owner", user__is_staff=False).user, "de")
    export = reverse("tenants:export", args=[house.tenant.pk, "audit"])
    for client, address in ((staff, f"{PAGE}audit.csv"), (owner, export), (german, export)):
        first = file_of(client, address, kind="member")[0]
        assert (first["who"], first["why"], first["what"]) == (f"'{EVIL}", "'+1", "role changed")
        assert first.get("tenant") == ("Own" if client is staff else None)
    assert export in owner.get(reverse("tenants:exports", args=[house.tenant.pk])).content.decode()


def test_a_tenant_sees_no_act_of_another(house: House, owner: Client) -> None:
    neighbour = build("Next")
    factories.PersonEventFactory.create(tenant=neighbour.tenant, note="not yours")
    factories.PersonEventFactory.create(tenant=None, note="of nobody")
    address = reverse("tenants:audit", args=[house.tenant.pk])
    told = text_of(owner, address, tenant="Next") + text_of(owner, address)
    assert "not yours" not in told
    assert "of nobody" not in told
    rows = file_of(owner, reverse("tenants:export", args=[house.tenant.pk, "audit"]))
    assert not {"not yours", "of nobody"} & {row["why"] for row in rows}


def test_staff_see_the_acts_of_the_tables_that_they_may_see(house: House) -> None:
    assert {one.permission for one in audit._HISTORIES} == set(SEE_ACTS)
    user = factories.UserFactory.create(is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_personevent"))
    client = Client()
    client.force_login(user)
    factories.PersonEventFactory.create(tenant=house.tenant, note="this one")
    assert "this one" in text_of(client, PAGE)
    secrets = house.row("sessions_app.vaultuse").purpose
    assert secrets not in text_of(client, PAGE)
    assert secrets in {row["why"] for row in file_of(person("staff: Viewer", house, house).client, f"{PAGE}audit.csv")}
    assert secrets not in {row["why"] for row in file_of(client, f"{PAGE}audit.csv")}
    user.user_permissions.clear()
    assert client.get(PAGE).status_code == 403


def test_names_of_kinds_and_acts_are_german_on_a_german_page(house: House, owner: Client) -> None:
    changes_settings(owner, house, max_lots="2", reason="zu viel")
    row = house.row("orders.subscription")
    factories.SubscriptionEventFactory.create(
        subscription=row, from_state="active", to_state="close_only", actor="ann", note="Urlaub"
    )
    german = speaks(factories.MemberFactory.create(tenant=house.tenant, role="owner", user__is_staff=False).user, "de")
    told = text_of(german, reverse("tenants:audit", args=[house.tenant.pk]))
    assert "Höchstens Lots: aus → 2" in told
    assert "aktiv → angehalten" in told
    assert "Einstellungen eines Abonnements" in told


def test_what_belongs_to_no_tenant_is_the_staffs_alone(house: House) -> None:
    PersonEvent.objects.all().delete()
    factories.PersonEventFactory.create(tenant=None, note="of nobody")
    assert [act.why for act in audit.acts(Everything(), 5, asked=audit.Asked(kind="log-in"))] in (["of nobody"], [])
    assert "of nobody" in [act.why for act in audit.acts(Everything(), 50)]


def test_a_setting_with_a_long_value_is_shortened(house: House) -> None:
    many = {f"S{number:04}": f"S{number:04}.x" for number in range(300)}
    told = audit.differing({}, {"symbol_map": many})
    assert len(told) < 200
    assert told.endswith("…")


# From an act to what it was done to ----------------------------------------------------------------------------------


def subjects_of(client: Client, address: str) -> list[str]:
    """Where the links of the acts' subjects lead."""
    shown = client.get(address).content.decode()
    return re.findall(r'class="quiet">[^<]+</span> <a href="([^"]+)"', shown)


def acts_on_every_kind(house: House) -> list[Any]:
    """An act of a person on a session, a key, an account, a subscription and a difference of a tenant."""
    subscription: Any = house.row("orders.subscription")
    account = subscription.follower
    session = factories.EaSessionFactory.create(account=account)
    difference = factories.DifferenceFactory.create(copy__subscription=subscription)
    factories.SessionEventFactory.create(session=session, actor="olga")
    factories.SessionEventFactory.create(session=None, key=session.key, account=account, actor="olga")
    factories.SessionEventFactory.create(session=None, account=account, to_state="suspended", actor="olga")
    factories.SubscriptionEventFactory.create(subscription=subscription, actor="olga")
    factories.DifferenceEventFactory.create(difference=difference, actor="olga")
    return [session, session.key, account, subscription, difference]


def test_each_act_leads_the_staff_to_what_it_was_done_to(staff: Client, house: House) -> None:
    rows = acts_on_every_kind(house)
    links = subjects_of(staff, PAGE)
    for row in rows:
        page = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
        assert page in links
        assert staff.get(page).status_code == 200


def test_each_act_leads_members_to_pages_of_their_own(owner: Client, house: House) -> None:
    *_, account, subscription, _ = acts_on_every_kind(house)
    links = set(subjects_of(owner, reverse("tenants:audit", args=[house.tenant.pk])))
    of_account = reverse("tenants:account", args=[house.tenant.pk, account.pk])
    of_subscription = reverse("tenants:subscription", args=[house.tenant.pk, subscription.pk])
    assert {of_account, of_subscription} <= links
    assert [link for link in links if owner.get(link).status_code != 200] == []
