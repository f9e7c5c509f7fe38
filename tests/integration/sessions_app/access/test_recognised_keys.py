"""A key that was verified within the last minute costs no second argon2 run, and is in force no longer for that."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from sessions_app.auth import account_session_key, hashing
from sessions_app.auth.recogniser import Recogniser, Shown, verified_keys
from sessions_app.domain.lifecycle import KeyState
from sessions_app.models import AuthKey
from sessions_app.queries import database_now
from sessions_app.services.access import keys
from sessions_app.services.operations.history import Actor
from tests.factories import AuthKeyFactory, BrokerAccountFactory
from tests.factories.sessions import key_material

pytestmark = pytest.mark.django_db(transaction=True)

OPERATOR = Actor("olga")


@pytest.fixture(autouse=True)
def _nothing_verified() -> Iterator[None]:
    verified_keys.clear()
    yield
    verified_keys.clear()


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """One entry for every argon2 run, to hash or to compare."""
    made: list[str] = []
    for name in ("hash_key", "matches"):
        original = getattr(hashing, name)

        def counted(*args: Any, name: str = name, original: Any = original) -> Any:
            made.append(name)
            return original(*args)

        monkeypatch.setattr(hashing, name, counted)
    return made


@pytest.fixture
def key() -> AuthKey:
    account = BrokerAccountFactory.create(account_id="srv:1", claimed_as="srv:1")
    return AuthKeyFactory.create(account=account, approved=True, material=key_material(1))


def ask(client: Client, material: str = key_material(1)) -> Any:
    body = {"account_id": "srv:1", "auth_method": "account_session_key", "auth_key": material, "platform": "mt4"}
    return client.post("/ea-gateway/v1/sessions", body, content_type="application/json")


def test_a_key_that_comes_again_costs_no_argon2(client: Client, key: AuthKey, runs: list[str]) -> None:
    answers = [ask(client) for _ in range(3)]
    assert [answer.json()["status"] for answer in answers] == ["authenticated"] * 3
    assert runs == ["matches"]


def test_after_a_minute_it_is_verified_in_full(
    client: Client, key: AuthKey, runs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account_session_key, "verified_keys", Recogniser(seconds=-1))
    assert [ask(client).status_code for _ in range(2)] == [201, 201]
    assert runs == ["matches"] * 2


def test_what_another_process_has_decided_holds_at_once(client: Client, key: AuthKey) -> None:
    assert ask(client).status_code == 201
    AuthKey.objects.filter(id=key.id).update(state=KeyState.REVOKED)
    assert (ask(client).status_code, len(verified_keys)) == (403, 1)


def test_an_overlap_that_is_over_holds_at_once(client: Client, key: AuthKey) -> None:
    assert ask(client).status_code == 201
    AuthKey.objects.filter(id=key.id).update(retires_at=database_now())
    assert ask(client).status_code == 403


def test_a_key_that_is_revoked_is_forgotten(client: Client, key: AuthKey) -> None:
    ask(client)
    assert len(verified_keys) == 1
    keys.revoke(key_id=key.id, by=OPERATOR, reason="lost")
    assert len(verified_keys) == 0


def test_a_replaced_hash_is_verified_in_full(client: Client, key: AuthKey, runs: list[str]) -> None:
    ask(client)
    AuthKey.objects.filter(id=key.id).update(key_hash=hashing.hasher.hash(key_material(1)))
    ask(client)
    assert runs == ["matches"] * 2


def test_a_hash_that_is_of_another_key_is_not_recognised(client: Client, key: AuthKey) -> None:
    ask(client)
    AuthKey.objects.filter(id=key.id).update(key_hash=hashing.hasher.hash(key_material(2)))
    assert ask(client).status_code == 403


def shown_by(number: int) -> Shown:
    return Shown(uuid4(), "srv:1", "hash", key_material(number))


@pytest.mark.parametrize("other", [{"key_id": uuid4()}, *({name: "another"} for name in Shown._fields[1:])])
def test_each_part_counts(other: dict[str, Any]) -> None:
    recogniser, shown = Recogniser(), shown_by(1)
    recogniser.remember(shown)
    assert recogniser.knows(shown)
    assert not recogniser.knows(shown._replace(**other))


def test_the_key_verified_longest_ago_makes_room() -> None:
    recogniser, keys_shown = Recogniser(most=2), [shown_by(number) for number in range(3)]
    for shown in keys_shown:
        recogniser.remember(shown)
    assert [recogniser.knows(shown) for shown in keys_shown] == [False, True, True]
