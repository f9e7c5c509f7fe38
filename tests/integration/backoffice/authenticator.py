"""A device with passkeys, by the words of WebAuthn alone: it knows nothing of the library that reads it."""

import base64
import hashlib
import json
import re
import secrets
import struct
from dataclasses import dataclass, field
from html import unescape
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256

HOST: Final = "gateway.example.com"
PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def plain(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def cbor(value: Any) -> bytes:
    """RFC 8949, as much of it as an attestation needs."""
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if isinstance(value, bytes):
        return _head(2, len(value)) + value
    if isinstance(value, str):
        return _head(3, len(value)) + value.encode()
    return _head(5, len(value)) + b"".join(cbor(key) + cbor(item) for key, item in value.items())


def _head(kind: int, number: int) -> bytes:
    if number < 24:
        return bytes([kind << 5 | number])
    return bytes([kind << 5 | 24, number]) if number < 256 else bytes([kind << 5 | 25]) + struct.pack(">H", number)


@dataclass
class Device:
    """One passkey. What it says can be bent: the place, the flags, how often it has signed."""

    domain: str = HOST
    origin: str = f"http://{HOST}"
    flags: int = PRESENT | VERIFIED
    counts: bool = True
    counter: int = 0
    user_handle: str = ""
    algorithm: int = -7
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    key: EllipticCurvePrivateKey = field(default_factory=lambda: generate_private_key(SECP256R1()))

    def make(self, page: str) -> dict[str, str]:
        """What the browser sends from a page that asks for a new one."""
        asked = options(page)
        self.user_handle = asked["user"]["id"]
        point = self.key.public_key().public_numbers()
        public = cbor(
            {1: 2, 3: self.algorithm, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
        )
        credential = bytes(16) + struct.pack(">H", len(self.credential_id)) + self.credential_id + public
        data = self._data(self.flags | ATTESTED) + credential
        response = {
            "clientDataJSON": plain(self._client("webauthn.create", asked)),
            "attestationObject": plain(cbor({"fmt": "none", "attStmt": {}, "authData": data})),
        }
        return self._sent(page, response)

    def show(self, page: str) -> dict[str, str]:
        """What the browser sends from a page that asks for one that is there."""
        self.counter += self.counts
        client, data = self._client("webauthn.get", options(page)), self._data(self.flags)
        signature = self.key.sign(data + hashlib.sha256(client).digest(), ECDSA(SHA256()))
        response = {
            "clientDataJSON": plain(client), "authenticatorData": plain(data), "signature": plain(signature),
            "userHandle": self.user_handle,
        }  # fmt: skip
        return self._sent(page, response)

    def _data(self, flags: int) -> bytes:
        return hashlib.sha256(self.domain.encode()).digest() + struct.pack(">BI", flags, self.counter)

    def _client(self, kind: str, asked: dict[str, Any]) -> bytes:
        return json.dumps({"type": kind, "challenge": asked["challenge"], "origin": self.origin}).encode()

    def _sent(self, page: str, response: dict[str, str]) -> dict[str, str]:
        mark = plain(self.credential_id)
        answer = {"id": mark, "rawId": mark, "type": "public-key", "response": response, "clientExtensionResults": {}}
        return {"answer": json.dumps(answer), "state": state(page)}


def options(page: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(unescape(re.findall(r'data-options="([^"]*)"', page)[0]))
    return found


def state(page: str) -> str:
    return str(re.findall(r'name="state" value="([^"]*)"', page)[0])
