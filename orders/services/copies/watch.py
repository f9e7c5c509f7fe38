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
    counts = copies.values_list("account_id").annotate(Count("id"))
    left = "copies are open or on their way, and nobody leads them"
    calls = [alerts.Call(AlertCode.OFFLINE_WITH_COPIES, f"{count} {left}", pk) for pk, count in counts]
    alerts.raise_alerts(calls, now)


@requires_transaction
def back(account_pk: UUID, now: datetime) -> None:
    """An EA serves the account again. Inside the caller's transaction."""
    alerts.resolve(codes=[AlertCode.OFFLINE_WITH_COPIES], subjects=[str(account_pk)], now=now)
