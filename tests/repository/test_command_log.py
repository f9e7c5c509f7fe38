"""One module writes the command log: nobody else takes a number, makes a command or says that an account is locked."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.repository.test_house import ROOT, SOURCES, name

LOG: Final = "orders/services/command_log.py"
NUMBERS: Final = {"next_seq", "next_copy_no", "next_hold", "seq", "hold_no"}
OTHERS: Final = {
    # another app's: a log that begins anew, and copy numbers that the EA knows and we do not
    "sessions_app/services/lifecycle/recovery.py": {"next_seq", "next_copy_no"},
}
MAKERS: Final = {"Command", "LockedAccount"}
CREATES: Final = {"create", "bulk_create", "get_or_create", "update_or_create"}


def offences(path: str, tree: ast.AST) -> Iterator[str]:
    """What only the log may do, as `line: what`."""
    numbers = NUMBERS - OTHERS.get(path, set())
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            parts = [part for target in targets for part in ast.walk(target) if isinstance(part, ast.Attribute)]
            yield from (f"{node.lineno}: assigns {part.attr}" for part in parts if part.attr in numbers)
        elif isinstance(node, ast.Call):
            yield from _calls(node, numbers)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from (f"{node.lineno}: sets {number} in SQL" for number in numbers if f"SET {number}" in node.value)


def _calls(node: ast.Call, numbers: set[str]) -> Iterator[str]:
    """Rows that are made, by the class or by its manager, and numbers that are written by name."""
    owner, _, called = ast.unparse(node.func).rpartition(".")
    first = ast.unparse(node.args[0]) if node.args else ""
    if called in MAKERS:
        yield f"{node.lineno}: makes a {called}"
    if called in ("make", "record") and first in MAKERS:
        yield f"{node.lineno}: makes a {first}"
    if called == "insert_rows" and first == "Command":
        yield f"{node.lineno}: makes commands by {called}"
    if called in CREATES and owner.endswith("Command.objects"):
        yield f"{node.lineno}: makes commands by {called}"
    if called in CREATES | {"update"}:
        words = [word.arg for word in node.keywords]
        keys = [key.value for word in node.keywords for key in ast.walk(word.value) if isinstance(key, ast.Constant)]
        yield from (f"{node.lineno}: writes {number}" for number in sorted(numbers) if number in [*words, *keys])
    if called == "setattr" and (number := ast.unparse(node.args[1]).strip("'")) in numbers:
        yield f"{node.lineno}: assigns {number}"


def _offences(path: Path) -> list[str]:
    return list(offences(name(path), ast.parse(path.read_text())))


def test_only_the_command_log_takes_numbers_and_makes_commands() -> None:
    ours = [
        path for path in SOURCES if path.is_relative_to(ROOT / "orders") or path.is_relative_to(ROOT / "sessions_app")
    ]
    found = {name(path): lines for path in ours if name(path) != LOG and (lines := _offences(path))}
    assert found == {}


def test_the_log_itself_does_all_of_it() -> None:
    """The check sees what it looks for: in the log it finds each kind."""
    told = " ".join(_offences(ROOT / LOG))
    assert all(word in told for word in ("assigns seq", "assigns next_seq", "makes a Command", "makes a LockedAccount"))


@pytest.mark.parametrize(
    ("planted", "told"),
    [
        ("row.next_seq += 1", ["1: assigns next_seq"]),
        ("a.seq, b.hold_no = 1, 2", ["1: assigns seq", "1: assigns hold_no"]),
        ("row.next_hold: int = 1", ["1: assigns next_hold"]),
        ("setattr(row, 'next_seq', 1)", ["1: assigns next_seq"]),
        ("Command(id=1)", ["1: makes a Command"]),
        ("models.Command(id=1)", ["1: makes a Command"]),
        ("make(Command, id=1)", ["1: makes a Command"]),
        ("record(Command, id=1)", ["1: makes a Command"]),
        ("insert_rows(Command, rows)", ["1: makes commands by insert_rows"]),
        ("LockedAccount(row, proof=None)", ["1: makes a LockedAccount"]),
        ("Command.objects.create(id=1)", ["1: makes commands by create"]),
        ("Command.objects.bulk_create([])", ["1: makes commands by bulk_create"]),
        ("rows.filter(id=1).update(next_copy_no=3)", ["1: writes next_copy_no"]),
        ("rows.update_or_create(id=1, defaults={'next_seq': 3})", ["1: writes next_seq"]),
        ("sql = 'UPDATE t SET next_seq = 1'", ["1: sets next_seq in SQL"]),
    ],
)
def test_a_planted_offence_is_found(planted: str, told: list[str]) -> None:
    assert list(offences("orders/services/elsewhere.py", ast.parse(planted))) == told


@pytest.mark.parametrize("path", OTHERS)
def test_who_else_may_still_does(path: str) -> None:
    """Leave that nobody needs any more is taken back."""
    tree = ast.parse((ROOT / path).read_text())
    told = {offence.rpartition(" ")[2] for offence in offences("orders/services/elsewhere.py", tree)}
    assert told == OTHERS[path]
