"""The few rows that the harness reads: what the gateway says of itself. Nothing else here knows a model of orders."""

import dataclasses
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any, Final
from uuid import UUID

from django.db import connection

from orders.domain.states.fill_waits import WaitState
from orders.domain.states.subscriptions import SubscriptionState
from orders.models import Command, Copy, Decision, FillWait, Intent, Report, Strategy, Subscription
from orders.services.subscriptions import lifecycle
from sessions_app.domain.lifecycle import SessionStatus
from sessions_app.models import BrokerAccount, EaSession, OperatorAlert
from sessions_app.models.statements import Place, Statement
from tests.histories.gateway import DESK

# Compiled once in a process: Django's writing of a query costs more than SQLite's answer.
_OWNERS: Final = Statement(
    lambda: Copy.objects.filter(account__among=Place("accounts"), copy_no__isnull=False).values_list(
        "copy_no", "subscription_id", "position_id"
    )
)
_DECISIONS: Final = Statement(
    lambda: (
        Decision.objects.filter(
            subscription__among=Place("subscriptions"), intent__position_id__among=Place("positions")
        )
        .order_by("id")
        .values_list("intent__action", "outcome", "code")
    )
)
_COPIES: Final = Statement(
    lambda: Copy.objects.filter(
        subscription__among=Place("subscriptions"), position_id__among=Place("positions")
    ).values_list("id", "copy_no", "state", "close_cause")
)
_WAITS: Final = Statement(
    lambda: FillWait.objects.filter(copy__among=Place("copies")).exclude(code="").values_list("code")
)
_COLUMNS: Final = (
    *("id", "copy__copy_no", "action", "attempt", "state", "reason", "epoch", "seq", "lots_after"),
    *("decided_at", "reported_at"),
)
_OF_COPIES: Final = Statement(
    lambda: Command.objects.filter(copy__among=Place("copies")).order_by("id").values_list(*_COLUMNS)
)
_OF_ACCOUNT: Final = Statement(
    lambda: Command.objects.filter(account__among=Place("accounts")).order_by("id").values_list(*_COLUMNS)
)
_CODES: Final = Statement(
    lambda: Report.objects.filter(command__among=Place("commands"), error_code__isnull=False).values_list(
        "command_id", "error_code"
    )
)
_ALERTS: Final = Statement(lambda: OperatorAlert.objects.filter(account__among=Place("accounts")).values_list("code"))


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
    lots_after: Decimal | None
    decided_at: datetime
    reported_at: datetime | None


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


def change_settings(subscription: UUID, **settings: Any) -> None:
    """What a person at the desk does with a form: these settings, and all others as they were."""
    row = Subscription.objects.get(id=subscription)
    wanted = dataclasses.replace(row.settings, **settings)
    lifecycle.change_settings(subscription_id=subscription, wanted=wanted, version=row.version, by=DESK, note="history")


def owners(account: UUID) -> dict[int, tuple[UUID, int]]:
    """Which subscription and position each copy number belongs to."""
    return {no: (sub, position) for no, sub, position in _OWNERS.read(accounts=[account])}


def told(subscription: UUID, position_ids: set[int]) -> Told:
    """What was decided and ordered, and what became of it."""
    found = Told()
    wanted = {"subscriptions": [subscription], "positions": sorted(position_ids)}
    for action, outcome, code in _DECISIONS.read(**wanted):
        found.outcomes.append((action, outcome, code))
        if action in ("open", "place") and outcome != "copied":
            found.denials.append(code)
    copies = _COPIES.read(**wanted)
    for _, no, state, cause in copies:
        if no is not None:
            found.copies[no], found.causes[no] = state, cause
    if copies:
        ids = [pk for pk, *_ in copies]
        found.denials += [code for (code,) in _WAITS.read(copies=ids)]
        found.commands = _commands(_OF_COPIES.read(copies=ids))
    return found


def _commands(rows: list[tuple[Any, ...]]) -> list[CommandRow]:
    codes: dict[UUID, list[int]] = defaultdict(list)
    for command_id, code in _CODES.read(commands=[pk for pk, *_ in rows]) if rows else ():
        codes[command_id].append(code or 0)
    return [
        CommandRow(no, action, attempt, state, reason, epoch, seq, tuple(codes[pk]), *others)
        for pk, no, action, attempt, state, reason, epoch, seq, *others in rows
    ]


def log_of(account: UUID) -> list[CommandRow]:
    return _commands(_OF_ACCOUNT.read(accounts=[account]))


def next_seq(account: UUID) -> int:
    return BrokerAccount.objects.values_list("next_seq", flat=True).get(id=account)


def open_alerts(account: UUID) -> set[str]:
    return {code for (code,) in _ALERTS.read(accounts=[account])}


class Due:
    """Whether a row says that its moment has come: a sweep would find something.

    The next moment is read once, and again when something was written: SQLite counts that for its connection, the only
    one that writes here. PostgreSQL tells no such count, and is asked each time.
    """

    def __init__(self) -> None:
        self._seen = -1
        self._next: Any = None

    def is_anything(self, now: datetime) -> bool:
        moment = connection.ops.adapt_datetimefield_value(now)
        written = getattr(connection.connection, "total_changes", None)
        if written is None or written != self._seen:
            with connection.cursor() as cursor:
                cursor.execute(_next_moment())
                self._next = min((found for (found,) in cursor.fetchall() if found is not None), default=None)
            self._seen = -1 if written is None else written
        return self._next is not None and bool(self._next <= moment)


@cache
def _next_moment() -> str:
    moments = (
        (Copy, "next_check_at", ""),
        (FillWait, "due_at", f" AND state = '{WaitState.WAITING}'"),
        (BrokerAccount, "snapshot_due_at", ""),
        (EaSession, "deadline_at", f" AND state = '{SessionStatus.AUTHENTICATED}'"),
    )
    asked = "SELECT min({}) FROM {} WHERE {} IS NOT NULL{}"
    return " UNION ALL ".join(asked.format(field, model._meta.db_table, field, more) for model, field, more in moments)


def stored_frames(account: UUID) -> set[UUID]:
    """The ids of the intents and reports that have rows."""
    intents = Intent.objects.filter(account_id=account).values_list("frame_id", flat=True)
    reports = Report.objects.filter(account_id=account).values_list("frame_id", flat=True)
    return {*intents, *reports}


def undecided(subscription: UUID, master: UUID) -> int:
    """How many first intents have no decision of this subscription."""
    decided = Decision.objects.filter(subscription_id=subscription).values("intent_id")
    return Intent.objects.filter(account_id=master, repeated=False).exclude(id__in=decided).count()
