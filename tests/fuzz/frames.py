"""Frames made from docs/schemas/frames.json: valid ones, and valid ones with one thing wrong."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC
from functools import cache
from pathlib import Path
from typing import Any, Final

import jsonschema_rs
from eagateway_sdk.ids import uuid7
from hypothesis import strategies as st

from eagateway.protocol import FRAME_TYPES

SCHEMAS: Final = Path(__file__).resolve().parents[2] / "docs" / "schemas" / "frames.json"
# Hello and ShutdownNotice begin and end a link: their payloads are fuzzed in tests of their own.
KINDS: Final = sorted(
    name
    for name, kind in FRAME_TYPES.items()
    if kind.sender in ("EA", "both") and name not in ("Hello", "ShutdownNotice", "Poll")
)
_ODD: Final[tuple[Any, ...]] = (
    None, True, 0, -1, 1.5, 2**63, 2**64, -(2**63), 1e308, "", "\x00", "\u202e", "x" * 300, "1e400", "NaN",
    "-0", "9" * 30, [], {}, [None], {"": None}, [[[[]]]],
)  # fmt: skip
Frame = dict[str, Any]


@cache
def definitions() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(SCHEMAS.read_text())["$defs"]
    return found


@cache
def is_valid(kind: str) -> Callable[[Any], bool]:
    """Whether a payload is what the schema of its type says."""
    schema = {"$ref": f"#/$defs/{kind}", "$defs": definitions()}
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True).is_valid


@cache
def made_of(reference: str) -> st.SearchStrategy[Any]:
    """Values that a definition allows."""
    return _made(definitions()[reference.rpartition("/")[2]])


def _made(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Values that a schema allows: what msgspec writes into schemas, and no more of JSON Schema than that."""
    if "$ref" in schema:
        return st.deferred(lambda: made_of(schema["$ref"]))
    if "anyOf" in schema:
        return st.one_of([_made(option) for option in schema["anyOf"]])
    if "const" in schema or "enum" in schema:
        return st.sampled_from(schema.get("enum") or [schema["const"]])
    kinds = schema.get("type", [])
    return st.one_of([_OF_TYPE[kind](schema) for kind in ([kinds] if isinstance(kinds, str) else kinds)])


def _objects(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    required = set(schema.get("required", ()))
    fields = {name: _made(spec) for name, spec in schema.get("properties", {}).items()}
    free = schema.get("additionalProperties")
    if not fields and isinstance(free, dict):
        return st.dictionaries(st.text(max_size=8), _made(free), max_size=3)
    return st.fixed_dictionaries(
        {name: made for name, made in fields.items() if name in required},
        optional={name: made for name, made in fields.items() if name not in required},
    )


def _texts(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    least, most = schema.get("minLength", 0), min(schema.get("maxLength", 40), 40)
    if schema.get("format") == "uuid":
        return st.uuids().map(str)
    if schema.get("format") == "date-time":
        return st.datetimes(timezones=st.just(UTC)).map(lambda moment: moment.isoformat())
    if "pattern" in schema:
        made = st.from_regex(schema["pattern"].replace("$", r"\Z"))
        return made.filter(lambda text: least <= len(text) <= most and text.isprintable())
    return st.text(st.characters(exclude_categories=["Cs"]), min_size=least, max_size=most)


def _integers(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    return st.integers(schema.get("minimum", -(2**31)), schema.get("maximum", 2**31))


def _lists(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    least = schema.get("minItems", 0)
    return st.lists(_made(schema.get("items", {"type": "integer"})), min_size=least, max_size=max(3, least))


_OF_TYPE: Final[Mapping[str, Callable[[Mapping[str, Any]], st.SearchStrategy[Any]]]] = {
    "object": _objects,
    "string": _texts,
    "integer": _integers,
    "number": lambda _: st.floats(-1e9, 1e9),
    "boolean": lambda _: st.booleans(),
    "null": lambda _: st.none(),
    "array": _lists,
}


@st.composite
def valid_frames(draw: st.DrawFn) -> Frame:
    """A frame that the schemas allow; its rules across fields may still be broken."""
    kind = draw(st.sampled_from(KINDS))
    return {"v": 1, "type": kind, "id": str(uuid7()), "payload": draw(made_of(kind))}


@st.composite
def mutated_frames(draw: st.DrawFn) -> Frame:
    """A valid frame in which one field, at any depth of the payload or in the envelope, became something else."""
    frame = draw(valid_frames())
    places = list(_places(frame))
    holder, name = draw(st.sampled_from(places))
    act = draw(st.sampled_from(["odd", "drop", "junk"]))
    if act == "drop" and isinstance(holder, dict):
        del holder[name]
    elif act == "junk":
        holder[name] = draw(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=20), _nested))
    else:
        holder[name] = draw(st.sampled_from(_ODD))
    return frame


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3)


def _places(node: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) below a node."""
    keys = list(node) if isinstance(node, dict) else list(range(len(node))) if isinstance(node, list) else []
    return [place for key in keys for place in [(node, key), *_places(node[key])]]
