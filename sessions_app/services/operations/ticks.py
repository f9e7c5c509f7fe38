"""Signs of life of the worker and beat, for `/readyz` and monitoring: kept in Redis for a while, or here where
everything is one process.

Nothing rests on them: without Redis nobody knows, and nobody needs to.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import redis
from django.conf import settings
from redis.exceptions import RedisError

BEAT: Final = "beat"
WORKER: Final = "worker"
KEPT_SECONDS: Final = 15
_here: Final[dict[str, float]] = {}


@dataclass(frozen=True, slots=True)
class Signs:
    """One look: whether Redis answers, None where none is set; how many seconds ago worker and beat were noted, None
    for one that was not noted lately, or of whom nobody knows."""

    redis: bool | None
    worker: float | None
    beat: float | None


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
        return _seen_here(who) is not None
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


def look() -> Signs:
    """All of it in one round trip, for a page: it takes a second at most, and what is away is told, not raised."""
    if not settings.REDIS_URL:
        return Signs(None, _seen_here(WORKER), _seen_here(BEAT))
    try:
        with _client() as client, client.pipeline(transaction=False) as asked:
            for who in (WORKER, BEAT):
                asked.pttl(_key(who))
            worker, beat = asked.execute()
    except (RedisError, OSError):
        return Signs(False, None, None)
    return Signs(True, _seen(worker), _seen(beat))


def _seen(milliseconds_left: int) -> float | None:
    """How long ago it was noted, by how long that is kept still."""
    return max(KEPT_SECONDS - milliseconds_left / 1000, 0.0) if milliseconds_left >= 0 else None


def _seen_here(who: str) -> float | None:
    ago = time.monotonic() - _here.get(who, -KEPT_SECONDS)
    return ago if ago < KEPT_SECONDS else None


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
