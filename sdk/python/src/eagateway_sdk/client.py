"""The client: keeps one account connected, whatever happens, and loses or doubles nothing on the way."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from uuid import UUID

import httpx

from eagateway_sdk.auth import Auth, SessionKey
from eagateway_sdk.bounds import check_intent
from eagateway_sdk.clock import Clock, ServerClock
from eagateway_sdk.close_codes import Backoff
from eagateway_sdk.context import Context, Executor, Holdings, Hooks, Refused, RefusedFrame, Timing
from eagateway_sdk.frames import (
    ErrorAlert,
    ExecutionReport,
    InitAck,
    InitRequest,
    OrderCommand,
    OrderIntent,
    SessionState,
    StatusHeartbeat,
    SyncSnapshot,
)
from eagateway_sdk.funds import Funds
from eagateway_sdk.introductions import complete
from eagateway_sdk.journal import Durability, Journal, JournalFailed
from eagateway_sdk.ledger import Ledger
from eagateway_sdk.link import Link
from eagateway_sdk.outbox import DurableFrame, Outbox
from eagateway_sdk.reconnector import GatewayStopped, Opener, Reconnector
from eagateway_sdk.rest import REST_SECONDS, root
from eagateway_sdk.session import SessionFile
from eagateway_sdk.transport import Connector, Transport
from eagateway_sdk.worker import LedgerReread, Worker

_REASON_SECONDS: Final = 1.0


class GatewayClient:
    """One account at the gateway.

    Masters send `OrderIntent`s; followers give an `executor`. `store` is the account's SQLite file with outbox and
    ledger; it belongs to this account and to one running client. Use it as an async context manager.

    `auth_key` is short for `auth=SessionKey(...)`. `transport`: `socket`, `exchange` (plain HTTPS calls, for where no
    WebSocket comes through), or `auto`: a socket, and an exchange as long as none can be opened. `holdings` tells the
    account's book when the gateway compares; an executor with a `snapshot` is one.
    """

    # What there is only while it runs
    _context_or_none: Context | None = None
    _last_error: Exception | None = None
    _reconnector: Reconnector | None = None
    _connector: Connector | None = None

    def __init__(
        self,
        *,
        base_url: str,
        account_id: str,
        store: Path | str,
        init_request: InitRequest,
        auth_key: str | None = None,
        auth: Auth | None = None,
        transport: Transport = "socket",
        executor: Executor | None = None,
        holdings: Holdings | None = None,
        funds: Callable[[], StatusHeartbeat] | None = None,
        on_state: Callable[[SessionState], None] | None = None,
        on_init: Callable[[InitAck], None] | None = None,
        on_refused: Callable[[RefusedFrame], None] | None = None,
        on_alert: Callable[[ErrorAlert], None] | None = None,
        on_differences: Callable[[SyncSnapshot], None] | None = None,
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
        root(base_url)  # a wrong one raises here, where it was written, and not in the background
        self._base_url, self._account_id, self._store = base_url, account_id, Path(store)
        self._auth = _one_of(auth_key, auth)
        self._transport: Transport = transport
        self._durability: Durability = durability
        self._about = {"platform": platform, "ea_version": ea_version, "environment": dict(environment or {})}
        self._backoff, self._timing, self._clock = backoff or Backoff(), timing or Timing(), clock or Clock()
        self._given_http = http
        self._http: httpx.AsyncClient | None = None
        self._init_request, self._executor = _complete(init_request, ea_version, executor), executor
        self._symbols = frozenset(symbol.name for symbol in self._init_request.symbols)
        self._holdings = holdings or _telling(executor)
        given: dict[str, Any] = {
            "on_state": on_state, "on_init": on_init, "on_refused": on_refused, "on_alert": on_alert,
            "on_differences": on_differences, "funds": Funds(funds) if funds is not None else None,
        }  # fmt: skip
        self._hooks = Hooks(**{name: hook for name, hook in given.items() if hook is not None})
        self._on_stop = on_stop
        self._tasks: list[asyncio.Task[None]] = []
        self.parted: tuple[int, int] | None = None

    # --- life ---
    # `parted`: after close(), the last numbers, ours and the gateway's, if the session ended in order

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
        journal = Journal(self._store, durability=self._durability)
        try:
            self._context_or_none = self._furnish(journal)
        except Exception:
            journal.abandon()
            raise
        journal.on_failure = self._lost
        self._context.ledger.forget_old()
        http = self._given_http or httpx.AsyncClient(timeout=REST_SECONDS, trust_env=False)
        self._http = http
        self._connector = Connector(
            self._transport, patience=self._timing.hello_patience, socket_retry=self._timing.socket_retry, http=http
        )
        opener = Opener(
            base_url=self._base_url, account_id=self._account_id, auth=self._auth, about=self._about, http=http
        )
        self._reconnector = Reconnector(
            self._context, opener=opener, connector=self._connector, backoff=self._backoff, on_stop=self._on_stop
        )
        await journal.durable()
        self._tasks = [asyncio.create_task(self._reconnector.run()), asyncio.create_task(self._work())]

    def _furnish(self, journal: Journal) -> Context:
        outbox, ledger = Outbox(journal, self._clock), Ledger(journal, self._clock)
        sessions = SessionFile(
            journal, base_url=self._base_url, account_id=self._account_id, credential=self._auth.identity
        )  # fmt: skip
        return Context(
            journal=journal, outbox=outbox, ledger=ledger, sessions=sessions, clock=self._clock,
            server_clock=ServerClock(self._clock), hooks=self._hooks, timing=self._timing,
            init_request=self._init_request, executor=self._executor, holdings=self._holdings,
        )  # fmt: skip

    async def close(self, *, drain_seconds: float = 2.0) -> None:
        """End in order: what waits is sent, the order in hand is finished, the session is closed, the file too.

        A session that was never approved is kept for the next start: the gateway holds its frames.
        """
        if self._context_or_none is None:
            return
        with suppress(TimeoutError, GatewayStopped):
            async with asyncio.timeout(drain_seconds):
                await self._until(lambda: self._link is None or self.unacked == 0)
        self._context.leaving = True
        with suppress(TimeoutError):
            async with asyncio.timeout(self._timing.close_patience):
                await self._until(lambda: not self._context.ledger.sending, even_stopped=True)
        await self._say_goodbye()
        await self._cancel_tasks()
        self._context.journal.close()
        self._leave_context()

    async def _say_goodbye(self) -> None:
        link, session = self._link, self._reconnector.session if self._reconnector else None
        if link is not None and link.status == "authenticated" and session is not None and session.promoted:
            await link.say_goodbye(reason="shutdown_by_ea")
            self.parted = self._context.parted
            self._context.sessions.forget()

    async def abort(self) -> None:
        """End as a kill would: no goodbye, nothing more written. For tests and for those who must leave at once."""
        if self._context_or_none is None:
            return
        if self._link is not None:
            self._link.cut()
        self._context.journal.abandon()
        await self._cancel_tasks()
        self._leave_context()

    def _leave_context(self) -> None:
        self._last_error = self._context.last_error
        self._context_or_none = None

    async def _cancel_tasks(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        if self._connector is not None:
            self._connector.close()
        if self._http is not None and self._http is not self._given_http:
            await self._http.aclose()

    # --- what the application does ---

    async def send_intent(self, intent: OrderIntent) -> UUID:
        """Hand over one change of a master's position; returns its frame id when it is safely written.

        :raises ValueError: it can never be sent (too big, a number that is none); Unsendable, which names the field
            that the gateway would refuse it for, or a symbol to open that `init_request` does not have
        :raises JournalFailed: it could not be written
        """
        check_intent(intent, self._symbols)
        return await self._send(intent)

    async def send_report(self, report: ExecutionReport) -> UUID:
        """Hand over a fact that no command asked for (closed by hand, deposit ...); as `send_intent`."""
        return await self._send(report)

    async def send_alert(self, alert: ErrorAlert) -> UUID:
        """Tell the gateway's operators of a problem; as `send_intent`."""
        return await self._send(alert)

    async def _send(self, frame: DurableFrame) -> UUID:
        frame_id = self._context.enqueue(frame)
        await self._context.journal.durable()
        return frame_id

    @property
    def unacked(self) -> int:
        """How many durable frames the gateway has not confirmed."""
        return len(self._context.outbox)

    @property
    def unfinished_commands(self) -> list[OrderCommand]:
        """Commands received and without an outcome, in order."""
        return self._context.ledger.unfinished()

    @property
    def events(self) -> Counter[str]:
        """Counters of what happened, for monitoring and tests."""
        return self._context.events

    @property
    def status(self) -> str:
        """`offline`, `stopped`, or the session's status as the gateway told it: pending, authenticated ..."""
        if self.failure is not None:
            return "stopped"
        return (self._link.status if self._link is not None else None) or "offline"

    @property
    def key_code(self) -> str:
        """What the owner tells whoever approves the key, as `4f2a 91c0`; empty where the account has no key."""
        return self._auth.code if isinstance(self._auth, SessionKey) else ""

    @property
    def server_epoch_and_head(self) -> tuple[str, int]:
        """The gateway's command log as known here: its epoch and the highest number without a gap."""
        return self._context.ledger.epoch, self._context.ledger.head

    async def wait_status(self, *statuses: str) -> None:
        """Return when the client has one of these.

        :raises GatewayStopped: it never will by itself
        """
        await self._until(lambda: self.status in statuses)

    async def wait_drained(self) -> None:
        """Return when everything sent is confirmed and every command has its outcome.

        :raises Refused: some of it was refused for good; each refusal is raised once
        :raises GatewayStopped: it never will by itself
        """
        await self._until(lambda: self.unacked == 0 and not self._context.ledger.unfinished())
        refused = self._context.refused
        if refused:
            with suppress(TimeoutError, GatewayStopped):
                async with asyncio.timeout(_REASON_SECONDS):  # the reason comes in a frame of its own, behind the code
                    await self._until(lambda: all(one.message for one in refused.values()))
            told = list(refused.values())
            refused.clear()
            raise Refused(told)

    async def _until(self, reached: Callable[[], bool], *, even_stopped: bool = False) -> None:
        while not reached():
            if self.failure is not None and not even_stopped:
                raise self.failure
            changed = self._context.changed
            changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(0.1):  # `changed` may be cleared by another waiter
                    await changed.wait()

    # --- inside ---

    @property
    def failure(self) -> GatewayStopped | None:
        """Why the client has stopped by itself, if it has."""
        return self._reconnector.failure if self._reconnector is not None else None

    @property
    def last_error(self) -> Exception | None:
        """Why there is no connection: GatewayUnreachable with the cause, GatewayRefused, GatewayStopped; None when
        there is one. Each new reason is logged as a warning when it first comes."""
        return self._context_or_none.last_error if self._context_or_none is not None else self._last_error

    @property
    def _link(self) -> Link | None:
        return self._reconnector.link if self._reconnector is not None else None

    @property
    def _context(self) -> Context:
        if self._context_or_none is None:
            raise RuntimeError("the client is not running: use `async with GatewayClient(...)`")
        return self._context_or_none

    async def _work(self) -> None:
        if self._executor is None:
            return
        while True:
            try:
                await Worker(self._context, self._executor).run()
            except (JournalFailed, LedgerReread):
                await asyncio.sleep(self._backoff.first)

    def _lost(self) -> None:
        """A transaction could not be written: cut the connection, and go on from what the file holds."""
        self._context.reread()
        if self._link is not None:
            self._link.cut()


def _one_of(auth_key: str | None, auth: Auth | None) -> Auth:
    if (auth_key is None) is (auth is None):
        raise ValueError("give either auth_key or auth")
    return auth if auth is not None else SessionKey(auth_key or "")


def _complete(request: InitRequest, ea_version: str, executor: object) -> InitRequest:
    return complete(request, ea_version=ea_version, tickets=bool(getattr(executor, "takes_tickets", False)))


def _telling(executor: object) -> Holdings | None:
    return executor if isinstance(executor, Holdings) else None
