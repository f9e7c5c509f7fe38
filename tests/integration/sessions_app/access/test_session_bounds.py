"""Invented accounts from one address: few rows, nothing for tenants to see."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.conf import settings
from django.db import connections
from django.test import Client

from sessions_app.auth import hashing
from sessions_app.auth.recogniser import verified_keys
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


def test_of_sixteen_that_ask_at_once_no_more_get_one_than_one_by_one_and_the_others_cost_no_hash(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(settings.GATEWAY, "sessions_per_minute", 5)
    monkeypatch.setattr(verified_keys, "knows", lambda shown: False)
    material, hashed, start = "a-good-key-kJ8sLq2VbN4xZ7mWc1RtYp", [], Barrier(16)
    key = AuthKeyFactory.create(approved=True, material=material)
    matches = hashing.matches

    def counted(*args: str) -> bool:
        hashed.append("")
        return matches(*args)

    monkeypatch.setattr(hashing, "matches", counted)
    body = {"account_id": key.account.claimed_as, "auth_method": "account_session_key", "auth_key": material}

    def act(_: int) -> list[int]:
        try:
            start.wait(timeout=30)
            asked = {**body, "platform": "sdk"}
            ask = Client().post
            return [ask("/ea-gateway/v1/sessions", asked, content_type="application/json").status_code for _ in "12"]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(16) as pool:
        statuses = sorted(status for answers in pool.map(act, range(16)) for status in answers)
    assert statuses == [201] * 5 + [429] * 27
    assert len(hashed) == 5
    assert EaSession.objects.count() == 5
