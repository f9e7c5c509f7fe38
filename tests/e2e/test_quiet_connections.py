"""Strangers who connect and say nothing, or half of something: how long, how many, and whom they keep out."""

import asyncio
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.e2e.gateway import Gateway

pytestmark = [pytest.mark.usefixtures("sockets"), pytest.mark.lane("embedded")]

HALF_HEAD = b"POST /ea-gateway/v1/sessions HTTP/1.1\r\nHost: x\r\nX-Half: "
HALF_BODY = b"POST /ea-gateway/v1/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
Content-Length: 100\r\n\r\n{"
HALF_CHUNK = b"POST /ea-gateway/v1/sessions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"
WHOLE = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture(params=["daphne", "uvicorn"])
def server(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def strict(server: str, tmp_path: Path) -> Iterator[Gateway]:
    """A gateway that waits 2 s for a request."""
    gateway = Gateway(tmp_path, server=server, REQUEST_SECONDS="2", KEEP_ALIVE_SECONDS="3").start()
    yield gateway
    gateway.end(signal.SIGKILL)


@pytest.fixture
def narrow(server: str, tmp_path: Path) -> Iterator[Gateway]:
    """A gateway that bears 50 quiet connections of one address, and waits long for their requests."""
    gateway = Gateway(tmp_path, server=server, REQUEST_SECONDS="60", CONNECTIONS_PER_ADDRESS="50").start()
    yield gateway
    gateway.end(signal.SIGKILL)


@pytest.fixture
def crowded(server: str, tmp_path: Path) -> Iterator[Gateway]:
    """A gateway that may open 1,024 files and waits long for requests."""
    program = "tests/e2e/few_files_gateway.py"
    gateway = Gateway(tmp_path, server=server, program=program, REQUEST_SECONDS="60", PYTHONPATH=".").start()
    yield gateway
    gateway.end(signal.SIGKILL)


async def say(gateway: Gateway, text: bytes) -> Stream:
    place = urlsplit(gateway.url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    writer.write(text)
    return reader, writer


async def is_open(stream: Stream) -> bool:
    """Whether the gateway has not closed it. What it said before is read over."""
    try:
        while await asyncio.wait_for(stream[0].read(4096), 0.05):
            pass
    except TimeoutError:
        return True
    except ConnectionError:
        return False
    return False


async def closed_after(stream: Stream, *, trickle: bytes = b"") -> float:
    """Seconds until the gateway closes it, with a byte sent now and then."""
    began = time.monotonic()
    while await is_open(stream):
        if trickle:
            stream[1].write(trickle)
        await asyncio.sleep(0.2)
        assert time.monotonic() - began < 20
    return time.monotonic() - began


async def test_half_a_request_is_closed_in_time_however_it_trickles(strict: Gateway) -> None:
    halves = [await say(strict, text) for text in (b"", HALF_HEAD, HALF_HEAD, HALF_BODY, HALF_CHUNK)]
    trickles = [b"", b"", b"a", b"", b""]
    waits = await asyncio.gather(
        *(closed_after(half, trickle=some) for half, some in zip(halves, trickles, strict=True))
    )
    assert all(1 < wait < 8 for wait in waits), waits


async def test_a_connection_is_kept_alive_for_a_while(strict: Gateway) -> None:
    stream = await say(strict, WHOLE)
    await asyncio.sleep(1)
    stream[1].write(WHOLE)
    await asyncio.sleep(1)
    assert await is_open(stream)
    assert 1 < await closed_after(stream) < 9


async def test_of_one_address_only_so_many_are_quiet_and_who_asks_gets_in(narrow: Gateway) -> None:
    cast = narrow.provision()
    quiet = [await say(narrow, HALF_HEAD) for _ in range(120)]
    assert 1 < max(await asyncio.gather(*(closed_after(stream) for stream in quiet[:70]))) < 10
    assert all(await asyncio.gather(*(is_open(stream) for stream in quiet[70:]))), "the latest stay"
    ea = await cast.ea(0)
    for _, writer in quiet:
        writer.close()
    await ea.send("StatusHeartbeat", {"balance": "1"})
    await ea.hear("HeartbeatAck")


async def test_a_thousand_half_requests_keep_no_ea_out_where_files_are_few(crowded: Gateway) -> None:
    cast = crowded.provision()
    first = await cast.ea(0)
    quiet = [await say(crowded, HALF_HEAD) for _ in range(1000)]
    began = time.monotonic()
    second = await cast.ea(1)
    assert time.monotonic() - began < 5
    for ea in (first, second):
        await ea.send("StatusHeartbeat", {"balance": "1"})
        await ea.hear("HeartbeatAck")
    assert crowded.log_has("server.few_files")
    for _, writer in quiet:
        writer.close()


def test_the_limit_of_files_is_raised_as_far_as_it_goes(strict: Gateway) -> None:
    assert strict.process is not None
    limits = Path(f"/proc/{strict.process.pid}/limits").read_text().splitlines()
    soft, hard = next(line.split()[3:5] for line in limits if line.startswith("Max open files"))
    assert soft == hard
