"""Delete what nobody waits for or needs any more: what sessions stored that ended unpromoted, and old frames.

That strangers asked stays on record. All goes in bounded steps: no transaction is long, and no run either.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Count, Exists, F, Model, OuterRef, Q, QuerySet

from sessions_app.domain.lifecycle import LIVING
from sessions_app.models import BrokerAccount, EaSession, InboundFrame, PendingRoom, TerminalProfile

SLICE: Final = 1000
WINDOWS: Final = 50
"""How many slices of a table one run looks at."""
KEPT_NUMBERS: Final = 1000
"""How many of the newest numbers of a log stay, whatever their age: they may come again, or be named in a Hello."""
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


class Walk:
    """The rows of a table from the oldest on, a slice at a time, by their keys, which tell when a row was made.

    What may not be deleted yet stays behind, and is not looked at again until everything was: a run goes on where the
    one before has stopped. A new process begins with the oldest.
    """

    def __init__(self, model: type[Model]) -> None:
        self._model, self._after = model, _NOTHING

    def slices(self, before: datetime) -> Iterator[list[UUID]]:
        """Keys of rows that were made before a moment, as many as one run looks at."""
        # A UUIDv7 begins with its milliseconds.
        bound = UUID(int=int(before.timestamp() * 1000) << 80)
        for _ in range(WINDOWS):
            rows = self._model._default_manager.filter(id__gt=self._after, id__lt=bound).order_by("id")
            some: list[UUID] = list(rows.values_list("id", flat=True)[:SLICE])
            self._after = some[-1] if some else _NOTHING
            if not some:
                return
            yield some


_NOTHING: Final = UUID(int=0)
_frames: Final = Walk(InboundFrame)


def history_before(now: datetime) -> datetime | None:
    """What is older than this may be forgotten; None: nothing may."""
    age = settings.GATEWAY["history_retention"]
    return now - age if age else None


def forget_frames(*, now: datetime) -> int:
    """Delete old frames that no terminal may send again. Returns how many.

    It is by them that a frame is known which comes a second time. So the newest numbers of a session stay while it
    lives, and after its end until a later session of the account was authenticated, which is long ago too by then: what
    a terminal keeps in its outbox it sends under that one. Quarantined frames have an age of their own.
    """
    before = history_before(now)
    if before is None:
        return 0
    later = EaSession.objects.filter(
        account=OuterRef("account"), created_at__gt=OuterRef("session__created_at"), authenticated_at__lt=before
    )
    spent = ~Q(session__state__in=LIVING) & Exists(later)
    above = Q(seq__gt=F("session__stored_seq") - KEPT_NUMBERS)
    deleted = 0
    for some in _frames.slices(before):
        rows = InboundFrame.objects.filter(id__in=some, quarantined=False).filter(spent | ~above)
        with transaction.atomic(durable=True):
            deleted += rows.delete()[0]
    return deleted
