"""Payloads that break one rule of the schema each: generated, so that a new field is tested on the day it appears."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from tests.conformance.samples import SAMPLES
from tests.conformance.schemas import definitions

_ANY_OF: Final = ("anyOf", "oneOf")
# The server's own half of a frame that both sides send: an EA that fills it in is not read there.
_SERVERS: Final = {("SyncSnapshot", "differences"), ("Ack", "refused")}


@dataclass(frozen=True, slots=True)
class Odd:
    """A payload, the path of its one odd field, and what is odd about it."""

    payload: dict[str, Any]
    path: str
    rule: str


def odd_payloads(kind: str) -> Iterator[Odd]:
    """Every field of a frame type missing, of a wrong type, out of its enum or its bounds."""
    sample = dict(SAMPLES[kind])
    for changed, path, rule in _odd_objects(kind, sample):
        yield Odd(changed, f"${path}", rule)


def _odd_objects(name: str, sample: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str, str]]:
    schema = definitions()[name]
    for field in schema.get("required", []):
        yield {key: value for key, value in sample.items() if key != field}, f".{field}", f"{field} missing"
    for field, rule in schema["properties"].items():
        if (name, field) in _SERVERS:
            continue
        for value, why in _odd_values(rule):
            yield {**sample, field: value}, f".{field}", f"{field} {why}"
        yield from _odd_members(field, rule, sample)


def _odd_members(field: str, rule: dict[str, Any], sample: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str, str]]:
    """The same for the objects of a list."""
    reference = rule.get("items", {}).get("$ref", "")
    if not reference or not sample.get(field):
        return
    for changed, path, why in _odd_objects(reference.rpartition("/")[2], dict(sample[field][0])):
        whole = copy.deepcopy(sample)
        whole[field] = [changed]
        yield whole, f".{field}[0]{path}" if path else f".{field}[0]", f"{field}: {why}"


def _odd_values(rule: dict[str, Any]) -> Iterator[tuple[Any, str]]:
    """Values that a field must not have: of another type, and just outside of every bound it states."""
    rules = [_resolved(part) for key in _ANY_OF for part in rule.get(key, [])] or [_resolved(rule)]
    types = {kind for part in rules for kind in _types(part)}
    yield {"odd": True} if "object" not in types else 5, "of another type"
    if "null" not in types:
        yield None, "null"
    for part in rules:
        if "enum" in part:
            yield "no-such-value", "out of its enum"
        if "minimum" in part:
            yield part["minimum"] - 1, "below its minimum"
        if "maximum" in part:
            yield part["maximum"] + 1, "above its maximum"
        if part.get("maxLength", 10_000) < 2000:
            yield "x" * (part["maxLength"] + 1), "too long"
        if part.get("minLength"):
            yield "", "empty"


def _resolved(rule: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in rule:
        found: dict[str, Any] = definitions()[rule["$ref"].rpartition("/")[2]]
        return found
    return rule


def _types(rule: dict[str, Any]) -> list[str]:
    kind = rule.get("type", "string" if "enum" in rule else "null")
    return [kind] if isinstance(kind, str) else list(kind)
