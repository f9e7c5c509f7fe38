"""Codes of a phone (RFC 6238: six digits, half minutes, SHA-1) and recovery codes on paper."""

import base64
import hashlib
import secrets
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

STEP_SECONDS: Final = 30
DIGITS: Final = 6
RECOVERY_CODES: Final = 10
_SECRET_BYTES: Final = 20  # what RFC 4226 advises for SHA-1
_RECOVERY_BYTES: Final = 10


def new_secret() -> str:
    """A secret for a phone, as it is typed there: base32."""
    return base64.b32encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def code_at(secret: str, step: int) -> str:
    """The code of one half minute."""
    # SHA-1 is what phones know; an HMAC does not rest on what SHA-1 has lost.
    totp = TOTP(base64.b32decode(secret), DIGITS, SHA1(), STEP_SECONDS, enforce_key_length=False)  # noqa: S303
    return totp.generate(step * STEP_SECONDS).decode()


def step_of(secret: str, code: str, *, seconds: float, after: int) -> int | None:
    """The half minute whose code this is: the present one or a neighbour, later than the last that was taken."""
    now = int(seconds) // STEP_SECONDS
    steps = [step for step in (now, now - 1, now + 1) if step > after]
    return next((step for step in steps if secrets.compare_digest(code_at(secret, step), code)), None)


def new_recovery_codes() -> list[str]:
    """Ten codes of 80 bits, grouped to be copied by hand."""
    return [_grouped(base64.b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode()) for _ in range(RECOVERY_CODES)]


def recovery_digest(code: str) -> str:
    """What is stored of a recovery code: the same however it was typed."""
    plain = "".join(letter for letter in code.upper() if letter.isalnum())
    return hashlib.sha256(plain.encode()).hexdigest()


def as_typed(text: str) -> str:
    """What was typed, without blanks."""
    return "".join(text.split())


def is_phone_code(text: str) -> bool:
    return len(text) == DIGITS and text.isascii() and text.isdigit()


def _grouped(code: str) -> str:
    return "-".join(code[at : at + 4] for at in range(0, len(code), 4)).lower()
