"""An address that is wrong is told at once, with its cause: in a warning, and as `client.last_error`."""

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from eagateway_sdk import GatewayClient, GatewayStopped, GatewayUnreachable, open_session

from .conftest import MakeClient
from .samples import until
from .scripted_gateway import ScriptedGateway

HTML = b"HTTP/1.1 %s\r\nContent-Type: text/html\r\nContent-Length: 2\r\nConnection: close\r\n%s\r\nno"


@pytest.fixture
def transport() -> str:
    return "socket"


@asynccontextmanager
async def server(answer: bytes, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """What listens on a port and gives one answer to everything; b"": none, and the connection is left open."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await reader.read(65536)
            if answer:
                writer.write(answer)
                await writer.drain()
                writer.close()

    listening = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=tls)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()


def self_signed(folder: Path) -> ssl.SSLContext:
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    plain = serialization.NoEncryption()
    text = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    text += made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    (folder / "both.pem").write_bytes(text)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "both.pem")
    return context


def closed_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def first_words(client: GatewayClient, caplog: pytest.LogCaptureFixture) -> str:
    """What `last_error` says, once it says something; the first warning has said the same, and it was the only one."""
    async with client:
        await until(lambda: client.last_error is not None)
        said = str(client.last_error)
        await asyncio.sleep(0.2)  # more tries fail meanwhile
        assert client.status == "offline"
        assert isinstance(client.last_error, GatewayUnreachable)
    assert str(client.last_error) == said
    warned = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert warned == [f"client.not_connected: {said}"]
    return said


@pytest.mark.asyncio
async def test_a_wrong_port_is_told(make_client: MakeClient, caplog: pytest.LogCaptureFixture) -> None:
    port = closed_port()
    said = await first_words(make_client(base_url=f"http://127.0.0.1:{port}"), caplog)
    assert "refused" in said
    assert f"http://127.0.0.1:{port}/" in said


@pytest.mark.asyncio
async def test_an_unknown_host_is_told(make_client: MakeClient, caplog: pytest.LogCaptureFixture) -> None:
    said = await first_words(make_client(base_url="https://gateway.invalid"), caplog)
    assert "the name gateway.invalid is not known (DNS)" in said


@pytest.mark.asyncio
async def test_https_where_no_tls_is_spoken_is_told(make_client: MakeClient, caplog: pytest.LogCaptureFixture) -> None:
    async with server(HTML % (b"400 Bad Request", b"")) as port:
        said = await first_words(make_client(base_url=f"https://127.0.0.1:{port}"), caplog)
    assert "TLS failed" in said
    assert "does this port speak https?" in said


@pytest.mark.asyncio
async def test_http_where_only_tls_is_spoken_is_told(
    make_client: MakeClient, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    async with server(HTML % (b"200 OK", b""), self_signed(tmp_path)) as port:
        said = await first_words(make_client(base_url=f"http://127.0.0.1:{port}"), caplog)
    assert "speaks no HTTP without TLS" in said


@pytest.mark.asyncio
async def test_a_certificate_that_nobody_trusts_is_told(
    make_client: MakeClient, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    async with server(HTML % (b"200 OK", b""), self_signed(tmp_path)) as port:
        said = await first_words(make_client(base_url=f"https://127.0.0.1:{port}"), caplog)
    assert "its TLS certificate is not trusted (self-signed certificate" in said


@pytest.mark.asyncio
async def test_a_proxy_that_refuses_is_told(make_client: MakeClient, caplog: pytest.LogCaptureFixture) -> None:
    async with server(HTML % (b"407 Proxy Authentication Required", b"")) as port:
        http = httpx.AsyncClient(proxy=f"http://127.0.0.1:{port}", trust_env=False)
        said = await first_words(make_client(base_url="https://gateway.invalid", http=http), caplog)
        await http.aclose()
    assert "the proxy lets nothing through" in said
    assert "407" in said


@pytest.mark.asyncio
async def test_a_proxy_of_the_environment_is_named_because_it_is_not_used(
    make_client: MakeClient, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:secret@proxy.example:3128")
    said = await first_words(make_client(base_url="https://gateway.invalid"), caplog)
    assert "HTTPS_PROXY is set" in said
    assert "secret" not in said


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (HTML % (b"404 Not Found", b""), "HTTP 404 Not Found (text/html)"),
        (HTML % (b"403 Forbidden", b""), "HTTP 403 Forbidden (text/html)"),
        (HTML % (b"200 OK", b""), "HTTP 200 OK (text/html)"),
        (HTML % (b"301 Moved", b"Location: https://other.example/x\r\n"), "redirects to https://other.example/x"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "speaks no HTTP"),
    ],
)
async def test_another_server_than_a_gateway_is_told(
    make_client: MakeClient, caplog: pytest.LogCaptureFixture, answer: bytes, words: str
) -> None:
    async with server(answer) as port:
        said = await first_words(make_client(base_url=f"http://127.0.0.1:{port}"), caplog)
    assert words in said


@pytest.mark.asyncio
async def test_silence_is_told(make_client: MakeClient, caplog: pytest.LogCaptureFixture) -> None:
    async with server(b"") as port:
        http = httpx.AsyncClient(timeout=0.3, trust_env=False)
        said = await first_words(make_client(base_url=f"http://127.0.0.1:{port}", http=http), caplog)
        await http.aclose()
    assert "no answer in time" in said


@pytest.mark.asyncio
async def test_a_socket_that_is_not_let_through_is_told_and_forgotten_when_it_is(
    gateway: ScriptedGateway, make_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    gateway.refuse_handshake_with = 502
    async with make_client() as client:
        await until(lambda: client.last_error is not None)
        assert "answered the WebSocket handshake with HTTP 502" in str(client.last_error)
        gateway.refuse_handshake_with = None
        await client.wait_status("authenticated")
        assert client.last_error is None
    assert caplog.text.count("HTTP 502") == 1


@pytest.mark.asyncio
async def test_an_exchange_that_is_not_let_through_is_told(
    gateway: ScriptedGateway, make_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    async with make_client(transport="exchange") as client:
        await client.wait_status("authenticated")
        await gateway.stop()
        await until(lambda: client.last_error is not None)
        await until(lambda: "refused" in str(client.last_error))
        assert f"127.0.0.1:{gateway.http_port}" in str(client.last_error)


@pytest.mark.asyncio
async def test_who_was_sent_away_reads_why_in_words(gateway: ScriptedGateway, make_client: MakeClient) -> None:
    async with make_client() as client:
        await client.wait_status("authenticated")
        await gateway.sockets[-1].close(4409)
        with pytest.raises(GatewayStopped, match="a newer session of this account is in charge"):
            await client.wait_status("rejected")
        assert isinstance(client.last_error, GatewayStopped)
        assert client.last_error.code == 4409


@pytest.mark.asyncio
async def test_a_refused_session_says_what_to_do(gateway: ScriptedGateway, make_client: MakeClient) -> None:
    problem = {"code": "key_not_enrolled", "detail": "This key is not known here", "remediation": "Ask your admin"}
    gateway.post_answers = [(403, problem, {})]
    async with make_client() as client:
        with pytest.raises(GatewayStopped, match="This key is not known here - Ask your admin"):
            await client.wait_status("authenticated")


WRONG: list[str] = ["gateway.example", "gateway.example:443", "127.0.0.1:8000", "", "ws://h", "https://", "http://h:x"]


@pytest.mark.parametrize("base_url", WRONG)
def test_an_address_that_can_be_none_raises_where_it_is_written(make_client: MakeClient, base_url: str) -> None:
    with pytest.raises(ValueError, match=r"base_url|Port"):
        make_client(base_url=base_url)


@pytest.mark.asyncio
async def test_a_session_of_no_address_is_not_asked_for() -> None:
    with pytest.raises(ValueError, match="base_url: expected https://"):
        await open_session(base_url="gateway.example", account_id="Demo:1", auth_key="k" * 43)
