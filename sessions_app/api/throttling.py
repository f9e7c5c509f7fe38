"""How often one address, and one session, may ask over REST: token buckets of this process, bounded in number."""

import math
import time
from collections import OrderedDict
from threading import Lock
from typing import Any, Final

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from sessions_app.api import parsing
from sessions_app.domain.problems import Refused
from sessions_app.models import EaSession

MOST: Final = 20_000
_Key = tuple[str, str, int]


class Buckets:
    """Token buckets by key. Beyond `most` the one unused longest is forgotten: it may only be full by then, or a
    stranger's, and memory stays bounded whatever addresses are invented."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._levels: OrderedDict[_Key, tuple[float, float]] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._levels)

    def clear(self) -> None:
        """Forget everybody."""
        with self._lock:
            self._levels.clear()

    def wait(self, kind: str, name: str, *, per_minute: int, now: float) -> int:
        """Take one token of `per_minute`; 0, or the whole seconds until there is one."""
        rate = per_minute / 60
        with self._lock:
            level, at = self._levels.pop((kind, name, per_minute), (float(per_minute), now))
            level = min(float(per_minute), level + (now - at) * rate)
            taken = level >= 1
            self._levels[kind, name, per_minute] = (level - taken, now)
            if len(self._levels) > self._most:
                self._levels.popitem(last=False)
        return 0 if taken else math.ceil((1 - level) / rate)


BUCKETS: Final = Buckets()


class Pace(BaseThrottle):
    """Per session for calls with its token, else per address. No account is counted: strangers lock nobody out."""

    def __init__(self) -> None:
        self._seconds = 0

    def allow_request(self, request: Request, view: Any) -> bool:
        session = request.auth
        if isinstance(session, EaSession):
            self._seconds = _session_wait(session)
        else:
            self._seconds = _address_wait(request)
        return self._seconds == 0

    def wait(self) -> float:
        return self._seconds


def count_stranger(request: Request) -> None:
    """Count a call whose token nobody knows against its address.

    :raises Refused: `throttled`
    """
    seconds = _address_wait(request)
    if seconds:
        raise Refused("throttled", retry_after=seconds)


def _session_wait(session: EaSession) -> int:
    bound = settings.GATEWAY["rest_per_session"]
    return BUCKETS.wait("session", str(session.id), per_minute=bound, now=time.monotonic())


def _address_wait(request: Request) -> int:
    bound = settings.GATEWAY["rest_per_address"]
    return BUCKETS.wait("address", parsing.peer_address(request), per_minute=bound, now=time.monotonic())
