"""One SQLite file per account: what must survive this process, written ahead.

How a write becomes durable
---------------------------
All statements run on the event loop's thread, in one open transaction, and reach only the operating system's
memory: microseconds. Whoever needs durability asks for it (`durable`, `when_durable`); the transaction is then
committed at the end of this turn of the loop, so everything written in one turn shares one commit. With `full`
durability the write-ahead log is also fsynced, in a thread, one fsync for all that was committed before it began: the
same promise as SQLite's `synchronous=FULL`, without stopping the loop and without one fsync per row. With `process`
durability the commit alone counts: it survives a kill of the process, not a power failure.
"""

import asyncio
import logging
import os
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, Literal

log = logging.getLogger(__name__)

Durability = Literal["full", "process"]
Done = Callable[["JournalFailed | None"], None]
_LAZY_COMMIT_SECONDS: Final = 0.05


class JournalFailed(Exception):
    """The file could not be written (disk full, locked, gone): nothing of this transaction was stored."""


class StoreInUse(Exception):
    """Another client has this file open: two of them would execute the same commands."""


class Journal:
    """The file of one account. Not for sharing between threads or clients.

    `on_failure` is called after every lost transaction: mirrors of the file must be read again.

    :raises StoreInUse: another client, here or in another process, has it open
    """

    def __init__(self, path: Path, *, durability: Durability = "full") -> None:
        self.path = path
        self._full = durability == "full"
        self._lock = _lock(path)
        self._connection = _connect(path)
        self._open = False
        self._waiting: list[Done] = []
        self._unsynced: list[Done] = []
        self._commit_due: asyncio.Handle | None = None
        self._log_file: int | None = None
        self._syncer: ThreadPoolExecutor | None = None
        self._syncing = False
        self.on_failure: Callable[[], None] = _ignore

    def define(self, script: str) -> None:
        """Create tables that are not there yet."""
        self._connection.executescript(script)

    def read(self, statement: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
        """Rows, this transaction's own writes included."""
        return self._connection.execute(statement, values).fetchall()

    def write(self, statement: str, values: Sequence[object] = ()) -> int:
        """Run one statement in the open transaction; returns the number of rows that it touched.

        :raises JournalFailed: the whole transaction is rolled back, and those who wait for it are told
        """
        try:
            if not self._open:
                self._connection.execute("BEGIN IMMEDIATE")
                self._open = True
            touched = self._connection.execute(statement, values).rowcount
        except sqlite3.Error as error:
            raise self._failed(error) from error
        if self._commit_due is None:
            self._commit_due = asyncio.get_running_loop().call_later(_LAZY_COMMIT_SECONDS, self._commit)
        return touched

    def when_durable(self, done: Done) -> None:
        """Call `done(None)` when all that was written so far is durable, or `done(error)` when it is lost."""
        if not self._waiting:
            self._cancel_commit()
            self._commit_due = asyncio.get_running_loop().call_soon(self._commit)
        self._waiting.append(done)

    async def durable(self) -> None:
        """Return when all that was written so far is durable.

        :raises JournalFailed: it is lost
        """
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.when_durable(lambda error: _resolve(future, error))
        await future

    def commit(self) -> None:
        """Commit at once; durability as told still comes later."""
        self._cancel_commit()
        self._commit()

    def close(self) -> None:
        """Commit, make durable, close the file."""
        if self._open:
            self.commit()
        if self._syncer is not None:
            self._syncer.shutdown(wait=True)
        self._sync_now()
        self._release()

    def abandon(self) -> None:
        """Close the file as a kill would leave it: what was not committed is gone."""
        self._cancel_commit()
        if self._open:
            self._connection.execute("ROLLBACK")
            self._open = False
        if self._syncer is not None:
            self._syncer.shutdown(wait=True)
        self._release()

    def _commit(self) -> None:
        self._commit_due = None
        waiting, self._waiting = self._waiting, []
        try:
            if self._open:
                self._connection.execute("COMMIT")
                self._open = False
        except sqlite3.Error as error:
            self._waiting = waiting
            self._failed(error)
            return
        if self._full and waiting:
            self._unsynced += waiting
            self._start_sync()
        else:
            _tell(waiting, None)

    def _start_sync(self) -> None:
        if self._syncing or not self._unsynced:
            return
        self._syncing = True
        batch, self._unsynced = self._unsynced, []
        if self._syncer is None:
            self._syncer = ThreadPoolExecutor(1, thread_name_prefix="journal")
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._syncer, self._sync_now)
        future.add_done_callback(lambda done: self._synced(batch, done.exception()))

    def _synced(self, batch: list[Done], error: BaseException | None) -> None:
        self._syncing = False
        if error is not None:
            log.critical("journal.sync_failed", exc_info=error)
        _tell(batch, JournalFailed(str(error)) if error is not None else None)
        self._start_sync()

    def _sync_now(self) -> None:
        if self._log_file is None:
            name = f"{self.path}-wal"
            if not os.path.exists(name):
                return
            self._log_file = os.open(name, os.O_RDWR)
        os.fsync(self._log_file)

    def _failed(self, error: sqlite3.Error) -> JournalFailed:
        """Roll back, tell all who wait; returns the error to raise."""
        log.critical("journal.write_failed", exc_info=error)
        self._cancel_commit()
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        self._open = False
        failure = JournalFailed(str(error))
        waiting, self._waiting = self._waiting, []
        _tell(waiting, failure)
        self.on_failure()
        return failure

    def _cancel_commit(self) -> None:
        if self._commit_due is not None:
            self._commit_due.cancel()
            self._commit_due = None

    def _release(self) -> None:
        if self._log_file is not None:
            os.close(self._log_file)
            self._log_file = None
        self._connection.close()
        self._lock.close()


def _ignore() -> None:
    return None


def _lock(path: Path) -> sqlite3.Connection:
    """An open exclusive transaction on a file beside the store: such locks work everywhere and die with the process."""
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(f"{path}-lock", isolation_level=None, timeout=0.0)
    try:
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        connection.close()
        raise StoreInUse(f"{path} is open in another running client") from error
    return connection


def _connect(path: Path) -> sqlite3.Connection:
    """Autocommit mode; NORMAL, because the fsync of each commit is ours (see the note above)."""
    created = not path.exists()
    connection = sqlite3.connect(path, isolation_level=None, timeout=5.0)
    if created:
        path.chmod(0o600)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    return connection


def _tell(waiting: list[Done], error: JournalFailed | None) -> None:
    for done in waiting:
        done(error)


def _resolve(future: asyncio.Future[None], error: JournalFailed | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
