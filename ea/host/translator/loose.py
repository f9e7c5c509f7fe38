"""MQL4 without `#property strict`: a variable that a block declares is known until the function ends.

C++ ends it with its block. So what is used behind its block is declared where the function begins, and its declarations
become assignments.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ea.host.translator.lexer import Token
from ea.host.translator.rewriting import closing

_BEFORE = frozenset({";", "{", "}", ")", "else"})


@dataclass(frozen=True, slots=True)
class Declaration:
    """`kind name, name..;` from `start` to `end`; its names are known as far as `known`. `plain`: no arrays."""

    start: int
    end: int
    known: int
    names: tuple[str, ...]
    plain: bool


def loosened(words: Sequence[Token], types: set[str]) -> list[Token]:
    """The words of a program, with what its functions use behind its block declared where they begin."""
    made: list[Token] = []
    place = 0
    while place < len(words):
        made.append(words[place])
        place += 1
        if words[place - 1].text != "{":
            continue
        end = closing(words, place - 1)
        if place > 1 and words[place - 2].text == ")":
            made += _function(words[place:end], types)
        else:
            made += words[place:end]
        place = end
    return made


def _function(body: Sequence[Token], types: set[str]) -> list[Token]:
    found = list(_declarations(body, types))
    loose = _loose(body, found)
    moved = [one for one in found if one.plain and loose & set(one.names)]
    names = {name for one in moved for name in one.names}
    kinds: dict[str, Token] = {}
    for one in found:
        for name in one.names:
            if name in names:
                kinds.setdefault(name, body[one.start])
    dropped = {one.start for one in found if one.plain and set(one.names) <= names}
    head = [
        word
        for name, kind in kinds.items()
        for word in (kind, kind._replace(text=name), kind._replace(kind="op", text=";"))
    ]
    return head + [word for place, word in enumerate(body) if place not in dropped]


def _loose(body: Sequence[Token], found: Sequence[Declaration]) -> set[str]:
    """Names that stand where no declaration of them reaches."""
    reach: dict[str, list[tuple[int, int]]] = {}
    for one in found:
        for name in one.names:
            reach.setdefault(name, []).append((one.start, one.known))
    return {
        word.text
        for place, word in enumerate(body)
        if word.text in reach
        and (place == 0 or body[place - 1].text != ".")
        and any(start < place for start, _ in reach[word.text])
        and not any(start <= place <= end for start, end in reach[word.text])
    }


def _declarations(body: Sequence[Token], types: set[str]) -> Iterator[Declaration]:
    blocks: list[int] = []  # where the open ones close
    for place, word in enumerate(body):
        while blocks and blocks[-1] < place:
            blocks.pop()
        if word.text == "{":
            blocks.append(closing(body, place))
        if not _begins(body, place, types):
            continue
        end = _end(body, place)
        names, plain = _names(body, place, end)
        if names:
            yield Declaration(place, end, _known(body, place, end, blocks), names, plain)


def _begins(body: Sequence[Token], place: int, types: set[str]) -> bool:
    if body[place].text not in types or place + 2 >= len(body) or body[place + 1].kind != "id":
        return False
    if body[place + 2].text not in ("=", ";", ",", "["):
        return False
    before = body[place - 1].text if place else "{"
    return before in _BEFORE or _in_for(body, place)


def _in_for(body: Sequence[Token], place: int) -> bool:
    return place > 1 and body[place - 1].text == "(" and body[place - 2].text == "for"


def _end(body: Sequence[Token], start: int) -> int:
    depth = 0
    for place in range(start, len(body)):
        text = body[place].text
        if text == ";" and depth == 0:
            return place
        if body[place].kind == "op":
            depth += (text in "([{") - (text in ")]}")
    return len(body) - 1


def _names(body: Sequence[Token], start: int, end: int) -> tuple[tuple[str, ...], bool]:
    names, depth = [], 0
    for place in range(start + 1, end):
        word = body[place]
        if depth == 0 and word.kind == "id" and body[place - 1].text in (",", body[start].text):
            names.append(word.text)
        if word.kind == "op":
            depth += (word.text in "([{") - (word.text in ")]}")
    plain = all(body[place].text != "[" or body[place - 1].text not in names for place in range(start, end))
    return tuple(names), plain


def _known(body: Sequence[Token], start: int, end: int, blocks: Sequence[int]) -> int:
    """How far C++ knows them: to the end of the block, of the loop in whose head they stand, of the one statement."""
    if _in_for(body, start):
        head = closing(body, start - 1)
        behind = head + 1
        return closing(body, behind) if behind < len(body) and body[behind].text == "{" else _end(body, behind)
    before = body[start - 1].text if start else "{"
    if before in {"else", ")"}:
        return end
    return blocks[-1] if blocks else len(body)
