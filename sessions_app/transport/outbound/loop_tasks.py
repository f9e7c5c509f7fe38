"""Work of the event loop that nobody waits for."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

from sessions_app.transport.connection.connections import Connection

_log = structlog.get_logger(__name__)


class LoopTasks:
    """The tasks of one loop: each is kept until it is done."""

    def __init__(self) -> None:
        # The loop refers to its tasks weakly: one that nobody keeps may vanish in the middle of its work.
        self._tasks: set[asyncio.Task[None]] = set()

    def look_up(self, connection: Connection, work: Coroutine[Any, Any, None]) -> None:
        """Run a task that reads a link's rows; a call that waits takes its outcome along."""

        async def run() -> None:
            try:
                await work
            finally:
                connection.inbox.end_lookup()
                connection.wake()

        connection.inbox.begin_lookup()
        self.spawn(run())

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a task of this loop; its failure is logged, never lost."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.error("delivery.failed", exc_info=task.exception())
