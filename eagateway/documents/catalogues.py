"""Catalogues of translations: what is marked in code and templates, the files that translate it, and what they compile
to.

Own code instead of GNU gettext's programs: who installs the gateway, or runs its tests, need not have them. Texts are
marked as Django has it: `gettext` and its kin in code, `translate` and `blocktranslate` in templates; where no
framework is known by `say` and `count`. Texts that stand in tables of the domain are marked by their table.
"""

import ast
import re
import struct
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.conf import settings
from django.utils.translation.template import templatize

from backoffice.policy import ROUTES, Members
from backoffice.templatetags.outside import SAID
from backoffice.templatetags.spoken import NAMES
from backoffice.tenants.setting_form import section_title
from backoffice.terminals import STANDINGS
from orders.domain.decision.settings import SETTINGS
from orders.domain.states.denials import SENTENCES
from sessions_app.domain.alerts import ALERTS
from sessions_app.domain.configuration import CHAIN, Whole

Text = tuple[str, str]
"""A text, and its plural or nothing."""
_ONE: Final = {"gettext", "gettext_lazy", "say"}
_TWO: Final = {"ngettext", "_n", "count"}
_CODE: Final = (
    "backoffice/**/*.py", "sessions_app/domain/letters.py", "sessions_app/domain/configuration.py",
    "orders/domain/provisioning/entries.py", "orders/domain/decision/*.py", "orders/domain/copies/repair_policies.py",
)  # fmt: skip
_TEMPLATES: Final = ("templates/tenants/*", "templates/profile/*", "templates/*.html")
_LITERAL: Final = r"""u?('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
_MARKED: Final = re.compile(rf"\b(?:_|gettext)\({_LITERAL}\)|\bngettext\({_LITERAL}, ?{_LITERAL}")
_PLACEHOLDER: Final = re.compile(r"%\(\w+\)[sd]|%%|`[^`]*`|\{\}|</?strong>|<a href=[^>]*>|</a>")
_HEAD: Final = (
    "Content-Type: text/plain; charset=UTF-8\n"
    "Content-Transfer-Encoding: 8bit\n"
    "Language: {language}\n"
    "Plural-Forms: nplurals=2; plural=(n != 1);\n"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One text with its translations: one, or of a text with a plural two. `fuzzy`: somebody has guessed."""

    text: Text
    said: tuple[str, ...]
    fuzzy: bool = False

    @property
    def whole(self) -> bool:
        """Whether it is translated in earnest, with the placeholders of its text and no others."""
        forms = [form for form in self.text if form]
        pairs = zip(forms, self.said, strict=True) if len(forms) == len(self.said) else ()
        fits = [bool(said) and placeholders(form) == placeholders(said) for form, said in pairs]
        return bool(fits) and all(fits) and not self.fuzzy


def placeholders(text: str) -> list[str]:
    """What is filled in, and what is no word: names between backticks."""
    return sorted(_PLACEHOLDER.findall(text))


def place(language: str) -> Path:
    """Where a language's catalogue lies."""
    return Path(settings.LOCALE_PATHS[0]) / language / "LC_MESSAGES" / "django.po"


# Marked texts ---------------------------------------------------------------------------------------------------------


def marked() -> Mapping[Text, Sequence[str]]:
    """Every marked text, with the files in which it stands."""
    found: dict[Text, set[str]] = defaultdict(set)
    root = Path(settings.BASE_DIR)
    for pattern in _CODE:
        for file in sorted(root.glob(pattern)):
            for text in _of_code(file.read_text()):
                found[text].add(str(file.relative_to(root)))
    for pattern in _TEMPLATES:
        for file in sorted(root.glob(pattern)):
            for text in _of_template(file.read_text()):
                found[text].add(str(file.relative_to(root)))
    for name, texts in _of_tables():
        for one in texts:
            found[one, ""].add(name)
    return {text: sorted(files) for text, files in found.items()}


def _of_code(source: str) -> Iterator[Text]:
    for node in ast.walk(ast.parse(source)):
        name = _called(node)
        if name in _ONE | _TWO and isinstance(node, ast.Call):
            words = [one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
            if name in _ONE and len(words) == 1:
                yield words[0], ""
            elif name in _TWO and len(words) == 2:
                yield words[0], words[1]
        elif name == "map" and isinstance(node, ast.Call) and ast.unparse(node.args[0]) in _ONE:
            yield from ((one, "") for one in ast.literal_eval(node.args[1]))


def _called(node: ast.AST) -> str:
    return ast.unparse(node.func).rpartition(".")[2] if isinstance(node, ast.Call) else ""


def _of_template(source: str) -> Iterator[Text]:
    for single, one, many in _MARKED.findall(templatize(source)):
        if single:
            yield ast.literal_eval(single), ""
        else:
            yield ast.literal_eval(one), ast.literal_eval(many)


def _of_tables() -> Iterator[tuple[str, Iterable[str]]]:
    members = (row.title for row in ROUTES.values() if isinstance(row.door, Members))
    yield "backoffice/policy.py", members
    yield "backoffice/templatetags/outside.py", (*SAID.values(), "Another program")
    yield "backoffice/templatetags/spoken.py", NAMES
    yield "backoffice/terminals.py", STANDINGS
    yield "orders/domain/decision/settings.py", (row.help.sentence for row in SETTINGS.rows)
    yield "orders/domain/decision/settings.py", {section_title(row.help.section) for row in SETTINGS.rows}
    yield "orders/domain/decision/settings.py", (row.title for row in SETTINGS.rows)
    yield "orders/domain/states/denials.py", SENTENCES.values()
    yield "sessions_app/domain/alerts.py", (meaning for _, meaning in ALERTS.values())
    yield "sessions_app/domain/configuration.py", (text for row in CHAIN for text in (row.title, row.help))
    yield "sessions_app/domain/configuration.py", {row.kind.unit for row in CHAIN if isinstance(row.kind, Whole)}


# Files ----------------------------------------------------------------------------------------------------------------


def read(source: str) -> dict[Text, Entry]:
    """The entries of a catalogue as it is written by hand."""
    found: dict[Text, Entry] = {}
    for block in source.split("\n\n"):
        parts: dict[str, str] = {}
        name = ""
        for line in block.splitlines():
            key, _, quoted = line.partition(" ") if line.startswith(("msgid", "msgstr")) else ("", "", line)
            name = key or name
            if quoted.startswith('"'):
                parts[name] = ("" if key else parts[name]) + ast.literal_eval(quoted)
        if not parts.get("msgid"):
            continue
        text = parts["msgid"], parts.get("msgid_plural", "")
        said = tuple(value for key, value in parts.items() if key.startswith("msgstr"))
        found[text] = Entry(text, said, fuzzy="#, fuzzy" in block)
    return found


def written(language: str, entries: Mapping[Text, Entry], texts: Mapping[Text, Sequence[str]]) -> str:
    """The catalogue of these texts, in their order, with what is known of them; the rest is left empty."""
    blocks = [f'msgid ""\nmsgstr ""\n{_lines(_HEAD.format(language=language))}']
    for text in sorted(texts):
        one, many = text
        said = entries[text].said if text in entries else ("", "") if many else ("",)
        lines = [f"#: {file}" for file in texts[text]]
        lines += ["#, fuzzy"] if text in entries and entries[text].fuzzy else []
        lines += [f"msgid {_quoted(one)}"]
        lines += [f"msgid_plural {_quoted(many)}"] if many else []
        lines += (
            [f"msgstr[{at}] {_quoted(form)}" for at, form in enumerate(said)]
            if many
            else [f"msgstr {_quoted(said[0])}"]
        )
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def compiled(language: str, entries: Iterable[Entry]) -> bytes:
    """The same as `gettext` reads it (GNU's MO, little endian)."""
    pairs = {b"": _HEAD.format(language=language).encode()}
    for entry in entries:
        if entry.whole:
            pairs["\0".join(form for form in entry.text if form).encode()] = "\0".join(entry.said).encode()
    keys = sorted(pairs)
    table, texts = 28, 28 + 16 * len(keys)
    of_keys, of_values, said = [], [], b""
    for key in keys:
        of_keys += [len(key), texts + len(said)]
        said += key + b"\0"
    for key in keys:
        of_values += [len(pairs[key]), texts + len(said)]
        said += pairs[key] + b"\0"
    head = struct.pack("<7I", 0x950412DE, 0, len(keys), table, table + 8 * len(keys), 0, texts)
    return head + struct.pack(f"<{4 * len(keys)}I", *of_keys, *of_values) + said


def _lines(text: str) -> str:
    return "\n".join(_quoted(line) for line in text.splitlines(keepends=True))


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
