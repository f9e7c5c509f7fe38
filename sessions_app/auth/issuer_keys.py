"""The keys that an issuer signs its tokens with: one from the settings, or a JWKS document that is kept for a while."""

import json
from collections import deque
from dataclasses import dataclass, field
from functools import cache
from math import ceil
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any, Final, Protocol

import structlog
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from sessions_app.auth.fetching import Unreachable, fetch_json
from sessions_app.domain.problems import Refused

READS: Final = 5
READS_WITHIN: Final = 60.0
KEPT_FOR: Final = 600.0
TIMEOUT: Final = 5.0
MAX_KEYS: Final = 100
_FIRST_SECONDS: Final = TIMEOUT
"""How long a caller waits for whoever reads the first document."""
_log = structlog.get_logger(__name__)


class NoKey(Exception):
    """No key of the issuer fits a token's header."""


class IssuerKeys(Protocol):
    """Where verification keys come from."""

    def key_for(self, kid: str | None, algorithm: str) -> Any:
        """The key that PyJWT verifies with.

        :raises NoKey: none fits
        :raises Refused: `try_later`: none fits, of what we know, and we may not have the newest
        """


@cache
def read_pem(text: str) -> str:
    """A PEM as a variable can hold it (line breaks as \\n), or the content of the file that has it.

    :raises OSError: there is no such file
    """
    if text.lstrip().startswith("-----BEGIN"):
        return text.replace("\\n", "\n")
    return Path(text).read_text(encoding="ascii")


def is_public_pem(text: str) -> bool:
    """Whether a setting leads to the PEM of a public key."""
    try:
        load_pem_public_key(read_pem(text).encode())
    except (OSError, ValueError, UnsupportedAlgorithm):
        return False
    return True


@dataclass(frozen=True, slots=True)
class FixedKey:
    """One key from the settings: a public key as PEM, or the secret of HS256. A token's `kid` says nothing then."""

    key: str = field(repr=False)

    def key_for(self, kid: str | None, algorithm: str) -> Any:
        return self.key


class KeyDocument:
    """A JWKS document, by its path or address.

    It is read anew when it is older than KEPT_FOR, and for a `kid` that is not in it, but at most READS times within
    READS_WITHIN: tokens with invented kids must not make us hammer the issuer. While it cannot be had, the last one
    stays in force, and a `kid` that is not in it may be a new one: its token is to come again.
    """

    def __init__(self, place: str) -> None:
        self._place = place
        self._keys: list[dict[str, Any]] = []
        self._read_at = float("-inf")
        self._tries: deque[float] = deque(maxlen=READS)
        self._reading = Lock()

    def key_for(self, kid: str | None, algorithm: str) -> Any:
        due = monotonic() - self._read_at > KEPT_FOR or self._find(kid, algorithm) is None
        newest = due and self._refresh()
        found = self._find(kid, algorithm)
        if found is not None:
            return found
        if not newest and not self._knows(kid):
            raise Refused("try_later", "The issuer's keys cannot be read now", retry_after=max(1, self._wait()))
        raise NoKey

    def _knows(self, kid: str | None) -> bool:
        """Whether a document that has been read has this kid, whatever is wrong with its key; without one, any key."""
        return any(kid is None or key.get("kid") == kid for key in self._keys)

    def _wait(self) -> int:
        """Seconds until the document may be read again."""
        if len(self._tries) < READS:
            return 0
        return max(0, ceil(self._tries[0] + READS_WITHIN - monotonic()))

    def _find(self, kid: str | None, algorithm: str) -> Any:
        """The key with this `kid`; without one the only key of a document that has just one."""
        fitting = [key for key in self._keys if kid is None or key.get("kid") == kid]
        if len(fitting) != 1 or fitting[0].get("alg", algorithm) != algorithm:
            return None
        try:
            return PyJWK(fitting[0], algorithm=algorithm)
        except PyJWTError:
            return None

    def _refresh(self) -> bool:
        """Whether the document has been read anew."""
        if not self._reading.acquire(timeout=0 if self._keys else _FIRST_SECONDS):
            return False  # somebody else is reading it: what we have must do
        try:
            if self._wait() > 0:
                return False
            self._tries.append(monotonic())
            self._keys = _signature_keys(self._load())
            self._read_at = monotonic()
        except (Unreachable, OSError, ValueError) as error:
            _log.warning("issuer.keys_unreadable", error=type(error).__name__)
            return False
        else:
            return True
        finally:
            self._reading.release()

    def _load(self) -> Any:
        if "://" in self._place:
            return fetch_json(self._place, timeout=TIMEOUT)
        return json.loads(Path(self._place).read_bytes())


def _signature_keys(document: Any) -> list[dict[str, Any]]:
    """The public signature keys of a document. A symmetric key in a public document is no secret: never used.

    :raises ValueError: it is no JWKS document
    """
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list):
        raise ValueError("not a JWKS document")
    known = [key for key in keys[:MAX_KEYS] if isinstance(key, dict)]
    return [key for key in known if key.get("kty") in ("RSA", "EC", "OKP") and key.get("use", "sig") == "sig"]
