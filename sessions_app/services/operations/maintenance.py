"""Maintenance windows: while one lasts, the EAs it concerns are sent away, and their sessions are kept."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import Expression, QuerySet

from sessions_app import queries
from sessions_app.domain.lifecycle import LIVING
from sessions_app.domain.people import PersonAct
from sessions_app.domain.problems import Refused
from sessions_app.models import BrokerAccount, EaSession, MaintenanceNotice, MaintenanceWindow
from sessions_app.models.fields import new_id
from sessions_app.models.light import Fetch
from sessions_app.models.statements import Answer
from sessions_app.models.transactions import requires_transaction
from sessions_app.services.operations import person_history
from sessions_app.services.operations.history import Actor

# A window keeps every session it concerns from expiring: one that is forgotten must end by itself.
LONGEST: Final = timedelta(hours=24)
_log = structlog.get_logger(__name__)


class NotAnnounceable(Exception):
    """The window would make no sense; says why."""


class AlreadyOver(Exception):
    """The window was cancelled, or has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What staff announce. Neither account nor tenant: everybody."""

    reason: str
    starts_at: datetime
    ends_at: datetime
    reconnect_after_seconds: int
    tenant_id: UUID | None = None
    account_pk: UUID | None = None


@dataclass(frozen=True, slots=True)
class SentAway:
    """A session that must leave now. `first`: it has not been told of this window before."""

    session_id: UUID
    reason: str
    reconnect_after_seconds: int
    first: bool


def check(plan: Plan, now: datetime) -> None:
    """Whether this may be announced.

    :raises NotAnnounceable: it is over already, ends before it starts, lasts longer than a day, or is announced already
    """
    if plan.ends_at <= plan.starts_at:
        raise NotAnnounceable("A window ends after it starts")
    if plan.ends_at <= now:
        raise NotAnnounceable("A window ends in the future")
    if plan.ends_at - plan.starts_at > LONGEST:
        raise NotAnnounceable("A window lasts 24 hours at most")
    same = MaintenanceWindow.objects.filter(
        tenant=plan.tenant_id, account=plan.account_pk, starts_at=plan.starts_at, ends_at=plan.ends_at
    )
    if same.filter(cancelled_at__isnull=True).exists():
        raise NotAnnounceable("This window is announced already, for the same accounts and times")


def announce(*, plan: Plan, by: Actor) -> MaintenanceWindow:
    """Announce a window.

    :raises NotAnnounceable: as `check` says
    """
    with transaction.atomic(durable=True):
        now = queries.database_now()
        check(plan, now)
        window = MaintenanceWindow.objects.create(
            tenant_id=plan.tenant_id,
            account_id=plan.account_pk,
            reason=plan.reason,
            starts_at=plan.starts_at,
            ends_at=plan.ends_at,
            reconnect_after_seconds=plan.reconnect_after_seconds,
            announced_at=now,
            announced_as=by.name,
        )
        _record(PersonAct.MAINTENANCE_ANNOUNCED, window, by, now)
    _log.info("maintenance.announced", window=str(window.id), whom=window.whom, by=by.name)
    return window


def concerned(plan: Plan) -> tuple[int, int]:
    """How many accounts a window would concern, and how many living sessions of theirs there are now."""
    accounts = BrokerAccount.objects.all()
    if plan.account_pk is not None:
        accounts = accounts.filter(id=plan.account_pk)
    elif plan.tenant_id is not None:
        accounts = accounts.filter(tenant_id=plan.tenant_id)
    sessions = EaSession.objects.filter(state__in=LIVING, account__in=accounts)
    return accounts.count(), sessions.count()


def cancel(*, window_id: UUID, by: Actor) -> None:
    """End a window, or take it back before it starts: EAs may connect again at once.

    :raises AlreadyOver: there is nothing to cancel
    """
    with transaction.atomic(durable=True):
        now = queries.database_now()
        rows = MaintenanceWindow.objects.filter(id=window_id)
        if not rows.filter(cancelled_at__isnull=True, ends_at__gt=now).update(cancelled_at=now, cancelled_as=by.name):
            raise AlreadyOver
        _record(PersonAct.MAINTENANCE_CANCELLED, rows.select_related("account", "tenant").get(), by, now)
    _log.info("maintenance.cancelled", window=str(window_id), by=by.name)


@requires_transaction
def _record(act: PersonAct, row: MaintenanceWindow, by: Actor, at: datetime) -> None:
    tenant_id = row.account.tenant_id if row.account else row.tenant_id
    person_history.record(act=act, person=row.whom, actor=by, at=at, tenant_id=tenant_id, note=row.reason)


def in_force(now: datetime) -> list[MaintenanceWindow]:
    """Windows that last at this moment, the one that ends last first."""
    return list(windows_in_force(now).order_by("-ends_at"))


def windows_in_force(now: datetime | Expression) -> QuerySet[MaintenanceWindow]:
    """Windows that last at a moment, which a query may read itself."""
    return MaintenanceWindow.objects.filter(cancelled_at__isnull=True, ends_at__gt=now, starts_at__lte=now)


def covers(window: MaintenanceWindow, account: BrokerAccount) -> bool:
    """Whether a window concerns an account."""
    if window.account_id is not None:
        return window.account_id == account.id
    return window.tenant_id is None or window.tenant_id == account.tenant_id


def refuse_during(*, account_pk: UUID, now: datetime) -> None:
    """Turn an EA away while a window lasts.

    :raises Refused: `maintenance`, with the seconds until it is over
    """
    windows = in_force(now)
    if not windows:
        return
    # Read only while there is a window: every session that opens or resumes comes by here.
    refuse_in(windows, account=BrokerAccount.objects.get(id=account_pk), now=now)


_WINDOWS: Final = Fetch(
    lambda: MaintenanceWindow.objects.filter(cancelled_at__isnull=True, ends_at__gt=queries.clock()).order_by(
        "-ends_at"
    )
)


def send_for_windows() -> Answer[MaintenanceWindow]:
    """Ask for the windows that have not ended, the one that ends last first."""
    return _WINDOWS.send()


def refuse_in(windows: Sequence[MaintenanceWindow], *, account: BrokerAccount, now: datetime) -> None:
    """Turn an EA away while one of these windows lasts.

    :raises Refused: `maintenance`, with the seconds until it is over
    """
    lasting = (item for item in windows if item.starts_at <= now < item.ends_at and covers(item, account))
    window = next(lasting, None)
    if window is not None:
        seconds = math.ceil((window.ends_at - now).total_seconds())
        raise Refused("maintenance", f"Maintenance: {window.reason}", retry_after=seconds)


def send_away(*, held: Collection[UUID]) -> list[SentAway]:
    """Which of these sessions must leave now; each is noted as told, once per window in the whole deployment."""
    now = queries.database_now()
    windows = in_force(now) if held else []
    if not windows:
        return []
    leaving: dict[UUID, MaintenanceWindow] = {}
    for session in EaSession.objects.select_related("account").filter(id__in=held):
        window = next((item for item in windows if covers(item, session.account)), None)
        if window is not None:
            leaving[session.id] = window
    # The table decides who is first, since the session may be held by several processes one after the other.
    told = _note(leaving, now)
    return [
        SentAway(session_id, window.reason, window.reconnect_after_seconds, session_id in told)
        for session_id, window in leaving.items()
    ]


def _note(leaving: dict[UUID, MaintenanceWindow], now: datetime) -> set[UUID]:
    """Write the notices; the sessions whose notice is ours, not an earlier one."""
    notices = [
        MaintenanceNotice(id=new_id(), window=window, session_id=session_id, told_at=now)
        for session_id, window in leaving.items()
    ]
    with transaction.atomic(durable=True):
        # Another process may have told this session of this window before.
        MaintenanceNotice.objects.bulk_create(notices, ignore_conflicts=True)
    # Rows that were there already kept their own id: ours are those that we have written.
    ours = MaintenanceNotice.objects.filter(id__in=[notice.id for notice in notices])
    return set(ours.values_list("session_id", flat=True))
