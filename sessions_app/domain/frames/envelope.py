"""The wire envelope around every payload, and what makes a frame the same frame."""

import hashlib
import json
import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from msgspec import Meta

from sessions_app.domain.decimals import to_json
from sessions_app.domain.frames.faults import no_json, split_path
from sessions_app.domain.frames.log import LogFrame
from sessions_app.domain.frames.payloads import Count, Payload, Seq

PROTOCOL_VERSION: Final = 1
SUBPROTOCOL: Final = "ea-gateway.v1"
MAX_FRAME_BYTES: Final = 16 * 1024
_TRANSMISSION_FIELDS: Final = ("age_ms",)  # says when a fact was sent, not what it is: new at every resend


class Malformed(Exception):
    """The text is not a frame: which rule it breaks, and where."""

    def __init__(self, code: str, message: str, path: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.path = code, message, path


class FrameTooLong(Exception):
    """A frame of the server outgrew the limit: whoever made it must cut it. It is never sent."""


class Envelope(msgspec.Struct, kw_only=True, frozen=True):
    """One frame, its payload still encoded: the handler knows its shape."""

    v: int
    type: Annotated[str, Meta(min_length=1, max_length=64)]
    id: UUID
    payload: msgspec.Raw = msgspec.Raw(b"{}")  # its number is read, and refused, even where nothing else is there
    seq: Seq | None = None
    ack: Count | None = None
    sent_at: Annotated[str, Meta(max_length=40)] | None = None
    resent: bool = False


_DECODER: Final = msgspec.json.Decoder(Envelope)


def read_envelope(frame: str | bytes) -> Envelope:
    """Parse the envelope of one frame.

    :raises Malformed: `frame_too_big`, `malformed` or `version_unsupported`, with the path of the fault
    """
    # Half a character must come as far as the decoder, which says where it stands.
    encoded = frame.encode("utf-8", "surrogatepass") if isinstance(frame, str) else frame
    # Before it is parsed: that costs time by the length, whoever has sent it.
    if len(encoded) > MAX_FRAME_BYTES:
        raise Malformed("frame_too_big", f"A frame has at most {MAX_FRAME_BYTES} bytes, this one {len(encoded)}")
    try:
        envelope = _DECODER.decode(encoded)
        encoded.decode()  # what the decoder skips it does not look into
    # Thousands of brackets are a small frame: what nests too deep is malformed, and no fault of ours.
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message, path = _fault(encoded, error)
        encoded = legible(encoded)
        mended = _numbered(encoded)
        if mended is None:
            raise Malformed("malformed", message, path) from error
        envelope = mended
    if repeats_a_name(encoded):
        raise Malformed("malformed", "A name stands twice in one object")
    if envelope.v != PROTOCOL_VERSION:
        raise Malformed("version_unsupported", f"Protocol version {envelope.v} is not spoken here; supported: 1", "$.v")
    return envelope


def _fault(encoded: bytes, error: Exception) -> tuple[str, str | None]:
    """A member of the envelope that is wrong, or the place where the text is no JSON."""
    if isinstance(error, msgspec.ValidationError):
        return split_path(str(error))
    return no_json(encoded, error), None


def legible(encoded: bytes) -> bytes:
    """The same JSON with U+FFFD for half of a character, and a blank for a bare control character.

    Terminals cut comments between the halves of a character. A numbered frame that nobody can read is never
    acknowledged: it would come again for ever, with everything behind it.
    """
    text = _CONTROL.sub(b" ", encoded.decode("utf-8", "replace").encode())
    return _ESCAPED.sub(lambda found: b"\\ufffd" if len(found[0]) == _ONE_ESCAPE else found[0], text)


def is_unnumbered_scrap(frame: bytes) -> bool:
    """Whether a frame of a mended text holds a replaced character and has no number: refused, it comes no more."""
    return (_NO_CHARACTER.search(frame) is not None) and _numbered(frame) is None


def _numbered(encoded: bytes) -> Envelope | None:
    """The envelope, if there is one and it has a number."""
    try:
        envelope = _DECODER.decode(encoded)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return None if envelope.seq is None else envelope


_CONTROL: Final = re.compile(rb"[\x00-\x1f]")
# A pair of surrogates, one alone, or any other escape: read from the left, so that an escaped backslash is none.
_ESCAPED: Final = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[dD][89a-fA-F][0-9a-fA-F]{2}|.)", re.DOTALL
)
_ONE_ESCAPE: Final = len(rb"\ud83d")
_NO_CHARACTER: Final = re.compile(rb"\\ufffd|\xef\xbf\xbd")


def repeats_a_name(encoded: bytes) -> bool:
    """Whether an object of this text, which is JSON, has one name twice: parsers differ in which one they take.

    Without a backslash each quotation mark begins or ends a text, and the text written anew has as many of them, unless
    a name was dropped. Other texts are read name by name, which costs more.
    """
    try:
        if b"\\" not in encoded:
            return encoded.count(b'"') != _encode(_decode(encoded)).count(b'"')
        # Numbers stay texts: to read a long one takes time by the square of its digits.
        json.loads(encoded, object_pairs_hook=_names_once, parse_int=str, parse_float=str)
    except _RepeatedName:
        return True
    except (ValueError, RecursionError):
        return False  # whoever decodes the payload names what is wrong with it
    return False


_decode: Final = msgspec.json.Decoder().decode
_encode: Final = msgspec.json.Encoder().encode


class _RepeatedName(Exception):
    """A name stands twice."""


def _names_once(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) != len(pairs):
        raise _RepeatedName


def digest(kind: str, payload: bytes) -> bytes:
    """SHA-256 over type and payload in canonical form: the identity of a frame besides its id."""
    content: Any = msgspec.json.decode(payload)
    if isinstance(content, dict):
        for name in _TRANSMISSION_FIELDS:
            content.pop(name, None)
    # Sorted: an EA that was restarted may write the fields of the same fact in another order.
    return hashlib.sha256(kind.encode() + b"\n" + msgspec.json.encode(content, order="sorted")).digest()


def write_frame(
    *,
    kind: str,
    frame_id: UUID,
    payload: Payload | msgspec.Raw,
    sent_at: datetime,
    seq: int | None = None,
    ack: int | None = None,
    resent: bool = False,
) -> bytes:
    """Encode one frame of the server.

    :raises FrameTooLong: it has more than MAX_FRAME_BYTES: no client has to take it, and some servers drop it silently
    """
    text = bytes(payload) if isinstance(payload, msgspec.Raw) else to_json(payload)
    return _put_together(kind, frame_id, _numbers(seq, ack, resent), sent_at, text)


def write_log_frame(frame: LogFrame, *, sent_at: datetime, ack: int | None = None, resent: bool = False) -> bytes:
    """One numbered frame as it is sent. Put together, not encoded: its payload is text since it was stored.

    :raises FrameTooLong: as above
    """
    return _put_together(frame.kind, frame.frame_id, _numbers(frame.seq, ack, resent), sent_at, frame.payload)


def _numbers(seq: int | None, ack: int | None, resent: bool) -> str:
    number = "" if seq is None else f',"seq":{seq}'
    stored = "" if ack is None else f',"ack":{ack}'
    return f'{number}{stored},"resent":true' if resent else f"{number}{stored}"


def _put_together(kind: str, frame_id: UUID, numbers: str, sent_at: datetime, payload: bytes) -> bytes:
    head = f'{{"v":{PROTOCOL_VERSION},"type":"{kind}","id":"{frame_id}"{numbers},"sent_at":"{rfc3339(sent_at)}"'
    text = b'%b,"payload":%b}' % (head.encode(), payload)
    if len(text) > MAX_FRAME_BYTES:
        raise FrameTooLong(f"{kind} of {len(text)} bytes; a frame has at most {MAX_FRAME_BYTES}")
    return text


@lru_cache(maxsize=64)  # a batch tells one moment to all its followers
def rfc3339(moment: datetime) -> str:
    """`moment` as the wire writes times: UTC, milliseconds, Z."""
    there = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return there.isoformat(timespec="milliseconds")[: -len("+00:00")] + "Z"
