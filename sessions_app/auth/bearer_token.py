"""`bearer_token`: a JWT of a known issuer, whose claim `account_id` names the account that the terminal may serve.

Pinned by the settings: algorithms, issuer, audience; `exp` is required, `nbf` and `iat` are held if they are there. A
public key is never taken for the secret of HS256: HS256 works with BEARER_TOKEN_SECRET alone.
"""

from functools import cache
from typing import Any, Final

import jwt
import structlog
from django.conf import settings
from jwt.exceptions import (
    ExpiredSignatureError,
    ImmatureSignatureError,
    InvalidAlgorithmError,
    InvalidAudienceError,
    InvalidIssuerError,
    InvalidKeyError,
    InvalidSignatureError,
    MissingRequiredClaimError,
    PyJWTError,
)

from sessions_app.auth.interface import MaterialField, Presented, Vouched
from sessions_app.auth.issuer_keys import FixedKey, IssuerKeys, KeyDocument, NoKey, read_pem
from sessions_app.domain.keys import canonical_account_id
from sessions_app.domain.problems import Refused

SYMMETRIC: Final = "HS256"
ASYMMETRIC: Final = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)
MAX_TOKEN: Final = 8192
MAX_SUBJECT: Final = 255
_REQUIRED: Final = ["iss", "aud", "exp"]
_log = structlog.get_logger(__name__)


class BearerToken:
    """Verifies without a look at the database: the issuer's word is enough, until an operator withdraws the grant."""

    method: Final = "bearer_token"
    material: Final = MaterialField("token", MAX_TOKEN, "A JWT of the deployment's issuer, for `bearer_token`.")

    def verify(self, presented: Presented) -> Vouched:
        """Check signature, issuer, audience, times and the account.

        :raises Refused: `credentials_refused`; the log says why, without a word of the token. `try_later`: a key that
            we do not have may be a new one
        """
        try:
            claims = _decode(presented.material)
            subject = _subject(claims, presented.account_id)
        except (PyJWTError, NoKey, _WrongClaim, ValueError) as error:
            why = _WHY.get(type(error), "malformed")
            _log.warning(
                "token.refused", method=self.method, account=presented.account_id, address=presented.address, why=why
            )
            message = "This token has expired" if why == "expired" else ""
            raise Refused("credentials_refused", message, path=self.material.name) from None
        return Vouched(subject=subject, tenant=settings.BEARER_TOKEN["tenant"])


class _WrongClaim(Exception):
    """A claim is missing, odd, or names another account."""


_WHY: Final[dict[type[Exception], str]] = {
    ExpiredSignatureError: "expired",
    ImmatureSignatureError: "not_yet_valid",
    InvalidAlgorithmError: "algorithm",
    InvalidAudienceError: "audience",
    InvalidIssuerError: "issuer",
    InvalidKeyError: "algorithm",
    InvalidSignatureError: "signature",
    MissingRequiredClaimError: "claim",
    NoKey: "unknown_key",
    _WrongClaim: "claim",
}


def _decode(token: str) -> dict[str, Any]:
    rules = settings.BEARER_TOKEN
    header = jwt.get_unverified_header(token)
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in allowed_algorithms():
        raise InvalidAlgorithmError
    return jwt.decode(
        token,
        issuer_keys().key_for(header.get("kid"), algorithm),
        algorithms=[algorithm],
        audience=rules["audience"],
        issuer=rules["issuer"],
        leeway=rules["leeway"],
        options={"require": _REQUIRED, "enforce_minimum_key_length": True},
    )


def allowed_algorithms() -> frozenset[str]:
    """The pinned algorithms that fit the source of keys: with a secret HS256 alone, else never HS256."""
    usable = {SYMMETRIC} if settings.BEARER_TOKEN["secret"] else ASYMMETRIC
    return frozenset(settings.BEARER_TOKEN["algorithms"]) & usable


def issuer_keys() -> IssuerKeys:
    """The one source of keys that the settings name."""
    rules = settings.BEARER_TOKEN
    if rules["jwks"]:
        return _document(rules["jwks"])
    return FixedKey(rules["secret"] or read_pem(rules["public_key"]))


@cache
def _document(place: str) -> KeyDocument:
    return KeyDocument(place)


def _subject(claims: dict[str, Any], account_id: str) -> str:
    """Whom the token speaks of.

    :raises _WrongClaim: it names another account, or its subject is odd
    """
    named, subject = claims.get("account_id"), claims.get("sub") or claims["iss"]
    try:
        same = isinstance(named, str) and canonical_account_id(named) == account_id
    except Refused:
        same = False
    if not same or not isinstance(subject, str) or len(subject) > MAX_SUBJECT or not subject.isprintable():
        raise _WrongClaim
    return subject
