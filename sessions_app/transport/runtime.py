"""One gateway process's work around its sockets: the ingest writer, delivery, the doorbell's ear, and the sweep.

The sweep is a healer that reads the database alone: sessions that changed, logs that are behind, deadlines that have
passed. No order waits for it when all is well, and losing Redis or Celery costs no more than its interval.
"""

import asyncio
import contextlib
import time
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID
from weakref import WeakKeyDictionary

import redis.asyncio
import structlog
from channels.db import database_sync_to_async
from django.conf import settings
from django.db import DatabaseError
from redis.exceptions import RedisError

from sessions_app import doorbell, queries
from sessions_app.domain.frames.envelope import rfc3339
from sessions_app.domain.frames.payloads import TestRequest
from sessions_app.domain.keys import token_digest
from sessions_app.domain.lifecycle import LIVING, CloseCode, Reason
from sessions_app.domain.liveness import silent_after
from sessions_app.domain.problems import Refused
from sessions_app.doorbell import Ring
from sessions_app.queries import Standing
from sessions_app.services.access import keys
from sessions_app.services.ingest import beats, ports
from sessions_app.services.ingest.ports import Arrival, Batch
from sessions_app.services.lifecycle import expiry
from sessions_app.services.operations import gateway_processes, maintenance
from sessions_app.services.operations.maintenance import SentAway
from sessions_app.transport.connection.connections import Connection
from sessions_app.transport.connection.exchanges import ExchangeConnection
from sessions_app.transport.connection.registry import Registry
from sessions_app.transport.connection.sockets import SocketConnection
from sessions_app.transport.inbound.calls import Calls
from sessions_app.transport.inbound.dispatcher import Dispatcher
from sessions_app.transport.inbound.heartbeats import Heartbeats
from sessions_app.transport.inbound.ingest import Ingest
from sessions_app.transport.inbound.rate_limits import Kept, RateLimits, hello_bucket
from sessions_app.transport.inbound.resumes import Resumes
from sessions_app.transport.outbound.delivery import Delivery
from sessions_app.transport.outbound.gaps import ask_again
from sessions_app.transport.outbound.shutdown import ANSWER_SECONDS

_log = structlog.get_logger(__name__)


class Runtime:
    """All of it for one event loop. `current()` gives the running loop's, started on first use."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.registry = Registry()
        self.delivery = Delivery(self.registry)
        self.ingest = Ingest(self._settle_from_thread, serves=self.registry.serves, soon=self._loop.call_soon)
        self.heartbeats = Heartbeats()
        self.calls = Calls()
        self.resumes = Resumes()
        self.draining = False
        self._heard_at = time.monotonic()
        # Kept beyond the links: who connects again gets no fresh budget.
        self._bounds = Kept(RateLimits)
        self._hellos = Kept(hello_bucket)
        self._stop_listening = doorbell.listen(self._ring_from_thread)
        self._tasks = [self._loop.create_task(self._sweep_forever())]
        if settings.REDIS_URL:
            self._tasks.append(self._loop.create_task(self._hear_forever()))

    @classmethod
    def current(cls) -> "Runtime":
        """The runtime of the running event loop."""
        loop = asyncio.get_running_loop()
        if loop not in _runtimes:
            _runtimes[loop] = cls()
        return _runtimes[loop]

    @classmethod
    def running(cls) -> "list[Runtime]":
        """Every runtime of this process: what a shutdown has to drain."""
        return list(_runtimes.values())

    async def drain(self, seconds: float = 2.5) -> None:
        """Tell every EA to come back, finish what is in work, acknowledge it, and close: before the process goes."""
        self.draining = True
        self.delivery.shutdown.announce_end(Reason.SHUTDOWN_BY_SERVER)
        for task in self._tasks:
            task.cancel()
        self._stop_listening()
        began = time.monotonic()
        # The links are still open: what the writer commits now is acknowledged over them.
        await self._loop.run_in_executor(None, self.ingest.stop, seconds)
        with contextlib.suppress(DatabaseError):
            await self._write_heartbeats()
        await self.delivery.shutdown.answers(ANSWER_SECONDS - (time.monotonic() - began))
        await self.delivery.shutdown.close_all(CloseCode.SERVICE_RESTART, seconds=1)
        for connection in self.registry:
            connection.drop()
        _runtimes.pop(self._loop, None)

    # Links ---------------------------------------------------------------------------------------------------------

    def count_hello(self, token: str) -> None:
        """Count a Hello against its token, before anything is looked up.

        :raises Refused: `throttled`
        """
        if not self._hellos.of(token_digest(token)).take():
            raise Refused("throttled", retry_after=1)

    def attach(self, connection: Connection, *, recovered: bool) -> Dispatcher:
        """Register a link that has resumed its session, in the place of the former one, and tell it where it stands.

        What lies below the point where its log goes on is in the EA's ledger: that acknowledges it.
        """
        standing = connection.standing
        if standing.state in LIVING:
            former = self.registry.add(connection)
            if former is not None:
                self.delivery.supersede(former)
            self.delivery.post_state(connection, recovered=recovered)
        else:
            self.delivery.tell_end(connection)  # an exchange may hear of it only now, for no call was there to tell it
        self.delivery.logs.begin(connection)
        bounds = self._bounds.of(connection.session_id)
        bounds.set_intent_rate(standing.intent_rate)
        door = Dispatcher(
            connection, bounds=bounds, delivery=self.delivery, ingest=self.ingest, heartbeats=self.heartbeats
        )
        connection.open(door)
        if standing.state in LIVING:
            door.take_ack(connection.outbox.sent)  # where its log goes on: nothing has been sent yet
        return door

    def door_of(self, connection: Connection) -> Dispatcher:
        """The incoming side of a link that stands."""
        door: Dispatcher = connection.door
        return door

    # From other threads --------------------------------------------------------------------------------------------

    def _settle_from_thread(self, batch: Batch, arrivals: Sequence[Arrival]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is gone: the EAs resend
            # The writer is a thread, and links belong to the loop alone.
            self._loop.call_soon_threadsafe(self.delivery.settle, batch, arrivals)

    def _ring_from_thread(self, news: Ring) -> None:
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self.delivery.ring, news)

    # The bus -------------------------------------------------------------------------------------------------------

    async def _hear_forever(self) -> None:
        """Listen to the other gateway processes; after every interruption look at all own sessions and logs again."""
        while True:
            try:
                await self._hear()
            except (RedisError, OSError) as error:
                _log.warning("doorbell.deaf", error=type(error).__name__)
            await asyncio.sleep(0.5)
            # What was rung while nobody listened is lost; the rows are not.
            self.delivery.ring(Ring(frozenset(self.registry.sessions())))

    async def _hear(self) -> None:
        # No read timeout: a quiet bus is no dead one.
        client = redis.asyncio.Redis.from_url(settings.REDIS_URL, socket_timeout=None, socket_connect_timeout=2)
        async with client, client.pubsub() as bus:
            await bus.subscribe(settings.DOORBELL_CHANNEL)
            async for message in bus.listen():
                if message["type"] == "message":
                    self._take_message(message["data"])

    def _take_message(self, message: bytes) -> None:
        """Hear one message: one that we fail on must not make this process deaf for the next."""
        try:
            news = doorbell.decode(message)
            if news is not None:
                self.delivery.ring(news)
        except Exception:  # noqa: BLE001 - the bus is a process edge
            _log.exception("doorbell.failed")

    # The sweep -----------------------------------------------------------------------------------------------------

    async def _sweep_forever(self) -> None:
        while True:
            await asyncio.sleep(settings.GATEWAY["sweep_seconds"])
            try:
                await self._sweep()
            except DatabaseError as error:
                _log.warning("sweep.database_away", error=str(error).strip()[:200])
            except Exception:  # noqa: BLE001 - the sweep is a process edge: it must outlive one bad round
                _log.exception("sweep.failed")

    async def _sweep(self) -> None:
        held = self.registry.sessions()
        taken_at, waiting = time.monotonic(), self.calls.waiting(settings.GATEWAY["sweep_seconds"])
        await self._write_heartbeats()
        look = database_sync_to_async(self._look, thread_sensitive=False)
        standings, leaving = await look(held, waiting, taken_at)
        self._forget_callers()
        for connection in self.registry:
            standing = standings.get(connection.session_id)
            # A thousand links are swept each second, and nearly all of them have nothing new.
            if standing is not None and self.delivery.is_news(connection, standing):
                await self.delivery.update(connection, standing)
            self._test_silence(connection)
            if connection.inbox.lacks:
                ask_again(connection)
            for refusal in connection.inbox.chunks.give_up():
                self.delivery.refuse(connection, refusal)
            if isinstance(connection, SocketConnection) and connection.stalled(settings.GATEWAY["slow_reader_seconds"]):
                connection.drop_slow_reader()
        for away in leaving:
            self.delivery.shutdown.send_away(away)
        await database_sync_to_async(ports.bound().carry_out_due, thread_sensitive=False)()

    async def _write_heartbeats(self) -> None:
        """Before anybody is judged: what was heard until now counts."""
        heard = self.heartbeats.take()
        if not heard:
            return
        try:
            await database_sync_to_async(beats.flush, thread_sensitive=False)(heard)
        # A cancellation too: when the process goes, the sweep is cancelled, and these beats are written once more.
        except BaseException:
            self.heartbeats.put_back(heard)
            raise

    def _forget_callers(self) -> None:
        """A terminal that stopped calling leaves nothing behind; it resumes when it calls again."""
        for connection in self.registry:
            if isinstance(connection, ExchangeConnection) and connection.abandoned(2 * connection.standing.timeout):
                self.registry.remove(connection)
                connection.drop()

    def _look(
        self, held: set[UUID], waiting: Collection[UUID], taken_at: float
    ) -> tuple[dict[UUID, Standing], list[SentAway]]:
        """Judge and read. `waiting`: sessions that have waited for us; `taken_at`: when the heartbeats were taken that
        are written by now. What came since is in memory alone."""
        expiry.excuse_waiting(waiting)
        gateway_processes.renew(elapsed=timedelta(seconds=taken_at - self._heard_at), heard_at=taken_at)
        self._heard_at = taken_at
        expiry.expire_overdue()
        keys.revoke_retired()
        standings = queries.standings(held) if held else {}
        return standings, maintenance.send_away(held=held)

    def _test_silence(self, connection: Connection) -> None:
        """Ask a silent EA once whether it is there, at 1.5 intervals after its last heartbeat."""
        standing = connection.standing
        if connection.inbox.tests_silence(silent_after(standing.interval)) and not connection.lifecycle.closing:
            left = max(0.0, standing.timeout - connection.inbox.silent_seconds)
            reply_by = datetime.now(UTC) + timedelta(seconds=left)
            connection.post("TestRequest", TestRequest(reply_by=rfc3339(reply_by)))


_runtimes: "WeakKeyDictionary[asyncio.AbstractEventLoop, Runtime]" = WeakKeyDictionary()
