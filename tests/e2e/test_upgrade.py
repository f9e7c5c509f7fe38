"""A deployment of before is upgraded: its copies, in whatever state, are led to where they shall be.

`upgrades/before_convergence.sql` is a database as the release before wrote it: one master, a follower with a copy in
every state, and a pending follower.
"""

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.lane("embedded")
ROOT = Path(__file__).resolve().parents[2]
BEFORE = Path(__file__).parent / "upgrades/before_convergence.sql"
SWEEP = """
import json
from orders.models import Command, Copy
from orders.services.copies import convergence
known = set(Command.objects.values_list("id", flat=True))
convergence.carry_out()
convergence.carry_out()
new = Command.objects.exclude(id__in=known).order_by("seq")
found = {
    "ordered": [[row.position_id, row.action, f"{row.lots_after:.2f}", f"{row.sl or 0:.2f}"] for row in new],
    "seqs": sorted(Command.objects.filter(seq__isnull=False).values_list("seq", flat=True)),
    "states": dict(Copy.objects.filter(copy_no__isnull=False).values_list("position_id", "state")),
    "waits": dict(Copy.objects.filter(copy_no__isnull=False).values_list("position_id", "wait_reason")),
    "held": Copy.objects.filter(state="held").count(),
    "master_lots": f"{Copy.objects.get(position_id=11, copy_no__isnull=False).master_lots:.2f}",
}
print("FOUND", json.dumps(found))
"""


def manage(folder: Path, *arguments: str) -> str:
    env = {**os.environ, "EAGATEWAY_DATA_DIR": str(folder), "LOG_LEVEL": "WARNING"}
    env = {name: value for name, value in env.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(command, check=False, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_copies_of_the_release_before_converge_after_the_upgrade(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "gateway.sqlite3")
    database.executescript(BEFORE.read_text())
    database.close()
    manage(tmp_path, "migrate", "--verbosity", "0")
    told = manage(tmp_path, "shell", "-c", SWEEP)
    found: dict[str, Any] = json.loads(told.partition("FOUND ")[2])
    assert sorted(found["ordered"]) == [
        [2, "close", "0.00", "0.00"],  # the broker had refused it
        [3, "partial_close", "0.50", "0.00"],
        [4, "modify", "0.10", "1.07"],
    ]
    assert found["seqs"] == list(range(1, len(found["seqs"]) + 1)), "numbers go on without a hole"
    assert found["states"] == {
        "1": "open", "2": "open", "3": "open", "4": "open", "5": "closed", "6": "working", "7": "working",
        "8": "ordered", "9": "ordered", "10": "failed", "11": "open", "12": "open",
    }  # fmt: skip
    # What stands where it shall be waits for nothing, and everything else says what for.
    waits = {position: reason for position, reason in found["waits"].items() if reason}
    assert waits == {
        "2": "on_its_way", "3": "on_its_way", "4": "on_its_way", "8": "on_its_way", "9": "in_doubt", "12": "on_its_way",
    }  # fmt: skip
    assert (found["held"], found["master_lots"]) == (12, "1.00")
