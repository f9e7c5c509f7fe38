"""The money of masters and followers: in what it is counted, and how it has gone, all lines on one scale of percent."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from uuid import UUID

from django.db.models import CharField, DateTimeField, F, QuerySet, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast

from backoffice.charts import Equity, equity_lines
from backoffice.standings import Row
from backoffice.tenants.scope import Scope

SPAN: Final = timedelta(hours=24)
MOST: Final = 2000
"""Figures that are read, the latest: where accounts trade more, the lines begin later."""


def tell_money(scope: Scope, rows: Sequence[Row], now: datetime) -> timedelta | None:
    """Say in what each row's account counts its money, and give it the line of its last day, in one query: an account
    of which no change is known gets none. How long the longest of them is, None without any.
    """
    currencies, told = _read(scope, [row.account.pk for row in rows], now)
    lines = equity_lines(told, now)
    for row in rows:
        row.currency, row.line = currencies.get(row.account.pk, ""), lines.get(row.account.pk)
    return max((line.span for line in lines.values()), default=None)


_CURRENCY: Final = "currency"
_EQUITY: Final = "equity"


def _read(scope: Scope, account_pks: Sequence[UUID], now: datetime) -> tuple[Mapping[UUID, str], Sequence[Equity]]:
    """Currencies, and what reports and intents have told: followers tell with what they did, masters with what they
    do."""
    since = now - SPAN
    known = scope.accounts().filter(pk__in=account_pks, profile__isnull=False)
    reports = scope.reports().filter(account__in=account_pks, received_at__gte=since, late=False, equity__isnull=False)
    intents = scope.intents().filter(account__in=account_pks, received_at__gte=since)
    # The currencies are of now, so the limit leaves them in.
    told = _texts(known, "id", Value(now, DateTimeField()), KeyTextTransform("currency", "profile__content"), _CURRENCY)
    told = told.union(
        _texts(reports, "account_id", F("received_at"), Cast("equity", CharField()), _EQUITY),
        _texts(intents, "account_id", F("received_at"), KeyTextTransform("equity", "content"), _EQUITY),
        all=True,
    ).order_by("-at")[: MOST + len(account_pks)]
    currencies: dict[UUID, str] = {}
    figures: list[Equity] = []
    for pk, at, text, what in told:
        if what == _CURRENCY:
            currencies[pk] = text or ""
        elif (equity := _number(text)) is not None:
            figures.append(Equity(pk, at, equity))
    return currencies, figures


def _texts(rows: QuerySet[Any, Any], account: str, at: Any, text: Any, what: str) -> QuerySet[Any, Any]:
    named: QuerySet[Any, Any] = rows.order_by().annotate(
        whose=F(account), at=at, text=text, what=Value(what, CharField())
    )
    return named.values_list("whose", "at", "text", "what")


def _number(text: str | None) -> Decimal | None:
    try:
        return Decimal(text) if text is not None else None
    except InvalidOperation:
        return None
