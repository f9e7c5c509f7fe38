"""Who is told of which alert: notices are made from alerts, and messages from the notices that are due.

Nothing of this is done where alerts are raised: that path writes its one row. Each step here is one transaction that
may be repeated; it asks nothing for a single alert or person, and writes some hundred rows with a statement.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from sessions_app.domain.alerts import AlertCode
from sessions_app.domain.mailing import STANDING, Choices, MessageKind, MessagePurpose, MessageState
from sessions_app.domain.zones import zone_of
from sessions_app.models import AlertNotice, MailPlan, Member, OperatorAlert, OutboxMessage, Role
from sessions_app.models.fields import new_id

MOST_ALERTS: Final = 500
MOST_NOTICES: Final = 5000
STAFF_PERMISSION: Final = "sessions_app.acknowledge_operatoralert"
_BACKEND: Final = "django.contrib.auth.backends.ModelBackend"
Place = UUID | None
"""A tenant, or what belongs to none."""


@dataclass(frozen=True, slots=True)
class Listener:
    """Somebody who may hear of the alerts of a place, and how he wants to."""

    user_id: int
    choices: Choices


# From alerts to notices -----------------------------------------------------------------------------------------------


def spread(*, now: datetime) -> int:
    """Make the notices of alerts that nobody was told of yet. Returns how many alerts."""
    if not OperatorAlert.objects.filter(spread_at=None).exists():
        return 0  # mostly: no lock is taken then
    with transaction.atomic(durable=True):
        fresh = list(_taken(OperatorAlert.objects.filter(spread_at=None).order_by("first_at")))
        listening = listeners({_place(alert) for alert in fresh}) if fresh else {}
        notices = [
            _notice(alert, listener.user_id, _place(alert), due, now)
            for alert in fresh
            for listener in listening.get(_place(alert), ())
            if (due := listener.choices.due(AlertCode(alert.code), now)) is not None
        ]
        AlertNotice.objects.bulk_create(notices, ignore_conflicts=True, batch_size=1000)
        OperatorAlert.objects.filter(id__in=[alert.id for alert in fresh]).update(spread_at=now)
    return len(fresh)


def spread_ends(*, now: datetime) -> int:
    """Make the notices of alerts that have ended, for whoever was told of them. Returns how many alerts.

    An alert waits while a message that tells of it is under way: what that says of it is not known before.
    """
    under_way = AlertNotice.objects.filter(alert=OuterRef("id"), over=False).filter(
        Q(message=None) | Q(message__state__in=list(STANDING))
    )
    ended = OperatorAlert.objects.filter(resolved_at__isnull=False, spread_at__isnull=False, over_spread_at=None)
    if not ended.exists():
        return 0
    with transaction.atomic(durable=True):
        over = {alert.id: alert for alert in _taken(ended.exclude(Exists(under_way)).order_by("resolved_at"))}
        told = list(
            AlertNotice.objects.filter(
                alert__in=list(over), over=False, said_over=False, message__state=MessageState.SENT
            )
        )
        listening = listeners({notice.tenant_id for notice in told}) if told else {}
        wishes = {(place, one.user_id): one.choices for place, many in listening.items() for one in many}
        notices = []
        for notice in told:
            alert, choices = over[notice.alert_id], wishes.get((notice.tenant_id, notice.user_id))
            due = choices.due(AlertCode(alert.code), now) if choices else None
            if due is not None:
                notices.append(_notice(alert, notice.user_id, notice.tenant_id, due, now, over=True))
        AlertNotice.objects.bulk_create(notices, ignore_conflicts=True, batch_size=1000)
        OperatorAlert.objects.filter(id__in=list(over)).update(over_spread_at=now)
    return len(over)


def listeners(places: Collection[Place]) -> dict[Place, list[Listener]]:
    """Who may hear of the alerts of these places, by place: members of a tenant; of what belongs to none the staff
    that may acknowledge alerts. Who has no address hears nothing."""
    tenants = [place for place in places if place is not None]
    members = Member.objects.filter(tenant__in=tenants, user__is_active=True).exclude(user__email="")
    people: list[tuple[Place, int, bool, str | None]] = [
        (tenant, user, role != Role.VIEWER, zone)
        for tenant, user, role, zone in members.values_list("tenant_id", "user_id", "role", "user__preference__zone")
    ]
    if None in places:
        people += [(None, user, True, zone) for user, zone in staff().values_list("pk", "preference__zone")]
    at_these = Q(tenant__in=tenants) | (Q(tenant=None) if None in places else Q())
    plans = MailPlan.objects.filter(at_these, user__in={user for _, user, _, _ in people}) if people else ()
    chosen = {(plan.tenant_id, plan.user_id): plan for plan in plans}
    found: dict[Place, list[Listener]] = defaultdict(list)
    for place, user, acts, name in people:
        plan, zone = chosen.get((place, user)), zone_of(name)
        choices = plan.choices(acts=acts, zone=zone) if plan else Choices(acts=acts, zone=zone)
        found[place].append(Listener(user, choices))
    return found


def staff() -> QuerySet[User]:
    """The staff that hears of what belongs to no tenant."""
    who = User.objects.with_perm(STAFF_PERMISSION, backend=_BACKEND)
    return who.filter(is_staff=True).exclude(email="")


def _taken(rows: QuerySet[OperatorAlert]) -> Iterable[OperatorAlert]:
    """Some of the alerts, with their accounts, which no other process takes meanwhile."""
    return rows.select_related("account").select_for_update(skip_locked=True, of=("self",))[:MOST_ALERTS]


def _place(alert: OperatorAlert) -> Place:
    return alert.account.tenant_id if alert.account is not None else None


def _notice(
    alert: OperatorAlert, user_id: int, place: Place, due: datetime, now: datetime, *, over: bool = False
) -> AlertNotice:
    return AlertNotice(alert=alert, user_id=user_id, tenant_id=place, over=over, due_at=due, created_at=now)


# From notices to messages ---------------------------------------------------------------------------------------------


def gather(*, now: datetime) -> int:
    """Put what is due into messages: one for each person and place, however much it is. Returns how many messages."""
    due = AlertNotice.objects.filter(message=None, due_at__lte=now)
    if not due.exists():
        return 0
    with transaction.atomic(durable=True):
        rows = list(due.order_by("due_at", "id").select_for_update(skip_locked=True)[:MOST_NOTICES])
        messages: dict[tuple[int, Place], OutboxMessage] = {}
        for row in rows:
            message = messages.setdefault((row.user_id, row.tenant_id), _message(row, now))
            row.message = message
        OutboxMessage.objects.bulk_create(messages.values(), batch_size=1000)
        AlertNotice.objects.bulk_update(rows, ["message"], batch_size=500)
    return len(messages)


def _message(row: AlertNotice, now: datetime) -> OutboxMessage:
    return OutboxMessage(
        id=new_id(),
        kind=MessageKind.EMAIL,
        purpose=MessagePurpose.ALERTS,
        user_id=row.user_id,
        tenant_id=row.tenant_id,
        due_at=now,
        created_at=now,
    )


def of_message(message: OutboxMessage) -> Sequence[AlertNotice]:
    """What a message tells of. An alert whose account has gone to another tenant meanwhile is none of its business."""
    notices = AlertNotice.objects.filter(message=message).select_related("alert__account").order_by("id")
    return [row for row in notices if _place(row.alert) == message.tenant_id]


def note_ends(*, message: OutboxMessage, alerts: Collection[UUID]) -> None:
    """The message has said of these that they have ended: nobody is told again."""
    AlertNotice.objects.filter(message=message, alert__in=list(alerts)).update(said_over=True)


def forget_old(*, before: datetime) -> int:
    """Delete notices of messages that went out before, but of alerts that stand: their end is told to whoever was told
    of them. Returns how many rows."""
    done = Q(alert__over_spread_at__isnull=False) | Q(alert__acknowledged_at__isnull=False)
    notices = AlertNotice.objects.filter(done, message__ended_at__lt=before).delete()[0]
    empty = OutboxMessage.objects.filter(ended_at__lt=before).exclude(
        Exists(AlertNotice.objects.filter(message=OuterRef("id")))
    )
    return notices + empty.delete()[0]
