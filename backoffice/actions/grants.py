"""Actions on grants: who may serve an account without a key of it."""

from typing import Final

from backoffice.actions.action import Action, Done, Preview, Sent, unless
from backoffice.permissions import GRANTS
from sessions_app.domain.lifecycle import GrantState
from sessions_app.models import AccountGrant
from sessions_app.services.access import grants
from sessions_app.services.operations.history import Actor


def _withdraw(row: AccountGrant, sent: Sent, by: Actor) -> Done:
    grants.withdraw_grant(grant_id=row.id, by=by, reason=sent["reason"])
    return Done(f"Withdrew the grant of {row}. Its sessions have ended.")


ACTIONS: Final = (
    Action(
        name="withdraw_grant",
        noun=AccountGrant,
        verb="Withdraw",
        title="Withdraw this grant?",
        permission=GRANTS,
        obstacle=lambda row: unless(row.state == GrantState.GRANTED),
        preview=lambda row: Preview.of(
            [("Account", row.account.claimed_as), ("Method", row.method), ("Subject", row.subject)],
            "Its sessions end at once, and no token of this subject opens one for this account.",
            "Positions stay as they are at the broker; nothing is closed.",
        ),
        do=_withdraw,
        late={grants.NotGranted: "somebody withdrew it before"},
        harms=True,
    ),
)
