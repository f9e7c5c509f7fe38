"""The check of every frame that a run has heard."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.heard import Heard, Schemas, Span
from tests.tap import EA, FOLDER_VARIABLE, ODD, SCRIPT, SERVER, tapped

ID = "01a20b2a-6e38-77f0-8ffe-a8b3120c73be"


def frame(kind: str, payload: Any, **envelope: Any) -> str:
    return json.dumps({"v": 1, "type": kind, "id": ID, "payload": payload, **envelope})


@pytest.mark.parametrize(
    ("sender", "text", "fault"),
    [
        (EA, frame("StatusHeartbeat", {"balance": "10.5"}), None),
        (SERVER, frame("Idle", {"top_seq": 3}), None),
        (SCRIPT, frame("Idle", {"top_seq": 3}), None),
        (SERVER, frame("Idle", {"top_seq": "3"}), "Idle: "),
        (SERVER, frame("Idle", {}), "Idle: "),
        (EA, frame("Idle", {"top_seq": 3}), "Idle is not sent by this side"),
        (EA, frame("StatusHeartbeat", {}, seq=0), "Envelope: "),
        (EA, frame("Telegram", {}), "Envelope: "),
        (EA, "garbage", "no JSON"),
        (EA, None, "a binary message"),
    ],
)
def test_a_frame_is_held_against_its_schema_and_its_side(sender: str, text: str | None, fault: str | None) -> None:
    found = Schemas().fault(sender, text)
    assert (found or "").startswith(fault or "")
    assert (found is None) == (fault is None)


def heard(folder: Path, *notes: tuple[float, str, str | None], excused: bool = False) -> Heard:
    (folder / "1.jsonl").write_text("".join(json.dumps(note) + "\n" for note in notes))
    plugin = Heard(folder, spans=[Span("test_it", 10.0, 20.0, excused)])
    plugin.gather()
    return plugin


def test_an_invalid_frame_is_reported_with_the_test_that_ran(tmp_path: Path) -> None:
    plugin = heard(tmp_path, (15.0, EA, "garbage"), (15.0, EA, frame("StatusHeartbeat", {})))
    assert (plugin.frames, plugin.faults) == (2, ["EA, during test_it: no JSON"])


def test_marked_tests_and_excused_ids_may_be_wrong_and_the_server_never(tmp_path: Path) -> None:
    notes = [(15.0, EA, "garbage"), (15.0, SCRIPT, "garbage"), (15.0, SERVER, "garbage"), (40.0, EA, "garbage")]
    assert [fault.split(":")[0] for fault in heard(tmp_path, *notes, excused=True).faults] == [
        "server, during test_it",
        "EA, during no test",
    ]
    assert heard(tmp_path, (15.0, ODD, ID), (15.0, EA, frame("StatusHeartbeat", []))).faults == []


async def test_the_tap_writes_down_sockets_and_exchanges_and_passes_everything_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    monkeypatch.setattr("tests.tap._file", open_notes := Opened(tmp_path / "notes.jsonl"))
    passed: list[dict[str, Any]] = []

    async def application(_: Any, scope: dict[str, Any], receive: Any, send: Any) -> None:
        await receive()
        kind = "websocket.send" if scope["type"] == "websocket" else "http.response.body"
        await send({"type": kind, "text": "out", "body": b'{"frames": [{"b": 1}], "ack": 0}'})

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b'{"frames": [{"a": 1}]}'}

    async def receive_text() -> dict[str, Any]:
        return {"type": "websocket.receive", "text": "in"}

    async def send(message: dict[str, Any]) -> None:
        passed.append(message)

    run = tapped(application)
    await run(None, {"type": "websocket"}, receive_text, send)
    await run(None, {"type": "http", "path": "/x/exchange"}, receive, send)
    await run(None, {"type": "http", "path": "/x/other"}, receive, send)
    assert open_notes.read() == [(EA, "in"), (SERVER, "out"), (EA, '{"a": 1}'), (SERVER, '{"b": 1}')]
    assert len(passed) == 3


class Opened:
    """A file in place of the process's own."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)
        self._path = path

    def __call__(self, process: int) -> int:
        return self._file.fileno()

    def read(self) -> list[tuple[str, str]]:
        self._file.close()
        return [tuple(json.loads(line)[1:]) for line in self._path.read_text().splitlines()]
