"""Actions on broker accounts."""

from typing import Final

from django.contrib.messages import WARNING

from backoffice.actions.action import Action, Done, Preview, Sent, Sentences, unless
from backoffice.actions.forms import ActionForm
from backoffice.own_clock import clock_and_zone
from backoffice.permissions import DECIDE_DIFFERENCE, SUSPEND
from sessions_app.domain.lifecycle import SnapshotReason
from sessions_app.models import BrokerAccount
from sessions_app.services.access import suspensions
from sessions_app.services.lifecycle import snapshot_requests
from sessions_app.services.operations.history import Actor

_LATE: Final[Sentences] = {suspensions.AlreadyThere: "somebody did it before"}


def _suspend(row: BrokerAccount, sent: Sent, by: Actor) -> Done:
    ended = suspensions.suspend(account_pk=row.id, by=by, reason=sent["reason"])
    return Done(f"Suspended {row}." + (" Its session has ended." if ended else ""))


def _lift(row: BrokerAccount, sent: Sent, by: Actor) -> Done:
    suspensions.lift_suspension(account_pk=row.id, by=by, reason=sent["reason"])
    return Done(f"{row} may be served again. An EA that stopped is started by hand.")


def _ask(row: BrokerAccount, sent: Sent, by: Actor) -> Done:
    if snapshot_requests.ask_for_snapshot(account_pk=row.id, reason=SnapshotReason.ON_REQUEST):
        return Done(f"The terminal of {row.claimed_as} is asked now.")
    return Done(f"No terminal of {row.claimed_as} is connected: the next one is asked.", level=WARNING)


ACTIONS: Final = (
    Action(
        name="ask_snapshot",
        noun=BrokerAccount,
        verb="Ask for a snapshot",
        title="Ask for a snapshot?",
        permission=DECIDE_DIFFERENCE,
        form=ActionForm,
        preview=lambda row: Preview.of(
            [
                ("Account", row.claimed_as),
                (
                    "Next on schedule",
                    clock_and_zone(row.snapshot_due_at) if row.snapshot_due_at else "at session start",
                ),
            ],
            "The terminal tells every position and working order that it holds.",
            "They are compared with the copies: what the book proves is taken over, what disagrees is listed.",
        ),
        do=_ask,
    ),
    Action(
        name="suspend_account",
        noun=BrokerAccount,
        verb="Suspend",
        title="Suspend this account?",
        permission=SUSPEND,
        obstacle=lambda row: unless(row.suspended_at is None),
        preview=lambda row: Preview.of(
            [("Account", row.claimed_as), ("Tenant", row.tenant or "none")],
            "Its session ends at once, and no key or token opens another until the suspension is lifted.",
            "Its EA stops, shows it, and does not come back by itself.",
            "Commands for it wait; opens that wait too long expire. Positions stay as they are at the broker.",
        ),
        do=_suspend,
        late=_LATE,
        harms=True,
    ),
    Action(
        name="lift_suspension",
        noun=BrokerAccount,
        verb="Lift the suspension",
        title="Lift this suspension?",
        permission=SUSPEND,
        obstacle=lambda row: unless(row.suspended_at is not None),
        preview=lambda row: Preview.of(
            [("Account", row.claimed_as), ("Suspended at", clock_and_zone(row.suspended_at))],
            "Its keys and tokens open sessions again.",
            "Its EA has stopped: whoever runs it starts it again. It is then asked what it holds.",
        ),
        do=_lift,
        late=_LATE,
    ),
)
