"""What our own sources may not say, though some compiler would take it. Foreign sources are not asked."""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from ea.host.translator.lexer import SourceError, Token
from ea.host.translator.literals import CPP_ONLY
from ea.host.translator.rewriting import BUILT_IN
from ea.host.translator.sources import Program

_LONGEST_SLEEP: Final = 50
_TRADE: Final = frozenset({"OrderSend", "OrderClose", "OrderModify", "OrderDelete", "OrderCloseBy", "OrderSendAsync"})
_SAYING: Final = frozenset({"Print", "PrintFormat", "Alert", "Comment", "SendNotification", "SendMail", "printf"})
_SECRET: Final = re.compile(r"token|secret|auth_?key|account_?key|password", re.I)
_HANDLES: Final = frozenset({"iMA", "iATR", "iRSI", "WinHttpOpen", "WinHttpConnect", "WinHttpOpenRequest"})
_NOT_HERE: Final = {
    "->": "MQL has no ->", "goto": "MQL has no goto", "FILE_COMMON": "other terminals read the common folder",
    "GlobalVariableSet": "variables of the terminal are no place for truth", "GlobalVariableSetOnCondition":
    "variables of the terminal are no place for truth", "AccountNumber": "it changes under our feet: read Identity",
    "StringConcatenate": "another signature in MQL5", "StringTrimLeft": "another signature in MQL5",
    "StringTrimRight": "another signature in MQL5", "delete[]": "MQL deletes one object", "template": "keep it simple",
    "typedef": "not in the subset", "union": "not in the subset", "SendFTP": "nothing leaves by FTP",
}  # fmt: skip
_ALLOWED_IN: Final = {"AccountNumber": "Identity"}


def check_style(program: Program) -> list[SourceError]:
    """Every breach, in order of lines."""
    errors: list[SourceError] = []
    if "strict" not in program.properties:
        first = program.tokens[0] if program.tokens else Token("id", "", "source", 1)
        errors.append(SourceError(first.file, 1, "#property strict is missing"))
    for place in range(len(program.tokens)):
        for check in _CHECKS:
            errors += [
                SourceError(program.tokens[place].file, program.tokens[place].line, message)
                for message in check(program.tokens, place)
            ]
    for name, body in program.defines.items():
        if "(" in body.text.split(maxsplit=1)[0]:
            errors.append(SourceError(body.file, body.line, f"{name} is a macro with parameters: write a function"))
    return errors


def check_bytes(path: str, raw: bytes) -> list[SourceError]:
    """Our sources are ASCII without a mark, so that every editor shows the same."""
    return [
        SourceError(path, number, "a byte that is not ASCII")
        for number, line in enumerate(raw.split(b"\n"), 1)
        if not line.isascii()
    ]


def _arguments(words: Sequence[Token], place: int) -> list[Token]:
    """The words between the brackets of the call at `place`; none if it is no call."""
    if place + 1 >= len(words) or words[place + 1].text != "(":
        return []
    depth, end = 0, place + 1
    while end < len(words):
        depth += (words[end].text == "(") - (words[end].text == ")")
        if depth == 0:
            break
        end += 1
    return list(words[place + 2 : end])


def _foreign_words(words: Sequence[Token], place: int) -> Iterator[str]:
    word = words[place]
    if word.text in _NOT_HERE and word.kind in ("id", "op"):
        if _ALLOWED_IN.get(word.text) != Path(word.file).stem:
            yield _NOT_HERE[word.text]
    elif word.kind == "id" and word.text in CPP_ONLY:
        yield f"{word.text} is not MQL"


def _sleeping(words: Sequence[Token], place: int) -> Iterator[str]:
    if words[place].text != "Sleep":
        return
    inside = _arguments(words, place)
    if len(inside) != 1 or inside[0].kind != "num" or float(inside[0].text) > _LONGEST_SLEEP:
        yield f"Sleep takes a number of at most {_LONGEST_SLEEP} ms"


def _trading(words: Sequence[Token], place: int) -> Iterator[str]:
    word = words[place]
    if word.text in _TRADE and "Broker" not in Path(word.file).stem:
        yield f"{word.text} outside of Broker"


def _secrets(words: Sequence[Token], place: int) -> Iterator[str]:
    if words[place].text in _SAYING:
        told = [one.text for one in _arguments(words, place) if one.kind == "id" and _SECRET.search(one.text)]
        if told:
            yield f"{told[0]} is a secret"


def _null_text(words: Sequence[Token], place: int) -> Iterator[str]:
    around = {words[place - 1].text if place else "", words[place + 1].text if place + 1 < len(words) else ""}
    if words[place].text == "NULL" and "+" in around:
        yield "NULL in a sum of strings"


def _handles(words: Sequence[Token], place: int) -> Iterator[str]:
    named = [word.text for word in words[place : place + 4]]
    if len(named) == 4 and named[0] == "int" and named[2] == "=" and named[3] in _HANDLES:
        yield "a handle in an int: MQL5 has 64 bits"


def _pointers(words: Sequence[Token], place: int) -> Iterator[str]:
    word = words[place]
    if (
        place + 2 < len(words)
        and word.text in BUILT_IN
        and words[place + 1].text == "*"
        and words[place + 2].kind == "id"
    ):
        yield "MQL has no pointers to built-in types"


def _references(words: Sequence[Token], place: int) -> Iterator[str]:
    before = words[place - 1].text if place else ";"
    texts = [one.text for one in words[place : place + 4]]
    if before in (";", "{", "}") and texts[0] in BUILT_IN and texts[1:2] == ["&"] and texts[3:4] == ["="]:
        yield "MQL has no references but parameters"


def _parameters(words: Sequence[Token], place: int) -> Iterator[str]:
    texts = [one.text for one in words[place : place + 3]]
    if len(texts) == 3 and texts[0] in BUILT_IN and texts[2] == "[" and words[place + 1].kind == "id":
        before = words[place - 1].text if place else ";"
        following = words[place + 3].text if place + 3 < len(words) else ""
        if before in ("(", ",", "const") and following == "]" and _in_head(words, place):
            yield "an array parameter is passed by reference (&)"


def _in_head(words: Sequence[Token], place: int) -> bool:
    depth = 0
    for one in range(place - 1, -1, -1):
        depth += (words[one].text == ")") - (words[one].text == "(")
        if depth < 0:
            return one > 1 and words[one - 1].kind == "id" and words[one - 2].kind == "id"
        if words[one].text in (";", "{", "}"):
            return False
    return False


_CHECKS: Final[tuple[Callable[[Sequence[Token], int], Iterator[str]], ...]] = (
    _foreign_words, _sleeping, _trading, _secrets, _null_text, _handles, _pointers, _references, _parameters,
)  # fmt: skip
