"""Stays connected: opens sessions, runs one connection after the other, and acts on how each of them ended."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx

from eagateway_sdk.auth import Auth
from eagateway_sdk.close_codes import NETWORK, Backoff, Next, after
from eagateway_sdk.context import Context, call_hook
from eagateway_sdk.ids import uuid7
from eagateway_sdk.journal import JournalFailed
from eagateway_sdk.link import Ending, Link
from eagateway_sdk.rest import GatewayRefused, GatewayUnreachable, OpenedSession, open_session
from eagateway_sdk.session import Session
from eagateway_sdk.transport import Connector, NotConnected

log = logging.getLogger(__name__)

_STABLE_SECONDS = 10.0
_KEY_REUSED = "idempotency_key_reused"


class GatewayStopped(Exception):
    """The client will not reconnect by itself: a human has to act. `code` is the close code or the problem's code."""

    def __init__(self, code: int | str, why: str = "") -> None:
        super().__init__(f"stopped: {why or code}")
        self.code = code


@dataclass(slots=True)
class _Rounds:
    """How often in a row something went wrong."""

    attempt: int = 0
    penalties: int = 0
    renewals: int = 0


class Opener:
    """Asks for sessions of one account. A call whose answer was lost is repeated under the same idempotency key."""

    def __init__(
        self, *, base_url: str, account_id: str, auth: Auth, about: Mapping[str, Any], http: httpx.AsyncClient
    ) -> None:
        self._base_url, self._account_id, self._auth = base_url, account_id, auth
        self._about, self._http = about, http
        self._key, self._key_of = str(uuid7()), ""

    async def open(self, context: Context) -> OpenedSession:
        """A new session; a credential that was refused is renewed once, if it can be.

        :raises GatewayRefused, GatewayUnreachable: as `open_session`
        """
        try:
            return await self._ask(context)
        except GatewayRefused as refusal:
            if refusal.status != 401 or not self._auth.refused():
                raise
        return await self._ask(context)

    async def _ask(self, context: Context) -> OpenedSession:
        material = await self._auth.material(base_url=self._base_url, clock=context.clock, http=self._http)
        if self._key_of != str(material):  # another body is another request
            self._key, self._key_of = str(uuid7()), str(material)
        try:
            opened = await open_session(
                base_url=self._base_url, account_id=self._account_id, material=material, idempotency_key=self._key,
                http=self._http, **self._about,
            )  # fmt: skip
        except GatewayRefused as refusal:
            if not refusal.passing:
                self._key_of = ""
            raise
        self._key_of = ""
        return opened


class Reconnector:
    """Runs until it is cancelled or `failure` says why it stopped. `link`: the connection in hand, if there is one."""

    def __init__(
        self, context: Context, *, opener: Opener, connector: Connector, backoff: Backoff,
        on_stop: Callable[[GatewayStopped], None] | None,
    ) -> None:  # fmt: skip
        self._context, self._opener, self._connector = context, opener, connector
        self._backoff, self._on_stop = backoff, on_stop
        self._rounds = _Rounds()
        self.session: Session | None = context.sessions.load()
        self.link: Link | None = None
        self.failure: GatewayStopped | None = None

    async def run(self) -> None:
        while self.failure is None and not self._context.leaving:
            try:
                await self._round()
            except Exception as error:
                log.exception("client.round_failed")
                self._context.last_error = error
                await self._pause(None)

    async def _round(self) -> None:
        """One session opened if there is none, one connection, and what follows from its end."""
        try:
            session = self.session or await self._renew()
        except GatewayRefused as refusal:
            await self._refused(refusal)
            return
        except (GatewayUnreachable, JournalFailed) as error:
            self._context.note_trouble(error)
            await self._pause(error.retry_after if isinstance(error, GatewayUnreachable) else None)
            return
        began = self._context.clock.monotonic()
        ending = await self._connection(session)
        if self._context.clock.monotonic() - began >= min(_STABLE_SECONDS, self._backoff.longest):
            self._rounds = _Rounds()
        if not self._context.leaving and not ending.moved:
            await self._follow(ending)

    async def _renew(self) -> Session:
        """Open a session; waiting frames keep their ids and get new numbers, in the same transaction."""
        context = self._context
        opened = await self._opener.open(context)
        context.events["sessions.opened"] += 1
        context.server_clock.observe(opened.server_time)
        session = context.sessions.keep(opened)
        context.outbox.renumber(after=0)
        await context.journal.durable()
        self.session = session
        return session

    async def _connection(self, session: Session) -> Ending:
        watch: asyncio.Task[None] | None = None
        try:
            wire = await self._connector.open(session)
            self.link = link = Link(self._context, session, wire)
            self._context.events["connections"] += 1
            self._context.events[f"connections.{wire.kind}"] += 1
            watch = asyncio.create_task(self._connector.watch(session, wire, leave=link.leave))
            return await link.run()
        except NotConnected as error:
            return Ending(error.code, why=error.why)
        except (OSError, TimeoutError, EOFError, JournalFailed) as error:
            log.info("client.disconnected", extra={"why": type(error).__name__})
            return Ending(NETWORK, why=f"{type(error).__name__}: {error}")
        finally:
            self.link = None
            if watch is not None:
                watch.cancel()
            self._context.changed.set()

    # --- what follows an ending ---

    async def _follow(self, ending: Ending) -> None:
        """Act on the table of close codes."""
        self._context.events[f"closed.{ending.code}"] += 1
        if after(ending.code) is not Next.STOP:
            self._context.note_trouble(GatewayUnreachable(str(ending)))
        match after(ending.code):
            case Next.STOP:
                self._stop(ending.code, str(ending))
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
            self._stop(ending.code, str(ending))
            return
        self._forget_session()
        await self._pause(ending.after_seconds)

    async def _serve_penalty(self, ending: Ending) -> None:
        self._rounds.penalties += 1
        if self._rounds.penalties > self._backoff.penalties:
            self._stop(ending.code, str(ending))
            return
        self._forget_session()
        await asyncio.sleep(self._backoff.penalty)

    async def _refused(self, refusal: GatewayRefused) -> None:
        self._context.events[f"refused.{refusal.code}"] += 1
        if refusal.passing or refusal.code == _KEY_REUSED:
            self._context.note_trouble(refusal)
            await self._pause(refusal.retry_after)
        else:
            self._stop(refusal.code, str(refusal))

    def _forget_session(self) -> None:
        self.session = None
        with suppress(JournalFailed):
            self._context.sessions.forget()

    async def _pause(self, told: float | None) -> None:
        """Wait with jitter; at least as long as the gateway told."""
        delay = self._backoff.delay(self._rounds.attempt) if told is None else self._backoff.after(told)
        self._rounds.attempt += 1
        await asyncio.sleep(delay)

    def _stop(self, code: int | str, why: str) -> None:
        self.failure = self._context.last_error = GatewayStopped(code, why)
        log.error("client.stopped: %s", why, extra={"code": code})
        if self._on_stop is not None:
            call_hook(self._on_stop, self.failure)
        self._context.changed.set()
