"""What was done with people's log-ins, and with what has no history of its own: one row each, inside the caller's
transaction."""

from datetime import datetime
from uuid import UUID

import structlog

from sessions_app.domain.people import PersonAct
from sessions_app.models import PersonEvent
from sessions_app.models.transactions import requires_transaction
from sessions_app.services.operations.history import Actor

_log = structlog.get_logger(__name__)


@requires_transaction
def record(
    *,
    act: PersonAct,
    person: str,
    actor: str | Actor,
    at: datetime,
    address: str = "",
    tenant_id: UUID | None = None,
    note: str = "",
) -> None:
    """Write one event, inside the caller's transaction. `address`: from where; an Actor knows it himself."""
    by = actor if isinstance(actor, Actor) else Actor(actor, address=address)
    PersonEvent.objects.create(
        act=act,
        person=person[:254],
        actor=by.name[:150],
        address=by.address[:64],
        tenant_id=tenant_id,
        note=note[:255],
        at=at,
    )
    _log.info("person.act", act=act.value, person=person, by=by.name, address=by.address)
