"""How long the EA waits before it tries again: by what it says itself, so that nobody's clock is asked."""

import json
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import pytest

from tests.ea.seats import ACCOUNT, KEY, Seat, until

pytestmark = pytest.mark.compiles
FIRST_MS: Final = 1000
MOST_MS: Final = 60000
AWAY: Final = 502
"""What a proxy says for a gateway that is not there."""


@dataclass(frozen=True, slots=True)
class Said:
    """One answer."""

    status: int
    code: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        return json.dumps({"code": self.code, "title": self.code}).encode() if self.code else b""


class Script(ThreadingHTTPServer):
    """A gateway that says what stands here, one answer a call, and opens every session."""

    daemon_threads = True

    def __init__(self, answers: Sequence[Said]) -> None:
        super().__init__(("127.0.0.1", 0), _Call)
        self.answers = list(answers)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def session(self) -> dict[str, Any]:
        """As POST /sessions answers."""
        base = f"{self.url}/ea-gateway/v1/sessions/s1"
        return {"session_id": "s1", "session_token": "t" * 43, "exchange_url": f"{base}/exchange", "stream_url": ""}


class _Call(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        script = self.server
        assert isinstance(script, Script)
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.endswith("/sessions"):
            self._answer(201, json.dumps(script.session()).encode(), {})
            return
        said = script.answers.pop(0) if script.answers else Said(AWAY)
        self._answer(said.status, said.body, said.headers)

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """The terminal says what is of interest."""


def pauses(answers: Sequence[Said], folder: Path, platform: str) -> list[tuple[str, int]]:
    """How each link ended, and how long was waited then, in milliseconds."""
    script = Script(answers)
    threading.Thread(target=script.serve_forever, args=(0.02,), daemon=True).start()
    try:
        with Seat(script.url, ACCOUNT, KEY, folder, platform=platform) as seat:
            seat.start(MQL_CLOCK_RATE="200")
            until(lambda: len(waited(seat.said())) >= len(answers))
            return waited(seat.said())[: len(answers)]
    finally:
        script.shutdown()
        script.server_close()


def waited(said: str) -> list[tuple[str, int]]:
    """Each end of a link and the pause after it."""
    found = re.findall(r"EA Gateway: link ended, (\d+ .*)\nEA Gateway: next try in (\d+) ms", said)
    return [(how, int(pause)) for how, pause in found]


def test_a_gateway_that_is_back_is_not_waited_for_as_one_that_is_away(tmp_path: Path, platform: str) -> None:
    away, over = [Said(AWAY)] * 7, Said(410, "session_closed")
    found = pauses([*away, over, over, Said(AWAY)], tmp_path / "one", platform)
    bounds = [FIRST_MS * 2**n for n in (0, 1, 2, 3, 4, 5)] + [MOST_MS, FIRST_MS, 2 * FIRST_MS, 4 * FIRST_MS]
    assert [how for how, _ in found[7:9]] == ["4410 session_closed"] * 2
    assert [pause <= bound for (_, pause), bound in zip(found, bounds, strict=True)] == [True] * 10
    assert len({pause for _, pause in found}) > 5  # full jitter
    assert max(pause for _, pause in found[:7]) > FIRST_MS


def test_a_time_that_was_told_is_the_least(tmp_path: Path, platform: str) -> None:
    told = Said(503, "try_later", {"Retry-After": "7"})
    found = pauses([Said(AWAY), Said(AWAY), told, told], tmp_path / "one", platform)
    assert [how for how, _ in found[2:]] == ["4013 try_later"] * 2
    assert all(7000 <= pause <= 14000 for _, pause in found[2:])
