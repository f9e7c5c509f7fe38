"""Every frame type of protocol version 1, in one place: what docs, schemas and SDK types are made from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from orders.domain.wire.commands import OrderCommand
from orders.domain.wire.intents import OrderIntent
from orders.domain.wire.reports import ExecutionReport
from orders.domain.wire.snapshots import SyncSnapshot
from sessions_app.domain.decimals import schema_hook
from sessions_app.domain.frames import payloads
from sessions_app.domain.frames.payloads import Payload


@dataclass(frozen=True, slots=True)
class FrameType:
    """Who sends a frame, whether it is numbered, and what a pending session may do with it."""

    payload: type[Payload]
    sender: str
    durable: bool
    in_pending: str

    @property
    def summary(self) -> str:
        """What it is, in one line."""
        return " ".join((self.payload.__doc__ or "").split("\n\n")[0].split())


ENVELOPE: Final = "Envelope"
_SERVER, _EA, _BOTH = "server", "EA", "both"
_ALL: Final = (
    FrameType(payloads.Hello, _EA, False, "allowed"),
    FrameType(payloads.SessionState, _SERVER, False, "sent"),
    FrameType(payloads.TestRequest, _SERVER, False, "sent"),
    FrameType(payloads.InitRequest, _EA, False, "stored; InitAck deferred"),
    FrameType(payloads.InitAck, _SERVER, False, "only after authentication"),
    FrameType(payloads.StatusHeartbeat, _EA, False, "stored"),
    FrameType(payloads.HeartbeatAck, _SERVER, False, "sent"),
    FrameType(OrderIntent, _EA, True, "stored, not dispatched"),
    FrameType(OrderCommand, _SERVER, True, "held back"),
    FrameType(ExecutionReport, _EA, True, "stored, applied at promotion"),
    FrameType(SyncSnapshot, _BOTH, False, "report stored; not asked for"),
    FrameType(payloads.ErrorAlert, _BOTH, True, "from EA stored; to EA not sent"),
    FrameType(payloads.ShutdownNotice, _BOTH, False, "allowed"),
    FrameType(payloads.ResendRequest, _BOTH, False, "allowed"),
    FrameType(payloads.GapFill, _BOTH, True, "allowed"),
    FrameType(payloads.Ack, _BOTH, False, "allowed"),
    FrameType(payloads.Poll, _EA, False, "allowed"),
    FrameType(payloads.Idle, _SERVER, False, "sent"),
)
FRAME_TYPES: Final[Mapping[str, FrameType]] = {kind.payload.__name__: kind for kind in _ALL}


def schema_document() -> dict[str, Any]:
    """JSON Schema (2020-12) with one definition per frame's payload, and the envelope."""
    _, components = msgspec.json.schema_components(
        [kind.payload for kind in FRAME_TYPES.values()], schema_hook=schema_hook, ref_template="#/$defs/{name}"
    )
    components[ENVELOPE] = _envelope_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "EA gateway protocol, version 1",
        "$defs": components,
    }


def _envelope_schema() -> dict[str, Any]:
    return {
        "title": ENVELOPE,
        "description": "One object per message. `seq` numbers the sender's durable frames from 1 without gaps.",
        "type": "object",
        "properties": {
            "v": {"const": 1},
            "type": {"enum": list(FRAME_TYPES)},
            "id": {"type": "string", "format": "uuid"},
            "seq": {"type": ["integer", "null"], "minimum": 1},
            "ack": {"type": ["integer", "null"], "minimum": 0},
            "sent_at": {"type": ["string", "null"], "format": "date-time"},
            "resent": {"type": "boolean", "default": False},
            "payload": {"type": "object"},
        },
        "required": ["v", "type", "id", "payload"],
    }
