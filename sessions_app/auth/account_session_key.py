"""`account_session_key`: a random key per account, made by the EA at its first launch or shared beforehand."""

from typing import Final

import structlog
from django.conf import settings

from sessions_app.auth import hashing
from sessions_app.auth.interface import MaterialField, Presented, Verified
from sessions_app.auth.recogniser import Shown, verified_keys
from sessions_app.domain.keys import check_key, fingerprint, token_digest
from sessions_app.domain.lifecycle import KeyState
from sessions_app.domain.problems import Refused
from sessions_app.models import AuthKey
from sessions_app.queries import database_now

_log = structlog.get_logger(__name__)


class AccountSessionKey:
    """Looks the key up by its keyed fingerprint; only an approved key costs an argon2 run, and that once a minute."""

    method: Final = "account_session_key"
    material: Final = MaterialField(
        "auth_key", 256, "128 random bits or more, base64url. Only its hash is stored.", judged=True
    )

    def verify(self, presented: Presented) -> Verified:
        """Find the key among its account's requests.

        :raises Refused: `key_malformed`, `key_rejected`
        """
        check_key(presented.material)
        mark, digest = key_fingerprint(presented.material), token_digest(presented.material)
        key = _find(presented.account_id, mark)
        if key is None or key.state == KeyState.PENDING:
            return Verified(fingerprint=mark, digest=digest, key=key)
        if key.state != KeyState.APPROVED or (key.retires_at is not None and key.retires_at <= database_now()):
            raise Refused("key_rejected")
        return Verified(fingerprint=mark, digest=digest, key=key, prove=lambda: _check_hash(key, presented.material))

    def protect(self, material: str) -> str:
        """The key's argon2id hash."""
        return hashing.hash_key(material)


def key_fingerprint(material: str) -> str:
    """The key's fingerprint under this deployment's secret."""
    return fingerprint(material, secret=settings.KEY_FINGERPRINT_SECRET.encode())


def _find(account_id: str, mark: str) -> AuthKey | None:
    keys = AuthKey.objects.select_related("account__tenant")
    return keys.filter(account__account_id=account_id, fingerprint=mark).first()


def _check_hash(key: AuthKey, material: str) -> str | None:
    """Another hash if one is due.

    :raises Refused: `key_rejected` when fingerprint and hash disagree, which no honest row does
    """
    shown = Shown(key.id, key.account.account_id, key.key_hash, material)
    if verified_keys.knows(shown):
        return None
    if not hashing.matches(key.key_hash, material):
        _log.error("key.hash_disagrees", key_id=str(key.id))
        raise Refused("key_rejected")
    verified_keys.remember(shown)
    return hashing.hash_key(material) if hashing.is_outdated(key.key_hash, material) else None
