"""What an EA says over one link, whichever transport carries it: parse, look up the handler, hand over to the batch.

No ORM and no rule lives here: what changes rows goes to the ingest batch, what is sent comes from delivery. The bounds
on what a session may send are kept here.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import msgspec
import structlog

from sessions_app.domain.frames.envelope import Envelope, Malformed, read_envelope
from sessions_app.domain.frames.mending import Note
from sessions_app.domain.frames.payloads import Ack, Poll, ResendRequest, ShutdownNotice
from sessions_app.domain.frames.registry import Taker, Traffic
from sessions_app.domain.lifecycle import CloseCode
from sessions_app.domain.problems import Refused
from sessions_app.services.ingest import ports
from sessions_app.services.ingest.ports import Arrival, BoundFrame
from sessions_app.transport.connection.connections import Connection
from sessions_app.transport.inbound.decoding import ack_arrival, decode_payload, read_arrival
from sessions_app.transport.inbound.heartbeats import Heartbeats
from sessions_app.transport.inbound.ingest import Ingest
from sessions_app.transport.inbound.rate_limits import GRANTED, Bucket, RateLimits
from sessions_app.transport.outbound.delivery import Delivery
from sessions_app.transport.outbound.shutdown import FetchingGoodbye

# What waits is everybody's memory: a peer that outruns the writer is sent away, and resumes.
MAX_IN_WORK: Final = 5000
NAMED_LINES: Final = 10
# A command may be reported as accepted, placed, filled in parts and filled.
REPORTS_PER_COMMAND: Final = 4
_log = structlog.get_logger(__name__)


class Dispatcher:
    """One link's incoming side, after its Hello."""

    def __init__(
        self,
        connection: Connection,
        *,
        bounds: RateLimits,
        delivery: Delivery,
        ingest: Ingest,
        heartbeats: Heartbeats,
    ) -> None:
        self._connection, self._delivery, self._ingest = connection, delivery, ingest
        self._bounds, self._heartbeats = bounds, heartbeats
        self._commands, self._pages = connection.outbox.sent, connection.inbox.asked_upto
        self._acked = 0  # what the frame in hand acknowledges and has not gone to the batch; 0 for nothing

    async def take(self, frame: str | bytes) -> None:
        """Take one frame. What is wrong with it is told and counted, never raised."""
        connection = self._connection
        if connection.lifecycle.closing:
            connection.lifecycle.ignore_frame()
            return
        try:
            envelope = read_envelope(frame)
        except Malformed as fault:
            self.count_malformed(fault)
            return
        if connection.lifecycle.leaving:
            self._take_after_notice(connection, envelope)
            return
        try:
            await self._serve(connection, envelope)
        except Refused as refusal:
            if connection.authenticated:
                self._delivery.refuse(connection, refusal, ref=envelope.id)
            # These say that the peer speaks another protocol. Other refusals happen to a sound EA, too.
            if refusal.code in ("unknown_type", "frame_unexpected"):
                self._spend()
        finally:
            self._put_ack()  # whatever has become of the frame that brought it

    def _take_after_notice(self, connection: Connection, envelope: Envelope) -> None:
        """The gateway has said goodbye: only the answer counts, or the EA's own goodbye that crossed it."""
        if envelope.type == ShutdownNotice.__name__:
            connection.lifecycle.hear_answer()
        else:
            connection.lifecycle.ignore_frame()

    async def _serve(self, connection: Connection, envelope: Envelope) -> None:
        frame = ports.bound().frames.get(envelope.type)
        if envelope.ack is not None and self._hear_ack(envelope.ack):
            self._acked = envelope.ack
            if frame is None or not frame.carries_acks:
                self._put_ack()
        if self._over_rate(connection, envelope, frame):
            return
        if frame is None:
            raise Refused("unknown_type", f"Unknown frame type {envelope.type!r}", path="$.type")
        if frame.type.taker is Taker.BATCH:
            self._hand_over(connection, envelope, frame)
        elif frame.type.taker is Taker.LINK:
            await LINK_HANDLERS[frame.type.handler](self, envelope.payload)
        else:
            raise Refused("frame_unexpected", path="$.type")

    # What the link takes itself ------------------------------------------------------------------------------------

    async def _greet(self, payload: msgspec.Raw) -> None:
        """A Hello opens a link: it is its first frame, and comes once."""
        raise Refused("already_authenticated")

    async def _acknowledge(self, payload: msgspec.Raw) -> None:
        self.take_ack(decode_payload(Ack, bytes(payload)).ack)

    async def _resend(self, payload: msgspec.Raw) -> None:
        asked = decode_payload(ResendRequest, bytes(payload))
        await self._delivery.resends.serve(self._connection, asked)

    async def _poll(self, payload: msgspec.Raw) -> None:
        poll = decode_payload(Poll, bytes(payload))
        if poll.ack is not None:
            self.take_ack(poll.ack)
        self._connection.poll(hold_seconds(self._connection, poll.hold_ms))

    # What goes to the batch ----------------------------------------------------------------------------------------

    def _hand_over(self, connection: Connection, envelope: Envelope, frame: BoundFrame) -> None:
        if frame.type.proves_life:
            connection.inbox.hear_heartbeat()
        arrived = read_arrival(envelope, frame, connection)
        if arrived.mended:
            self._warn_of_mending(connection, arrived)
        try:
            arrival = connection.inbox.chunks.take(arrived)
        except Refused as refusal:
            # Told to a pending session as well, as its next step: else it would wait for ever for the rest of its life.
            self._delivery.refuse(connection, refusal, ref=envelope.id)
            return
        if arrival is None:
            return  # a part of a frame: the whole goes on with its last one
        if frame.type.proves_life and connection.authenticated:
            # A pending session's goes to the batch: it may be promoted by it.
            self._heartbeats.hear(connection, arrival)
            return
        goodbye = arrival.payload
        if isinstance(goodbye, ShutdownNotice) and goodbye.last_seq > connection.inbox.stored:
            self._fetch_before_goodbye(connection, arrival, goodbye.last_seq)
            return
        self._put(connection, arrival)

    def _warn_of_mending(self, connection: Connection, arrival: Arrival) -> None:
        """Say once what cannot be read of such frames; a pending session is told nothing, so it hears of it later."""
        if not connection.authenticated:
            return
        by_path: dict[str, list[Note]] = defaultdict(list)
        for note in arrival.mended:
            by_path[note.path].append(note)
        for path, notes in by_path.items():
            named = [note.line for note in notes if note.line]
            more = f" and {len(named) - NAMED_LINES} more" if len(named) > NAMED_LINES else ""
            lines = ", ".join(named[:NAMED_LINES]) + more
            if not connection.inbox.hear_of(f"{arrival.kind} {path} {lines}"):
                continue
            message = f"{arrival.kind}: {notes[0].what}" + (f" ({lines})" if lines else "")
            _log.warning("frame.mended", session_id=str(connection.session_id), path=path, kind=arrival.kind)
            self._delivery.refuse(connection, Refused(notes[0].code, message, path=path), ref=arrival.frame_id)

    def _fetch_before_goodbye(self, connection: Connection, arrival: Arrival, last_seq: int) -> None:
        if connection.lifecycle.goodbye is not None:
            return
        goodbye = FetchingGoodbye(connection, last_seq, answer=lambda: self._put(connection, arrival))
        connection.lifecycle.begin_goodbye(goodbye)
        goodbye.look()

    def _put(self, connection: Connection, arrival: Arrival) -> None:
        if connection.inbox.put_to_work() > MAX_IN_WORK:
            self._delivery.refuse(connection, Refused("throttled", retry_after=1))
            connection.close(CloseCode.FLOOD)
            return
        if self._acked:
            arrival.ack, arrival.pushed = self._acked, connection.outbox.take_pushed(self._acked)
            self._acked = 0
        self._ingest.put(arrival)

    def take_ack(self, upto: int) -> None:
        """Commands up to a number are in the EA's ledger."""
        if self._hear_ack(upto):
            self._acked = upto
            self._put_ack()

    def _hear_ack(self, upto: int) -> bool:
        """Whether an acknowledgement is news for the batch: a late, lower one changes nothing.

        A pending session was sent no commands, so it has none to acknowledge.
        """
        connection = self._connection
        if not connection.authenticated:
            return False
        # Believed, it would make commands count as received that no EA has seen.
        if upto > max(connection.outbox.sent, connection.standing.top_seq):
            self._delivery.refuse(connection, Refused("invalid", f"Nothing above {connection.outbox.sent} was sent"))
            self._spend()
            return False
        if not connection.outbox.acknowledge(upto):
            return False
        if connection.outbox.behind:
            self._delivery.logs.pump(connection)
        return True

    def _put_ack(self) -> None:
        """What is acknowledged goes to the batch by itself, if no frame has taken it along."""
        if self._acked:
            self._connection.inbox.put_to_work()
            self._ingest.put(ack_arrival(self._connection, self._acked))
            self._acked = 0

    # Bounds --------------------------------------------------------------------------------------------------------

    def _over_rate(self, connection: Connection, envelope: Envelope, frame: BoundFrame | None) -> bool:
        """Whether a frame is over its bound: it is refused for now, what follows it waits until it comes again.

        Who goes on and on is closed: he comes back later, and resumes.
        """
        if self._bucket(connection, frame).take():
            return False
        connection.inbox.wait_for_gaps(1)
        self._delivery.refuse(connection, Refused("throttled", retry_after=1), ref=envelope.id)
        if not self._bounds.flood.take():
            _log.warning("socket.flood", session_id=str(connection.session_id))
            connection.close(CloseCode.FLOOD)
        return True

    def _bucket(self, connection: Connection, frame: BoundFrame | None) -> Bucket:
        if not connection.authenticated:
            return self._bounds.pending
        traffic = frame.type.traffic if frame is not None else Traffic.GENERAL
        if traffic in GRANTED:
            self._grant()
        return self._bounds.of(traffic)

    def _grant(self) -> None:
        """More reports and acknowledgements, for what has given cause: commands sent, and pages asked for."""
        commands = max(self._commands, self._connection.outbox.sent)
        pages = max(self._pages, self._connection.inbox.asked_upto)
        self._bounds.acks.grant(commands - self._commands)
        self._bounds.reports.grant(REPORTS_PER_COMMAND * (commands - self._commands) + pages - self._pages)
        self._commands, self._pages = commands, pages

    def count_malformed(self, fault: Malformed) -> None:
        """What came is no frame of this protocol: told, and closed when it comes too often."""
        connection = self._connection
        if connection.lifecycle.ending:
            return
        self._delivery.refuse(connection, Refused(fault.code, fault.message, path=fault.path))
        if fault.code == "version_unsupported":
            connection.close(CloseCode.VERSION_UNSUPPORTED)
        else:
            self._spend()

    def _spend(self) -> None:
        if not self._bounds.malformed.take():
            self._delivery.close_for_protocol_error(self._connection, "too many malformed frames")


# By the handler's name in the row of its frame type.
LINK_HANDLERS: Final[Mapping[str, Callable[[Dispatcher, msgspec.Raw], Awaitable[None]]]] = {
    "greet": Dispatcher._greet,
    "acknowledge": Dispatcher._acknowledge,
    "resend": Dispatcher._resend,
    "poll": Dispatcher._poll,
}


def hold_seconds(connection: Connection, hold_ms: int) -> float:
    """How long an answer may be held: as wished, at most half a heartbeat interval."""
    return min(hold_ms / 1000, connection.standing.interval / 2)
