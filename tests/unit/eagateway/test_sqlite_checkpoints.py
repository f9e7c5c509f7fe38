"""The WAL is copied beside the writer, and begins anew."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from eagateway.sqlite.base import turn_of
from eagateway.sqlite.checkpoints import WORTH, Checkpoints

PATIENCE = 20.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "some.sqlite3"


@pytest.fixture
def writer(path: Path) -> Iterator[sqlite3.Connection]:
    """Somebody who copies nothing himself."""
    with closing(sqlite3.connect(path, isolation_level=None)) as link:
        link.executescript("PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; CREATE TABLE kept (bytes BLOB)")
        yield link


def write(writer: sqlite3.Connection, path: Path, size: int) -> None:
    with turn_of(str(path)):
        writer.execute("INSERT INTO kept VALUES (zeroblob(?))", (size,))


def pages_in_wal(path: Path) -> int:
    with closing(sqlite3.connect(path)) as link:
        return int(link.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[1])


def until_copied(checkpoints: Checkpoints, times: int) -> None:
    waited = threading.Event()
    for _ in range(int(PATIENCE / 0.02)):
        if checkpoints.copied >= times:
            return
        waited.wait(0.02)
    raise TimeoutError


def test_a_long_wal_is_copied_and_the_next_writer_begins_it_anew(path: Path, writer: sqlite3.Connection) -> None:
    checkpoints = Checkpoints(path)
    checkpoints.start()
    for times in (1, 2):
        write(writer, path, WORTH + 1)
        until_copied(checkpoints, times)
        assert path.stat().st_size > times * WORTH
    write(writer, path, 1)
    checkpoints.stop()
    assert pages_in_wal(path) < 10
    assert path.with_name(f"{path.name}-wal").stat().st_size < 2 * WORTH


def test_a_short_wal_is_left_alone(path: Path, writer: sqlite3.Connection) -> None:
    checkpoints = Checkpoints(path)
    write(writer, path, WORTH // 2)
    with closing(sqlite3.connect(path)) as link:
        checkpoints._try(link)
    assert checkpoints.copied == 0
    assert path.stat().st_size < WORTH // 2


def test_somebody_who_reads_for_long_delays_the_copy_and_fails_nobody(path: Path, writer: sqlite3.Connection) -> None:
    write(writer, path, 1)
    checkpoints = Checkpoints(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as reader, closing(sqlite3.connect(path)) as link:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM kept").fetchone()
        write(writer, path, WORTH + 1)
        checkpoints._try(link)
        assert checkpoints.copied == 0
        reader.execute("ROLLBACK")
        checkpoints._try(link)
    assert checkpoints.copied == 1


def test_a_checkpoint_that_fails_is_told_once_and_again_after_one_that_did_not(
    path: Path, writer: sqlite3.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    checkpoints = Checkpoints(path)
    write(writer, path, WORTH + 1)
    broken = sqlite3.connect(path)
    broken.close()
    with closing(sqlite3.connect(path)) as link:
        for one in (broken, broken, link, broken):
            checkpoints._try(one)
    assert caplog.text.count("sqlite.checkpoint_failed") == 2
