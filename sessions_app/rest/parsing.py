"""Reading requests: strict JSON within bounds, the peer's address, the Idempotency-Key."""

import re
from collections.abc import Mapping
from typing import IO, Any, Final
from urllib.parse import unquote_plus
from uuid import UUID

import msgspec
from django.conf import settings
from django.http import HttpRequest
from rest_framework.parsers import JSONParser
from rest_framework.request import Request

from sessions_app.domain.addresses import counted_as
from sessions_app.domain.frames.envelope import repeats_a_name
from sessions_app.domain.frames.faults import no_json
from sessions_app.domain.problems import Refused

_IDEMPOTENCY_KEY: Final = re.compile(r"[\x21-\x7e]{1,64}", re.ASCII)


class StrictJSONParser(JSONParser):
    """JSON as the standard has it, and one value to a name: no NaN, no lone surrogates, no bottomless nesting.

    The text is never repeated.
    """

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        text = stream.read()
        try:
            body = msgspec.json.decode(text)
        except (ValueError, RecursionError) as error:
            raise Refused("bad_request", no_json(text, error)) from error
        if repeats_a_name(text):
            raise Refused("bad_request", "A name stands twice in one object")
        return body


def peer_address(request: Request | HttpRequest) -> str:
    """Who is on the other end of the connection.

    X-Forwarded-For is believed only from the proxies that the setting TRUSTED_PROXIES names, and then the last hop that
    is none of them.
    """
    peer = str(request.META.get("REMOTE_ADDR") or "unknown")
    return last_hop(peer, str(request.META.get("HTTP_X_FORWARDED_FOR", "")))


def last_hop(peer: str, forwarded: str) -> str:
    """The same, from what the connection and the header X-Forwarded-For say."""
    proxies = settings.TRUSTED_PROXIES
    if peer not in proxies:
        return peer[:64]
    hops = [hop.strip() for hop in forwarded.split(",")]
    return next((hop for hop in reversed(hops) if hop and hop not in proxies), peer)[:64]


def counted_address(request: Request | HttpRequest) -> str:
    """Whose bounds the peer uses up: see `addresses.counted_as`."""
    return counted_as(peer_address(request))


def names_token(query: str) -> bool:
    """Whether an address carries a token, however it is spelt or encoded: addresses stand in logs."""
    for _ in range(3):  # encoded twice is decoded by somebody, somewhere
        query = unquote_plus(query)
    return any("token" in part.partition("=")[0].casefold() for part in re.split("[&;?]", query))


def idempotency_key(request: Request) -> str | None:
    """The Idempotency-Key header: 1 to 64 visible ASCII characters.

    :raises Refused: `invalid`
    """
    key = request.headers.get("Idempotency-Key")
    if key is not None and _IDEMPOTENCY_KEY.fullmatch(key) is None:
        raise Refused("invalid", "Expected 1 to 64 visible ASCII characters", path="Idempotency-Key")
    return key


def stream_url(request: Request) -> str:
    """Where the event socket is, as this client reaches us."""
    return f"{re.sub('^http', 'ws', _base_url(request))}/stream"


def exchange_url(request: Request, session_id: UUID) -> str:
    """Where the exchange of a session is, as this client reaches us."""
    return f"{_base_url(request)}/sessions/{session_id}/exchange"


def _base_url(request: Request) -> str:
    address = settings.PUBLIC_URL.rstrip("/") or f"{request.scheme}://{request.get_host()}"
    return f"{address}/ea-gateway/v1"
