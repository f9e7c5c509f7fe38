"""Two terminals that take an account from each other again and again: a person must stop one of them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import DateTimeField, ExpressionWrapper, QuerySet, Value

from sessions_app import queries
from sessions_app.domain.alerts import AlertCode
from sessions_app.domain.lifecycle import Reason
from sessions_app.models import EaSession, SessionEvent
from sessions_app.models.statements import Answer, Place, Statement
from sessions_app.models.transactions import requires_transaction
from sessions_app.services.operations import alerts

# A restart preempts once; more than three in this time are two terminals that fight.
WITHIN: Final = timedelta(minutes=5)
FEW_ENOUGH: Final = 3


def _recent() -> "QuerySet[SessionEvent, Any]":
    # By the database's clock, and a minute more: which of them count is told by the caller's moment.
    since = ExpressionWrapper(queries.clock() - Value(WITHIN + timedelta(minutes=1)), output_field=DateTimeField())
    rows = SessionEvent.objects.filter(account__among=Place("accounts"), reason=Reason.PREEMPTED.value, at__gt=since)
    return rows.values_list("at")


_RECENT: Final = Statement(_recent)


def send_for_recent(account_pk: UUID) -> Answer[tuple[Any, ...]]:
    """Ask when the account's sessions were preempted lately."""
    return _RECENT.send(accounts=[account_pk])


@requires_transaction
def watch_preemptions(
    *, former: Sequence[EaSession], session: EaSession, earlier: Sequence[tuple[Any, ...]], now: datetime
) -> None:
    """Call an operator at more than three preemptions within five minutes, inside the caller's transaction.

    `earlier`: when it happened before (see `send_for_recent`); `former`: who is preempted now.
    """
    if not former:
        return
    preempted = len(former) + sum(at > now - WITHIN for (at,) in earlier)
    if preempted <= FEW_ENOUGH:
        return
    # Their addresses tell a person which two machines run with one key.
    sides = " and ".join(row.remote_address or "an unknown address" for row in (*former, session))
    text = f"{preempted} preemptions within 5 minutes, between {sides}"
    alerts.raise_alert(code=AlertCode.PREEMPTION_LOOP, text=text, now=now, account_pk=session.account_id)
