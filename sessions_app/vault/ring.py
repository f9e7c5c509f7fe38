"""The keys that wrap the key of each secret. The newest wraps what is new, the older ones open what is old."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

NONCE_BYTES: Final = 12


class VaultClosed(Exception):
    """The deployment has no key to encrypt with."""

    def __str__(self) -> str:
        return "The vault has no key: set VAULT_KEYS, manage.py vault key makes one."


class KeyMissing(Exception):
    """Something was encrypted with a key that the ring does not have."""

    def __init__(self, version: int) -> None:
        super().__init__(f"The vault has no key {version}: keep it in VAULT_KEYS until manage.py vault rotate is done.")


class Unreadable(Exception):
    """What is stored was changed, or belongs elsewhere."""


class Ring(Protocol):
    """What wraps keys: ours are below; a service that keeps its keys to itself can do the same."""

    @property
    def newest(self) -> int: ...

    def wrap(self, key: bytes, *, bound_to: bytes) -> bytes:
        """The key, encrypted with the newest one."""

    def unwrap(self, wrapped: bytes, *, version: int, bound_to: bytes) -> bytes:
        """The key again."""


@dataclass(frozen=True, slots=True)
class KeyRing:
    """AES-256 keys by version, held in this process."""

    keys: Mapping[int, bytes] = field(repr=False)

    @property
    def newest(self) -> int:
        if not self.keys:
            raise VaultClosed
        return max(self.keys)

    def wrap(self, key: bytes, *, bound_to: bytes) -> bytes:
        return encrypt(self.keys[self.newest], key, bound_to=bound_to)

    def unwrap(self, wrapped: bytes, *, version: int, bound_to: bytes) -> bytes:
        if version not in self.keys:
            raise KeyMissing(version)
        return decrypt(self.keys[version], wrapped, bound_to=bound_to)


def current() -> Ring:
    """The deployment's ring."""
    return KeyRing(settings.VAULT_KEYS)


def is_open() -> bool:
    """Whether secrets can be stored here."""
    return bool(settings.VAULT_KEYS)


def encrypt(key: bytes, clear: bytes, *, bound_to: bytes) -> bytes:
    """AES-256-GCM under a nonce of its own, which stands before it."""
    # Random nonces are safe here: a data key encrypts one text, a ring's key 48 bytes some thousand times.
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, clear, bound_to)


def decrypt(key: bytes, stored: bytes, *, bound_to: bytes) -> bytes:
    """What was encrypted.

    :raises Unreadable: it was not, with this key, for this place
    """
    try:
        return AESGCM(key).decrypt(stored[:NONCE_BYTES], stored[NONCE_BYTES:], bound_to)
    except (InvalidTag, ValueError) as error:
        raise Unreadable from error
