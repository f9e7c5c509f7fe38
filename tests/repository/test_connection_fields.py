"""What a link knows is written by the class that owns it: its outbox, its inbox, its lifecycle, or the link itself."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

from tests.repository.test_house import ROOT, SOURCES, name

PARTS: Final = ROOT / "sessions_app/transport/connection"
# Nothing below knows of connections: import-linter holds that.
READERS: Final = [
    path
    for path in SOURCES
    if path.is_relative_to(ROOT / "sessions_app/transport")
    or path.is_relative_to(ROOT / "sessions_app/api")
    or path.is_relative_to(ROOT / "eagateway")
    or path == ROOT / "sessions_app/consumers.py"
]


def written(tree: ast.AST) -> Iterator[ast.Attribute]:
    """Every attribute that is assigned, added to, deleted or bound in another way."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del):
            yield node


def of_self(attribute: ast.Attribute) -> bool:
    return isinstance(attribute.value, ast.Name) and attribute.value.id == "self"


def fields(part: ast.ClassDef) -> set[str]:
    """What a class's own `__init__` sets."""
    made = [item for item in part.body if isinstance(item, ast.FunctionDef) and item.name == "__init__"]
    return {item.attr for function in made for item in written(function) if of_self(item)}


def classes(tree: ast.AST) -> list[ast.ClassDef]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]


@cache
def guarded() -> frozenset[str]:
    """What others may read of a link and of its parts."""
    every = (
        item for path in PARTS.glob("*.py") for part in classes(ast.parse(path.read_text())) for item in fields(part)
    )
    return frozenset(item for item in every if not item.startswith("_"))


def offences(tree: ast.AST) -> list[str]:
    """Writes of a link's fields that are not a class's own field, as `line: what`; so are private ones of others."""
    own = {id(item) for part in classes(tree) for item in written(part) if of_self(item) and item.attr in fields(part)}
    told = [
        f"{item.lineno}: writes {ast.unparse(item)}"
        for item in written(tree)
        if id(item) not in own and (item.attr in guarded() or (item.attr.startswith("_") and not of_self(item)))
    ]
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return told + [f"{n.lineno}: {ast.unparse(n)}" for n in calls if ast.unparse(n.func) in ("setattr", "delattr")]


def _offences(path: Path) -> list[str]:
    return offences(ast.parse(path.read_text()))


def test_a_field_of_a_link_is_written_by_the_class_that_owns_it() -> None:
    assert {name(path): found for path in READERS if (found := _offences(path))} == {}


def test_the_check_knows_the_fields() -> None:
    assert guarded() >= {"sent", "acked", "behind", "stored", "told", "in_work", "closing", "leaving", "standing"}


def test_a_planted_write_is_found_however_it_is_spelt() -> None:
    planted = (
        "connection.outbox.sent = 1\n"
        "connection.inbox.in_work += 1\n"
        "link.lifecycle.closing, link.lifecycle.close_code = True, 4000\n"
        "del connection.standing\n"
        "for connection.outbox.acked in range(3): pass\n"
        "connection.outbox._queue = []\n"
        "setattr(connection.outbox, 'behind', True)\n"
        "class OtherConnection(Connection):\n"
        "    def set_back(self):\n"
        "        self.delivered: int = 0\n"
        "class Own:\n"
        "    def __init__(self):\n"
        "        self.stored = 0\n"
        "    def store(self):\n"
        "        self.stored = 1\n"
    )
    assert len(offences(ast.parse(planted))) == 9
