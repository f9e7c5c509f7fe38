"""The two ways a raw client reaches the gateway. Both carry texts of frames, and say how they ended."""

import asyncio
import contextlib
import json
import ssl
from collections import deque
from collections.abc import Mapping
from functools import cache
from typing import Any, Final, Protocol

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

PATIENCE: Final = 20.0
HOLD_MS: Final = 1000
STATUS_OF: Final[Mapping[int, int]] = {
    4400: 400,
    4401: 401,
    4403: 403,
    4406: 406,
    4408: 410,
    4409: 409,
    4410: 410,
    4411: 409,
    4012: 503,
    4013: 503,
    4429: 429,
}


class Ended(Exception):
    """The link is over: `code` is the socket's close code, or the HTTP status of the exchange with its problem."""

    def __init__(self, code: int, problem: dict[str, Any] | None = None) -> None:
        super().__init__(code, problem)
        self.code, self.problem = code, problem

    def means(self, close_code: int) -> bool:
        """Whether this end is what the protocol's table of closing says of `close_code`."""
        return self.code == (close_code if self.problem is None else STATUS_OF[close_code])


class Link(Protocol):
    """One way to the gateway. `has`: the highest command number that the client holds without a gap."""

    has: int

    async def send(self, text: str | bytes) -> None: ...

    async def send_many(self, texts: list[str]) -> None: ...

    async def receive(self) -> dict[str, Any]:
        """The next frame.

        :raises Ended: there is none any more
        """

    async def drop(self) -> None:
        """Go away without a word, as a cut cable does."""


class SocketLink:
    """The event socket."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.has = 0

    @classmethod
    async def open(cls, url: str, **options: Any) -> "SocketLink":
        options.setdefault("subprotocols", ["ea-gateway.v1"])
        options |= {"ping_interval": None, "max_queue": None}  # a test that does not read is no dead peer
        if url.startswith("wss"):
            options["ssl"] = tls_context()
        return cls(await connect(url, compression=None, max_size=None, **options))

    async def send(self, text: str | bytes) -> None:
        await self.socket.send(text)

    async def send_many(self, texts: list[str]) -> None:
        for text in texts:
            await self.send(text)

    async def receive(self) -> dict[str, Any]:
        try:
            async with asyncio.timeout(PATIENCE):
                frame: dict[str, Any] = json.loads(await self.socket.recv())
        except ConnectionClosed as closed:
            raise Ended(closed.rcvd.code if closed.rcvd else 1006) from closed
        return frame

    async def drop(self) -> None:
        self.socket.transport.abort()


class ExchangeLink:
    """Calls of `exchange`, one after the other: one per frame sent, and one with a hold while nothing has come yet."""

    def __init__(self, http: httpx.AsyncClient, url: str, token: str) -> None:
        self._http, self._url = http, url
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._inbox: deque[dict[str, Any]] = deque()
        self._ended: Ended | None = None
        self._turn = asyncio.Lock()
        self.has = 0
        self.tell_ack = True
        self.stored = 0
        self.max_bytes: int | None = None

    async def send(self, text: str | bytes) -> None:
        """One call with this frame; after the end, nothing is sent any more."""
        if self._ended is None:
            await self.call([text.decode() if isinstance(text, bytes) else text])

    async def send_many(self, texts: list[str]) -> None:
        """One call with all of them."""
        await self.call(texts)

    async def receive(self) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE):
            while not self._inbox:
                if self._ended is not None:
                    raise self._ended
                await self.call([], hold_ms=HOLD_MS)
        return self._inbox.popleft()

    async def drop(self) -> None:
        self._ended = self._ended or Ended(1006, {})

    async def call(self, frames: list[str], *, hold_ms: int = 0, ends: bool = True) -> httpx.Response:
        """One call with these texts of frames; what it brings goes to the inbox, and a refusal ends the link."""
        ack = self.has if self.tell_ack and self.has else None
        bound = "" if self.max_bytes is None else f',"max_bytes":{self.max_bytes}'
        body = f'{{"frames":[{",".join(frames)}],"ack":{json.dumps(ack)},"hold_ms":{hold_ms}{bound}}}'
        headers = {**self._headers, "Content-Type": "application/json"}
        async with self._turn:
            answer = await self._http.post(self._url, content=body.encode("utf-8", "surrogatepass"), headers=headers)
            self._take(answer, ends=ends)
        return answer

    def _take(self, answer: httpx.Response, *, ends: bool) -> None:
        content: dict[str, Any] = {}
        with contextlib.suppress(ValueError):
            content = answer.json()
        for frame in content.get("frames") or []:
            self.has = contiguous(self.has, frame)
            self._inbox.append(frame)
        self.stored = max(self.stored, content.get("ack") or 0)
        if answer.status_code != 200 and ends:
            self._ended = Ended(answer.status_code, content)


def contiguous(top: int, frame: Mapping[str, Any]) -> int:
    """The highest command number without a gap, once this frame is there too."""
    if frame["type"] == "OrderCommand" and frame["seq"] == top + 1:
        return top + 1
    if frame["type"] == "GapFill" and frame["seq"] <= top + 1:
        return max(top, int(frame["payload"]["next"]) - 1)
    return top


@cache
def tls_context() -> ssl.SSLContext:
    return ssl.create_default_context()
