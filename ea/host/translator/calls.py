"""Which functions a program calls: those of `api.tsv` in its language, and its own."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Final

from ea.host.translator.lexer import SourceError, Token
from ea.host.translator.rewriting import BUILT_IN, closing
from ea.host.translator.sources import Program

TABLE: Final = Path(__file__).parents[1] / "api.tsv"
_NO_CALLS: Final = BUILT_IN | {
    "if",
    "for",
    "while",
    "switch",
    "return",
    "sizeof",
    "new",
    "delete",
    "case",
    "else",
    "do",
    "operator",
    "input",
}

_NO_TYPES: Final = frozenset({"return", "else", "new", "delete", "case", "do"})


@dataclass(frozen=True, slots=True)
class Function:
    """One row: in which languages it exists, and what the shim gives: `yes`, `part`, `no`."""

    name: str
    mql4: bool
    mql5: bool
    shim: str
    note: str

    def exists_in(self, language: int) -> bool:
        """Whether this language has it."""
        return self.mql4 if language == 4 else self.mql5


@cache
def functions() -> dict[str, Function]:
    """The rows of api.tsv by name."""
    with TABLE.open(newline="", encoding="ascii") as file:
        rows = csv.DictReader(file, delimiter="\t")
        return {
            row["name"]: Function(row["name"], row["mql4"] == "y", row["mql5"] == "y", row["shim"], row["note"] or "")
            for row in rows
        }


_MQL4_NAMES: Final = frozenset(
    {"Bid", "Ask", "Bars", "Open", "High", "Low", "Close", "Volume", "Time", "Digits", "Point",
     "OP_BUY", "OP_SELL", "OP_BUYLIMIT", "OP_SELLLIMIT", "OP_BUYSTOP", "OP_SELLSTOP",
     "MODE_TRADES", "MODE_HISTORY", "SELECT_BY_POS", "SELECT_BY_TICKET"}
)  # fmt: skip
"""What MQL4 has without a call, and MQL5 has not."""


def check_names(program: Program, language: int) -> list[SourceError]:
    """MQL4's names in an MQL5 program. What stands behind a dot, or is declared or called, is another thing."""
    if language == 4:
        return []
    words, found = program.tokens, []
    own = set(program.defines) | {
        word.text
        for before, word in pairwise(words)
        if word.text in _MQL4_NAMES and before.kind == "id" and before.text not in _NO_TYPES
    }
    for place, word in enumerate(words[:-1]):
        before = words[place - 1] if place else word
        mql4 = word.kind == "id" and word.text in _MQL4_NAMES - own
        if not mql4 or words[place + 1].text in ("(", "::"):
            continue
        if before.text not in (".", "::"):
            found.append(SourceError(word.file, word.line, f"{word.text} does not exist in MQL5"))
    return found


def check_calls(program: Program, types: set[str], language: int) -> list[SourceError]:
    """What is called and is in no table, not in this language, or not in the shim."""
    own = _declared(program.tokens) | set(program.defines) | {one.name for one in program.imports} | types
    found = []
    for word in _called(program.tokens):
        if word.text in own:
            continue
        known = functions().get(word.text)
        if known is None:
            found.append(SourceError(word.file, word.line, f"unknown function {word.text}"))
        elif not known.exists_in(language):
            found.append(SourceError(word.file, word.line, f"{word.text} does not exist in MQL{language}"))
        elif known.shim == "no":
            found.append(SourceError(word.file, word.line, f"the shim has no {word.text}"))
    return found


def _called(words: Sequence[Token]) -> list[Token]:
    return [
        word
        for place, word in enumerate(words[:-1])
        if word.kind == "id"
        and words[place + 1].text == "("
        and words[place - 1].text not in (".", "::", "new", "~")
        and word.text not in _NO_CALLS
    ]


def _declared(words: Sequence[Token]) -> set[str]:
    """Names that follow a type: functions, methods, objects made with arguments. Without a type before it, an
    initialiser (`: m_x(0)`) or a function of old MQL4."""
    names = {"init", "start", "deinit"}
    pointers = _function_types(words)
    for place in range(1, len(words) - 1):
        word = words[place]
        if word.kind == "id" and words[place - 1].text in pointers:
            names.add(word.text)
        if word.kind != "id" or words[place + 1].text != "(":
            continue
        if _is_declared(words, place):
            names.add(word.text)
    return names


def _function_types(words: Sequence[Token]) -> set[str]:
    """`typedef double (*TFn)(double);`"""
    return {
        words[place + 4].text
        for place in range(len(words) - 5)
        if words[place].text == "typedef" and words[place + 2].text == "(" and words[place + 3].text == "*"
    }


def _is_declared(words: Sequence[Token], place: int) -> bool:
    before = words[place - 1]
    if before.kind == "id":
        return before.text not in _NO_TYPES
    if before.text in ("*", "&", ">", "::"):
        return words[place - 2].kind == "id" and _begins(words, place)
    if before.text in (":", ","):
        return _initialises(words, place)
    return before.text in ("}", ";") and _is_definition(words, place + 1)


def _initialises(words: Sequence[Token], place: int) -> bool:
    """Whether `name(..)` stands in the list between a constructor's head and its body."""
    while words[place].kind == "id" and words[place + 1].text == "(":
        behind = closing(words, place + 1) + 1
        if behind + 1 >= len(words) or words[behind].text != ",":
            return behind < len(words) and words[behind].text == "{"
        place = behind + 1
    return False


def _begins(words: Sequence[Token], place: int) -> bool:
    """Whether `T *name(` or `T<int> name(` is a declaration and no product or comparison: the statement begins with the
    type."""
    start = place - 2
    if words[place - 1].text == ">":
        while start > 0 and (words[start].kind == "id" or words[start].text in (",", "*", "::")):
            start -= 1
        start -= words[start].text == "<"
    while start > 0 and words[start - 1].kind == "id":
        start -= 1
    return start == 0 or words[start - 1].text in (";", "{", "}", ":", ",", "(") or words[place - 1].text == "::"


def _is_definition(words: Sequence[Token], opening: int) -> bool:
    depth = 0
    for place in range(opening, len(words) - 1):
        depth += (words[place].text == "(") - (words[place].text == ")")
        if depth == 0:
            return words[place + 1].text == "{"
    return False
