"""Promises of docstrings that are checked when the step runs, not only read."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from django.db import transaction

from sessions_app.models.transactions import NoTransaction, requires_transaction
from tests.repository.test_house import ROOT, SOURCES, name

PROOFS: Final = ("CommandLog", "LockedAccount")
"""Arguments that only somebody inside a transaction can have: opening the log requires one."""
PROMISE: Final = re.compile(
    r"\b(inside|in) the (caller|ingest batch|batch|promotion|document)'s transaction", re.IGNORECASE
)


def unchecked(tree: ast.Module) -> Iterator[str]:
    """Steps that say that they run inside their caller's transaction, and neither check it nor are handed a log.

    What a module says holds for each of its public functions.
    """
    of_all = _promises(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            public = node in tree.body and not node.name.startswith("_")
            if (_promises(node) or (of_all and public)) and not _is_checked(node):
                yield node.name


def _promises(node: ast.Module | ast.FunctionDef) -> bool:
    """Whether its docstring relies on the caller; "or its own": one statement, which is whole by itself too."""
    says = " ".join((ast.get_docstring(node) or "").split())
    return bool(PROMISE.search(says)) and "transaction or its own" not in says


def _is_checked(node: ast.FunctionDef) -> bool:
    decorated = any(ast.unparse(item) == "requires_transaction" for item in node.decorator_list)
    return decorated or any(proof in ast.unparse(node.args) for proof in PROOFS)


def _services() -> list[Path]:
    return [
        path for path in SOURCES if "services" in path.parts or path.is_relative_to(ROOT / "sessions_app" / "models")
    ]


def test_what_relies_on_its_callers_transaction_asks_for_one() -> None:
    found = {name(path): steps for path in _services() if (steps := list(unchecked(ast.parse(path.read_text()))))}
    assert found == {}


@pytest.mark.parametrize("whose", ["the caller's", "the ingest batch's", "the promotion's"])
def test_a_planted_promise_is_found(whose: str) -> None:
    planted = f'def step() -> None:\n    """Do it, inside {whose}\n    transaction."""\n'
    assert list(unchecked(ast.parse(planted))) == ["step"]


def test_a_planted_promise_of_a_module_is_found_at_its_public_steps() -> None:
    planted = '"""Inside the caller\'s transaction."""\ndef step() -> None: ...\ndef _part() -> None: ...\n'
    assert list(unchecked(ast.parse(planted))) == ["step"]


@pytest.mark.django_db(transaction=True)
def test_a_step_without_a_transaction_is_refused_by_name() -> None:
    @requires_transaction
    def step(value: int) -> int:
        return value + 1

    with pytest.raises(NoTransaction, match=r"step needs its caller's transaction"):
        step(1)
    with transaction.atomic():
        assert step(1) == 2
