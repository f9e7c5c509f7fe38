"""A client in another language, written from docs/protocol.md alone: 50 trades from a master to a follower."""

import asyncio
import json
import os
import shutil
from pathlib import Path
from typing import Any, Final

import pytest

from tests.e2e.gateway import Gateway

CLIENT: Final = Path(__file__).resolve().parents[2] / "docs" / "examples" / "client.mjs"
NODE: Final = shutil.which("node")
SECONDS: Final = 90
pytestmark = pytest.mark.skipif(NODE is None, reason="node is not installed here")


def a_long_list(path: Path) -> dict[str, str]:
    """The environment of a client whose broker lists 1,000 symbols with every field, EURUSD the last of them."""
    names = [*(f"SYMBOL{number:04}.ecn" for number in range(999)), "EURUSD"]
    lots = {"lots_min": "0.01", "lots_step": "0.01", "lots_max": "50"}
    terms = {"digits": 5, "contract_size": "100000", "point": "0.00001", "tick_size": "0.00001", "tick_value": "1"}
    more = {"stop_level": 10, "freeze_level": 5, "trade_mode": "full", "quote_currency": "USD"}
    path.write_text(json.dumps([{"name": name, **terms, **lots, **more} for name in names]))
    return {**os.environ, "SYMBOLS": str(path)}


async def started(
    gateway: Gateway, account: str, key: str, *role: str, environment: dict[str, str] | None = None
) -> asyncio.subprocess.Process:
    """Start one client; returns when the gateway knows its terminal."""
    process = await asyncio.create_subprocess_exec(
        str(NODE), str(CLIENT), gateway.url, account, key, *role, env=environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    async with asyncio.timeout(SECONDS):
        said = await process.stderr.readline()
    assert b"is ready" in said
    return process


async def ended(process: asyncio.subprocess.Process) -> dict[str, Any]:
    """The line that a client prints at its end."""
    try:
        async with asyncio.timeout(SECONDS):
            out, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, errors.decode()
    printed: dict[str, Any] = json.loads(out)
    return printed


async def test_fifty_trades_reach_a_follower_and_everything_is_acknowledged(gateway: Gateway, tmp_path: Path) -> None:
    cast = gateway.provision({})
    master, follower = cast.names[0], cast.names[1]
    listed = a_long_list(tmp_path / "symbols.json")
    copying = await started(gateway, follower, cast.keys[follower], "follower", "100", environment=listed)
    sent = await ended(await started(gateway, master, cast.keys[master], "master", "50"))
    done = await ended(copying)
    assert (sent["sent"], sent["acked"], sent["refused"]) == (100, 100, 0)
    assert (done["commands"], done["sent"], done["acked"], done["refused"]) == (100, 100, 100, 0)
