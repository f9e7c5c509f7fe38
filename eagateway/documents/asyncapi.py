"""The event socket as an AsyncAPI 3.0 document, made from the frame types."""

from typing import Any, Final

import yaml

from eagateway.documents.frame_types import ENVELOPE
from eagateway.protocol import FRAME_TYPES, STREAM
from eagateway.routing import EXCHANGE
from sessions_app.api.exchange import MAX_FRAMES
from sessions_app.domain.frames.envelope import SUBPROTOCOL

_SOCKET: Final = (
    "One JSON object per message, UTF-8 text of at most 16 KiB. Prose, problem codes and close codes: protocol.md. "
    "Messages of both sides that may be numbered (GapFill; ErrorAlert from an EA) carry `seq` then."
)
_HANDSHAKE: Final = {
    "type": "object",
    "properties": {
        "Authorization": {"type": "string", "description": "Bearer and the session token, unless Hello carries it."},
        "Sec-WebSocket-Protocol": {"type": "string", "const": SUBPROTOCOL},
    },
}
_ANSWERS: Final = {
    ("receive", "Hello"): "SessionState",
    ("receive", "InitRequest"): "InitAck",
    ("receive", "StatusHeartbeat"): "HeartbeatAck",
    ("send", "TestRequest"): "StatusHeartbeat",
    ("send", "OrderCommand"): "ExecutionReport",
    ("receive", "ShutdownNotice"): "ShutdownNotice",
}


def document() -> dict[str, Any]:
    """The event socket as an AsyncAPI 3.0 document, from the gateway's side: it receives what EAs send."""
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "EA gateway, event socket and exchange", "version": "1.0.0", "description": _SOCKET},
        "defaultContentType": "application/json",
        "servers": {
            "production": _server("gateway.example", "wss", "Behind TLS; `stream_url` of POST /sessions names it."),
            "embedded": _server("127.0.0.1:8000", "ws", "`make serve`, on the same machine."),
        },
        "channels": {"stream": _channel(), "exchange": _exchange()},
        "operations": {
            **{f"{action}{name}": _operation(action, name) for name, action in _directions()},
            "receiveExchangeCall": {
                "action": "receive",
                **_of("exchange", "ExchangeCall"),
                "reply": _of("exchange", "ExchangeAnswer"),
            },
        },
        "components": {
            "messages": {
                **{name: _message(name) for name in FRAME_TYPES},
                "ExchangeCall": {"name": "ExchangeCall", "title": "A call", "payload": exchange_call()},
                "ExchangeAnswer": {"name": "ExchangeAnswer", "title": "Its answer", "payload": exchange_answer()},
            },
            "securitySchemes": {
                "sessionToken": {"type": "http", "scheme": "bearer", "description": "Or `token` in Hello."}
            },
        },
    }


def render() -> str:
    """docs/asyncapi.yaml's text."""
    return yaml.safe_dump(document(), sort_keys=False, width=110)


def _server(host: str, protocol: str, description: str) -> dict[str, Any]:
    token = {"$ref": "#/components/securitySchemes/sessionToken"}
    return {"host": host, "protocol": protocol, "description": description, "security": [token]}


def _channel() -> dict[str, Any]:
    return {
        "address": f"/{STREAM}",
        "title": "The event socket",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in FRAME_TYPES},
        "bindings": {"ws": {"method": "GET", "headers": _HANDSHAKE, "bindingVersion": "0.1.0"}},
    }


def _directions() -> list[tuple[str, str]]:
    """(frame type, what the gateway does with it); some go both ways."""
    actions = {"EA": ("receive",), "server": ("send",), "both": ("receive", "send")}
    return [(name, action) for name, kind in FRAME_TYPES.items() for action in actions[kind.sender]]


def _operation(action: str, name: str) -> dict[str, Any]:
    operation: dict[str, Any] = {"action": action, **_of_stream(name)}
    answer = _ANSWERS.get((action, name))
    if answer is not None:
        operation["reply"] = _of_stream(answer)
    return operation


def _of_stream(name: str) -> dict[str, Any]:
    return _of("stream", name)


def _of(channel: str, name: str) -> dict[str, Any]:
    """One message of a channel."""
    return {
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{name}"}],
    }


def _exchange() -> dict[str, Any]:
    """The same frames by HTTP; openapi.json describes its refusals."""
    return {
        "address": "/" + EXCHANGE.replace("<uuid:session_id>", "{sessionId}"),
        "title": "The exchange",
        "description": "The frames of the socket for a client that can only send requests.",
        "parameters": {"sessionId": {"description": "`session_id` of POST /sessions."}},
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in ("ExchangeCall", "ExchangeAnswer")},
    }


def exchange_call() -> dict[str, Any]:
    """JSON Schema of the body of an exchange."""
    return {
        "type": "object",
        "properties": {
            "frames": {"type": "array", "items": _any_frame("EA"), "maxItems": MAX_FRAMES, "default": []},
            "ack": {"type": ["integer", "null"], "minimum": 0, "maximum": 2**53 - 1, "default": None},
            "hold_ms": {"type": "integer", "minimum": 0, "maximum": 10**10, "default": 0},
            "max_bytes": {"type": "integer", "minimum": 16384, "maximum": 2**24, "default": 2**18},
        },
    }


def exchange_answer() -> dict[str, Any]:
    """JSON Schema of what answers it."""
    return {
        "type": "object",
        "properties": {
            "frames": {"type": "array", "items": _any_frame("server")},
            "ack": {"type": "integer", "minimum": 0},
        },
        "required": ["frames", "ack"],
    }


def _any_frame(sender: str) -> dict[str, Any]:
    names = [name for name, kind in FRAME_TYPES.items() if kind.sender in (sender, "both")]
    return {"anyOf": [_message(name)["payload"] for name in names]}


def _message(name: str) -> dict[str, Any]:
    """The envelope with this payload; a frame that is numbered has its `seq`."""
    kind = FRAME_TYPES[name]
    numbered = {"properties": {"seq": {"type": "integer", "minimum": 1}}, "required": ["seq"]}
    inner = {
        "type": "object",
        "properties": {"type": {"const": name}, "payload": {"$ref": f"schemas/frames.json#/$defs/{name}"}},
    }
    parts = [{"$ref": f"schemas/frames.json#/$defs/{ENVELOPE}"}, inner]
    return {
        "name": name,
        "title": name,
        "summary": kind.summary,
        "description": f"From: {kind.sender}. While the session is pending: {kind.in_pending}.",
        "payload": {"allOf": [*parts, numbered] if kind.durable and kind.sender != "both" else parts},
    }
