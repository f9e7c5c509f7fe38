"""From an envelope to an arrival: the payload's decoder by type, and whether this sender may send it at all."""

import hashlib
import time
from functools import cache
from typing import Any, TypeVar, cast

import msgspec

from sessions_app.domain.decimals import decode_hook
from sessions_app.domain.frames.envelope import Envelope, digest
from sessions_app.domain.frames.faults import rule_and_path
from sessions_app.domain.frames.mending import Note, mend
from sessions_app.domain.frames.payloads import Payload
from sessions_app.domain.frames.unknown_fields import slips, strict
from sessions_app.domain.problems import Refused
from sessions_app.services.ingest import acknowledgements
from sessions_app.services.ingest.ports import Arrival, BoundFrame
from sessions_app.transport.connection.connections import Connection

P = TypeVar("P", bound=Payload)


@cache
def _decoder(payload: type[Payload]) -> "msgspec.json.Decoder[Any]":
    return msgspec.json.Decoder(payload, dec_hook=decode_hook)


@cache
def _strict_decoder(payload: type[Payload]) -> "msgspec.json.Decoder[Any]":
    return msgspec.json.Decoder(strict(payload), dec_hook=decode_hook)


def decode_payload(kind: type[P], raw: bytes) -> P:
    """Decode one payload.

    :raises Refused: `invalid`, with the path of the field and the rule it breaks
    """
    try:
        return cast(P, _strict_decoder(kind).decode(raw))
    except (msgspec.ValidationError, UnicodeDecodeError):
        pass  # something is wrong, or it has a name that is ignored
    try:
        payload: P = _decoder(kind).decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message, path = rule_and_path(kind, error)
        raise Refused("invalid", message, path=path) from error
    return payload


def read_arrival(envelope: Envelope, frame: BoundFrame, connection: Connection) -> Arrival:
    """One frame on its way to the batch. An invalid durable frame with a readable number travels too: it consumes it.

    :raises Refused: `seq_missing`, or `invalid` for a frame without a number
    """
    durable = frame.type.durable
    if durable and envelope.seq is None:
        raise Refused("seq_missing", path="$.seq")
    raw = bytes(envelope.payload)
    payload, refusal, mended = _read(frame, raw)
    if refusal is not None and not durable:
        raise refusal
    standing = connection.standing
    return Arrival(
        session_id=standing.session_id,
        account_pk=standing.account_pk,
        fence=standing.fence,
        kind=envelope.type,
        frame_id=envelope.id,
        seq=envelope.seq if durable else None,
        payload=payload,
        refusal=refusal,
        digest=_digest(envelope.type, raw) if durable else b"",  # what has no number is compared with nothing
        # Seconds, not a moment: the batch counts them back from the database's clock, the one clock of all processes.
        heard=time.monotonic(),
        source=connection,
        mended=mended,
        # Nobody waits for what a pending session sends.
        urgent=frame.type.urgent and standing.fence > 0,
    )


def _read(frame: BoundFrame, raw: bytes) -> tuple[Payload | None, Refused | None, tuple[Note, ...]]:
    """Read strictly; what is refused once more, without what the frame can do without. And what looks like a slip."""
    payload, refusal = _checked(frame, raw)
    if refusal is None and type(payload) is not frame.type.payload:
        return payload, None, ()  # every name is known: see `strict`
    odd = slips(frame.type.payload, raw)
    if refusal is None or frame.type.mending is None:
        return payload, refusal, odd
    fault = frame.handler.fault if frame.handler is not None else None
    mended = mend(frame.type.payload, raw, frame.type.mending, fault=fault)
    if mended is None:
        return None, refusal, odd
    # Nothing of it was changed: the rule that it breaks is one that it can do without.
    notes = mended.notes or (Note(refusal.path or "$", refusal.message),)
    return mended.payload, None, (*notes, *odd)


def _checked(frame: BoundFrame, raw: bytes) -> tuple[Payload | None, Refused | None]:
    try:
        payload = decode_payload(frame.type.payload, raw)
    except Refused as refusal:
        return None, refusal
    handler = frame.handler
    fault = handler.fault(payload) if handler is not None and handler.fault else None
    if fault is not None:
        path, rule = fault
        return None, Refused("invalid", rule, path=path)
    return payload, None


def _digest(kind: str, raw: bytes) -> bytes:
    try:
        return digest(kind, raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, AttributeError):
        return hashlib.sha256(kind.encode() + b"\n" + raw).digest()  # no canonical form: its bytes are its identity


def ack_arrival(connection: Connection, upto: int) -> Arrival:
    """An acknowledgement, whatever carried it, with the push telemetry of the commands it covers."""
    pushed = connection.outbox.take_pushed(upto)
    return acknowledgements.arrival_of(connection.standing, upto, pushed, time.monotonic(), source=connection)
