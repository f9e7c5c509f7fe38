"""Every frame of a conformance run is held against docs/schemas, whichever side sent it."""

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

import jsonschema_rs

ROOT: Final = Path(__file__).resolve().parents[2]


def check_frame(frame: dict[str, Any]) -> None:
    """Hold a frame against the schemas: its envelope and its payload.

    :raises jsonschema_rs.ValidationError: it is something else
    """
    validator("Envelope").validate(frame)
    validator(frame["type"]).validate(frame["payload"])


@cache
def validator(definition: str) -> Any:
    checked = {"$ref": f"#/$defs/{definition}", "$defs": definitions()}
    return jsonschema_rs.Draft202012Validator(checked, validate_formats=True)


@cache
def definitions() -> dict[str, Any]:
    """The definitions of docs/schemas/frames.json, by name."""
    found: dict[str, Any] = json.loads((ROOT / "docs/schemas/frames.json").read_text())["$defs"]
    return found


@cache
def defaults(kind: str) -> dict[str, Any]:
    """What the fields of a payload mean where they are left out."""
    properties: dict[str, Any] = definitions()[kind]["properties"]
    return {name: field["default"] for name, field in properties.items() if "default" in field}
