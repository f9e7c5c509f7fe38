"""When a Poll is answered with Idle: behind everything that was queued before."""

import asyncio
from collections.abc import Callable


class Polls:
    """Belongs to one connection, and lives in its event loop. `say`: queues the Idle."""

    def __init__(self, say: Callable[[], None]) -> None:
        self._say = say
        self._timer: asyncio.Handle | None = None
        self._queued = 0

    @property
    def waiting(self) -> bool:
        """Whether an Idle is still to be queued."""
        return self._timer is not None

    def poll(self, hold: float) -> None:
        """Answer at once if something was queued since the last Idle, else when something is, or after `hold` seconds.
        A newer Poll takes the place of the one before."""
        self._cancel()
        if self._queued:
            self.answer_soon()
        else:
            self._timer = asyncio.get_running_loop().call_later(hold, self._answer)

    def answer_soon(self) -> None:
        """After the frames that are being queued in this very turn of the loop."""
        self._cancel()
        self._timer = asyncio.get_running_loop().call_soon(self._answer)

    def note_queued(self) -> None:
        """A frame was queued: a Poll that waits is answered behind it."""
        self._queued += 1
        if self._timer is not None:
            self.answer_soon()

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _answer(self) -> None:
        self._timer = None
        self._say()
        # The Idle has counted itself, and is no news for the next Poll.
        self._queued = 0
