"""The documents say what the code does: schemas, tables, diagrams, links, settings."""

import json
import re
from pathlib import Path
from typing import Final

import pytest
import yaml

from eagateway.documents import documents
from eagateway.management.commands.export_schemas import render
from eagateway.wire import FRAME_TYPES
from sessions_app.domain.problems import PROBLEMS

ROOT: Final = Path(__file__).resolve().parents[2]
PAGES: Final = sorted(
    path for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("sdk/python/*.md")] if path.is_file()
)


def test_the_schema_file_is_what_the_message_types_say() -> None:
    assert (ROOT / "docs/schemas/frames.json").read_text() == render()


@pytest.mark.parametrize("name", ["protocol.md", "states.md", "asyncapi.yaml"])
def test_generated_documents_are_fresh(name: str) -> None:
    path = ROOT / "docs" / name
    assert path.read_text() == documents(ROOT)[path], "run: manage.py export_docs"


def test_every_frame_type_and_problem_code_is_in_the_protocol() -> None:
    text = (ROOT / "docs/protocol.md").read_text()
    missing = [name for name in [*FRAME_TYPES, *PROBLEMS] if f"`{name}`" not in text]
    assert missing == []


def test_every_message_of_the_socket_document_has_its_schema() -> None:
    document = yaml.safe_load((ROOT / "docs/asyncapi.yaml").read_text())
    definitions = json.loads((ROOT / "docs/schemas/frames.json").read_text())["$defs"]
    messages = document["channels"]["stream"]["messages"]
    assert {item["payload"]["$ref"].rpartition("/")[2] for item in messages.values()} <= set(definitions)
    used = {
        ref["$ref"].rpartition("/")[2] for operation in document["operations"].values() for ref in operation["messages"]
    }
    assert used == set(messages)


@pytest.mark.parametrize("document", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_the_pages_lead_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", document.read_text())
    assert [target for target in targets if not (document.parent / target).exists()] == []


def test_every_code_that_is_raised_is_registered() -> None:
    sources = [path for app in ("sessions_app", "orders", "backoffice") for path in (ROOT / app).rglob("*.py")]
    raised = {code for path in sources for code in re.findall(r"Refused\(\s*\"([a-z_]+)\"", path.read_text())}
    assert raised <= set(PROBLEMS)


def test_the_example_environment_names_exactly_the_variables_that_are_read() -> None:
    read = set(re.findall(r"env\.[a-z]+\(\s*\"([A-Z_]+)\"", (ROOT / "eagateway/settings.py").read_text()))
    example = (ROOT / ".env.example").read_text()
    named = set(re.findall(r"^(?:# )?([A-Z_]+)=", example, flags=re.MULTILINE))
    assert named == read
