"""What a person wants to be mailed about: chosen by himself, for each place where he may hear of alerts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time, timedelta
from typing import Final
from uuid import UUID

from django.db import IntegrityError, transaction

from sessions_app import queries
from sessions_app.domain.alerts import AlertCode
from sessions_app.domain.mailing import MailMode, MessagePurpose
from sessions_app.models import MailPlan, OutboxMessage
from sessions_app.services.access import rate_counters
from sessions_app.services.operations import outbox

TESTS_AN_HOUR: Final = 5


class PlanChanged(Exception):
    """It was saved on another page meanwhile."""


class TooManyTests(Exception):
    """The person has sent himself as many as he may in an hour."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person has filled in."""

    modes: Mapping[AlertCode, MailMode]
    quiet: tuple[time, time] | None
    breaks_through: bool
    digest_at: time


def of(*, user_id: int, tenant_id: UUID | None) -> MailPlan | None:
    """What the person has chosen there; None: nothing yet."""
    return MailPlan.objects.filter(user=user_id, tenant=tenant_id).first()


def save(*, user_id: int, tenant_id: UUID | None, version: int, wanted: Wanted) -> None:
    """Keep it; `version`: of the plan that was looked at, 0 where there was none.

    :raises PlanChanged: it is another one by now
    """
    start, end = wanted.quiet or (None, None)
    columns = {
        "modes": {code.value: mode.value for code, mode in wanted.modes.items()},
        "quiet_from": start,
        "quiet_until": end,
        "breaks_through": wanted.breaks_through,
        "digest_at": wanted.digest_at,
        "version": version + 1,
        "changed_at": queries.database_now(),
    }
    if version:
        rows = MailPlan.objects.filter(user=user_id, tenant=tenant_id, version=version)
        if not rows.update(**columns):
            raise PlanChanged
        return
    try:
        with transaction.atomic():
            MailPlan.objects.create(user_id=user_id, tenant_id=tenant_id, **columns)
    except IntegrityError as error:  # the other page was first
        raise PlanChanged from error


def send_test(*, user_id: int) -> OutboxMessage:
    """Put a mail to oneself into the outbox.

    :raises TooManyTests: whoever has this log-in must not fill a mailbox with it
    """
    now = queries.database_now()
    scope = f"test mails of {user_id}"
    if not rate_counters.count_request(scope=scope, limit=TESTS_AN_HOUR, now=now, window=timedelta(minutes=59)):
        raise TooManyTests
    return outbox.put(user_id=user_id, purpose=MessagePurpose.TEST, now=now)


def latest(*, user_id: int, most: int) -> list[OutboxMessage]:
    """The latest messages to this person, the newest first."""
    rows = OutboxMessage.objects.select_related("tenant").filter(user=user_id)
    return list(rows.order_by("-created_at")[:most])
