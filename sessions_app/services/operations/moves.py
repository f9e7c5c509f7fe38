"""The one way in which sessions, keys, grants and messages change state: by compare-and-set, where the table goes.

Each statement names the state that was read. Who comes second moves nothing, and is told so by the answer.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sessions_app.domain.lifecycle import (
    GRANT_MOVES,
    KEY_MOVES,
    SESSION_MOVES,
    GrantState,
    KeyState,
    SessionStatus,
)
from sessions_app.domain.mailing import MESSAGE_MOVES, MessageState
from sessions_app.domain.moves import check_move
from sessions_app.models import AccountGrant, AuthKey, EaSession, OutboxMessage
from sessions_app.models.transactions import requires_transaction


@requires_transaction
def move_session(session_id: UUID, before: SessionStatus, after: SessionStatus, **columns: Any) -> bool:
    """Move a session that is still in `before`; whether it was.

    :raises ForbiddenMove
    """
    check_move("session", SESSION_MOVES, before, after)
    return bool(EaSession.objects.filter(id=session_id, state=before).update(state=after, **columns))


@requires_transaction
def move_key(key_id: UUID, before: KeyState, after: KeyState, **columns: Any) -> bool:
    """Move a key that is still in `before`; whether it was.

    :raises ForbiddenMove
    """
    check_move("key", KEY_MOVES, before, after)
    return bool(AuthKey.objects.filter(id=key_id, state=before).update(state=after, **columns))


@requires_transaction
def move_keys(key_ids: Collection[UUID], before: KeyState, after: KeyState, **columns: Any) -> int:
    """Move those of these keys that are still in `before`; how many.

    :raises ForbiddenMove
    """
    check_move("key", KEY_MOVES, before, after)
    return AuthKey.objects.filter(id__among=key_ids, state=before).update(state=after, **columns)


@requires_transaction
def move_grant(grant_id: UUID, before: GrantState, after: GrantState, **columns: Any) -> bool:
    """Move a grant that is still in `before`; whether it was.

    :raises ForbiddenMove
    """
    check_move("grant", GRANT_MOVES, before, after)
    return bool(AccountGrant.objects.filter(id=grant_id, state=before).update(state=after, **columns))


@requires_transaction
def move_message(
    message_id: UUID, before: MessageState, after: MessageState, *, due_before: datetime, **columns: Any
) -> bool:
    """Move a message that is still in `before` and has the deadline that was read; whether it was.

    :raises ForbiddenMove
    """
    check_move("message", MESSAGE_MOVES, before, after)
    rows = OutboxMessage.objects.filter(id=message_id, state=before, due_at=due_before)
    return bool(rows.update(state=after, **columns))
