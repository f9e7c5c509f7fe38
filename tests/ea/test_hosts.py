"""The token goes to the host of GatewayUrl and to no other one, whatever an answer says."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.ea.seats import ACCOUNT, KEY, Seat

pytestmark = pytest.mark.compiles
TOKEN = "cZa3b-st3JbEU2RXTz2BZb4TzZ6kxL3vo8noYBfiz_I"


class _Host(BaseHTTPRequestHandler):
    """Opens a session whose exchange is at another host; `asked` are the paths and tokens that came."""

    server: "_Server"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append((self.path, self.headers.get("Authorization")))
        body = json.dumps(
            {"session_id": "s1", "session_token": TOKEN, "exchange_url": self.server.elsewhere, "status": "pending"}
        ).encode()
        self.send_response(201)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Not on the terminal."""


class _Server(ThreadingHTTPServer):
    elsewhere = ""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Host)
        self.asked: list[tuple[str, str | None]] = []
        Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"


@pytest.fixture
def hosts() -> Iterator[tuple[_Server, _Server]]:
    pair = _Server(), _Server()
    yield pair
    for host in pair:
        host.shutdown()
        host.server_close()


def test_a_token_is_not_sent_to_another_host(hosts: tuple[_Server, _Server], tmp_path: Path, platform: str) -> None:
    gateway, other = hosts
    gateway.elsewhere = f"{other.url}/ea-gateway/v1/sessions/s1/exchange"
    with Seat(gateway.url, ACCOUNT, KEY, tmp_path / "one", platform=platform) as seat:
        seat.start(MQL_URLS=f"{gateway.url},{other.url}")
        seat.shows("STOPPED - the gateway names another host")
        assert gateway.asked == [("/ea-gateway/v1/sessions", None)]
        assert other.asked == []
        assert TOKEN not in seat.said()
