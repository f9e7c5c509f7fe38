"""What differs between MQL and C++, word by word: arrays, the dot of pointers, inputs, enumerations."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from ea.host.translator.lexer import SourceError, Token, lex
from ea.host.translator.literals import as_cpp
from ea.host.translator.sources import Program, split

BUILT_IN: Final = frozenset(
    {
        "void",
        "bool",
        "char",
        "uchar",
        "short",
        "ushort",
        "int",
        "uint",
        "long",
        "ulong",
        "float",
        "double",
        "string",
        "datetime",
        "color",
    }
)
SHIM_TYPES: Final = frozenset(
    {"MqlTick", "MqlRates", "MqlDateTime", "MqlTradeRequest", "MqlTradeResult", "MqlTradeTransaction"}
)
_KINDS: Final = frozenset({"class", "struct", "interface", "union", "enum"})
_INPUTS: Final = frozenset({"input", "sinput", "extern"})
_NOT_OPERANDS: Final = frozenset({"return", "case", "else", "delete", "new", "if", "while", "for", "switch", "do"})
_OPENING: Final = {")": "(", "]": "[", "}": "{"}


@dataclass(slots=True)
class Names:
    """The types of a program: `classes` as (kind, name) in order, `enums` with their members."""

    types: set[str] = field(default_factory=set)
    classes: list[tuple[str, str]] = field(default_factory=list)
    enums: dict[str, list[str]] = field(default_factory=dict)
    inputs: list[tuple[str, str]] = field(default_factory=list)


def collect(words: Sequence[Token]) -> Names:
    """The types that a program declares."""
    names = Names(set(BUILT_IN | SHIM_TYPES))
    for place, word in enumerate(words[:-1]):
        following = words[place + 1]
        if word.kind != "id" or following.kind != "id":
            if word.text.startswith("ENUM_"):
                names.types.add(word.text)
            continue
        if word.text == "typename" or (word.text == "class" and words[place - 1].text in ("<", ",")):
            names.types.add(following.text)
        elif word.text == "enum":
            names.types.add(following.text)
            names.enums[following.text] = _members(words, place + 2)
        elif word.text in _KINDS:
            names.types.add(following.text)
            template = place > 0 and words[place - 1].text == ">"
            if not template and (word.text, following.text) not in names.classes:
                names.classes.append((word.text, following.text))
        if word.text.startswith("ENUM_"):
            names.types.add(word.text)
    return names


def _members(words: Sequence[Token], start: int) -> list[str]:
    found = []
    for place in range(start, len(words)):
        if words[place].text == "}":
            break
        if words[place].kind == "id" and words[place - 1].text in ("{", ","):
            found.append(words[place].text)
    return found


def closing(words: Sequence[Token], start: int) -> int:
    """Where the bracket that opens at `start` closes; the last word if it never does."""
    depth = 0
    for place in range(start, len(words)):
        if words[place].kind == "op":
            depth += (words[place].text in "([{") - (words[place].text in ")]}")
            if depth == 0:
                return place
    return len(words) - 1


class Rewriter:
    """Rewrites a program's words. `head` is what must stand before everything else (enumerations), `typedefs` what must
    stand before the functions.
    """

    def __init__(self, program: Program, names: Names) -> None:
        self.errors = program.errors
        self.names = names
        self.head: list[Token] = []
        self.typedefs: list[Token] = []
        self._words: Sequence[Token] = ()
        self._place = 0
        self._open: list[str] = []
        self.out: list[Token] = []

    def rewrite(self, words: Sequence[Token], *, inside: Sequence[str] = ()) -> list[Token]:
        """The words in C++. `inside`: the brackets that are open around them."""
        outer = (self._words, self._place, self._open, self.out)
        self._words, self._place, self._open, self.out = words, 0, list(inside), []
        while self._place < len(words):
            self._step()
        result = self.out
        self._words, self._place, self._open, self.out = outer
        return result

    def define(self, name: str, body: Token) -> str:
        """A #define as C++ has it."""
        found = re.match(r"(\w+(?:\([^)]*\))?)\s*(.*)", body.text, re.S)
        head, rest = (found[1], found[2]) if found else (name, "")
        words = list(lex(rest, body.file, body.line, self.errors))
        return f"#define {head} " + " ".join(word.text for word in self.rewrite(words, inside=("{",)))

    def _step(self) -> None:
        word = self._words[self._place]
        if word.kind == "op":
            self._operator(word)
        elif word.kind == "id" and self._keyword(word):
            return
        elif word.kind == "str" and self.out and self.out[-1].kind == "str":
            self._place += 1
            self.out[-1] = self.out[-1]._replace(text=f"{self.out[-1].text[:-1]} u{word.text})")
        else:
            self._place += 1
            self._put(as_cpp(word, self.errors), word, word.kind)

    def _put(self, text: str, at: Token, kind: str = "op") -> None:
        self.out.append(Token(kind, text, at.file, at.line))

    def _at(self, offset: int) -> str:
        place = self._place + offset
        return self._words[place].text if place < len(self._words) else ""

    def _error(self, at: Token, message: str) -> None:
        self.errors.append(SourceError(at.file, at.line, message))

    # --- operators ---

    def _operator(self, word: Token) -> None:
        if word.text in _OPENING.values():
            self._open.append(word.text)
        elif word.text in _OPENING and self._open:
            self._open.pop()
        if word.text == ".":
            self._dot(word)
        else:
            if word.text == "~" and self._destroys():
                self._put("virtual", word)
            self._put(word.text, word)
        self._place += 1

    def _destroys(self) -> bool:
        """MQL's destructors are virtual without saying so."""
        owner = {name for _, name in self.names.classes}
        before = self.out[-1].text if self.out else ""
        return self._at(1) in owner and before in (";", "}", "{", ":", "};") and self._open[-1:] == ["{"]

    def _dot(self, word: Token) -> None:
        """`a.b` is `mql_ref(a)->b`: it works for objects and for pointers, and a pointer to nothing is told."""
        start = self._operand()
        line = self.out[start].line if self.out else word.line
        self.out[start:start] = [Token("id", "mql_ref", word.file, line), Token("op", "(", word.file, line)]
        self._put(")", word)
        self._put("->", word)

    def _operand(self) -> int:
        """Where the operand before the dot begins."""
        place = len(self.out) - 1
        while place > 0:
            if self.out[place].text in (")", "]"):
                place = self._opens(place)
                before = self.out[place - 1] if place else None
                called = before is not None and (
                    before.text in (")", "]") or (before.kind == "id" and before.text not in _NOT_OPERANDS)
                )
                if not called:
                    break
                place -= 1
                continue
            if self.out[place - 1].text not in ("->", "::"):
                break
            place -= 2
        return max(place, 0)

    def _opens(self, place: int) -> int:
        depth = 0
        while place > 0:
            text = self.out[place].text
            depth += (text in (")", "]")) - (text in ("(", "["))
            if depth == 0:
                break
            place -= 1
        return place

    # --- words ---

    def _keyword(self, word: Token) -> bool:
        """Whether a declaration began here and was rewritten."""
        if word.text in _INPUTS and not self._open:
            self._input(word)
            return True
        if (other := self._otherwise(word)) is not None:
            self._place += 1
            self._put(other, word)
            return True
        if word.text == "typedef" and not self._open:
            end = self._end_of_statement()
            self.typedefs += self.rewrite(self._words[self._place : end + 1], inside=("{",))
            self._place = end + 1
            return True
        if word.text == "interface" and self._at(1) in self.names.types:
            return self._interface(word)
        if word.text == "enum" and self._at(1) in self.names.enums and "(" not in self._open:
            self._enum(word)
            return True
        return word.text in self.names.types and self._declaration(word)

    def _otherwise(self, word: Token) -> str | None:
        """What C++ has for one word that stands where it does: an object that is given to itself, a method that is for
        others to define, an input of the old kind."""
        if word.text == "this" and self._at(1) == "=":
            return "(*this)"
        if word.text == "NULL" and self._at(-1) == "=" and self._at(-2) in (")", "const") and self._at(1) == ";":
            return "0"
        return "" if word.text == "static" and self._at(1) == "input" and not self._open else None

    def _interface(self, word: Token) -> bool:
        """All that it declares is for others to define."""
        opening = self._place
        while opening < len(self._words) and self._words[opening].text not in ("{", ";"):
            opening += 1
        if opening >= len(self._words) or self._words[opening].text == ";":
            return False
        end = closing(self._words, opening)
        made = list(self._words[self._place + 1 : opening + 1])
        for part in split(self._words[opening + 1 : end], ";"):
            body = part if part and part[0].text == "virtual" else [word._replace(text="virtual"), *part]
            made += [*body, word._replace(kind="op", text="="), word._replace(kind="num", text="0")] if part else []
            made.append(word._replace(kind="op", text=";"))
        self._put("struct", word)
        self.out += self.rewrite([*made, self._words[end]])
        self._place = end + 1
        return True

    def _input(self, word: Token) -> None:
        """`input double Lots = 0.1;`, `extern int A = 1, B = 2;`, `input group "..."`."""
        if self._at(1) == "group":
            self._place += 3
            return
        end = self._end_of_statement()
        body = self._words[self._place + 1 : end]
        self._place = end + 1
        if not body:
            return
        if body[0].text == "const":
            body = body[1:]
        kind = as_cpp(body[0], self.errors)
        for part in split(body[1:], ","):
            name = part[0].text
            self.names.inputs.append((body[0].text, name))
            if len(part) > 1 and part[1].text == ".":
                self._error(word, f"a dot in the name of an input: write {name}_{part[2].text}, as MetaEditor wants it")
                continue
            if len(part) > 1 and part[1].text != "=":
                self._error(word, f"{name} cannot be an input: it takes one value")
                continue
            self._put(f'{kind} {name}=mql_input<{kind}>("{name}",({kind})(', word)
            nothing = '_S(u"")' if body[0].text == "string" else "0"
            self.out += self.rewrite(part[2:], inside=("(",)) or [Token("num", nothing, word.file, word.line)]
            self._put("));", word)

    def _end_of_statement(self) -> int:
        depth = 0
        for place in range(self._place, len(self._words)):
            word = self._words[place]
            if word.kind == "op":
                if word.text == ";" and depth <= 0:
                    return place
                depth += (word.text in "([{") - (word.text in ")]}")
        return len(self._words) - 1

    def _enum(self, word: Token) -> None:
        """Enumerations are known everywhere, so they go to the head."""
        end = self._end_of_statement()
        name = self._words[self._place + 1]
        start = next(place for place in range(self._place, end + 1) if self._words[place].text == "{")
        body = self._words[start : end + 1]
        self._place = end + 1
        self.head += [Token("op", f"enum {name.text} : int", word.file, word.line), *self.rewrite(body, inside=("(",))]

    def _declaration(self, word: Token) -> bool:
        """`double a[10][5], b;` and the parameter `double &a[]`."""
        offset = 1
        while self._at(offset) in ("*", "&", "const"):
            offset += 1
        place = self._place + offset
        if place >= len(self._words) or self._words[place].kind != "id":
            return False
        if self._words[place].text in self.names.types or self._words[place].text == "operator":
            return False
        following = self._at(offset + 1)
        if self._open[-1:] == ["("]:
            return following == "[" and self._parameter(word, offset)
        if following not in ("[", ",", "=", ";"):
            return False
        end = self._end_of_statement()
        parts = split(self._words[self._place + 1 : end], ",")
        if not any(self._is_array(part) for part in parts):
            return False
        self._arrays(word, parts)
        self._place = end + 1
        return True

    @staticmethod
    def _is_array(part: Sequence[Token]) -> bool:
        texts = [word.text for word in part[:3] if word.text != "*"]
        return len(texts) > 1 and texts[1] == "["

    def _parameter(self, word: Token, offset: int) -> bool:
        """An array parameter is a reference, said or not."""
        pointer = "*" * sum(self._at(place) == "*" for place in range(1, offset))
        name = self._words[self._place + offset]
        place = closing(self._words, self._place + offset + 1)
        kind = as_cpp(word, self.errors) + pointer
        while place + 1 < len(self._words) and self._words[place + 1].text == "[":
            end = closing(self._words, place + 1)
            inner = self.rewrite(self._words[place + 2 : end], inside=("[",))
            kind = f"Fixed<{kind},{' '.join(part.text for part in inner)}>"
            place = end
        self._put(f"Array<{kind}>&", word)
        self._put(name.text, name, "id")
        self._place = place + 1
        return True

    def _arrays(self, word: Token, parts: list[list[Token]]) -> None:
        lead: list[str] = []
        while self.out and self.out[-1].text in ("static", "const"):
            lead.insert(0, self.out.pop().text)
        base = " ".join([*lead, as_cpp(word, self.errors)])
        for part in parts:
            stars = sum(one.text == "*" for one in part[:2])
            if self._is_array(part):
                self._array(base + "*" * stars, part[stars:])
            else:
                self._put(base, word)
                self.out += self.rewrite(part, inside=("{",))
            self._put(";", word)

    def _array(self, base: str, part: Sequence[Token]) -> None:
        """`name [n] [m] = {..}` becomes `Array<Fixed<base,m>> name{mql_fixed(n), {..}}`."""
        name, place, sizes = part[0], 1, []
        while place < len(part) and part[place].text == "[":
            end = closing(part, place)
            sizes.append(" ".join(one.text for one in self.rewrite(part[place + 1 : end], inside=("[",))))
            place = end + 1
        lead, _, kind = base.rpartition(" ")
        for size in reversed(sizes[1:]):
            kind = f"Fixed<{kind},{size}>"
        self._put(f"{lead} Array<{kind}>".strip(), name)
        self._put(name.text, name, "id")
        values = self.rewrite(part[place + 1 :], inside=("(",)) if place < len(part) else []
        if sizes[0] and values and values[0].text == "{":
            self._put("{", name)
            self._put(f"mql_fixed({sizes[0]}),", name)
            self.out += values
            self._put("}", name)
        elif sizes[0]:
            self._put(f"{{mql_fixed({sizes[0]})}}", name)
        elif values:
            self._put("=", name)
            self.out += values
