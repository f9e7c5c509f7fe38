"""One connection: Hello, then frames both ways until it ends. Everything that outlives it stands in the context."""

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

import msgspec

from eagateway_sdk import frames, snapshots
from eagateway_sdk.close_codes import NETWORK, words
from eagateway_sdk.context import Context, RefusedFrame, call_hook
from eagateway_sdk.envelope import Envelope, Garbage, UnknownType, read_envelope, read_payload
from eagateway_sdk.introductions import Introducer
from eagateway_sdk.outbox import read_row
from eagateway_sdk.receiver import Conflict, Receiver, conflict_alert
from eagateway_sdk.sender import Sender
from eagateway_sdk.session import Session
from eagateway_sdk.transport.wire import Heard, Wire, WireClosed

log = logging.getLogger(__name__)

LIVE: Final = frozenset({"pending", "authenticated"})
ENDED_AS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "preempted": 4409,
        "heartbeat_timeout": 4408,
        "key_revoked": 4403,
        "key_rejected": 4403,
        "account_suspended": 4403,
        "protocol_error": 4400,
    }
)
_TOP_CHECK_SECONDS: Final = 0.25
_GOODBYE_SECONDS: Final = 0.5
_NOTICE_STEP_SECONDS: Final = 0.01
_SNAPSHOTS_AT_ONCE: Final = 4


@dataclass(frozen=True, slots=True)
class Ending:
    """How a connection ended: the close code, and the pause that the gateway asked for.

    `moved`: it was left for a better transport, which is open already. `why`: the cause, where the code tells less.
    """

    code: int
    after_seconds: float | None = None
    moved: bool = False
    why: str = ""

    def __str__(self) -> str:
        return f"{self.why or words(self.code)} ({self.code})"


class Link:
    """Runs one open transport. All frames go out through `Sender`, one at a time."""

    def __init__(self, context: Context, session: Session, wire: Wire) -> None:
        self._context = context
        self._session = session
        self._wire = wire
        self._receiver = Receiver(context)
        self._sender = Sender(context)
        self._sender.keep_to(window=0, intent_rate=session.intent_rate)
        wire.acknowledge_with(self._sender.carry_ack)
        self._greeted = asyncio.Event()
        self._parted = asyncio.Event()
        self._heard_at = context.clock.monotonic()
        self._ending: Ending | None = None
        self._after_seconds: float | None = None
        self._ended_as: int | None = None
        self._said = ""
        self._tasks: set[asyncio.Task[None]] = set()
        self._snapshots = 0
        self._introducer = Introducer(self._say)
        self.status: str | None = None

    async def run(self) -> Ending:
        """Talk until the connection ends.

        :raises JournalFailed: the file cannot be written; the connection is cut, nothing unwritten was acknowledged
        """
        self._say(self._hello())
        for work in (self._send_all(), self._watch()):
            self._start(work)
        closed = WireClosed(NETWORK)
        try:
            while self._ending is None:
                self._hear(await self._wire.receive())
        except WireClosed as error:
            closed = error
        finally:
            self._parted.set()
            tasks = list(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self._ending is None:
                self._wire.abort()
        return await self._end(closed)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _end(self, closed: WireClosed) -> Ending:
        if self._ending is not None:
            await self._wire.close(self._ending.code)
            return self._ending
        code = closed.code
        if self._ended_as is not None and code < 4000:
            code = self._ended_as
        told = self._after_seconds if closed.after_seconds is None else closed.after_seconds
        return Ending(code, told, why=self._said or closed.why)

    def cut(self) -> None:
        """Drop the connection as a network failure would."""
        self._wire.abort()

    def leave(self) -> None:
        """End this connection to resume on a better one."""
        self._ending = self._ending or Ending(NETWORK, moved=True)
        self._wire.abort()

    async def say_goodbye(self, *, reason: str) -> None:
        """End the session in order: our notice with our last number, and the gateway's answer with its own.

        What the gateway asks for meanwhile is sent. All of it takes half a second at most.
        """
        self._say(frames.ShutdownNotice(reason=reason, last_seq=self._context.outbox.committed_seq))
        with suppress(TimeoutError):
            async with asyncio.timeout(_GOODBYE_SECONDS):
                await self._parted.wait()
                await self._wire.close(1000)
        self._wire.abort()

    # --- hearing ---

    def _hear(self, message: Heard) -> None:
        self._heard_at = self._context.clock.monotonic()
        if isinstance(message, int):
            self._acknowledged(message)
            return
        try:
            envelope = read_envelope(message)
            payload = read_payload(envelope)
        except UnknownType as error:
            self._count_garbage("frames.unknown_type", error)
            return
        except Garbage as error:
            self._count_garbage("frames.garbage", error)
            return
        self._context.events[f"heard.{envelope.type}"] += 1
        self._context.server_clock.observe(envelope.sent_at)
        if envelope.ack is not None:
            self._acknowledged(envelope.ack)
        handler = _HANDLERS.get(envelope.type)
        if handler is not None:
            handler(self, envelope, payload)

    def _count_garbage(self, name: str, error: Garbage) -> None:
        self._context.events[name] += 1
        log.warning("link.frame_ignored", extra={"why": str(error)[:200]})

    def _acknowledged(self, ack: int) -> None:
        outbox = self._context.outbox
        if ack > outbox.committed_seq:
            self._context.events["frames.garbage"] += 1
            log.warning("link.ack_beyond_top", extra={"ack": ack, "top": outbox.committed_seq})
            return
        if outbox.acknowledge(ack):
            self._sender.progressed()
            self._context.changed.set()

    def _session_state(self, envelope: Envelope, state: frames.SessionState) -> None:
        first = not self._greeted.is_set()
        self.status = state.status
        if first:
            self._resume(state)
        elif state.epoch is not None:
            self._adopt(str(state.epoch))
        self._sender.open = state.status in LIVE
        if state.status in LIVE:
            self._context.last_error = None
        self._sender.acking = state.status == "authenticated"
        if state.status == "authenticated":
            self._session.promoted = True
        self._after_seconds = None  # what was told before has been waited for
        if state.retry_after_seconds is not None:
            self._after_seconds = float(state.retry_after_seconds)
            self._sender.rewind(pause=self._after_seconds)
        self._greeted.set()
        if state.status in LIVE and not self._session.initialised and first:
            self._introduce()
        if state.status not in LIVE:
            self._ended_as = ENDED_AS.get(state.reason or "", 4403 if state.status == "rejected" else 4410)
            self._said = f"the session is {state.status}: {state.reason or words(self._ended_as)}"
            asyncio.get_running_loop().call_later(self._context.timing.close_patience, self.cut)
        self._context.ready.set()
        call_hook(self._context.hooks.on_state, state)
        self._context.changed.set()

    def _resume(self, state: frames.SessionState) -> None:
        """The gateway tells what it has stored of this session; the rest is sent again, in order."""
        if not state.recovered and self._context.ledger.head:
            log.critical("link.not_recovered", extra={"top_seq": state.top_seq, "ours": self._context.ledger.head})
            self._context.events["epochs.not_recovered"] += 1
        if state.epoch is not None:
            self._adopt(str(state.epoch))
        outbox = self._context.outbox
        if state.stored_seq > outbox.last_seq:
            outbox.renumber(after=state.stored_seq)
        elif outbox.acknowledge(state.stored_seq):
            self._context.changed.set()
        self._sender.begin(after=state.stored_seq)

    def _adopt(self, epoch: str) -> None:
        ledger = self._context.ledger
        if epoch == ledger.epoch:
            return
        # Where nothing was received, as before an approval, nothing is numbered anew.
        if ledger.epoch and ledger.head:
            log.critical("link.new_epoch", extra={"epoch": epoch})
            self._context.events["epochs.changed"] += 1
        dropped = ledger.adopt_epoch(epoch)
        self._context.events["commands.dropped"] += dropped
        self._receiver.restart()

    def _numbered(self, envelope: Envelope, payload: frames.OrderCommand | frames.GapFill) -> None:
        if envelope.seq is None or envelope.seq < 1:
            self._count_garbage("frames.garbage", Garbage("a durable frame without its number"))
            return
        try:
            again = self._receiver.take(envelope, payload)
        except Conflict as error:
            self._report_conflict(envelope, error)
            return
        for frame_id in again:
            self._sender.repeat(frame_id)
        self._sender.owe(self._receiver.owed)
        self._receiver.owed = 0
        self._ask_for_missing()

    def _report_conflict(self, envelope: Envelope, error: Conflict) -> None:
        log.critical("link.sequence_conflict", extra={"seq": envelope.seq})
        self._context.events["conflicts"] += 1
        alert = conflict_alert(error, envelope)
        self._context.enqueue(alert)
        call_hook(self._context.hooks.on_alert, alert)
        self._ending = Ending(NETWORK)

    def _ask_for_missing(self) -> None:
        request = self._receiver.missing(
            now=self._context.clock.monotonic(), patience=self._context.timing.resend_patience
        )  # fmt: skip
        if request is not None and self.status == "authenticated":
            self._say(request)

    def _init_ack(self, envelope: Envelope, ack: frames.InitAck) -> None:
        self._context.server_clock.observe(ack.server_time)
        self._session.initialised = True
        self._session.interval_seconds = ack.heartbeat.interval_seconds or self._session.interval_seconds
        self._session.timeout_seconds = ack.heartbeat.timeout_seconds or self._session.timeout_seconds
        self._session.intent_rate = ack.limits.intent_rate
        self._sender.keep_to(window=ack.limits.max_unacked_commands, intent_rate=ack.limits.intent_rate)
        call_hook(self._context.hooks.on_init, ack)
        self._context.changed.set()

    def _heartbeat_ack(self, envelope: Envelope, beat: frames.HeartbeatAck) -> None:
        self._context.server_clock.observe(beat.server_time)
        if self._context.ledger.epoch and str(beat.epoch) != self._context.ledger.epoch:
            self._ending = Ending(NETWORK)  # a new log: only Hello and SessionState begin one
            return
        head = self._context.ledger.head
        if beat.top_seq > head:
            asyncio.get_running_loop().call_later(_TOP_CHECK_SECONDS, self._check_top, head, beat.top_seq)

    def _check_top(self, head: int, top: int) -> None:
        """A moment later: numbers that are still missing although nothing more arrives were lost."""
        if self._context.ledger.head == head:
            self._receiver.wanted = max(self._receiver.wanted, top)
            self._ask_for_missing()

    def _test_request(self, envelope: Envelope, test: frames.TestRequest) -> None:
        self._beat()

    def _ack(self, envelope: Envelope, ack: frames.Ack) -> None:
        self._acknowledged(ack.ack)
        for refused in ack.refused:
            if refused.final:
                self._refused_for_good(refused)
        if any(not refused.final and self._context.outbox.find(str(refused.id)) for refused in ack.refused):
            self._context.events["frames.put_off"] += 1
            self._sender.rewind(pause=self._context.timing.retry_pause)

    def _refused_for_good(self, refused: frames.RefusedFrame) -> None:
        row = self._context.outbox.drop(str(refused.id))
        if row is None:
            return
        self._context.events["frames.refused"] += 1
        log.error("link.frame_refused", extra={"frame_type": row.type, "code": refused.code})
        final = RefusedFrame(refused.id, read_row(row), refused.code)
        self._context.note_refusal(final)
        call_hook(self._context.hooks.on_refused, final)
        self._context.changed.set()

    def _error_alert(self, envelope: Envelope, alert: frames.ErrorAlert) -> None:
        waiting = alert.ref is not None and self._context.outbox.find(str(alert.ref)) is not None
        if alert.retryable and alert.retry is not None and waiting:
            self._sender.rewind(pause=float(alert.retry.after_seconds))
        if alert.retry is not None and not self._greeted.is_set():  # turned away: the close that follows tells no time
            self._after_seconds = float(alert.retry.after_seconds)
        self._context.explain_refusal(alert)
        if not self._greeted.is_set():
            self._said = f"{alert.code}: {alert.message}"
        call_hook(self._context.hooks.on_alert, alert)

    def _shutdown_notice(self, envelope: Envelope, notice: frames.ShutdownNotice) -> None:
        if notice.phase is frames.ShutdownPhase.ACK:
            self._context.parted = (self._context.outbox.committed_seq, notice.last_seq)
            self._parted.set()
            return
        if notice.reconnect_after_seconds is not None:
            self._after_seconds = float(notice.reconnect_after_seconds)
        self._start(self._answer_notice(notice))
        asyncio.get_running_loop().call_later(self._context.timing.close_patience, self.cut)

    async def _answer_notice(self, notice: frames.ShutdownNotice) -> None:
        """Finish what is held: the order in hand, and every frame that is written. Then the gateway may close."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._context.timing.notice_patience):
                while self._context.terminal.locked() or not self._sender.idle:  # noqa: ASYNC110 - two conditions
                    await asyncio.sleep(_NOTICE_STEP_SECONDS)
        last = self._sender.sent_seq
        self._context.parted = (last, notice.last_seq)
        self._say(frames.ShutdownNotice(reason=notice.reason, phase=frames.ShutdownPhase.ACK, last_seq=last))

    def _sync_snapshot(self, envelope: Envelope, snapshot: frames.SyncSnapshot) -> None:
        if snapshot.phase is frames.SnapshotPhase.RESULT:
            self._context.events["snapshots.compared"] += 1
            call_hook(self._context.hooks.on_differences, snapshot)
        elif snapshot.phase is frames.SnapshotPhase.REQUEST and self._snapshots < _SNAPSHOTS_AT_ONCE:
            self._snapshots += 1
            self._start(self._report_book(snapshot))

    async def _report_book(self, request: frames.SyncSnapshot) -> None:
        try:
            for chunk in await snapshots.take(self._context, request):
                self._say(chunk)
        finally:
            self._snapshots -= 1

    def _resend_request(self, envelope: Envelope, request: frames.ResendRequest) -> None:
        if not self._sender.resend(request.from_, request.to):
            self._context.enqueue(frames.ErrorAlert(code="resend_out_of_range", ref=envelope.id))

    # --- speaking ---

    def _say(self, payload: frames.Frame) -> None:
        self._sender.say(payload)

    def _hello(self) -> frames.Hello:
        ledger = self._context.ledger
        return frames.Hello(
            epoch=UUID(ledger.epoch) if ledger.epoch else None,
            last_server_seq=ledger.durable_head,
            last_server_id=UUID(ledger.head_id) if ledger.head_id and ledger.head == ledger.durable_head else None,
            installation_id=self._context.sessions.installation_id,
            ledger_head=ledger.durable_head,
            max_copy_no_seen=ledger.max_copy_no,
        )

    def _introduce(self) -> None:
        """Tell the terminal; a long list takes some seconds."""
        request = self._context.init_request
        rest = self._introducer.tell(request, funds=self._context.hooks.funds(), transport=self._wire.kind)
        if rest is not None:
            self._start(rest)

    def _beat(self) -> None:
        outbox = self._context.outbox
        self._say(
            msgspec.structs.replace(self._context.hooks.funds(), outbox_size=len(outbox), top_seq=outbox.committed_seq)
        )

    async def _send_all(self) -> None:
        """The only place that writes to the socket. What goes wrong here ends the connection."""
        ready = self._context.ready
        ready.set()
        try:
            while True:
                await ready.wait()
                ready.clear()
                while (frame := self._sender.next_frame()) is not None:
                    await self._wire.send(frame)
        except WireClosed:
            pass  # whoever listens says why
        except Exception:
            log.exception("link.sending_failed")
            self.cut()

    async def _watch(self) -> None:
        """Heartbeats, and the half-open socket that shows nothing else."""
        try:
            async with asyncio.timeout(self._context.timing.hello_patience):
                await self._greeted.wait()
        except TimeoutError:
            self.cut()
            return
        await asyncio.sleep(random.random() * self._session.interval_seconds)  # noqa: S311 - spreads load, no secret
        while True:
            self._beat()
            if self.status == "authenticated" and not self._session.initialised:
                self._introduce()
            await asyncio.sleep(self._session.interval_seconds)
            if self._context.clock.monotonic() - self._heard_at > self._session.timeout_seconds:
                log.warning("link.silent", extra={"silent_for_s": self._session.timeout_seconds})
                self.cut()
            self._sender.heal(patience=2 * self._session.timeout_seconds)


Handler = Callable[[Link, Envelope, Any], None]
_HANDLERS: Final[Mapping[str, Handler]] = MappingProxyType(
    {
        "SessionState": Link._session_state,
        "TestRequest": Link._test_request,
        "InitAck": Link._init_ack,
        "HeartbeatAck": Link._heartbeat_ack,
        "OrderCommand": Link._numbered,
        "GapFill": Link._numbered,
        "Ack": Link._ack,
        "ErrorAlert": Link._error_alert,
        "ShutdownNotice": Link._shutdown_notice,
        "SyncSnapshot": Link._sync_snapshot,
        "ResendRequest": Link._resend_request,
    }
)
