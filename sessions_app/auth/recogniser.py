"""Keys that this process has verified within the last minute: shown again, they cost no second argon2 run.

What is kept says nothing about a key: an HMAC under a secret that only this process's memory holds. It only spares the
slow hash; whether the key is in force is read from its row each time: a revocation by any process holds at once.
"""

import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict
from typing import Final, NamedTuple
from uuid import UUID

SECONDS: Final = 60.0
MOST: Final = 10_000


class Shown(NamedTuple):
    """A key as it was shown, and as it is stored."""

    key_id: UUID
    account_id: str
    key_hash: str
    material: str


class Recogniser:
    """Safe for threads. Beyond `most` the key verified longest ago is forgotten."""

    def __init__(self, *, seconds: float = SECONDS, most: int = MOST) -> None:
        self._seconds, self._most = seconds, most
        self._secret = secrets.token_bytes(32)
        self._verified: OrderedDict[UUID, tuple[bytes, float]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._verified)

    def remember(self, shown: Shown) -> None:
        """The material was verified against the stored hash just now."""
        mark = self._mark(shown)
        with self._lock:
            self._verified.pop(shown.key_id, None)
            self._verified[shown.key_id] = (mark, time.monotonic())
            if len(self._verified) > self._most:
                self._verified.popitem(last=False)

    def knows(self, shown: Shown) -> bool:
        """Whether the same was verified within the last minute. Being known makes that minute no longer."""
        with self._lock:
            mark, at = self._verified.get(shown.key_id, (b"", 0.0))
            if mark and time.monotonic() - at > self._seconds:
                del self._verified[shown.key_id]
                mark = b""
        return hmac.compare_digest(mark, self._mark(shown))

    def forget(self, key_id: UUID) -> None:
        """Somebody has decided about the key: it is verified in full when it comes again."""
        with self._lock:
            self._verified.pop(key_id, None)

    def clear(self) -> None:
        """Forget every key."""
        with self._lock:
            self._verified.clear()

    def _mark(self, shown: Shown) -> bytes:
        # The lengths keep parts apart; the stored hash is one, so that a replaced one is verified in full.
        parts = [str(part) for part in shown]
        text = "".join(f"{len(part)}:{part}" for part in parts)
        return hmac.new(self._secret, text.encode(), hashlib.sha256).digest()


verified_keys: Final = Recogniser()
