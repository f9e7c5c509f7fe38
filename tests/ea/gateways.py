"""A gateway in a few lines that answers anything: what a proxy says in its place, garbage, wrong numbers."""

import base64
import hashlib
import json
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from threading import Lock, Thread
from typing import Any
from uuid import uuid4

TOKEN = "cZa3b-st3JbEU2RXTz2BZb4TzZ6kxL3vo8noYBfiz_I"
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # of every WebSocket
Answer = tuple[int, dict[str, str], bytes]
Frame = dict[str, Any]


def frame(kind: str, payload: Frame, **more: object) -> Frame:
    """One of the gateway's frames."""
    moment = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    return {"v": 1, "type": kind, "id": str(uuid4()), "sent_at": moment, "payload": payload, **more}


def message(data: bytes, *, kind: int = 1) -> bytes:
    """A message of a socket, as it stands on the wire. `kind`: 1 text, 2 bytes, 8 the end."""
    size = len(data)
    if size < 126:
        length = struct.pack("!B", size)
    else:
        length = struct.pack("!BH", 126, size) if size < 65536 else struct.pack("!BQ", 127, size)
    return bytes([0x80 | kind]) + length + data


def _received(wire: BufferedIOBase) -> bytes | None:
    """The next text of the program's; None: it has ended."""
    head = wire.read(2)
    if len(head) < 2 or head[0] & 15 == 8:
        return None
    size = head[1] & 127
    size = struct.unpack("!H", wire.read(2))[0] if size == 126 else size
    mask, data = wire.read(4), wire.read(size)
    return bytes(byte ^ mask[place & 3] for place, byte in enumerate(data))


class _Handler(BaseHTTPRequestHandler):
    server: "AnyGateway"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status, headers, answer = self.server.answered(self.path, body)
        self.send_response(status)
        for name, value in {"Content-Length": str(len(answer)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer)

    def do_GET(self) -> None:
        """A socket, for as long as both want it."""
        key = self.headers["Sec-WebSocket-Key"] + GUID
        accepted = base64.b64encode(hashlib.sha1(key.encode(), usedforsecurity=False).digest())
        self.wfile.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
        self.wfile.write(b"Sec-WebSocket-Accept: " + accepted + b"\r\n\r\n")
        with suppress(ConnectionError):  # a program that was killed says no goodbye
            while (text := _received(self.rfile)) is not None:
                for one in self.server.said(json.loads(text)):
                    self.wfile.write(one)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Not on the terminal."""


class AnyGateway(ThreadingHTTPServer):
    """`garbage`: answers that are given first, one a call. `heard`: all frames that came, also with those calls.
    `orders`: the frames that each call is given. `state` is what a Hello is told, `guards` an InitRequest. `ahead`: it
    acknowledges so many frames more than it was sent. `deaf`: so many calls that bring an intent are answered that
    nobody is there.

    On a socket `noise` is said instead, as it stands on the wire: one piece a Poll, before what belongs there.
    """

    daemon_threads = True

    def __init__(self, *, role: str = "follower") -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.role = role
        self.garbage: list[Answer] = []
        self.noise: list[bytes] = []
        self.heard: list[Frame] = []
        self.orders: Callable[[], list[Frame]] = list
        self.state: Frame = {"status": "authenticated", "epoch": "one", "stored_seq": 0}
        self.limits: Frame = {}
        self.guards: Frame = {}
        self.ahead = 0
        self.deaf = 0
        self.calls = 0
        self._lock = Lock()
        Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"

    def answered(self, path: str, body: Frame) -> Answer:
        """What a call is answered."""
        with self._lock:
            self.calls += 1
            frames = body.get("frames", [])
            self.heard += frames
            if self.deaf and any(one["type"] == "OrderIntent" for one in frames):
                self.deaf -= 1
                return 503, {}, b""
            if self.garbage:
                return self.garbage.pop(0)
            if path.endswith("/sessions"):
                exchange = f"{self.url}/ea-gateway/v1/sessions/s1/exchange"
                told: Frame = {"session_id": "s1", "session_token": TOKEN, "exchange_url": exchange}
                told |= {"status": "pending", "limits": self.limits}
                told["stream_url"] = exchange.replace("http", "ws", 1)
                return 201, {}, json.dumps(told).encode()
            return 200, {}, json.dumps({"frames": self._frames(frames), "ack": self._ack(frames)}).encode()

    def said(self, one: Frame) -> list[bytes]:
        """What a frame on a socket is answered, as it stands on the wire."""
        with self._lock:
            self.heard.append(one)
            if one["type"] != "Poll":
                return [message(json.dumps(each).encode()) for each in self._greeting([one["type"]])]
            noise = [self.noise.pop(0)] if self.noise else []
            ends = [frame("Ack", {"ack": self._ack(self.heard)}), frame("Idle", {"top_seq": 0})]
            return noise + [message(json.dumps(each).encode()) for each in [*self.orders(), *ends]]

    def _frames(self, frames: list[Frame]) -> list[Frame]:
        return self._greeting([one["type"] for one in frames]) or self.orders()

    def _greeting(self, kinds: list[str]) -> list[Frame]:
        told = [frame("SessionState", self.state)] if "Hello" in kinds else []
        told += [frame("InitAck", {"role": self.role, "guards": self.guards})] if "InitRequest" in kinds else []
        return told

    def _ack(self, frames: list[Frame]) -> int:
        return max((one.get("seq", 0) for one in frames), default=0) + self.ahead

    def named(self, kind: str) -> list[Frame]:
        """The frames of a kind that came."""
        with self._lock:
            return [one for one in self.heard if one["type"] == kind]
