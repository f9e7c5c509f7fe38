"""A link over REST: the calls of one session, each with its answer."""

import asyncio
import contextlib
import time

from sessions_app.queries import Standing
from sessions_app.transport.connection.connections import Connection


class ExchangeConnection(Connection):
    """The calls of one session over REST. It stands between the calls, and takes what is pushed meanwhile.

    An answer may be lost on its way: what the next call does not confirm is sent again. `delivered`: the highest
    command number that an answer took along.
    """

    def __init__(self, *, standing: Standing, resume_from: int) -> None:
        super().__init__(standing=standing, resume_from=resume_from)
        self.delivered = resume_from
        self._called_at = time.monotonic()
        self._call: object | None = None

    # Calls ---------------------------------------------------------------------------------------------------------

    def begin_call(self) -> object:
        """A call is in flight from now on; the one before, if it still waits, is superseded."""
        self._call = object()
        self._called_at = time.monotonic()
        self.wake()
        return self._call

    def in_flight(self, call: object) -> bool:
        """Whether this is the call in flight, and no newer one."""
        return self._call is call

    def end_call(self, call: object) -> None:
        """Nobody waits for its answer any more."""
        if self._call is call:
            self._call = None

    def abandoned(self, seconds: float) -> bool:
        """Whether nobody has called for so long."""
        return self._call is None and time.monotonic() - self._called_at > seconds

    @property
    def at_rest(self) -> bool:
        """Whether nothing is under way that a waiting call should still take along."""
        return not (self.inbox.busy or self.outbox.reading or self._polls.waiting)

    @property
    def has_news(self) -> bool:
        return bool(self.outbox) or self.inbox.untold or self.lifecycle.closing

    async def woken(self, seconds: float) -> None:
        """Return when something has changed, or after so long."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), seconds)
        self._wake.clear()

    def collect(self, max_bytes: int | None = None) -> list[bytes]:
        """What is queued, for an answer: so many bytes at most, one frame at least; at the end of a link all."""
        frames = list(self.outbox.take(None if self.lifecycle.closing else max_bytes))
        self.delivered = max([self.delivered, *(frame.last for frame in frames)])
        self.inbox.tell()
        self._called_at = time.monotonic()
        if self.lifecycle.close_code is not None:
            self.lifecycle.finish()
        return [frame.text for frame in frames]

    # Out -----------------------------------------------------------------------------------------------------------

    def renumber(self) -> None:
        """The account's log begins anew."""
        super().renumber()
        self.delivered = 0

    def rewind(self, confirmed: int) -> bool:
        """Everything above `confirmed` that an answer took along may have been lost: forget that it was sent.

        False if there was nothing of that.
        """
        if confirmed >= self.delivered:
            return False
        self.delivered = confirmed
        self.outbox.rewind(confirmed)
        return True

    def poll(self, hold: float) -> None:
        """The call itself is held: Idle comes at once."""
        self._polls.answer_soon()

    # In ------------------------------------------------------------------------------------------------------------

    def stored_up_to(self, seq: int) -> None:
        """The answer itself acknowledges."""
        self.inbox.store(seq)
        self.wake()

    def acknowledge(self) -> None:
        """The answer itself acknowledges."""

    # The end -------------------------------------------------------------------------------------------------------

    def close(self, code: int) -> None:
        """End the link with its next answer; without a call in flight there is nothing to wait for."""
        super().close(code)
        if self._call is None:
            self.lifecycle.finish()
