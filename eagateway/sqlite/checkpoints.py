"""The WAL goes into the database's file beside the writer, and not within the COMMIT that finds it long.

SQLite copies the WAL's pages back when a COMMIT has made it longer than `wal_autocheckpoint` says: whoever commits then
waits for it, with its two flushes to the disk, and with him the acknowledgement. Here a thread of its own does it. It
copies without a lock what is there, which nobody waits for; what came meanwhile it copies in a turn of its own, so that
the next writer begins the WAL anew and it does not grow for ever.

The automatic one stays, at eight times of it (settings): for whoever writes without such a thread, or faster than it.
"""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Final

import structlog

from eagateway.sqlite.base import turn_of

WORTH: Final = 4 * 2**20  # bytes of WAL, SQLite's own measure
_EVERY: Final = 0.25  # seconds
_COPY: Final = "PRAGMA wal_checkpoint(PASSIVE)"
_log = structlog.get_logger(__name__)


class Checkpoints:
    """A thread of the process that writes most. `copied`: how often the next writer could begin the WAL anew."""

    def __init__(self, database: Path) -> None:
        self._path, self._wal = str(database), database.with_name(f"{database.name}-wal")
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sqlite-checkpoints", daemon=True)
        self.copied = 0
        self._fails = False

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """It ends after what it does now."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        with closing(sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)) as link:
            while not self._ended.wait(_EVERY):
                self._try(link)

    def _try(self, link: sqlite3.Connection) -> None:
        """A disk that is full, or goes away, is told of once: whoever commits tells of it too."""
        try:
            if self._wal.exists() and self._wal.stat().st_size >= WORTH:
                self._copy(link)
            self._fails = False
        except (OSError, sqlite3.Error) as error:
            if not self._fails:
                _log.warning("sqlite.checkpoint_failed", error=str(error))
            self._fails = True

    def _copy(self, link: sqlite3.Connection) -> None:
        link.execute(_COPY).fetchone()
        with turn_of(self._path):
            busy, pages, copied = link.execute(_COPY).fetchone()
        self.copied += not busy and pages == copied
