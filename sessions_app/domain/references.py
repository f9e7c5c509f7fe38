"""Secrets are named where they are needed, never written there: `vault:broker-password`."""

import re
from typing import Final

PREFIX: Final = "vault:"
LONGEST_NAME: Final = 64
_NAME: Final = re.compile(rf"[a-z0-9](?:[a-z0-9.-]{{0,{LONGEST_NAME - 2}}}[a-z0-9])?")


class NotAReference(ValueError):
    """The text names no secret: it may be one, so it is not shown."""

    def __str__(self) -> str:
        return "a secret is named here, as vault:NAME; the secret itself belongs into the vault"


def is_name(text: str) -> bool:
    """Whether a secret may be called so: small letters, digits, dots and dashes inside."""
    return _NAME.fullmatch(text) is not None


def reference_to(name: str) -> str:
    return f"{PREFIX}{name}"


def name_in(reference: str) -> str:
    """The secret's name.

    :raises NotAReference: it names none
    """
    name = reference.removeprefix(PREFIX)
    if name == reference or not is_name(name):
        raise NotAReference
    return name
