"""A gateway in a few lines that answers anything: what a proxy says in its place, garbage, wrong numbers."""

import json
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any
from uuid import uuid4

TOKEN = "cZa3b-st3JbEU2RXTz2BZb4TzZ6kxL3vo8noYBfiz_I"
Answer = tuple[int, dict[str, str], bytes]
Frame = dict[str, Any]


def frame(kind: str, payload: Frame, **more: object) -> Frame:
    """One of the gateway's frames."""
    moment = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    return {"v": 1, "type": kind, "id": str(uuid4()), "sent_at": moment, "payload": payload, **more}


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

    def log_message(self, *_: object) -> None:
        """Not on the terminal."""


class AnyGateway(ThreadingHTTPServer):
    """`garbage`: answers that are given first, one a call. `heard`: all frames that came, also with those calls.
    `orders`: the frames that each call is given. `state` is what a Hello is told. `ahead`: it acknowledges so many
    frames more than it was sent. `deaf`: so many calls that bring an intent are answered that nobody is there.
    """

    daemon_threads = True

    def __init__(self, *, role: str = "follower") -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.role = role
        self.garbage: list[Answer] = []
        self.heard: list[Frame] = []
        self.orders: Callable[[], list[Frame]] = list
        self.state: Frame = {"status": "authenticated", "epoch": "one", "stored_seq": 0}
        self.limits: Frame = {}
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
                return 201, {}, json.dumps(told).encode()
            return 200, {}, json.dumps({"frames": self._frames(frames), "ack": self._ack(frames)}).encode()

    def _frames(self, frames: list[Frame]) -> list[Frame]:
        kinds = [one["type"] for one in frames]
        told = [frame("SessionState", self.state)] if "Hello" in kinds else []
        told += [frame("InitAck", {"role": self.role})] if "InitRequest" in kinds else []
        return told if told else self.orders()

    def _ack(self, frames: list[Frame]) -> int:
        return max((one.get("seq", 0) for one in frames), default=0) + self.ahead

    def named(self, kind: str) -> list[Frame]:
        """The frames of a kind that came."""
        with self._lock:
            return [one for one in self.heard if one["type"] == kind]
