"""Why an address does not answer, in words that whoever runs the program can act on."""

import os
import socket
import ssl
from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import SplitResult, urlsplit

import httpx
from websockets.exceptions import InvalidHandshake, InvalidMessage, InvalidStatus

_PROXIES: Final = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
_MOST_TEXT: Final = 200


def why_not(url: str, error: BaseException) -> str:
    """One sentence: what did not answer, and why.

    Libraries wrap what the operating system said, several times: all of the chain is looked at.
    """
    chain = list(_chain(error))
    cause = _of_the_way(urlsplit(url), chain) or _of_the_answer(urlsplit(url), chain) or _plainly(chain[0])
    return f"{place(url)} cannot be reached: {cause}"


def place(url: str) -> str:
    """Scheme, host, port and path: what of an address may stand in a log."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for one in error.exceptions:
                yield from _chain(one)
        error = error.__cause__ or error.__context__


def _of_the_way(url: SplitResult, chain: Sequence[BaseException]) -> str:
    """What keeps a connection from being opened."""
    for error in chain:
        if isinstance(error, httpx.ProxyError):
            return f"the proxy lets nothing through ({_plainly(error)})"
        if isinstance(error, socket.gaierror):
            return f"the name {url.hostname} is not known (DNS){_proxy_hint()}"
        if isinstance(error, ssl.SSLCertVerificationError):
            return f"its TLS certificate is not trusted ({error.verify_message})"
        if isinstance(error, ssl.SSLError):
            return f"TLS failed ({_plainly(error)}): does this port speak https?"
        if isinstance(error, ConnectionRefusedError):
            return f"the connection was refused ({_plainly(error)}): check host and port{_proxy_hint()}"
    return ""


def _of_the_answer(url: SplitResult, chain: Sequence[BaseException]) -> str:
    """What is wrong with what came back, or that nothing did."""
    for error in chain:
        if isinstance(error, InvalidStatus):
            return f"it answered the WebSocket handshake with HTTP {error.response.status_code}"
        if isinstance(error, httpx.TimeoutException | TimeoutError):
            return f"no answer in time: check host, port and firewall{_proxy_hint()}"
        if isinstance(error, httpx.RemoteProtocolError | InvalidMessage | EOFError | ConnectionResetError):
            secure = " without TLS" if url.scheme in ("http", "ws") else ""
            return f"what answers there speaks no HTTP{secure} ({_plainly(error)})"
        if isinstance(error, InvalidHandshake):
            return f"what answers there speaks no WebSocket ({_plainly(error)})"
    return ""


def _plainly(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:_MOST_TEXT].rstrip(": ")


def _proxy_hint() -> str:
    """Programs that take their proxy from the environment work where ours does not: say so."""
    named = next((name for name in _PROXIES if os.environ.get(name)), None)
    return f"; {named} is set, but a proxy counts only if given: http=httpx.AsyncClient(proxy=...)" if named else ""
