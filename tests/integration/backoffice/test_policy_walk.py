"""Every route x everybody x own, neighbour's and absent id: who gets in is what the policy's table says."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final
from uuid import UUID

import pytest
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.urls import clear_url_caches, path

from backoffice import policy
from backoffice.policy import ROUTES, Anyone, Door, Managing, Members, SignedIn, Staff, StaffGroup, Token
from backoffice.staff.groups import keep_groups
from eagateway import urls
from sessions_app.models import Role
from tests.integration.backoffice.house import PEOPLE, House, Person, build, person, served

pytestmark = [pytest.mark.django_db, pytest.mark.lane("embedded")]

ABSENT: Final = UUID("01a00000-0000-7000-8000-000000000000")
NOWHERE: Final = {"admin:view_on_site", "admin/(?P<url>.*)$", "nothing"}
"""Open as far as their door goes, and nothing is there."""
BESIDE: Final = {"healthz", "readyz", "ea-gateway/v1/stream", "ea-gateway/v1/sessions/<uuid:session_id>/exchange"}
"""Not served by Django: tests/conformance shows tokens of others to them."""
# Places for ids in addresses, by the table whose rows stand there; `row_id` and `object_id` say it by their route.
PLACES: Final = {
    "session_id": "sessions_app.easession",
    "intent_id": "orders.intent",
    "strategy_id": "orders.strategy",
    "subscription_id": "orders.subscription",
    "account_id": "sessions_app.brokeraccount",
    "secret_id": "sessions_app.vaultsecret",
    "invitation_id": "sessions_app.invitation",
    "member_id": "sessions_app.member",
    "token_id": "sessions_app.managementtoken",
    "key_id": "sessions_app.authkey",
    "alert_id": "sessions_app.operatoralert",
}
LITERAL: Final = {
    "admin:app_list": "admin/orders/",
    "admin:view_on_site": f"admin/r/1/{ABSENT}/",
    "admin/(?P<url>.*)$": "admin/nowhere/at/all/",
    "nothing": "ea-gateway/v1/nowhere",
}


@dataclass(frozen=True, slots=True)
class Try:
    """One request: `of` says whose ids stand in its address, the tenant's and the row's."""

    name: str
    address: str
    of: tuple[str, str]


# What is asked -------------------------------------------------------------------------------------------------------


def tries(own: House, neighbour: House) -> Iterator[Try]:
    for name, pattern in sorted(served()):
        if name in BESIDE:
            continue
        route = LITERAL.get(name, pattern)
        for of in combinations(route):
            yield Try(name, "/" + filled(route, of, {"own": own, "neighbour": neighbour}), of)


def combinations(pattern: str) -> list[tuple[str, str]]:
    tenant, row = "<uuid:tenant_id>" in pattern, bool(re.search("<(?!uuid:tenant_id|slug:|str:)", pattern))
    if tenant and row:
        return [("own", "own"), ("own", "neighbour"), ("own", "absent"), ("neighbour", "own"), ("neighbour",) * 2]
    if tenant:
        return [("own", "own"), ("neighbour", "neighbour"), ("absent", "absent")]
    return [(whose, whose) for whose in ("own", "neighbour", "absent")] if row else [("own", "own")]


def filled(pattern: str, of: tuple[str, str], houses: dict[str, House]) -> str:
    """The address with ids in its places."""

    def value(match: "re.Match[str]") -> str:
        kind, _, name = match[1].partition(":")
        whose = houses.get(of[0] if name == "tenant_id" else of[1])
        if kind == "slug":
            return "trades"
        if kind == "str" or name == "number":
            return "x" if kind == "str" else str(ABSENT)  # links of mails; sessions are the walker's own
        if name == "tenant_id":
            return str(whose.tenant.pk if whose else ABSENT)
        return str(whose.row(table_at(name, pattern)).pk if whose else 0 if "/auth/" in pattern else ABSENT)

    return re.sub(r"<([a-z]+:[a-z_]+|id)>", value, pattern)


def table_at(name: str, pattern: str) -> str:
    if name in PLACES:
        return PLACES[name]
    parts = pattern.split("/")
    if parts[1] == "actions":
        return next(table for table in policy.TABLES if table.endswith("." + parts[2]))
    return f"{parts[1]}.{parts[2]}"


# What comes back -----------------------------------------------------------------------------------------------------


def answered(one: Try, response: Any) -> str:
    """The answer in a word."""
    place = response.headers.get("Location", "")
    if "/login/" in place or place.startswith("/sign-in/") or "HX-Refresh" in response.headers:
        return "sign in"
    if place == "/admin/" and one.name.rpartition("_")[2] in ("change", "history", "delete"):
        return "missing"  # how Django's admin says so
    return {401: "refused", 403: "refused", 404: "missing", 405: "no method"}.get(response.status_code, "open")


def expected(one: Try, door: Door, who: Person) -> set[str]:
    """The answers that the door allows, from what the person is in the database."""
    if isinstance(door, Managing):
        return {"refused"}  # tokens stand in test_manage_walk.py; no log-in and no EA opens it
    if isinstance(door, Token):
        return _of_programs(one, who)
    if who.user is None and not isinstance(door, Anyone):
        return {"sign in"}
    if isinstance(door, Members):
        return _of_members(one, door, who)
    if isinstance(door, Anyone | SignedIn):
        return _of_everybody(one, who)
    return _of_staff(one, door, who) if who.user and who.user.is_staff else {"sign in"}


def _of_everybody(one: Try, who: Person) -> set[str]:
    if one.name == "invitation":
        return {"missing"}  # nobody was sent this link
    if one.name == "profile:remove_passkey":
        return {"missing"}  # nor has any of them one
    if one.name in ("admin:login", "sign_in_code", "sign_in_passkey"):
        return {"sign in"}
    return {"sign in"} if one.name == "home" and who.user is None else {"open", "no method"}


def _of_programs(one: Try, who: Person) -> set[str]:
    if who.user is not None or who.name == "anonymous":
        return {"refused", "missing", "no method"}
    mine = "own" if "tenant's" in who.name else "neighbour"
    takes_an_id = one.name in ("session", "events", "commands", "reports")
    return {"open"} if takes_an_id and one.of[1] == mine else {"refused", "missing", "no method"}


def _of_members(one: Try, door: Members, who: Person) -> set[str]:
    membership = who.user.memberships.select_related("tenant").first() if who.user else None
    house = None if membership is None else "own" if membership.tenant.name == "Own" else "neighbour"
    if membership is None or one.of[0] != house:
        return {"missing"}
    order = ["viewer", "operator", "admin", "owner"]
    if order.index(membership.role) < order.index(door.least):
        return {"refused"}
    return {"open", "no method"} if one.of[1] == house else {"missing"}


def _of_staff(one: Try, door: Door, who: Person) -> set[str]:
    wanted = door.permissions if isinstance(door, Staff) else ()
    may = isinstance(door, Staff) and (not wanted or any(who.user.has_perm(name) for name in wanted))  # type: ignore[union-attr]
    if not may:
        return {"refused"} if one.of[1] != "absent" else {"refused", "missing"}
    if one.name in NOWHERE or (one.of[1] == "absent" and not one.name.startswith("admin/")):
        return {"missing"}
    return {"open", "no method"}


# The walk ------------------------------------------------------------------------------------------------------------

WALKED: Final = 842
"""How many requests each of the people makes."""


@pytest.fixture
def houses() -> tuple[House, House]:
    cache.clear()
    return build("Own"), build("Neighbour")


@pytest.mark.parametrize("name", PEOPLE)
def test_everybody_gets_in_where_the_table_says_and_nowhere_else(name: str, houses: tuple[House, House]) -> None:
    who = person(name, *houses)
    wrong, count = [], 0
    for one in tries(*houses):
        count += 1
        word = answered(one, who.client.get(one.address))
        wanted = expected(one, ROUTES[one.name].door, who)
        if word not in wanted:
            wrong.append(f"{one.address} ({one.name}, {one.of}): {word}, expected {sorted(wanted)}")
    assert wrong == []
    assert count == WALKED


@pytest.mark.parametrize("name", PEOPLE)
def test_what_belongs_to_the_neighbour_looks_like_what_is_not_there(name: str, houses: tuple[House, House]) -> None:
    """Byte for byte, in status and body, but for the address and what is drawn anew for each page."""
    who = person(name, *houses)
    if who.user is not None and who.user.is_staff:
        pytest.skip("the staff see all tenants")
    mine = "neighbour" if "neighbour" in name else "own"
    other = "own" if mine == "neighbour" else "neighbour"
    seen: dict[tuple[str, str], set[tuple[int, bytes]]] = {}
    for one in tries(*houses):
        closed = isinstance(ROUTES[one.name].door, Token | Members | Managing)
        if closed and one.of in ((other, other), ("absent", "absent")):
            response = who.client.get(one.address)
            said = response.content.replace(one.address.encode(), b"") if response.status_code != 302 else b""
            seen.setdefault((one.name, ""), set()).add((response.status_code, said))
    assert len(seen) > 3
    assert {name: answers for name, answers in seen.items() if len(answers) != 1} == {}


# The table -----------------------------------------------------------------------------------------------------------


def test_every_route_has_a_row_and_every_row_a_route() -> None:
    assert Counter(name for name, _ in served()).most_common(1)[0][1] == 1
    assert {name for name, _ in served()} == set(ROUTES)
    assert len(ROUTES) == 358


def test_a_new_route_without_a_row_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    planted = path("planted/", lambda request: None, name="planted")  # type: ignore[arg-type, return-value]
    monkeypatch.setattr(urls, "urlpatterns", [*urls.urlpatterns, planted])
    clear_url_caches()
    try:
        assert {name for name, _ in served()} - set(ROUTES) == {"planted"}
    finally:
        monkeypatch.undo()
        clear_url_caches()


def test_each_group_may_what_the_one_before_it_may_and_more() -> None:
    sizes = keep_groups()
    assert list(sizes.values()) == [32, 37, 44, 48]
    groups = [policy.permissions_of(group) for group in StaffGroup]
    assert all(less < more for less, more in pairwise(groups))
    stored = {
        f"{one.content_type.app_label}.{one.codename}"
        for one in Group.objects.get(name="Operator").permissions.select_related("content_type")
    }
    assert "sessions_app.suspend_brokeraccount" in stored
    assert "sessions_app.decide_oauthclient" not in stored
    assert not any(name.startswith("auth.") for name in policy.permissions_of(StaffGroup.ADMINISTRATOR))


def test_a_group_that_was_changed_by_hand_is_brought_back() -> None:
    keep_groups()
    Group.objects.get(name="Viewer").permissions.set(Group.objects.get(name="Administrator").permissions.all())
    Group.objects.get(name="Approver").permissions.clear()
    keep_groups()
    assert [Group.objects.get(name=group.value).permissions.count() for group in StaffGroup] == [32, 37, 44, 48]


def test_roles_are_in_order() -> None:
    assert policy.may_as(Role.OWNER, Role.VIEWER)
    assert policy.may_as(Role.OPERATOR, Role.OPERATOR)
    assert not policy.may_as(Role.VIEWER, Role.OPERATOR)
    assert not policy.may_as(Role.ADMIN, Role.OWNER)
