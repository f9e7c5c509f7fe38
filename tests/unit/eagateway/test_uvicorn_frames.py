"""What our uvicorn writes by itself is what the library that it leaves out would have written."""

import pytest
from websockets.frames import Frame, Opcode

from eagateway.servers.uvicorn_server import text_frame


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, 70_000])
def test_a_text_is_framed_as_the_protocol_says(size: int) -> None:
    text = b"x" * size
    assert text_frame(text) == Frame(Opcode.TEXT, text).serialize(mask=False)
