"""Every route of the management API x every token x own, neighbour's and absent id, by every method."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import pytest
from django.core.cache import cache
from django.test import Client

from backoffice.policy import ROUTES, Managing
from sessions_app.rest import throttling
from tests import factories
from tests.factories.sessions import now
from tests.integration.backoffice.house import House, build, served
from tests.integration.backoffice.manage.programs import Program

pytestmark = [pytest.mark.django_db, pytest.mark.lane("embedded")]

ABSENT: Final = UUID("01a00000-0000-7000-8000-000000000000")
PLACES: Final = {
    "account_id": "sessions_app.brokeraccount",
    "key_id": "sessions_app.authkey",
    "strategy_id": "orders.strategy",
    "subscription_id": "orders.subscription",
    "intent_id": "orders.intent",
    "alert_id": "sessions_app.operatoralert",
    "member_id": "sessions_app.member",
}
# By hand and not from the table that is tried: the least scope of each route, to read and to write.
ORDER: Final = ["read", "operate", "administer", "own"]
LEAST: Final = {
    "me": ("read", None), "health": ("read", None), "accounts": ("read", "administer"), "account": ("read", None),
    "keys": ("read", "administer"), "approve_key": (None, "administer"), "reject_key": (None, "administer"),
    "revoke_key": (None, "administer"), "strategies": ("read", None), "strategy": ("read", None),
    "subscriptions": ("read", "administer"), "preview": (None, "administer"), "subscription": ("read", None),
    "settings": ("read", "administer"), "preview_settings": (None, "administer"), "versions": ("read", None),
    "restore": (None, "administer"), "pause": (None, "operate"), "resume": (None, "operate"),
    "trades": ("read", None), "trade": ("read", None), "copies": ("read", None), "alerts": ("read", None),
    "acknowledge": (None, "operate"), "members": ("read", None), "member": ("read", "own"), "audit": ("operate", None),
}  # fmt: skip
WRITES: Final = {"settings": ["PUT"], "member": ["PUT", "DELETE"]}
METHODS: Final = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]
WALKED: Final = 413
"""How many requests each token makes."""


def tries() -> Iterator[tuple[str, str, str, str]]:
    """Name, method, address with the names of ids in it, and whose ids these are."""
    for name, pattern in sorted(served()):
        if name.startswith("manage:"):
            places = "<" in pattern
            for whose in ("own", "neighbour", "absent") if places else ("own",):
                for method in METHODS:
                    yield name.removeprefix("manage:"), method, pattern, whose


def filled(pattern: str, house: House | None) -> str:
    def value(match: "re.Match[str]") -> str:
        return str(house.row(PLACES[match[1]]).pk if house else ABSENT)

    return re.sub(r"<uuid:([a-z_]+)>", value, pattern).removeprefix("ea-gateway/v1/manage/")


def expected(name: str, method: str, whose: str, scope: str) -> set[int]:
    reads, writes = LEAST[name]
    reading = method in ("GET", "HEAD")
    takes = method in (("GET", "HEAD") if reads else ()) or method in (WRITES.get(name, ["POST"]) if writes else ())
    least = reads if reading else writes
    if least is not None and ORDER.index(scope) < ORDER.index(least):
        return {403}
    if not takes:
        return {405}
    if whose != "own":
        return {404}
    # An empty body says no reason; what needs none is done or meets its state; approving is the staff's by default.
    return {200} if reading else {200, 204, 400, 403, 409}


@pytest.fixture
def houses() -> tuple[House, House]:
    cache.clear()
    throttling.TOKENS.clear()
    throttling.ADDRESSES.clear()
    return build("Own"), build("Neighbour")


def ask(program: Program, method: str, path: str) -> Any:
    return program.call(method, path, {} if method not in ("GET", "HEAD") else None)


def test_the_table_here_has_every_route() -> None:
    assert {name for name, door in ((n, r.door) for n, r in ROUTES.items()) if isinstance(door, Managing)} == {
        f"manage:{name}" for name in LEAST
    }


@pytest.mark.parametrize("scope", ORDER)
def test_a_token_opens_what_its_scope_reaches_of_its_own_tenant_and_nothing_else(
    scope: str, houses: tuple[House, House], settings: Any
) -> None:
    settings.GATEWAY = {**settings.GATEWAY, "management_per_token": 10_000}
    own, neighbour = houses
    program = Program.of(own.tenant, scope)
    factories.MemberFactory.create(tenant=own.tenant, role="owner")
    wrong, count, seen = [], 0, set()
    # What removes the rows that others look at comes last.
    for name, method, pattern, whose in sorted(tries(), key=lambda one: one[1] == "DELETE"):
        count += 1
        path = filled(pattern, {"own": own, "neighbour": neighbour}.get(whose))
        status = ask(program, method, path).status_code
        seen.add(status)
        if status not in expected(name, method, whose, scope):
            wrong.append(f"{method} {path} ({whose}): {status}")
    assert wrong == []
    assert count == WALKED
    assert {200, 404, 405} <= seen


def test_what_belongs_to_the_neighbour_looks_like_what_is_not_there(houses: tuple[House, House], settings: Any) -> None:
    """Byte for byte, but for the address: for reads and for writes that say all that is asked for."""
    settings.GATEWAY = {**settings.GATEWAY, "management_per_token": 10_000, "tenants_enrol": True}
    own, neighbour = houses
    program = Program.of(own.tenant)
    bodies: dict[str, dict[str, Any] | None] = {
        "settings": {"settings": {}, "version": 1}, "restore": {"number": 1, "version": 1}, "preview_settings": None,
        "member": None, "acknowledge": None,
    }  # fmt: skip
    compared = 0
    for name, method, pattern, whose in tries():
        if whose != "neighbour" or method in ("PATCH", "OPTIONS"):
            continue
        said = []
        for house in (neighbour, None):
            path = filled(pattern, house)
            more = bodies.get(name, {})
            body = None if method in ("GET", "HEAD") or more is None else {"reason": "because", **more}
            answer = program.call(method, path, body if body is not None or method == "GET" else {})
            said.append((answer.status_code, answer.content.replace(path.encode(), b"")))
        assert said[0] == said[1], (method, pattern)
        compared += said[0][0] == 404
    assert compared > 25
    named = {
        "follower_id": neighbour.row("sessions_app.brokeraccount").pk,
        "strategy_id": own.row("orders.strategy").pk,
    }
    for wrong in ({"follower_id": str(ABSENT)}, {}):
        body = {**{k: str(v) for k, v in named.items()}, **wrong}
        assert program.refused("POST", "subscriptions/preview", body) == (404, "not_found", "follower_id")


def test_who_has_no_living_token_is_told_so_by_every_route(houses: tuple[House, House]) -> None:
    own, _ = houses
    member = factories.MemberFactory.create(tenant=own.tenant, role="owner")
    signed_in = Client()
    signed_in.force_login(member.user)
    expired = Program.of(own.tenant, "own", expires_at=now() - timedelta(seconds=1))
    revoked = Program.of(own.tenant, "own", revoked_at=now(), revoked_as="olga")
    strangers = [
        expired, revoked, Program("eagm_unknown"), Program(""), Program(own.token), Program("x" * 5000),
        Program("eagm_unknown", client=signed_in),
    ]  # fmt: skip
    answers = set()
    for name, method, pattern, whose in tries():
        if whose == "own" and method in ("GET", "POST"):
            path = filled(pattern, own)
            for stranger in strangers:
                status, code, _ = stranger.refused(method, path, {} if method == "POST" else None)
                answers.add((status, code))
            assert name
    assert answers == {(401, "management_token_refused")}


def test_a_token_of_a_suspended_tenant_opens_nothing_until_it_is_lifted(houses: tuple[House, House]) -> None:
    own, _ = houses
    program = Program.of(own.tenant)
    type(own.tenant).objects.filter(pk=own.tenant.pk).update(suspended_at=now())
    said = {
        program.refused(method, filled(pattern, own), {} if method == "POST" else None)[:2]
        for _, method, pattern, whose in tries()
        if whose == "own" and method in ("GET", "POST")
    }
    assert said == {(403, "tenant_suspended")}
    type(own.tenant).objects.filter(pk=own.tenant.pk).update(suspended_at=None)
    assert program.read("me")["tenant"] == "Own"
