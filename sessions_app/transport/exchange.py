"""One call of an exchange: the same frames and rules as on a socket, carried by request and answer.

The link stands between its calls, in the process that answers them; nothing depends on it. A call that reaches another
process resumes there, as a socket would. No thread is held while an answer waits.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from channels.db import database_sync_to_async

from sessions_app import queries
from sessions_app.domain.frames.envelope import Envelope, Malformed, read_envelope
from sessions_app.domain.frames.payloads import Hello
from sessions_app.domain.keys import token_digest
from sessions_app.domain.lifecycle import CLOSE_PROBLEMS
from sessions_app.domain.problems import Refused
from sessions_app.queries import Standing
from sessions_app.services.lifecycle import resuming
from sessions_app.transport.connection.exchanges import ExchangeConnection
from sessions_app.transport.inbound.decoding import decode_payload
from sessions_app.transport.inbound.dispatcher import Dispatcher, hold_seconds
from sessions_app.transport.runtime import Runtime

PATIENCE_SECONDS: Final = 10.0
RETRY_SECONDS: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What a terminal brings. `confirmed`: the highest command number that it has without a gap. `max_bytes`: of the
    frames of the answer."""

    token: str
    session_id: UUID
    frames: Sequence[bytes]
    confirmed: int | None
    hold_ms: int
    max_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What it gets: encoded frames, the top of its own committed ones, and why the link ends, if it does.

    `stored` is None where there was no link that could say.
    """

    frames: Sequence[bytes]
    stored: int | None
    end: Refused | None = None


async def answer(call: Call) -> Answer:
    """Take the frames of one call and wait for what there is to tell.

    :raises Refused: `token_invalid`, `not_found`, `service_restart`, or the Hello's own faults
    """
    runtime, began = Runtime.current(), time.monotonic()
    if runtime.draining:
        raise Refused("service_restart")
    # `thread_sensitive=False`: else all reads of this process would queue for one thread.
    read = database_sync_to_async(queries.standing_by_token, thread_sensitive=False)
    standing: Standing | None = await read(token_digest(call.token))
    if standing is None:
        raise Refused("token_invalid")
    # Answered as if there were none: a token is not to find out which other sessions there are.
    if standing.session_id != call.session_id:
        raise Refused("not_found")
    # From here on: who knows no token keeps nobody's session alive.
    with runtime.calls.serving(call.session_id, since=began):
        connection, door, frames = await _link(runtime, call, standing)
        ticket = connection.begin_call()
        for frame in frames:
            await door.take(frame)
    hold = hold_seconds(connection, call.hold_ms)
    return await _wait(runtime, connection, ticket, since=began, hold=hold, max_bytes=call.max_bytes)


async def _link(
    runtime: Runtime, call: Call, standing: Standing
) -> tuple[ExchangeConnection, Dispatcher, Sequence[bytes]]:
    """The link that stands, or a new one: for a Hello, and where there is none (any more)."""
    first = _peek(call.frames)
    hello = decode_payload(Hello, bytes(first.payload)) if first is not None and first.type == "Hello" else None
    former = runtime.registry.of_session(call.session_id)
    if hello is None and isinstance(former, ExchangeConnection) and not former.lifecycle.closing:
        await runtime.delivery.update(former, standing)
        _confirm(runtime, former, call.confirmed)
        return former, runtime.door_of(former), call.frames
    if hello is not None:
        runtime.count_hello(call.token)
    resume = database_sync_to_async(resuming.resume, thread_sensitive=False)
    resumed: resuming.Resumed = await resume(token=call.token, hello=hello, confirmed=call.confirmed)
    connection = ExchangeConnection(standing=resumed.standing, resume_from=resumed.resume_from)
    door = runtime.attach(connection, recovered=resumed.recovered)
    return connection, door, call.frames if hello is None else call.frames[1:]


def _confirm(runtime: Runtime, connection: ExchangeConnection, confirmed: int | None) -> None:
    """What the terminal has is acknowledged; what it lacks of former answers is sent again."""
    if confirmed is not None:
        runtime.door_of(connection).take_ack(confirmed)
    if connection.rewind(connection.outbox.acked):
        runtime.delivery.logs.pump(connection)


def _peek(frames: Sequence[bytes]) -> Envelope | None:
    try:
        return read_envelope(frames[0]) if frames else None
    except Malformed:
        return None  # the door names what is wrong


async def _wait(
    runtime: Runtime,
    connection: ExchangeConnection,
    ticket: object,
    *,
    since: float,
    hold: float,
    max_bytes: int | None,
) -> Answer:
    """Until the call's frames are committed and there is something to tell, or the hold is over. `since`: the call came
    then; what it waited for us before counts too."""
    began = time.monotonic()
    end = None
    while connection.in_flight(ticket) and not connection.lifecycle.closing:
        waited = time.monotonic() - began
        if connection.at_rest and (connection.has_news or waited >= hold):
            break
        if waited >= PATIENCE_SECONDS:
            end = Refused("try_later", retry_after=RETRY_SECONDS)
            break
        try:
            if connection.at_rest:
                await connection.woken(max(0.0, hold - waited))
            else:
                with runtime.calls.serving(connection.session_id, since=since):
                    await connection.woken(max(0.0, PATIENCE_SECONDS - waited))
        except asyncio.CancelledError:  # who asked has gone
            connection.end_call(ticket)
            raise
    if not connection.in_flight(ticket):
        return Answer((), connection.inbox.stored, Refused("superseded"))
    connection.end_call(ticket)
    return Answer(connection.collect(max_bytes), connection.inbox.stored, _end(connection) or end)


def _end(connection: ExchangeConnection) -> Refused | None:
    """What a socket would be told by its close code."""
    code = connection.lifecycle.close_code
    if code is None:
        return None
    return Refused(CLOSE_PROBLEMS[code], retry_after=connection.lifecycle.retry_after)
