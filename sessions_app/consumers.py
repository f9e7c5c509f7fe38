"""The event socket's door: authenticate, parse, look up the handler, hand over to the batch, answer.

One plain receive loop per socket (Channels' generic consumer makes new tasks for every message). No ORM and no rule
lives here: what changes rows goes to the ingest batch, what is sent comes from delivery.
"""

import asyncio
import contextlib
import time
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.db import DatabaseError

from sessions_app.domain.envelope import SUBPROTOCOL, Envelope, Malformed, read_envelope, write_frame
from sessions_app.domain.frames import Ack, ErrorAlert, Hello, ResendRequest
from sessions_app.domain.lifecycle import LIVING, CloseCode, Reason, close_code
from sessions_app.domain.problems import Refused
from sessions_app.models.fields import new_id
from sessions_app.services import sessions
from sessions_app.transport.bounds import Bucket, Budget
from sessions_app.transport.connections import Connection
from sessions_app.transport.reading import ack_arrival, decode_payload, read_arrival
from sessions_app.transport.runtime import Runtime

MALFORMED_BUDGET: Final = 5
MAX_IN_WORK: Final = 5000
UNMETERED: Final = frozenset({"ExecutionReport", "Ack"})
_SERVER_ONLY: Final = frozenset({"SessionState", "TestRequest", "InitAck", "HeartbeatAck", "OrderCommand"})
_log = structlog.get_logger(__name__)


class Disconnected(Exception):
    """The peer has gone."""


class StreamConsumer(AsyncWebsocketConsumer):
    """One EA's socket, from Hello to close."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self._scope, self._hear, self._say = scope, receive, send
        await receive()  # websocket.connect
        if not self._origin_allowed() or "token=" in scope.get("query_string", b"").decode("latin-1"):
            await send({"type": "websocket.close", "code": 4403})
            return
        offered = scope.get("subprotocols") or []
        await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL if SUBPROTOCOL in offered else None})
        if offered and SUBPROTOCOL not in offered:
            await self._turn_away(Refused("version_unsupported", f"Supported subprotocol: {SUBPROTOCOL}"))
            return
        with contextlib.suppress(Disconnected):
            await self._talk()

    def _origin_allowed(self) -> bool:
        origin = dict(self._scope["headers"]).get(b"origin")
        return origin is None or origin.decode("latin-1") in settings.ALLOWED_SOCKET_ORIGINS

    async def _turn_away(self, refusal: Refused) -> None:
        """Say why in a frame (a close reason never arrives), then close."""
        alert = refusal.alert()
        sent_at = datetime.now(UTC)
        frame = write_frame(kind=ErrorAlert.__name__, frame_id=new_id(), payload=alert, sent_at=sent_at)
        await self._say({"type": "websocket.send", "text": frame.decode()})
        await self._say({"type": "websocket.close", "code": refusal.problem.close_code or CloseCode.TOKEN_INVALID})

    async def _talk(self) -> None:
        connection = await self._greet()
        if connection is None:
            return
        writer = asyncio.get_running_loop().create_task(connection.write_forever())
        try:
            await self._listen(connection)
        finally:
            self.runtime.registry.remove(connection)
            connection.closing = True
            connection.closed.set()
            writer.cancel()

    # Hello ---------------------------------------------------------------------------------------------------------

    async def _greet(self) -> Connection | None:
        """The first frame: a valid Hello within its time, or the socket is closed."""
        try:
            text = await asyncio.wait_for(self._next_text(), settings.GATEWAY["hello_timeout"])
            envelope = read_envelope(text)
            if envelope.type != "Hello":
                raise Refused("token_invalid", "The first frame is Hello")
            hello = decode_payload(Hello, bytes(envelope.payload))
            resumed = await self._resume(hello)
        except TimeoutError:
            await self._turn_away(Refused("token_invalid", "No Hello came in time"))
        except Malformed as fault:
            await self._turn_away(Refused(fault.code, fault.message, path=fault.path))
        except Refused as refusal:
            await self._turn_away(refusal)
        except DatabaseError:
            _log.warning("socket.database_away")
            await self._turn_away(Refused("try_later", retry_after=1))
        else:
            return self._connect(resumed)
        return None

    async def _resume(self, hello: Hello) -> sessions.Resumed:
        token = self._header_token() or hello.token
        if not token:
            raise Refused("token_invalid")
        resume = database_sync_to_async(sessions.resume, thread_sensitive=False)
        resumed: sessions.Resumed = await resume(token=token, hello=hello)
        return resumed

    def _header_token(self) -> str | None:
        header = dict(self._scope["headers"]).get(b"authorization", b"").decode("latin-1")
        scheme, _, token = header.partition(" ")
        return token.strip() if scheme.lower() == "bearer" and token else None

    def _connect(self, resumed: sessions.Resumed) -> Connection:
        standing = resumed.standing
        connection = Connection(send=self._say, standing=standing, resume_from=resumed.resume_from)
        self.runtime = Runtime.current()
        self.general = Bucket(settings.GATEWAY["frame_rate"], settings.GATEWAY["frame_burst"])
        self.intents = Bucket(standing.intent_rate, max(standing.intent_rate, settings.GATEWAY["frame_burst"]))
        self.pending = Bucket(settings.GATEWAY["pending_rate_per_minute"] / 60, settings.GATEWAY["pending_frames"])
        self.malformed = Budget(MALFORMED_BUDGET)
        if standing.state in LIVING:
            former = self.runtime.registry.add(connection)
            if former is not None:
                self.runtime.delivery.supersede(former)
        self.runtime.delivery.post_state(connection, recovered=resumed.recovered)
        if standing.state not in LIVING:
            connection.close(close_code(Reason(standing.close_reason)))
        self.runtime.delivery.pump(connection)
        return connection

    # Every frame after it ------------------------------------------------------------------------------------------

    async def _listen(self, connection: Connection) -> None:
        while True:
            try:
                envelope = read_envelope(await self._next_text())
                if connection.closing or connection.leaving:
                    continue  # frames after the closing notice are ignored
                await self._serve(connection, envelope)
            except Malformed as fault:
                self._count_malformed(connection, fault)
            except Refused as refusal:
                if connection.authenticated:
                    self.runtime.delivery.refuse(connection, refusal)
                if refusal.code in ("unknown_type", "frame_unexpected"):
                    self._spend(connection)

    async def _next_text(self) -> str:
        """The next message.

        :raises Disconnected: there is none
        :raises Malformed: it is binary
        """
        message = await self._hear()
        if message["type"] == "websocket.disconnect":
            raise Disconnected
        text: str | None = message.get("text")
        if text is None:
            raise Malformed("malformed", "A frame is text, not binary")
        return text

    async def _serve(self, connection: Connection, envelope: Envelope) -> None:
        if envelope.ack is not None:
            self._take_ack(connection, envelope, envelope.ack)
        if envelope.type == "Hello":
            raise Refused("already_authenticated")
        if envelope.type in _SERVER_ONLY:
            raise Refused("frame_unexpected", path="$.type")
        if envelope.type == "Ack":
            self._take_ack(connection, envelope, decode_payload(Ack, bytes(envelope.payload)).ack)
            return
        if self._over_rate(connection, envelope):
            return
        if envelope.type == "ResendRequest":
            asked = decode_payload(ResendRequest, bytes(envelope.payload))
            await self.runtime.delivery.resend(connection, asked)
            return
        if envelope.type == "StatusHeartbeat":
            connection.beaten = time.monotonic()
        self._hand_over(connection, envelope)

    def _hand_over(self, connection: Connection, envelope: Envelope) -> None:
        arrival = read_arrival(envelope, connection)
        connection.in_work += 1
        if connection.in_work > MAX_IN_WORK:
            self.runtime.delivery.refuse(connection, Refused("throttled", retry_after=1))
            connection.close(CloseCode.FLOOD)
            return
        self.runtime.ingest.put(arrival)

    def _take_ack(self, connection: Connection, envelope: Envelope, upto: int) -> None:
        """Commands up to a number are in the EA's ledger; a late, lower acknowledgement changes nothing.

        A pending session was sent no commands, so it has none to acknowledge.
        """
        if not connection.authenticated:
            return
        if upto > max(connection.sent, connection.standing.top_seq):
            self.runtime.delivery.refuse(connection, Refused("invalid", f"Nothing above {connection.sent} was sent"))
            self._spend(connection)
            return
        if upto <= connection.acked:
            return
        connection.acked = upto
        arrival = ack_arrival(envelope, connection, upto)
        connection.in_work += 1
        self.runtime.ingest.put(arrival)
        if connection.behind:
            self.runtime.delivery.pump(connection)

    def _over_rate(self, connection: Connection, envelope: Envelope) -> bool:
        """Whether a frame is over its bound: it is refused for now, what follows it waits until it comes again."""
        if envelope.type in UNMETERED:
            return False
        if not connection.authenticated:
            bucket = self.pending
        else:
            bucket = self.intents if envelope.type == "OrderIntent" else self.general
        if bucket.take():
            return False
        connection.gaps_held_until = time.monotonic() + 1
        self.runtime.delivery.refuse(connection, Refused("throttled", retry_after=1), ref=envelope.id)
        return True

    def _count_malformed(self, connection: Connection, fault: Malformed) -> None:
        if connection.closing or connection.leaving:
            return
        code = CloseCode.VERSION_UNSUPPORTED if fault.code == "version_unsupported" else CloseCode.PROTOCOL_ERROR
        self.runtime.delivery.refuse(connection, Refused(fault.code, fault.message, path=fault.path))
        if code == CloseCode.VERSION_UNSUPPORTED:
            connection.close(code)
        else:
            self._spend(connection)

    def _spend(self, connection: Connection) -> None:
        if not self.malformed.spend():
            self.runtime.delivery.close_for_protocol_error(connection, "too many malformed frames")
