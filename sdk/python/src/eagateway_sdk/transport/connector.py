"""Opens the transport that the application chose, or the one that can be had."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Literal

import httpx
from websockets.exceptions import InvalidHandshake, InvalidStatus

from eagateway_sdk.causes import why_not
from eagateway_sdk.close_codes import NETWORK
from eagateway_sdk.session import Session
from eagateway_sdk.transport.exchange import ExchangeWire
from eagateway_sdk.transport.socket import SocketWire
from eagateway_sdk.transport.wire import Wire

log = logging.getLogger(__name__)

Transport = Literal["socket", "exchange", "auto"]
_AT_HANDSHAKE: Final = {401: 4401, 410: 4410}
_FAILURES: Final = (OSError, TimeoutError, EOFError, InvalidHandshake)


class NotConnected(Exception):
    """No transport could be opened; `code` as after a close, `why` in words."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code
        self.why = why


class Connector:
    """`auto` takes a WebSocket, else an exchange, and goes on trying for a WebSocket every `socket_retry` seconds.

    `http` makes the calls of an exchange, through a proxy if it has one; a socket knows none.
    """

    def __init__(self, transport: Transport, *, patience: float, socket_retry: float, http: httpx.AsyncClient) -> None:
        self._transport = transport
        self._patience, self._socket_retry = patience, socket_retry
        self._http = http
        self._better: tuple[str, SocketWire] | None = None
        self._last: ExchangeWire | None = None

    async def open(self, session: Session) -> Wire:
        """A transport for this session.

        :raises NotConnected: none can be opened
        """
        better, self._better = self._better, None
        if better is not None and better[0] == session.token:
            return better[1]
        if self._transport == "exchange":
            return self._exchange(session)
        try:
            return await self._socket(session)
        except InvalidStatus as error:
            code = _AT_HANDSHAKE.get(error.response.status_code)
            if code is not None:
                raise NotConnected(code, why_not(session.stream_url, error)) from error
            cause: Exception = error
        except _FAILURES as error:
            cause = error
        log.info("connector.no_socket", extra={"why": type(cause).__name__})
        if self._transport == "auto":
            return self._exchange(session)
        raise NotConnected(NETWORK, why_not(session.stream_url, cause)) from cause

    async def watch(self, session: Session, wire: Wire, *, leave: Callable[[], None]) -> None:
        """On an exchange that only stands in for a socket, try for the socket; call `leave` when it is open."""
        if self._transport != "auto" or wire.kind == "socket":
            return
        while self._better is None:
            await asyncio.sleep(self._socket_retry)
            with suppress(*_FAILURES):
                self._better = (session.token, await self._socket(session))
        leave()

    def close(self) -> None:
        """Drop a socket that was opened and is not used."""
        if self._better is not None:
            self._better[1].abort()
        self._better = None

    async def _socket(self, session: Session) -> SocketWire:
        return await SocketWire.open(url=session.stream_url, token=session.token, patience=self._patience)

    def _exchange(self, session: Session) -> ExchangeWire:
        self._last = ExchangeWire(
            url=session.exchange_url,
            token=session.token,
            http=self._http,
            hold_seconds=lambda: session.interval_seconds / 2,
            before=self._last,
        )
        return self._last
