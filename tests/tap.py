"""A tap on every frame that a gateway under test receives or sends, as text in files of one folder.

Nothing of it is in the product: `tests.tapped_settings` lays it around the ASGI application of every process that the
tests start, and `tests.heard` reads the files when the run ends.
"""

import json
import os
import time
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

FOLDER_VARIABLE: Final = "EAGATEWAY_FRAME_TAP"
EA, SERVER, SCRIPT, ODD = "EA", "server", "script", "odd"  # script: a gateway that a test has written
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Any, dict[str, Any], Receive, Send], Awaitable[None]]


def note(sender: str, text: str | None) -> None:
    """Write one frame down; one system call, so a killed process leaves whole lines. None: it was binary."""
    handle = _file(os.getpid())
    if handle is not None:
        os.write(handle, (json.dumps([time.time(), sender, text]) + "\n").encode())


def excuse(frame_id: str) -> None:
    """Say that a client is about to send an invalid frame under this id, on purpose."""
    note(ODD, frame_id)


@cache
def _file(process: int) -> int | None:
    folder = os.environ.get(FOLDER_VARIABLE)
    if not folder or not Path(folder).is_dir():
        return None
    return os.open(Path(folder) / f"{process}.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def tapped(application: Application) -> Application:
    """The application with its sockets and its exchanges tapped."""

    async def run(self: Any, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            receive, send = _of_socket(receive, send)
        elif scope["type"] == "http" and str(scope["path"]).endswith("/exchange"):
            receive, send = _of_exchange(receive, send)
        await application(self, scope, receive, send)

    return run


def _of_socket(receive: Receive, send: Send) -> tuple[Receive, Send]:
    async def heard() -> dict[str, Any]:
        message = await receive()
        if message["type"] == "websocket.receive":
            note(EA, message.get("text"))
        return message

    async def said(message: dict[str, Any]) -> None:
        if message["type"] == "websocket.send":
            note(SERVER, message.get("text"))
        await send(message)

    return heard, said


def _of_exchange(receive: Receive, send: Send) -> tuple[Receive, Send]:
    bodies = {EA: b"", SERVER: b""}

    def add(sender: str, message: dict[str, Any]) -> None:
        bodies[sender] += message.get("body", b"")
        if not message.get("more_body", False):
            _note_all(sender, bodies[sender])

    async def heard() -> dict[str, Any]:
        message = await receive()
        if message["type"] == "http.request":
            add(EA, message)
        return message

    async def said(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.body":
            add(SERVER, message)
        await send(message)

    return heard, said


def _note_all(sender: str, body: bytes) -> None:
    """The frames of one body; a body without such a list is noted as it is."""
    try:
        frames = json.loads(body).get("frames", [])
        texts = [json.dumps(frame) for frame in frames]
    except (ValueError, AttributeError, TypeError, RecursionError):
        texts = [body.decode("utf-8", "replace")]
    for text in texts:
        note(sender, text)
