"""How an account proves who it is when a session is opened: one class per method of the protocol."""

import hashlib
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol

import httpx
import msgspec

from eagateway_sdk.clock import Clock
from eagateway_sdk.rest import BASE_PATH, GatewayRefused, GatewayUnreachable, root, send

TOKEN_PATH: Final = f"{BASE_PATH}/oauth/token"
_EARLY_SECONDS: Final = 30.0
_DEFAULT_SECONDS: Final = 300.0


class Auth(Protocol):
    """`identity` tells credentials apart: a session that was opened with another one is not resumed."""

    @property
    def identity(self) -> str: ...

    async def material(self, *, base_url: str, clock: Clock, http: httpx.AsyncClient | None) -> dict[str, str]:
        """The fields of POST /sessions.

        :raises GatewayRefused: who issues tokens said no
        :raises GatewayUnreachable: he did not answer
        """

    def refused(self) -> bool:
        """The gateway did not take the material; whether there may be better."""


@dataclass(frozen=True, slots=True)
class SessionKey:
    """`account_session_key`: 32 random bytes as base64url, made once and approved by the gateway's desk."""

    key: str

    @property
    def identity(self) -> str:
        return self.key

    @property
    def code(self) -> str:
        """What its owner tells whoever approves it, as `4f2a 91c0`: the beginning of its SHA-256."""
        digits = hashlib.sha256(self.key.encode()).hexdigest()
        return f"{digits[:4]} {digits[4:8]}"

    async def material(self, *, base_url: str, clock: Clock, http: httpx.AsyncClient | None) -> dict[str, str]:
        return {"auth_method": "account_session_key", "auth_key": self.key}

    def refused(self) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class BearerToken:
    """`bearer_token`: a JWT of an issuer that the gateway trusts. `provider` is called for every session."""

    provider: Callable[[], str | Awaitable[str]]

    @property
    def identity(self) -> str:
        return "bearer_token"

    async def material(self, *, base_url: str, clock: Clock, http: httpx.AsyncClient | None) -> dict[str, str]:
        given = self.provider()
        token = await given if inspect.isawaitable(given) else given
        return {"auth_method": "bearer_token", "token": token}

    def refused(self) -> bool:
        return False


class _Token(msgspec.Struct):
    access_token: str = ""
    expires_in: float = _DEFAULT_SECONDS
    error: str = ""
    error_description: str = ""


class ClientCredentials:
    """`oauth_client_credentials`: an access token for a client id and secret, kept until shortly before it expires.

    `token_url` None: the gateway's own token endpoint.
    """

    def __init__(self, client_id: str, client_secret: str, *, token_url: str | None = None, scope: str = "") -> None:
        self._client_id, self._client_secret = client_id, client_secret
        self._token_url, self._scope = token_url, scope
        self._token = ""
        self._good_until = 0.0

    @property
    def identity(self) -> str:
        return f"oauth_client_credentials:{self._client_id}"

    async def material(self, *, base_url: str, clock: Clock, http: httpx.AsyncClient | None) -> dict[str, str]:
        if not self._token or clock.monotonic() >= self._good_until:
            token = await self._fetch(base_url, http)
            self._token = token.access_token
            self._good_until = clock.monotonic() + max(token.expires_in - _EARLY_SECONDS, token.expires_in / 2)
        return {"auth_method": "oauth_client_credentials", "access_token": self._token}

    def refused(self) -> bool:
        """A kept token may have been withdrawn: the next one is fetched anew, once."""
        had, self._token = bool(self._token), ""
        return had

    async def _fetch(self, base_url: str, http: httpx.AsyncClient | None) -> _Token:
        form = {"grant_type": "client_credentials"} | ({"scope": self._scope} if self._scope else {})
        url = self._token_url or root(base_url).removesuffix(BASE_PATH) + TOKEN_PATH
        response = await send(
            "POST", url, http=http, headers={"Accept": "application/json"}, form=form,
            basic=(self._client_id, self._client_secret),
        )  # fmt: skip
        token = _read(response)
        if response.status_code >= 500:
            raise GatewayUnreachable(f"the token endpoint answered {response.status_code}")
        if response.status_code >= 400 or not token.access_token:
            code = token.error or "token_refused"
            raise GatewayRefused(code, token.error_description, status=response.status_code)
        return token


def _read(response: httpx.Response) -> _Token:
    try:
        return msgspec.json.decode(response.content, type=_Token)
    except (msgspec.DecodeError, UnicodeError):
        return _Token()
