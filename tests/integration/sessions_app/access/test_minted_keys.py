"""Keys that the deployment has made itself get small hashes, and nobody else's do, whatever they look like."""

import secrets
from io import StringIO
from typing import Any

import pytest
from argon2 import PasswordHasher, extract_parameters
from django.conf import settings
from django.core.management import call_command
from django.test import Client

from sessions_app.auth import hashing
from sessions_app.auth.recogniser import verified_keys
from sessions_app.domain.keys import minted_key
from sessions_app.models import AuthKey
from tests.factories import AuthKeyFactory, BrokerAccountFactory
from tests.factories.sessions import key_material

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("costly_hashes")]

SMALL = (8, 1)
SLOW = (19456, 2)
WEAK = "correct-horse-battery-staple-2026-correct-ho"


def cost(key_hash: str) -> tuple[int, int]:
    told = extract_parameters(key_hash)
    assert told.type.name == "ID"
    return told.memory_cost, told.time_cost


def stored(material: str, key_hash: str) -> AuthKey:
    account = BrokerAccountFactory.create(account_id="srv:1", claimed_as="srv:1")
    return AuthKeyFactory.create(account=account, approved=True, material=material, key_hash=key_hash)


def ask(client: Client, material: str) -> Any:
    verified_keys.clear()
    body = {"account_id": "srv:1", "auth_method": "account_session_key", "auth_key": material, "platform": "mt4"}
    return client.post("/ea-gateway/v1/sessions", body, content_type="application/json")


def forged() -> str:
    """A key in the minted form by somebody who lacks the secret."""
    return minted_key(secrets.token_bytes(32), secret=b"a guess at the secret of the deployment")


def test_our_own_keys_get_small_hashes_and_all_others_slow_ones() -> None:
    assert cost(hashing.hash_key(hashing.mint_key())) == SMALL
    others = [key_material(1), forged(), hashing.mint_key()[:43], WEAK + "A" * 21]
    assert [cost(hashing.hash_key(material)) for material in others] == [SLOW] * 4


def test_many_are_hashed_in_their_order_each_as_its_kind_asks_for() -> None:
    materials = [key_material(1), hashing.mint_key(), key_material(2), forged(), key_material(1)]
    hashes = hashing.hash_keys(materials)
    assert [cost(one) for one in hashes] == [SLOW, SMALL, SLOW, SLOW, SLOW]
    assert all(hashing.matches(one, material) for one, material in zip(hashes, materials, strict=True))
    assert not hashing.matches(hashes[1], hashing.mint_key())


@pytest.mark.parametrize("parameters", [SMALL, SLOW], ids=["small", "slow"])
def test_an_own_key_opens_sessions_and_its_hash_stays(client: Client, parameters: tuple[int, int]) -> None:
    material, (memory, passes) = hashing.mint_key(), parameters
    key = stored(material, PasswordHasher(time_cost=passes, memory_cost=memory, parallelism=1).hash(material))
    assert [ask(client, material).json()["status"] for _ in range(2)] == ["authenticated"] * 2
    assert AuthKey.objects.get(id=key.id).key_hash == key.key_hash


def test_a_hash_of_former_parameters_is_replaced_by_a_small_one(client: Client) -> None:
    material = hashing.mint_key()
    key = stored(material, PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(material))
    assert ask(client, material).status_code == 201
    assert cost(AuthKey.objects.get(id=key.id).key_hash) == SMALL


@pytest.mark.parametrize("material", [key_material(1), forged()], ids=["another form", "forged"])
def test_a_small_hash_of_a_key_that_is_not_ours_is_replaced_when_it_is_shown(client: Client, material: str) -> None:
    key = stored(material, hashing.minted_hasher.hash(material))
    assert ask(client, material).status_code == 201
    assert cost(AuthKey.objects.get(id=key.id).key_hash) == SLOW


def test_a_hash_that_is_none_opens_nothing(client: Client) -> None:
    material = hashing.mint_key()
    stored(material, "-")
    assert (ask(client, material).status_code, ask(client, material).json()["code"]) == (403, "key_rejected")


def test_a_key_of_another_secret_is_hashed_slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    material = hashing.mint_key()
    monkeypatch.setattr(settings, "KEY_FINGERPRINT_SECRET", "another secret that is long enough to be one, and new")
    assert cost(hashing.hash_key(material)) == SLOW


def test_the_command_prints_as_many_as_are_asked_for() -> None:
    out = StringIO()
    call_command("mint", "3", stdout=out)
    made = out.getvalue().split()
    assert len(set(made)) == 3
    assert [cost(hashing.hash_key(material)) for material in made] == [SMALL] * 3
