"""Account ids, key material and its fingerprint."""

import base64
import hashlib
import hmac
import re
from collections import Counter
from math import log2
from typing import Final

from sessions_app.domain.problems import Refused

MIN_KEY_BITS: Final = 128
# The upper bound keeps strangers from having long texts hashed.
_KEY: Final = re.compile(r"[A-Za-z0-9_\-=.+/]{16,256}", re.ASCII)
# One colon only: where the server's name ends must have one answer.
_ACCOUNT: Final = re.compile(
    r"([\x21-\x39\x3b-\x7e](?:[\x20-\x39\x3b-\x7e]*[\x21-\x39\x3b-\x7e])?):([A-Za-z0-9_\-]{1,32})", re.ASCII
)
MAX_ACCOUNT_ID: Final = 128
# Printed in our documents: whoever reads them knows these keys, and somebody will paste one.
PUBLISHED_KEYS: Final = frozenset({"gD_fXa8ZGz9mTPZrtHlyfRUU3u7IoIRC5Cp-VcX2Dvw"})


def canonical_account_id(text: str) -> str:
    """`<broker server>:<login>` as it is compared: lower case, no leading zeros in the login.

    :raises Refused: `account_id_invalid`
    """
    # The length first: the pattern must not be tried on megabytes.
    match = _ACCOUNT.fullmatch(text) if len(text) <= MAX_ACCOUNT_ID else None
    if match is None:
        raise Refused(
            "account_id_invalid",
            "Expected <broker server>:<login>, 1 to 128 printable ASCII characters",
            path="account_id",
        )
    server, login = match.groups()
    # Login 007 is account 7 to its broker: two names would let two terminals trade it at once.
    return f"{server}:{login.lstrip('0') or '0'}".lower()


def check_key(key: str) -> None:
    """Refuse key material of fewer than 128 bits, by length and alphabet, and the examples of our documents.

    :raises Refused: `key_malformed`
    """
    if key in PUBLISHED_KEYS:
        raise Refused(
            "key_malformed", "This key is the example of the documents: make one of your own", path="auth_key"
        )
    # Half: Shannon's estimate over so few characters lies below the true entropy of a random key.
    if _KEY.fullmatch(key) is None or _entropy_bits(key) < MIN_KEY_BITS / 2:
        raise Refused(
            "key_malformed", "Expected at least 128 random bits as 22 or more base64url characters", path="auth_key"
        )
    if len(key.rstrip("=")) * log2(_alphabet_size(key)) < MIN_KEY_BITS:
        raise Refused("key_malformed", "This key is shorter than 128 bits", path="auth_key")


def _alphabet_size(key: str) -> int:
    # Twenty-two digits look long, and are 73 bits.
    if re.fullmatch(r"[0-9]+", key):
        return 10
    return 16 if re.fullmatch(r"[0-9a-fA-F]+", key) else 64


def _entropy_bits(key: str) -> float:
    """Shannon's estimate over the key's own characters: "aaaa..." is long, but no secret."""
    counts = Counter(key).values()
    return -sum(n * log2(n / len(key)) for n in counts)


# 256 random bits and a tag of 128 bits, each as base64url without padding.
MINTED_BYTES: Final = 32
_CODE_DIGITS: Final = 8
_TAG_BYTES: Final = 16
_BODY_LENGTH: Final = 43
_MINTED: Final = re.compile(r"[A-Za-z0-9_\-]{65}", re.ASCII)
# With a byte that no key has: no fingerprint is ever the tag of something.
_TAGGED_AS: Final = b"minted key\0"


def minted_key(random: bytes, *, secret: bytes) -> str:
    """The key that a deployment makes of its own random bytes. Its end proves to it, and to nobody else, that they were
    its own: so it has `MINTED_BYTES` of entropy, whoever brings it.

    :raises ValueError: these are fewer bytes, or more
    """
    if len(random) != MINTED_BYTES:
        raise ValueError(f"a key is made of {MINTED_BYTES} random bytes")
    body = _base64url(random)
    return body + _tag(body, secret)


def is_minted(key: str, *, secret: bytes) -> bool:
    """Whether the deployment with this secret has made this key."""
    if _MINTED.fullmatch(key) is None:
        return False
    body, tag = key[:_BODY_LENGTH], key[_BODY_LENGTH:]
    return hmac.compare_digest(tag, _tag(body, secret))


def _tag(body: str, secret: bytes) -> str:
    return _base64url(hmac.digest(secret, _TAGGED_AS + body.encode(), "sha256")[:_TAG_BYTES])


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def fingerprint(key: str, *, secret: bytes) -> str:
    """HMAC-SHA-256 of the key under the server's secret, hex: for look-up and display, useless without the secret."""
    return hmac.new(secret, key.encode(), hashlib.sha256).hexdigest()


def token_digest(token: str) -> str:
    """SHA-256 of a session token, hex. The token has 256 random bits: no salt or stretching is needed."""
    return hashlib.sha256(token.encode()).hexdigest()


def owners_code(digest: str) -> str:
    """The beginning of a key's SHA-256, which whoever has the key can compute, and nobody can turn back: 32 bits of
    what says nothing about a key of 128 or more."""
    return digest[:_CODE_DIGITS]


def grouped(code: str) -> str:
    """As people read it to each other: `4f2a 91c0`."""
    return f"{code[: _CODE_DIGITS // 2]} {code[_CODE_DIGITS // 2 :]}".strip()
