"""Tables as CSV: sent in pieces while they are read, and never a formula in a spreadsheet."""

import csv
import io
import unicodedata
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse

from backoffice.own_language import in_english
from sessions_app.domain.decimals import plain

PIECE: Final = 500
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def sent(name: str, headings: Sequence[str], pieces: Iterator[Sequence[Sequence[Any]]]) -> StreamingHttpResponse:
    """A file of this name, a piece of rows after the other. It is in English, as programs read it."""
    response = StreamingHttpResponse(_apart(_lines(headings, pieces)), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


async def _apart(pieces: Iterator[str]) -> AsyncIterator[str]:
    """Each piece is read when the one before it has gone: under ASGI a plain iterator would be read as a whole."""

    def next_one() -> str | None:
        with in_english():
            return next(pieces, None)

    take = sync_to_async(next_one)
    while (piece := await take()) is not None:
        yield piece


def _lines(headings: Sequence[str], pieces: Iterator[Sequence[Sequence[Any]]]) -> Iterator[str]:
    yield "\ufeff" + _written([headings])
    for piece in pieces:
        yield _written([[cell(value) for value in row] for row in piece])


def _written(rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def cell(value: Any) -> str:
    """A value as a spreadsheet may read it. Our own numbers and moments stay what they are; a text that a spreadsheet
    would take for a formula, also written in full width or behind blanks, begins with an apostrophe."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds")
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, int):
        return str(value)
    text = str(value)
    looked_at = unicodedata.normalize("NFKC", text)
    bare = "".join(letter for letter in looked_at if unicodedata.category(letter) not in ("Cf", "Zs")) or looked_at
    return f"'{text}" if bare.startswith(_FORMULA) or looked_at.startswith(_FORMULA) else text
