"""MQL literals and names as C++ writes them."""

import calendar
import re
import time
from typing import Final

from ea.host.translator.lexer import SourceError, Token

# Ordinary names in MQL, keywords in C++ or names that its headers take.
CPP_ONLY: Final = frozenset(
    {
        "and",
        "and_eq",
        "asm",
        "auto",
        "bitand",
        "bitor",
        "compl",
        "constexpr",
        "const_cast",
        "decltype",
        "explicit",
        "export",
        "friend",
        "goto",
        "inline",
        "mutable",
        "namespace",
        "noexcept",
        "not",
        "not_eq",
        "nullptr",
        "or",
        "or_eq",
        "reinterpret_cast",
        "register",
        "signed",
        "static_cast",
        "throw",
        "try",
        "catch",
        "typeid",
        "typename",
        "union",
        "unsigned",
        "using",
        "volatile",
        "wchar_t",
        "xor",
        "xor_eq",
        "errno",
        "stdin",
        "stdout",
        "stderr",
    }
)
_KEPT: Final = frozenset({"namespace", "typename", "union"})
_NAMES: Final = {
    "long": "mql_long", "ulong": "mql_ulong", "interface": "struct", "NULL": "mql_NULL",
    "__FUNCTION__": "_A(__FUNCTION__)", "__FUNCSIG__": "_A(__PRETTY_FUNCTION__)", "__FILE__": "_A(__FILE__)",
    "__PATH__": "_A(__FILE__)", "__DATE__": "((datetime)0)", "__DATETIME__": "((datetime)0)", "__MQLBUILD__": "1420",
    "__MQL4BUILD__": "1420", "__MQL5BUILD__": "4000",
}  # fmt: skip
_NO_ESCAPE: Final = re.compile(r"(?<!\\)((?:\\\\)*)\\([uUN])")
_DOUBLED: Final = r"\1\\\\\2"  # MQL knows no such escape: the letter is a letter
_DATES: Final = (
    "%Y.%m.%d %H:%M:%S", "%Y.%m.%d %H:%M", "%Y.%m.%d %H", "%Y.%m.%d", "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y",
    "%Y/%m/%d %H:%M", "%Y/%m/%d", "%H:%M:%S", "%H:%M",
)  # fmt: skip


def as_cpp(word: Token, errors: list[SourceError]) -> str:
    """One word in C++."""
    match word.kind:
        case "str":
            return f"_S(u{_NO_ESCAPE.sub(_DOUBLED, word.text)})"
        case "chr":
            return f"(ushort)u{word.text}"
        case "date":
            return _date(word, errors)
        case "colour":
            return _colour(word, errors)
        case "id":
            return _name(word.text)
        case _:
            return word.text


def _name(text: str) -> str:
    if text in CPP_ONLY and text not in _KEPT:
        return text + "_"
    return _NAMES.get(text, text)


def _date(word: Token, errors: list[SourceError]) -> str:
    text = word.text[2:-1].strip()
    for form in _DATES:
        try:
            return f"((datetime){calendar.timegm(time.strptime(text, form))}L)"
        except ValueError:
            continue
    errors.append(SourceError(word.file, word.line, "this date literal is not read"))
    return "((datetime)0)"


def _whole(text: str) -> int:
    return int(text, 16) if text.lower().startswith("0x") else int(text)


def _colour(word: Token, errors: list[SourceError]) -> str:
    try:
        red, green, blue = (_whole(part.strip()) for part in word.text[2:-1].split(","))
    except ValueError:
        errors.append(SourceError(word.file, word.line, "this colour literal is not read"))
        return "0"
    return str(red | green << 8 | blue << 16)
