"""End copies that outlive what they were copied from, and take off what a copy has beyond the lots that it is to have:
found in the rows by every sweep, so that nothing can be missed.

Each close is an ordinary numbered command, under the decision that opened the copy, as that one's next attempt. While
one is on its way nothing else is ordered; after one that changed nothing there is a pause, longer each time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import Count, Exists, F, Max, OuterRef, Q, QuerySet

from orders.domain.copies.legs import Order
from orders.domain.copies.orphans import CALL_AFTER, CRUMB, behind, ending, pause
from orders.domain.copies.positions import PositionState
from orders.domain.states.commands import UNFINISHED, CommandState
from orders.domain.states.copies import CopyState
from orders.domain.states.subscriptions import SubscriptionState
from orders.domain.wire.intents import TAKES_OFF
from orders.models import Command, Copy, MasterPosition
from orders.services import mapping
from orders.services.command_log import open_log
from orders.services.copies import leading
from sessions_app import queries
from sessions_app.domain.alerts import AlertCode
from sessions_app.models.bulk import update_rows
from sessions_app.services.ingest.ports import Batch
from sessions_app.services.lifecycle.after_commit import ring_after_commit
from sessions_app.services.operations import alerts

_CHANGED_NOTHING: Final = (CommandState.REJECTED, CommandState.EXPIRED, CommandState.DONE)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Orphan:
    """A copy, what ends it or takes off what is too much, and how often that was tried in vain."""

    copy: Copy
    order: Order
    tries: int


def carry_out() -> int:
    """Order what ends every copy that has outlived its position, or takes off what is too much. Returns how many."""
    found = _due(Q(), queries.database_now())
    done = 0
    for account_pk in sorted({orphan.copy.account_id for orphan in found}):
        try:
            done += _end(account_pk)
        except Exception:  # noqa: BLE001 - one account's failure must not hold up the others; the next sweep tries again
            _log.exception("orphan.failed", account_pk=str(account_pk))
    return done


def _end(account_pk: UUID) -> int:
    with transaction.atomic(durable=True):
        log = open_log([account_pk], now=queries.database_now())
        batch = Batch(now=log.now)
        # Looked at again under the lock, for a report may have come in between.
        found = _due(Q(account=account_pk), log.now)
        commands = leading.follow_up(log, [(orphan.copy, orphan.order) for orphan in found])
        for orphan in found:
            _tell(orphan, log.now)
        update_rows([orphan.copy for orphan in found], leading.LED_TO)
        log.write(batch)
    ring_after_commit(batch)
    return len(commands)


def _tell(orphan: _Orphan, now: datetime) -> None:
    copy = orphan.copy
    _log.warning(
        "orphan.ordered", copy_no=copy.copy_no, position_id=copy.position_id, action=orphan.order.action.value,
        tries=orphan.tries,
    )  # fmt: skip
    # A broker that refuses five times will refuse the sixth: a person has to look.
    if orphan.tries >= CALL_AFTER:
        text = f"copy {copy.copy_no}, ticket {copy.ticket}, {copy.symbol}: {orphan.tries} tries to close it have failed"
        alerts.raise_alert(
            code=AlertCode.ORPHANED_COPY, text=text, now=now, account_pk=copy.account_id, subject=str(copy.id)
        )


# Finding them -----------------------------------------------------------------------------------------------


def _due(where: Q, now: datetime) -> list[_Orphan]:
    """Orphans among these copies whose pause is over; three reads if there are none."""
    outliving, oversized = _outliving(where), _oversized(where)
    copies = list({**outliving, **oversized}.values())
    if not copies:
        return []
    positions = MasterPosition.objects.filter(
        account__in={copy.subscription.strategy.master_id for copy in copies},
        position_id__in={copy.position_id for copy in copies},
    )
    known = {(row.account_id, row.position_id): mapping.position(row) for row in positions}
    tried = _tried(copies)
    found = []
    for copy in copies:
        tries, last = tried.get(copy.id, (0, None))
        wait = pause(tries)
        leg, lots_open = mapping.leg(copy), copy.lots_open or Decimal(0)
        position = known.get((copy.subscription.strategy.master_id, copy.position_id))
        order = ending(leg, lots_open, position, SubscriptionState(copy.subscription.state))
        if order is None and copy.id in oversized:
            order = behind(leg, lots_open)
        if order is not None and wait is not None and (last is None or last + wait <= now):
            found.append(_Orphan(copy, order, tries))
    return found


def _outliving(where: Q) -> dict[UUID, Copy]:
    """Living copies without what they were copied from, for which nothing is on its way that ends them.

    Read by subscription and by position: in one condition the database would look through all closed positions.
    """
    closed = MasterPosition.objects.filter(
        account=OuterRef("subscription__strategy__master"),
        position_id=OuterRef("position_id"),
        state=PositionState.CLOSED,
    )
    unwanted = Q(subscription__state=SubscriptionState.OFF) | Q(
        state=CopyState.WORKING, subscription__state=SubscriptionState.CLOSE_ONLY
    )
    standing = _standing(where, state__in=[CopyState.OPEN, CopyState.WORKING]).exclude(Exists(_reducing(lots_after=0)))
    return {copy.id: copy for query in (unwanted, Exists(closed)) for copy in standing.filter(query)}


def _oversized(where: Q) -> dict[UUID, Copy]:
    """Copies that have more lots than they are to have, for which nothing is on its way that takes some off."""
    standing = _standing(where, state=CopyState.OPEN, lots_decided__lte=F("lots_open") - CRUMB).exclude(
        Exists(_reducing())
    )
    return {copy.id: copy for copy in standing}


def _standing(where: Q, **fields: Any) -> QuerySet[Copy]:
    return Copy.objects.filter(where, **fields).select_related("subscription__strategy").order_by("copy_no")


def _reducing(**fields: Any) -> QuerySet[Command]:
    return Command.objects.filter(copy=OuterRef("id"), state__in=UNFINISHED, action__in=TAKES_OFF, **fields)


def _tried(copies: list[Copy]) -> Mapping[UUID, tuple[int, datetime | None]]:
    """How often each was to be ended in vain, and when that was reported last."""
    of_no_effect = Q(lots_after=0) | Q(lots_after__lt=F("copy__lots_open"))
    ended = Command.objects.filter(of_no_effect, copy__in=copies, state__in=_CHANGED_NOTHING, action__in=TAKES_OFF)
    counted = ended.values_list("copy_id").annotate(Count("id"), Max("reported_at"))
    return {copy: (tries, last) for copy, tries, last in counted}
