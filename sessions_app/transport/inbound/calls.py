"""The calls of exchanges that this process has taken and not served yet: how long it takes is not the EA's silence.

A terminal has one call at a time. While its frames are being stored it cannot send the heartbeat that is due, so a slow
database would end the very sessions that call.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID


class Calls:
    """Lives in one event loop."""

    def __init__(self) -> None:
        self._served: dict[object, tuple[UUID, float]] = {}

    @contextmanager
    def serving(self, session_id: UUID, *, since: float) -> Iterator[None]:
        """A call of this session, which came then, waits for us, and not because its EA asked us to hold the answer."""
        call = object()
        self._served[call] = session_id, since
        try:
            yield
        finally:
            del self._served[call]

    def waiting(self, seconds: float) -> frozenset[UUID]:
        """The sessions that have a call which has waited for us longer than that."""
        before = time.monotonic() - seconds
        return frozenset(session_id for session_id, since in self._served.values() if since < before)
