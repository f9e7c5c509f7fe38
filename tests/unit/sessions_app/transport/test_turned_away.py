"""Who is turned away from the socket reads why: in a frame, and beside the close code where the server passes it on."""

from typing import Any

import pytest

from sessions_app.consumers import StreamConsumer

HELLO = '{"v":1,"type":"Hello","id":"01a20b2a-6e38-77f0-8ffe-a8b3120c73be","payload":{}}'


async def said_to(*frames: str, subprotocols: tuple[str, ...] = ("ea-gateway.v1",)) -> list[dict[str, Any]]:
    """What the socket is told that says these frames."""
    waiting: list[dict[str, Any]] = [{"type": "websocket.connect"}]
    waiting += [{"type": "websocket.receive", "text": frame} for frame in frames]
    told: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return waiting.pop(0)

    async def send(message: dict[str, Any]) -> None:
        told.append(message)

    scope = {"type": "websocket", "headers": [], "query_string": b"", "subprotocols": list(subprotocols)}
    await StreamConsumer()(scope, receive, send)
    return told


@pytest.mark.parametrize(
    ("frames", "subprotocols", "code", "words"),
    [
        ((), ("ea-gateway.v2",), 4406, "This protocol version is not spoken here"),
        ((HELLO,), ("ea-gateway.v1",), 4401, "The token is unknown or was rotated"),
        (("{",), ("ea-gateway.v1",), 4401, "The token is unknown or was rotated"),
    ],
)
async def test_the_close_reason_is_in_words(
    frames: tuple[str, ...], subprotocols: tuple[str, ...], code: int, words: str
) -> None:
    told = await said_to(*frames, subprotocols=subprotocols)
    assert told[-1] == {"type": "websocket.close", "code": code, "reason": words}


async def test_a_missing_token_is_called_missing() -> None:
    _, alert, _ = await said_to(HELLO)
    assert "No token: send it in `Authorization: Bearer`, or as `token` of Hello" in alert["text"]
