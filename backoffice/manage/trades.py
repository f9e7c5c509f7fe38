"""Trades of the masters, why each was copied or not, and the copies."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice import one_trade
from backoffice.manage.door import ManageView, found, rows_of, shown
from backoffice.manage.items import CopyItem, TradeItem, TradeWhy
from backoffice.manage.lists import ManageList, listed
from backoffice.manage.writing import described
from backoffice.tenants.scope import Scope
from backoffice.tenants.trades import OPENINGS
from orders.domain.states.copies import CopyState
from sessions_app.rest.listing import Filters, Identity, Number, OneOf, Word


class TradeFilters(Filters):
    account_id = Identity()
    symbol = Word()
    position_id = Number()


class TradesView(ManageList):
    """`/trades`."""

    filters = TradeFilters
    item = TradeItem

    @listed("manage_list_trades", "List trades of the masters", TradeItem, TradeFilters)
    def get(self, request: Request) -> Response:
        return self.page(request)

    def rows(self, scope: Scope, **ids: UUID) -> QuerySet[Any]:
        return scope.intents().filter(action__in=OPENINGS, repeated=False).select_related("account")

    def furnish(self, scope: Scope, rows: Sequence[Any]) -> None:
        _furnish(scope, rows)


class TradeView(ManageView):
    """`/trades/{id}`."""

    @described("manage_read_trade", "Read who got a trade, how, and why not", TradeWhy)
    def get(self, request: Request, intent_id: UUID) -> Response:
        scope = rows_of(request)
        opening = found(scope.intents().select_related("account"), intent_id)
        _furnish(scope, [opening])
        outcomes, more = one_trade.outcomes_of(scope, opening)
        body = {
            "trade": opening,
            "events": one_trade.events_of(scope, opening),
            "followers": outcomes,
            "more": more,
        }
        return shown(TradeWhy(body).data)


def _furnish(scope: Scope, rows: Sequence[Any]) -> None:
    outcomes = one_trade.counted_outcomes(scope, [row.pk for row in rows])
    for row in rows:
        row.outcomes = outcomes.get(row.pk, {})


class CopyFilters(Filters):
    account_id = Identity()
    subscription_id = Identity()
    state = OneOf(CopyState)
    symbol = Word()


class CopiesView(ManageList):
    """`/copies`."""

    filters = CopyFilters
    item = CopyItem

    @listed("manage_list_copies", "List copies of the followers", CopyItem, CopyFilters)
    def get(self, request: Request) -> Response:
        return self.page(request)

    def rows(self, scope: Scope, **ids: UUID) -> QuerySet[Any]:
        return scope.copies()
