"""The client: keeps one account connected, whatever happens, and loses or doubles nothing on the way."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from uuid import UUID

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from eagateway_sdk.clock import Clock, ServerClock
from eagateway_sdk.closing import NETWORK, Backoff, Next, after
from eagateway_sdk.desk import Desk, Executor, Hooks, RefusedFrame, Timing, call_hook
from eagateway_sdk.envelope import SUBPROTOCOL
from eagateway_sdk.frames import (
    ErrorAlert,
    ExecutionReport,
    InitAck,
    InitRequest,
    OrderCommand,
    OrderIntent,
    SessionState,
    StatusHeartbeat,
)
from eagateway_sdk.ids import uuid7
from eagateway_sdk.journal import Durability, Journal, JournalFailed
from eagateway_sdk.ledger import Ledger
from eagateway_sdk.link import Ending, Link
from eagateway_sdk.outbox import DurableFrame, Outbox
from eagateway_sdk.rest import GatewayRefused, GatewayUnreachable, OpenedSession, open_session
from eagateway_sdk.session import Session, SessionFile
from eagateway_sdk.worker import LedgerReread, Worker

log = logging.getLogger(__name__)

_MAX_MESSAGE_BYTES: Final = 2**20
_STABLE_SECONDS: Final = 10.0
_AT_HANDSHAKE: Final = {401: 4401, 410: 4410}


class GatewayStopped(Exception):
    """The client will not reconnect by itself: a human has to act. `code` is the close code or the problem's code."""

    def __init__(self, code: int | str) -> None:
        super().__init__(f"stopped: {code}")
        self.code = code


@dataclass(slots=True)
class _Rounds:
    """How often in a row something went wrong."""

    attempt: int = 0
    penalties: int = 0
    renewals: int = 0


class GatewayClient:
    """One account at the gateway.

    Masters send `OrderIntent`s; followers give an `executor`. `store` is the account's SQLite file with outbox and
    ledger; it belongs to this account and to one running client. Use it as an async context manager.
    """

    def __init__(
        self,
        *,
        base_url: str,
        account_id: str,
        auth_key: str,
        store: Path | str,
        init_request: InitRequest,
        executor: Executor | None = None,
        funds: Callable[[], StatusHeartbeat] | None = None,
        on_state: Callable[[SessionState], None] | None = None,
        on_init: Callable[[InitAck], None] | None = None,
        on_refused: Callable[[RefusedFrame], None] | None = None,
        on_alert: Callable[[ErrorAlert], None] | None = None,
        on_stop: Callable[[GatewayStopped], None] | None = None,
        platform: str = "sdk",
        ea_version: str = "0",
        environment: Mapping[str, object] | None = None,
        durability: Durability = "full",
        backoff: Backoff | None = None,
        timing: Timing | None = None,
        clock: Clock | None = None,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        self._base_url, self._account_id, self._auth_key = base_url, account_id, auth_key
        self._store = Path(store)
        self._durability: Durability = durability
        self._about = (platform, ea_version, dict(environment or {}))
        self._backoff = backoff or Backoff()
        self._timing = timing or Timing()
        self._clock = clock or Clock()
        self._http = http
        self._init_request = init_request
        self._executor = executor
        hooks = Hooks()
        hooks.on_state = on_state or hooks.on_state
        hooks.on_init = on_init or hooks.on_init
        hooks.on_refused = on_refused or hooks.on_refused
        hooks.on_alert = on_alert or hooks.on_alert
        hooks.funds = funds or hooks.funds
        self._hooks = hooks
        self._on_stop = on_stop
        self._rounds = _Rounds()
        self._session: Session | None = None
        self._link: Link | None = None
        self._opening_key = str(uuid7())
        self._tasks: list[asyncio.Task[None]] = []
        self._desk_or_none: Desk | None = None
        self._closing = False
        self.failure: GatewayStopped | None = None

    # --- life ---

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def start(self) -> None:
        """Open the store and begin connecting; returns at once, whether the gateway is there or not.

        :raises WrongAccount: the store belongs to another account
        :raises StoreInUse: another client has it open
        """
        self._closing = False
        journal = Journal(self._store, durability=self._durability)
        try:
            self._desk_or_none = self._furnish(journal)
        except Exception:
            journal.abandon()
            raise
        journal.on_failure = self._lost
        self._desk.ledger.forget_old()
        self._session = self._desk.sessions.load()
        await journal.durable()
        self._tasks = [asyncio.create_task(self._keep_connected()), asyncio.create_task(self._work())]

    def _furnish(self, journal: Journal) -> Desk:
        outbox, ledger = Outbox(journal, self._clock), Ledger(journal, self._clock)
        sessions = SessionFile(
            journal, base_url=self._base_url, account_id=self._account_id, auth_key=self._auth_key
        )  # fmt: skip
        return Desk(
            journal=journal, outbox=outbox, ledger=ledger, sessions=sessions, clock=self._clock,
            server_clock=ServerClock(self._clock), hooks=self._hooks, timing=self._timing,
            init_request=self._init_request, executor=self._executor,
        )  # fmt: skip

    async def close(self, *, drain_seconds: float = 2.0) -> None:
        """End in order: what waits is sent, the order in hand is finished, the session is closed, the file too.

        A session that was never approved is kept for the next start: the gateway holds its frames.
        """
        if self._desk_or_none is None:
            return
        with suppress(TimeoutError, GatewayStopped):
            async with asyncio.timeout(drain_seconds):
                await self._until(lambda: self._link is None or self.unacked == 0)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._timing.close_patience):
                await self._until(lambda: not self._desk.ledger.in_doubt(), even_stopped=True)
        self._closing = True
        link, session = self._link, self._session
        if link is not None and link.status == "authenticated" and session is not None and session.promoted:
            await link.say_goodbye(reason="shutdown_by_ea")
            self._desk.sessions.forget()
        await self._cancel_tasks()
        self._desk.journal.close()
        self._desk_or_none = None

    async def abort(self) -> None:
        """End as a kill would: no goodbye, nothing more written. For tests and for those who must leave at once."""
        if self._desk_or_none is None:
            return
        if self._link is not None:
            self._link.cut()
        self._desk.journal.abandon()
        await self._cancel_tasks()
        self._desk_or_none = None

    async def _cancel_tasks(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    # --- what the application does ---

    async def send_intent(self, intent: OrderIntent) -> UUID:
        """Hand over one change of a master's position; returns its frame id when it is safely written.

        :raises ValueError: it can never be sent (too big, a number that is none)
        :raises JournalFailed: it could not be written
        """
        return await self._send(intent)

    async def send_report(self, report: ExecutionReport) -> UUID:
        """Hand over a fact that no command asked for (closed by hand, deposit ...); as `send_intent`."""
        return await self._send(report)

    async def send_alert(self, alert: ErrorAlert) -> UUID:
        """Tell the gateway's operators of a problem; as `send_intent`."""
        return await self._send(alert)

    async def _send(self, frame: DurableFrame) -> UUID:
        frame_id = self._desk.enqueue(frame)
        await self._desk.journal.durable()
        return frame_id

    @property
    def unacked(self) -> int:
        """How many durable frames the gateway has not confirmed."""
        return len(self._desk.outbox)

    @property
    def unfinished_commands(self) -> list[OrderCommand]:
        """Commands received and without an outcome, in order."""
        return self._desk.ledger.unfinished()

    @property
    def events(self) -> Counter[str]:
        """Counters of what happened, for monitoring and tests."""
        return self._desk.events

    @property
    def status(self) -> str:
        """`offline`, `stopped`, or the session's status as the gateway told it: pending, authenticated ..."""
        if self.failure is not None:
            return "stopped"
        return (self._link.status if self._link is not None else None) or "offline"

    @property
    def server_epoch_and_head(self) -> tuple[str, int]:
        """The gateway's command log as known here: its epoch and the highest number without a gap."""
        return self._desk.ledger.epoch, self._desk.ledger.head

    async def wait_status(self, *statuses: str) -> None:
        """Return when the client has one of these.

        :raises GatewayStopped: it never will by itself
        """
        await self._until(lambda: self.status in statuses)

    async def wait_drained(self) -> None:
        """Return when everything sent is confirmed and every command has its outcome.

        :raises GatewayStopped: it never will by itself
        """
        await self._until(lambda: self.unacked == 0 and not self._desk.ledger.unfinished())

    async def _until(self, reached: Callable[[], bool], *, even_stopped: bool = False) -> None:
        while not reached():
            if self.failure is not None and not even_stopped:
                raise self.failure
            changed = self._desk.changed
            changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(0.1):  # `changed` may be cleared by another waiter
                    await changed.wait()

    # --- staying connected ---

    @property
    def _desk(self) -> Desk:
        if self._desk_or_none is None:
            raise RuntimeError("the client is not running: use `async with GatewayClient(...)`")
        return self._desk_or_none

    async def _keep_connected(self) -> None:
        while self.failure is None and not self._closing:
            try:
                await self._round()
            except Exception:
                log.exception("client.round_failed")
                await self._pause(None)

    async def _round(self) -> None:
        """One session opened if there is none, one connection, and what follows from its end."""
        try:
            session = self._session or await self._renew()
        except GatewayRefused as refusal:
            await self._refused(refusal)
            return
        except (GatewayUnreachable, JournalFailed):
            await self._pause(None)
            return
        began = self._clock.monotonic()
        ending = await self._connection(session)
        if self._clock.monotonic() - began >= min(_STABLE_SECONDS, self._backoff.longest):
            self._rounds = _Rounds()
        if not self._closing:
            await self._follow(ending)

    async def _renew(self) -> Session:
        """Open a session; waiting frames keep their ids and get new numbers, in the same transaction."""
        platform, version, environment = self._about
        opened = await open_session(
            base_url=self._base_url, account_id=self._account_id, auth_key=self._auth_key, platform=platform,
            ea_version=version, environment=environment, idempotency_key=self._opening_key, http=self._http,
        )  # fmt: skip
        self._opening_key = str(uuid7())
        return await self._take_over(opened)

    async def _take_over(self, opened: OpenedSession) -> Session:
        desk = self._desk
        desk.events["sessions.opened"] += 1
        desk.server_clock.observe(opened.server_time)
        session = desk.sessions.keep(opened)
        desk.outbox.renumber(after=0)
        await desk.journal.durable()
        self._session = session
        return session

    async def _connection(self, session: Session) -> Ending:
        try:
            async with connect(
                session.stream_url, subprotocols=[Subprotocol(SUBPROTOCOL)], compression=None, proxy=None,
                additional_headers={"Authorization": f"Bearer {session.token}"}, ping_interval=None,
                max_size=_MAX_MESSAGE_BYTES, close_timeout=0.5, open_timeout=self._timing.hello_patience,
            ) as socket:  # fmt: skip
                self._link = Link(self._desk, session, socket)
                self._desk.events["connections"] += 1
                return await self._link.run()
        except InvalidStatus as error:
            return Ending(_AT_HANDSHAKE.get(error.response.status_code, NETWORK))
        except (OSError, TimeoutError, InvalidHandshake, EOFError, JournalFailed) as error:
            log.info("client.disconnected", extra={"why": type(error).__name__})
            return Ending(NETWORK)
        finally:
            self._link = None
            if self._desk_or_none is not None:
                self._desk.changed.set()

    async def _follow(self, ending: Ending) -> None:
        """Act on the table of close codes."""
        self._desk.events[f"closed.{ending.code}"] += 1
        match after(ending.code):
            case Next.STOP:
                self._stop(ending.code)
            case Next.RESUME:
                await self._pause(ending.after_seconds)
            case Next.RENEW:
                self._forget_session()
                await self._pause(ending.after_seconds)
            case Next.RENEW_ONCE:
                await self._renew_once(ending)
            case Next.PENALTY:
                await self._serve_penalty(ending)

    async def _renew_once(self, ending: Ending) -> None:
        self._rounds.renewals += 1
        if self._rounds.renewals > 1:
            self._stop(ending.code)
            return
        self._forget_session()
        await self._pause(ending.after_seconds)

    async def _serve_penalty(self, ending: Ending) -> None:
        self._rounds.penalties += 1
        if self._rounds.penalties > self._backoff.penalties:
            self._stop(ending.code)
            return
        self._forget_session()
        await asyncio.sleep(self._backoff.penalty)

    async def _refused(self, refusal: GatewayRefused) -> None:
        log.warning("client.session_refused", extra={"code": refusal.code, "status": refusal.status})
        self._desk.events[f"refused.{refusal.code}"] += 1
        if refusal.passing:
            await self._pause(refusal.retry_after)
        else:
            self._stop(refusal.code)

    def _forget_session(self) -> None:
        self._session = None
        with suppress(JournalFailed):
            self._desk.sessions.forget()

    async def _pause(self, told: float | None) -> None:
        """Wait with jitter; at least as long as the gateway told."""
        delay = self._backoff.delay(self._rounds.attempt if told is None else 0)
        self._rounds.attempt += 1
        await asyncio.sleep((told or 0.0) + delay)

    def _stop(self, code: int | str) -> None:
        self.failure = GatewayStopped(code)
        log.error("client.stopped", extra={"code": code})
        if self._on_stop is not None:
            call_hook(self._on_stop, self.failure)
        self._desk.changed.set()

    # --- executing ---

    async def _work(self) -> None:
        if self._executor is None:
            return
        while True:
            try:
                await Worker(self._desk, self._executor).run()
            except (JournalFailed, LedgerReread):
                await asyncio.sleep(self._backoff.first)

    def _lost(self) -> None:
        """A transaction could not be written: cut the connection, and go on from what the file holds."""
        self._desk.reread()
        if self._link is not None:
            self._link.cut()
