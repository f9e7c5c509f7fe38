"""Each row of the registry of frame types is what the protocol's page, the schemas and the bound handlers say."""

import ast
import json
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from eagateway.protocol import FRAME_TYPES
from orders import handlers as order_handlers
from sessions_app import handlers as session_handlers
from sessions_app.domain.frames.payloads import Idle, Poll
from sessions_app.domain.frames.registry import (
    SESSION_FRAMES,
    FrameType,
    Pending,
    Sender,
    Taker,
    by_name,
)
from sessions_app.services.ingest import ports
from sessions_app.transport.inbound.dispatcher import LINK_HANDLERS

ROOT: Final = Path(__file__).resolve().parents[2]
ROWS: Final = tuple(FRAME_TYPES.values())
BATCH_HANDLERS: Final = {**session_handlers.HANDLERS, **order_handlers.HANDLERS}
# These frames are the link's own beginning and end, and the numbers of its log: no other frame can be in their place.
NAMED: Final = {
    "sessions_app/consumers.py": {"Hello"},
    "sessions_app/transport/exchange.py": {"Hello"},
    "sessions_app/transport/inbound/dispatcher.py": {"ShutdownNotice"},
    "sessions_app/services/ingest/batches.py": {"GAP_FILL"},
}


def name_of(row: FrameType) -> str:
    return row.name


@cache
def page() -> dict[str, list[str]]:
    """The cells of the protocol's table of frames, by type, in its order."""
    text = (ROOT / "docs/protocol.md").read_text(encoding="utf-8")
    table = text.partition("<!-- generated:frames -->")[2].partition("<!-- /generated -->")[0]
    rows = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("| `")]
    return {cells[0].strip(" `"): [cell.strip() for cell in cells] for cells in rows}


@cache
def schema() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((ROOT / "docs/schemas/frames.json").read_text(encoding="utf-8"))["$defs"]
    return content


def test_the_page_and_the_schemas_name_the_rows_in_their_order() -> None:
    assert list(page()) == list(FRAME_TYPES)
    assert schema()["Envelope"]["properties"]["type"]["enum"] == list(FRAME_TYPES)


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_the_page_says_of_a_frame_what_its_row_says(row: FrameType) -> None:
    _, sender, numbered, pending, *_ = page()[row.name]
    assert (sender, numbered == "yes", pending) == (row.sender, row.durable, row.in_pending)


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_a_row_s_payload_is_the_one_in_the_schemas(row: FrameType) -> None:
    fields = {field.encode_name for field in msgspec.structs.fields(row.payload)}
    assert set(schema()[row.name]["properties"]) == fields


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_whoever_takes_a_frame_has_its_handler(row: FrameType) -> None:
    bound = ports.bound().frames[row.name]
    assert bound.type is row
    assert bound.handler is BATCH_HANDLERS.get(row.handler)
    assert (row.taker is Taker.LINK) == (row.handler in LINK_HANDLERS)
    if row.taker is Taker.BATCH:
        assert bound.handler is not None


def test_every_handler_has_a_row() -> None:
    assert {*LINK_HANDLERS, *BATCH_HANDLERS} == {row.handler for row in ROWS if row.handler}


def test_only_numbered_frames_of_eas_wait_in_quarantine() -> None:
    quarantined = [row for row in ROWS if row.pending is Pending.QUARANTINED]
    assert all(row.durable and row.taker is Taker.BATCH for row in quarantined)
    assert {row.name for row in ROWS if row.durable and row.taker is Taker.BATCH} - {
        row.name for row in quarantined
    } == {"GapFill"}  # it fills numbers of the pending session's own log: nothing to apply later


def test_a_frame_of_the_server_alone_is_taken_by_nobody() -> None:
    assert all((row.sender is Sender.SERVER) == (row.taker is Taker.NOBODY) for row in ROWS)


# What would go wrong -------------------------------------------------------------------------------------------------


def test_a_name_stands_once() -> None:
    with pytest.raises(ValueError, match="two rows for Hello"):
        by_name((*SESSION_FRAMES, SESSION_FRAMES[0]))


@pytest.mark.parametrize(
    "row",
    [
        FrameType(payload=Poll, sender=Sender.EA, pending=Pending.ALLOWED),
        FrameType(payload=Poll, sender=Sender.EA, pending=Pending.ALLOWED, taker=Taker.LINK),
        FrameType(payload=Idle, sender=Sender.SERVER, pending=Pending.SENT, taker=Taker.BATCH, handler="take_idle"),
    ],
    ids=["nobody takes it", "no handler", "a handler for what never comes"],
)
def test_a_row_that_cannot_be_served_is_refused(row: FrameType) -> None:
    with pytest.raises(ValueError, match="has a taker and a handler"):
        by_name((row,))


@pytest.mark.parametrize(
    "handlers", [{}, {**BATCH_HANDLERS, "surplus": BATCH_HANDLERS["introduce"]}], ids=["lacks", "surplus"]
)
def test_rows_and_handlers_that_differ_are_not_bound(handlers: dict[str, ports.FrameHandler]) -> None:
    with pytest.raises(LookupError, match="rows and handlers differ"):
        ports.bound_frames(FRAME_TYPES, handlers)


# No other place ------------------------------------------------------------------------------------------------------


def switches(tree: ast.AST) -> set[str]:
    """Names that a frame's type is compared with."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.Compare):
            continue
        sides = [node.left, *node.comparators]
        if any(isinstance(side, ast.Attribute) and side.attr in ("kind", "type") for side in sides):
            named = [part for side in sides for part in ast.walk(side)]
            found |= {part.value for part in named if isinstance(part, ast.Constant) and isinstance(part.value, str)}
            found |= {part.id for part in named if isinstance(part, ast.Name)}
    return found & {*FRAME_TYPES, "GAP_FILL"}


def test_no_code_asks_a_frame_for_its_name_where_a_row_can_say_it() -> None:
    paths = [path for app in ("sessions_app", "orders") for path in (ROOT / app).rglob("*.py")]
    found = {str(path.relative_to(ROOT)): names for path in paths if (names := switches(ast.parse(path.read_text())))}
    assert found == NAMED


def test_a_planted_switch_is_found() -> None:
    planted = 'if arrival.kind == "InitRequest" or envelope.type in ("Poll", "Hello"): pass'
    assert switches(ast.parse(planted)) == {"InitRequest", "Poll", "Hello"}
