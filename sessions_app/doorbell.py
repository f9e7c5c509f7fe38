"""The only sender to other tasks and processes: "look at these rows again", and, so that nobody has to look, the frames
that were just committed.

The row is the truth: a ring that is lost costs at most a sweep, and a frame that came by bus goes out only on a link
whose log it continues exactly. Listeners of this process hear a ring directly; other gateway processes over Redis
pub/sub, one message a batch, sent by a thread of its own so that no service ever waits for Redis.

A message is signed with a key that follows from SECRET_KEY: who can write to Redis can still not make an order.
"""

import contextlib
import hashlib
import hmac
import queue
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Final
from uuid import UUID, uuid4

import msgspec
import redis
import structlog
from django.conf import settings
from msgspec import Meta

from sessions_app.domain.frames.log import LogFrame

PROCESS: Final = uuid4().hex
MOST_FRAMES: Final = 200
"""Of one account in one message: a page of its log."""
MOST_BYTES: Final = 256 * 1024
"""Of payloads in one message; what is beyond is told by its number alone."""
FRESH_SECONDS: Final = 5.0
"""Frames that were longer on their way are read from their rows: what became of them meanwhile stands there."""
MOST_WAITING: Final = 1000
MOST_WAITING_BYTES: Final = 16 * 1024 * 1024
_SIGNATURE: Final = hashlib.sha256().digest_size
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class News:
    """An account's log has grown up to `top`: by these frames, numbered under this fence, if they could be told."""

    top: int
    fence: int = 0
    frames: Sequence[LogFrame] = ()


@dataclass(frozen=True, slots=True)
class Ring:
    """Sessions whose state changed, and accounts with new commands. `rung_at`: when another process has said so."""

    sessions: frozenset[UUID] = frozenset()
    accounts: Mapping[UUID, News] = field(default_factory=dict)
    rung_at: datetime | None = None

    def __bool__(self) -> bool:
        return bool(self.sessions or self.accounts)


Listener = Callable[[Ring], None]
_listeners: list[Listener] = []
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
    """Tell everyone who holds these sockets, after the commit. `accounts`: the top number of each log that grew."""
    news = Ring(frozenset(sessions), {account: News(top) for account, top in (accounts or {}).items()})
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
        _outgoing.put(encode(news if _outgoing.has_room else _without_frames(news)))
    except queue.Full:
        _log.warning("doorbell.dropped", waiting=len(_outgoing))


# One bus message -----------------------------------------------------------------------------------------------------

_Number = Annotated[int, Meta(ge=0, le=2**53 - 1)]


class _Frame(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    seq: _Number
    covers: _Number
    frame_id: UUID
    epoch: UUID
    kind: Annotated[str, Meta(min_length=1, max_length=64)]
    payload: msgspec.Raw


class _Account(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    account: UUID
    top: _Number
    fence: _Number
    frames: Annotated[list[_Frame], Meta(max_length=MOST_FRAMES)]


class _Message(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    sender: Annotated[str, Meta(max_length=64)]
    sent_at: float
    sessions: list[UUID]
    accounts: list[_Account]


_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(_Message)


def encode(news: Ring) -> bytes:
    """One bus message: its signature, and what it says."""
    room = MOST_BYTES
    accounts = []
    for account, grown in news.accounts.items():
        weight = sum(len(frame.payload) for frame in grown.frames)
        told = grown.frames if len(grown.frames) <= MOST_FRAMES and weight <= room else ()
        room -= weight if told else 0
        accounts.append(_Account(account, grown.top, grown.fence, [_told(frame) for frame in told]))
    content = _ENCODER.encode(_Message(PROCESS, time.time(), list(news.sessions), accounts))
    return _sign(content) + content


def decode(message: bytes) -> Ring | None:
    """The ring in a bus message; None for this process's own, and for what is no ring of this deployment."""
    signature, content = message[:_SIGNATURE], message[_SIGNATURE:]
    try:
        if not hmac.compare_digest(signature, _sign(content)):
            raise ValueError("its signature is another deployment's, or nobody's")
        told = _DECODER.decode(content)
    except (ValueError, TypeError, RecursionError) as error:  # msgspec's own are ValueErrors
        _log.warning("doorbell.unreadable", error=str(error)[:200])
        return None
    if told.sender == PROCESS:
        return None
    # A clock that runs behind makes frames old, never young: then they are read from their rows.
    fresh = abs(time.time() - told.sent_at) <= FRESH_SECONDS
    accounts = {item.account: _heard(item, fresh=fresh) for item in told.accounts}
    return Ring(frozenset(told.sessions), accounts, datetime.fromtimestamp(told.sent_at, UTC))


def _told(frame: LogFrame) -> _Frame:
    return _Frame(frame.seq, frame.covers, frame.frame_id, frame.epoch, frame.kind, msgspec.Raw(frame.payload))


def _heard(account: _Account, *, fresh: bool) -> News:
    frames = [
        LogFrame(
            seq=frame.seq,
            frame_id=frame.frame_id,
            kind=frame.kind,
            payload=bytes(frame.payload),
            epoch=frame.epoch,
            covers=frame.covers,
        )
        for frame in account.frames
        if fresh
    ]
    return News(account.top, account.fence, frames)


def _without_frames(news: Ring) -> Ring:
    return Ring(news.sessions, {account: News(grown.top) for account, grown in news.accounts.items()})


def _sign(content: bytes) -> bytes:
    """The channel is signed with the message: what was said on another deployment's means nothing here."""
    key = hashlib.sha256(b"doorbell\n" + settings.SECRET_KEY.encode()).digest()
    return hmac.digest(key, settings.DOORBELL_CHANNEL.encode() + b"\n" + content, "sha256")


# The publisher -------------------------------------------------------------------------------------------------------


class _Outgoing:
    """What waits for Redis, bounded in messages and in bytes."""

    def __init__(self) -> None:
        self._queue: queue.Queue[bytes] = queue.Queue(maxsize=MOST_WAITING)
        self._lock = threading.Lock()
        self._bytes = 0

    def __len__(self) -> int:
        return self._queue.qsize()

    @property
    def has_room(self) -> bool:
        """Whether frames may still wait here; numbers alone may, as long as there is a place."""
        return self._bytes < MOST_WAITING_BYTES

    def put(self, message: bytes) -> None:
        """Queue one message.

        :raises queue.Full: too many wait
        """
        self._queue.put_nowait(message)
        with self._lock:
            self._bytes += len(message)

    def get(self) -> bytes:
        """The next message; waits for one."""
        message = self._queue.get()
        with self._lock:
            self._bytes -= len(message)
        return message


_outgoing = _Outgoing()


def _start_publisher() -> None:
    global _publisher  # noqa: PLW0603 - one publisher thread a process
    with _publisher_lock:
        if _publisher is None or not _publisher.is_alive():
            _publisher = threading.Thread(target=_publish_forever, args=(_outgoing,), name="doorbell", daemon=True)
            _publisher.start()


def _publish_forever(outgoing: _Outgoing) -> None:
    client: redis.Redis = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)
    while True:
        message = outgoing.get()
        try:
            client.publish(settings.DOORBELL_CHANNEL, message)
        except redis.RedisError as error:
            _log.warning("doorbell.unheard", error=type(error).__name__)
