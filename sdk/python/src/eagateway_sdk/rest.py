"""The REST half: opening and ending a session."""

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urljoin, urlsplit, urlunsplit
from uuid import UUID

import httpx
import msgspec

from eagateway_sdk.causes import place, why_not
from eagateway_sdk.frames import HeartbeatPace

BASE_PATH: Final = "/ea-gateway/v1"
REST_SECONDS: Final = 20.0
_SOCKET_SCHEMES: Final = {"http": "ws", "https": "wss"}


class GatewayRefused(Exception):
    """The gateway answered with a problem (RFC 9457): its stable `code`, HTTP status, when to come back if told.

    `path`: the field or header that is wrong; `errors`: all mistakes of a body, as (path, message).
    """

    def __init__(
        self, code: str, message: str, *, status: int, retry_after: float | None = None, path: str | None = None,
        errors: Sequence[tuple[str, str]] = (),
    ) -> None:  # fmt: skip
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.retry_after = retry_after
        self.path = path
        self.errors = tuple(errors)

    @property
    def passing(self) -> bool:
        """Whether asking again later can help."""
        return self.status in (409, 425, 429) or self.status >= 500


class GatewayUnreachable(Exception):
    """No answer, or none of a gateway: the text names the address and the cause. `retry_after`: seconds, if told."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class OpenedSession(msgspec.Struct, kw_only=True, frozen=True):
    """The answer to POST /sessions. The token is shown once."""

    session_id: UUID
    session_token: str
    status: str
    stream_url: str
    exchange_url: str = ""
    heartbeat: HeartbeatPace = HeartbeatPace(interval_seconds=5, timeout_seconds=15)
    limits: dict[str, object] = {}
    server_time: str | None = None
    key_code: str | None = None


class _Mistake(msgspec.Struct):
    path: str = ""
    message: str = ""


class _Problem(msgspec.Struct):
    code: str
    detail: str = ""
    title: str = ""
    path: str | None = None
    remediation: str = ""
    errors: list[_Mistake] = []


async def open_session(
    *,
    base_url: str,
    account_id: str,
    auth_key: str = "",
    material: Mapping[str, str] | None = None,
    platform: str = "sdk",
    ea_version: str = "0",
    environment: Mapping[str, object] | None = None,
    idempotency_key: str | None = None,
    http: httpx.AsyncClient | None = None,
) -> OpenedSession:
    """Open a session for an account with its session key; a key that nobody has approved gives a pending one.

    `material` has the fields of another authentication method (`Auth.material`), its name included.

    :raises GatewayRefused: the gateway said no, with the reason's code
    :raises GatewayUnreachable: there was no answer; asking again with the same `idempotency_key` is safe
    """
    body = {
        "account_id": account_id,
        **(material or {"auth_method": "account_session_key", "auth_key": auth_key}),
        "platform": platform,
        "ea_version": ea_version,
        "environment": dict(environment or {}),
    }
    headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
    response = await call("POST", f"{root(base_url)}/sessions", http=http, json=body, headers=headers)
    opened = _read_opened(response)
    return msgspec.structs.replace(
        opened, stream_url=socket_url(base_url, opened.stream_url), exchange_url=exchange_url(base_url, opened)
    )


async def end_session(
    *, base_url: str, session_id: UUID, session_token: str, http: httpx.AsyncClient | None = None
) -> None:
    """Close a session for good; closing it twice is no error.

    :raises GatewayRefused: the gateway said no
    :raises GatewayUnreachable: there was no answer
    """
    headers = {"Authorization": f"Bearer {session_token}"}
    await call("DELETE", f"{root(base_url)}/sessions/{session_id}", http=http, headers=headers)


def socket_url(base_url: str, stream_url: str) -> str:
    """`stream_url` as an absolute ws:// or wss:// address; a path is joined with the base."""
    stream, base = urlsplit(stream_url), urlsplit(base_url)
    scheme = stream.scheme or base.scheme
    path = stream.path if stream.path.startswith("/") else f"{BASE_PATH}/{stream.path}"
    return urlunsplit((_SOCKET_SCHEMES.get(scheme, scheme), stream.netloc or base.netloc, path, stream.query, ""))


def exchange_url(base_url: str, opened: "OpenedSession") -> str:
    """The session's exchange address, absolute; by default where the protocol puts it."""
    told = opened.exchange_url or f"{root(base_url)}/sessions/{opened.session_id}/exchange"
    return told if "://" in told else urljoin(base_url, told)


def retry_after(response: httpx.Response) -> float | None:
    """The seconds of its Retry-After header, if it has one."""
    told = response.headers.get("Retry-After", "")
    return float(told) if told.isdigit() else None


def root(base_url: str) -> str:
    """The base of the API, whether the address has its path already or not.

    :raises ValueError: no address of a gateway, which is one of http:// or https:// with a host
    """
    trimmed = base_url.strip().rstrip("/")
    parts = urlsplit(trimmed)
    if parts.scheme not in _SOCKET_SCHEMES or not parts.hostname:
        raise ValueError(f"base_url: expected https://<host> or http://<host>, got {base_url!r}")
    _ = parts.port  # raises for one that is no number
    if parts.query or parts.fragment:
        raise ValueError(f"base_url: an address without `?` and `#`, got {base_url!r}")
    return trimmed if trimmed.endswith(BASE_PATH) else trimmed + BASE_PATH


async def call(
    method: str, url: str, *, http: httpx.AsyncClient | None, headers: Mapping[str, str], json: object = None
) -> httpx.Response:
    """One request that is to succeed.

    :raises GatewayRefused: the gateway said no
    :raises GatewayUnreachable: there was no answer, or none of a gateway
    """
    response = await send(method, url, http=http, headers=headers, json=json)
    if response.status_code >= 400:
        raise _problem(response)
    if response.status_code >= 300:
        target = place(urljoin(url, response.headers.get("Location", "")))
        raise GatewayUnreachable(f"{place(url)} redirects to {target}: give that one's base_url")
    return response


async def send(
    method: str, url: str, *, http: httpx.AsyncClient | None, headers: Mapping[str, str], json: object = None,
    form: Mapping[str, str] | None = None, basic: tuple[str, str] | None = None,
) -> httpx.Response:  # fmt: skip
    """One request, whatever its answer; with `http`, or a client of its own.

    :raises GatewayUnreachable: there was no answer
    """
    client = http or httpx.AsyncClient(timeout=REST_SECONDS, trust_env=False)
    auth = httpx.BasicAuth(*basic) if basic else None
    try:
        return await client.request(method, url, headers=dict(headers), json=json, data=form, auth=auth)
    except (httpx.HTTPError, OSError) as error:
        raise GatewayUnreachable(why_not(url, error)) from error
    finally:
        if http is None:
            await client.aclose()


def _read_opened(response: httpx.Response) -> OpenedSession:
    try:
        return msgspec.json.decode(response.content, type=OpenedSession)
    except msgspec.DecodeError as error:
        raise GatewayUnreachable(not_a_gateway(response)) from error


def _problem(response: httpx.Response) -> GatewayRefused | GatewayUnreachable:
    """What an answer says that is no success. Without a problem's code it is of no gateway, but of what is in between
    or of another server: it may be another one tomorrow, so nobody stops for it.
    """
    told = retry_after(response)
    try:
        problem = msgspec.json.decode(response.content, type=_Problem)
    except (msgspec.DecodeError, UnicodeError):
        return GatewayUnreachable(not_a_gateway(response), retry_after=told)
    text = " - ".join(part for part in (problem.detail or problem.title, problem.remediation) if part)
    return GatewayRefused(
        problem.code,
        text,
        status=response.status_code,
        retry_after=told,
        path=problem.path,
        errors=[(one.path, one.message) for one in problem.errors],
    )


def not_a_gateway(response: httpx.Response) -> str:
    """What to say of an answer that no gateway gives."""
    status = f"HTTP {response.status_code} {response.reason_phrase}".rstrip()
    kind = response.headers.get("Content-Type", "nothing").partition(";")[0]
    where = place(str(response.request.url))
    return f"{where} is answered with {status} ({kind}), which no gateway says: check the host and path of base_url"
