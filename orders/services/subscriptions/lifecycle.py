"""Subscriptions: the one way to store them, and what people do to them and their copies.

Whoever changes one holds the graph first, then the follower's row: decisions and reports of that follower wait.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction

from orders import queries as order_queries
from orders.domain.copies.desired import cancelling
from orders.domain.decision.settings import SETTINGS, Settings
from orders.domain.states.commands import CommandState
from orders.domain.states.copies import ALIVE, CopyState
from orders.domain.states.reasons import CloseCause, CommandReason, WaitReason
from orders.domain.states.subscriptions import SubscriptionState
from orders.domain.wire.intents import ADDS_EXPOSURE, Action
from orders.models import Command, Copy, Strategy, Subscription, SubscriptionEvent
from orders.services import mapping, moves
from orders.services.command_log import CommandLog, open_log
from orders.services.copies import leading
from orders.services.subscriptions import cycles, versions
from orders.services.subscriptions.cycles import Link
from sessions_app import queries
from sessions_app.domain.lifecycle import SnapshotReason
from sessions_app.models import BrokerAccount
from sessions_app.models.bulk import update_rows
from sessions_app.models.transactions import requires_transaction
from sessions_app.services.ingest.ports import Batch
from sessions_app.services.lifecycle import snapshot_requests
from sessions_app.services.lifecycle.after_commit import ring_after_commit
from sessions_app.services.operations.history import Actor

_AT_ONCE = 1_000
TOMBSTONED, LIFTED = "tombstoned", "lifted"
_log = structlog.get_logger(__name__)


class CopyCycle(Exception):
    """Accounts would copy in a circle; `accounts` names them, the first once more at the end."""

    def __init__(self, accounts: Sequence[str]) -> None:
        super().__init__(f"accounts may not copy in a circle: {' -> '.join(accounts)}")
        self.accounts = tuple(accounts)


class StateUnchanged(Exception):
    """The subscription is in that state already, perhaps since a moment ago by someone else."""


class AlreadySubscribed(Exception):
    """The follower copies this strategy already: its subscription is changed, not made again."""


class OwnMaster(Exception):
    """The follower is the strategy's own master."""


class SettingsChanged(Exception):
    """Somebody else has changed the settings since they were looked at."""


class OpenCopies(Exception):
    """A subscription with open copies is not switched off unless they are detached; `count` of them."""

    def __init__(self, count: int) -> None:
        super().__init__(f"{count} open copies: close them first, or detach them")
        self.count = count


class NoTombstone(Exception):
    """The copy has no tombstone (any more)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One subscription as it shall be. `state` None: a new one is active, a known one stays as it is."""

    follower: BrokerAccount
    settings: Settings
    state: SubscriptionState | None = None
    note: str = ""


@requires_transaction
def store(*, strategy: Strategy, wanted: Sequence[Wanted], by: Actor, batch: Batch) -> list[Subscription]:
    """Create or update a strategy's subscriptions, inside the caller's transaction; the caller tells the batch.

    :raises CopyCycle, OpenCopies: nothing may be stored then
    """
    cycles.hold()
    cycle = cycles.cycle_with({_link(strategy, item.follower): item.state for item in wanted})
    if cycle is not None:
        raise CopyCycle(cycle)
    followers = [item.follower.id for item in wanted]
    known = {row.follower_id: row for row in Subscription.objects.filter(strategy=strategy, follower__among=followers)}
    made: dict[UUID, Subscription] = {}
    others: list[Wanted] = []
    notes: list[str] = []
    for item in wanted:
        if item.follower.id in known or item.follower.id in made:
            others.append(item)
            continue
        made[item.follower.id] = _new(strategy, item, batch)
        notes.append(item.note)
    _insert(list(made.values()), notes, by)
    known |= made
    for item in others:
        _change(known[item.follower.id], item, by, batch)
    return [known[follower] for follower in followers]


def _link(strategy: Strategy, follower: BrokerAccount) -> Link:
    return Link(strategy.tenant.name, strategy.name, strategy.master.account_id, follower.account_id)


def _new(strategy: Strategy, item: Wanted, batch: Batch) -> Subscription:
    return Subscription(
        strategy=strategy,
        follower=item.follower,
        state=item.state or SubscriptionState.ACTIVE,
        created_at=batch.now,
        **SETTINGS.columns(item.settings),
    )


def _insert(rows: Sequence[Subscription], notes: Sequence[str], by: Actor) -> None:
    """New subscriptions with their first events and versions: a statement for a thousand of each."""
    Subscription.objects.bulk_create(rows, batch_size=_AT_ONCE)
    events = [
        SubscriptionEvent(
            subscription=row,
            from_state="",
            to_state=row.state,
            actor=by.name,
            address=by.address[:64],
            note=note[:255],
            at=row.created_at,
        )
        for row, note in zip(rows, notes, strict=True)
    ]
    SubscriptionEvent.objects.bulk_create(events, batch_size=_AT_ONCE)
    versions.note_first(rows, by=by, notes=notes)


def _change(known: Subscription, item: Wanted, by: Actor, batch: Batch) -> None:
    if versions.note_change(known, item.settings, by=by, note=item.note, at=batch.now):
        columns = SETTINGS.columns(item.settings)
        Subscription.objects.filter(id=known.id).update(version=known.version, **columns)
    if item.state is not None and item.state != known.state:
        _move(known, item.state, by=by, note="", detach=False, batch=batch)


# Create, change the settings ----------------------------------------------------------------------------------------


def subscribe(*, strategy: Strategy, follower: BrokerAccount, wanted: Settings, by: Actor, note: str) -> Subscription:
    """Let a follower copy a strategy of its own tenant, from now on.

    :raises AlreadySubscribed, OwnMaster, CopyCycle: nothing is stored then
    :raises ValueError: they belong to different tenants
    """
    if strategy.tenant_id != follower.tenant_id:
        raise ValueError("a follower copies strategies of its own tenant")
    if strategy.master_id == follower.id:
        raise OwnMaster
    with transaction.atomic(durable=True):
        batch = Batch(now=queries.database_now())
        cycles.hold()
        if Subscription.objects.filter(strategy=strategy, follower=follower).exists():
            raise AlreadySubscribed
        item = Wanted(follower=follower, settings=wanted, note=note)
        (row,) = store(strategy=strategy, wanted=[item], by=by, batch=batch)
    ring_after_commit(batch)
    _log.info("subscription.changed", subscription_id=str(row.id), state=row.state, by=by.name)
    return row


def change_settings(*, subscription_id: UUID, wanted: Settings, version: int, by: Actor, note: str) -> Subscription:
    """Give a subscription other settings, from the next decision on; equal ones change nothing.

    `version`: the one that was looked at.

    :raises SettingsChanged: there is a later one
    """
    with transaction.atomic(durable=True):
        batch = Batch(now=queries.database_now())
        cycles.hold()
        row = Subscription.objects.select_related("strategy__tenant", "strategy__master", "follower").get(
            id=subscription_id
        )
        if row.version != version:
            raise SettingsChanged
        item = Wanted(follower=row.follower, settings=wanted, note=note)
        (row,) = store(strategy=row.strategy, wanted=[item], by=by, batch=batch)
    ring_after_commit(batch)
    _log.info("subscription.changed", subscription_id=str(row.id), version=row.version, by=by.name)
    return row


# Pause, resume, switch off -------------------------------------------------------------------------------------------


def change_state(
    *, subscription_id: UUID, state: SubscriptionState, by: Actor, note: str, detach: bool = False
) -> Subscription:
    """Pause (`close_only`), resume (`active`) or switch off (`off`) a subscription.

    Pausing cancels its working pending copies. Switching off needs that it has no open copy, or `detach`: then its open
    copies are the follower's own affair from now on.

    :raises StateUnchanged: it is in that state already
    :raises OpenCopies: it is to be switched off, and has open copies
    :raises CopyCycle: resuming it would let accounts copy in a circle
    """
    with transaction.atomic(durable=True):
        cycles.hold()
        batch = Batch(now=queries.database_now())
        row = Subscription.objects.select_related("strategy__tenant", "strategy__master", "follower").get(
            id=subscription_id
        )
        # Only what comes back from off adds an edge to the graph.
        if row.state == SubscriptionState.OFF:
            cycle = cycles.cycle_with({_link(row.strategy, row.follower): state})
            if cycle is not None:
                raise CopyCycle(cycle)
        _move(row, state, by=by, note=note, detach=detach, batch=batch)
    ring_after_commit(batch)
    _log.info("subscription.changed", subscription_id=str(row.id), state=state.value, by=by.name)
    return row


def _move(row: Subscription, state: SubscriptionState, *, by: Actor, note: str, detach: bool, batch: Batch) -> None:
    """From the state read to another one, by compare-and-set, with what follows for its copies."""
    log = open_log([row.follower_id], now=batch.now)
    # Read again under the lock: two people may press the same button.
    before = Subscription.objects.select_for_update(no_key=True).values_list("state", flat=True).get(id=row.id)
    if before == state or before != row.state:
        raise StateUnchanged(f"{row} is {before}")
    unheard = _drop_unheard(row, log) if state is not SubscriptionState.ACTIVE else []
    if state is SubscriptionState.OFF:
        _release_copies(row, batch.now, unheard, detach=detach)
    if state is not SubscriptionState.ACTIVE:
        _drop_held(row, batch.now)
        _cancel_working(row, log, batch)
    Subscription.objects.filter(id=row.id).update(state=state)
    row.state = state
    # What its copies follow has changed: the next sweep looks at them.
    order_queries.open_copies(row.id).filter(next_check_at__isnull=True).update(next_check_at=batch.now)
    _record(row, before, state, by=by, at=batch.now, note=note)


def _record(
    row: Subscription, before: str, after: str, *, by: Actor, at: datetime, note: str = "", copy: Copy | None = None
) -> None:
    SubscriptionEvent.objects.create(
        subscription=row,
        copy=copy,
        from_state=before,
        to_state=after,
        actor=by.name,
        address=by.address[:64],
        note=note[:255],
        at=at,
    )


def _release_copies(row: Subscription, now: datetime, unheard: Collection[UUID], *, detach: bool) -> None:
    """Nothing flows to them any more: their positions stay as they are at the broker.

    `unheard`: those whose open was taken back just now. They are no reason to ask; if one is there all the same, it is
    kept with the others, or closed when nobody wanted to keep any.
    """
    mine = order_queries.open_copies(row.id).exclude(state=CopyState.HELD)
    count = mine.exclude(id__in=unheard).count()
    # A position that nobody leads is dangerous: somebody has to say that he wants it so.
    if count and not detach:
        raise OpenCopies(count)
    if not detach:
        return
    moves.move_copies(
        mine,
        CopyState.CLOSED,
        only=ALIVE - {CopyState.HELD},
        close_cause=CloseCause.DETACHED,
        lots_decided=0,
        detached_at=now,
        closed_at=now,
        next_check_at=None,
        wait_reason="",
    )


def _drop_unheard(row: Subscription, log: CommandLog) -> list[UUID]:
    """Opens at market that their EA has not acknowledged are void: it gets a GapFill in their place. Their copies.

    The EA may be executing one at this moment: until a book of later has not shown it, it counts as under way.
    """
    unheard = Command.objects.filter(
        copy__subscription=row,
        state=CommandState.QUEUED,
        # Orders to place are left alone: one that comes to work is cancelled like those that work already.
        action=Action.OPEN,
        seq__gt=log.row(row.follower_id).acked_seq,
    )
    copies = list(unheard.values_list("copy_id", flat=True))
    absent_from = log.now + settings.GATEWAY["in_doubt"]
    moves.move_commands(
        unheard,
        CommandState.VOID,
        only=[CommandState.QUEUED],
        reason=CommandReason.SUBSCRIPTION_CLOSE_ONLY,
        absent_from=absent_from,
    )
    if copies:
        snapshot_requests.fall_due(accounts=[row.follower_id], reason=SnapshotReason.IN_DOUBT, at=absent_from)
        Copy.objects.filter(id__in=copies).update(next_check_at=absent_from, wait_reason=WaitReason.IN_DOUBT)
    return copies


def _drop_held(row: Subscription, now: datetime) -> None:
    """What would add exposure and has no number yet is void; what follows it goes with it at the promotion."""
    held = Command.objects.filter(copy__subscription=row, state=CommandState.HELD)
    opening = held.filter(action__in=[action.value for action in sorted(ADDS_EXPOSURE)])
    copies = list(opening.values_list("copy_id", flat=True))
    moves.move_commands(
        opening, CommandState.VOID, only=[CommandState.HELD], reason=CommandReason.SUBSCRIPTION_CLOSE_ONLY
    )
    dropped = Copy.objects.filter(id__in=copies)
    moves.move_copies(dropped, CopyState.FAILED, only=[CopyState.HELD], lots_decided=0, closed_at=now)


def _cancel_working(row: Subscription, log: CommandLog, batch: Batch) -> None:
    """Order the cancelling of its working pending copies, under the decisions that placed them."""
    # What shall end already has its cancel on its way.
    copies = [copy for copy in order_queries.working_copies(row.id).order_by("id") if copy.lots_decided]
    leading.follow_up(log, [(copy, cancelling(mapping.leg(copy), keep_filled=False)) for copy in copies])
    update_rows(Copy, copies, ["lots_decided"])
    log.write(batch)


# Tombstones ----------------------------------------------------------------------------------------------------------


def lift_tombstone(*, copy_id: UUID, by: Actor, note: str) -> Copy:
    """Let a position be copied anew whose copy the follower closed by hand. Nothing is opened by this.

    :raises NoTombstone: there is none, or someone else has lifted it
    """
    with transaction.atomic(durable=True):
        now = queries.database_now()
        copy = Copy.objects.select_related("subscription").get(id=copy_id)
        won = Copy.objects.filter(id=copy_id, tombstoned_at__isnull=False).update(tombstoned_at=None)
        if not won:
            raise NoTombstone(str(copy))
        # All legs of the position: half of it could not be copied anew.
        legs = Copy.objects.filter(subscription=copy.subscription, position_id=copy.position_id)
        legs.update(tombstoned_at=None, lifted_at=now)
        _record(copy.subscription, TOMBSTONED, LIFTED, by=by, at=now, note=note, copy=copy)
    _log.info("copy.tombstone_lifted", copy_id=str(copy_id), by=by.name)
    return copy
