"""`POST /sessions/{id}/exchange`: an ASGI application of its own, beside Django.

Django's middleware would hold a thread for as long as an answer is held. Nothing of it is needed here: the token is the
only credential, no cookie is read, nothing is rendered.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
import structlog
from django.db import DatabaseError
from msgspec import Meta

from sessions_app.domain.addresses import counted_as
from sessions_app.domain.frames.envelope import MAX_FRAME_BYTES, is_unnumbered_scrap, legible, repeats_a_name
from sessions_app.domain.frames.faults import no_json, split_path
from sessions_app.domain.frames.payloads import Count, Millis
from sessions_app.domain.problems import Refused
from sessions_app.rest.authentication import MAX_TOKEN, NO_TOKEN
from sessions_app.rest.parsing import last_hop, names_token
from sessions_app.rest.problems import CONTENT_TYPE, problem_body
from sessions_app.rest.throttling import count_stranger_at
from sessions_app.transport import exchange
from sessions_app.transport.exchange import Answer, Call

MAX_FRAMES: Final = 200
MAX_BODY_BYTES: Final = 1024 * 1024
ANSWER_BYTES: Final = 256 * 1024
MOST_ANSWER_BYTES: Final = 16 * 1024 * 1024
RETRY_SECONDS: Final = 1
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
_log = structlog.get_logger(__name__)


class ExchangeBody(msgspec.Struct, kw_only=True, frozen=True):
    """What a terminal sends. `ack`: the highest command number that it has without a gap; null: as acknowledged.

    `max_bytes`: the frames of the answer have no more; what does not fit comes with the next call.
    """

    frames: Annotated[list[msgspec.Raw], Meta(max_length=MAX_FRAMES)] = []
    ack: Count | None = None
    hold_ms: Millis = 0
    max_bytes: Annotated[int, Meta(ge=MAX_FRAME_BYTES, le=MOST_ANSWER_BYTES)] = ANSWER_BYTES


_BODY: Final = msgspec.json.Decoder(ExchangeBody)
_OUTER: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Gone(Exception):
    """The client went away before it had said everything."""


async def exchange_endpoint(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Answer one call."""
    try:
        answer = await exchange.answer(await _read_call(scope, receive))
    except Gone:
        return
    except Refused as refusal:
        answer = Answer((), None, _counted(refusal, scope))
    except DatabaseError:
        _log.warning("exchange.database_away")
        answer = Answer((), None, Refused("try_later", retry_after=RETRY_SECONDS))
    except Exception:  # noqa: BLE001 - a process edge: whatever failed, the caller gets a body it can read
        _log.exception("exchange.failed")
        answer = Answer((), None, Refused("internal", retry_after=RETRY_SECONDS))
    await _send_answer(send, answer, instance=scope["path"])


def _counted(refusal: Refused, scope: dict[str, Any]) -> Refused:
    """The refusal; for a token that nobody knows, one that counts against the address it came from."""
    if refusal.code != "token_invalid":
        return refusal
    forwarded = dict(scope["headers"]).get(b"x-forwarded-for", b"").decode("latin-1")
    peer = (scope.get("client") or ("unknown",))[0]
    try:
        count_stranger_at(counted_as(last_hop(str(peer), forwarded)))
    except Refused as throttled:
        return throttled
    return refusal


async def _read_call(scope: dict[str, Any], receive: Receive) -> Call:
    if scope["method"] != "POST":
        raise Refused("method_not_allowed", "An exchange is a POST")
    if names_token(scope["query_string"].decode("latin-1")):
        raise Refused("token_in_address")
    headers = dict(scope["headers"])
    token = _token(headers)
    body = _decode(await _read_body(headers, receive))
    return Call(
        token=token,
        session_id=UUID(str(scope["url_route"]["kwargs"]["session_id"])),
        frames=[bytes(frame) for frame in body.frames],
        confirmed=body.ack,
        hold_ms=body.hold_ms,
        max_bytes=body.max_bytes,
    )


def _token(headers: dict[bytes, bytes]) -> str:
    scheme, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise Refused("token_invalid", NO_TOKEN)
    if len(token) > MAX_TOKEN:
        raise Refused("token_invalid")
    return token


async def _read_body(headers: dict[bytes, bytes], receive: Receive) -> bytes:
    announced = headers.get(b"content-length", b"0")
    if not announced.isdigit() or int(announced) > MAX_BODY_BYTES:
        raise Refused("body_too_big", f"Send {MAX_BODY_BYTES} bytes at most")
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > MAX_BODY_BYTES:
            raise Refused("body_too_big", f"Send {MAX_BODY_BYTES} bytes at most")
    return bytes(body)


def _decode(body: bytes) -> ExchangeBody:
    try:
        read = _BODY.decode(body)
        _check_names(body)
        return read
    except msgspec.ValidationError as error:
        message, path = split_path(str(error))
        raise Refused("invalid", message, path=path) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        mended = _mended(body)
        if mended is None:
            raise Refused("malformed", no_json(body, error)) from error
        return mended


def _check_names(body: bytes) -> None:
    """Refuse a body with one name twice. Its frames are looked at one by one, each refused alone.

    :raises Refused: `malformed`
    """
    frames = _OUTER.decode(body).get("frames")
    if repeats_a_name(body if frames is None else body.replace(bytes(frames), b"[]", 1)):
        raise Refused("malformed", "A name stands twice in one object")


def _mended(body: bytes) -> ExchangeBody | None:
    """A body with a numbered frame in it whose text is no text: it would come again for ever."""
    try:
        read = _BODY.decode(legible(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return None if any(is_unnumbered_scrap(bytes(frame)) for frame in read.frames) else read


async def _send_answer(send: Send, answer: Answer, *, instance: str) -> None:
    if answer.end is None:
        await _respond(send, 200, _joined(answer.frames, answer.stored or 0, b"{"), b"application/json")
        return
    refusal = answer.end
    headers = [(b"www-authenticate", b'Bearer realm="ea-gateway"')] if refusal.problem.status == 401 else []
    if refusal.retry_after is not None:
        headers.append((b"retry-after", str(refusal.retry_after).encode()))
    if refusal.code == "method_not_allowed":
        headers.append((b"allow", b"POST"))
    body = msgspec.json.encode(problem_body(refusal, instance=instance))
    if answer.stored is not None:
        body = _joined(answer.frames, answer.stored, body[:-1] + b",")
    await _respond(send, refusal.problem.status, body, CONTENT_TYPE.encode(), headers)


def _joined(frames: Sequence[bytes], stored: int, head: bytes) -> bytes:
    return head + b'"frames":[' + b",".join(frames) + b'],"ack":%d}' % stored


async def _respond(send: Send, status: int, body: bytes, kind: bytes, more: Sequence[tuple[bytes, bytes]] = ()) -> None:
    headers = [
        (b"content-type", kind),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        *more,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
