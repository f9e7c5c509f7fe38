"""Argon2id in a bounded pool: never on an event loop, never more at once than the machine has cores to spare."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore
from typing import Final, ParamSpec, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from sessions_app.domain.problems import Refused

_P = ParamSpec("_P")
_R = TypeVar("_R")

# 19 MiB, 2 passes, 1 lane: OWASP's first choice, some 20 ms on a server core.
hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
WORKERS: Final = max(1, (os.cpu_count() or 2) - 1)
WAITING: Final = 64 * WORKERS  # a site that restarts has some dozens of terminals
_pool: Final = ThreadPoolExecutor(WORKERS, thread_name_prefix="argon2")
_room: Final = BoundedSemaphore(WORKERS + WAITING)


def hash_key(material: str) -> str:
    """The argon2id hash to store.

    :raises Refused: `try_later` when the pool and its queue are full
    """
    return _in_pool(hasher.hash, material)


def hash_keys(materials: Iterable[str]) -> list[str]:
    """Hashes for many keys, for an operator's command: it waits its turn instead of being refused."""
    return list(_pool.map(hasher.hash, materials))


def matches(key_hash: str, material: str) -> bool:
    """Whether the hash is of this material, in constant time.

    :raises Refused: `try_later` when the pool and its queue are full
    """
    return _in_pool(_verify, key_hash, material)


def in_turn(call: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
    """Run a slow hash of somebody else in the same pool: it waits its turn. Whoever calls bounds how many wait."""
    return _pool.submit(call, *args, **kwargs).result()


def is_outdated(key_hash: str) -> bool:
    """Whether the hash was made with other parameters than those in force."""
    return hasher.check_needs_rehash(key_hash)


def _verify(key_hash: str, material: str) -> bool:
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
