"""One row per change of state, written inside the caller's transaction."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sessions_app.domain import people
from sessions_app.domain.lifecycle import Reason
from sessions_app.models import AuthKey, SessionEvent, light
from sessions_app.models.bulk import insert_rows
from sessions_app.models.transactions import requires_transaction


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it, and from where: a user of ours, or a part of the system by its name."""

    name: str
    user_id: int | None = None
    address: str = ""


EA: Final = Actor(people.EA)
GATEWAY: Final = Actor(people.GATEWAY)


@requires_transaction
def record(
    *,
    account_pk: UUID,
    session_id: UUID | None = None,
    key_id: UUID | None = None,
    grant_id: UUID | None = None,
    before: str,
    after: str,
    reason: Reason,
    actor: Actor,
    at: datetime,
    note: str = "",
) -> None:
    """Write one event, inside the caller's transaction."""
    SessionEvent.objects.create(
        account_id=account_pk,
        session_id=session_id,
        key_id=key_id,
        grant_id=grant_id,
        from_state=before,
        to_state=after,
        reason=reason,
        actor=actor.name,
        address=actor.address[:64],
        note=note[:255],
        at=at,
    )


@requires_transaction
def record_for_keys(
    keys: Collection[AuthKey], *, before: str, after: str, reason: Reason, actor: Actor, at: datetime, note: str = ""
) -> None:
    """The same event of many keys, inside the caller's transaction."""
    told = {"from_state": before, "to_state": after, "reason": reason, "note": note[:255]}
    told |= {"actor": actor.name, "address": actor.address[:64]}
    rows = [light.record(SessionEvent, account_id=key.account_id, key_id=key.id, at=at, **told) for key in keys]
    insert_rows(SessionEvent, rows)
