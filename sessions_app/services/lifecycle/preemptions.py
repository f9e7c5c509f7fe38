"""Two terminals that take an account from each other again and again: a person must stop one of them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sessions_app.domain.alerts import AlertCode
from sessions_app.domain.lifecycle import Reason
from sessions_app.models import EaSession, SessionEvent
from sessions_app.models.transactions import requires_transaction
from sessions_app.services.operations import alerts

# A restart preempts once; more than three in this time are two terminals that fight.
WITHIN: Final = timedelta(minutes=5)
FEW_ENOUGH: Final = 3


@requires_transaction
def watch_preemptions(*, former: Sequence[EaSession], session: EaSession, now: datetime) -> None:
    """Call an operator at more than three preemptions within five minutes, inside the caller's transaction."""
    if not former:
        return
    preempted = SessionEvent.objects.filter(
        account_id=session.account_id, reason=Reason.PREEMPTED, at__gt=now - WITHIN
    ).count()
    if preempted <= FEW_ENOUGH:
        return
    # Their addresses tell a person which two machines run with one key.
    sides = " and ".join(row.remote_address or "an unknown address" for row in (*former, session))
    text = f"{preempted} preemptions within 5 minutes, between {sides}"
    alerts.raise_alert(code=AlertCode.PREEMPTION_LOOP, text=text, now=now, account_pk=session.account_id)
