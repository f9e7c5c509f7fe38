"""The documents say what the code does: schemas, tables, diagrams, links, settings, examples."""

import ast
import json
import re
import secrets
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from eagateway.documents.frame_types import ENVELOPE
from eagateway.documents.tables import documents, meanings
from eagateway.management.commands.export_schemas import render
from eagateway.protocol import FRAME_TYPES
from orders.domain.provisioning.document import read_document
from orders.domain.states.denials import Code
from sessions_app.domain.frames.payloads import RetryPolicy
from sessions_app.domain.lifecycle import CloseCode
from sessions_app.domain.problems import PROBLEMS
from sessions_app.models import Role

ROOT: Final = Path(__file__).resolve().parents[2]
PAGES: Final = sorted(
    path for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("sdk/python/*.md")] if path.is_file()
)


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


@cache
def asyncapi() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(read("docs/asyncapi.yaml"))
    return content


def definitions() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(read("docs/schemas/frames.json"))["$defs"]
    return content


def test_no_row_of_the_map_of_the_house_stands_twice() -> None:
    seen: set[str] = set()
    for line in read("docs/architecture.md").splitlines():
        first = line.split("|")[1].strip() if line.startswith("|") else ""
        assert not first or first in ("---", "room", "floor") or first not in seen, first
        seen = seen | {first} if line.startswith("|") else set()


# Generated parts ---------------------------------------------------------------------------------------------------


def test_the_schema_file_is_what_the_message_types_say() -> None:
    assert read("docs/schemas/frames.json") == render()


@pytest.mark.parametrize(
    "name", ["protocol.md", "states.md", "operations.md", "errors.md", "management.md", "asyncapi.yaml"]
)
def test_generated_documents_are_fresh(name: str) -> None:
    path = ROOT / "docs" / name
    assert path.read_text() == documents(ROOT)[path], "run: manage.py export_docs"


def test_every_frame_type_and_every_denial_is_in_the_protocol() -> None:
    text = read("docs/protocol.md")
    assert [name for name in [*FRAME_TYPES, *Code] if f"`{name}`" not in text] == []


def test_every_problem_code_and_every_retry_policy_is_in_the_page_of_errors() -> None:
    text = read("docs/errors.md")
    assert [name for name in [*PROBLEMS, *RetryPolicy] if f"| `{name}` |" not in text] == []


def test_every_close_code_is_in_the_protocol() -> None:
    text = read("docs/protocol.md")
    codes = [(code, name.lower()) for name, code in vars(CloseCode).items() if name.isupper()]
    assert [name for code, name in codes if f"| {code} | {name} |" not in text] == []


def test_every_field_of_every_frame_has_a_meaning_and_nothing_else_has_one() -> None:
    fields = {name: set(schema["properties"]) for name, schema in definitions().items() if "properties" in schema}
    assert {name: set(told) for name, told in meanings().items()} == fields


def test_every_code_that_is_raised_is_registered() -> None:
    raised = {code for text in sources() for code in re.findall(r"Refused\(\s*\"([a-z_]+)\"", text)}
    assert raised <= set(PROBLEMS)


def sources() -> list[str]:
    apps = ("eagateway", "sessions_app", "orders", "backoffice")
    return [path.read_text() for app in apps for path in (ROOT / app).rglob("*.py")]


# AsyncAPI ----------------------------------------------------------------------------------------------------------


def references(node: Any) -> Iterator[str]:
    """Every `$ref` below a node."""
    if isinstance(node, dict):
        yield from [node["$ref"]] if "$ref" in node else []
        node = list(node.values())
    for item in node if isinstance(node, list) else ():
        yield from references(item)


def test_every_reference_of_the_socket_document_leads_somewhere() -> None:
    for reference in references(asyncapi()):
        file, _, pointer = reference.partition("#/")
        found: Any = json.loads(read(f"docs/{file}")) if file else asyncapi()
        for step in pointer.split("/"):
            assert step in found, reference
            found = found[step]


def test_every_frame_type_is_a_message_and_goes_the_way_its_sender_says() -> None:
    document = asyncapi()
    messages = document["channels"]["stream"]["messages"]
    assert set(messages) == set(FRAME_TYPES)
    assert set(document["components"]["messages"]) == {*FRAME_TYPES, "ExchangeCall", "ExchangeAnswer"}
    for action, senders in {"receive": ("EA", "both"), "send": ("server", "both")}.items():
        operations = [item for item in document["operations"].values() if item["channel"]["$ref"].endswith("/stream")]
        used = [item["messages"] for item in operations if item["action"] == action]
        names = [reference["$ref"].rpartition("/")[2] for group in used for reference in group]
        assert sorted(names) == sorted(name for name, kind in FRAME_TYPES.items() if kind.sender in senders)


def test_a_message_is_the_envelope_around_its_own_payload() -> None:
    messages = asyncapi()["components"]["messages"]
    for name, message in ((name, messages[name]) for name in FRAME_TYPES):
        envelope, inner, *_ = message["payload"]["allOf"]
        assert envelope["$ref"].endswith(f"/{ENVELOPE}")
        assert inner["properties"]["type"] == {"const": name}
        assert inner["properties"]["payload"]["$ref"].endswith(f"/{name}")


# Pages -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("document", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_the_pages_lead_somewhere(document: Path) -> None:
    """To a file that is there and, with a fragment, to a heading in it."""
    broken = []
    for target in re.findall(r"\]\((?!https?:|mailto:)([^)]+)\)", without_code(document.read_text())):
        file, _, fragment = target.partition("#")
        path = document.parent / file if file else document
        if not path.exists() or (fragment and fragment not in anchors(path)):
            broken.append(target)
    assert broken == []


def without_code(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(document: Path) -> set[str]:
    """The fragments of a page's headings, as code forges make them."""
    headings = re.findall(r"^#+ (.+)$", without_code(document.read_text()), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_examples_are_json_and_python(document: Path) -> None:
    for text in blocks(document, "json"):
        json.loads(text)
    for text in blocks(document, "python"):
        ast.parse(text)


def blocks(document: Path, language: str) -> list[str]:
    """The code blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", document.read_text(), flags=re.MULTILINE | re.DOTALL)


def test_the_example_of_a_deployment_can_be_provisioned() -> None:
    (text,) = (text for text in blocks(ROOT / "docs/operations.md", "json") if "<what manage.py key prints>" in text)
    text = text.replace("<what manage.py key prints>", secrets.token_urlsafe(32))
    tenants, mistakes = read_document(json.loads(text), roles=[role.value for role in Role])
    assert (len(tenants), mistakes) == (1, [])


def test_every_log_event_is_explained() -> None:
    text = read("docs/operations.md")
    pattern = r"_log\.(?:info|warning|error|critical|exception)\(\s*\"([a-z_.]+)\""
    events = {event for source in sources() for event in re.findall(pattern, source)}
    assert [event for event in sorted(events) if f"`{event}`" not in text] == []


def test_every_decision_is_listed_and_has_its_parts() -> None:
    listed = read("docs/adr/README.md")
    for path in sorted((ROOT / "docs/adr").glob("0*.md")):
        assert f"({path.name})" in listed
        headings = re.findall(r"^## (.+)$", path.read_text(), flags=re.MULTILINE)
        assert headings == ["Context", "Decision", "Consequences"], path.name


# Settings ----------------------------------------------------------------------------------------------------------


def variables() -> set[str]:
    """Every environment variable that the settings read."""
    return set(re.findall(r"env\.[a-z]+\(\s*\"([A-Z_]+)\"", read("eagateway/settings.py")))


def test_the_example_environment_names_exactly_the_variables_that_are_read() -> None:
    named = set(re.findall(r"^(?:# )?([A-Z_]+)=", read(".env.example"), flags=re.MULTILINE))
    assert named == variables()


def test_the_settings_name_every_variable() -> None:
    text = read("docs/settings.md")
    assert [name for name in sorted(variables()) if f"| `{name}` |" not in text] == []


def test_the_readme_fits_a_newcomers_patience() -> None:
    assert len(read("README.md").splitlines()) <= 150
