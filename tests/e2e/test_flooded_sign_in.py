"""Strangers who try passwords: what they cost, and whom they hold up."""

import asyncio
import re
import time
from collections import Counter
from urllib.parse import urlsplit

import httpx
import pytest

from tests.e2e.gateway import Gateway, RawEa

# It names a time: on a machine that runs other tests it would measure these.
pytestmark = [pytest.mark.nightly, pytest.mark.usefixtures("sockets")]

CONNECTIONS = 200
SECONDS = 6.0
GROWTH_MIB = 20
_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')
_LENGTH = re.compile(rb"(?i)content-length: *(\d+)")


async def test_two_hundred_who_try_passwords_cost_no_memory_and_hold_up_no_ea(own_gateway: Gateway) -> None:
    cast = own_gateway.provision()
    ea, form = await cast.ea(0), await login_form(own_gateway)
    await guess(own_gateway, form, until=0)
    before, until = own_gateway.memory_mib, time.monotonic() + SECONDS
    guessing = [asyncio.create_task(guess(own_gateway, form, until)) for _ in range(CONNECTIONS)]
    peak, waits = before, []
    while time.monotonic() < until:
        waits.append(await beat(ea))
        peak = max(peak, own_gateway.memory_mib)
        await asyncio.sleep(0.06)  # 20 frames a second is the bound
    answers = sum([task.result() for task in (await asyncio.wait(guessing))[0]], Counter[int]())
    waits.sort()
    slow = waits[int(len(waits) * 0.99)]
    figures = f"{peak - before:.0f} MB more, 99 % of {len(waits)} heartbeats in {slow:.3f} s, answers {dict(answers)}"
    assert peak - before <= GROWTH_MIB, figures
    assert slow < 0.25, figures
    assert answers[200] < 10, figures
    assert own_gateway.log_has("person.sign_in_throttled"), figures


async def login_form(gateway: Gateway) -> bytes:
    """One request that tries a password, with the cookie that belongs to it."""
    async with httpx.AsyncClient() as client:
        page = await client.get(f"{gateway.url}/sign-in/")
    token = _TOKEN.search(page.text)
    assert token is not None
    body = f"csrfmiddlewaretoken={token.group(1)}&username=owner&password=wrong"
    return (
        f"POST /sign-in/ HTTP/1.1\r\nHost: {urlsplit(gateway.url).netloc}\r\n"
        f"Cookie: csrftoken={page.cookies['csrftoken']}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


async def guess(gateway: Gateway, form: bytes, until: float) -> Counter[int]:
    """Try passwords over one connection, one after the other; how often each status came."""
    place, answers = urlsplit(gateway.url), Counter[int]()
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    while True:
        writer.write(form)
        head = await reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        await reader.readexactly(int(length.group(1)) if length else 0)
        answers[int(head.split()[1])] += 1
        if time.monotonic() >= until:
            writer.close()
            return answers


async def beat(ea: RawEa) -> float:
    """How long a heartbeat waits for its answer."""
    began = time.monotonic()
    await ea.send("StatusHeartbeat", {"balance": "1"})
    await ea.hear("HeartbeatAck")
    return time.monotonic() - began
