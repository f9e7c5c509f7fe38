"""MQL text to tokens. Every token knows its file and line."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple


class Token(NamedTuple):
    """One word of the source. `kind`: id, num, str, chr, date, colour, op, or pp for a #define."""

    kind: str
    text: str
    file: str
    line: int


class SourceError(NamedTuple):
    """What is wrong with a source, and where."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: error: {self.message}"


_WORD: Final = re.compile(
    r"""
  (?P<space>\s+)
| (?P<date>D'[^'\n]*') | (?P<colour>C'[^'\n]*')
| (?P<str>"(?:\\.|[^"\\\n])*") | (?P<chr>'(?:\\.|[^'\\\n])+')
| (?P<num>0[xX][0-9a-fA-F]+ | (?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[fF]?)
| (?P<id>[A-Za-z_]\w*)
| (?P<op><<=|>>=|\+\+|--|->|::|&&|\|\||[<>=!+\-*/%&|^]=|<<|>>|[-+*/%=<>!~?:;,.&|^(){}\[\]\#])
""",
    re.X,
)
_COMMENT: Final = re.compile(r"""("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|//[^\n]*|/\*.*?(?:\*/|\Z)""", re.S)


def decode(raw: bytes) -> str:
    """The text of a source: UTF-16 with its mark, UTF-8, or what old editors wrote (cp1251 keeps all bytes but one)."""
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = raw.decode("utf-16")
    else:
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = raw.decode("cp1251", errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def without_comments(text: str) -> str:
    """Comments become blanks; lines stay where they are."""
    return _COMMENT.sub(lambda found: found[1] or " " + "\n" * found[0].count("\n"), text)


def lex(text: str, file: str, line: int, errors: list[SourceError]) -> Iterator[Token]:
    """The tokens of a text without comments, which begins at this line."""
    position = 0
    while position < len(text):
        found = _WORD.match(text, position)
        if found is None:
            errors.append(SourceError(file, line, f"stray character {text[position]!r}"))
            position += 1
            continue
        word = found.group()
        if found.lastgroup != "space":
            yield Token(found.lastgroup or "", word, file, line)
        line += word.count("\n")
        position = found.end()
