"""Promises of docstrings that are checked when the step runs, not only read."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from django.db import transaction

from sessions_app.models.transactions import NoTransaction, requires_transaction
from tests.repository.test_house import ROOT, SOURCES, name

PROOFS: Final = ("CommandLog", "LockedAccount")
"""Arguments that only somebody inside a transaction can have: opening the log requires one."""


def unchecked(tree: ast.Module) -> Iterator[str]:
    """Functions that say that they run inside their caller's transaction, and neither check it nor are handed a log."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef):
            continue
        says = " ".join((ast.get_docstring(node) or "").split())
        checked = any(ast.unparse(item) == "requires_transaction" for item in node.decorator_list)
        proven = any(proof in ast.unparse(node.args) for proof in PROOFS)
        alone = "transaction or its own" in says  # one statement: it is whole by itself too
        if "inside the caller's transaction" in says.lower() and not (checked or proven or alone):
            yield node.name


def _services() -> list[Path]:
    return [
        path for path in SOURCES if "services" in path.parts or path.is_relative_to(ROOT / "sessions_app" / "models")
    ]


def test_what_relies_on_its_callers_transaction_asks_for_one() -> None:
    found = {name(path): steps for path in _services() if (steps := list(unchecked(ast.parse(path.read_text()))))}
    assert found == {}


def test_a_planted_promise_is_found() -> None:
    planted = 'def step() -> None:\n    """Do it, inside the caller\'s\n    transaction."""\n'
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
