"""How much the sessions of a key that waits may store together, whoever takes their frames."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings

from sessions_app.models import PendingRoom
from sessions_app.models.bulk import update_rows
from sessions_app.models.transactions import requires_transaction


@dataclass(slots=True)
class Room:
    """What the sessions of one key have stored so far, in this batch too; `before`: without this batch."""

    key_id: UUID
    frames: int
    before: int

    @property
    def full(self) -> bool:
        return self.frames >= int(settings.GATEWAY["pending_frames_per_key"])


@requires_transaction
def lock_rooms(key_ids: Collection[UUID]) -> dict[UUID, Room]:
    """Lock the rooms of these keys in the order of their ids: after sessions, before accounts.

    Of two batches with sessions of one key the second waits here, and counts what the first has stored.
    """
    rooms = _locked(key_ids)
    if missing := set(key_ids) - rooms.keys():
        PendingRoom.objects.bulk_create([PendingRoom(key_id=key) for key in sorted(missing)], ignore_conflicts=True)
        rooms = _locked(key_ids)
    return rooms


@requires_transaction
def write_rooms(rooms: Iterable[Room]) -> None:
    """Keep what a batch has stored."""
    update_rows(PendingRoom, [room for room in rooms if room.frames != room.before], ["frames"], by=["key"])


def _locked(key_ids: Collection[UUID]) -> dict[UUID, Room]:
    rows = PendingRoom.objects.filter(key__in=key_ids).order_by("key_id").select_for_update(no_key=True)
    return {key_id: Room(key_id, frames, frames) for key_id, frames in rows.values_list("key_id", "frames")}
