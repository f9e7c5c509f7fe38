"""States move through the functions that ask the tables: no other line writes one."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from orders.domain.states import commands, copies, differences, fill_waits
from sessions_app.domain import lifecycle
from sessions_app.domain.moves import ForbiddenMove, check_move, sources
from tests.repository.test_house import ROOT, SOURCES, name

TABLES: Final[Mapping[str, Mapping[Any, frozenset[Any]]]] = {
    "command": commands.MOVES,
    "copy": copies.MOVES,
    "difference": differences.MOVES,
    "fill wait": fill_waits.MOVES,
    "session": lifecycle.SESSION_MOVES,
    "key": lifecycle.KEY_MOVES,
    "grant": lifecycle.GRANT_MOVES,
}
MOVERS: Final = {
    "orders/services/moves.py",
    "sessions_app/services/operations/moves.py",
    "orders/services/command_log.py",  # the first state of a command that it makes
}
OTHER_STATES: Final = {
    "orders/services/mapping.py",  # a master's position is where its intents say: `advance` is its table
    "orders/services/subscriptions/lifecycle.py",  # any state of a subscription may follow any other: people decide
}


def writes(tree: ast.AST) -> Iterator[str]:
    """Lines that write a state, as `line: how`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            parts = [part for target in node.targets for part in ast.walk(target) if isinstance(part, ast.Attribute)]
            own = [part for part in parts if part.attr == "state" and ast.unparse(part.value) != "self"]
            yield from (f"{node.lineno}: assigns" for _ in own)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "update":
            if any(word.arg == "state" for word in node.keywords):
                yield f"{node.lineno}: updates"
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "SET state" in node.value:
            yield f"{node.lineno}: in SQL"


def _watched() -> list[Path]:
    rooms = [ROOT / "orders" / "services", ROOT / "sessions_app"]
    return [path for path in SOURCES if any(path.is_relative_to(room) for room in rooms)]


def test_nothing_writes_a_state_but_by_a_move() -> None:
    found = {name(path): lines for path in _watched() if (lines := list(writes(ast.parse(path.read_text()))))}
    assert set(found) - MOVERS - OTHER_STATES == set(), found


def test_a_planted_write_is_found() -> None:
    planted = "row.state = 1\nrows.filter(id=1).update(state=2)\na.state, b = 1, 2\nsql = 'UPDATE t SET state = 1'\n"
    assert sorted(line.partition(":")[0] for line in writes(ast.parse(planted))) == ["1", "2", "3", "4"]


@pytest.mark.parametrize("what", TABLES)
def test_every_move_of_a_table_is_let_through_and_no_other(what: str) -> None:
    moves = TABLES[what]
    for before in moves:
        for after in moves:
            if after is before or after in moves[before]:
                assert check_move(what, moves, before, after) is after
            else:
                with pytest.raises(ForbiddenMove, match=f"{what}: {before.value} does not become {after.value}"):
                    check_move(what, moves, before, after)
        assert sources(moves, before) == {state for state in moves if before in moves[state]}
