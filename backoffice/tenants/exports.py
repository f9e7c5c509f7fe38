"""Tables of a tenant as CSV, and what people did."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import QuerySet
from django.http import Http404
from django.http.response import HttpResponseBase
from django.utils.translation import gettext, gettext_lazy

from backoffice import audit, spreadsheets
from backoffice.spreadsheets import PIECE
from backoffice.tenants.pages import Visit, member_page
from backoffice.tenants.scope import Scope
from backoffice.tenants.trades import OPENINGS

ACTS: Final = "audit"
"""Of several tables, and narrowed as its page is: a file of its own kind."""


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
    titles = {name: table.title for name, table in TABLES.items()} | {ACTS: gettext("Audit log")}
    offered = [(title, visit.address("tenants:export", name)) for name, title in titles.items()]
    return visit.show("exports", gettext("Exports"), offered=offered)


@member_page
def export(visit: Visit, table: str) -> HttpResponseBase:
    if table == ACTS:
        return audit.exported(visit.scope, audit.asked_in(visit.request.GET), tenants=False)
    if table not in TABLES:
        raise Http404
    return spreadsheets.sent(table, list(TABLES[table].columns), _pieces(TABLES[table], visit.scope))


def _pieces(table: Table, scope: Scope) -> Iterator[Sequence[Sequence[Any]]]:
    rows = table.rows(scope).order_by("id")
    last: Any = None
    while True:
        piece = list(
            (rows if last is None else rows.filter(id__gt=last)).values_list("id", *table.columns.values())[:PIECE]
        )
        if not piece:
            return
        last = piece[-1][0]
        yield [row[1:] for row in piece]
