"""Argon2id in a bounded pool: never on an event loop, never more at once than the machine has cores to spare.

Keys that this deployment has made itself have 256 random bits, which nobody guesses: they get the least that argon2id
takes, some 20 microseconds, where they stand (ADR 79). Which parameters a hash has stands in it.
"""

import os
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore
from typing import Final, ParamSpec, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from django.conf import settings

from sessions_app.domain.keys import MINTED_BYTES, is_minted, minted_key
from sessions_app.domain.problems import Refused

_P = ParamSpec("_P")
_R = TypeVar("_R")

# 19 MiB, 2 passes, 1 lane: OWASP's first choice, some 20 ms on a server core.
hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
minted_hasher: Final = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
CORES: Final = os.cpu_count() or 2
WORKERS: Final = max(1, CORES - 1)
WAITING: Final = 64 * WORKERS  # a site that restarts has some dozens of terminals
_pool: Final = ThreadPoolExecutor(WORKERS, thread_name_prefix="argon2")
_room: Final = BoundedSemaphore(WORKERS + WAITING)


def mint_key() -> str:
    """A new key of this deployment's own."""
    return minted_key(secrets.token_bytes(MINTED_BYTES), secret=_secret())


def hash_key(material: str) -> str:
    """The argon2id hash to store.

    :raises Refused: `try_later` when the pool and its queue are full
    """
    return minted_hasher.hash(material) if _is_own(material) else _in_pool(hasher.hash, material)


def hash_keys(materials: Sequence[str]) -> list[str]:
    """Hashes for many keys, for an operator's command: it waits its turn instead of being refused, and takes all cores,
    for argon2 lets go of the interpreter."""
    slow = [material for material in materials if not _is_own(material)]
    if len(slow) > WORKERS:
        with ThreadPoolExecutor(CORES) as cores:
            hashes = dict(zip(slow, cores.map(hasher.hash, slow), strict=True))
    else:
        hashes = dict(zip(slow, _pool.map(hasher.hash, slow), strict=True))
    return [hashes.get(material) or minted_hasher.hash(material) for material in materials]


def matches(key_hash: str, material: str) -> bool:
    """Whether the hash is of this material, in constant time.

    :raises Refused: `try_later` when the pool and its queue are full
    """
    if _is_own(material) and _is_made_by(minted_hasher, key_hash):
        return _verify(key_hash, material)
    return _in_pool(_verify, key_hash, material)


def in_turn(call: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
    """Run a slow hash of somebody else in the same pool: it waits its turn. Whoever calls bounds how many wait."""
    return _pool.submit(call, *args, **kwargs).result()


def is_outdated(key_hash: str, material: str) -> bool:
    """Whether the hash was made with other parameters than those in force for this material. A slow hash of a key of
    ours is none: it is stronger than it need be, and stays."""
    if _is_made_by(hasher, key_hash):
        return False
    return not (_is_own(material) and _is_made_by(minted_hasher, key_hash))


def _is_own(material: str) -> bool:
    return is_minted(material, secret=_secret())


def _is_made_by(own: PasswordHasher, key_hash: str) -> bool:
    """Whether a hash has this hasher's parameters."""
    try:
        return not own.check_needs_rehash(key_hash)
    except InvalidHashError:
        return False


def _secret() -> bytes:
    secret: str = settings.KEY_FINGERPRINT_SECRET
    return secret.encode()


def _verify(key_hash: str, material: str) -> bool:
    # Any hasher verifies by the parameters that stand in the hash.
    try:
        return hasher.verify(key_hash, material)
    except (VerificationError, InvalidHashError):
        return False


def _in_pool(call: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
    if not _room.acquire(blocking=False):
        raise Refused("try_later", retry_after=2)
    try:
        return _pool.submit(call, *args, **kwargs).result()
    finally:
        _room.release()
