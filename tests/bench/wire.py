"""A WebSocket client that costs as little as it can: what the load spends, the servers on the same cores do not get.

It masks with zeros, which leaves the text as it is, and expects whole text frames: both servers send nothing else.
"""

import asyncio
import base64
import os
from collections.abc import Callable
from typing import Final, cast

_TEXT: Final = 0x1
_CLOSE: Final = 0x8
_PING: Final = 0x9
_FIN: Final = 0x80
_NO_MASK: Final = b"\0\0\0\0"
SUBPROTOCOL: Final = "ea-gateway.v1"


class LinkFailed(Exception):
    """The handshake was refused, or the peer speaks something that this client does not."""


class Link(asyncio.Protocol):
    """One connection. `heard` is called with each text; `opened` is done after the handshake, `closed` at the end."""

    def __init__(self, *, path: str, token: str, heard: Callable[[bytes], None]) -> None:
        self._path, self._token, self._heard = path, token, heard
        self._rest = b""
        self._upgraded = False
        loop = asyncio.get_running_loop()
        self.opened: asyncio.Future[None] = loop.create_future()
        self.closed: asyncio.Future[int | None] = loop.create_future()
        self._code: int | None = None
        self._transport: asyncio.Transport | None = None

    # What asyncio calls ----------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        key = base64.b64encode(os.urandom(16)).decode()
        lines = (
            f"GET {self._path} HTTP/1.1",
            "Host: 127.0.0.1",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Protocol: {SUBPROTOCOL}",
            f"Authorization: Bearer {self._token}",
        )
        self._transport.write(("\r\n".join(lines) + "\r\n\r\n").encode())

    def data_received(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
            self._rest = b""
        if not self._upgraded:
            head, found, data = data.partition(b"\r\n\r\n")
            if not found:
                self._rest = head
                return
            if b" 101 " not in head[:20]:
                self._fail(LinkFailed(head[:60].decode(errors="replace")))
                return
            self._upgraded = True
            self.opened.set_result(None)
        self._read(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(exc or LinkFailed("closed in the handshake"))
        if not self.closed.done():
            self.closed.set_result(self._code)

    # Frames ----------------------------------------------------------------------------------------------------------

    def send(self, text: bytes) -> None:
        """One text frame."""
        self._frame(_TEXT, text)

    def close(self) -> None:
        """Say goodbye and go."""
        if self._transport is not None and not self._transport.is_closing():
            self._frame(_CLOSE, (1000).to_bytes(2))
            self._transport.close()

    def stop_reading(self) -> None:
        """From here on this peer reads nothing."""
        if self._transport is not None:
            self._transport.pause_reading()

    def _frame(self, code: int, body: bytes) -> None:
        size = len(body)
        if size < 126:
            head = bytes((_FIN | code, 0x80 | size))
        elif size < 65536:
            head = bytes((_FIN | code, 0x80 | 126)) + size.to_bytes(2)
        else:
            raise LinkFailed(f"{size} bytes in one frame")
        if self._transport is not None:
            self._transport.write(head + _NO_MASK + body)

    def _read(self, data: bytes) -> None:
        at, end = 0, len(data)
        while end - at >= 2:
            begins, size = at + 2, data[at + 1] & 0x7F
            if size == 126:
                begins += 2
                size = int.from_bytes(data[at + 2 : at + 4]) if end >= begins else end
            if begins + size > end:
                break
            self._take(data[at], data[begins : begins + size])
            at = begins + size
        self._rest = data[at:]

    def _take(self, first: int, body: bytes) -> None:
        if first == _FIN | _TEXT:
            self._heard(body)
        elif first == _FIN | _CLOSE:
            self._code = int.from_bytes(body[:2]) if body else None
            if self._transport is not None:
                self._transport.close()
        elif first == _FIN | _PING:
            self._frame(0xA, body)
        elif first & 0xF != 0xA:
            self._fail(LinkFailed(f"a frame that begins with {first:#x}"))

    def _fail(self, error: Exception) -> None:
        if not self.opened.done():
            self.opened.set_exception(error)
        if self._transport is not None:
            self._transport.abort()
