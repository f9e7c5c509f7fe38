"""Actions on tenants."""

from typing import Final

from backoffice.actions.action import Action, Done, Preview, Sent, Sentences, unless
from backoffice.permissions import SUSPEND_TENANT
from sessions_app.models import Tenant
from sessions_app.services.access import tenants
from sessions_app.services.operations.history import Actor

_LATE: Final[Sentences] = {tenants.AlreadyThere: "somebody did it before"}


def _suspend(row: Tenant, sent: Sent, by: Actor) -> Done:
    tenants.suspend(tenant_id=row.id, by=by, reason=sent["reason"])
    return Done(f"Suspended {row}.")


def _lift(row: Tenant, sent: Sent, by: Actor) -> Done:
    tenants.lift(tenant_id=row.id, by=by, reason=sent["reason"])
    return Done(f"{row} is open again.")


ACTIONS: Final = (
    Action(
        name="suspend_tenant",
        noun=Tenant,
        verb="Suspend",
        title="Suspend this tenant?",
        permission=SUSPEND_TENANT,
        obstacle=lambda row: unless(row.suspended_at is None),
        preview=lambda row: Preview.of(
            [("Tenant", row.name)],
            "Its members' pages and its management tokens are closed until it is lifted.",
            "Its EAs stay connected and its copies go on: accounts are suspended one by one.",
        ),
        do=_suspend,
        late=_LATE,
        harms=True,
    ),
    Action(
        name="lift_tenant",
        noun=Tenant,
        verb="Lift the suspension",
        title="Lift the suspension of this tenant?",
        permission=SUSPEND_TENANT,
        obstacle=lambda row: unless(row.suspended_at is not None),
        preview=lambda row: Preview.of(
            [("Tenant", row.name)], "Its members and its management tokens are let in again."
        ),
        do=_lift,
        late=_LATE,
    ),
)
