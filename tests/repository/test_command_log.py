"""One module writes the command log: nobody else takes a number, makes a command or says that an account is locked."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.repository.test_house import ROOT, SOURCES, name

LOG: Final = "orders/services/command_log.py"
NUMBERS: Final = {"next_seq", "next_copy_no", "next_hold", "seq", "hold_no"}
OTHERS: Final = {
    # another app's: a log that begins anew, and copy numbers that the EA knows and we do not
    "sessions_app/services/lifecycle/recovery.py": {"next_seq", "next_copy_no"},
}
MAKERS: Final = {"Command", "LockedAccount"}


def offences(path: str, tree: ast.AST) -> Iterator[str]:
    """What only the log may do, as `line: what`."""
    numbers = NUMBERS - OTHERS.get(path, set())
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            parts = [part for target in targets for part in ast.walk(target) if isinstance(part, ast.Attribute)]
            yield from (f"{node.lineno}: assigns {part.attr}" for part in parts if part.attr in numbers)
        elif isinstance(node, ast.Call):
            yield from _calls(node, numbers)


def _calls(node: ast.Call, numbers: set[str]) -> Iterator[str]:
    if isinstance(node.func, ast.Name) and node.func.id in MAKERS:
        yield f"{node.lineno}: makes a {node.func.id}"
    if isinstance(node.func, ast.Attribute) and node.func.attr in ("update", "create", "bulk_create"):
        named = {word.arg for word in node.keywords if word.arg} & numbers
        if named:
            yield f"{node.lineno}: writes {', '.join(sorted(named))}"
        if node.func.attr == "bulk_create" and ast.unparse(node.func.value) == "Command.objects":
            yield f"{node.lineno}: writes commands"


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


def test_a_planted_offence_is_found() -> None:
    planted = (
        "row.next_seq += 1\n"
        "a.seq, b.hold_no = 1, 2\n"
        "Command(id=1)\n"
        "LockedAccount(row, proof=None)\n"
        "BrokerAccount.objects.filter(id=1).update(next_copy_no=3)\n"
        "Command.objects.bulk_create([])\n"
    )
    assert len(list(offences("orders/services/elsewhere.py", ast.parse(planted)))) == 7
