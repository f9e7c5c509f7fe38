"""Many hands on the same rows: threads that start together, each with a connection of its own."""

import contextlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any, Final

from django.db import OperationalError, connections

from sessions_app.services.ingest import batches
from sessions_app.services.ingest.ports import Arrival, Batch

TRIES: Final = 20
TOGETHER_S: Final = 10


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Run these in the same instant; what each returned or raised."""
    start = Barrier(len(acts))

    def run(act: Callable[[], Any]) -> Any:
        try:
            start.wait(timeout=TOGETHER_S)
            return act()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def store(arrivals: Sequence[Arrival]) -> Batch:
    """As a gateway's writer does: a deadlock or a lost connection is tried again with the same frames."""
    for _ in range(TRIES):
        with contextlib.suppress(OperationalError):
            return batches.store(arrivals=arrivals)
    return batches.store(arrivals=arrivals)
