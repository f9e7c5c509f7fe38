"""One gateway process: Daphne in the main thread; in the embedded lane a Celery worker and beat in threads beside it.

The same tasks and the same schedule as in production. One gateway process per data folder: an operating system's file
lock says so, and SIGKILL frees it. Stopping tells every EA to come back, and finishes the batch in work.
"""

import fcntl
import logging
import math
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Final

from celery import Celery
from celery.beat import Service
from celery.worker import state as worker_state
from twisted.internet import reactor

from eagateway.schedulers import InMemory
from eagateway.servers.bounded_bodies import bound_requests
from eagateway.servers.callers import callers
from eagateway.servers.ending import end_soon
from eagateway.servers.interpreter import settle_interpreter
from eagateway.servers.paced_daphne import CLOSE_SECONDS, PacedProtocol, PacedServer
from sessions_app.domain.frames.envelope import MAX_FRAME_BYTES
from sessions_app.transport.runtime import Runtime

BACKLOG: Final = 2048


class AlreadyServed(Exception):
    """Another gateway process holds this data folder."""


def hold(folder: Path) -> IO[str]:
    """Take the data folder's lock for as long as the returned file lives.

    :raises AlreadyServed: with the other process's number
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = (folder / "gateway.lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.seek(0)
        raise AlreadyServed(f"{folder} is served by process {lock.read().strip() or 'unknown'} already") from error
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


class Housekeeping:
    """Celery's worker and beat as daemon threads of this process."""

    def __init__(self, app: Celery) -> None:
        self._worker = app.Worker(
            pool="threads",
            concurrency=2,
            without_mingle=True,
            without_gossip=True,
            without_heartbeat=True,
            loglevel=logging.getLogger().level,
            quiet=True,
        )
        self._beat = Service(app, max_interval=1, scheduler_cls=InMemory)
        self._threads = [
            threading.Thread(target=self._worker.start, name="celery-worker", daemon=True),
            threading.Thread(
                target=self._beat.start, kwargs={"embedded_process": True}, name="celery-beat", daemon=True
            ),
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ask both to end; what they do is rows, so nothing is lost if they are slow."""
        self._beat.stop(wait=False)
        worker_state.should_stop = 0  # type: ignore[assignment]


class Gateway:
    """Daphne on one address. `run()` returns after SIGINT or SIGTERM, when everything is drained."""

    def __init__(self, *, application: Any, host: str, port: int, on_ready: Callable[[int], None]) -> None:
        self._on_ready = on_ready
        self._stopping = False
        self._server = PacedServer(
            application=application,
            endpoints=[f"tcp:port={port}:interface={host}:backlog={BACKLOG}"],
            signal_handlers=False,
            websocket_timeout=-1,
            ping_interval=math.inf,  # Daphne's pings carry a payload, which breaks WinHTTP stacks: heartbeats do it
            websocket_max_message_size=MAX_FRAME_BYTES,
            websocket_max_frame_size=MAX_FRAME_BYTES,
            http_timeout=60,
            server_name="",
        )

    def run(self) -> None:
        """Serve until told to stop.

        :raises OSError: the address cannot be listened on
        """
        reactor.callWhenRunning(self._started)
        self._server.run()
        if not self._server.listening_addresses:
            raise OSError("the address is in use, or not ours")

    def _started(self) -> None:
        self._server.callers = callers()
        self._server.callers.start(reactor._asyncioEventloop)
        bound_requests(self._server.http_factory)
        sockets = self._server.ws_factory
        sockets.protocol = PacedProtocol
        sockets.setProtocolOptions(failByDrop=False)  # a frame over the bound is told 1009
        sockets.setProtocolOptions(closeHandshakeTimeout=CLOSE_SECONDS)
        loop = reactor._asyncioEventloop
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, lambda: loop.create_task(self._stop()))
        if not self._server.listening_addresses:
            self._server.stop()
            return
        settle_interpreter()
        self._on_ready(self._server.listening_addresses[0][1])

    async def _stop(self) -> None:
        if self._stopping:
            os._exit(130)  # told twice: at once
        self._stopping = True
        for runtime in Runtime.running():
            await runtime.drain()
        end_soon()
        self._server.stop()
