"""Symbols that followers' brokers name otherwise: which kept trades from being copied, and are mended since."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from django.db.models import Count, Max
from django.http.response import HttpResponseBase
from django.utils.translation import gettext

from backoffice.tenants.mending import Remedy, mapping, mapping_to
from backoffice.tenants.pages import Visit, listed, member_page
from backoffice.tenants.scope import Scope
from orders.domain.states.denials import SENTENCES, Code
from orders.services.subscriptions.symbols import Named, Pair, named
from sessions_app.queries import database_now

CODES: Final = (Code.SYMBOL_NOT_FOUND.value, Code.SYMBOL_AMBIGUOUS.value)
SINCE: Final = timedelta(days=30)
MOST: Final = 200
"""Symbols of followers, the latest, of which Health asks whether they are mended: each may be of another terminal."""


class Lacked(NamedTuple):
    """How often trades of one subscription lacked one symbol, and when last."""

    pair: Pair
    times: int
    last: datetime


@dataclass(frozen=True, slots=True)
class Missed:
    """A symbol of one subscription: how it was denied, what the follower calls it now, and the ways to mend it."""

    row: Mapping[str, Any]
    sentence: str
    now: Named
    ways: Sequence[Remedy]


@member_page
def mappings(visit: Visit) -> HttpResponseBase:
    denied = visit.scope.lately_denied(CODES, database_now() - SINCE)
    denied = denied.annotate(times=Count("id"), last=Max("decided_at")).order_by("-last", "intent__symbol")
    page = listed(visit.request, denied)
    now = called_now(visit.scope, {_pair(row) for row in page.rows})
    shown = [_missed(visit, row, now[_pair(row)]) for row in page.rows]
    return visit.show("mappings", gettext("Missing mappings"), page=page, shown=shown, days=SINCE.days)


def _missed(visit: Visit, row: Mapping[str, Any], now: Named) -> Missed:
    ways: list[Remedy] = []
    if not now.name:
        subscription, symbol = _pair(row)
        ways = [mapping(visit, subscription, symbol)]
        if ways[0].address:
            ways += [mapping_to(visit, subscription, symbol, name) for name in now.suggestions]
    return Missed(row, gettext(SENTENCES[Code(row["code"])]), now, ways)


def still_missing(scope: Scope, denied: Collection[Lacked]) -> int:
    """How many of these trades lacked a symbol that is not found by now either."""
    latest = sorted(denied, key=lambda one: one.last, reverse=True)[:MOST]
    now = called_now(scope, {one.pair for one in latest})
    return sum(one.times for one in denied) - sum(one.times for one in latest if now[one.pair].name)


def called_now(scope: Scope, pairs: Collection[Pair]) -> Mapping[Pair, Named]:
    """What the followers of these subscriptions call these symbols by now."""
    if not pairs:
        return {}
    rows = scope.subscriptions().filter(pk__in={subscription for subscription, _ in pairs})
    return named(list(rows.select_related("follower", "strategy__master")), pairs)


def _pair(row: Mapping[str, Any]) -> Pair:
    return row["subscription_id"], row["intent__symbol"]
