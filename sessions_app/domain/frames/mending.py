"""Facts are taken: what of a frame cannot be read is cut, read otherwise or left out, if the frame can do without it.

A close that is refused for its comment leaves a position open; so only what opens may be refused for any field. Frames
are read strictly first: this is for those that were refused.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import msgspec

from sessions_app.domain.decimals import NOT_A_TEXT, TEXT_DIGITS, decode_hook
from sessions_app.domain.frames.faults import rule_and_path
from sessions_app.domain.frames.payloads import Payload

MAX_MENDS: Final = 256
"""In one frame; more lines than that do not fit into one."""
Content = Mapping[str, Any]
Fault = Callable[[Any], tuple[str, str] | None]
_PLACE: Final = re.compile(r"\$\.(?P<name>\w+)(?:\[(?P<row>\d+)\](?:\.(?P<part>\w+))?)?")
_TOO_LONG: Final = re.compile(r"of length <= (\d+)")
_NAMED_BY: Final = ("name", "symbol", "ticket")
# What names a line goes into messages and logs, where a stranger's control characters have no place.
_PRINTABLE: Final = re.compile(r"[\x20-\x7e]{1,64}")
# Decimals, for a binary float would have changed the price already.
_READ: Final = msgspec.json.Decoder(float_hook=Decimal)


def _nothing(content: Content) -> Collection[str]:
    return ()


def _never(content: Content) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Mending:
    """What one type of frame can do without.

    `needs(content)`: the fields that it cannot lack, by what it says. `whole(content)`: it opens something, so nothing
    but its ornaments is mended. `ornaments`: texts that are cut when they are too long. `rows`: by the name of a list,
    what a line of it cannot lack; a line without it is left out. `partial`: the fields whose loss is told in the field
    `incomplete`. `stand_ins`: what stands for a field that the type asks for, and this frame can do without. `fault`:
    what a mended frame must keep beyond its type, where that is less than a sound one keeps.
    """

    needs: Callable[[Content], Collection[str]] = _nothing
    whole: Callable[[Content], bool] = _never
    ornaments: frozenset[str] = frozenset({"comment"})
    rows: Mapping[str, frozenset[str]] = field(default_factory=dict)
    partial: frozenset[str] = frozenset()
    stand_ins: Mapping[str, Any] = field(default_factory=dict)
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """One thing that was mended. `path`: the field, of a line without its number; `line`: what names the line; `code`:
    the problem that the EA is told."""

    path: str
    what: str
    line: str = ""
    code: str = "field_unreadable"


@dataclass(frozen=True, slots=True)
class Mended:
    """A frame that was read after all."""

    payload: Payload
    notes: tuple[Note, ...]


def mend(kind: type[Payload], raw: bytes, mending: Mending, *, fault: Fault | None = None) -> Mended | None:
    """Read what can be read of a payload that was refused; None if it cannot do without what is wrong.

    `fault`: the path and the rule that a payload breaks beyond what its type says.
    """
    try:
        content = _READ.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ArithmeticError):
        return None
    if not isinstance(content, dict):
        return None
    notes: list[Note] = []
    # A reader names the first fault alone: each is mended, and all of it is read again.
    for _ in range(MAX_MENDS):
        payload, wrong = _tried(kind, content, mending.fault or fault)
        if payload is not None:
            return Mended(payload, tuple(notes))
        note = _mended(content, *wrong, mending)
        if note is None:
            return None
        notes.append(note)
    return None


def _tried(kind: type[Payload], content: Content, fault: Fault | None) -> tuple[Payload | None, tuple[str, str]]:
    try:
        payload = msgspec.convert(content, kind, dec_hook=decode_hook)
    except (msgspec.ValidationError, RecursionError) as error:
        rule, path = rule_and_path(kind, error)
        return None, (path or "$", rule)
    found = fault(payload) if fault is not None else None
    return (payload, ("", "")) if found is None else (None, found)


def _mended(content: dict[str, Any], path: str, rule: str, mending: Mending) -> Note | None:
    """Mend one fault in place; None if that cannot be done."""
    place = _PLACE.match(path)
    if place is None:
        return None
    name, row, part = place["name"], place["row"], place["part"]
    if mending.whole(content) and name not in mending.ornaments:
        return None
    if row is None:
        return _mended_field(content, name, rule, mending)
    lines = content.get(name)
    if name not in mending.rows or not isinstance(lines, list):
        return None
    return _mended_line(content, lines, (name, int(row), part), rule, mending)


def _mended_field(content: dict[str, Any], name: str, rule: str, mending: Mending) -> Note | None:
    path = f"$.{name}"
    if _read_otherwise(content, name, rule, mending):
        return Note(path, f"{_kept_how(rule)}: {rule}")
    if name in mending.needs(content):
        return None
    # A field of its own that the type asks for: leaving it out changes nothing.
    if name not in content and name not in mending.stand_ins:
        return None
    content.pop(name, None)
    if name in mending.stand_ins:
        content[name] = mending.stand_ins[name]
    _tell_loss(content, name, mending)
    return Note(path, f"left out: {rule}")


def _mended_line(
    content: dict[str, Any], lines: list[Any], place: tuple[str, int, str | None], rule: str, mending: Mending
) -> Note | None:
    name, number, part = place
    if number >= len(lines):
        return None
    line = lines[number]
    called = _name_of(line, number)
    path = f"$.{name}[]" if part is None else f"$.{name}[].{part}"
    if part is not None and isinstance(line, dict) and part in line:
        if _read_otherwise(line, part, rule, mending):
            return Note(path, f"{_kept_how(rule)}: {rule}", called)
        if part not in mending.rows[name]:
            del line[part]
            return Note(path, f"left out: {rule}", called)
    del lines[number]
    _tell_loss(content, name, mending)
    return Note(path, f"the line was left out: {rule}", called)


def _read_otherwise(content: dict[str, Any], name: str, rule: str, mending: Mending) -> bool:
    """Whether what stands there could be put as the type wants it: a long comment cut, a number as its text."""
    value, too_long = content.get(name), _TOO_LONG.search(rule)
    if too_long is not None and name in mending.ornaments and isinstance(value, str):
        content[name] = value[: int(too_long[1])]
        return True
    # To Python `true` is an int; on the wire it is no number.
    if rule.startswith(NOT_A_TEXT) and isinstance(value, int | Decimal) and not isinstance(value, bool):
        return _put(content, name, value, str)
    if rule.startswith("Expected `int") and isinstance(value, Decimal) and value == value.to_integral_value():
        return _put(content, name, value, int)
    return False


def _kept_how(rule: str) -> str:
    return "cut" if _TOO_LONG.search(rule) else "read as it was meant"


def _put(content: dict[str, Any], name: str, value: int | Decimal, kind: type[int] | type[str]) -> bool:
    """Put a number of the JSON text, digit by digit; False for one that no field of ours can be."""
    number = Decimal(value)
    exponent = number.as_tuple().exponent
    # 1e999999999 is a short text, and a long number.
    if not isinstance(exponent, int) or abs(exponent) > TEXT_DIGITS or abs(number.adjusted()) > TEXT_DIGITS:
        return False
    text = format(number, "f")
    content[name] = text if kind is str else int(number)
    return True


def _tell_loss(content: dict[str, Any], name: str, mending: Mending) -> None:
    if name in mending.partial:
        content["incomplete"] = True


def _name_of(line: Any, number: int) -> str:
    """What tells a line from the others: its symbol's name or its ticket, if that can be shown; else its number."""
    found = [line[name] for name in _NAMED_BY if name in line] if isinstance(line, dict) else []
    for value in found:
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if isinstance(value, str) and _PRINTABLE.fullmatch(value):
            return value
    return f"line {number + 1}"
