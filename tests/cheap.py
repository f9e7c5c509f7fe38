"""What a deployment pays once and a suite thousands of times, made cheap in the processes of the tests.

Hashes take one pass over 8 KiB instead of two over 19 MiB: every account of a test has a key, and every page a person
with a password. Static files are looked up when they are asked for: each client builds the middleware anew, which
would read all their names first. The two took a quarter of the time of tests that ask for pages. The garbage collector
passes over what was imported once, and not again and again: one part in fourteen of every test.

The gateways that tests start do both as a deployment does; a test that asks for `costly_hashes` hashes so too.
"""

import gc
from collections.abc import Generator
from typing import Final

import pytest
from argon2 import PasswordHasher
from django.conf import settings

from sessions_app.auth import hashing

_CHEAP: Final = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
_COSTLY: Final = hashing.hasher


def _use(hasher: PasswordHasher) -> None:
    from sessions_app.auth.password_hashing import PooledPasswordHasher  # noqa: PLC0415 - needs the settings

    hashing.hasher = hasher
    PooledPasswordHasher.time_cost = hasher.time_cost
    PooledPasswordHasher.memory_cost = hasher.memory_cost


def pytest_sessionstart() -> None:
    _use(_CHEAP)
    settings.WHITENOISE_AUTOREFRESH = True


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


@pytest.fixture
def costly_hashes() -> Generator[None]:
    """The parameters of a deployment."""
    _use(_COSTLY)
    yield
    _use(_CHEAP)
