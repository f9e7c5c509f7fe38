"""What two servers say to requests that are no requests of ours."""

import asyncio
import signal
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.e2e.gateway import Cast, Gateway, RawEa

pytestmark = [pytest.mark.usefixtures("sockets"), pytest.mark.lane("embedded")]


HANDSHAKE = b"""GET /ea-gateway/v1/stream HTTP/1.1
Host: localhost
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Version: 13
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==

""".replace(b"\n", b"\r\n")


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    gateway = Gateway(tmp_path_factory.mktemp("odd"), server=request.param, HEARTBEAT_TIMEOUT_SECONDS="60").start()
    yield gateway
    gateway.end(signal.SIGKILL)


async def status_of(gateway: Gateway, head: bytes, body: bytes) -> int:
    place = urlsplit(gateway.url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    writer.write(head.replace(b"\n", b"\r\n") + b"\r\n\r\n" + body)
    line = await asyncio.wait_for(reader.readline(), 10)
    writer.close()
    return int(line.split()[1])


@pytest.mark.parametrize("path", [b"/ea-gateway/v1/sessions", b"/admin/login/", b"/nowhere"])
async def test_a_body_with_two_lengths_is_refused(served: Gateway, path: bytes) -> None:
    head = (
        b"POST "
        + path
        + b" HTTP/1.1\nHost: localhost\nContent-Type: application/json\n\
Content-Length: 5\nTransfer-Encoding: chunked"
    )
    assert await status_of(served, head, b"0\r\n\r\n") == 400


@pytest.mark.parametrize("path", ["/", "/ea-gateway/v1/streams", "/ea-gateway/v1/stream/", "/admin/"])
async def test_an_unknown_socket_is_404_and_no_fault_of_ours(served: Gateway, path: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(served.url.replace("http", "ws") + path)
    assert refused.value.response.status_code == 404
    assert not served.log_has("Traceback")
    assert not served.log_has("No route found")


@pytest.mark.parametrize("host", [b"elsewhere.example", b"[::1", b"a b", b"x" * 300])
async def test_an_unknown_host_is_a_warning_and_no_fault_of_ours(served: Gateway, host: bytes) -> None:
    head = b"GET /ea-gateway/v1/sessions/x HTTP/1.1\nHost: " + host
    assert await status_of(served, head, b"") == 400
    assert not served.log_has("Traceback")
    assert not served.log_has('"level": "error"')


async def test_who_leaves_before_his_socket_stands_is_no_fault_of_ours(served: Gateway) -> None:
    place = urlsplit(served.url)
    for _ in range(20):
        _, writer = await asyncio.open_connection(place.hostname, place.port)
        writer.write(HANDSHAKE)
        await writer.drain()
        writer.transport.abort()
    # Handled in their order: when this one is answered, those are over.
    with pytest.raises(InvalidStatus):
        await connect(served.url.replace("http", "ws") + "/nowhere")
    assert not served.log_has("handshake")


@pytest.mark.parametrize("query", ["token=x", "TOKEN=x", "%74oken=x", "a=1&%2574oken=x"])
async def test_a_socket_with_a_token_in_its_address_is_refused(served: Gateway, query: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"{served.url.replace('http', 'ws')}/ea-gateway/v1/stream?{query}")
    assert refused.value.response.status_code == 403


async def test_a_token_that_a_replay_replaces_closes_its_link(served: Gateway) -> None:
    cast = served.provision()
    ea = await RawEa.connect(served, open_with(cast, "replayed"))
    await ea.hear("SessionState")
    open_with(cast, "replayed")
    assert await ea.close_code() == 4411


def open_with(cast: Cast, key: str) -> str:
    name = cast.names[0]
    body = {"account_id": name, "auth_method": "account_session_key", "auth_key": cast.keys[name]}
    address = f"{cast.gateway.url}/ea-gateway/v1/sessions"
    answer = httpx.post(address, json={**body, "platform": "sdk"}, headers={"Idempotency-Key": key}, timeout=10)
    return str(answer.json()["session_token"])


def test_nobody_else_reads_the_data_folder(served: Gateway) -> None:
    files = list(served.folder.iterdir())
    open_to_others = [path.name for path in (served.folder, *files) if path.stat().st_mode & 0o077]
    assert any(path.name == "gateway.sqlite3" for path in files)
    assert not open_to_others
