"""Frames that are too long for one: their lists, split below the size of a frame."""

from collections.abc import Sequence
from typing import Final, TypeVar

from eagateway_sdk.envelope import MAX_FRAME_BYTES, payload_json
from eagateway_sdk.frames import Frame

_PART_BYTES: Final = MAX_FRAME_BYTES - 1024
_OWN_FIELDS_BYTES: Final = 256  # `n`, `of`, `digest` and the names of the lists
Line = TypeVar("Line", bound=Frame)


def pages(head: Frame, lines: Sequence[Line]) -> list[list[Line]]:
    """The lines in their order, in lists that fit beside `head` into one frame each; one empty list without any."""
    room = _PART_BYTES - _OWN_FIELDS_BYTES - len(payload_json(head))
    found: list[list[Line]] = [[]]
    left = room
    for line in lines:
        size = len(payload_json(line)) + 1
        if size > left and found[-1]:
            found.append([])
            left = room
        found[-1].append(line)
        left -= size
    return found
