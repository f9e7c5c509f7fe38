"""Delete what sessions stored that ended unpromoted: it waits for nobody any more. That they asked stays on record."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, QuerySet

from sessions_app.models import BrokerAccount, InboundFrame, PendingRoom, TerminalProfile

SLICE: Final = 1000
_log = structlog.get_logger(__name__)


def forget_unpromoted(*, now: datetime) -> int:
    """Delete the quarantined frames and the terminal profiles of sessions that ended `pending_retention` ago or longer,
    a slice in a transaction. Returns how many rows."""
    before = now - settings.GATEWAY["pending_retention"]
    # Decisions may still rest on what it told, until another terminal takes its place.
    in_use = BrokerAccount.objects.filter(profile__isnull=False).values("profile")
    profiles = TerminalProfile.objects.filter(session__closed_at__lt=before, session__authenticated_at=None)
    frames = InboundFrame.objects.filter(quarantined=True, session__closed_at__lt=before)
    _tell(frames)
    return _delete(frames, _make_room) + _delete(profiles.exclude(id__in=in_use))


def _tell(frames: QuerySet[InboundFrame]) -> None:
    """Say which accounts' frames end unapplied: they were acknowledged, and no session of their key was promoted."""
    unapplied = frames.filter(content__isnull=False).values_list("account__account_id").annotate(Count("id"))
    for account, count in unapplied.order_by("account__account_id"):
        _log.warning("retention.unapplied", account=account, frames=count)


def _make_room(frame_ids: Sequence[UUID]) -> None:
    """What is deleted takes no room of its key any more."""
    frames = InboundFrame.objects.filter(id__in=frame_ids, session__key__isnull=False)
    counts = frames.values_list("session__key").annotate(Count("id"))
    for key_id, count in counts.order_by("session__key"):
        PendingRoom.objects.filter(key=key_id, frames__gte=count).update(frames=F("frames") - count)


def _delete(rows: QuerySet[Any], before: Callable[[Sequence[UUID]], None] = lambda _: None) -> int:
    deleted = 0
    # By slices: one delete of everything would be one long transaction, and on SQLite every batch would wait for it.
    while some := list(rows.order_by("id").values_list("id", flat=True)[:SLICE]):
        with transaction.atomic(durable=True):
            before(some)
            rows.model._default_manager.filter(id__in=some).delete()
        deleted += len(some)
    return deleted
