"""The envelope around every payload: reading the server's frames, writing ours."""

import re
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import msgspec

from eagateway_sdk.frames import FRAME_TYPES, Frame

PROTOCOL_VERSION: Final = 1
SUBPROTOCOL: Final = "ea-gateway.v1"
MAX_FRAME_BYTES: Final = 16 * 1024


class Garbage(ValueError):
    """The message is no frame of this protocol."""


class UnknownType(Garbage):
    """A frame of a type that this library does not know."""


class FrameTooBig(ValueError):
    """A frame of ours would be longer than the protocol allows."""


class Envelope(msgspec.Struct, kw_only=True, frozen=True):
    """One frame, its payload still encoded."""

    v: int
    type: str
    id: UUID
    payload: msgspec.Raw = msgspec.Raw(b"{}")
    seq: int | None = None
    ack: int | None = None
    sent_at: str | None = None
    resent: bool = False


_ENVELOPE: Final = msgspec.json.Decoder(Envelope)
_PAYLOADS: Final = {kind.__name__: msgspec.json.Decoder(kind) for kind in FRAME_TYPES}
_ENCODER: Final = msgspec.json.Encoder()


def read_envelope(message: str | bytes) -> Envelope:
    """:raises Garbage: not JSON, not an envelope, or another version of the protocol"""
    try:
        envelope = _ENVELOPE.decode(message)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Garbage(str(error)) from error
    if envelope.v != PROTOCOL_VERSION:
        raise Garbage("another version of the protocol")
    return envelope


def read_payload(envelope: Envelope) -> Frame:
    """The typed payload; unknown fields are ignored.

    :raises UnknownType: a type that is not in this version's schema
    :raises Garbage: the payload breaks the schema
    """
    decoder = _PAYLOADS.get(envelope.type)
    if decoder is None:
        raise UnknownType(envelope.type)
    try:
        return decoder.decode(envelope.payload)
    except (msgspec.DecodeError, ArithmeticError, RecursionError) as error:
        raise Garbage(str(error)) from error


def payload_json(payload: Frame) -> bytes:
    """The payload as it stands on the wire: defaults omitted, decimals without exponent, U+FFFD for half a character.

    :raises ValueError: a decimal is not finite
    """
    try:
        encoded = _ENCODER.encode(payload)
    except UnicodeEncodeError:  # a terminal has cut a text in the middle of a character: no reason to keep a close back
        return _ENCODER.encode(_plain(msgspec.to_builtins(payload, builtin_types=(Decimal, UUID))))
    if b"E+" in encoded or b"E-" in encoded or b"Infinity" in encoded or b"NaN" in encoded:
        content = msgspec.to_builtins(payload, builtin_types=(Decimal, UUID))
        encoded = _ENCODER.encode(_plain(content))
    return encoded


_HALF: Final = re.compile("[\\ud800-\\udfff]")


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError("a lot, price or amount must be a finite number")
        return format(value, "f")
    if isinstance(value, str):
        return _HALF.sub("\ufffd", value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def with_age(payload: bytes, age_ms: int) -> bytes:
    """An encoded object without `age_ms`, with that field added."""
    separator = b"" if payload == b"{}" else b","
    return b"%b%b%b%d}" % (payload[:-1], separator, b'"age_ms":', age_ms)


def write_frame(
    *, kind: str, frame_id: str, payload: bytes, sent_at: str,
    seq: int | None = None, ack: int | None = None, resent: bool = False,
) -> bytes:  # fmt: skip
    """One frame from its encoded payload.

    :raises FrameTooBig: more than 16 KiB
    """
    head = f'{{"v":{PROTOCOL_VERSION},"type":"{kind}","id":"{frame_id}"'
    head += f',"seq":{seq}' if seq is not None else ""
    head += f',"ack":{ack}' if ack is not None else ""
    head += ',"resent":true' if resent else ""
    frame = b'%b,"sent_at":"%b","payload":%b}' % (head.encode(), sent_at.encode(), payload)
    if len(frame) > MAX_FRAME_BYTES:
        raise FrameTooBig(f"{kind} of {len(frame)} bytes; a frame has at most {MAX_FRAME_BYTES}")
    return frame
