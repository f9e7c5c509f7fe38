"""What is wrong with a text, in words that say where: line and column of what is no JSON, the names of an enum."""

import re
from functools import lru_cache
from typing import Any, Final

from msgspec import inspect

_MISSING: Final = re.compile(r"missing required field `([^`]+)`")
_BYTE: Final = re.compile(r" \(byte (\d+)\)")
_STEP: Final = re.compile(r"\.(\w+)|\[[^\]]*\]")
_NO_NAME: Final = "Invalid enum value"


def split_path(message: str) -> tuple[str, str | None]:
    """Split the message library's "... - at `$.lots`" into (message, path); a missing field's path ends in its name."""
    text, found, path = message.partition(" - at `")
    missing = _MISSING.search(text)
    if missing is not None:
        return text, f"{path.rstrip('`') or '$'}.{missing[1]}"
    return text, path.rstrip("`") if found else None


def rule_and_path(kind: Any, error: Exception) -> tuple[str, str | None]:
    """The rule that a payload of this type breaks, and where; of an enum the names, and not what was sent."""
    rule, path = split_path(str(error))
    if rule.startswith(_NO_NAME):
        names = _names_at(kind, path or "$")
        rule = f"Expected one of: {', '.join(names)}" if names else _NO_NAME
    return rule, path


def no_json(text: bytes, error: Exception) -> str:
    """Why this is no JSON, and in which line and column, both from 1; nothing of it is repeated."""
    if isinstance(error, RecursionError):
        return "JSON is nested too deep"
    try:
        text.decode()
    except UnicodeDecodeError as unreadable:
        return f"The text is no UTF-8 ({_place(text, unreadable.start)})"
    found = _BYTE.search(str(error))
    if found is None:
        return f"JSON is malformed: it ends too early ({_place(text, len(text))})"
    return f"{_BYTE.sub('', str(error))} ({_place(text, int(found[1]))})"


def _place(text: bytes, at: int) -> str:
    before = text[:at].decode("utf-8", "replace")
    line, column = before.count("\n") + 1, at and len(before) - before.rfind("\n")
    return f"line {line}, column {max(column, 1)}"


@lru_cache(maxsize=256)
def _names_at(kind: Any, path: str) -> tuple[str, ...]:
    """The values of the enum that stands there in this type."""
    found: inspect.Type | None = inspect.type_info(kind)
    for step in _STEP.finditer(path):
        found = _below(found, step[1])
    enums = [one for one in _plain(found) if isinstance(one, inspect.EnumType)]
    return tuple(str(member.value) for one in enums for member in one.cls)


def _below(kind: inspect.Type | None, name: str | None) -> inspect.Type | None:
    """The type of a field, or without a name of what a list or mapping holds."""
    for one in _plain(kind):
        if isinstance(one, inspect.StructType) and name is not None:
            return next((field.type for field in one.fields if field.encode_name == name), None)
        if isinstance(one, inspect.ListType):
            return one.item_type
        if isinstance(one, inspect.DictType):
            return one.value_type
    return None


def _plain(kind: inspect.Type | None) -> list[inspect.Type]:
    """What it may be, without the bounds around it."""
    if isinstance(kind, inspect.Metadata):
        return _plain(kind.type)
    if isinstance(kind, inspect.UnionType):
        return [one for part in kind.types for one in _plain(part)]
    return [] if kind is None else [kind]
