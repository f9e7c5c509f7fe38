"""Limits per minute that hold exactly, for requests that come one by one or all at once."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from sessions_app.auth import hashing
from sessions_app.models import AuthKey, BrokerAccount, EaSession, RequestTally
from sessions_app.services.access import rate_counters
from sessions_app.tasks import forget_expired
from tests.factories import RequestTallyFactory
from tests.factories.sessions import key_material, now
from tests.integration.sessions_app.rest.test_rest_sessions import ask

pytestmark = pytest.mark.django_db(transaction=True)


def take(times: int, *, limit: int = 3, later: timedelta = timedelta(0)) -> list[bool]:
    return [rate_counters.count_request(scope="x", limit=limit, now=now() + later) for _ in range(times)]


def test_a_minute_has_so_many_requests_and_the_next_one_as_many() -> None:
    assert take(4) == [True, True, True, False]
    assert take(2, later=timedelta(seconds=59)) == [False, False]
    assert take(4, later=timedelta(seconds=61)) == [True, True, True, False]


def test_a_refused_request_is_not_counted() -> None:
    take(10)
    assert RequestTally.objects.get().count == 3


def test_old_tallies_are_forgotten() -> None:
    RequestTallyFactory.create(started_at=now() - timedelta(hours=2))
    kept = RequestTallyFactory.create()
    forget_expired()
    assert [row.scope for row in RequestTally.objects.all()] == [kept.scope]


def test_sixteen_at_once_never_get_more_than_the_limit(client: Client, settings: Any, monkeypatch: Any) -> None:
    """Each with a key of its own, for an account of its own: only the address is the same."""
    settings.GATEWAY = {**settings.GATEWAY, "unknown_keys_per_minute": 20}
    hashed: list[str] = []
    hash_key = hashing.hash_key

    def counted(material: str) -> str:
        hashed.append("")
        return hash_key(material)

    monkeypatch.setattr(hashing, "hash_key", counted)
    hands, each = 16, 3
    start = Barrier(hands)

    def act(hand: int) -> list[int]:
        try:
            start.wait(timeout=30)
            numbers = range(hand * each, hand * each + each)
            return [ask(Client(), account_id=f"Paper-Demo:{n}", auth_key=key_material(n)).status_code for n in numbers]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(hands) as pool:
        statuses = Counter(status for answers in pool.map(act, range(hands)) for status in answers)
    assert statuses == {201: 20, 429: 28}
    assert (AuthKey.objects.count(), BrokerAccount.objects.count(), EaSession.objects.count()) == (20, 20, 20)
    assert len(hashed) == 20, "nothing is hashed for a key that is over the limit"


def test_an_account_has_its_own_limit_whatever_the_addresses(client: Client, settings: Any) -> None:
    settings.GATEWAY = {**settings.GATEWAY, "unknown_keys_per_minute": 5}
    answers = [ask(client, auth_key=key_material(n), address=f"192.0.2.{n}").status_code for n in range(8)]
    assert answers == [201] * 5 + [429] * 3


def test_the_addresses_of_one_ipv6_network_ask_as_one(client: Client, settings: Any) -> None:
    settings.GATEWAY = {**settings.GATEWAY, "unknown_keys_per_minute": 5}

    def answers(network: str) -> list[int]:
        fresh: list[dict[str, Any]] = [
            {"account_id": f"Wire-{network[-1]}:{item}", "auth_key": key_material()} for item in range(1, 9)
        ]
        return [ask(client, **body, address=f"{network}::{item:x}").status_code for item, body in enumerate(fresh, 1)]

    assert answers("2001:db8:1:1") == [201] * 5 + [429] * 3
    assert answers("2001:db8:1:2") == [201] * 5 + [429] * 3
