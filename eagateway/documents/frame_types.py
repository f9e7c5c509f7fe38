"""The frame types as JSON Schema: what docs/schemas and the SDKs' types are made from."""

from typing import Any, Final

import msgspec

from eagateway.protocol import FRAME_TYPES
from sessions_app.domain.decimals import schema_hook

ENVELOPE: Final = "Envelope"


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
