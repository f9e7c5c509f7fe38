"""What one link's EA tells in parts, until they are complete, and when it was asked to tell what it holds.

Parts come in order. One that does not fit drops the whole set: nothing of it is used. A snapshot is never resent, it is
taken anew, so it is asked for again; who sends another frame in parts is told to send all of them again.
"""

import time
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Final

import structlog

from sessions_app.domain.problems import Refused
from sessions_app.queries import Standing
from sessions_app.services.ingest import ports
from sessions_app.services.ingest.ports import Arrival, Chunking

ASK_AGAIN_SECONDS: Final = 30.0
AFTER_A_LOSS_SECONDS: Final = 1.0
PATIENCE_SECONDS: Final = 30.0
INCOMPLETE: Final = "incomplete"
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Set:
    """The parts of one frame that have come so far. `heard`: monotonic seconds when the last of them came."""

    chunking: Chunking
    name: Hashable
    of: int
    parts: list[Arrival] = field(default_factory=list)
    weight: int = 0
    heard: float = 0.0

    def add(self, arrival: Arrival) -> None:
        self.parts.append(arrival)
        self.weight += self.chunking.weight(arrival.payload)
        self.heard = time.monotonic()

    def whole(self) -> Arrival:
        """The first part's arrival, which is the oldest, with everything in it."""
        whole = self.parts[0]
        if len(self.parts) > 1:
            whole.payload = self.chunking.join([part.payload for part in self.parts])
        return whole


class Chunks:
    """Belongs to one connection, and lives in its event loop. One set of each frame type at most is incomplete.

    `_dropped`: the sets that were dropped last, by frame type: what else comes of them is nothing new.
    """

    def __init__(self) -> None:
        self._sets: dict[str, _Set] = {}
        self._dropped: dict[str, Hashable] = {}
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
        """The whole frame once its last part is here; None until then, and for a part of a set that was dropped.

        :raises Refused: its set was dropped just now, and nobody else will ask for it again
        """
        handler = ports.bound().frames[arrival.kind].handler
        chunking = handler.chunking if handler is not None else None
        if chunking is None or arrival.payload is None:
            return arrival
        name, number, of = chunking.place(arrival.payload)
        # A terminal that begins again gives up what it had begun.
        if number == 1:
            self._sets[arrival.kind] = _Set(chunking, name, of)
            self._dropped.pop(arrival.kind, None)
        begun = self._sets.get(arrival.kind)
        if begun is None or (name, number, of) != (begun.name, len(begun.parts) + 1, begun.of):
            self._lose(arrival, chunking, name)
            return None
        begun.add(arrival)
        if begun.weight > chunking.most:
            self._lose(arrival, chunking, name, too_many=True)
            return None
        return self._sets.pop(arrival.kind).whole() if number == of else None

    def give_up(self) -> list[Refused]:
        """Drop the sets whose next part has not come for PATIENCE_SECONDS; what their sender is to be told."""
        if not self._sets:
            return []
        before = time.monotonic() - PATIENCE_SECONDS
        late = {kind: begun for kind, begun in self._sets.items() if begun.heard < before}
        refusals = [self._drop(kind, begun.chunking, begun.name) for kind, begun in late.items()]
        return [refusal for refusal in refusals if refusal is not None]

    def _lose(self, arrival: Arrival, chunking: Chunking, name: Hashable, *, too_many: bool = False) -> None:
        """Drop the set: a part of it is missing, is odd, or was one too many."""
        # Its sender has been told already; what comes of it now was on its way.
        # `self` is the name of no set: it stands for "none was dropped".
        if arrival.kind not in self._sets and self._dropped.get(arrival.kind, self) == name:
            return
        refusal = self._drop(arrival.kind, chunking, name)
        if refusal is not None and too_many:
            raise Refused("invalid", f"More than {chunking.most} items in all parts")
        if refusal is not None:
            raise refusal

    def _drop(self, kind: str, chunking: Chunking, name: Hashable) -> Refused | None:
        begun = self._sets.pop(kind, None)
        _log.warning("parts.incomplete", kind=kind, parts=len(begun.parts) if begun else 0)
        self._dropped[kind] = name
        if not chunking.asked_for:
            return Refused("parts_incomplete")
        self._lost = True
        # Not at once: the rest of the lost set is still on its way.
        self._ask_after = time.monotonic() + AFTER_A_LOSS_SECONDS
        return None
