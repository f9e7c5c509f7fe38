"""Invented accounts from one address: few rows, nothing for tenants to see."""

import pytest
from django.conf import settings
from django.test import Client

from sessions_app.models import AuthKey, BrokerAccount, EaSession
from tests.factories import AuthKeyFactory

pytestmark = pytest.mark.django_db(transaction=True)


def test_case_113_sessions_of_invented_accounts_are_bounded_by_their_address(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(settings.GATEWAY, "unknown_keys_per_minute", 5)
    statuses = []
    for number in range(200):
        body = {
            "account_id": f"Invented-Server:{1000 + number}",
            "auth_method": "account_session_key",
            "auth_key": f"invented-key-{number:04}-kJ8sLq2VbN4x",
            "platform": "sdk",
        }
        answer = client.post("/ea-gateway/v1/sessions", body, content_type="application/json")
        statuses.append(answer.status_code)
    assert (statuses.count(201), statuses.count(429)) == (5, 195)
    assert {model.objects.count() for model in (BrokerAccount, AuthKey, EaSession)} == {5}
    assert not BrokerAccount.objects.filter(tenant__isnull=False).exists()


def test_an_authorised_terminal_opens_only_so_many_sessions_a_minute(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(settings.GATEWAY, "sessions_per_minute", 3)
    key = AuthKeyFactory.create(approved=True, material="a-good-key-kJ8sLq2VbN4xZ7mWc1RtYp")
    body = {
        "account_id": key.account.claimed_as,
        "auth_method": "account_session_key",
        "auth_key": "a-good-key-kJ8sLq2VbN4xZ7mWc1RtYp",
        "platform": "sdk",
    }
    answers = [client.post("/ea-gateway/v1/sessions", body, content_type="application/json") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [201, 201, 201, 429, 429]
    assert int(answers[-1]["Retry-After"]) == 60
