"""Requests that two readers might understand in two ways, and addresses with secrets in them."""

import json
from typing import Any, cast

import pytest
from django.test import AsyncClient, Client

from sessions_app.models import EaSession
from tests.integration.sessions_app.rest.test_rest_sessions import SESSIONS, ask, bearer, problem_of

pytestmark = pytest.mark.django_db(transaction=True)

SPELLINGS = [
    "token=x",
    "TOKEN=x",
    "access_token=x",
    "%74oken=x",
    "to%6Ben=x",
    "a=1&%2574oken=x",
    "a;token",
    "session_token",
]


def test_a_body_with_one_name_twice_is_refused(client: Client) -> None:
    body = '{"account_id": "Demo:1", "account_id": "Demo:2", "auth_method": "account_session_key", "platform": "sdk"}'
    problem_of(client.post(SESSIONS, body, content_type="application/json"), 400, "bad_request")
    nested = '{"account_id": "Demo:1", "environment": {"a": 1, "a": 2}}'
    problem_of(client.post(SESSIONS, nested, content_type="application/json"), 400, "bad_request")
    assert not EaSession.objects.exists()


@pytest.mark.parametrize("query", SPELLINGS)
def test_a_token_in_an_address_is_refused_however_it_is_written(client: Client, query: str) -> None:
    opened = ask(client).json()
    address = f"{SESSIONS}/{opened['session_id']}?{query}"
    problem_of(client.get(address, headers=bearer(opened["session_token"])), 400, "token_in_address")


def test_a_value_may_be_about_tokens(client: Client) -> None:
    opened = ask(client).json()
    address = f"{SESSIONS}/{opened['session_id']}?reason=token"
    assert client.get(address, headers=bearer(opened["session_token"])).status_code == 200


@pytest.mark.parametrize("field", ["account_id", "auth_method", "auth_key", "platform"])
def test_an_empty_text_is_refused_and_the_document_says_so(client: Client, field: str) -> None:
    assert ask(client, **cast(Any, {field: ""})).status_code == 400
    document: dict[str, Any] = client.get("/ea-gateway/v1/openapi.json").json()
    described = document["components"]["schemas"]["SessionRequest"]["properties"][field]
    assert described.get("minLength") == 1 or "enum" in json.dumps(described) or "$ref" in json.dumps(described)


async def test_an_unknown_path_is_a_problem_body_too(async_client: AsyncClient) -> None:
    answer = await async_client.get("/ea-gateway/v1/nowhere?token=x")
    assert answer.json()["code"] == "token_in_address"
