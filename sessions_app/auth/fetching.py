"""Asking another server for a JSON document: bounded in time and size, no redirects, over TLS or to this machine."""

import json
import socket
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from threading import Timer
from typing import Any, Final
from urllib.parse import urlsplit

MAX_BYTES: Final = 256 * 1024
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class Unreachable(Exception):
    """There is no such document: no answer in time, too big, not JSON, or not an address that may be asked."""


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
    parts = urlsplit(address)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    # No proxy from the environment, and no redirect: a document is where its address says, or nowhere.
    connection = kind(parts.hostname or "", parts.port, timeout=timeout)
    # A timeout of the socket bounds one wait; an issuer that sends a byte now and then would hold its slot for ever.
    deadline = Timer(timeout, _cut, [connection])
    deadline.daemon = True
    deadline.start()
    try:
        path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        connection.request("GET" if body is None else "POST", path, body=body, headers=dict(headers or {}))
        answer = connection.getresponse()
        if answer.status != HTTPStatus.OK:
            raise Unreachable(f"status {answer.status}")
        content = answer.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise Unreachable("too big")
        return json.loads(content)
    except (OSError, ValueError, RecursionError, HTTPException) as error:
        raise Unreachable(type(error).__name__) from error
    finally:
        deadline.cancel()
        connection.close()


def _cut(connection: HTTPConnection) -> None:
    """End whatever the connection waits for."""
    with suppress(OSError, AttributeError):  # it has none yet, or it is gone
        connection.sock.shutdown(socket.SHUT_RDWR)
