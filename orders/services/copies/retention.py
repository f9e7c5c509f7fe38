"""Delete old copies that are over, with their commands and reports, and the decisions that led to nothing that is left.

What a copy that lives, an order without outcome, an open difference, a person's act or a master's open position still
needs stays, and so do intents: by them a trade is known that a terminal repeats.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from orders.domain.copies.positions import PositionState
from orders.domain.states.commands import UNFINISHED
from orders.domain.states.copies import ALIVE
from orders.domain.states.differences import STANDING
from orders.domain.states.fill_waits import OPEN
from orders.models import (
    Command,
    Copy,
    Decision,
    Difference,
    FillWait,
    MasterPosition,
    Report,
    SubscriptionEvent,
)
from orders.services.command_log import open_log
from orders.services.copies import convergence
from sessions_app.models.transactions import requires_transaction
from sessions_app.services.operations.retention import KEPT_NUMBERS, Walk, history_before

_log = structlog.get_logger(__name__)
_copies: Final = Walk(Copy)
_decisions: Final = Walk(Decision)
_reports: Final = Walk(Report)


def forget(*, now: datetime) -> int:
    """Delete what is old enough, in bounded steps. Returns how many copies, decisions and loose reports."""
    before = history_before(now)
    if before is None:
        return 0
    counts = {
        "copies": sum(_forget_copies(some, before, now) for some in _copies.slices(before)),
        "decisions": sum(_delete(_left_over(some)) for some in _decisions.slices(before)),
        # Of positions that are no copies: the follower's own trades, deposits.
        "reports": sum(_delete(_loose(some)) for some in _reports.slices(before)),
    }
    if any(counts.values()):
        _log.info("retention.history", before=before.isoformat(), **counts)
    return sum(counts.values())


def _forget_copies(some: Sequence[UUID], before: datetime, now: datetime) -> int:
    accounts: dict[UUID, list[UUID]] = defaultdict(list)
    for pk, account_pk in over(before).filter(id__in=some).values_list("id", "account_id"):
        accounts[account_pk].append(pk)
    for account_pk, copies in accounts.items():
        with transaction.atomic(durable=True):
            # A report about one of them may be on its way: it is looked at again under the lock.
            open_log([account_pk], now=now)
            _forget(list(over(before).filter(id__in=copies).values_list("id", flat=True)))
    return sum(map(len, accounts.values()))


@requires_transaction
def _forget(copies: Sequence[UUID]) -> None:
    Report.objects.filter(Q(copy__in=copies) | Q(command__copy__in=copies)).delete()
    Command.objects.filter(copy__in=copies).delete()
    FillWait.objects.filter(copy__in=copies).delete()
    Difference.objects.filter(copy__in=copies).delete()
    Copy.objects.filter(id__in=copies).delete()


def over(before: datetime) -> QuerySet[Copy]:
    """Copies that have ended before a moment, and that nothing needs any more."""
    commands = Command.objects.filter(copy=OuterRef("id"))
    # Their numbers may be named in a Hello, or asked for again.
    recent = Q(epoch=F("account__epoch"), seq__gt=F("account__acked_seq") - KEPT_NUMBERS)
    in_use = commands.filter(Q(state__in=UNFINISHED) | Q(absent_from__isnull=False) | recent)
    position = Q(subscription=OuterRef("subscription"), position_id=OuterRef("position_id"))
    # While its master has the position, a copy that was closed by hand must not be opened anew.
    of_master = MasterPosition.objects.filter(
        account=OuterRef("subscription__strategy__master"), position_id=OuterRef("position_id")
    )
    rows = Copy.objects.exclude(state__in=ALIVE).filter(
        closed_at__lt=before, next_check_at=None, **dict.fromkeys(convergence.CALLS)
    )
    return rows.exclude(
        Exists(in_use)
        | Exists(Copy.objects.filter(position, Q(state__in=ALIVE) | Q(closed_at=None) | Q(closed_at__gte=before)))
        | Exists(of_master.exclude(state=PositionState.CLOSED))
        | Exists(Report.objects.filter(copy=OuterRef("id"), received_at__gte=before))
        | Exists(Report.objects.filter(command__copy=OuterRef("id"), received_at__gte=before))
        | Exists(Difference.objects.filter(copy=OuterRef("id"), state__in=STANDING))
        | Exists(FillWait.objects.filter(copy=OuterRef("id"), state__in=OPEN))
        | Exists(SubscriptionEvent.objects.filter(copy=OuterRef("id")))
    )


def _left_over(some: Sequence[UUID]) -> QuerySet[Decision]:
    """Decisions without commands, about positions that their masters have no more."""
    standing = MasterPosition.objects.filter(
        account=OuterRef("intent__account"), position_id=OuterRef("intent__position_id")
    ).exclude(state=PositionState.CLOSED)
    return Decision.objects.filter(id__in=some).exclude(
        Exists(Command.objects.filter(decision=OuterRef("id")))
        | Exists(FillWait.objects.filter(decision=OuterRef("id")))
        | Exists(standing)
    )


def _loose(some: Sequence[UUID]) -> QuerySet[Report]:
    return Report.objects.filter(id__in=some, command=None, copy=None)


def _delete(rows: "QuerySet[Decision] | QuerySet[Report]") -> int:
    with transaction.atomic(durable=True):
        return rows.delete()[0]
