"""The house rules, read from the source itself."""

import ast
import importlib
import re
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from django.apps import apps
from django.db import migrations

ROOT: Final = Path(__file__).resolve().parents[2]
OURS: Final = ("sessions_app", "orders", "backoffice", "eagateway", "sdk/python/src")
SOURCES: Final = sorted(
    path for folder in OURS for path in (ROOT / folder).rglob("*.py") if "migrations" not in path.parts
)
LAZY: Final = {"eagateway/apps.py"}  # the apps must be loaded before these imports
MAX_LINES: Final = 450
MAX_FUNCTION: Final = 50
Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(path: Path) -> Iterator[Function]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, Function):
            yield node


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_a_file_keeps_its_budget(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MAX_LINES
    long = [item.name for item in functions(path) if (item.end_lineno or 0) - item.lineno + 1 > MAX_FUNCTION]
    untyped = [item.name for item in functions(path) if item.returns is None]
    assert (long, untyped) == ([], [])


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_a_file_imports_at_its_top_and_by_name(path: Path) -> None:
    if name(path) in LAZY:
        return
    inside = [
        node.lineno
        for function in functions(path)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert inside == []
    assert "import *" not in path.read_text()


def test_no_file_is_a_drawer() -> None:
    drawers = {"utils", "helpers", "misc", "common", "manager", "managers"}
    assert [name(path) for path in SOURCES if path.stem in drawers] == []


def test_there_are_no_signal_receivers() -> None:
    found = [
        name(path) for path in SOURCES if re.search(r"@receiver|\.signals import|\.connect\(.*sender", path.read_text())
    ]
    assert found == []


def test_every_model_has_a_factory() -> None:
    text = "".join(path.read_text() for path in (ROOT / "tests/factories").glob("*.py"))
    models = [model.__name__ for app in ("sessions_app", "orders") for model in apps.get_app_config(app).get_models()]
    assert [model for model in models if f"DjangoModelFactory[{model}]" not in text] == []


def test_migrations_are_named_and_can_be_undone() -> None:
    for app in ("sessions_app", "orders"):
        for path in sorted((ROOT / app / "migrations").glob("0*.py")):
            assert not re.fullmatch(r"\d{4}_auto_.*", path.stem)
            module = importlib.import_module(f"{app}.migrations.{path.stem}")
            migration: type[migrations.Migration] = module.Migration
            assert all(operation.reversible for operation in migration.operations)


def test_no_tracked_file_names_a_machine_or_a_registry() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    foreign = re.compile(r"/work/|/root/|/home/\w+/|pypi\.org|files\.pythonhosted|registry\.npmjs")
    texts = [path for path in listed.stdout.splitlines() if not path.endswith((".gz", ".png", ".htm", ".mo"))]
    found = [path for path in texts if path != name(Path(__file__)) and foreign.search(_text_of(ROOT / path))]
    assert found == []


def _text_of(path: Path) -> str:
    """What a file says; of a wheel all that is packed in it."""
    if path.suffix != ".whl":
        return path.read_text()
    with zipfile.ZipFile(path) as wheel:
        return "\n".join(wheel.read(member).decode() for member in wheel.namelist())
