"""Secrets at rest: what is stored says nothing, opens in its own place alone, and survives a change of keys."""

import os
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sessions_app.vault.ring import KeyMissing, KeyRing, Unreadable, VaultClosed
from sessions_app.vault.sealing import Place, key_version, rewrap, seal, unseal

PLACE = Place(tenant="t", owner="o", field="password", version=1)
OLD, NEW = os.urandom(32), os.urandom(32)
TEXT = "a secret, näive"


def test_what_is_sealed_opens_again_and_does_not_show_its_text() -> None:
    sealed = seal(TEXT, place=PLACE, ring=KeyRing({1: OLD}))
    assert unseal(sealed, place=PLACE, ring=KeyRing({1: OLD})) == TEXT
    assert TEXT.encode() not in sealed
    assert seal(TEXT, place=PLACE, ring=KeyRing({1: OLD})) != sealed


def test_the_format_is_aes_256_gcm_as_documented() -> None:
    """Opened by hand, with nothing of ours."""
    sealed = seal(TEXT, place=PLACE, ring=KeyRing({7: OLD}))
    assert sealed[:5] == b"\x01\x00\x00\x00\x07"
    bound_to = b"".join(len(part).to_bytes(4, "big") + part for part in (b"1", b"t", b"o", b"password", b"1"))
    data_key = AESGCM(OLD).decrypt(sealed[5:17], sealed[17:65], bound_to)
    assert AESGCM(data_key).decrypt(sealed[65:77], sealed[77:], bound_to).decode() == TEXT


@pytest.mark.parametrize(
    "elsewhere",
    [replace(PLACE, tenant="x"), replace(PLACE, owner="x"), replace(PLACE, field="x"), replace(PLACE, version=2)],
)
def test_in_another_place_it_opens_no_more(elsewhere: Place) -> None:
    sealed = seal(TEXT, place=PLACE, ring=KeyRing({1: OLD}))
    with pytest.raises(Unreadable):
        unseal(sealed, place=elsewhere, ring=KeyRing({1: OLD}))


def test_names_that_run_together_are_two_places() -> None:
    sealed = seal(TEXT, place=replace(PLACE, tenant="ab", owner="c"), ring=KeyRing({1: OLD}))
    with pytest.raises(Unreadable):
        unseal(sealed, place=replace(PLACE, tenant="a", owner="bc"), ring=KeyRing({1: OLD}))


def test_every_byte_that_is_changed_is_noticed() -> None:
    sealed = seal("short", place=PLACE, ring=KeyRing({1: OLD}))
    for at in range(len(sealed)):
        changed = sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
        with pytest.raises((Unreadable, KeyMissing)):
            unseal(changed, place=PLACE, ring=KeyRing({1: OLD}))
    with pytest.raises(Unreadable):
        unseal(b"", place=PLACE, ring=KeyRing({1: OLD}))


def test_after_the_change_of_keys_the_old_one_is_not_needed() -> None:
    sealed = seal(TEXT, place=PLACE, ring=KeyRing({1: OLD}))
    wrapped = rewrap(sealed, place=PLACE, ring=KeyRing({1: OLD, 2: NEW}))
    assert (key_version(sealed), key_version(wrapped)) == (1, 2)
    assert unseal(wrapped, place=PLACE, ring=KeyRing({2: NEW})) == TEXT
    with pytest.raises(KeyMissing, match="no key 1"):
        unseal(sealed, place=PLACE, ring=KeyRing({2: NEW}))


def test_without_a_key_nothing_is_stored() -> None:
    with pytest.raises(VaultClosed, match="VAULT_KEYS"):
        seal(TEXT, place=PLACE, ring=KeyRing({}))


def test_a_ring_does_not_show_its_keys() -> None:
    assert repr(OLD) not in repr(KeyRing({1: OLD}))
