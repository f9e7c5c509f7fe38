"""Asking another server for a JSON document: bounded in time and size, no redirects, over TLS or to this machine."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from time import monotonic
from typing import Any, Final
from urllib.parse import urlsplit

MAX_BYTES: Final = 256 * 1024
_CHUNK: Final = 16 * 1024
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class Unreachable(Exception):
    """There is no such document: no answer in time, too big, not JSON, or not an address that may be asked."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """A document is where its address says, or nowhere: a redirect could lead past TLS."""


# No proxy from the environment: what is asked here must not depend on the shell that started the gateway.
_opener: Final = urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler({}))


def is_safe(address: str) -> bool:
    """Whether an address may be asked: https, or http to this machine itself."""
    parts = urlsplit(address)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)


def fetch_json(
    address: str, *, timeout: float, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> Any:
    """The JSON document at an address; a `body` makes it a POST.

    :raises Unreachable: it could not be had
    """
    if not is_safe(address):
        raise Unreachable("only https is asked")
    request = urllib.request.Request(address, data=body, headers=dict(headers or {}))  # noqa: S310 - see is_safe
    try:
        with _opener.open(request, timeout=timeout) as answer:
            return json.loads(_read(answer, monotonic() + timeout))
    except (OSError, ValueError, RecursionError) as error:  # urllib's errors are OSErrors
        raise Unreachable(type(error).__name__) from error


def _read(answer: Any, until: float) -> bytes:
    """All of it: `timeout` bounds one wait of the socket, `until` all of them."""
    content = bytearray()
    while chunk := answer.read1(_CHUNK):
        content += chunk
        if len(content) > MAX_BYTES or monotonic() > until:
            raise Unreachable("too big or too slow")
    return bytes(content)
