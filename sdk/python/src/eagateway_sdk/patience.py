"""Calls of the application's terminal within a time: a broker call that never returns must not hold up the account."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

from eagateway_sdk.clock import Clock

log = logging.getLogger(__name__)
_T = TypeVar("_T")


async def within(seconds: float, call: Coroutine[Any, Any, _T], clock: Clock) -> _T:
    """What the call returns, or raises.

    :raises TimeoutError: it takes longer. It is cancelled, and not waited for: it may pay no heed to that
    """
    task, alarm = asyncio.create_task(call), asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait((task, alarm), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            task.add_done_callback(_note_end)
            raise TimeoutError(f"the terminal has not answered for {seconds:g} s")
        return task.result()
    finally:
        alarm.cancel()
        task.cancel()


def _note_end(task: asyncio.Task[Any]) -> None:
    """What it says now comes too late: the broker is asked instead."""
    if not task.cancelled():
        log.warning("terminal.late_answer", extra={"error": repr(task.exception())})
