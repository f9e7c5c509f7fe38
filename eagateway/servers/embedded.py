"""The embedded lane alone: the lock on its data folder; Celery's worker and beat, and SQLite's checkpoints, in threads
of the gateway's process.

The same tasks and the same schedule as in production. One gateway process per data folder: an operating system's file
lock says so, and SIGKILL frees it.
"""

import fcntl
import logging
import os
import threading
from pathlib import Path
from typing import IO

from celery import Celery
from celery.beat import Service
from celery.worker import state as worker_state

from eagateway.schedulers import InMemory
from eagateway.sqlite.checkpoints import Checkpoints


class AlreadyServed(Exception):
    """Another gateway process holds this data folder."""


def hold(folder: Path) -> IO[str]:
    """Take the data folder's lock for as long as the returned file lives.

    :raises AlreadyServed: with the other process's number
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = (folder / "gateway.lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.seek(0)
        raise AlreadyServed(f"{folder} is served by process {lock.read().strip() or 'unknown'} already") from error
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


class Housekeeping:
    """Celery's worker and beat, and the checkpoints of `database`, as daemon threads of this process."""

    def __init__(self, app: Celery, database: Path) -> None:
        self._checkpoints = Checkpoints(database)
        self._worker = app.Worker(
            pool="threads",
            concurrency=2,
            without_mingle=True,
            without_gossip=True,
            without_heartbeat=True,
            loglevel=logging.getLogger().level,
            quiet=True,
        )
        self._beat = Service(app, max_interval=1, scheduler_cls=InMemory)
        self._threads = [
            threading.Thread(target=self._worker.start, name="celery-worker", daemon=True),
            threading.Thread(
                target=self._beat.start, kwargs={"embedded_process": True}, name="celery-beat", daemon=True
            ),
        ]

    def start(self) -> None:
        self._checkpoints.start()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ask all to end; what they do is rows, so nothing is lost if they are slow."""
        self._checkpoints.stop()
        self._beat.stop(wait=False)
        worker_state.should_stop = 0  # type: ignore[assignment]
