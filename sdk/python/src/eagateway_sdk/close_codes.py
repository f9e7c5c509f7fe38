"""What to do when a connection has ended: one table, from the protocol's close codes."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final


class Next(Enum):
    """RESUME: the same session. RENEW: a new session, the outbox is kept. PENALTY: the same after a long pause, three
    times at most. STOP: surface it, a human has to act."""

    RESUME = "resume"
    RENEW = "renew"
    RENEW_ONCE = "renew_once"
    PENALTY = "penalty"
    STOP = "stop"


PROTOCOL_ERROR: Final = 4400
SUPERSEDED: Final = 4411
NETWORK: Final = 1006
AFTER: Final[Mapping[int, Next]] = MappingProxyType(
    {
        1000: Next.RESUME,
        NETWORK: Next.RESUME,
        1009: Next.RESUME,
        1011: Next.RESUME,
        4012: Next.RESUME,  # service_restart
        4013: Next.RESUME,  # try_later
        PROTOCOL_ERROR: Next.PENALTY,
        4401: Next.RENEW,  # token_invalid
        4403: Next.STOP,  # key_refused
        4406: Next.STOP,  # version_unsupported
        4408: Next.RENEW,  # heartbeat_timeout
        4409: Next.STOP,  # preempted
        4410: Next.RENEW,  # session_closed
        SUPERSEDED: Next.STOP,  # superseded by a newer socket of the same session: this one just goes
        4429: Next.RESUME,  # flood, or a slow reader
    }
)


_WORDS: Final[Mapping[int, str]] = MappingProxyType(
    {
        1000: "closed in order",
        NETWORK: "the connection was lost",
        1009: "message too big",
        1011: "the gateway failed",
        4012: "service_restart: the gateway restarts",
        4013: "try_later: a part of the gateway is away, or in maintenance",
        PROTOCOL_ERROR: "protocol_error: the gateway could not read what was sent, or one number had two frames",
        4401: "token_invalid: the session's token is unknown or was replaced",
        4403: "key_refused: the key was rejected or revoked, or the account suspended",
        4406: "version_unsupported: the gateway does not speak this version of the protocol",
        4408: "heartbeat_timeout: no heartbeat came in time",
        4409: "preempted: a newer session of this account is in charge",
        4410: "session_closed: the session has ended",
        SUPERSEDED: "superseded: a newer connection of this session has taken over",
        4429: "flood: too much at once, or read too slowly",
    }
)


def words(code: int) -> str:
    """What a close code means."""
    return _WORDS.get(code, "closed without a known reason")


def after(code: int) -> Next:
    """What follows a close code; an unknown 44xx is tried once with a new session, everything else unknown resumes."""
    known = AFTER.get(code)
    if known is not None:
        return known
    return Next.RENEW_ONCE if 4400 <= code <= 4499 else Next.RESUME


_BY_CODE: Final[Mapping[str, int]] = MappingProxyType(
    {
        "account_suspended": 4403,
        "closed_by_operator": 4410,
        "fenced": 4409,
        "flood": 4429,
        "heartbeat_timeout": 4408,
        "key_refused": 4403,
        "key_rejected": 4403,
        "key_revoked": 4403,
        "preempted": 4409,
        "protocol_error": PROTOCOL_ERROR,
        "service_restart": 4012,
        "session_closed": 4410,
        "superseded": SUPERSEDED,
        "throttled": 4429,
        "token_invalid": 4401,
        "try_later": 4013,
        "version_unsupported": 4406,
    }
)
_BY_STATUS: Final[Mapping[int, int]] = MappingProxyType(
    {400: 4400, 401: 4401, 403: 4403, 406: 4406, 409: 4409, 410: 4410, 429: 4429, 502: 1006, 503: 4013, 504: 1006}
)


def code_of_problem(code: str, status: int) -> int:
    """The close code that an exchange's problem stands for, by its code, else by its HTTP status.

    Another refusal is an unknown 44xx; another failure of the server is a broken connection. So is a refusal without a
    code: the gateway names each of its own, and a page of a proxy or a firewall may be another one in a minute.
    """
    if not code and 400 <= status <= 499 and status != 429:
        return NETWORK
    known = _BY_CODE.get(code) or _BY_STATUS.get(status)
    if known is not None:
        return known
    return 4400 + status % 100 if 400 <= status <= 499 else NETWORK


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential back-off with full jitter, in seconds: up to `first`, then doubled up to `longest`.

    `penalty` is the pause after a protocol error, which is tried `penalties` times.
    """

    first: float = 1.0
    longest: float = 60.0
    penalty: float = 60.0
    penalties: int = 3
    draw: Callable[[], float] = random.random

    def delay(self, attempt: int) -> float:
        """The pause before attempt 0, 1, 2 ..."""
        return self.draw() * min(self.longest, self.first * 2.0 ** min(attempt, 16))

    def after(self, told: float) -> float:
        """The pause when the gateway told one: never less, and up to twice as long, so that not all come at once."""
        return told + self.draw() * max(self.first, min(told, self.longest))
