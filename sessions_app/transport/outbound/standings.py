"""Links whose session's row is to be looked at again. Whoever reads takes everybody who waits: one read for all."""

from collections.abc import Callable, Coroutine
from typing import Any

from channels.db import database_sync_to_async

from sessions_app import queries
from sessions_app.queries import Standing
from sessions_app.transport.connection.connections import Connection
from sessions_app.transport.outbound.loop_tasks import LoopTasks

Update = Callable[[Connection, Standing], Coroutine[Any, Any, None]]


class Standings:
    """`update`: bring a link up to its session's row."""

    def __init__(self, tasks: LoopTasks, *, update: Update) -> None:
        self._tasks, self._update = tasks, update
        self._asked: dict[Connection, None] = {}
        self._reading = False

    def ask(self, connection: Connection) -> None:
        """Have its session's row read; a read that has begun already is too old."""
        if connection in self._asked:
            return
        self._asked[connection] = None
        connection.inbox.begin_lookup()
        self._begin()

    def _begin(self) -> None:
        if self._asked and not self._reading:
            self._reading = True
            self._tasks.spawn(self._read_all())

    async def _read_all(self) -> None:
        try:
            while self._asked:
                asked, self._asked = list(self._asked), {}
                try:
                    await self._look(asked)
                finally:
                    for connection in asked:
                        connection.inbox.end_lookup()
                        connection.wake()
        finally:
            self._reading = False
            self._begin()  # if this round has failed, the others are not to wait for the sweep

    async def _look(self, asked: list[Connection]) -> None:
        read = database_sync_to_async(queries.standings, thread_sensitive=False)
        standings: dict[Any, Standing] = await read([connection.session_id for connection in asked])
        for connection in asked:
            standing = standings.get(connection.session_id)
            if standing is not None:
                # In a task of its own: a promoted one has something to read first.
                self._tasks.look_up(connection, self._update(connection, standing))
