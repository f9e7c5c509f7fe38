"""What the number of a durable frame means, given what is stored already.

Numbers run from 1 without gaps. The acknowledged number is the contiguous top: everything up to it is committed
or finally refused. A repeat is known by (number, id); an id under another number is the same frame renumbered.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from uuid import UUID


class Place(Enum):
    """Where a numbered frame stands against the stored log. USED: its number was consumed, but not by a frame that is
    stored under it: by a gap, or by a frame that stands under its first number."""

    NEXT = "next"
    REPEAT = "repeat"
    AHEAD = "ahead"
    CONFLICT = "conflict"
    USED = "used"


@dataclass(slots=True)
class Log:
    """The durable frames of one session, as far as a batch needs them: the contiguous top, and ids by number."""

    top: int
    ids: dict[int, UUID]

    @classmethod
    def of(cls, top: int, ids: Mapping[int, UUID]) -> "Log":
        return cls(top=top, ids=dict(ids))

    def place(self, seq: int, frame_id: UUID) -> Place:
        """Classify a frame without changing anything."""
        if seq == self.top + 1:
            return Place.NEXT
        if seq > self.top:
            return Place.AHEAD
        known = self.ids.get(seq)
        if known is None:
            return Place.USED
        return Place.REPEAT if known == frame_id else Place.CONFLICT

    def take(self, seq: int, frame_id: UUID) -> None:
        """Consume the next number."""
        self.top = seq
        self.ids[seq] = frame_id
