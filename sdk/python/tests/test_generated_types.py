"""The generated frame types say what the schema says."""

import importlib.util
import json
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from types import ModuleType, NoneType, UnionType
from typing import Any, get_args, get_origin
from uuid import UUID

import msgspec
import pytest

from eagateway_sdk import frames


def script() -> ModuleType:
    """The generator, which is a script beside the package and not part of it."""
    spec = importlib.util.spec_from_file_location("generate_types", Path(__file__).parents[1] / "generate_types.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


generate_types = script()
if not generate_types.SCHEMA.exists():
    pytest.skip("the schema is not beside this copy of the library", allow_module_level=True)

DEFINITIONS: dict[str, Any] = json.loads(generate_types.SCHEMA.read_text(encoding="utf-8"))["$defs"]
OBJECTS = [name for name, body in DEFINITIONS.items() if "enum" not in body and name != "Envelope"]
ENUMS = [name for name, body in DEFINITIONS.items() if "enum" in body]
KINDS = {"string": str, "integer": int, "boolean": bool, "array": list, "object": dict, "null": NoneType}


def test_generating_again_gives_the_modules_that_are_here() -> None:
    texts = generate_types.modules({"$defs": DEFINITIONS})
    here = {path.name: path.read_text(encoding="utf-8") for path in generate_types.PACKAGE.glob("*.py")}
    assert here == texts, "run generate_types.py"


@pytest.mark.parametrize("name", OBJECTS)
def test_a_frame_has_the_fields_of_its_schema(name: str) -> None:
    schema = DEFINITIONS[name]
    fields = {field.encode_name: field for field in msgspec.structs.fields(getattr(frames, name))}
    assert set(fields) == set(schema["properties"])
    assert {wire for wire, field in fields.items() if field.required} == set(schema["required"])
    for wire, field in fields.items():
        assert accepted(field.type) == expected(schema["properties"][wire]), wire
        if not field.required and schema["properties"][wire].get("type") != "array":
            told = schema["properties"][wire]["default"]
            default = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
            assert default == told, wire


@pytest.mark.parametrize("name", ENUMS)
def test_an_enum_has_the_members_of_its_schema(name: str) -> None:
    enum = getattr(frames, name)
    assert issubclass(enum, StrEnum)
    assert [member.value for member in enum] == DEFINITIONS[name]["enum"]


def test_every_frame_of_the_envelope_is_listed() -> None:
    names = [kind.__name__ for kind in frames.FRAME_TYPES]
    assert names == DEFINITIONS["Envelope"]["properties"]["type"]["enum"]


def accepted(annotation: Any) -> set[object]:
    """The plain types that an annotation takes."""
    if get_origin(annotation) is UnionType:
        return {kind for option in get_args(annotation) for kind in accepted(option)}
    return {get_origin(annotation) or annotation}


def expected(schema: dict[str, Any]) -> set[object]:
    """The plain types that a schema takes."""
    if "anyOf" in schema:
        return {kind for option in schema["anyOf"] for kind in expected(option)}
    if "$ref" in schema:
        return {getattr(frames, schema["$ref"].rpartition("/")[2])}
    special = {"decimal": Decimal, "uuid": UUID}.get(schema.get("format", ""))
    return {special or KINDS[schema["type"]]}
