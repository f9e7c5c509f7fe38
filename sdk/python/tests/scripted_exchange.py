"""The scripted gateway's other door: one peer per session that lives from call to call."""

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

PROBLEMS = {
    4400: (400, "protocol_error"), 4401: (401, "token_invalid"), 4403: (403, "key_rejected"),
    4406: (406, "version_unsupported"), 4408: (410, "heartbeat_timeout"), 4409: (409, "preempted"),
    4410: (410, "session_closed"), 4411: (409, "superseded"), 4012: (503, "service_restart"),
    4013: (503, "try_later"), 4429: (429, "throttled"), 4499: (499, "something_new"),
}  # fmt: skip
Answer = tuple[int, dict[str, Any], dict[str, str]]


class _Transport:
    def __init__(self, peer: "ExchangePeer") -> None:
        self._peer = peer

    def abort(self) -> None:
        self._peer.cut()


@dataclass
class ExchangePeer:
    """Looks like a server's socket to the rest of the script: `send`, `close`, `transport.abort`."""

    token: str
    ack_of: Any
    outgoing: list[dict[str, Any]] = field(default_factory=list)
    calls: int = 0
    superseded: int = 0
    code: int | None = None
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    @property
    def transport(self) -> _Transport:
        return _Transport(self)

    async def send(self, text: str | bytes) -> None:
        self.outgoing.append(json.loads(text))
        self._news.set()

    async def close(self, code: int = 1000) -> None:
        if code in PROBLEMS:
            self.code = code
            self._news.set()
        else:
            self.cut()

    def cut(self) -> None:
        """Reset every call in flight."""
        self.code = self.code or 1006
        for writer in self.writers:
            writer.transport.abort()
        self._news.set()

    async def answer(self, hold_ms: int) -> Answer:
        """Wait for something to tell, at most so long, or until a newer call comes."""
        self.calls += 1
        turn = self.calls
        self._news.set()  # who waits looks up
        with suppress(TimeoutError):
            async with asyncio.timeout(hold_ms / 1000):
                while self.calls == turn and not self.outgoing and self.code is None:
                    self._news.clear()
                    await self._news.wait()
        code = self.code
        if self.calls != turn and code is None:
            self.superseded += 1
            code = 4411
        said = {"frames": [] if self.calls != turn else self._take(), "ack": self.ack_of(self.token)}
        if code is None:
            return 200, said, {}
        status, name = PROBLEMS.get(code, (502, "lost"))
        return status, said | {"code": name, "status": status, "title": name}, {}

    def _take(self) -> list[dict[str, Any]]:
        taken, self.outgoing = self.outgoing, []
        return taken
