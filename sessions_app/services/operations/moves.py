"""The one way in which sessions, keys and grants change their state: by compare-and-set, and only where the table goes.

Each statement names the state that was read. Who comes second moves nothing, and is told so by the answer.
"""

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
from sessions_app.domain.moves import check_move
from sessions_app.models import AccountGrant, AuthKey, EaSession
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
def move_grant(grant_id: UUID, before: GrantState, after: GrantState, **columns: Any) -> bool:
    """Move a grant that is still in `before`; whether it was.

    :raises ForbiddenMove
    """
    check_move("grant", GRANT_MOVES, before, after)
    return bool(AccountGrant.objects.filter(id=grant_id, state=before).update(state=after, **columns))
