"""What earlier releases left behind: databases, and an SDK. `record.py` makes it."""

import base64
import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any, Final

from tests.services.binaries import find_postgres

HERE: Final = Path(__file__).parent
SECRET: Final = "the secret of a release whose database is kept here, and of nothing else that there is"
TENANT: Final = "upgraded"
NAMES: Final = ("Upgraded:1", "Upgraded:2")
KEYS: Final = {
    name: base64.urlsafe_b64encode(hashlib.sha256(name.encode()).digest()).decode().rstrip("=") for name in NAMES
}


def known(database: str) -> dict[str, Any]:
    """What the EAs of the recorded release knew when its gateway was killed."""
    told: dict[str, Any] = json.loads((HERE / "release.json").read_text())[database]
    return told


def run_postgres(program: str, *arguments: str) -> str:
    """One of PostgreSQL's client programs; what it has written."""
    command = [str(find_postgres().binary.with_name(program)), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
