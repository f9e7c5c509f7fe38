"""The programs of the README run as they stand."""

import asyncio
import os
import re
import sys
from pathlib import Path

import pytest

from .samples import command, until
from .scripted_gateway import ScriptedGateway

README = Path(__file__).parents[1] / "README.md"
PROGRAMS = dict(re.findall(r"```python\n# (\w+)\.py:[^\n]*\n(.*?)```", README.read_text(), re.DOTALL))


async def started(name: str, gateway: ScriptedGateway, folder: Path) -> asyncio.subprocess.Process:
    (folder / f"{name}.py").write_text(PROGRAMS[name])
    (folder / f"{name}.key").write_text("k" * 43 + "\n")
    return await asyncio.create_subprocess_exec(
        sys.executable, "-u", f"{name}.py", cwd=folder, stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"GATEWAY": gateway.base_url},
    )  # fmt: skip


def test_each_has_thirty_lines_at_most() -> None:
    assert set(PROGRAMS) == {"master", "follower", "manage"}
    for text in PROGRAMS.values():
        assert len([line for line in text.splitlines() if line.strip()]) <= 30


@pytest.mark.asyncio
async def test_the_master_opens_a_position_and_closes_it(gateway: ScriptedGateway, tmp_path: Path) -> None:
    program = await started("master", gateway, tmp_path)
    async with asyncio.timeout(60):
        said, _ = await program.communicate()
    assert (program.returncode, said) == (0, b"committed\n")
    assert [effect["action"] for effect in gateway.effects] == ["open", "close"]


@pytest.mark.asyncio
async def test_the_follower_carries_out_what_it_is_sent(gateway: ScriptedGateway, tmp_path: Path) -> None:
    program = await started("follower", gateway, tmp_path)
    try:
        await gateway.order(command())
        assert program.stdout is not None
        async with asyncio.timeout(60):
            assert await program.stdout.readline() == b"open 0.10 EURUSD\n"
        await until(lambda: bool(gateway.effects))
        assert gateway.effects[0]["status"] == "filled"
    finally:
        program.kill()
        await program.wait()
