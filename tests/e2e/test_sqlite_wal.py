"""The gateway's process copies the WAL of its database by itself."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from eagateway.sqlite.checkpoints import WORTH
from tests.e2e.gateway import DATABASE, Gateway

PATIENCE = 30.0


@pytest.mark.lane("embedded")
def test_a_gateway_copies_what_others_have_left_in_the_wal(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path).start()
    try:
        path = tmp_path / DATABASE
        with closing(sqlite3.connect(path, isolation_level=None, timeout=PATIENCE)) as somebody:
            somebody.executescript("PRAGMA wal_autocheckpoint=0; CREATE TABLE kept (bytes BLOB)")
            before = path.stat().st_size
            somebody.execute("INSERT INTO kept VALUES (zeroblob(?))", (2 * WORTH,))
            end = time.monotonic() + PATIENCE
            while path.stat().st_size < before + 2 * WORTH and time.monotonic() < end:
                time.sleep(0.05)
            assert path.stat().st_size >= before + 2 * WORTH
    finally:
        gateway.end()
