"""Actions on copies."""

from typing import Final

from backoffice.actions.action import Action, Done, Preview, Sent, unless
from backoffice.permissions import LIFT_TOMBSTONE
from orders.models import Copy
from orders.services.subscriptions import lifecycle
from sessions_app.services.operations.history import Actor

_NO_TOMBSTONE: Final = "this copy has no tombstone"


def _lift(row: Copy, sent: Sent, by: Actor) -> Done:
    lifecycle.lift_tombstone(copy_id=row.id, by=by, note=sent["reason"])
    return Done(f"The tombstone of position {row.position_id} is lifted.")


ACTIONS: Final = (
    Action(
        name="lift_tombstone",
        noun=Copy,
        verb="Lift the tombstone",
        title="Lift the tombstone of this copy?",
        permission=LIFT_TOMBSTONE,
        obstacle=lambda row: unless(row.tombstoned_at is not None, _NO_TOMBSTONE),
        preview=lambda row: Preview.of(
            [
                ("Follower", row.account.claimed_as),
                ("Position", row.position_id),
                ("Symbol", row.symbol),
                ("Closed", row.close_cause),
            ],
            "The position may be copied anew.",
            "Nothing is opened by this.",
        ),
        do=_lift,
        late={lifecycle.NoTombstone: _NO_TOMBSTONE},
    ),
)
