"""The WebSocket."""

import asyncio
from contextlib import suppress
from typing import Final, Literal

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from eagateway_sdk.close_codes import NETWORK
from eagateway_sdk.envelope import SUBPROTOCOL
from eagateway_sdk.transport.wire import PATIENCE_SECONDS, Head, Heard, WireClosed

_MAX_MESSAGE_BYTES: Final = 2**20


class SocketWire:
    """Frames carry their acknowledgements themselves."""

    kind: Literal["socket", "exchange"] = "socket"

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    @classmethod
    async def open(cls, *, url: str, token: str, patience: float) -> "SocketWire":
        """Connect.

        :raises OSError, TimeoutError, EOFError, websockets.exceptions.InvalidHandshake: it cannot be opened
        """
        socket = await connect(
            url, subprotocols=[Subprotocol(SUBPROTOCOL)], compression=None, proxy=None,
            additional_headers={"Authorization": f"Bearer {token}"}, ping_interval=None,
            max_size=_MAX_MESSAGE_BYTES, close_timeout=PATIENCE_SECONDS, open_timeout=patience,
        )  # fmt: skip
        return cls(socket)

    def acknowledge_with(self, head: Head) -> None:
        """Nothing to do."""

    async def send(self, frame: bytes) -> None:
        try:
            await self._socket.send(frame, text=True)
        except ConnectionClosed as error:
            raise self._closed() from error

    async def receive(self) -> Heard:
        try:
            return await self._socket.recv()
        except ConnectionClosed as error:
            raise self._closed() from error

    def _closed(self) -> WireClosed:
        return WireClosed(self._socket.close_code or NETWORK)

    async def close(self, code: int) -> None:
        with suppress(ConnectionClosed, OSError, TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._socket.close(code if code >= 3000 else 1000)
                return
        self.abort()

    def abort(self) -> None:
        self._socket.transport.abort()
