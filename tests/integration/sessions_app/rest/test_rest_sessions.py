"""The REST API's sessions, as a terminal sees them."""

import json
import re
import time
from threading import BoundedSemaphore
from typing import Any
from uuid import uuid4

import pytest
from argon2 import PasswordHasher
from django.test import Client

from sessions_app.auth import hashing
from sessions_app.domain.lifecycle import KeyState, Reason, SessionStatus
from sessions_app.models import PROVISIONED, AuthKey, EaSession, SessionEvent
from sessions_app.queries import waiting_keys
from sessions_app.services.access import keys, suspensions
from sessions_app.services.lifecycle import promotion
from sessions_app.services.operations.history import Actor
from tests.factories import AuthKeyFactory, BrokerAccountFactory, TenantFactory
from tests.factories.sessions import key_material

pytestmark = pytest.mark.django_db(transaction=True)

SESSIONS = "/ea-gateway/v1/sessions"
ACCOUNT = "PaperMarkets-Demo:0012345"
OPERATOR = Actor("olga")


def ask(client: Client, *, address: str = "192.0.2.10", headers: dict[str, str] | None = None, **changes: Any) -> Any:
    body = {
        "account_id": ACCOUNT,
        "auth_method": "account_session_key",
        "auth_key": key_material(1),
        "platform": "mt4",
        "ea_version": "1.2",
        "environment": {"build": 1420},
    }
    body = {name: value for name, value in (body | changes).items() if value is not ...}
    return client.post(SESSIONS, body, content_type="application/json", headers=headers or {}, REMOTE_ADDR=address)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def approve(material: str = key_material(1)) -> AuthKey:
    """The operator's yes to the one waiting key."""
    key = AuthKey.objects.get(state=KeyState.PENDING)
    keys.approve(key_id=key.id, by=OPERATOR, reason="known", tenant_id=TenantFactory.create().id)
    return key


def problem_of(response: Any, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert (body["status"], body["code"]) == (status, code)
    assert {"type", "title", "detail", "path", "instance"} <= set(body)
    return body


# Opening ------------------------------------------------------------------------------------------------------------


def test_an_unknown_key_gets_a_pending_session_and_one_approval_request(client: Client) -> None:
    response = ask(client)
    assert response.status_code == 201
    body = response.json()
    assert body["status"] == "pending"
    assert body["heartbeat"] == {"interval_seconds": 5, "timeout_seconds": 15}
    assert body["stream_url"] == "ws://testserver/ea-gateway/v1/stream"
    assert body["limits"]["frame_bytes"] == 16384
    assert body["server_time"].endswith("Z")
    assert response["Cache-Control"] == "no-store"
    key = AuthKey.objects.get()
    assert (key.state, key.requested_from, key.account.tenant) == ("pending", "192.0.2.10", None)
    assert key.account.account_id == "papermarkets-demo:12345"
    assert EaSession.objects.get().remote_address == "192.0.2.10"


@pytest.mark.daily("embedded")
def test_case_016_asking_a_thousand_times_is_one_request_and_one_hash(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[str] = []
    hash_key = hashing.hash_key

    def counted(material: str) -> str:
        runs.append("run")
        return hash_key(material)

    monkeypatch.setattr(hashing, "hash_key", counted)
    began = time.monotonic()
    answers = {ask(client).status_code for _ in range(1000)}
    minutes = 1 + (time.monotonic() - began) // 60
    assert answers == {201, 429}
    assert AuthKey.objects.count() == 1
    assert len(runs) == 1
    assert EaSession.objects.count() <= 60 * minutes


def test_an_approved_key_is_authenticated_at_once_and_preempts(client: Client) -> None:
    ask(client)
    approve()
    first = ask(client).json()
    second = ask(client).json()
    assert (first["status"], second["status"]) == ("authenticated", "authenticated")
    ended = EaSession.objects.get(id=first["session_id"])
    assert (ended.state, ended.close_reason) == (SessionStatus.CLOSED, Reason.PREEMPTED)


def test_case_017_a_wrong_key_leaves_the_live_session_untouched(client: Client) -> None:
    ask(client)
    approve()
    live = ask(client).json()
    assert ask(client, auth_key=key_material(2)).json()["status"] == "pending"
    assert EaSession.objects.get(id=live["session_id"]).state == SessionStatus.AUTHENTICATED


def test_case_154_case_and_leading_zeros_name_the_same_account(client: Client) -> None:
    ask(client, account_id="PAPERMARKETS-demo:12345")
    ask(client, account_id="papermarkets-DEMO:00012345")
    assert AuthKey.objects.count() == 1


@pytest.mark.parametrize("state", [KeyState.REJECTED, KeyState.REVOKED])
def test_a_rejected_or_revoked_key_is_refused(client: Client, state: KeyState) -> None:
    ask(client)
    if state is KeyState.REVOKED:
        keys.revoke(key_id=approve().id, by=OPERATOR, reason="left")
    else:
        keys.reject(key_id=AuthKey.objects.get().id, by=OPERATOR, reason="unknown")
    problem_of(ask(client), 403, "key_rejected")


def test_a_suspended_account_is_refused_to_its_owner_and_strangers_learn_nothing(client: Client) -> None:
    ask(client)
    key = approve()
    suspensions.suspend(account_pk=key.account_id, by=OPERATOR, reason="unpaid")
    problem_of(ask(client), 403, "account_suspended")
    session = EaSession.objects.get(id=ask(client, auth_key=key_material(2)).json()["session_id"])
    assert session.state == SessionStatus.PENDING
    keys.approve(key_id=AuthKey.objects.get(state=KeyState.PENDING).id, by=OPERATOR, reason="known")
    assert not promotion.promote_session(session_id=session.id)
    session.refresh_from_db()
    assert session.state == SessionStatus.PENDING


def test_case_030_a_weaker_hash_is_renewed_at_the_next_use(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(client)
    key = approve()
    stronger = PasswordHasher(time_cost=3, memory_cost=19 * 1024, parallelism=1)
    monkeypatch.setattr(hashing, "hasher", stronger)
    assert ask(client).json()["status"] == "authenticated"
    renewed = AuthKey.objects.get(id=key.id).key_hash
    assert renewed != key.key_hash
    assert not stronger.check_needs_rehash(renewed)
    assert ask(client).json()["status"] == "authenticated"


def test_a_full_hashing_pool_says_when_to_come_back(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    room = BoundedSemaphore(1)
    room.acquire()
    monkeypatch.setattr(hashing, "_room", room)
    response = ask(client)
    problem_of(response, 503, "try_later")
    assert response["Retry-After"] == "2"
    assert not AuthKey.objects.exists()


def test_a_strategy_that_is_not_offered_is_unknown(client: Client, settings: Any) -> None:
    problem_of(ask(client, auth_method="bearer_token"), 400, "auth_method_unknown")
    settings.GATEWAY = {**settings.GATEWAY, "auth_methods": []}
    problem_of(ask(client), 400, "auth_method_unknown")


# Strangers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("known", [True, False])
def test_without_self_enrolment_every_unknown_key_gets_the_same_refusal(
    client: Client, settings: Any, known: bool
) -> None:
    settings.GATEWAY = {**settings.GATEWAY, "self_enrolment": False}
    if known:
        BrokerAccountFactory.create(claimed_as="PaperMarkets-Demo:12345")
    body = problem_of(ask(client), 403, "key_not_enrolled")
    assert body["detail"] == "This key is not known here"
    assert not AuthKey.objects.exists()


def desk() -> list[str]:
    """The accounts whose keys people are asked about."""
    return [key.account.claimed_as for key in waiting_keys()]


@pytest.mark.parametrize("deployment", [True, False])
def test_a_tenants_own_rule_decides_whether_people_are_asked(client: Client, settings: Any, deployment: bool) -> None:
    settings.GATEWAY = {**settings.GATEWAY, "self_enrolment": deployment}
    for name, rule in (("Quiet:1", False), ("Open:1", True), ("Plain:1", None)):
        BrokerAccountFactory.create(claimed_as=name, tenant=TenantFactory.create(self_enrolment=rule))
    names = ["Quiet:1", "Open:1", "Plain:1", "Nobody:1"]
    answers = [ask(client, account_id=name, auth_key=key_material(n)).status_code for n, name in enumerate(names)]
    assert answers == [201] * 4
    assert desk() == (["Open:1", "Plain:1", "Nobody:1"] if deployment else ["Open:1"])


def test_an_owner_whose_tenant_wants_no_requests_is_let_in_by_the_key_that_he_has_shared(client: Client) -> None:
    tenant = TenantFactory.create(self_enrolment=False)
    BrokerAccountFactory.create(claimed_as=ACCOUNT, tenant=tenant)
    assert ask(client).json()["status"] == "pending"
    keys.share_key(tenant_id=tenant.id, claimed_as=ACCOUNT, material=key_material(1), by=OPERATOR, reason="his")
    assert ask(client).json()["status"] == "authenticated"


def test_keys_that_were_written_down_are_asked_about_whatever_the_tenants_rule(client: Client) -> None:
    account = BrokerAccountFactory.create(claimed_as="Quiet:1", tenant=TenantFactory.create(self_enrolment=False))
    for source in ("", PROVISIONED):
        AuthKeyFactory.create(account=account, requested_from=source)
    AuthKeyFactory.create(account=account, requested_from="192.0.2.7")
    assert desk() == ["Quiet:1", "Quiet:1"]


def test_unknown_keys_are_throttled_by_address(client: Client, settings: Any) -> None:
    settings.GATEWAY = {**settings.GATEWAY, "unknown_keys_per_minute": 10}
    for number in range(10):
        assert ask(client, account_id=f"PaperMarkets-Demo:{number}", auth_key=key_material(number)).status_code == 201
    response = ask(client, account_id="PaperMarkets-Demo:99", auth_key=key_material(99))
    problem_of(response, 429, "throttled")
    assert response["Retry-After"] == "60"
    assert AuthKey.objects.count() == 10
    assert ask(client, account_id="PaperMarkets-Demo:99", address="192.0.2.99").status_code == 201


def test_case_155_an_owner_is_authenticated_whatever_strangers_ask(client: Client, settings: Any) -> None:
    settings.GATEWAY = {**settings.GATEWAY, "unknown_keys_per_minute": 10}
    ask(client)
    approve()
    statuses = [ask(client, auth_key=key_material(n), address=f"192.0.2.{n}").status_code for n in range(2, 30)]
    assert statuses.count(429) > 0
    assert ask(client).json()["status"] == "authenticated"


def test_case_028_a_forwarded_address_counts_only_from_a_trusted_proxy(client: Client, settings: Any) -> None:
    forwarded = {"X-Forwarded-For": "198.51.100.1, 203.0.113.9"}
    ask(client, headers=forwarded)
    assert EaSession.objects.latest("created_at").remote_address == "192.0.2.10"
    settings.TRUSTED_PROXIES = ["192.0.2.10"]
    ask(client, headers=forwarded)
    assert EaSession.objects.latest("created_at").remote_address == "203.0.113.9"


# What is malformed --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"account_id": ...}, "account_id"),
        ({"auth_key": ...}, "auth_key"),
        ({"auth_key": 12345}, "auth_key"),
        ({"auth_method": None}, "auth_method"),
        ({"auth_method": "m" * 41}, "auth_method"),
        ({"platform": "mt9"}, "platform"),
        ({"platform": ["mt4"]}, "platform"),
        ({"ea_version": "v" * 65}, "ea_version"),
        ({"ea_version": "1\x00"}, "ea_version"),
        ({"environment": []}, "environment"),
        ({"environment": {"a": "x" * 4096}}, "environment"),
        ({"environment": {"a": ["\x00"]}}, "environment"),
    ],
)
def test_a_field_out_of_its_bounds_is_named(client: Client, changes: dict[str, Any], path: str) -> None:
    body = problem_of(ask(client, **changes), 400, "invalid")
    assert body["path"] == path
    assert {error["path"] for error in body["errors"]} == {path}


def test_all_mistakes_of_a_body_are_told_at_once(client: Client) -> None:
    body = problem_of(ask(client, platform="mt9", ea_version=7), 400, "invalid")
    assert {error["path"] for error in body["errors"]} == {"platform", "ea_version"}


@pytest.mark.parametrize("account", ["nobody", "server:", ":1", "s:1:2 ", "s\n:1", "é:1", "s:" + "1" * 200, "s:1\x00"])
def test_a_malformed_account_id_is_refused(client: Client, account: str) -> None:
    assert problem_of(ask(client, account_id=account), 400, "account_id_invalid")["path"] == "account_id"


@pytest.mark.parametrize(
    "key", ["short", "a" * 64, "x" * 10_000, "ключ" * 16, key_material(1)[:20] + "\x00", " " + key_material(1)]
)
def test_case_029_weak_or_odd_keys_are_refused_without_a_hash(
    client: Client, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hashing, "_in_pool", None)
    assert problem_of(ask(client, auth_key=key), 400, "key_malformed")["path"] == "auth_key"


@pytest.mark.parametrize(
    "text", [b"{", b"[" * 30_000, b'{"account_id": NaN}', b'{"a": "\\ud800"}', b'{"a": 1e400}', b"\xff"]
)
def test_what_is_not_json_is_refused(client: Client, text: bytes) -> None:
    body = problem_of(client.post(SESSIONS, text, content_type="application/json"), 400, "bad_request")
    assert re.search(r"^(JSON is malformed: .*|JSON is nested too deep|The text is no UTF-8 .*)$", body["detail"])


def test_what_is_not_json_is_told_with_line_and_column(client: Client) -> None:
    text = b'{\n  "account_id": "Demo:1",\n  "auth_key": \'secret\'}'
    body = problem_of(client.post(SESSIONS, text, content_type="application/json"), 400, "bad_request")
    assert body["detail"] == "JSON is malformed: invalid character (line 3, column 15)"


@pytest.mark.parametrize("text", [b"[]", b'"text"', b"7", b"null"])
def test_json_that_is_no_object_is_refused(client: Client, text: bytes) -> None:
    problem_of(client.post(SESSIONS, text, content_type="application/json"), 400, "invalid")


def test_a_body_above_the_bound_is_refused_unread(client: Client) -> None:
    problem_of(client.post(SESSIONS, b" " * 70_000, content_type="application/json"), 413, "body_too_big")


def test_http_mistakes_are_problems_too(client: Client) -> None:
    problem_of(client.post(SESSIONS, {"a": 1}), 415, "media_type_unsupported")
    response = client.get(SESSIONS)
    problem_of(response, 405, "method_not_allowed")
    assert response["Allow"] == "POST, OPTIONS"
    problem_of(client.get("/ea-gateway/v1/nowhere"), 404, "not_found")
    problem_of(client.get(f"{SESSIONS}/not-a-uuid"), 404, "not_found")


def test_a_refusal_repeats_nothing_that_was_sent(client: Client) -> None:
    secret = "aaaaSECRETaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    for field in ("auth_key", "platform", "auth_method", "account_id"):
        changes: dict[str, Any] = {field: secret}
        assert b"SECRET" not in ask(client, **changes).content


def test_an_unexpected_error_says_nothing(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> None:
        raise RuntimeError("password=hunter2")

    monkeypatch.setattr("sessions_app.services.access.admission.request_session", fail)
    response = ask(client)
    problem_of(response, 500, "internal")
    assert b"hunter2" not in response.content


# Idempotency --------------------------------------------------------------------------------------------------------


def test_case_021_a_replay_answers_with_the_same_session_and_a_new_token(client: Client) -> None:
    key = {"Idempotency-Key": "first-try"}
    first, second = ask(client, headers=key).json(), ask(client, headers=key).json()
    assert first["session_id"] == second["session_id"]
    url = f"{SESSIONS}/{first['session_id']}"
    problem_of(client.get(url, headers=bearer(first["session_token"])), 401, "token_invalid")
    assert client.get(url, headers=bearer(second["session_token"])).status_code == 200
    stored = json.dumps([str(value) for row in EaSession.objects.values() for value in row.values()])
    assert second["session_token"] not in stored
    assert key_material(1) not in stored


def test_case_022_a_used_idempotency_key_refuses_another_body(client: Client) -> None:
    key = {"Idempotency-Key": "first-try"}
    ask(client, headers=key)
    problem_of(ask(client, headers=key, ea_version="9.9"), 422, "idempotency_key_reused")
    assert ask(client, headers=key, account_id="PaperMarkets-Demo:2").status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 65, "two words", "é"])
def test_an_odd_idempotency_key_is_refused(client: Client, key: str) -> None:
    body = problem_of(ask(client, headers={"Idempotency-Key": key}), 400, "invalid")
    assert body["path"] == "Idempotency-Key"


# The own session ----------------------------------------------------------------------------------------------------


def test_a_terminal_reads_its_own_session(client: Client) -> None:
    opened = ask(client).json()
    body = client.get(f"{SESSIONS}/{opened['session_id']}", headers=bearer(opened["session_token"])).json()
    assert (body["status"], body["account_id"]) == ("pending", "papermarkets-demo:12345")
    assert "session_token" not in body


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer"}, {"Authorization": "Basic abc"}, bearer("x" * 500)])
def test_without_a_valid_token_there_is_nothing_to_see(client: Client, header: dict[str, str]) -> None:
    opened = ask(client).json()
    for method in (client.get, client.delete):
        response = method(f"{SESSIONS}/{opened['session_id']}", headers=header)
        body = problem_of(response, 401, "token_invalid")
        assert body["detail"].startswith("The token is unknown" if header == bearer("x" * 500) else "No token: ")
        assert response["WWW-Authenticate"].startswith("Bearer")


def test_case_128_a_neighbours_session_does_not_exist(client: Client) -> None:
    mine = ask(client).json()
    theirs = ask(client, account_id="PaperMarkets-Demo:2", auth_key=key_material(2)).json()
    for method in (client.get, client.delete):
        for session_id in (theirs["session_id"], uuid4()):
            problem_of(method(f"{SESSIONS}/{session_id}", headers=bearer(mine["session_token"])), 404, "not_found")
    assert EaSession.objects.get(id=theirs["session_id"]).state == SessionStatus.PENDING


def test_case_013_closing_twice_is_one_transition(client: Client) -> None:
    opened = ask(client).json()
    url, header = f"{SESSIONS}/{opened['session_id']}", bearer(opened["session_token"])
    assert [client.delete(url, headers=header).status_code for _ in range(2)] == [204, 204]
    assert SessionEvent.objects.filter(session=opened["session_id"], reason=Reason.SHUTDOWN_BY_EA).count() == 1


def test_case_009_the_token_of_a_closed_session_is_gone(client: Client) -> None:
    opened = ask(client).json()
    url, header = f"{SESSIONS}/{opened['session_id']}", bearer(opened["session_token"])
    client.delete(url, headers=header)
    body = problem_of(client.get(url, headers=header), 410, "session_closed")
    assert body["detail"] == "This session has ended: the EA said goodbye (shutdown_by_ea)"


# Documents ----------------------------------------------------------------------------------------------------------


def test_the_openapi_document_and_its_page_are_served_without_foreign_scripts(client: Client) -> None:
    assert client.get("/ea-gateway/v1/openapi.json").json()["openapi"].startswith("3.")
    page = client.get("/ea-gateway/v1/docs")
    text = page.content.decode()
    assert page.status_code == 200
    assert "<style" not in text
    assert "http" not in text.replace("https://", "http").split("<body>")[1]
    assert "default-src 'none'" in page["Content-Security-Policy"]
    assert client.get("/ea-gateway/v1/docs?script=").status_code == 200


def test_a_public_url_is_what_terminals_are_sent_to(client: Client, settings: Any) -> None:
    settings.PUBLIC_URL = "https://gateway.example.com/"
    assert ask(client).json()["stream_url"] == "wss://gateway.example.com/ea-gateway/v1/stream"


def test_factories_make_keys_that_open_sessions(client: Client) -> None:
    AuthKeyFactory.create(account__claimed_as="PaperMarkets-Demo:5", material=key_material(5), approved=True)
    answer = ask(client, account_id="PaperMarkets-Demo:5", auth_key=key_material(5)).json()
    assert answer["status"] == "authenticated"
