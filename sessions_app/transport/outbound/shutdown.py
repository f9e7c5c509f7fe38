"""An EA's goodbye: everything up to its last number is fetched, within a bound, before it is answered.

The notice travels on to the ingest batch when nothing is missing any more, or when its time is up: the answer then says
which numbers the gateway has, and both sides know the same last ones.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from sessions_app.transport.connection.connections import Connection

GOODBYE_SECONDS: Final = 1.5  # MT4 gives an EA 2.5 s to end


class FetchingGoodbye:
    """Waits for what is missing up to `upto`; then `answer` is called, once."""

    def __init__(
        self, connection: Connection, upto: int, *, ask: Callable[[Connection, int], None], answer: Callable[[], None]
    ) -> None:
        self._connection, self._upto = connection, upto
        self._ask, self._answer = ask, answer
        self._timer = asyncio.get_running_loop().call_later(GOODBYE_SECONDS, self._end)

    def look(self) -> None:
        """Something was stored: is it all? If not, ask for the next page once nothing more is under way."""
        if self._connection.inbox.stored >= self._upto:
            self._end()
        elif not self._connection.inbox.in_work:
            self._ask(self._connection, self._upto + 1)

    def _end(self) -> None:
        self._timer.cancel()
        if self._connection.lifecycle.end_goodbye(self):
            self._answer()
