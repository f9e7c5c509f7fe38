"""Settings that are pairs of names, as people write them: one line a pair, `EURUSD = EURUSD.pro`.

What programs send, a JSON object, is taken too; and shown where some name could not be told from what separates.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.utils.translation import gettext

from orders.domain.decision.setting_table import Check
from sessions_app.domain.said import translated

SIGN: Final = "="
_APART: Final = f" {SIGN} "


class UnfitLines(Exception):
    """Lines that are no pairs, or whose pairs are not taken: a sentence for each, which names its line."""

    def __init__(self, sentences: list[str]) -> None:
        super().__init__(" ".join(sentences))
        self.sentences = sentences


def in_lines(pairs: Mapping[str, str]) -> str:
    """One line a pair; JSON where lines would not be read back as the same."""
    lines = "\n".join(f"{name}{_APART}{value}" for name, value in pairs.items())
    try:
        read = _of_lines(lines, lambda _: ())
    except UnfitLines:
        read = None
    return lines if read == dict(pairs) else json.dumps(dict(pairs), ensure_ascii=False, indent=1)


def begun(lines: str, name: str, value: str = "") -> str:
    """The lines with another one that begins with `name`, for `value` or what is typed behind it; as they are where
    nothing can be typed behind it: it stands there already, or they are JSON."""
    if lines.startswith("{") or not (name + value).isprintable() or (name, value) != (name.strip(), value.strip()):
        return lines
    kept = [line for line in lines.splitlines() if _parted(line)[0] != name]
    if not value and len(kept) < len(lines.splitlines()):
        return lines
    return "\n".join([*kept, f"{name}{_APART}{value}"])


def read_pairs(text: str, check: Check) -> Mapping[str, Any] | None:
    """The pairs, None where nothing is written.

    :raises UnfitLines: a line is no pair, or `check` finds a mistake in it; or it begins as JSON does, and is none
    """
    if not text.strip():
        return None
    if not text.lstrip().startswith("{"):
        return _of_lines(text, check)
    try:
        found: Mapping[str, Any] = json.loads(text)
    except ValueError as error:
        raise UnfitLines([gettext("What begins with “{” is read as JSON, and this is none.")]) from error
    return found


def _of_lines(text: str, check: Check) -> dict[str, str]:
    pairs: dict[str, str] = {}
    stands: dict[str, int] = {}
    wrong: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        name, value = _parted(line)
        # Without a sign that stands free, nobody can tell which of several parts the names.
        twofold = _APART not in line and line.count(SIGN) > 1
        wrong += [
            gettext("Line %(number)s: %(message)s") % {"number": number, "message": message}
            for message in _mistakes("" if twofold else name, value, check)
        ]
        if name in stands:
            said = {"number": number, "name": name, "first": stands[name]}
            wrong.append(gettext("Line %(number)s: %(name)s stands in line %(first)s already.") % said)
        stands.setdefault(name, number)
        pairs[name] = value
    if wrong:
        raise UnfitLines(wrong)
    return pairs


def _parted(line: str) -> tuple[str, str]:
    """Both names of a line. A sign that stands free parts, so that a name may have one within it."""
    name, _, value = line.partition(_APART if _APART in line else SIGN)
    return name.strip(), value.strip()


def _mistakes(name: str, value: str, check: Check) -> Iterator[str]:
    if not name or not value or _APART in value:
        yield gettext("expected two names with one “=” between them.")
        return
    for _, message in check({name: value}):
        yield translated(message, gettext)
