"""A peer that writes bytes: for what no client library would send."""

import asyncio
import base64
import os
import struct
from typing import Final
from urllib.parse import urlsplit

from tests.conformance.links import PATIENCE, tls_context

TEXT: Final = 0x1
BINARY: Final = 0x2
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA
CONTINUATION: Final = 0x0


class Peer:
    """One TCP (or TLS) connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> None:
        self._reader, self._writer, self.host = reader, writer, host

    @classmethod
    async def dial(cls, url: str) -> "Peer":
        parts = urlsplit(url)
        tls = tls_context() if parts.scheme == "https" else None
        port = parts.port or (443 if tls else 80)
        reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=tls)
        return cls(reader, writer, parts.netloc)

    async def hang_up(self) -> None:
        self._writer.transport.abort()

    async def write(self, *parts: bytes) -> None:
        self._writer.write(b"".join(parts))
        await self._writer.drain()

    async def upgrade(self, path: str, *headers: bytes) -> int:
        """Ask for a WebSocket; the status of the answer."""
        key = base64.b64encode(os.urandom(16))
        lines = [
            b"GET " + path.encode() + b" HTTP/1.1",
            b"Host: " + self.host.encode(),
            b"Upgrade: websocket",
            b"Connection: Upgrade",
            b"Sec-WebSocket-Version: 13",
            b"Sec-WebSocket-Key: " + key,
            *(headers or (b"Sec-WebSocket-Protocol: ea-gateway.v1",)),
        ]
        await self.write(b"\r\n".join(lines), b"\r\n\r\n")
        return await self.status()

    async def status(self) -> int:
        """Read the head of an HTTP answer; its status, or 0 if the connection was just closed."""
        async with asyncio.timeout(PATIENCE):
            try:
                head = await self._reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionError):
                return 0
        return int(head.split(b" ", 2)[1])

    async def frame(self, opcode: int, payload: bytes = b"", *, final: bool = True, reserved: int = 0) -> None:
        """Send one masked WebSocket frame."""
        await self.write(pack(opcode, payload, final=final, reserved=reserved))

    async def read_frame(self) -> tuple[int, bytes]:
        """(opcode, payload) of the next WebSocket frame; an empty close when the connection is gone."""
        async with asyncio.timeout(PATIENCE):
            try:
                first, second = await self._reader.readexactly(2)
                size = second & 0x7F
                if size == 126:
                    (size,) = struct.unpack("!H", await self._reader.readexactly(2))
                elif size == 127:
                    (size,) = struct.unpack("!Q", await self._reader.readexactly(8))
                return first & 0x0F, await self._reader.readexactly(size)
            except (asyncio.IncompleteReadError, ConnectionError):
                return CLOSE, b""

    async def close_code(self) -> int:
        """Read to the close frame; its code, 1005 if it has none, 1006 if there was no frame at all."""
        while True:
            opcode, payload = await self.read_frame()
            if opcode == CLOSE:
                return int(struct.unpack("!H", payload[:2])[0]) if payload else 1006


def pack(opcode: int, payload: bytes, *, final: bool = True, reserved: int = 0) -> bytes:
    """One masked frame as a client sends it."""
    head = bytes([(0x80 if final else 0) | reserved | opcode])
    size = len(payload)
    if size < 126:
        length = bytes([0x80 | size])
    elif size < 1 << 16:
        length = bytes([0x80 | 126]) + struct.pack("!H", size)
    else:
        length = bytes([0x80 | 127]) + struct.pack("!Q", size)
    mask = os.urandom(4)
    masked = bytes(byte ^ mask[number % 4] for number, byte in enumerate(payload))
    return head + length + mask + masked
