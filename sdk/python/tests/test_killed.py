"""The program is killed, really and at random, and started again: every order reaches the broker once."""

import asyncio
import random
import sys
from asyncio.subprocess import Process
from collections import Counter
from pathlib import Path

import pytest

from .samples import command, until
from .scripted_gateway import ScriptedGateway

pytestmark = pytest.mark.asyncio
SCRIPT = Path(__file__).with_name("killed_terminal.py")
COMMANDS = 150


async def started(gateway: ScriptedGateway, folder: Path) -> Process:
    return await asyncio.create_subprocess_exec(sys.executable, str(SCRIPT), gateway.base_url, str(folder))


def outcomes(gateway: ScriptedGateway) -> dict[int, str]:
    """The last status that was reported of each copy."""
    return {effect["copy_no"]: effect["status"] for effect in gateway.effects}


async def test_124_a_terminal_killed_at_random_executes_every_command_once(
    gateway: ScriptedGateway, tmp_path: Path
) -> None:
    chance = random.Random(124)
    running = await started(gateway, tmp_path)
    try:
        for copy_no in range(1, COMMANDS + 1):
            await gateway.order(command(copy_no=copy_no))
            await asyncio.sleep(0.005)
            if copy_no % 15 == 0:
                await asyncio.sleep(chance.random() * 0.6)
                running.kill()
                await running.wait()
                running = await started(gateway, tmp_path)
        await until(lambda: len(outcomes(gateway)) == COMMANDS, seconds=30)
        for copy_no, status in outcomes(gateway).items():
            if status == "unknown":  # searched and not there: what a gateway then does is order it again
                await gateway.order(command(copy_no=copy_no, attempt=2))
        await until(lambda: set(outcomes(gateway).values()) == {"filled"}, seconds=30)
    finally:
        running.kill()
        await running.wait()
    orders = Counter((tmp_path / "orders.txt").read_text().split())
    assert len(orders) == COMMANDS
    assert set(orders.values()) == {1}
    assert len({one.id for one in gateway.stored}) == len(gateway.stored)
