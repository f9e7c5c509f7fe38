"""States move through the functions that ask the tables: no other line writes one."""

import ast
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest

from orders.domain.states import commands, copies, differences, fill_waits
from orders.domain.states.commands import CommandState
from orders.domain.states.copies import CopyState
from orders.models import Command, Copy
from orders.services import moves
from sessions_app.domain import lifecycle, mailing
from sessions_app.domain.moves import ForbiddenMove, check_move
from tests.repository.test_house import ROOT, SOURCES, name

TABLES: Final[Mapping[str, Mapping[Any, frozenset[Any]]]] = {
    "command": commands.MOVES,
    "copy": copies.MOVES,
    "difference": differences.MOVES,
    "fill wait": fill_waits.MOVES,
    "session": lifecycle.SESSION_MOVES,
    "key": lifecycle.KEY_MOVES,
    "grant": lifecycle.GRANT_MOVES,
    "message": mailing.MESSAGE_MOVES,
}
WRITERS: Final = {
    # the tables' own functions
    "orders/services/moves.py": {
        "move_command", "move_copy", "move_wait", "move_difference", "move_commands", "move_copies", "receive_commands",
    },
    "sessions_app/services/operations/moves.py": {
        "move_session", "move_key", "move_keys", "move_grant", "move_message",
    },
    # the first state of a command that is made
    "orders/services/command_log.py": {"add"},
    # a master's position is where its intents say: `advance` is its table
    "orders/services/mapping.py": {"position_row"},
    # any state of a subscription may follow any other: people decide
    "orders/services/subscriptions/lifecycle.py": {"_move"},
}  # fmt: skip
"""Who writes a state, by file and function: what else stands in these files has no leave of its own."""
OURS: Final = ("orders", "sessions_app", "backoffice", "eagateway")


def writes(node: ast.AST, within: str = "") -> Iterator[str]:
    """Functions that write a state, once for each write."""
    for child in ast.iter_child_nodes(node):
        named = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
        yield from writes(child, child.name if named else within)  # type: ignore[attr-defined]
    if _assigns(node) or _updates(node) or _is_sql(node):
        yield within


def _assigns(node: ast.AST) -> bool:
    if not isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
        return False
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    parts = [part for target in targets for part in ast.walk(target) if isinstance(part, ast.Attribute)]
    return any(part.attr == "state" and ast.unparse(part.value) != "self" for part in parts)


def _updates(node: ast.AST) -> bool:
    """By a query set's statement, or by name."""
    if not isinstance(node, ast.Call):
        return False
    called = ast.unparse(node.func).rpartition(".")[2]
    named = called == "update" and any(word.arg == "state" for word in node.keywords)
    return named or (called == "setattr" and ast.unparse(node.args[1]) == "'state'")


def _is_sql(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and "SET state" in node.value


def _found() -> dict[str, set[str]]:
    ours = [path for path in SOURCES if path.relative_to(ROOT).parts[0] in OURS]
    return {name(path): found for path in ours if (found := set(writes(ast.parse(path.read_text()))))}


def test_no_state_is_written_but_by_a_move() -> None:
    assert _found() == WRITERS


@pytest.mark.parametrize(
    "planted",
    [
        "row.state = 1",
        "a.state, b = 1, 2",
        "row.state: str = 1",
        "rows.filter(id=1).update(state=2)",
        "setattr(row, 'state', 1)",
        "sql = 'UPDATE t SET state = 1'",
    ],
)
def test_a_planted_write_is_found_in_its_function(planted: str) -> None:
    assert list(writes(ast.parse(f"def step(row):\n    {planted}\n"))) == ["step"]


def test_a_planted_write_beside_one_that_may_is_found() -> None:
    """No file is let off as a whole."""
    path = "orders/services/subscriptions/lifecycle.py"
    planted = (ROOT / path).read_text() + "\n\ndef planted(copy):\n    copy.state = 1\n"
    assert set(writes(ast.parse(planted))) - WRITERS[path] == {"planted"}


@pytest.mark.parametrize("what", TABLES)
def test_every_move_of_a_table_is_let_through_and_no_other(what: str) -> None:
    table = TABLES[what]
    for before in table:
        for after in table:
            if after is before or after in table[before]:
                assert check_move(what, table, before, after) is after
            else:
                with pytest.raises(ForbiddenMove, match=f"{what}: {before.value} does not become {after.value}"):
                    check_move(what, table, before, after)


def test_a_statement_for_many_rows_asks_the_table_about_each_state_that_it_moves_from() -> None:
    with pytest.raises(ForbiddenMove, match="command: done does not become void"):
        moves.move_commands(Command.objects.all(), CommandState.VOID, only=[CommandState.QUEUED, CommandState.DONE])
    with pytest.raises(ForbiddenMove, match="copy: open does not become failed"):
        moves.move_copies(Copy.objects.all(), CopyState.FAILED, only=[CopyState.ORDERED, CopyState.OPEN])
