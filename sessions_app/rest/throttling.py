"""How often one address, one session and one management token may ask over REST: token buckets of this process, bounded
in number.
"""

import math
from collections.abc import Hashable
from threading import Lock
from typing import Any, Final

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from sessions_app.domain.problems import Refused
from sessions_app.models import EaSession, ManagementToken
from sessions_app.rest import parsing
from sessions_app.transport.inbound.rate_limits import Bucket, Kept

_LOCK: Final = Lock()


def _per_minute(calls: int) -> Bucket:
    return Bucket(calls / 60, calls)


ADDRESSES: Final = Kept(lambda: _per_minute(settings.GATEWAY["rest_per_address"]))
SESSIONS: Final = Kept(lambda: _per_minute(settings.GATEWAY["rest_per_session"]))
TOKENS: Final = Kept(lambda: _per_minute(settings.GATEWAY["management_per_token"]))


class Pace(BaseThrottle):
    """Per session, or per management token, for calls with its token; else per address.

    No account is counted: strangers lock nobody out.
    """

    def __init__(self) -> None:
        self._seconds = 0

    def allow_request(self, request: Request, view: Any) -> bool:
        shown = request.auth
        if isinstance(shown, EaSession):
            self._seconds = _wait(SESSIONS, shown.id)
        elif isinstance(shown, ManagementToken):
            self._seconds = _wait(TOKENS, shown.id)
        else:
            self._seconds = _wait(ADDRESSES, parsing.counted_address(request))
        return self._seconds == 0

    def wait(self) -> float:
        return self._seconds


def count_stranger(request: Request) -> None:
    """Count a call whose token nobody knows against its address.

    :raises Refused: `throttled`
    """
    count_stranger_at(parsing.counted_address(request))


def count_stranger_at(address: str) -> None:
    """The same, for a door that is no view; see `addresses.counted_as`.

    :raises Refused: `throttled`
    """
    seconds = _wait(ADDRESSES, address)
    if seconds:
        raise Refused("throttled", retry_after=seconds)


def _wait(buckets: Kept[Bucket], who: Hashable) -> int:
    """Take one call: 0, or the whole seconds until there is one."""
    with _LOCK:
        return math.ceil(buckets.of(who).wait())
