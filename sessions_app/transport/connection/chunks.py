"""What one link's EA was asked to tell whole: when it was asked, and the parts of its answer until they are complete.

Parts come in order. One that does not fit drops the whole set: a snapshot is never resent, it is taken anew.
"""

import time
from typing import Final

import structlog

from sessions_app.queries import Standing
from sessions_app.services.ingest import ports
from sessions_app.services.ingest.ports import Arrival, FrameHandler

ASK_AGAIN_SECONDS: Final = 30.0
AFTER_A_LOSS_SECONDS: Final = 1.0
MAX_ITEMS: Final = 10_000
INCOMPLETE: Final = "incomplete"
_log = structlog.get_logger(__name__)


class Chunks:
    """Belongs to one connection, and lives in its event loop."""

    def __init__(self) -> None:
        self._parts: list[Arrival] = []
        self._weight = 0
        self._ask_after = 0.0
        self._lost = False

    # Asking --------------------------------------------------------------------------------------------------------

    def wants(self, standing: Standing) -> str:
        """Why a snapshot is to be asked for now; "" for not now."""
        if not standing.snapshot_due:
            self._ask_after = 0.0
            return ""
        if time.monotonic() < self._ask_after:
            return ""
        return INCOMPLETE if self._lost else standing.snapshot_reason

    def asked(self) -> None:
        """It was asked for; the next time comes when there is no answer."""
        self._ask_after = time.monotonic() + ASK_AGAIN_SECONDS
        self._lost = False

    def answered(self) -> None:
        """A whole answer is stored: what falls due from now on is another question."""
        self._ask_after = 0.0

    # Putting together ----------------------------------------------------------------------------------------------

    def take(self, arrival: Arrival) -> Arrival | None:
        """The whole frame once its last part is here; None until then, and for a part of a set that was dropped."""
        handler = ports.bound().frames[arrival.kind].handler
        if handler is None or handler.chunking is None or arrival.payload is None:
            return arrival
        _, number, of = handler.chunking.place(arrival.payload)
        if number == 1:
            self._drop()
        elif not self._fits(arrival, handler):
            self._lose(arrival)
            return None
        self._parts.append(arrival)
        self._weight += handler.chunking.weight(arrival.payload)
        if self._weight > MAX_ITEMS:
            self._lose(arrival)
            return None
        return self._whole(handler) if number == of else None

    def _fits(self, arrival: Arrival, handler: FrameHandler) -> bool:
        """Whether it is the next part of the set that was begun."""
        chunking = handler.chunking
        if chunking is None or not self._parts:
            return False
        name, number, of = chunking.place(arrival.payload)
        return (name, number, of) == (
            chunking.place(self._parts[0].payload)[0],
            len(self._parts) + 1,
            chunking.place(self._parts[0].payload)[2],
        )

    def _whole(self, handler: FrameHandler) -> Arrival:
        """The first part's arrival, which is the oldest, with everything in it."""
        whole = self._parts[0]
        if handler.chunking is not None and len(self._parts) > 1:
            whole.payload = handler.chunking.join([part.payload for part in self._parts])
        self._drop()
        return whole

    def _lose(self, arrival: Arrival) -> None:
        _log.warning("snapshot.incomplete", session_id=str(arrival.session_id), parts=len(self._parts))
        self._drop()
        self._lost = True
        self._ask_after = time.monotonic() + AFTER_A_LOSS_SECONDS

    def _drop(self) -> None:
        self._parts, self._weight = [], 0
