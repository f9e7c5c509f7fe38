"""Two ways to a gateway: a socket, and calls of the exchange. Both carry frames as dictionaries."""

import asyncio
import json
import os
import time
from typing import Any, Final, Protocol

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

HOLD_MS: Final = 300
PATIENCE: Final = 20.0
Frame = dict[str, Any]
# What the tables of closing and of statuses say: these keep the session, all others want a new one.
KEPT: Final = frozenset({1000, 1001, 1006, 1009, 1011, 1012, 4012, 4013, 4411, 4429})
OVER: Final = frozenset({400, 401, 403, 410})


class Cut(Exception):
    """The link is gone. `over`: its session, too."""

    def __init__(self, why: str, *, over: bool = False) -> None:
        super().__init__(why)
        self.over = over


class Link(Protocol):
    """One link of one session."""

    async def swap(self, frames: list[Frame], have: int) -> tuple[list[Frame], int | None]:
        """Send these, and hear what there is: (frames, the highest of our own that is stored, if it was told).

        :raises Cut: it is gone
        """

    async def close(self) -> None:
        """Let go of it."""


def frame(kind: str, payload: Frame, **envelope: Any) -> Frame:
    """A new frame, with an id of its own (a UUID of version 7)."""
    raw = int(time.time() * 1000).to_bytes(6, "big") + os.urandom(10)
    bits = bytearray(raw)
    bits[6], bits[8] = 0x70 | bits[6] & 0x0F, 0x80 | bits[8] & 0x3F
    text = bits.hex()
    identity = "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
    return {"v": 1, "type": kind, "id": identity, "payload": payload, **envelope}


class Socket:
    """The event socket."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    @classmethod
    async def open(cls, session: Frame) -> "Socket":
        """Connect, with the token in the header.

        :raises Cut: it cannot be done
        """
        headers = {"Authorization": f"Bearer {session['session_token']}"}
        try:
            socket = await connect(
                session["stream_url"],
                subprotocols=["ea-gateway.v1"],  # type: ignore[list-item]
                additional_headers=headers,
                compression=None,
                ping_interval=None,
            )
        except (OSError, WebSocketException, TimeoutError) as error:
            raise Cut(str(error)) from error
        return cls(socket)

    async def swap(self, frames: list[Frame], have: int) -> tuple[list[Frame], int | None]:
        heard: list[Frame] = []
        try:
            for one in frames:
                await self._socket.send(json.dumps({**one, "ack": have}))
            async with asyncio.timeout(0.05 if frames else HOLD_MS / 1000):
                while True:
                    heard.append(json.loads(await self._socket.recv()))
        except TimeoutError:
            return heard, None
        except WebSocketException as error:
            if heard:
                return heard, None  # the next swap meets the end
            code = self._socket.close_code or 1006
            raise Cut(str(code), over=code not in KEPT) from error

    async def close(self) -> None:
        self._socket.transport.abort()


class Exchange:
    """Calls, one at a time."""

    def __init__(self, session: Frame, http: httpx.AsyncClient) -> None:
        self._url, self._http = session["exchange_url"], http
        self._headers = {"Authorization": f"Bearer {session['session_token']}"}
        self._left: Cut | None = None

    async def swap(self, frames: list[Frame], have: int) -> tuple[list[Frame], int | None]:
        if self._left is not None:
            raise self._left
        body = {"frames": frames, "ack": have, "hold_ms": 0 if frames else HOLD_MS}
        try:
            answer = await self._http.post(self._url, json=body, headers=self._headers, timeout=PATIENCE)
            content = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise Cut(repr(error)) from error
        if answer.status_code != 200:
            why = f"{answer.status_code} {content.get('code')}"
            # 409 of a newer call keeps the session, of a newer session it does not.
            self._left = Cut(why, over=answer.status_code in OVER or content.get("code") == "preempted")
            if not content.get("frames"):
                raise self._left
        return content.get("frames") or [], content.get("ack")

    async def close(self) -> None:
        """Nothing stands between calls."""
