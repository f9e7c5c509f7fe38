"""Acknowledgements of commands: how far the EAs have stored their logs. Only the highest one of each account counts.

Almost every report brings one, about the very command that it reports, and carries it through the queue. Others wait in
the batch for the handler that comes next: reports write them with their own rows, and before all others they are
written by themselves. What a report carries that is not applied counts all the same: it goes on by itself, in the
report's place.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast
from uuid import UUID

from sessions_app.domain.frames.payloads import Ack
from sessions_app.models import BrokerAccount
from sessions_app.models.bulk import update_rows
from sessions_app.models.fields import new_id
from sessions_app.models.light import Fetch
from sessions_app.models.statements import Place
from sessions_app.models.transactions import requires_transaction
from sessions_app.queries import Standing
from sessions_app.services.ingest import ports
from sessions_app.services.ingest.ports import Acknowledged, Arrival, Batch, Fate, Pushed

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

    def hear(self, arrival: Arrival, upto: int) -> None:
        """A frame of this account has acknowledged so much."""
        account = arrival.account_pk
        self.upto[account] = max(upto, self.upto.get(account, 0))
        if arrival.pushed:
            self.pushed.setdefault(account, []).extend(arrival.pushed)

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


def arrival_of(
    carrier: Arrival | Standing, upto: int, pushed: tuple[Pushed, ...], heard: float, *, source: Any = None
) -> Arrival:
    """An acknowledgement as a frame of its own, whatever carried it, with what is known of the commands it covers."""
    return Arrival(
        session_id=carrier.session_id,
        account_pk=carrier.account_pk,
        fence=carrier.fence,
        kind=Ack.__name__,
        frame_id=new_id(),
        seq=None,
        payload=Ack(ack=upto),
        digest=b"",
        heard=heard,
        source=source,
        pushed=pushed,
    )


def alone(arrival: Arrival) -> Arrival:
    """What a frame acknowledges that is not applied: it is applied in the frame's place."""
    ack = arrival_of(arrival, arrival.ack, arrival.pushed, arrival.heard)
    ack.received_at, ack.fate = arrival.received_at, Fate.APPLY
    return ack


def take(batch: Batch, carriers: Sequence[Arrival] = ()) -> Told:
    """What waits, and what these frames carry; the caller writes it."""
    arrivals, batch.acks = batch.acks, []
    told = Told()
    for arrival in arrivals:
        told.hear(arrival, cast(Ack, arrival.payload).ack)
    for arrival in carriers:
        if arrival.ack and not arrival.late:
            told.hear(arrival, arrival.ack)
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
