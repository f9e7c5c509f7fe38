"""Asking an external issuer about an access token (RFC 7662), and remembering its answers for a moment."""

import base64
import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from threading import BoundedSemaphore, Lock
from time import monotonic
from typing import Any, Final
from urllib.parse import quote, quote_plus, urlencode

import structlog
from django.conf import settings

from sessions_app.auth.fetching import Unreachable, fetch_json
from sessions_app.domain.problems import Refused

MAX_REMEMBERED: Final = 10_000
AT_ONCE: Final = 8
_END_OF_TIME: Final = 253_402_300_799  # the last second of the year 9999
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the issuer said. `client_id` is empty for a token that is not active."""

    client_id: str
    expires_at: float | None


class _Memory:
    """The latest answers by the token's hash, at most MAX_REMEMBERED, each for a few seconds."""

    def __init__(self) -> None:
        self._answers: OrderedDict[str, tuple[float, Answer]] = OrderedDict()
        self._lock = Lock()

    def get(self, mark: str) -> Answer | None:
        with self._lock:
            until, answer = self._answers.get(mark, (0.0, None))
        return answer if monotonic() < until else None

    def put(self, mark: str, answer: Answer) -> None:
        with self._lock:
            self._answers[mark] = (monotonic() + settings.OAUTH["introspection_cache"], answer)
            self._answers.move_to_end(mark)
            while len(self._answers) > MAX_REMEMBERED:
                self._answers.popitem(last=False)

    def clear(self) -> None:
        with self._lock:
            self._answers.clear()


memory: Final = _Memory()
_room: Final = BoundedSemaphore(AT_ONCE)


def introspect(token: str) -> Answer:
    """What the issuer says of a token.

    :raises Refused: `try_later` when it does not answer in time, or too many are being asked about
    """
    mark = hashlib.sha256(token.encode()).hexdigest()
    known = memory.get(mark)
    if known is not None:
        return known
    if not _room.acquire(blocking=False):
        raise Refused("try_later", retry_after=2)
    try:
        answer = _read(_ask(token))
    except Unreachable as away:
        _log.warning("issuer.unreachable", error=str(away))
        raise Refused("try_later", retry_after=5) from away
    finally:
        _room.release()
    memory.put(mark, answer)
    return answer


def _ask(token: str) -> Any:
    rules = settings.OAUTH
    name, secret = quote(rules["introspection_client_id"], safe=""), quote_plus(rules["introspection_client_secret"])
    basic = base64.b64encode(f"{name}:{secret}".encode()).decode()
    return fetch_json(
        rules["introspection_url"],
        timeout=rules["introspection_timeout"],
        body=urlencode({"token": token, "token_type_hint": "access_token"}).encode(),
        headers={
            "Authorization": f"Basic {basic}",
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        },
    )


def _read(content: Any) -> Answer:
    if not isinstance(content, dict) or content.get("active") is not True:
        return Answer("", None)
    client_id, expires_at = content.get("client_id"), content.get("exp")
    if not _is_access_token(content) or not _is_for_us(content.get("aud")):
        _log.warning("issuer.token_not_for_us")
        return Answer("", None)
    return Answer(
        client_id if isinstance(client_id, str) and client_id.isprintable() else "",
        _moment(expires_at),
    )


def _moment(told: Any) -> float | None:
    """A moment of the far future is none to us; what is no number says that it is over."""
    if told is None:
        return None
    if not isinstance(told, int | float) or told != told:
        return 0.0
    return float(min(told, _END_OF_TIME))


def _is_access_token(content: dict[str, Any]) -> bool:
    """An issuer may tell the type; a refresh token is active too, but opens nothing here."""
    told = content.get("token_type")
    return told is None or (isinstance(told, str) and told.casefold() in ("bearer", "access_token"))


def _is_for_us(audience: Any) -> bool:
    """Whether the audience that the settings demand, if any, is among those that the issuer names."""
    wanted = settings.OAUTH["introspection_audience"]
    named = audience if isinstance(audience, list) else [audience]
    return not wanted or wanted in named
