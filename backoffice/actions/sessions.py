"""Actions on sessions."""

from typing import Final

from backoffice.actions.action import Action, Done, Preview, Sent, unless
from backoffice.permissions import END_SESSION
from sessions_app.domain.lifecycle import LIVING, Reason
from sessions_app.models import EaSession
from sessions_app.services.lifecycle import ending
from sessions_app.services.operations.history import Actor


def _end(row: EaSession, sent: Sent, by: Actor) -> Done:
    ending.close_session(session_id=row.id, reason=Reason.CLOSED_BY_OPERATOR, actor=by, note=sent["reason"])
    return Done(f"Ended the session of {row.account}.")


ACTIONS: Final = (
    Action(
        name="end_session",
        noun=EaSession,
        verb="End",
        title="End this session?",
        permission=END_SESSION,
        obstacle=lambda row: unless(row.state in LIVING),
        preview=lambda row: Preview.of(
            [("Account", row.account.claimed_as), ("State", row.state), ("Address", row.remote_address)],
            "Its socket is told and closed at once.",
            "Its EA opens a new session by itself: to keep it away, suspend the account or revoke its key.",
        ),
        do=_end,
        harms=True,
    ),
)
