"""A gateway of a few hundred lines that keeps the protocol's promises, and breaks off where a test says so."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import UUID

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from eagateway_sdk.ids import uuid7

from .frame_notes import note
from .scripted_exchange import Answer, ExchangePeer

Peer = ServerConnection | ExchangePeer
DURABLE = frozenset({"OrderIntent", "ExecutionReport", "ErrorAlert", "GapFill"})
Payload = dict[str, Any]


@dataclass
class Stored:
    """One frame that this gateway has committed."""

    session: str
    seq: int
    id: str
    type: str
    payload: Payload
    resent: bool


@dataclass
class ScriptedGateway:
    """`log` is the account's command log: (frame id, type, payload), number = place + 1 or its own `seq`."""

    status: str = "authenticated"
    epoch: str = field(default_factory=lambda: str(uuid7()))
    interval_seconds: int = 5
    timeout_seconds: int = 15
    intent_rate: int = 0
    answer_heartbeats: bool = True
    acks: bool = True
    push: bool = True
    stored: list[Stored] = field(default_factory=list)
    heard: list[tuple[str, Payload, dict[str, Any]]] = field(default_factory=list)
    log: list[tuple[str, str, Payload]] = field(default_factory=list)
    top: dict[str, int] = field(default_factory=dict)
    acked: int = 0
    posts: list[dict[str, Any]] = field(default_factory=list)
    post_answers: list[tuple[int, Payload, dict[str, str]]] = field(default_factory=list)
    on_frame: Callable[["ScriptedGateway", Peer, dict[str, Any]], bool] | None = None
    sockets: list[Peer] = field(default_factory=list)
    sessions: int = 0
    connections: int = 0
    refuse_handshake_with: int | None = None
    exchange_offered: bool = True
    kinds: set[type] = field(default_factory=set)
    peers: dict[str, ExchangePeer] = field(default_factory=dict)
    token_answers: list[tuple[int, Payload]] = field(default_factory=list)
    token_forms: list[tuple[str, str | None]] = field(default_factory=list)
    _http: asyncio.Server | None = None
    _ws: Server | None = None
    http_port: int = 0
    ws_port: int = 0

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen, on the same ports as before after a stop."""
        self._http = await asyncio.start_server(self._answer_http, "127.0.0.1", self.http_port)
        self.http_port = self._http.sockets[0].getsockname()[1]
        self._ws = await serve(
            self._talk, "127.0.0.1", self.ws_port, compression=None, ping_interval=None, close_timeout=0.2,
            subprotocols=[Subprotocol("ea-gateway.v1")], process_request=self._shake_hands,
        )  # fmt: skip
        self.ws_port = next(iter(self._ws.sockets)).getsockname()[1]

    async def stop(self) -> None:
        """As a kill: every socket is reset, nothing is said."""
        self.cut()
        if self._http is not None:
            self._http.close()
        if self._ws is not None:
            self._ws.close()
            await self._ws.wait_closed()

    def cut(self) -> None:
        """Reset every connection."""
        for socket in self.sockets:
            socket.transport.abort()
        self.sockets.clear()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def effects(self) -> list[Payload]:
        """Payloads of the intents and reports, each frame id once, in the order of storing."""
        first: dict[str, Payload] = {}
        for frame in self.stored:
            if frame.type in ("OrderIntent", "ExecutionReport"):
                first.setdefault(frame.id, frame.payload)
        return list(first.values())

    def of_type(self, kind: str) -> list[Payload]:
        """Payloads of all frames of a type, as they were heard."""
        return [payload for heard, payload, _ in self.heard if heard == kind]

    # --- REST ---

    async def _answer_http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
                raw = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                path = head.split(" ", 2)[1]
                status, content, more = await self._route(path, body, headers, raw, writer)
                encoded = json.dumps(content).encode()
                lines = [f"HTTP/1.1 {status} X", "Content-Type: application/json", f"Content-Length: {len(encoded)}"]
                lines += [f"{name}: {value}" for name, value in more.items()] + ["", ""]
                writer.write("\r\n".join(lines).encode() + encoded)
                await writer.drain()
        writer.close()

    async def _route(
        self, path: str, body: bytes, headers: dict[str, str], raw: dict[str, str], writer: asyncio.StreamWriter
    ) -> Answer:
        if path.endswith("/exchange"):
            return await self._exchange(json.loads(body), raw["Authorization"].removeprefix("Bearer "), writer)
        if path.endswith("/oauth/token"):
            self.token_forms.append((body.decode(), raw.get("Authorization")))
            status, answer = self.token_answers.pop(0) if len(self.token_answers) > 1 else self.token_answers[0]
            return status, answer, {}
        return self._post(json.loads(body or b"{}"), headers)

    async def _exchange(self, call: Payload, token: str, writer: asyncio.StreamWriter) -> Answer:
        if not self.exchange_offered:
            return 404, {"code": "not_found"}, {}
        if any(frame["type"] == "Hello" for frame in call["frames"]) or token not in self.peers:
            if token in self.peers:
                await self.peers[token].close(4411)
            self.peers[token] = ExchangePeer(token, lambda token: self.top.get(token, 0) if self.acks else None)
            self.connections += 1
            self.sockets.append(self.peers[token])
        peer = self.peers[token]
        self.acked = max(self.acked, call["ack"] or 0)
        peer.writers.append(writer)
        for frame in call["frames"]:
            await self._hear(peer, token, frame)
        answer = await peer.answer(call["hold_ms"])
        peer.writers.remove(writer)
        return answer

    def _post(self, body: Payload, headers: dict[str, str]) -> tuple[int, Payload, dict[str, str]]:
        self.posts.append(body | {"idempotency_key": headers.get("idempotency-key")})
        if self.post_answers:
            return self.post_answers.pop(0)
        self.sessions += 1
        answer = {
            "session_id": str(UUID(int=self.sessions)), "session_token": f"token-{self.sessions}",
            "status": self.status, "stream_url": f"ws://127.0.0.1:{self.ws_port}/ea-gateway/v1/stream",
            "heartbeat": {"interval_seconds": self.interval_seconds, "timeout_seconds": self.timeout_seconds},
            "limits": {}, "server_time": "2026-11-23T04:00:00.000Z",
            "exchange_url": f"/ea-gateway/v1/sessions/{UUID(int=self.sessions)}/exchange",
        }  # fmt: skip
        return 201, answer, {}

    # --- socket ---

    def _shake_hands(self, socket: ServerConnection, request: Request) -> Response | None:
        if self.refuse_handshake_with is None:
            return None
        return socket.respond(self.refuse_handshake_with, "no\n")

    async def _talk(self, socket: ServerConnection) -> None:
        self.connections += 1
        self.sockets.append(socket)
        assert socket.request is not None
        session = socket.request.headers["Authorization"].removeprefix("Bearer ")
        with suppress(ConnectionClosed):
            async for message in socket:
                await self._hear(socket, session, json.loads(message))

    async def _hear(self, socket: Peer, session: str, frame: dict[str, Any]) -> None:
        note("EA", frame)
        self.kinds.add(type(socket))
        self.heard.append((frame["type"], frame["payload"], frame))
        self.acked = max(self.acked, frame.get("ack", 0))
        if self.on_frame is None or not self.on_frame(self, socket, frame):
            await self._answer(socket, session, frame)

    async def _answer(self, socket: Peer, session: str, frame: dict[str, Any]) -> None:
        kind, payload = frame["type"], frame["payload"]
        if kind == "Hello":
            await self._greet(socket, session, payload)
        elif kind == "InitRequest" and self.status == "authenticated":
            await self.say(socket, "InitAck", self._init_ack())
        elif kind == "StatusHeartbeat" and self.answer_heartbeats:
            beat = {"server_time": "2026-11-23T04:00:00.000Z", "epoch": self.epoch, "top_seq": len(self.log)}
            await self.say(socket, "HeartbeatAck", beat)
        elif kind == "ShutdownNotice" and payload.get("phase") != "ack":
            await self.say(socket, "ShutdownNotice", payload | {"phase": "ack", "last_seq": len(self.log)})
            await socket.close(4410)
        elif kind == "ResendRequest":
            for number in range(payload["from"], payload["to"] + 1):
                await self.send_command(socket, number, resent=True)
        elif kind in DURABLE:
            await self.store(socket, session, frame)

    async def _greet(self, socket: Peer, session: str, hello: Payload) -> None:
        state = {
            "status": self.status, "epoch": self.epoch, "stored_seq": self.top.get(session, 0),
            "top_seq": len(self.log), "recovered": hello.get("epoch") == self.epoch,
        }  # fmt: skip
        await self.say(socket, "SessionState", state)
        if self.push and self.status == "authenticated":
            start = hello.get("last_server_seq", 0) if hello.get("epoch") == self.epoch else 0
            for number in range(start + 1, len(self.log) + 1):
                await self.send_command(socket, number, resent=True)

    def _init_ack(self) -> Payload:
        return {
            "server_time": "2026-11-23T04:00:00.000Z", "role": "follower", "capabilities": [],
            "heartbeat": {"interval_seconds": self.interval_seconds, "timeout_seconds": self.timeout_seconds},
            "limits": {"frame_bytes": 16384, "max_unacked_commands": 100, "intent_rate": self.intent_rate,
                       "resend_page": 200},
        }  # fmt: skip

    async def store(self, socket: Peer, session: str, frame: dict[str, Any]) -> None:
        """Commit a numbered frame, ask for a gap, answer a repeat as before."""
        seq, top = frame["seq"], self.top.get(session, 0)
        if seq > top + 1:
            await self.say(socket, "ResendRequest", {"from": top + 1, "to": seq - 1})
            return
        if seq == top + 1:
            following = frame["payload"]["next"] if frame["type"] == "GapFill" else seq + 1
            self.top[session] = following - 1
            self.stored.append(
                Stored(session, seq, frame["id"], frame["type"], frame["payload"], frame.get("resent", False))
            )
        elif frame["type"] != "GapFill":
            known = {(one.session, one.seq): one.id for one in self.stored}
            assert known.get((session, seq)) in (None, frame["id"]), "a number was used for two frames"
        if self.acks:
            await self.say(socket, "Ack", {"ack": self.top[session]})

    async def say(self, socket: Peer, kind: str, payload: Payload, **fields: object) -> None:
        """Send one frame."""
        frame = {"v": 1, "type": kind, "id": str(uuid7()), "payload": payload} | fields
        note("script", frame)
        with suppress(ConnectionClosed):
            await socket.send(json.dumps(frame))

    async def send_command(self, socket: Peer, number: int, *, resent: bool = False) -> None:
        """Send the frame under a number of the log."""
        frame_id, kind, payload = self.log[number - 1]
        await self.say(socket, kind, payload, id=frame_id, seq=number, resent=resent)

    async def order(self, payload: Payload) -> int:
        """Append a command to the log and push it; returns its number."""
        self.log.append((str(uuid7()), "OrderCommand", payload))
        if self.push and self.sockets:
            await self.send_command(self.sockets[-1], len(self.log))
        return len(self.log)
