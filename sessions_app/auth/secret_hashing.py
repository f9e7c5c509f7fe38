"""How secrets of OAuth clients are stored: they are 256 random bits of ours, so a plain hash keeps them."""

import hashlib
import secrets
from typing import Any, Final

from django.contrib.auth.hashers import BasePasswordHasher, mask_hash
from django.utils.crypto import constant_time_compare

ALGORITHM: Final = "sha256_random_secret"


def new_secret() -> str:
    """256 random bits, base64url: 43 characters."""
    return secrets.token_urlsafe(32)


def new_access_token(request: Any, refresh_token: bool = False) -> str:
    """What the token endpoint gives out, as the library asks for it: as long as our own session tokens."""
    return new_secret()


class RandomSecretHasher(BasePasswordHasher):
    """SHA-256 with a salt. Nobody guesses 256 random bits, and a slow hash would cost 240 ms for every access token."""

    algorithm = ALGORITHM

    def encode(self, password: str, salt: str) -> str:
        digest = hashlib.sha256(f"{salt}{password}".encode()).hexdigest()
        return f"{self.algorithm}${salt}${digest}"

    def decode(self, encoded: str) -> dict[str, Any]:
        algorithm, salt, digest = encoded.split("$", 2)
        return {"algorithm": algorithm, "salt": salt, "hash": digest}

    def verify(self, password: str, encoded: str) -> bool:
        return constant_time_compare(encoded, self.encode(password, self.decode(encoded)["salt"]))

    def safe_summary(self, encoded: str) -> dict[Any, Any]:
        decoded = self.decode(encoded)
        return {"algorithm": decoded["algorithm"], "hash": mask_hash(decoded["hash"])}

    def must_update(self, encoded: str) -> bool:
        return False

    def harden_runtime(self, password: str, encoded: str) -> None:
        """There is one cost only."""
