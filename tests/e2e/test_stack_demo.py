"""The demo on a deployment's processes, while its gateways are restarted one after the other and one is killed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.recordings import Recipe, write_recording
from tests.services import NotInstalledError
from tests.services.binaries import find_postgres, find_valkey
from tests.services.migrated import ROOT
from tests.stack import find_proxy

pytestmark = [pytest.mark.nightly, pytest.mark.lane("embedded")]
SECONDS = 560
FEW = Recipe(trades=30, left_open=4, twice=0.1)


def test_nothing_is_lost_doubled_or_wrong_over_a_rolling_restart_and_a_killed_gateway(tmp_path: Path) -> None:
    try:
        find_postgres()
        find_valkey()
    except NotInstalledError as missing:
        pytest.skip(str(missing))
    if find_proxy() is None:
        pytest.skip("no Caddy here: install the package caddy")
    recording, told = write_recording(tmp_path / "recording", FEW), tmp_path / "report.json"
    options = ["--stack", "--exit", "--port", "0", "--speed", "20", "--restart-gateway", "1", "--kill-gateway", "1"]
    places = ["--recording", str(recording), "--report", str(told), "--seed", "7"]
    kept = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    command = [sys.executable, "-m", "tests.stack.demo", *options, *places]
    ran = subprocess.run(command, cwd=ROOT, env=kept, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    report = json.loads(told.read_text())
    assert (report["restarts"], report["intents"] > 0, report["fills"] > 0) == (2, True, True)
    assert (report["lost"], report["duplicated"], report["wrong"], report["findings"]) == (0, 0, 0, [])


def test_a_bug_of_the_demo_s_own_gateway_cannot_be_asked_of_the_stack() -> None:
    """`--break` is refused before anything is started."""
    command = [sys.executable, "-m", "tests.stack.demo", "--stack", "--break", "ratio"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 2
    assert "--stack has none" in ran.stderr
