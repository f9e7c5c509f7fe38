"""Tables as CSV: sent in pieces while they are read, and never a formula in a spreadsheet."""

import csv
import io
import unicodedata
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.db.models import QuerySet
from django.http import Http404, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext, gettext_lazy

from backoffice.tenants.pages import Visit, member_page
from backoffice.tenants.scope import Scope
from backoffice.tenants.trades import OPENINGS
from sessions_app.domain.decimals import plain

PIECE: Final = 500
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


@dataclass(frozen=True, slots=True)
class Table:
    """What is exported: the rows of a scope, and their columns by the heading of each."""

    title: Any
    rows: Callable[[Scope], QuerySet[Any]]
    columns: Mapping[str, str]


TABLES: Final[Mapping[str, Table]] = {
    "trades": Table(
        gettext_lazy("Trades of the masters"),
        lambda scope: scope.intents().filter(action__in=OPENINGS, repeated=False),
        {
            "received": "received_at", "account": "account__claimed_as", "position": "position_id", "ticket": "ticket",
            "action": "action", "symbol": "symbol", "lots": "lots", "price": "price",
        },
    ),
    "decisions": Table(
        gettext_lazy("Decisions, one for each follower"),
        Scope.decisions,
        {
            "decided": "decided_at", "follower": "subscription__follower__claimed_as",
            "strategy": "subscription__strategy__name", "position": "intent__position_id", "action": "intent__action",
            "symbol": "intent__symbol", "outcome": "outcome", "code": "code",
        },
    ),
    "copies": Table(
        gettext_lazy("Copies of the followers"),
        Scope.copies,
        {
            "made": "created_at", "follower": "account__claimed_as", "copy": "copy_no", "position": "position_id",
            "ticket": "ticket", "state": "state", "symbol": "symbol", "side": "side", "lots": "lots_open",
            "price": "price_at_broker", "closed": "closed_at", "cause": "close_cause",
        },
    ),
}  # fmt: skip


@member_page
def exports(visit: Visit) -> HttpResponseBase:
    offered = [(table.title, visit.address("tenants:export", name)) for name, table in TABLES.items()]
    return visit.show("exports", gettext("Exports"), offered=offered)


@member_page
def export(visit: Visit, table: str) -> HttpResponseBase:
    if table not in TABLES:
        raise Http404
    lines = _lines(TABLES[table], visit.scope)
    response = StreamingHttpResponse(_apart(lines), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{table}.csv"'
    return response


async def _apart(pieces: Iterator[str]) -> AsyncIterator[str]:
    """Each piece is read when the one before it has gone: under ASGI a plain iterator would be read as a whole."""
    take = sync_to_async(lambda: next(pieces, None))
    while (piece := await take()) is not None:
        yield piece


def _lines(table: Table, scope: Scope) -> Iterator[str]:
    yield "\ufeff" + _written([list(table.columns)])
    rows = table.rows(scope).order_by("id")
    last: Any = None
    while True:
        piece = list(
            (rows if last is None else rows.filter(id__gt=last)).values_list("id", *table.columns.values())[:PIECE]
        )
        if not piece:
            return
        last = piece[-1][0]
        yield _written([[cell(value) for value in row[1:]] for row in piece])


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
