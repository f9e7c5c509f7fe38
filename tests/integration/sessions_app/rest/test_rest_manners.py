"""Manners of the REST API: problem bodies everywhere, paces with Retry-After, announced ends."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml
from asgiref.sync import AsyncToSync, SyncToAsync
from asgiref.testing import ApplicationCommunicator
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory

from eagateway.documents.openapi import document
from sessions_app.api.exchange import exchange_endpoint
from sessions_app.rest import throttling
from sessions_app.rest.problem_middleware import MAX_ADDRESS, ProblemHandler
from sessions_app.rest.view import ApiView, deprecated
from tests.factories import AuthKeyFactory
from tests.factories.sessions import key_material
from tests.integration.sessions_app.rest.test_rest_sessions import SESSIONS, ask, bearer, problem_of

pytestmark = pytest.mark.django_db(transaction=True)


MOST_HOPS = 3


def broken(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("password=hunter2")


urlpatterns = [path("ea-gateway/broken", broken), path("other/broken", broken)]


# Problem bodies ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["/ea-gateway", "/ea-gateway/", "/ea-gateway/v2/sessions", "/ea-gateway/v1/"])
@pytest.mark.parametrize("method", ["get", "post", "put", "delete", "patch"])
def test_an_unknown_address_below_the_gateway_is_a_problem(client: Client, address: str, method: str) -> None:
    answer = getattr(client, method)(address)
    assert problem_of(answer, 404, "not_found")["instance"] == address
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.parametrize("address", ["/ea-gateway/v1/docs", "/ea-gateway/v1/openapi.json", "/ea-gateway/v2", SESSIONS])
def test_case_135_every_answer_carries_the_headers_that_protect_a_browser(client: Client, address: str) -> None:
    answer = client.get(address)
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Referrer-Policy"] == "same-origin"
    assert "default-src 'none'" in answer["Content-Security-Policy"]


def test_pages_elsewhere_stay_pages(client: Client) -> None:
    answer = client.get("/nowhere")
    assert (answer.status_code, answer["Content-Type"]) == (404, "text/html; charset=utf-8")


def test_a_foreign_host_is_a_problem(client: Client) -> None:
    problem_of(client.get("/ea-gateway/v1/openapi.json", headers={"Host": "evil.example"}), 400, "bad_request")
    problem_of(client.get(SESSIONS, headers={"Host": "a b\x7f"}), 400, "bad_request")


async def test_the_same_holds_where_views_are_awaited(async_client: AsyncClient) -> None:
    answer = await async_client.get("/ea-gateway/v9")
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


def test_an_address_beyond_the_bound_is_refused_and_not_repeated(client: Client) -> None:
    for address in (f"{SESSIONS}/{'x' * MAX_ADDRESS}", f"{SESSIONS}?q={'x' * MAX_ADDRESS}"):
        assert problem_of(client.get(address), 414, "uri_too_long")["instance"] == ""


def test_a_failure_outside_the_api_says_nothing(client: Client, settings: Any) -> None:
    settings.ROOT_URLCONF = __name__
    client.raise_request_exception = False
    for debug in (False, True):
        settings.DEBUG = debug
        answer = client.get("/ea-gateway/broken")
        problem_of(answer, 500, "internal")
        assert (b"hunter2" in answer.content, answer["Retry-After"]) == (False, "5")
    assert client.get("/other/broken")["Content-Type"].startswith("text/html")


async def test_a_request_that_django_cannot_read_is_a_problem() -> None:
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/ea-gateway/v1/sessions",
        "query_string": b"q=\xff",
        "headers": [],
        "scheme": "http",
    }
    peer = ApplicationCommunicator(ProblemHandler(), scope)  # type: ignore[no-untyped-call]
    await peer.send_input({"type": "http.request", "body": b""})  # type: ignore[no-untyped-call]
    start, body = [await peer.receive_output() for _ in range(2)]  # type: ignore[no-untyped-call]
    assert start["status"] == 400
    assert (b"Content-Type", b"application/problem+json") in start["headers"]
    assert json.loads(body["body"])["code"] == "bad_request"


@pytest.mark.parametrize("address", ["/ea-gateway/v1/sessions", "/sign-in/", "/nowhere"])
async def test_a_request_is_served_by_one_thread_and_hops_to_it_and_away_but_not_between(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hops, threads = [], set()
    call, answer = SyncToAsync.__call__, ProblemHandler.get_response

    async def hop(self: Any, *args: Any, **kwargs: Any) -> Any:
        hops.append(self.func)
        return await call(self, *args, **kwargs)

    def noting(self: Any, request: HttpRequest) -> Any:
        threads.add(threading.get_ident())
        return answer(self, request)

    def never(self: Any, *args: Any, **kwargs: Any) -> Any:
        raise AssertionError(f"{self.awaitable} waits for the event loop")

    monkeypatch.setattr(SyncToAsync, "__call__", hop)
    monkeypatch.setattr(AsyncToSync, "__call__", never)
    monkeypatch.setattr(ProblemHandler, "get_response", noting)
    scope = {"type": "http", "method": "GET", "path": address, "query_string": b"", "scheme": "http"}
    peer = ApplicationCommunicator(ProblemHandler(), {**scope, "headers": [(b"host", b"testserver")]})  # type: ignore[no-untyped-call]
    await peer.send_input({"type": "http.request", "body": b""})  # type: ignore[no-untyped-call]
    assert (await peer.receive_output())["type"] == "http.response.start"  # type: ignore[no-untyped-call]
    await peer.receive_output()  # type: ignore[no-untyped-call]
    await peer.wait()  # type: ignore[no-untyped-call]
    # The request begins (its connections are looked at), is served, and ends.
    assert len(hops) <= MOST_HOPS
    assert threads
    assert threading.get_ident() not in threads


# Paces ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def tight(settings: Any) -> Iterator[None]:
    """Three calls a minute, for addresses and for sessions."""
    settings.GATEWAY = {**settings.GATEWAY, "rest_per_address": 3, "rest_per_session": 3}
    everybody = (throttling.ADDRESSES, throttling.SESSIONS)
    for kept in everybody:
        kept.clear()
    yield
    for kept in everybody:
        kept.clear()


@pytest.mark.usefixtures("tight")
def test_an_address_that_asks_too_often_is_told_when_to_come_back_and_others_are_served(client: Client) -> None:
    answers = [client.get("/ea-gateway/v1/nowhere", REMOTE_ADDR="198.51.100.7") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [404, 404, 404, 429]
    problem_of(answers[-1], 429, "throttled")
    assert 0 < int(answers[-1]["Retry-After"]) <= 20
    assert client.get("/ea-gateway/v1/nowhere", REMOTE_ADDR="198.51.100.8").status_code == 404


async def exchanged(peer: str) -> int:
    """The status of an exchange with a token that nobody knows."""
    session = str(uuid4())
    scope = {
        "type": "http",
        "method": "POST",
        "path": f"/ea-gateway/v1/sessions/{session}/exchange",
        "query_string": b"",
        "headers": [(b"authorization", b"Bearer nobody-knows-it"), (b"content-type", b"application/json")],
        "client": (peer, 4711),
        "url_route": {"kwargs": {"session_id": session}},
    }
    caller = ApplicationCommunicator(exchange_endpoint, scope)  # type: ignore[no-untyped-call]
    await caller.send_input({"type": "http.request", "body": b"{}"})  # type: ignore[no-untyped-call]
    start, _ = [await caller.receive_output(5) for _ in range(2)]  # type: ignore[no-untyped-call]
    return int(start["status"])


@pytest.mark.usefixtures("tight")
async def test_unknown_tokens_at_the_exchange_count_for_their_address() -> None:
    answers = [await exchanged("198.51.100.7") for _ in range(4)]
    assert answers == [401, 401, 401, 429]
    assert await exchanged("198.51.100.8") == 401


@pytest.mark.usefixtures("tight")
def test_a_session_has_a_pace_of_its_own_whatever_its_address_did(client: Client) -> None:
    opened = [
        ask(client, account_id=f"Pace-Demo:{n}", auth_key=key_material(n), address=f"192.0.2.{n}").json()
        for n in (1, 2)
    ]
    first, second = [(f"{SESSIONS}/{body['session_id']}", bearer(body["session_token"])) for body in opened]
    statuses = [client.get(first[0], headers=first[1]).status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    assert client.get(second[0], headers=second[1]).status_code == 200


@pytest.mark.usefixtures("tight")
def test_guessing_tokens_is_bounded_by_address_and_leaves_the_owner_alone(client: Client) -> None:
    mine = ask(client, address="192.0.2.50").json()
    url = f"{SESSIONS}/{mine['session_id']}"
    guesses = [client.get(url, headers=bearer("guess"), REMOTE_ADDR="198.51.100.9").status_code for _ in range(4)]
    assert guesses == [401, 401, 401, 429]
    assert client.get(url, headers=bearer(mine["session_token"]), REMOTE_ADDR="198.51.100.9").status_code == 200


@pytest.mark.usefixtures("tight")
def test_case_155_a_stranger_beyond_every_bound_does_not_lock_the_owner_out(client: Client) -> None:
    AuthKeyFactory.create(account__claimed_as="PaperMarkets-Demo:12345", material=key_material(1), approved=True)
    asked = [ask(client, auth_key=key_material(2), address="198.51.100.66").status_code for _ in range(1000)]
    assert asked.count(429) == 997
    assert ask(client, address="192.0.2.10").json()["status"] == "authenticated"


# Ends ----------------------------------------------------------------------------------------------------------------


@deprecated(
    since=datetime(2026, 11, 1, tzinfo=UTC), sunset=datetime(2027, 5, 1, tzinfo=UTC), page="https://gateway.example/end"
)
class OldView(ApiView):
    def get(self, request: Request) -> Response:
        return Response({})


def test_a_deprecated_view_says_so_in_answers_and_refusals() -> None:
    for request, status in ((APIRequestFactory().get("/old"), 200), (APIRequestFactory().put("/old"), 405)):
        answer = OldView.as_view()(request)
        assert answer.status_code == status
        assert answer["Deprecation"] == "@1793491200"
        assert answer["Sunset"] == "Sat, 01 May 2027 00:00:00 GMT"
        assert answer["Link"] == '<https://gateway.example/end>; rel="deprecation"; type="text/html"'


def test_a_view_in_force_announces_no_end(client: Client) -> None:
    assert "Deprecation" not in ask(client).headers


# The document --------------------------------------------------------------------------------------------------------


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    """(path, method, operation) of the OpenAPI document."""
    paths = document()["paths"]
    return [(place, method, item) for place, methods in paths.items() for method, item in methods.items()]


def test_every_post_takes_an_idempotency_key_but_those_whose_frames_or_grants_do() -> None:
    without = [
        place
        for place, method, item in operations()
        if method == "post" and "Idempotency-Key" not in {told["name"] for told in item.get("parameters", [])}
    ]
    # A preview stores nothing.
    assert [place for place in without if not place.endswith(("/exchange", "/token", "/preview"))] == []


def test_every_operation_says_what_it_refuses_as_problems() -> None:
    for place, method, item in operations():
        assert "429" in item["responses"], (place, method)
        if place.endswith("/oauth/token"):
            continue  # its errors are those of RFC 6749
        for status, told in item["responses"].items():
            if int(status) >= 400:
                assert list(told["content"]) == ["application/problem+json"], (place, method, status)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("openapi.json", "application/json"),
        ("asyncapi.json", "application/json"),
        ("schemas/frames.json", "application/schema+json"),
    ],
)
def test_a_document_is_served_once_and_then_only_compared(client: Client, name: str, kind: str) -> None:
    address = f"/ea-gateway/v1/{name}"
    first = client.get(address, headers={"Accept": "text/plain"})
    assert (first.status_code, first["Content-Type"]) == (200, kind)
    assert first["Cache-Control"] == "public, max-age=300"
    again = client.get(address, headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    assert client.get(address, headers={"If-None-Match": '"other"'}).content == first.content
    assert client.head(address)["ETag"] == first["ETag"]
    problem_of(client.post(address), 405, "method_not_allowed")


def test_what_is_served_is_what_the_repository_holds(client: Client) -> None:
    docs = Path(settings.BASE_DIR) / "docs"
    for name, text in {
        "openapi.json": yaml.safe_load((docs / "openapi.yaml").read_text()),
        "asyncapi.json": yaml.safe_load((docs / "asyncapi.yaml").read_text()),
        "schemas/frames.json": json.loads((docs / "schemas/frames.json").read_text()),
    }.items():
        assert client.get(f"/ea-gateway/v1/{name}").json() == text
