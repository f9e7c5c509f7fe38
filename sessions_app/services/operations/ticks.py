"""Signs of life of the worker and beat, for `/readyz`: kept in Redis for a while, or here in the embedded lane.

Nothing rests on them: without Redis nobody knows, and nobody needs to.
"""

import time
from collections.abc import Callable
from typing import Final

import redis
from django.conf import settings
from redis.exceptions import RedisError

BEAT: Final = "beat"
WORKER: Final = "worker"
KEPT_SECONDS: Final = 15
_here: Final[dict[str, float]] = {}


def note(who: str) -> None:
    """Say that this one works; a Redis that is away is no reason to stop."""
    if not settings.REDIS_URL:
        _here[who] = time.monotonic()
        return
    try:
        with _client() as client:
            client.set(_key(who), "1", ex=KEPT_SECONDS)
    except (RedisError, OSError):
        return


def works(who: str) -> bool:
    """Whether it was noted lately.

    :raises RedisError: nobody knows
    """
    if not settings.REDIS_URL:
        return time.monotonic() - _here.get(who, -KEPT_SECONDS) < KEPT_SECONDS
    with _client() as client:
        return bool(client.exists(_key(who)))


def ping() -> bool:
    """Whether Redis answers; true where none is set.

    :raises RedisError: it does not
    """
    if not settings.REDIS_URL:
        return True
    with _client() as client:
        return bool(client.ping())


class Every:
    """Calls a step at most once in so many seconds, however often it is asked to."""

    def __init__(self, seconds: float, step: Callable[[], None]) -> None:
        self._seconds, self._step = seconds, step
        self._last = -seconds

    def __call__(self) -> None:
        now = time.monotonic()
        if now - self._last >= self._seconds:
            self._last = now
            self._step()


def _client() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1)


def _key(who: str) -> str:
    return f"{settings.DOORBELL_CHANNEL}.tick.{who}"
