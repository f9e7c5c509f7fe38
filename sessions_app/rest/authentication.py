"""The session token in `Authorization: Bearer`: looked up by its hash, which is all that is stored."""

from typing import Any, Final

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from sessions_app import queries
from sessions_app.domain.keys import token_digest
from sessions_app.domain.problems import Refused
from sessions_app.models import EaSession
from sessions_app.rest.throttling import count_stranger

MAX_TOKEN: Final = 128
NO_TOKEN: Final = "No token: send `Authorization: Bearer <session_token>`"  # noqa: S105 - a sentence


class SessionToken(BaseAuthentication):
    """Sets `request.auth` to the token's session, whatever its state."""

    def authenticate(self, request: Request) -> tuple[None, EaSession]:
        """Who asks.

        :raises Refused: `token_invalid`, also when there is no token; `throttled`: too many such from one address
        """
        token = _token_of(request)
        session = queries.session_by_token(token_digest(token)) if 0 < len(token) <= MAX_TOKEN else None
        if session is None:
            count_stranger(request)
            raise Refused("token_invalid", "" if token else NO_TOKEN)
        return None, session

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def _token_of(request: Request) -> str:
    """What the header brings, empty without one."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


class SessionTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the OpenAPI document describes the token."""

    target_class = SessionToken
    name = "sessionToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "`session_token` of POST /sessions"}
