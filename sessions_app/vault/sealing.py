"""A secret as it is stored: bound to its place, so that what is copied into another row cannot be read there.

scheme 1 byte | version of the ring's key 4 bytes | wrapped data key 60 bytes | nonce 12 bytes, text, tag 16 bytes
"""

import secrets
import struct
from dataclasses import dataclass
from typing import Final

from sessions_app.vault.ring import Ring, Unreadable, decrypt, encrypt

SCHEME: Final = 1
_HEAD: Final = struct.Struct(">BI")
_WRAPPED: Final = 60  # nonce 12, key 32, tag 16
_KEY_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Place:
    """Where a secret is kept: whose it is, in which field, in which version."""

    tenant: str
    owner: str
    field: str
    version: int

    def bound(self) -> bytes:
        """One text for one place: lengths keep `ab|c` and `a|bc` apart."""
        parts = (str(SCHEME), self.tenant, self.owner, self.field, str(self.version))
        return b"".join(struct.pack(">I", len(one)) + one for one in (part.encode() for part in parts))


def seal(text: str, *, place: Place, ring: Ring) -> bytes:
    """The text, encrypted with a key of its own, which the ring wraps.

    :raises VaultClosed: the ring has no key
    """
    data_key, bound_to = secrets.token_bytes(_KEY_BYTES), place.bound()
    head = _HEAD.pack(SCHEME, ring.newest)
    return head + ring.wrap(data_key, bound_to=bound_to) + encrypt(data_key, text.encode(), bound_to=bound_to)


def unseal(sealed: bytes, *, place: Place, ring: Ring) -> str:
    """The text again.

    :raises Unreadable: it was changed, or sealed for another place
    :raises KeyMissing: the ring has lost its key
    """
    bound_to = place.bound()
    return decrypt(_data_key(sealed, bound_to, ring), sealed[_HEAD.size + _WRAPPED :], bound_to=bound_to).decode()


def rewrap(sealed: bytes, *, place: Place, ring: Ring) -> bytes:
    """The same secret under the ring's newest key. The text is not decrypted for it.

    :raises Unreadable: it was changed, or sealed for another place
    :raises KeyMissing: the ring has lost its key
    """
    bound_to = place.bound()
    data_key = _data_key(sealed, bound_to, ring)
    head = _HEAD.pack(SCHEME, ring.newest)
    return head + ring.wrap(data_key, bound_to=bound_to) + sealed[_HEAD.size + _WRAPPED :]


def key_version(sealed: bytes) -> int:
    """Which of the ring's keys it takes.

    :raises Unreadable: nothing of ours
    """
    if len(sealed) < _HEAD.size + _WRAPPED or sealed[0] != SCHEME:
        raise Unreadable
    return int(_HEAD.unpack_from(sealed)[1])


def _data_key(sealed: bytes, bound_to: bytes, ring: Ring) -> bytes:
    version = key_version(sealed)
    return ring.unwrap(sealed[_HEAD.size : _HEAD.size + _WRAPPED], version=version, bound_to=bound_to)
