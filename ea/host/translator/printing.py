"""The rewritten words as one C++ file: what must come first, the body with its line numbers, the events."""

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final

from ea.host.translator.lexer import Token
from ea.host.translator.literals import as_cpp
from ea.host.translator.rewriting import Rewriter, closing
from ea.host.translator.sources import Import, Program

SHIM: Final = Path(__file__).parents[1] / "shim"
EVENTS: Final = {
    "OnInit": "", "OnDeinit": "reason", "OnTick": "", "OnTimer": "", "OnStart": "", "OnTester": "",
    "OnChartEvent": "id,l,d,s", "OnTradeTransaction": "t,q,r", "init": "", "deinit": "", "start": "",
}  # fmt: skip
_TAKES: Final = {
    "OnChartEvent": "int id,mql_long l,double d,const string &s",
    "OnTradeTransaction": "const ea::MqlTradeTransaction &t,const ea::MqlTradeRequest &q,const ea::MqlTradeResult &r",
}
_IMPORTED: Final = {"long": "mql_long", "ulong": "mql_ulong"}


@cache
def functions_of_the_shim() -> frozenset[str]:
    """The functions of the terminal that the shim gives."""
    with (SHIM.parent / "api.tsv").open(newline="", encoding="ascii") as file:
        return frozenset(row["name"] for row in csv.DictReader(file, delimiter="\t") if row["shim"] != "no")


class Functions:
    """The free functions of a program. `prototypes` as C++, default values included; `returns` by name."""

    def __init__(self, words: Sequence[Token]) -> None:
        self.prototypes: list[str] = []
        self.returns: dict[str, str] = {}
        self.takes: dict[str, int] = {}
        self._dropped: set[int] = set()
        self._typeless: set[int] = set()
        self._words = words
        self._declared: list[tuple[int, int, str]] = []
        self._find()
        for start, end, name in self._declared:
            if name in self.returns:
                self._dropped.update(range(start, end + 1))
        self.words = [
            word._replace(text=f"int {word.text}") if place in self._typeless else word
            for place, word in enumerate(words)
            if place not in self._dropped
        ]

    def _find(self) -> None:
        place = start = 0
        while place < len(self._words):
            text = self._words[place].text
            if text == "{":
                place = closing(self._words, place)
                start = place + 1
            elif text.endswith(";"):
                start = place + 1
            elif text == "(":
                end = closing(self._words, place)
                self._function(start, place, end)
                place = end
            place += 1

    def _function(self, start: int, opening: int, end: int) -> None:
        head = [word.text for word in self._words[start:opening]]
        following = self._words[end + 1].text if end + 1 < len(self._words) else ""
        if not head or "::" in head or "=" in head or not head[-1].isidentifier() or "class" in head[:1]:
            return
        if following == ";" and len(head) > 1:
            self._declared.append((start, end + 1, head[-1]))
        if following != "{":
            return
        if len(head) == 1:
            head.insert(0, "int")  # MQL4 without #property strict
            self._typeless.add(start)
        name = head[-1]
        self.returns[name] = head[-2]
        inside = [word.text for word in self._words[opening + 1 : end]]
        self.takes[name] = 0 if inside in ([], ["void"]) else 1 + inside.count(",")
        self.prototypes.append(" ".join([*head, "(", *inside, ");"]))
        self._drop_defaults(opening + 1, end)

    def _drop_defaults(self, start: int, end: int) -> None:
        """C++ wants a default value once, and the prototype has it."""
        depth, dropping = 0, False
        for place in range(start, end):
            text = self._words[place].text
            if depth == 0 and text == "=":
                dropping = True
            elif depth == 0 and text == ",":
                dropping = False
            depth += (text in ("(", "{", "[")) - (text in (")", "}", "]"))
            if dropping:
                self._dropped.add(place)


def print_program(program: Program, rewriter: Rewriter, words: Sequence[Token], *, strict: bool = True) -> str:
    """The C++ file. Not `strict`: an index that is out of range ends nothing."""
    functions = Functions(words)
    names = rewriter.names
    known = functions_of_the_shim()  # as GetTickCount, which some import from Windows
    loose = [] if strict else ["#define MQL_NOT_STRICT"]
    lines = ["// made from MQL: do not edit", *loose, '#include "mql.hpp"', "namespace ea {", "using ::EnumToString;"]
    lines += [f"typedef int {name};" for name in sorted(names.types) if _is_unknown(name, names.enums)]
    lines += [rewriter.define(name, body) for name, body in program.defines.items()]
    lines += [" ".join(word.text for word in rewriter.head)]
    lines += [f"{kind if kind in ('class', 'union') else 'struct'} {name};" for kind, name in names.classes]
    lines += [" ".join(word.text for word in rewriter.typedefs)]
    lines += [
        f"using ::{one.name};" if one.name in known else _imported(one, rewriter, program.defines)
        for one in program.imports
    ]
    lines += [_names_of(enum, members) for enum, members in names.enums.items()]
    lines += functions.prototypes
    lines += _body(functions.words)
    lines += ['#line 1 "<events>"', "}  // namespace ea", *_events(functions)]
    return "\n".join(lines) + "\n"


@cache
def _enumerations() -> frozenset[str]:
    """Those that the shim names."""
    text = "".join(path.read_text(encoding="utf-8") for path in SHIM.glob("*.hpp"))
    return frozenset(re.findall(r"(?:typedef int|enum) (ENUM_\w+)", text))


def _is_unknown(name: str, declared: Mapping[str, Sequence[str]]) -> bool:
    """An enumeration of the terminal's that the shim has no use for."""
    return name.startswith("ENUM_") and name not in declared and name not in _enumerations()


def _body(words: Iterable[Token]) -> list[str]:
    """One line for each line of the source, so that the compiler tells where the source is wrong."""
    lines: list[str] = []
    file, line = "", 0
    for word in words:
        if word.file != file or not line <= word.line <= line + 8 or not lines:
            lines += [f'#line {word.line} "{word.file}"', word.text]
        elif word.line > line:
            lines += [""] * (word.line - line - 1) + [word.text]
        else:
            lines[-1] += " " + word.text
        file, line = word.file, word.line
    return lines


def _names_of(enum: str, members: Sequence[str]) -> str:
    cases = " ".join(f'if(v=={member}) return _S(u"{member}");' for member in dict.fromkeys(members))
    return f"inline string EnumToString({enum} v) {{ {cases} return string((int)v); }}"


def _imported(one: Import, rewriter: Rewriter, defines: Mapping[str, Token]) -> str:
    """A function that looks the DLL's function up at its first call."""
    declared, types, given = [], [], []
    for parameter in one.parameters:
        kind = _IMPORTED.get(parameter.type, parameter.type)
        name = as_cpp(Token("id", parameter.name, "", 0), rewriter.errors)
        if parameter.is_array:
            declared.append(f"Array<{kind}>&{name}")
            types.append(f"{kind}*")
            given.append(f"{name}.data()")
        elif parameter.type == "string":
            declared.append(f"const string &{name}")
            types.append("const char16_t*")
            given.append(f"{name}.dll()")
        else:
            reference = "&" if parameter.by_reference else ""
            declared.append(f"{kind} {reference}{name}")
            types.append(kind + ("*" if parameter.by_reference else ""))
            given.append(reference + name)
    returns = _IMPORTED.get(one.returns, one.returns)
    spelt = {"const char16_t*": "text*"}
    whole = f"{returns}({''.join(spelt.get(kind, kind) + ',' for kind in types)})"
    for name, body in defines.items():  # a type may be named by a macro
        whole = re.sub(rf"\b{name}\b", body.text.partition(" ")[2].strip(), whole)
    call = (
        f'static F f=(F)mql_import("{one.library}","{one.name}","{whole}",mql_language); return f({",".join(given)});'
    )
    return f"inline {returns} {one.name}({','.join(declared)}) {{ typedef {returns} (*F)({','.join(types)}); {call} }}"


def _events(functions: Functions) -> list[str]:
    lines = []
    for event, arguments in EVENTS.items():
        takes = _TAKES.get(event, "int reason")
        if event not in functions.returns:
            lines.append(f"void *mql_hook_{event}=nullptr;")
            continue
        given = arguments if functions.takes[event] else ""
        call = f"ea::{event}({given})"
        body = f"{call}; return 0;" if functions.returns[event] == "void" else f"return (int){call};"
        lines.append(f"static int call_{event}({takes}) {{ {body} }} void *mql_hook_{event}=(void*)call_{event};")
    return lines
