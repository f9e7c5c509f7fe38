"""A batch's frames in groups of one type, and the accounts that they change: locked once, in the order of their ids."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from uuid import UUID

from django.db import connection

from sessions_app.models import BrokerAccount
from sessions_app.models.transactions import requires_transaction
from sessions_app.services.ingest import ports
from sessions_app.services.ingest.ports import Arrival, BoundFrame, FrameHandler


def handler_of(frame: BoundFrame) -> FrameHandler:
    """What applies frames of this type.

    :raises LookupError: no batch does
    """
    if frame.handler is None:
        raise LookupError(f"no batch applies {frame.type.name}")
    return frame.handler


def group_by_kind(arrivals: Iterable[Arrival]) -> list[list[Arrival]]:
    """Large groups of one type, without moving a frame past another one of its account."""
    groups: list[list[Arrival]] = []
    last_of_account: dict[int, int] = {}  # by the numbers of their ids, whose hash is compiled code
    last_of_kind: dict[str, int] = {}
    for arrival in arrivals:
        index = last_of_kind.get(arrival.kind, -1)
        account = arrival.account_pk.int
        if index < last_of_account.get(account, 0) or index < 0:
            groups.append([])
            index = last_of_kind[arrival.kind] = len(groups) - 1
        groups[index].append(arrival)
        last_of_account[account] = index
    return groups


@requires_transaction
def lock_accounts(groups: Sequence[Sequence[Arrival]]) -> None:
    """Lock every account that this batch changes, in the order of their ids: gateways share followers, and a batch that
    took them handler by handler would meet another one's in the opposite order. SQLite has one writer anyway.

    The handlers lock theirs once more, and must: the statement that locks is the one that reads, and each has to see
    what the group before has written (numbers, acknowledgements, funds). These rows are ours by then, and most go in
    the round trip of the other reads: rows handed over would save little, and would be old.
    """
    if connection.vendor != "postgresql" or _is_locked_by_one(groups):
        return  # the handler takes them in this order itself
    accounts = touched([arrival for group in groups for arrival in group])
    locked = BrokerAccount.objects.filter(id__in=accounts).order_by("id").select_for_update(no_key=True)
    list(locked.values_list("id"))


def _is_locked_by_one(groups: Sequence[Sequence[Arrival]]) -> bool:
    """Whether one handler locks all: there is one frame, or one group of a type that does so, with the acknowledgements
    before reports."""
    if sum(map(len, groups)) < 2:
        return True
    handlers = [handler_of(ports.bound().frames[group[0].kind]) for group in groups]
    if not all(handler.collects for handler in handlers[:-1]):
        return False
    return handlers[-1].takes_acks or (len(handlers) == 1 and handlers[0].locks_all)


def touched(arrivals: Sequence[Arrival]) -> set[UUID]:
    """The accounts whose rows these frames change when they are applied."""
    frames = ports.bound().frames
    by_kind: dict[str, list[Arrival]] = defaultdict(list)
    for arrival in arrivals:
        by_kind[arrival.kind].append(arrival)
    return {account for kind, group in by_kind.items() for account in handler_of(frames[kind]).touches(group)}
