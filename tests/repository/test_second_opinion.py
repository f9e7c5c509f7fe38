"""The demo's second opinion is computed without the code that it judges: a contract holds that, and it bites."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGES: Final = ("eagateway", "backoffice", "orders", "sessions_app", "ea")
CONTRACT: Final = "The demo's second opinion knows nothing of the gateway"


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the code, to plant offences in."""
    folder = tmp_path_factory.mktemp("planted")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__", "recordings"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def lint(folder: Path) -> tuple[int, str]:
    """What import-linter says of this contract; (exit status, what it printed)."""
    command = [str(ROOT / ".venv/bin/lint-imports"), "--contract", "second-opinion", "--no-cache"]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return ran.returncode, ran.stdout + ran.stderr


@pytest.mark.parametrize(
    "offence", ["from orders.domain.sizing.rounding import round_lots", "from eagateway.demo import plan"]
)
def test_an_expectation_that_asks_the_gateways_code_breaks_the_contract(planted: Path, offence: str) -> None:
    module = planted / "eagateway/demo/expectation.py"
    before = module.read_text()
    module.write_text(f"{before}\n{offence}\n")
    status, printed = lint(planted)
    module.write_text(before)
    assert status == 1, printed
    assert f"{CONTRACT} BROKEN" in " ".join(printed.split())


def test_the_expectation_as_it_is_keeps_the_contract(planted: Path) -> None:
    status, printed = lint(planted)
    assert status == 0, printed
    assert f"{CONTRACT} KEPT" in " ".join(printed.split())
