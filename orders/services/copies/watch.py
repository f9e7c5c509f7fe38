"""Followers whose EA is gone while money is at risk: told at once, and over when the EA is back."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db.models import Count

from orders.domain.states.copies import CopyState
from orders.models import Copy
from sessions_app.domain.alerts import AlertCode
from sessions_app.models.transactions import requires_transaction
from sessions_app.services.operations import alerts

_AT_RISK = (CopyState.ORDERED, CopyState.WORKING, CopyState.OPEN)


@requires_transaction
def gone(account_pks: Collection[UUID], now: datetime) -> None:
    """Nobody serves these accounts any more, and no EA has said that it goes: call for those that have copies. Inside
    the caller's transaction.
    """
    copies = Copy.objects.filter(account__in=account_pks, state__in=_AT_RISK)
    for account_pk, count in copies.values_list("account_id").annotate(Count("id")).order_by("account_id"):
        text = f"{count} copies are open or on their way, and nobody leads them"
        alerts.raise_alert(code=AlertCode.OFFLINE_WITH_COPIES, text=text, now=now, account_pk=account_pk)


@requires_transaction
def back(account_pk: UUID, now: datetime) -> None:
    """An EA serves the account again. Inside the caller's transaction."""
    alerts.resolve(codes=[AlertCode.OFFLINE_WITH_COPIES], subjects=[str(account_pk)], now=now)
