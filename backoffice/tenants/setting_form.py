"""The form of a subscription's settings, made from their table: fields, help and bounds are declared there."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from django import forms
from django.forms import BoundField
from django.utils.translation import gettext

from backoffice.templatetags.outside import said
from backoffice.templatetags.spoken import setting_name
from backoffice.written.entries import FILTERS, in_entries, read_entries
from backoffice.written.pairs import UnfitLines, begun, in_lines, read_pairs
from orders.domain.decision.setting_table import Amount, Choice, Content, Setting, Switch, Text, Whole
from orders.domain.decision.settings import SETTINGS, Settings
from orders.domain.provisioning.settings import settings_of
from sessions_app.domain.decimals import plain
from sessions_app.domain.said import translated

_DEFAULTS: Final = {row.name: row.default for row in SETTINGS.rows}
_TITLES: Final = {row.name: row.title for row in SETTINGS.rows}
_NAMED: Final = re.compile("`([^`]*)`")
_WORD: Final = {"spellcheck": "false"}


class SettingsForm(forms.Form):
    """One field for each setting, read and judged as in a provisioning file."""

    def __init__(
        self,
        *args: Any,
        document: Mapping[str, Any] | None = None,
        at: str = "",
        missing: str = "",
        meant: str = "",
        **options: Any,
    ) -> None:
        """`document`: the settings that the form begins with; without it the defaults. `at`: the one for whose sake it
        was opened; `missing`: a symbol whose line in the map is begun, for the other name to be written behind it, or
        stands with `meant` as that name."""
        written = document or {}
        self._at = at
        self._begun, _ = settings_of(written, SETTINGS)
        initial = {row.name: _shown(row, written.get(row.name)) for row in SETTINGS.rows}
        if missing:
            initial["symbol_map"] = begun(initial["symbol_map"], missing, meant)
        options["initial"] = {**initial, **options.get("initial", {})}
        super().__init__(*args, **options)
        for row in SETTINGS.rows:
            self.fields[row.name] = _field(row)

    def clean(self) -> dict[str, Any]:
        """The typed settings, as `wanted`; each mistake at its field."""
        sent = super().clean() or self.cleaned_data
        document, unread = {}, set()
        for row in SETTINGS.rows:
            try:
                document[row.name] = _typed(row, sent.get(row.name))
            except UnfitLines as lines:
                unread.add(row.name)
                self.add_error(row.name, lines.sentences)
        wanted, mistakes = settings_of(document, SETTINGS)
        for mistake in mistakes:
            name, _, below = mistake.path.partition(".")
            name, _, key = name.partition("[")
            where = f"{below or key.rstrip(']')}: " if below or key else ""
            if name not in unread:
                why = translated(mistake.message, gettext)
                self.add_error(name if name in self.fields else None, f"{where}{why}")
        self.wanted: Settings = wanted
        return sent

    @property
    def idle(self) -> Mapping[str, str]:
        """What is to be said of each setting that nothing looks at beside the others."""
        wanted = self.wanted if self.is_bound else self._begun
        return {name: _idle(name, by, getattr(wanted, by)) for name, by in SETTINGS.idle(wanted)}

    def groups(self) -> Iterator[tuple[str, bool, list[tuple[BoundField, str]]]]:
        """Title, whether something stands there that one should see, and of each group the fields, each with what is to
        be said of it as it stands."""
        idle = self.idle
        by_section: dict[str, list[Setting]] = {}
        for row in SETTINGS.rows:
            by_section.setdefault(row.help.section, []).append(row)
        for number, (section, rows) in enumerate(by_section.items()):
            fields = [self[row.name] for row in rows]
            told = number == 0 or any(map(_is_told, rows, fields)) or any(row.name == self._at for row in rows)
            yield gettext(section_title(section)), told, [(field, idle.get(field.name, "")) for field in fields]

    def beside(self) -> list[BoundField]:
        """What else the form asks for."""
        return [field for field in self if field.name not in _DEFAULTS and not field.is_hidden]


def section_title(section: str) -> str:
    """What a group of settings is called."""
    return section.replace("-", " ").capitalize()


def _idle(name: str, by: str, value: Any) -> str:
    names = {"setting": gettext(_TITLES[name]), "by": gettext(_TITLES[by]), "value": said(str(value))}
    return gettext("“%(setting)s” has no effect while “%(by)s” is “%(value)s”.") % names


def _is_told(row: Setting, field: BoundField) -> bool:
    """Whether something else than the default stands there, or something wrong."""
    return bool(field.errors) or (field.value() or "") != (_shown(row, None) or "")


def _shown(row: Setting, value: Any) -> Any:
    """A setting as its field shows it."""
    value = row.default if value is None else value
    match row.kind:
        case Switch():
            return bool(value)
        case Content():
            return in_lines(value) if row.kind.pairs else in_entries(value)
        case _:
            return "" if value is None else plain(value) if hasattr(value, "as_tuple") else str(value)


def _typed(row: Setting, text: Any) -> Any:
    """What a document would say; None for what was left empty.

    :raises UnfitLines: lines that are none of its entries
    """
    match row.kind:
        case Switch():
            return bool(text)
        case Content(check):
            return read_pairs(text or "", check) if row.kind.pairs else read_entries(text or "")
        case Whole():
            return int(text) if text and text.strip().isascii() and text.strip().isdigit() else (text or None)
        case Text():
            return text or ""
        case _:
            return text.strip() if text and text.strip() else None


def help_of(row: Setting) -> str:
    """What a setting does; other settings and values are called as the form calls them."""
    return _NAMED.sub(_in_words, gettext(row.help.sentence))


def _in_words(name: re.Match[str]) -> str:
    """A setting or a value that a sentence names, as the form calls it."""
    return f"\u201c{setting_name(name[1]) if name[1] in _DEFAULTS else said(name[1])}\u201d"


def _bounds(row: Setting) -> Iterator[str]:
    """What a number may be, and what holds where none is typed: the same as is said of a mistake; how
    entries are written."""
    match row.kind:
        case Whole(least, most):
            yield gettext("%(least)s to %(most)s.") % {"least": f"{least:,}", "most": f"{most:,}"}
        case Content(example=example, pairs=pairs):
            shown = {"example": f"\u201c{example}\u201d"}
            if pairs:
                yield gettext("One pair a line, such as %(example)s.") % shown
            else:
                yield gettext("One a line, such as %(example)s; hours such as “hours = mon-fri 08:00-17:30”.") % shown
                yield gettext("Hours are UTC, unless a line says “time zone = Europe/Berlin”.")
                yield gettext("The filters are %(names)s.") % {"names": ", ".join(FILTERS)}
            return
        case Amount(_, floor):
            yield gettext("Above 0.") if floor is None else gettext("%(least)s or more.") % {"least": plain(floor)}
        case _:
            return
    if row.default is None:
        yield gettext("Empty: not set.")
    else:
        yield gettext("Empty: %(value)s.") % {"value": _shown(row, None)}


def _lines(example: str) -> forms.Textarea:
    """Where several lines are written, with an example of what belongs there."""
    return forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "placeholder": example})


def _field(row: Setting) -> forms.Field:
    help_text = " ".join([help_of(row), *_bounds(row)])
    common: dict[str, Any] = {"label": gettext(row.title), "required": False, "help_text": help_text}
    match row.kind:
        case Choice(names):
            return forms.ChoiceField(choices=[(one.value, said(one.value)) for one in names], **common)
        case Switch():
            return forms.BooleanField(**common)
        case Content():
            return forms.CharField(max_length=20_000, widget=_lines(row.kind.example), **common)
        case Whole() | Amount():
            # What holds where nothing is typed.
            shown = {**_WORD, "inputmode": "decimal", "placeholder": _shown(row, None)}
            return forms.CharField(max_length=40, widget=forms.TextInput(attrs=shown), **common)
        case Text():
            return forms.CharField(max_length=100, strip=False, widget=forms.TextInput(attrs=_WORD), **common)
