"""The ingest batch: one writer thread that takes everything waiting, one hop and one transaction a batch.

No timer: while a batch commits, the next one gathers. A failing frame does not sink its batch: the batch is halved,
left half first, until the frame stands alone. Alone it is refused for now, and comes again: after three tries it is
stored as refused for good. A session whose frames fail is stored apart from the others, a few frames at a time, and
closed when it has cost enough. A database that is away is waited for: nothing is acknowledged meanwhile.
"""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import structlog
from django.conf import settings
from django.db import IntegrityError, connection

from sessions_app import doorbell
from sessions_app.domain.alerts import AlertCode
from sessions_app.domain.lifecycle import Reason
from sessions_app.domain.problems import Refused
from sessions_app.doorbell import News, Ring
from sessions_app.models.statements import forget_plans
from sessions_app.services.ingest import acknowledgements, batches, full_disk
from sessions_app.services.ingest.database_errors import is_data_fault, is_disk_full
from sessions_app.services.ingest.ports import Arrival, Batch
from sessions_app.services.lifecycle import ending, promotion, snapshot_requests
from sessions_app.services.operations import alerts
from sessions_app.services.operations.history import EA, GATEWAY
from sessions_app.transport.inbound.fair_queue import FairQueue
from sessions_app.transport.inbound.poison_frames import POISON_TRIES, FailingFrames

MAX_BATCH: Final = 500
RETRY_AFTER: Final = 1
FULL_RETRY_AFTER: Final = 5
REPLAN_SECONDS: Final = (0.5, 30.0)
"""How old the plans of its statements may be, doubled each time: so fast do the tables of a new house grow."""
RETRY_SECONDS: Final = (0.05, 0.2, 0.5, 1.0)
_log = structlog.get_logger(__name__)
Settle = Callable[[Batch, Sequence[Arrival]], None]
Serves = Callable[[UUID, int], bool]


class Ingest:
    """Takes frames from the event loop, stores them in batches, and hands each committed batch to `settle`.

    `settle` is called in the writer thread, after COMMIT has returned. `serves(account, fence)`: whether the link that
    takes an account's commands is in this process, so that no other one needs them. `soon(call)`: calls it in the
    thread that puts frames, once that has put everything which has come together.
    """

    def __init__(
        self,
        settle: Settle,
        *,
        serves: Callable[[UUID, int], bool] = lambda account_pk, fence: False,
        soon: Callable[[Callable[[], None]], object] = lambda call: call(),
    ) -> None:
        self._settle, self._serves, self._soon = settle, serves, soon
        self._waking = False
        self._waiting = FairQueue()
        self._failing = FailingFrames(settings.GATEWAY["poison_tries_per_minute"])
        self._deferred: list[Arrival] = []
        self._plans_last = REPLAN_SECONDS[0]
        self._replan_at = time.monotonic() + self._plans_last
        self._stopping = threading.Event()
        # A daemon: a statement that hangs must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="ingest", daemon=True)
        self._thread.start()

    def put(self, arrival: Arrival) -> None:
        """Queue one frame; never blocks. The caller bounds what one peer may have waiting."""
        self._waiting.put(arrival)
        # A writer that begins with the first of a hundred reports makes two batches of them, and each has its price.
        if not self._waking:
            self._waking = True
            self._soon(self._wake)

    def _wake(self) -> None:
        self._waking = False
        self._waiting.wake()

    def stop(self, timeout: float) -> None:
        """Finish what waits, then end the thread."""
        self._waiting.end()
        self._thread.join(timeout)
        # Only now: until its time is over, the writer waits for a database that is away.
        self._stopping.set()

    def _run(self) -> None:
        try:
            while (arrivals := self._waiting.take(MAX_BATCH, apart=self._failing.sessions)) is not None:
                self._work(arrivals)
        finally:
            connection.close()

    def _work(self, arrivals: Sequence[Arrival]) -> None:
        """Store what the others sent first, then each suspect's few frames by themselves."""
        apart = self._failing.sessions
        self._try_store([item for item in arrivals if item.session_id not in apart], among_others=True)
        for session_id in apart:
            self._try_store([item for item in arrivals if item.session_id == session_id], among_others=False)
        self._waiting.put_back(self._deferred)
        self._deferred.clear()
        if time.monotonic() > self._replan_at:
            self._plans_last = min(2 * self._plans_last, REPLAN_SECONDS[1])
            self._replan_at = time.monotonic() + self._plans_last
            self._attempt(forget_plans)

    def _try_store(self, arrivals: Sequence[Arrival], *, among_others: bool) -> None:
        try:
            self._store(arrivals, among_others=among_others)
        except Exception:  # noqa: BLE001 - the writer thread is a process edge: it must outlive any frame
            _log.exception("ingest.failed", frames=len(arrivals))

    def _store(self, arrivals: Sequence[Arrival], *, among_others: bool) -> None:
        arrivals = self._without_expelled(arrivals)
        if among_others:
            arrivals = self._without_suspects(arrivals)
        if not arrivals:
            return
        outcome = self._tried(arrivals)
        if isinstance(outcome, Batch):
            self._after_commit(outcome, arrivals)
        elif is_disk_full(outcome):
            self._tell_disk_full(arrivals)
        elif len(arrivals) > 1:
            half = len(arrivals) // 2
            self._store(arrivals[:half], among_others=among_others)
            self._store(arrivals[half:], among_others=among_others)
        else:
            self._failed_alone(arrivals[0], outcome)

    def _tell_disk_full(self, arrivals: Sequence[Arrival]) -> None:
        """Nothing can be stored now: the EAs keep their frames, and hear why."""
        full_disk.found()
        _log.error("ingest.disk_full", frames=len(arrivals))
        for arrival in arrivals:
            arrival.refuse(Refused("try_later", "The gateway has no room to store this", retry_after=FULL_RETRY_AFTER))
        self._settle(Batch(now=datetime.now(UTC)), arrivals)

    def _without_expelled(self, arrivals: Sequence[Arrival]) -> Sequence[Arrival]:
        """What is left when the frames of expelled sessions are turned away untried."""
        away = [arrival for arrival in arrivals if self._failing.expelled(arrival.session_id)]
        if not away:
            return arrivals
        for arrival in away:
            arrival.refuse(Refused("session_closed"))
        self._settle(Batch(now=datetime.now(UTC)), away)
        return [arrival for arrival in arrivals if not self._failing.expelled(arrival.session_id)]

    def _without_suspects(self, arrivals: Sequence[Arrival]) -> Sequence[Arrival]:
        """What is left when the rest of a session that failed in this very batch is put off until after it."""
        apart = self._failing.sessions
        if not apart:
            return arrivals
        self._deferred += [arrival for arrival in arrivals if arrival.session_id in apart]
        return [arrival for arrival in arrivals if arrival.session_id not in apart]

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
                return batches.store(arrivals=arrivals)
            except Exception as error:
                if self._stopping.is_set() or is_data_fault(error) or is_disk_full(error):
                    raise
                wait = RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)]
                _log.warning("ingest.database_away", error=str(error).strip()[:200], retry_seconds=wait)
                attempt += 1
                heal_connection()
                time.sleep(wait)

    def _failed_alone(self, arrival: Arrival, error: Exception) -> None:
        """Refuse a frame that fails alone: for now, or for good when it has been tried often enough."""
        if not is_data_fault(error):
            return  # the database went away while we stop: the EA sends it again
        if isinstance(error, IntegrityError) and not arrival.raced:
            arrival.raced = True  # another gateway may have stored the same id in this very moment: look again
            self._store([arrival], among_others=False)
            return
        if arrival.ack:  # the fault is the frame's own, and it brings no acknowledgement a second time
            ack, arrival.ack = acknowledgements.alone(arrival), 0
            self._store([ack], among_others=False)
        _log.error("ingest.frame_failed", kind=arrival.kind, frame_id=str(arrival.frame_id), exc_info=error)
        if self._failing.failed(arrival):
            self._refuse_for_good(arrival)
        else:
            arrival.refuse(Refused("internal", retry_after=RETRY_AFTER))
            self._settle(Batch(now=datetime.now(UTC)), [arrival])
        if self._failing.over_budget(arrival.session_id):
            self._expel(arrival)

    def _refuse_for_good(self, arrival: Arrival) -> None:
        arrival.payload, arrival.refusal = None, Refused("poisoned")
        outcome = self._tried([arrival])
        if isinstance(outcome, Batch):
            self._after_commit(outcome, [arrival])
        else:
            _log.error("ingest.refusal_failed", frame_id=str(arrival.frame_id), exc_info=outcome)
            arrival.refuse(Refused("internal", retry_after=RETRY_AFTER))
            self._settle(Batch(now=datetime.now(UTC)), [arrival])
        text = f"{arrival.kind} {arrival.frame_id} failed {POISON_TRIES} times"
        self._attempt(alerts.report_alert, code=AlertCode.POISONED_FRAME, text=text, account_pk=arrival.account_pk)

    def _expel(self, arrival: Arrival) -> None:
        """End a session that costs more than it may; its account's next one starts with the same record."""
        self._failing.expel(arrival.session_id)
        note = "too many frames that cannot be stored"
        self._attempt(
            ending.close_session, session_id=arrival.session_id, reason=Reason.PROTOCOL_ERROR, actor=GATEWAY, note=note
        )

    def _after_commit(self, batch: Batch, arrivals: Sequence[Arrival]) -> None:
        # Answers first: what follows are transactions of their own, and none of them takes the commit back.
        self._settle(batch, arrivals)
        self._attempt(full_disk.over)
        doorbell.publish(Ring(frozenset(batch.changed_sessions), self._news(batch)))
        self._attempt(snapshot_requests.ask_for_books, batch=batch)
        for session_id in batch.promotable:
            self._attempt(promotion.promote_session, session_id=session_id)
        for session_id in batch.leaving:
            self._attempt(ending.close_session, session_id=session_id, reason=Reason.SHUTDOWN_BY_EA, actor=EA)
        for session_id in batch.expelled:
            note = "reports about other accounts' commands"
            self._attempt(
                ending.close_session, session_id=session_id, reason=Reason.PROTOCOL_ERROR, actor=GATEWAY, note=note
            )

    def _news(self, batch: Batch) -> dict[UUID, News]:
        """What the other gateway processes are told: new frames where one of them may hold the link."""
        return {
            account_pk: News(batch.tops[account_pk], batch.fences[account_pk], frames)
            if not self._serves(account_pk, batch.fences[account_pk])
            else News(batch.tops[account_pk])
            for account_pk, frames in batch.log.items()
        }

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
