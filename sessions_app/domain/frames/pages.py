"""Lists in frames of the server: as much of one as a frame has room for. A frame above its limit never arrives."""

from collections.abc import Iterator, Sequence
from typing import Final, TypeVar

from sessions_app.domain.decimals import to_json
from sessions_app.domain.frames.payloads import Payload

ROOM_BYTES: Final = 12 * 1024  # of the 16 KiB of a frame; whatever else stands in it has the rest
T = TypeVar("T", bound=Payload)


def pages(items: Sequence[T]) -> Iterator[list[T]]:
    """All items, in their order, in lists that fit into a frame each."""
    page: list[T] = []
    left = ROOM_BYTES
    for item in items:
        size = len(to_json(item)) + 1  # the comma
        if page and size > left:
            yield page
            page, left = [], ROOM_BYTES
        page.append(item)
        left -= size
    if page:
        yield page


def fitting(items: Sequence[T]) -> list[T]:
    """The first of the items, as many as fit into one frame; the frame tells how many there are."""
    return next(pages(items), [])
