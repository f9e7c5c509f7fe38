"""One numbered frame of an account's command log, on its way from the row to a link."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class LogFrame:
    """One numbered frame, its payload encoded. `epoch`: the log that its number belongs to."""

    seq: int
    frame_id: UUID
    kind: str
    payload: bytes
    epoch: UUID
    covers: int = 0

    @property
    def last(self) -> int:
        """The highest number this frame accounts for: its own, or a gap's last."""
        return max(self.seq, self.covers)
