"""The ingest batch: one writer thread that takes everything waiting, one hop and one transaction a batch.

No timer: while a batch commits, the next one gathers. A failing frame does not sink its batch: the batch is halved,
left half first, until the frame stands alone; alone it is tried three times, then stored as refused. A database that
is away is waited for: nothing is acknowledged meanwhile.
"""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

import structlog
from django.db import InterfaceError, OperationalError, connection

from sessions_app import doorbell
from sessions_app.domain.lifecycle import Reason
from sessions_app.domain.problems import Refused
from sessions_app.doorbell import Ring
from sessions_app.services import frames, sessions
from sessions_app.services.history import EA, GATEWAY
from sessions_app.services.ports import Arrival, Batch

MAX_BATCH: Final = 500
POISON_ATTEMPTS: Final = 3
RETRY_SECONDS: Final = (0.05, 0.2, 0.5, 1.0)
_log = structlog.get_logger(__name__)
Settle = Callable[[Batch, Sequence[Arrival]], None]


class Ingest:
    """Takes frames from the event loop, stores them in batches, and hands each committed batch to `settle`.

    `settle` is called in the writer thread, after COMMIT has returned.
    """

    def __init__(self, settle: Settle) -> None:
        self._settle = settle
        self._waiting: queue.SimpleQueue[Arrival | None] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ingest", daemon=True)
        self._thread.start()

    def put(self, arrival: Arrival) -> None:
        """Queue one frame; never blocks. The caller bounds what one peer may have waiting."""
        self._waiting.put(arrival)

    def stop(self, timeout: float) -> None:
        """Finish what waits, then end the thread."""
        self._waiting.put(None)
        self._thread.join(timeout)
        self._stopping.set()

    def _run(self) -> None:
        try:
            while (arrivals := self._take()) is not None:
                self._work(arrivals)
        finally:
            connection.close()

    def _take(self) -> list[Arrival] | None:
        """Everything that waits, at least one frame; None when it is time to go."""
        first = self._waiting.get()
        arrivals: list[Arrival] = []
        while first is not None:
            arrivals.append(first)
            if len(arrivals) >= MAX_BATCH or self._waiting.empty():
                return arrivals
            first = self._waiting.get()
        if arrivals:
            self._waiting.put(None)
            return arrivals
        return None

    def _work(self, arrivals: Sequence[Arrival]) -> None:
        try:
            self._store(arrivals)
        except Exception:  # noqa: BLE001 - the writer thread is a process edge: it must outlive any frame
            _log.exception("ingest.failed", frames=len(arrivals))

    def _store(self, arrivals: Sequence[Arrival]) -> None:
        outcome = self._tried(arrivals)
        if isinstance(outcome, Batch):
            self._after_commit(outcome, arrivals)
        elif len(arrivals) > 1:
            half = len(arrivals) // 2
            self._store(arrivals[:half])
            self._store(arrivals[half:])
        else:
            self._poisoned(arrivals[0], outcome)

    def _tried(self, arrivals: Sequence[Arrival]) -> Batch | Exception:
        try:
            return self._stored(arrivals)
        except Exception as error:  # noqa: BLE001 - the batch is halved; a frame that fails alone is refused
            return error

    def _stored(self, arrivals: Sequence[Arrival]) -> Batch:
        """Store one batch, waiting for the database as long as it is away."""
        attempt = 0
        while True:
            try:
                return frames.store(arrivals=arrivals)
            except (OperationalError, InterfaceError) as error:
                if self._stopping.is_set():
                    raise
                wait = RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)]
                _log.warning("ingest.database_away", error=str(error).strip()[:200], retry_seconds=wait)
                attempt += 1
                heal_connection()
                time.sleep(wait)

    def _poisoned(self, arrival: Arrival, error: Exception) -> None:
        arrival.attempts += 1
        _log.error("ingest.frame_failed", kind=arrival.kind, frame_id=str(arrival.frame_id), exc_info=error)
        if arrival.attempts >= POISON_ATTEMPTS:
            arrival.payload, arrival.refusal = None, Refused("poisoned")
        if arrival.attempts <= POISON_ATTEMPTS:
            self._store([arrival])

    def _after_commit(self, batch: Batch, arrivals: Sequence[Arrival]) -> None:
        self._settle(batch, arrivals)
        doorbell.publish(Ring(frozenset(batch.changed_sessions), batch.tops))
        for session_id in batch.promotable:
            self._attempt(sessions.promote, session_id=session_id)
        for session_id in batch.leaving:
            self._attempt(sessions.close, session_id=session_id, reason=Reason.SHUTDOWN_BY_EA, actor=EA)
        for session_id in batch.expelled:
            note = "reports about other accounts' commands"
            self._attempt(sessions.close, session_id=session_id, reason=Reason.PROTOCOL_ERROR, actor=GATEWAY, note=note)

    def _attempt(self, verb: Callable[..., object], **arguments: object) -> None:
        """What follows a stored batch: if it fails, the batch stands, and the next heartbeat or sweep heals it."""
        try:
            verb(**arguments)
        except Exception:  # noqa: BLE001 - the batch is stored: one failing sequel must not sink the other half
            _log.exception("ingest.sequel_failed", verb=verb.__name__)


def heal_connection() -> None:
    """Drop this thread's database connection, and the pool's dead ones, so that the next try starts fresh."""
    try:
        connection.close()
        if connection.vendor == "postgresql" and getattr(connection, "pool", None):
            connection.pool.check()  # type: ignore[attr-defined]
    except Exception:  # noqa: BLE001 - the database is away: that is why we are here
        _log.debug("ingest.heal_failed")
