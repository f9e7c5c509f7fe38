"""The one place that says what a session token opens: its own session, and the rows of its own account."""

from dataclasses import dataclass
from uuid import UUID

from rest_framework.request import Request

from sessions_app.domain.lifecycle import LIVING, SessionStatus, in_words
from sessions_app.domain.problems import Refused
from sessions_app.models import EaSession


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose rows may be read. A pending session may be a stranger's: it sees itself only."""

    account_pk: UUID
    session_id: UUID
    authenticated: bool


def own_session(request: Request, session_id: UUID) -> EaSession:
    """The token's session, if that is the one in the address.

    :raises Refused: `not_found`, for any other: it does not exist for this token
    """
    session = request.auth
    if not isinstance(session, EaSession) or session.id != session_id:
        raise Refused("not_found")
    return session


def living_session(request: Request, session_id: UUID) -> EaSession:
    """The token's own session, if it has not ended.

    :raises Refused: `not_found`, `session_closed`
    """
    session = own_session(request, session_id)
    if session.state not in LIVING:
        raise Refused("session_closed", f"This session has ended: {in_words(session.close_reason)}")
    return session


def own_scope(request: Request, session_id: UUID, *, while_pending: bool = False) -> Scope:
    """What the token's own session may read: rows of its account once it is authenticated.

    :raises Refused: `not_found`, `session_closed`; `not_authenticated`, unless the view serves pending sessions too
    """
    session = living_session(request, session_id)
    scope = Scope(session.account_id, session.id, session.state == SessionStatus.AUTHENTICATED)
    if not scope.authenticated and not while_pending:
        raise Refused("not_authenticated")
    return scope
