"""A subscription's filters, as people write them: one line a filter, `symbols allow = EURUSD, GBP*`.

Several names of one filter stand behind each other with commas, several `hours` in lines of their own. What programs
send, a JSON object, is taken too; and shown where lines would not be read back as the same.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from django.utils.translation import gettext

from backoffice.written.pairs import SIGN, UnfitLines
from orders.domain.decision.filters import WEEK, Filters

_FIELDS: Final = {field.name: field for field in msgspec.structs.fields(Filters)}
FILTERS: Final = [name.replace("_", " ") for name in _FIELDS]
"""Their names, as people write them."""
_HOURS: Final = "hours"
_WINDOW: Final = re.compile(r"(?:(.*[^\s])\s+)?([0-9]{1,2}:[0-9]{2})\s*-\s*([0-9]{1,2}:[0-9]{2})")
_DAYS: Final = [day.value for day in WEEK]
_SWITCHES: Final = {"yes": True, "ja": True, "true": True, "no": False, "nein": False, "false": False}


def in_entries(filters: Mapping[str, Any]) -> str:
    """One line a filter; JSON where lines would not be read back as the same."""
    written = [(name, value) for name, content in filters.items() for value in _written(name, content)]
    lines = "\n".join(f"{_in_words(name)} {SIGN} {value}" for name, value in written)
    try:
        read = _of_lines(lines)
    except UnfitLines:
        read = None
    return lines if read == dict(filters) else json.dumps(dict(filters), ensure_ascii=False, indent=1)


def read_entries(text: str) -> Mapping[str, Any] | None:
    """The filters, None where nothing is written. Whether they are taken is judged elsewhere.

    :raises UnfitLines: a line is no filter; or it begins as JSON does, and is none
    """
    if not text.strip():
        return None
    if not text.lstrip().startswith("{"):
        return _of_lines(text)
    try:
        found: Mapping[str, Any] = json.loads(text)
    except ValueError as error:
        raise UnfitLines([gettext("What begins with “{” is read as JSON, and this is none.")]) from error
    return found


def _of_lines(text: str) -> dict[str, Any]:
    filters: dict[str, Any] = {}
    wrong: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        name, _, value = (part.strip() for part in line.partition(SIGN))
        name = name.lower().replace(" ", "_")
        wrong += [
            gettext("Line %(number)s: %(message)s") % {"number": number, "message": message}
            for message in _taken(filters, name, value)
        ]
    if wrong:
        raise UnfitLines(wrong)
    return filters


def _taken(filters: dict[str, Any], name: str, value: str) -> Iterator[str]:
    """Put a line's filter beside the others; what is wrong with it."""
    if name not in _FIELDS or not value:
        said = {"names": ", ".join(FILTERS)}
        yield gettext("expected a filter, “=” and its value. The filters are %(names)s.") % said
        return
    if name in filters and name != _HOURS:
        yield gettext("%(name)s stands there already: write its names behind each other, with commas.") % {
            "name": _in_words(name)
        }
        return
    if name == _HOURS:
        window = _window(value)
        if window is None:
            yield gettext("expected hours such as %(example)s.") % {"example": "mon-fri 08:00-17:30"}
        else:
            filters.setdefault(_HOURS, []).append(window)
        return
    field = _FIELDS[name]
    if field.default_factory is list:
        filters[name] = [one.strip() for one in value.split(",") if one.strip()]
    elif not isinstance(field.default, bool):
        filters[name] = value
    elif value.lower() in _SWITCHES:
        filters[name] = _SWITCHES[value.lower()]
    else:
        yield gettext("expected yes or no.")


def _in_words(name: str) -> str:
    return name.replace("_", " ")


def _window(text: str) -> dict[str, Any] | None:
    found = _WINDOW.fullmatch(text)
    if found is None:
        return None
    since, until = (moment.zfill(5) for moment in found.groups()[1:])
    days = [day for part in (found[1] or "").split(",") if part.strip() for day in _days(part.strip().lower())]
    return ({"days": days} if days else {}) | {"since": since, "until": until}


def _days(part: str) -> Sequence[str]:
    """Those of `mon` or `mon-fri`; another word stands for itself, and is refused where days are judged."""
    first, _, last = (word.strip() for word in part.partition("-"))
    if first in _DAYS and last in _DAYS and _DAYS.index(first) < _DAYS.index(last):
        return _DAYS[_DAYS.index(first) : _DAYS.index(last) + 1]
    return [part]


def _written(name: str, content: Any) -> Iterator[str]:
    """What stands behind the sign, for each line of this filter."""
    if name == _HOURS and isinstance(content, list) and all(isinstance(one, Mapping) for one in content):
        yield from (_of_window(one) for one in content)
    elif isinstance(content, list):
        yield ", ".join(map(str, content))
    elif isinstance(content, bool):
        yield "yes" if content else "no"
    else:
        yield str(content)


def _of_window(window: Mapping[str, Any]) -> str:
    days = list(window.get("days", ()))
    places = [_DAYS.index(day) for day in days if day in _DAYS]
    if len(places) > 2 and places == list(range(places[0], places[0] + len(days))):
        days = [f"{days[0]}-{days[-1]}"]
    return " ".join([*([", ".join(days)] if days else []), f"{window.get('since', '')}-{window.get('until', '')}"])
