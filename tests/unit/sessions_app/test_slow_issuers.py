"""An issuer that answers a byte at a time holds a slot no longer than one that does not answer."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from sessions_app.auth.fetching import Unreachable, fetch_json

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.fixture
def issuer() -> Iterator[dict[str, bytes]]:
    """Says `at once`, then one byte of `slowly` every tenth of a second."""
    says: dict[str, bytes] = {}
    with socket.create_server(("127.0.0.1", 0)) as listener:
        says["port"] = str(listener.getsockname()[1]).encode()

        def serve() -> None:
            with suppress(OSError):
                peer, _ = listener.accept()
                peer.recv(65536)
                peer.sendall(says["at once"])
                for byte in says.get("slowly", b""):
                    time.sleep(0.1)
                    peer.send(bytes([byte]))
                peer.close()

        threading.Thread(target=serve, daemon=True).start()
        yield says


def ask(issuer: dict[str, bytes]) -> object:
    return fetch_json(f"http://127.0.0.1:{issuer['port'].decode()}/keys", timeout=1)


@pytest.mark.parametrize(
    ("at_once", "slowly"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"X-Slow: " + b"a" * 100),
        (HEAD + b"Content-Length: 100\r\n\r\n", b"[" * 100),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n[\r\n" * 20),
        (b"", b"H" * 100),
    ],
)
def test_one_deadline_bounds_the_whole_answer(issuer: dict[str, bytes], at_once: bytes, slowly: bytes) -> None:
    issuer |= {"at once": at_once, "slowly": slowly}
    began = time.monotonic()
    with pytest.raises(Unreachable):
        ask(issuer)
    assert time.monotonic() - began < 5, "not the ten seconds that it would take to hear it out"


@pytest.mark.parametrize("head", [b"Content-Length: 8\r\n\r\n", b"Connection: close\r\n\r\n"])
def test_a_whole_document_is_read(issuer: dict[str, bytes], head: bytes) -> None:
    issuer["at once"] = HEAD + head + b'{"a": 1}'
    assert ask(issuer) == {"a": 1}


def test_a_redirect_is_no_document(issuer: dict[str, bytes]) -> None:
    issuer["at once"] = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 2\r\n\r\n[]"
    with pytest.raises(Unreachable):
        ask(issuer)
