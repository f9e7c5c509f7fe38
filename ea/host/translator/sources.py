"""Reads a program: flattens includes, decides #ifdef, takes out #property and #import."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ea.host.translator.lexer import SourceError, Token, decode, lex, without_comments

_DIRECTIVE: Final = re.compile(r"\s*#\s*(\w+)\s*(.*)", re.S)
_CONDITIONS: Final = frozenset({"ifdef", "ifndef", "else", "endif"})


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an imported function."""

    type: str
    name: str
    by_reference: bool
    is_array: bool


@dataclass(frozen=True, slots=True)
class Import:
    """A function of a DLL."""

    library: str
    returns: str
    name: str
    parameters: tuple[Parameter, ...]


@dataclass(slots=True)
class Program:
    """All of a program's words in order, and what its directives say. `defines` keeps the order of definition."""

    tokens: list[Token] = field(default_factory=list)
    properties: dict[str, str] = field(default_factory=dict)
    imports: list[Import] = field(default_factory=list)
    defines: dict[str, Token] = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)
    errors: list[SourceError] = field(default_factory=list)


class Reader:
    """Reads one program. Include folders are looked through in order, after the including file's own folder."""

    def __init__(self, folders: Iterable[Path], *, defined: Sequence[str]) -> None:
        self.program = Program()
        self._folders = list(folders)
        self._defined = set(defined)
        self._live: list[bool] = []
        self._library: str | None = None
        self._directives: dict[str, Callable[[str, Path, int], None]] = {
            "property": self._property, "include": self._include, "import": self._import,
            "define": self._define, "undef": self._undefine, "resource": self._ignore,
        }  # fmt: skip

    def read(self, path: Path) -> Program:
        """The program in this file.

        :raises OSError: it cannot be read
        """
        self._file(path)
        return self.program

    def _file(self, path: Path) -> None:
        real = path.resolve()
        if real in self.program.files:
            return
        self.program.files.append(real)
        lines = without_comments(decode(path.read_bytes())).split("\n")
        number = 0
        while number < len(lines):
            first, number = number, number + 1
            text = lines[first]
            if not text.lstrip().startswith("#"):
                self._code(text, path, first + 1)
                continue
            while text.endswith("\\") and number < len(lines):
                text = text[:-1] + " " + lines[number]
                number += 1
            self._directive(text, path, first + 1)
        self._library = None

    def _code(self, text: str, path: Path, line: int) -> None:
        if not all(self._live) or not text.strip():
            return
        words = list(lex(text, str(path), line, self.program.errors))
        if self._library is None:
            self.program.tokens += words
        else:
            self._prototypes += words

    def _directive(self, text: str, path: Path, line: int) -> None:
        found = _DIRECTIVE.match(text)
        word, rest = (found[1], found[2].strip()) if found else ("", "")
        if word in _CONDITIONS:
            self._condition(word, rest, path, line)
        elif all(self._live):
            act = self._directives.get(word)
            if act is None:
                self._error(path, line, f"unknown directive #{word}")
            else:
                act(rest, path, line)

    def _condition(self, word: str, rest: str, path: Path, line: int) -> None:
        if word in ("ifdef", "ifndef"):
            self._live.append((rest.split(maxsplit=1)[0] in self._defined) == (word == "ifdef") if rest else False)
        elif not self._live:
            self._error(path, line, f"#{word} without #ifdef")
        elif word == "else":
            self._live[-1] = not self._live[-1]
        else:
            self._live.pop()

    def _property(self, rest: str, path: Path, line: int) -> None:
        if rest:
            self.program.properties[rest.split(maxsplit=1)[0]] = rest

    def _include(self, rest: str, path: Path, line: int) -> None:
        found = re.match(r'["<]([^">]+)[">]', rest)
        name = found[1].replace("\\", "/") if found else rest
        for folder in (path.parent, *self._folders):
            if (folder / name).is_file():
                self._file(folder / name)
                return
        self._error(path, line, f"include not found: {name} (put it beside the program, or into a folder Include)")

    def _import(self, rest: str, path: Path, line: int) -> None:
        if self._library is not None:
            self.program.imports += read_prototypes(self._library, self._prototypes, self.program.errors)
        found = re.match(r'"([^"]+)"', rest)
        self._library = found[1] if found else None
        self._prototypes: list[Token] = []

    def _define(self, rest: str, path: Path, line: int) -> None:
        found = re.match(r"\w+", rest)
        if found is None:
            self._error(path, line, "#define without a name")
            return
        self._defined.add(found[0])
        self.program.defines.pop(found[0], None)
        self.program.defines[found[0]] = Token("pp", rest, str(path), line)

    def _ignore(self, rest: str, path: Path, line: int) -> None:
        """A resource lies in the compiled program, of which there is none here."""

    def _undefine(self, rest: str, path: Path, line: int) -> None:
        self._defined.discard(rest)
        self.program.defines.pop(rest, None)

    def _error(self, path: Path, line: int, message: str) -> None:
        self.program.errors.append(SourceError(str(path), line, message))


def read_prototypes(library: str, words: Sequence[Token], errors: list[SourceError]) -> list[Import]:
    """`int Name(string a, uchar &b[]);` and so on."""
    found = []
    for declaration in split(words, ";"):
        texts = [word.text for word in declaration]
        if not texts:
            continue
        if "(" not in texts or texts[-1] != ")" or texts.index("(") < 2:
            errors.append(SourceError(declaration[0].file, declaration[0].line, "cannot read this import"))
            continue
        start = texts.index("(")
        inside = split(declaration[start + 1 : -1], ",")
        parameters = tuple(_parameter([word.text for word in part], place) for place, part in enumerate(inside) if part)
        named = tuple(one for one in parameters if one.type != "void")
        found.append(Import(library, texts[start - 2], texts[start - 1], named))
    return found


def _parameter(texts: list[str], place: int) -> Parameter:
    words = [text for text in texts if text != "const"]
    if "=" in words:
        words = words[: words.index("=")]
    names = [text for text in words[1:] if text.isidentifier()]
    return Parameter(words[0], names[0] if names else f"a{place}", "&" in words, "[" in words)


def split(words: Sequence[Token], separator: str) -> list[list[Token]]:
    """The parts between separators that stand in no bracket; the part after the last one only if there is one."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for word in words:
        if word.kind == "op" and word.text == separator and depth == 0:
            parts.append([])
            continue
        if word.kind == "op":
            depth += (word.text in "([{") - (word.text in ")]}")
        parts[-1].append(word)
    return parts if parts[-1] else parts[:-1]
