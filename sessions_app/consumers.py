"""The event socket: accept, hear Hello, then hand every frame to the link's door.

One plain receive loop per socket (Channels' generic consumer makes new tasks for every message).
"""

import asyncio
import contextlib
from datetime import UTC, datetime
from typing import Any

import structlog
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.db import DatabaseError

from sessions_app.domain.frames.envelope import SUBPROTOCOL, Malformed, read_envelope, write_frame
from sessions_app.domain.frames.payloads import ErrorAlert, Hello
from sessions_app.domain.lifecycle import CloseCode
from sessions_app.domain.problems import Refused, close_words
from sessions_app.models.fields import new_id
from sessions_app.rest.parsing import names_token
from sessions_app.services.lifecycle import resuming
from sessions_app.transport.connection.sockets import SocketConnection
from sessions_app.transport.inbound.decoding import decode_payload
from sessions_app.transport.inbound.dispatcher import Dispatcher
from sessions_app.transport.runtime import Runtime

_log = structlog.get_logger(__name__)


class Disconnected(Exception):
    """The peer has gone."""


class StreamConsumer(AsyncWebsocketConsumer):
    """One EA's socket, from Hello to close."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self._scope, self._hear, self._say = scope, receive, send
        await receive()  # websocket.connect
        if not self._origin_allowed() or names_token(scope.get("query_string", b"").decode("latin-1")):
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
        """Say why in a frame (a close reason does not always arrive), then close."""
        alert = refusal.alert()
        sent_at = datetime.now(UTC)
        frame = write_frame(kind=ErrorAlert.__name__, frame_id=new_id(), payload=alert, sent_at=sent_at)
        await self._say({"type": "websocket.send", "text": frame.decode()})
        code = refusal.problem.close_code or CloseCode.TOKEN_INVALID
        await self._say({"type": "websocket.close", "code": code, "reason": close_words(code)})

    async def _talk(self) -> None:
        greeted = await self._greet()
        if greeted is None:
            return
        connection, door = greeted
        connection.carry(self._say)
        try:
            await self._listen(door)
        finally:
            Runtime.current().registry.remove(connection)
            connection.drop()

    # Hello ---------------------------------------------------------------------------------------------------------

    async def _greet(self) -> tuple[SocketConnection, Dispatcher] | None:
        """The first frame: a valid Hello within its time, or the socket is closed."""
        try:
            text = await asyncio.wait_for(self._next_text(), settings.GATEWAY["hello_timeout"])
            envelope = read_envelope(text)
            if envelope.type != "Hello":
                raise Refused("token_invalid", "The first frame is Hello")
            if Runtime.current().draining:
                raise Refused("service_restart")
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

    async def _resume(self, hello: Hello) -> resuming.Resumed:
        token = self._header_token() or hello.token
        if not token:
            raise Refused("token_invalid", "No token: send it in `Authorization: Bearer`, or as `token` of Hello")
        Runtime.current().count_hello(token)
        return await Runtime.current().resumes.resume(token=token, hello=hello)

    def _header_token(self) -> str | None:
        header = dict(self._scope["headers"]).get(b"authorization", b"").decode("latin-1")
        scheme, _, token = header.partition(" ")
        return token.strip() if scheme.lower() == "bearer" and token else None

    def _connect(self, resumed: resuming.Resumed) -> tuple[SocketConnection, Dispatcher]:
        connection = SocketConnection(standing=resumed.standing, resume_from=resumed.resume_from)
        return connection, Runtime.current().attach(connection, recovered=resumed.recovered)

    # Every frame after it ------------------------------------------------------------------------------------------

    async def _listen(self, door: Dispatcher) -> None:
        while True:
            try:
                text = await self._next_text()
            except Malformed as fault:
                door.count_malformed(fault)
            else:
                await door.take(text)

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
