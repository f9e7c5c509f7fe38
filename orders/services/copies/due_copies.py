"""What falls due by itself: carried out by every gateway's sweep and by beat, whoever comes first."""

import time
from dataclasses import dataclass
from typing import Final

from orders.services.copies import fill_waits, orphans

LOOK_EVERY: Final = 5.0


@dataclass(slots=True)
class Pace:
    """When this process looked last, on its monotonic clock."""

    looked_at: float = float("-inf")

    def is_time(self) -> bool:
        """Whether LOOK_EVERY seconds are over; they begin anew then."""
        # A clock that is set back must not stop the looking.
        now = time.monotonic()
        if now < self.looked_at + LOOK_EVERY:
            return False
        self.looked_at = now
        return True


pace: Final = Pace()


def carry_out() -> int:
    """Pending copies that have not filled in time, and copies that outlive their master's position. Returns how many.

    The latter are looked for among all living copies: every few seconds is enough.
    """
    return fill_waits.carry_out() + (orphans.carry_out() if pace.is_time() else 0)
