"""Reading a document strictly: every mistake is named by its place, and none repeats key material."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, TypeVar

from orders.domain.decision.setting_table import Check
from sessions_app.domain.decimals import TEXT_DIGITS, BelowMinimum, TooLarge, WireDecimal, decode_hook, plain
from sessions_app.domain.keys import canonical_account_id
from sessions_app.domain.problems import Refused
from sessions_app.domain.said import say

_SHOWABLE: Final = re.compile(r"[^\x00-\x1f\x7f]*")
_LONGEST: Final = 256
MOMENT: Final = "a moment with its offset, such as 2026-12-01T08:00:00Z"
_T = TypeVar("_T")
_D = TypeVar("_D", bound=WireDecimal)
_E = TypeVar("_E", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong, and where: `tenants[0].accounts[1].keys[0].key`."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path or 'document'}: {self.message}"


def unique(mistakes: list[Mistake], values: Iterable[tuple[str, str, str]], message: str) -> None:
    """Note every value that comes a second time; each is (path, field, value)."""
    seen: set[str] = set()
    for path, name, value in values:
        if value and value in seen:
            mistakes.append(Mistake(f"{path}.{name}", message))
        seen.add(value)


_KINDS: Final[Mapping[type, str]] = {
    dict: say("an object"),
    list: say("a list"),
    str: say("a string"),
    bool: say("true or false"),
    int: say("a whole number"),
}


def _unread(kind: type[WireDecimal], raw: object, error: ValueError) -> str:
    """Why this is no decimal, or none that is kept."""
    if not isinstance(raw, str):
        return say("expected a decimal as a string")
    if isinstance(error, TooLarge):
        return say("expected at most %(whole)s digits before the point", whole=kind.whole)
    return say(
        "expected a decimal such as 12.34, with up to %(whole)s digits before the point and %(behind)s behind it",
        whole=kind.whole,
        behind=TEXT_DIGITS,
    )


class Node:
    """One object of the document and its place. A wrong value is noted, and its default read instead."""

    def __init__(self, value: object, path: str, mistakes: list[Mistake]) -> None:
        self.path, self.mistakes = path, mistakes
        self._fields: dict[str, Any] = value if isinstance(value, dict) else {}
        if not isinstance(value, dict):
            mistakes.append(Mistake(path, "expected an object"))

    def at(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def mistake(self, name: str, message: str) -> None:
        self.mistakes.append(Mistake(self.at(name), message))

    def wrong(self, name: str) -> bool:
        """Whether a mistake was noted for this field, or for the whole object."""
        return any(known.path in (self.at(name), self.path) for known in self.mistakes)

    def only(self, *names: str) -> None:
        for name in self._fields:
            if name not in names:
                self.mistake(name, f"unknown field: expected one of {', '.join(names)}")

    def value(self, name: str, kind: type[_T], default: _T) -> _T:
        """A field of one JSON type; null and a missing field take the default."""
        value = self._fields.get(name)
        if value is None:
            return default
        # In Python a bool is an int; in a file it is a mistake.
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self.mistake(name, say("expected %(what)s", what=_KINDS[kind]))
            return default
        return value

    def text(self, name: str, *, most: int, default: str | None = None) -> str:
        text = self.value(name, str, default or "")
        if self.wrong(name):
            return text
        if not text.strip() and default is None:
            self.mistake(name, "expected a text" if self._fields.get(name) is not None else "missing: expected a text")
        elif len(text) > most or _SHOWABLE.fullmatch(text) is None:
            self.mistake(name, say("expected at most %(most)s characters without control characters", most=most))
        return text

    def account(self, name: str) -> str:
        """A canonical account id, or an empty text."""
        text = self.value(name, str, "")
        if self.wrong(name):
            return ""
        try:
            return canonical_account_id(text)
        except Refused as refusal:
            expected = refusal.message
            self.mistake(name, expected if text else f"missing: {expected[:1].lower()}{expected[1:]}")
            return ""

    def moment(self, name: str, default: Any = None) -> Any:
        """A moment with its offset, RFC 3339."""
        text = self.value(name, str, "")
        if self.wrong(name) or not text:
            return default
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            self.mistake(name, f"expected {MOMENT}")
            return default
        return moment.astimezone(UTC)

    def switch(self, name: str) -> bool | None:
        """True, false, or None where the file leaves it out."""
        return self.value(name, bool, False) if self._fields.get(name) is not None else None

    def texts(self, name: str) -> tuple[str, ...] | None:
        """A list of texts, or None where the file leaves it out."""
        if self._fields.get(name) is None:
            return None
        items = self.value(name, list, [])
        if not all(isinstance(item, str) and len(item) <= _LONGEST for item in items):
            self.mistake(name, "expected a list of strings")
            return ()
        return tuple(items)

    def accounts(self, name: str) -> tuple[str, ...]:
        """A list of canonical account ids."""
        found = []
        for number, text in enumerate(self.texts(name) or ()):
            try:
                found.append(canonical_account_id(text))
            except Refused as refusal:
                self.mistakes.append(Mistake(f"{self.at(name)}[{number}]", refusal.message))
        return tuple(found)

    def integer(self, name: str, *, least: int, most: int, default: Any) -> Any:
        number = self.value(name, int, default)
        if number is not None and not least <= number <= most:
            self.mistake(name, say("expected a whole number from %(least)s to %(most)s", least=least, most=most))
        return number

    def choice(self, name: str, kind: type[_E], default: Any) -> Any:
        text = self._fields.get(name)
        if text is None:
            return default
        if text not in [item.value for item in kind]:
            self.mistake(name, say("expected one of: %(names)s", names=", ".join(item.value for item in kind)))
            return default
        return kind(text)

    def positive(self, name: str, kind: type[_D], default: Any, *, least: Decimal | None = None) -> Any:
        """A decimal above 0, or from `least` on, as the wire writes decimals: a string."""
        raw = self._fields.get(name)
        if raw is None:
            return default
        # One bound, whatever was typed: the kind's own is that of the wire, which takes 0 too.
        least_of = say("expected %(least)s or more", least=plain(least)) if least is not None else None
        bound = least_of or say("expected a decimal above 0")
        try:
            number = decode_hook(kind, raw)
        except BelowMinimum:
            self.mistake(name, bound)
            return default
        except ValueError as error:
            self.mistake(name, _unread(kind, raw, error))
            return default
        if number <= 0 or (least is not None and number < least):
            self.mistake(name, bound)
        return number

    def content(self, name: str, check: Check, default: Any) -> Any:
        """A JSON object, with every mistake that `check` finds inside it."""
        content = self.value(name, dict, default)
        for place, message in check(content or {}):
            self.mistake(f"{name}.{place}" if place else name, message)
        return content

    def each(self, name: str, read: Callable[["Node"], _T]) -> tuple[_T, ...]:
        items = self.value(name, list, [])
        return tuple(read(Node(item, f"{self.at(name)}[{number}]", self.mistakes)) for number, item in enumerate(items))
