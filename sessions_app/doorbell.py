"""The only sender to other tasks and processes: "look at these rows again". Never the order itself.

The row is the truth: a ring that is lost costs at most a sweep. Listeners of this process hear it directly; other
gateway processes over Redis pub/sub, one message a batch, sent by a thread of its own so that no service ever waits
for Redis.
"""

import contextlib
import json
import queue
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID, uuid4

import redis
import structlog
from django.conf import settings

CHANNEL: Final = "eagateway.doorbell"
PROCESS: Final = uuid4().hex
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Ring:
    """Sessions whose state changed, and accounts with new commands: the top number of each log."""

    sessions: frozenset[UUID] = frozenset()
    accounts: Mapping[UUID, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.sessions or self.accounts)


Listener = Callable[[Ring], None]
_listeners: list[Listener] = []
_outgoing: "queue.Queue[str]" = queue.Queue(maxsize=1000)
_publisher_lock = threading.Lock()
_publisher: threading.Thread | None = None


def listen(listener: Listener) -> Callable[[], None]:
    """Call `listener` in the ringing thread at every ring; returns how to stop that."""
    _listeners.append(listener)

    def stop() -> None:
        with contextlib.suppress(ValueError):
            _listeners.remove(listener)

    return stop


def ring(*, sessions: Collection[UUID] = (), accounts: Mapping[UUID, int] | None = None) -> None:
    """Tell everyone who holds these sockets, after the commit."""
    news = Ring(frozenset(sessions), dict(accounts or {}))
    if not news:
        return
    for listener in _listeners:
        listener(news)
    publish(news)


def publish(news: Ring) -> None:
    """Tell the other gateway processes only."""
    if not settings.REDIS_URL or not news:
        return
    _start_publisher()
    try:
        _outgoing.put_nowait(encode(news))
    except queue.Full:
        _log.warning("doorbell.dropped", waiting=_outgoing.qsize())


def encode(news: Ring) -> str:
    """One bus message."""
    accounts = {str(account): top for account, top in news.accounts.items()}
    return json.dumps({"from": PROCESS, "sessions": [str(item) for item in news.sessions], "accounts": accounts})


def decode(message: str | bytes) -> Ring | None:
    """The ring in a bus message; None for this process's own, and for what is no ring."""
    try:
        content: dict[str, Any] = json.loads(message)
        if content["from"] == PROCESS:
            return None
        sessions = frozenset(UUID(item) for item in content["sessions"])
        return Ring(sessions, {UUID(account): int(top) for account, top in content["accounts"].items()})
    except (ValueError, KeyError, TypeError, AttributeError):
        _log.warning("doorbell.unreadable")
        return None


def _start_publisher() -> None:
    global _publisher  # noqa: PLW0603 - one publisher thread a process
    with _publisher_lock:
        if _publisher is None or not _publisher.is_alive():
            _publisher = threading.Thread(target=_publish_forever, name="doorbell", daemon=True)
            _publisher.start()


def _publish_forever() -> None:
    client: redis.Redis = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)
    while True:
        message = _outgoing.get()
        try:
            client.publish(CHANNEL, message)
        except redis.RedisError as error:
            _log.warning("doorbell.unheard", error=type(error).__name__)
