"""Call an operator: an open alert is one row, however often its cause comes again, until somebody acknowledges it."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog
from django.db import transaction

from sessions_app import queries
from sessions_app.domain.alerts import ALERTS, AlertCode
from sessions_app.domain.frames.payloads import Severity
from sessions_app.domain.people import PersonAct
from sessions_app.models import OperatorAlert
from sessions_app.models.bulk import upsert_rows
from sessions_app.models.transactions import requires_transaction
from sessions_app.services.operations import person_history
from sessions_app.services.operations.history import Actor

_MAX_TEXT: Final = 500
_ROOM_TO_SAY_SO: Final = 40
_ONE_OPEN: Final = "(code, subject) WHERE acknowledged_at IS NULL AND resolved_at IS NULL"
_AGAIN: Final = "times = sessions_app_operatoralert.times + excluded.times, at = excluded.at, text = excluded.text"
_log = structlog.get_logger(__name__)


class AlreadyAcknowledged(Exception):
    """Somebody else has acknowledged this alert, or there is none."""

    def __init__(self, alert: OperatorAlert | None) -> None:
        self.alert = alert
        super().__init__(f"Acknowledged by {alert.acknowledged_as} already" if alert else "There is no such alert")


@dataclass(frozen=True, slots=True)
class Call:
    """What a person shall look at. `subject`: what it is about, the account unless told otherwise."""

    code: AlertCode
    text: str
    account_pk: UUID | None = None
    subject: str = ""

    @property
    def about(self) -> str:
        """Of what there is one open alert of this code."""
        return self.subject or (str(self.account_pk) if self.account_pk is not None else "")


@requires_transaction
def raise_alert(
    *, code: AlertCode, text: str, now: datetime, account_pk: UUID | None = None, subject: str = ""
) -> None:
    """Write or repeat an alert, inside the caller's transaction; it never fails for one that is open already."""
    raise_alerts([Call(code, text, account_pk, subject)], now)


@requires_transaction
def raise_alerts(calls: Iterable[Call], now: datetime) -> None:
    """Write or repeat these alerts in one statement, inside the caller's transaction."""
    rows: dict[tuple[str, str], OperatorAlert] = {}
    for call in calls:
        severity = ALERTS[call.code][0]
        _log.log(_LEVELS[severity], "operator.alert", code=call.code.value, about=call.about, text=call.text)
        known = rows.get((call.code.value, call.about))
        rows[call.code.value, call.about] = OperatorAlert(
            code=call.code.value,
            account_id=call.account_pk,
            subject=call.about,
            text=_fitting(call.text),
            times=1 + (known.times if known is not None else 0),
            first_at=now,
            at=now,
        )
    # One row however often: a fault that comes a thousand times must not hide the other alerts. In the order of their
    # names, as every other gateway process writes them.
    upsert_rows(OperatorAlert, [rows[key] for key in sorted(rows)], one_per=_ONE_OPEN, then=_AGAIN)


def _fitting(text: str) -> str:
    """The text as its column has room for it; what is cut off is counted, or a person would take it for all."""
    if len(text) <= _MAX_TEXT:
        return text
    kept = _MAX_TEXT - _ROOM_TO_SAY_SO
    return f"{text[:kept]} ... and {len(text) - kept} characters more"


@requires_transaction
def resolve(*, codes: Iterable[AlertCode], subjects: Collection[str], now: datetime) -> int:
    """End the open alerts of these codes about these subjects: the fact is over. Inside the caller's transaction."""
    if not subjects:
        return 0
    standing = OperatorAlert.objects.filter(code__in=list(codes), subject__in=list(subjects))
    return standing.filter(acknowledged_at__isnull=True, resolved_at__isnull=True).update(resolved_at=now)


def stands(code: AlertCode, subject: str) -> bool:
    """Whether there is an open alert of this code about this subject."""
    standing = OperatorAlert.objects.filter(code=code, subject=subject)
    return standing.filter(acknowledged_at__isnull=True, resolved_at__isnull=True).exists()


_LEVELS: Final = {Severity.INFO: 20, Severity.WARNING: 30, Severity.ERROR: 40, Severity.CRITICAL: 50}


def report_alert(*, code: AlertCode, text: str, account_pk: UUID | None = None, subject: str = "") -> None:
    """`raise_alert` in a transaction of its own."""
    with transaction.atomic(durable=True):
        raise_alert(code=code, text=text, now=queries.database_now(), account_pk=account_pk, subject=subject)


def acknowledge(*, alert_id: UUID, by: Actor) -> OperatorAlert:
    """Somebody has seen it: what happens from now on is a new alert.

    :raises AlreadyAcknowledged: somebody else was first
    """
    with transaction.atomic(durable=True):
        mine = OperatorAlert.objects.filter(id=alert_id, acknowledged_at__isnull=True, resolved_at__isnull=True)
        now = queries.database_now()
        won = mine.update(acknowledged_at=now, acknowledged_as=by.name)
        alert = OperatorAlert.objects.select_related("account").filter(id=alert_id).first()
        if not won or alert is None:
            raise AlreadyAcknowledged(alert)
        person_history.record(
            act=PersonAct.ALERT_ACKNOWLEDGED,
            person=alert.account.claimed_as if alert.account else alert.subject,
            actor=by,
            at=now,
            tenant_id=alert.account.tenant_id if alert.account else None,
            note=f"{alert.code}: {alert.text}",
        )
    _log.info("operator.alert_acknowledged", code=alert.code, by=by.name)
    return alert
