"""One request under one Idempotency-Key at a time, whichever gateway process it reaches."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from threading import Lock
from typing import Final

from django.conf import settings
from django.db import DatabaseError, connection

from sessions_app.domain.problems import Refused

_mine: Final[set[int]] = set()
_turn: Final = Lock()


@contextmanager
def only_one(scope: str) -> Iterator[None]:
    """Nobody else in this block under the same scope. The database lets go of it when this process dies.

    :raises Refused: `request_in_flight`
    """
    # An advisory lock takes a signed number of 64 bits.
    number = int.from_bytes(sha256(scope.encode()).digest()[:8], "big", signed=True)
    if not _take(number):
        raise Refused("request_in_flight", retry_after=1)
    try:
        yield
    finally:
        _give_back(number)


def _take(number: int) -> bool:
    if _asks_database():
        return _call("pg_try_advisory_lock", number)
    with _turn:  # SQLite has one process
        free = number not in _mine
        _mine.add(number)
    return free


def _give_back(number: int) -> None:
    if _asks_database():
        with suppress(DatabaseError):  # its connection has gone, and the lock with it
            _call("pg_advisory_unlock", number)
        return
    with _turn:
        _mine.discard(number)


def _asks_database() -> bool:
    """Whether a lock of the connection holds: a pooler gives the next statement another connection, and the lock would
    stay with the former one. Behind it only the requests of one process exclude each other."""
    return connection.vendor == "postgresql" and not settings.DATABASE_POOLER


def _call(function: str, number: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s)", [number])
        row = cursor.fetchone()
    return bool(row[0])
