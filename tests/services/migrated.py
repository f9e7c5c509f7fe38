"""The migrated databases that tests and their gateways begin with: each is made once, then copied.

Making the tables costs five seconds of work, and each worker, each lane and each gateway process wants
a database of its own.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql

TEMPLATE_VARIABLE: Final = "EAGATEWAY_TEMPLATE_DATABASE"  # set where the PostgreSQL is a run's own
ROOT: Final = Path(__file__).resolve().parents[2]
_KEPT: Final = ROOT / ".pytest_cache" / "migrated"
_MADE_OF: Final = ("*/migrations/*.py", "requirements.lock")  # what is installed has migrations too


def migrate(environment: Mapping[str, str]) -> None:
    """Apply every migration, in a process of its own.

    :raises RuntimeError: with the end of what it said
    """
    command = [sys.executable, "manage.py", "migrate", "-v0"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the database cannot be migrated: {done.stderr[-2000:]}")


# SQLite ---------------------------------------------------------------------------------------------------------------


def migrated_file() -> Path:
    """A SQLite database with every migration and no row of ours; kept for later runs, until a migration changes."""
    _KEPT.mkdir(parents=True, exist_ok=True)
    kept = _KEPT / f"{_fingerprint()}.sqlite3"
    with (_KEPT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            _make(kept)
    return kept


def _make(kept: Path) -> None:
    folder = _KEPT / "new"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    lane = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    migrate({**lane, "EAGATEWAY_DATA_DIR": str(folder)})
    for old in _KEPT.glob("*.sqlite3"):
        old.unlink()
    (folder / "gateway.sqlite3").rename(kept)
    shutil.rmtree(folder)


@cache
def _fingerprint() -> str:
    told = hashlib.sha256()
    for path in sorted(path for pattern in _MADE_OF for path in ROOT.glob(pattern)):
        told.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return told.hexdigest()[:16]


# PostgreSQL -----------------------------------------------------------------------------------------------------------


def copy_database(url: str, *, source: str, name: str) -> None:
    """Make a database as a copy of another that nobody is connected to; an older one of that name goes."""
    with psycopg.connect(url, dbname="postgres", autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))
        made = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(source))
        connection.execute(made)
