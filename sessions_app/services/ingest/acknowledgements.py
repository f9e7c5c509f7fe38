"""Acknowledgements of commands: how far the EAs have stored their logs. Only the highest one of each account counts.

Almost every report brings one, about the very command that it reports. So they wait in the batch for the handler that
comes next: reports write them with their own rows, and before all others they are written by themselves.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final, cast
from uuid import UUID

from sessions_app.domain.frames.payloads import Ack
from sessions_app.models import BrokerAccount
from sessions_app.models.bulk import update_rows
from sessions_app.models.light import Fetch
from sessions_app.models.statements import Place
from sessions_app.models.transactions import requires_transaction
from sessions_app.services.ingest import ports
from sessions_app.services.ingest.ports import Acknowledged, Arrival, Batch, Pushed

_READ: Final = frozenset({"id", "epoch", "acked_seq", "next_seq"})
_UNREAD: Final = frozenset(field.attname for field in BrokerAccount._meta.concrete_fields) - _READ
_LOCKED: Final = Fetch(
    lambda: BrokerAccount.objects.filter(id__among=Place("accounts")).order_by("id").select_for_update(no_key=True),
    without=_UNREAD,
)


@dataclass(slots=True)
class Told:
    """What the EAs have told: the highest number of each account, and when its commands were pushed."""

    upto: dict[UUID, int] = field(default_factory=dict)
    pushed: dict[UUID, list[Pushed]] = field(default_factory=dict)

    def raise_all(self, accounts: Collection[BrokerAccount]) -> list[Acknowledged]:
        """Note it in the rows of those of these accounts that have told something. They are locked, and written by
        the caller. A late, lower acknowledgement, or one above the top of the log, moves nothing.
        """
        told = []
        for row in accounts:
            upto = self.upto.get(row.id)
            if upto is not None:
                former = row.acked_seq
                if former < upto < row.next_seq:
                    row.acked_seq = upto
                told.append(Acknowledged(row.id, row.epoch, former, row.acked_seq))
        return told


def collect(arrivals: Sequence[Arrival], batch: Batch) -> None:
    """Keep them for the handler that comes next."""
    batch.acks.extend(arrivals)


def take(batch: Batch) -> Told:
    """What waits; the caller writes it."""
    arrivals, batch.acks = batch.acks, []
    told = Told()
    for arrival in arrivals:
        upto = cast(Ack, arrival.payload).ack
        told.upto[arrival.account_pk] = max(upto, told.upto.get(arrival.account_pk, 0))
        told.pushed.setdefault(arrival.account_pk, []).extend(arrival.pushed)
    return told


@requires_transaction
def settle(batch: Batch) -> None:
    """Write what waits, inside the ingest batch's transaction."""
    if not batch.acks:
        return
    told = take(batch)
    rows = {row.id: row for row in _LOCKED.read(accounts=told.upto)}
    accounts = told.raise_all(rows.values())
    update_rows(BrokerAccount, [rows[item.id] for item in accounts if item.acked_seq > item.former_seq], ["acked_seq"])
    ports.bound().acknowledged(accounts, told.pushed, batch.now)
