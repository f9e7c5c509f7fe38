"""The few rows that the harness reads: what the gateway says of itself. Nothing else here knows a model of orders."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import connection

from orders.domain.states.fill_waits import WaitState
from orders.domain.states.subscriptions import SubscriptionState
from orders.models import Command, Copy, Decision, FillWait, Intent, Report, Strategy, Subscription
from orders.services.subscriptions import lifecycle
from sessions_app.domain.lifecycle import SessionStatus
from sessions_app.models import BrokerAccount, EaSession, OperatorAlert
from sessions_app.services.operations.history import Actor

DESK = Actor("desk")
_MOMENTS = 4


@dataclass(frozen=True, slots=True)
class CommandRow:
    """One command as the log has it."""

    copy_no: int | None
    action: str
    attempt: int
    state: str
    reason: str
    epoch: UUID
    seq: int | None
    codes: tuple[int, ...]
    decided_at: datetime


@dataclass(slots=True)
class Told:
    """Everything that the rows say of one subscription's copies of one master's position."""

    denials: list[str] = field(default_factory=list)
    outcomes: list[tuple[str, str, str]] = field(default_factory=list)
    copies: dict[int, str] = field(default_factory=dict)
    causes: dict[int, str] = field(default_factory=dict)
    commands: list[CommandRow] = field(default_factory=list)


def subscribe(master: BrokerAccount, follower: BrokerAccount, now: datetime, **settings: object) -> UUID:
    strategy, _ = Strategy.objects.get_or_create(
        tenant=master.tenant, name=master.account_id, master=master, defaults={"created_at": now}
    )
    return Subscription.objects.create(strategy=strategy, follower=follower, created_at=now, **settings).id


def change_state(subscription: UUID, state: str, *, detach: bool = False) -> bool:
    """What a person at the desk does; False if it is refused."""
    try:
        lifecycle.change_state(
            subscription_id=subscription,
            state=SubscriptionState(state),
            by=DESK,
            note="history",
            detach=detach,
        )
    except (lifecycle.OpenCopies, lifecycle.StateUnchanged):
        return False
    return True


def owners(account: UUID) -> dict[int, tuple[UUID, int]]:
    """Which subscription and position each copy number belongs to."""
    found = Copy.objects.filter(account_id=account, copy_no__isnull=False)
    named = found.values_list("copy_no", "subscription_id", "position_id")
    return {no: (sub, position) for no, sub, position in named if no is not None}


def told(subscription: UUID, position_ids: set[int]) -> Told:
    """What was decided and ordered, and what became of it."""
    found = Told()
    decisions = Decision.objects.filter(subscription_id=subscription, intent__position_id__in=position_ids)
    for action, outcome, code in decisions.order_by("id").values_list("intent__action", "outcome", "code"):
        found.outcomes.append((action, outcome, code))
        if action in ("open", "place") and outcome != "copied":
            found.denials.append(code)
    copies = Copy.objects.filter(subscription_id=subscription, position_id__in=position_ids)
    for no, state, cause in copies.values_list("copy_no", "state", "close_cause"):
        if no is not None:
            found.copies[no], found.causes[no] = state, cause
    waits = FillWait.objects.filter(copy__in=copies).exclude(code="")
    found.denials += list(waits.values_list("code", flat=True))
    found.commands = commands(Command.objects.filter(copy__in=copies).values_list("id", flat=True))
    return found


def commands(ids: Iterable[UUID]) -> list[CommandRow]:
    codes: dict[UUID, list[int]] = defaultdict(list)
    for command_id, code in Report.objects.filter(command_id__in=ids, error_code__isnull=False).values_list(
        "command_id", "error_code"
    ):
        codes[command_id].append(code or 0)
    columns = ("id", "copy__copy_no", "action", "attempt", "state", "reason", "epoch", "seq", "decided_at")
    rows = Command.objects.filter(id__in=ids).order_by("id").values_list(*columns)
    return [
        CommandRow(no, action, attempt, state, reason, epoch, seq, tuple(codes[pk]), decided_at)
        for pk, no, action, attempt, state, reason, epoch, seq, decided_at in rows
    ]


def log_of(account: UUID) -> list[CommandRow]:
    return commands(Command.objects.filter(account_id=account).values_list("id", flat=True))


def next_seq(account: UUID) -> int:
    return BrokerAccount.objects.values_list("next_seq", flat=True).get(id=account)


def open_alerts(account: UUID | None = None) -> set[str]:
    rows = OperatorAlert.objects.all() if account is None else OperatorAlert.objects.filter(account_id=account)
    return set(rows.values_list("code", flat=True))


def is_anything_due(now: datetime) -> bool:
    """Whether a row says that its moment has come: a sweep would find something. One statement, made once."""
    moment = connection.ops.adapt_datetimefield_value(now)
    with connection.cursor() as cursor:
        cursor.execute(_due(), [moment] * _MOMENTS)
        return bool(cursor.fetchone()[0])


def _due() -> str:
    moments = (
        (Copy, "next_check_at", ""),
        (FillWait, "due_at", f" AND state = '{WaitState.WAITING}'"),
        (BrokerAccount, "snapshot_due_at", ""),
        (EaSession, "deadline_at", f" AND state = '{SessionStatus.AUTHENTICATED}'"),
    )
    asked = "EXISTS (SELECT 1 FROM {} WHERE {} <= %s{})"
    parts = [asked.format(model._meta.db_table, field, more) for model, field, more in moments]
    return f"SELECT {' OR '.join(parts)}"


def stored_frames(account: UUID) -> set[UUID]:
    """The ids of the intents and reports that have rows."""
    intents = Intent.objects.filter(account_id=account).values_list("frame_id", flat=True)
    reports = Report.objects.filter(account_id=account).values_list("frame_id", flat=True)
    return {*intents, *reports}


def undecided(subscription: UUID, master: UUID) -> int:
    """How many first intents have no decision of this subscription."""
    decided = Decision.objects.filter(subscription_id=subscription).values("intent_id")
    return Intent.objects.filter(account_id=master, repeated=False).exclude(id__in=decided).count()


def lots(value: Decimal | None) -> Decimal:
    return value or Decimal(0)
