"""Copies as rows on their way to where they shall be: what the pure rules say of them is ordered, or waited for.

Whoever has changed a copy hands it over here: a report, a book, a changed subscription, a moment that has come. Each
position is led apart from the others: a fault in one is told and tried again, and stops nobody else's orders.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import Q, QuerySet

from orders.domain.copies.converge import CRUMB, Followed, Standing, Step, converge
from orders.domain.copies.legs import Order
from orders.domain.copies.positions import Position
from orders.domain.copies.rejections import Rejection, classify
from orders.domain.copies.tries import Levels, Tried
from orders.domain.states.commands import UNFINISHED, CommandState
from orders.domain.states.copies import ALIVE, CopyState
from orders.domain.states.reasons import CommandReason, WaitReason
from orders.domain.states.subscriptions import SubscriptionState
from orders.domain.wire.intents import ADDS_EXPOSURE, Action
from orders.models import Command, Copy, MasterPosition, Subscription
from orders.services import mapping, moves
from orders.services.command_log import CommandLog, open_log
from orders.services.copies import leading
from sessions_app import queries
from sessions_app.domain.alerts import AlertCode
from sessions_app.domain.decimals import plain
from sessions_app.models.bulk import update_rows
from sessions_app.models.light import Fetch
from sessions_app.models.statements import Place, Statement, moment
from sessions_app.models.transactions import requires_transaction
from sessions_app.services.ingest.ports import Batch
from sessions_app.services.lifecycle.after_commit import ring_after_commit
from sessions_app.services.operations import alerts

# When a person was called about a copy, and what for: each call begins and ends by itself, whatever else is called for.
CALLS: Final = {
    "unprotected_since": AlertCode.UNPROTECTED,
    "repeated_at": AlertCode.ORDERED_AGAIN,
    "undelivered_at": AlertCode.CLOSE_UNDELIVERED,
    "overdue_at": AlertCode.CLOSE_OVERDUE,
}
_WRITTEN: Final = (*leading.LED_TO, "state", "closed_at", *CALLS)
_NONE: Final = Decimal(0)
# Longer than OVERDUE_AFTER, or the tries that make a close overdue would be out of sight.
RECENT: Final = timedelta(minutes=15)
_AFTER_A_FAULT: Final = timedelta(minutes=1)
_CALL_AGAIN: Final = timedelta(days=1)
# A backlog is worked off in parts: no transaction holds an account's lock for all of it.
_AT_ONCE: Final = 1_000
_log = structlog.get_logger(__name__)


def is_settled(copy: Copy) -> bool:
    """Whether nothing is to be done about it, as far as its own row tells: most reports end here, without a read."""
    if copy.state not in ALIVE:
        return not _is_called_for(copy)
    if copy.state in (CopyState.HELD, CopyState.ORDERED):
        return copy.next_check_at is None
    excess = (copy.lots_open or _NONE) - (copy.lots_decided or _NONE)
    there = (copy.sl_at_broker or _NONE, copy.tp_at_broker or _NONE)
    stands = there == (copy.sl or _NONE, copy.tp or _NONE) and (copy.state != CopyState.OPEN or excess < CRUMB)
    # A working order that shall end is not there yet, whatever its last report was.
    ends = copy.state == CopyState.WORKING and not copy.lots_decided
    if not stands or ends or _is_called_for(copy):
        return False
    # What it waited for has come, unless it waited for something that its own row does not tell.
    return copy.next_check_at is None or copy.wait_reason == WaitReason.ON_ITS_WAY


@requires_transaction
def lead_on(log: CommandLog, copies: Collection[Copy], batch: Batch) -> None:
    """Order what brings these copies to where they shall be by now, and note when to look again.

    Their rows are changed and written here, and their accounts' logs too. The copies are of accounts that the log has
    locked; the caller's objects are kept.
    """
    if not copies:
        return
    log.write(batch)  # what was ordered before in this transaction is under way, and has to be seen
    world = _World.load(log, copies)
    orders: list[tuple[Copy, Order]] = []
    for key, legs in world.legs.items():
        orders += _lead(world, key, legs)
    wanted = {copy.id: (copy.sl, copy.tp) for copy, order in orders if order.action in ADDS_EXPOSURE}
    leading.follow_up(log, orders, world.decisions)
    # An open that was ordered without its stops shall have them all the same.
    for copy, _ in orders:
        copy.sl, copy.tp = wanted.get(copy.id, (copy.sl, copy.tp))
    update_rows(Copy, [copy for legs in world.legs.values() for copy in legs], _WRITTEN)
    log.write(batch)
    world.tell()


def carry_out() -> int:
    """Look at the copies whose moment has come, account by account. Returns how many.

    A copy that is where it shall be has no such moment: this reads what is due, and nothing else.
    """
    done = 0
    for account_pk in sorted({pk for (pk,) in _DUE.read(now=queries.database_now())}):
        try:
            done += _carry_out(account_pk)
        except Exception:  # noqa: BLE001 - one account's failure must not hold up the others; the next sweep tries again
            _log.exception("convergence.failed", account_pk=str(account_pk))
    return done


def _due() -> "QuerySet[Copy, Any]":
    due = Copy.objects.filter(next_check_at__lte=moment("now"))
    return due.order_by("next_check_at").values_list("account_id")[:_AT_ONCE]


_DUE: Final = Statement(_due)


def _carry_out(account_pk: UUID) -> int:
    with transaction.atomic(durable=True):
        log = open_log([account_pk], now=queries.database_now())
        batch = Batch(now=log.now)
        # Looked at again under the lock: another process may have been first.
        due = list(Copy.objects.filter(account=account_pk, next_check_at__lte=log.now).order_by("next_check_at", "id"))
        lead_on(log, due[:_AT_ONCE], batch)
    ring_after_commit(batch)
    return len(due)


# What a step depends on ----------------------------------------------------------------------------------------------

_Key = tuple[UUID, int]


@dataclass(slots=True)
class _World:
    """The positions of some copies with all of their legs, and what these follow; read in a fixed number of reads."""

    log: CommandLog
    legs: Mapping[_Key, list[Copy]]
    subscriptions: Mapping[UUID, Subscription]
    positions: Mapping[_Key, Position]
    commands: Mapping[UUID, list[Command]]
    specs: Mapping[UUID, mapping.Symbols]
    calls: list[alerts.Call] = field(default_factory=list)
    ended: dict[AlertCode, list[str]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def load(cls, log: CommandLog, copies: Collection[Copy]) -> "_World":
        known = {copy.id: copy for copy in copies}
        keys = {(copy.subscription_id, copy.position_id) for copy in copies}
        numbers = {position for _, position in keys}
        # More rows than needed where two subscriptions share a number; fewer statements than one for each pair.
        legs: dict[_Key, list[Copy]] = defaultdict(list)
        for row in _LEGS.read(subscriptions={pk for pk, _ in keys}, positions=numbers):
            if (key := (row.subscription_id, row.position_id)) in keys:
                legs[key].append(known.get(row.id, row))
        subscriptions = {row.id: row for row in _SUBSCRIPTIONS.read(subscriptions={pk for pk, _ in keys})}
        masters = {row.strategy.master_id for row in subscriptions.values()}
        positions = _POSITIONS.read(masters=masters, positions=numbers)
        terminals = mapping.terminals(account.profile_id for account in log.rows.values())
        return cls(
            log=log,
            legs=legs,
            subscriptions=subscriptions,
            positions={(row.account_id, row.position_id): mapping.position(row) for row in positions},
            commands=_commands(legs, log.now),
            specs={pk: mapping.symbols(terminals, row.profile_id) for pk, row in log.rows.items()},
        )

    def followed(self, key: _Key, legs: Sequence[Copy]) -> Followed:
        subscription = self.subscriptions[key[0]]
        return Followed(
            legs=[self._standing(copy) for copy in legs],
            position=self.positions.get((subscription.strategy.master_id, key[1])),
            subscription=SubscriptionState(subscription.state),
            specs=self.specs.get(subscription.follower_id, {}),
        )

    def _standing(self, copy: Copy) -> Standing:
        since = copy.observed_at
        return Standing(
            leg=mapping.leg(copy),
            lots_open=copy.lots_open or _NONE,
            at_broker=Levels(
                copy.sl_at_broker or _NONE, copy.tp_at_broker or _NONE, copy.price_at_broker, copy.expiry_at_broker
            ),
            commands=[tried(row) for row in self.commands.get(copy.id, ()) if _counts(row, since)],
        )

    @property
    def decisions(self) -> dict[tuple[UUID, str], UUID]:
        """The decision under which each action of each copy was ordered last."""
        rows = [row for commands in self.commands.values() for row in commands]
        return {(row.copy_id, row.action): row.decision_id for row in rows if row.decision_id is not None}

    def call(self, copy: Copy, code: AlertCode, text: str, *, subject: str = "") -> None:
        """Call a person when all is written."""
        self.calls.append(alerts.Call(code, text, copy.account_id, subject or str(copy.id)))

    def tell(self) -> None:
        """Raise what was called for, and end what has ended."""
        for ended, subjects in self.ended.items():
            alerts.resolve(codes=[ended], subjects=subjects, now=self.log.now)
        alerts.raise_alerts(self.calls, self.log.now)


def _commands(legs: Mapping[_Key, Sequence[Copy]], now: datetime) -> Mapping[UUID, list[Command]]:
    """What was ordered of these copies lately or has no outcome, and all of their openings.

    A close may have been tried for days, once a minute: how often within a quarter of an hour says enough.
    """
    living = [copy.id for group in legs.values() for copy in group if copy.state in ALIVE]
    found: dict[UUID, list[Command]] = defaultdict(list)
    for row in _COMMANDS.read(copies=living, since=now - RECENT):
        found[row.copy_id].append(row)
    return found


def that_matter() -> "QuerySet[Command]":
    """The numbered commands of `copies`, in their order: openings, what has no outcome, and those `since` a moment."""
    told = Q(state__in=UNFINISHED) | Q(action__in=ADDS_EXPOSURE) | Q(decided_at__gte=moment("since"))
    rows = Command.objects.filter(told, copy__among=Place("copies"), seq__isnull=False, ticket__isnull=True)
    return rows.order_by("id")


def _legs() -> "QuerySet[Copy]":
    rows = Copy.objects.filter(subscription__among=Place("subscriptions"), position_id__among=Place("positions"))
    return rows.order_by("leg")


def _positions() -> "QuerySet[MasterPosition]":
    return MasterPosition.objects.filter(account__among=Place("masters"), position_id__among=Place("positions"))


_LEGS: Final = Fetch(_legs)
_SUBSCRIPTIONS: Final = Fetch(lambda: Subscription.objects.filter(id__among=Place("subscriptions")), "strategy")
_POSITIONS: Final = Fetch(_positions)
_COMMANDS: Final = Fetch(that_matter)


def tried(row: Command) -> Tried:
    """A command as a try."""
    finished = row.state not in UNFINISHED
    return Tried(
        action=Action(row.action),
        state=_state(row),
        at=(row.reported_at if finished else None) or row.decided_at,
        lots_after=row.lots_after or _NONE,
        levels=Levels(row.sl or _NONE, row.tp or _NONE, row.price, row.expiry),
        error_code=row.error_code,
        valid_until=row.valid_until,
        deviation_points=row.deviation_points,
    )


def _state(row: Command) -> CommandState:
    """A command's state, as far as it decides what comes next."""
    if is_doubtful(row):
        return CommandState.UNKNOWN
    # What a person has taken back is over, however young it is.
    taken_back = row.reason == CommandReason.SUBSCRIPTION_CLOSE_ONLY
    return CommandState.EXPIRED if taken_back else CommandState(row.state)


def is_doubtful(row: Command) -> bool:
    """Whether nobody knows what became of it: unknown, or void to us and perhaps executed, until a book tells."""
    return row.state == CommandState.UNKNOWN or (row.state == CommandState.VOID and row.absent_from is not None)


def _counts(row: Command, since: datetime | None) -> bool:
    """Tries from before the broker's last word about the copy were about something else."""
    if row.state in UNFINISHED or row.action in ADDS_EXPOSURE or since is None:
        return True
    return (row.reported_at or row.decided_at) >= since


# One position --------------------------------------------------------------------------------------------------------


def _lead(world: _World, key: _Key, legs: Sequence[Copy]) -> list[tuple[Copy, Order]]:
    try:
        steps = _steps(world, key, legs)
    except Exception as fault:  # noqa: BLE001 - contained: the others' orders go out all the same
        _log.exception("convergence.fault", subscription_id=str(key[0]), position_id=key[1])
        for copy in legs:
            if copy.state in ALIVE:
                copy.next_check_at, copy.wait_reason = world.log.now + _AFTER_A_FAULT, WaitReason.FAULT
        strategy = world.subscriptions[key[0]].strategy.name
        text = f"strategy {strategy}, position {key[1]}: {type(fault).__name__} while its copy was led on"
        world.call(legs[0], AlertCode.INTERNAL, text, subject=f"{key[0]} {key[1]}"[:64])
        return []
    orders: list[tuple[Copy, Order]] = []
    for copy in legs:
        step = steps.get(copy.leg)
        if step is None:
            _end(world, copy)
        else:
            _take(world, copy, step)
            orders += [(copy, order) for order in step.orders]
    return orders


def _steps(world: _World, key: _Key, legs: Sequence[Copy]) -> Mapping[int, Step]:
    """What each leg needs, once what was given up of them is over: the others' share may depend on it."""
    steps = converge(world.followed(key, legs), world.log.now)
    given_up = [copy for copy in legs if copy.leg in steps and steps[copy.leg].gives_up]
    for copy in given_up:
        _give_up(world, copy)
    return converge(world.followed(key, legs), world.log.now) if given_up else steps


def _end(world: _World, copy: Copy) -> None:
    """It has ended, or waits for its account: nothing is to be looked at, and what was called for is over."""
    copy.next_check_at, copy.wait_reason = None, ""
    _end_calls(world, copy, CALLS)


def _take(world: _World, copy: Copy, step: Step) -> None:
    now = world.log.now
    copy.lots_decided = step.lots
    copy.next_check_at, copy.wait_reason = step.look_at, step.waits_for.value if step.waits_for else ""
    if step.unprotected and copy.unprotected_since is None:
        copy.unprotected_since = now
        world.call(copy, AlertCode.UNPROTECTED, f"{_name(copy)}: {_lacking(copy)} not at the broker; set again")
    if step.repeated:
        copy.repeated_at = now
        text = f"{_name(copy)}: its open was not found and is ordered once more"
        world.call(copy, AlertCode.ORDERED_AGAIN, text)
    if step.undelivered:
        _call_daily(world, copy, "undelivered_at", "its close is on its way for 30 s and not tried")
    if step.overdue:
        _call_daily(world, copy, "overdue_at", "the broker does not carry out its close")
    _end_calls(world, copy, _over(copy, step))
    for order in step.orders:
        _log.info("copy.led_on", copy_no=copy.copy_no, position_id=copy.position_id, action=order.action.value)


def _call_daily(world: _World, copy: Copy, column: str, what: str) -> None:
    """Once, and every day that it lasts."""
    called_at: datetime | None = getattr(copy, column)
    if called_at is None or world.log.now - called_at >= _CALL_AGAIN:
        setattr(copy, column, world.log.now)
        world.call(copy, CALLS[column], f"{_name(copy)}: {what}")


def _over(copy: Copy, step: Step) -> list[str]:
    """The calls whose cause does not stand any more; a try that is on its way ends none."""
    over = ["repeated_at"] if copy.state != CopyState.ORDERED else []
    if not step.excess:
        over += ["undelivered_at", "overdue_at"]
    # What is to be closed has no stop to come to: it lacks one until it is gone.
    return over if step.bare or step.lots <= 0 else [*over, "unprotected_since"]


def _end_calls(world: _World, copy: Copy, columns: Collection[str]) -> None:
    for column in columns:
        if getattr(copy, column) is not None:
            setattr(copy, column, None)
            world.ended[CALLS[column]].append(str(copy.id))


def _is_called_for(copy: Copy) -> bool:
    return any(getattr(copy, column) is not None for column in CALLS)


def _give_up(world: _World, copy: Copy) -> None:
    """Its opening came to nothing, for good."""
    moves.move_copy(copy, CopyState.FAILED)
    copy.lots_decided, copy.closed_at = _NONE, world.log.now
    opening = next((row for row in reversed(world.commands.get(copy.id, ())) if row.action in ADDS_EXPOSURE), None)
    _end(world, copy)
    if opening is None or opening.state != CommandState.REJECTED:
        return
    code = opening.error_code
    meaning = classify(code).value.replace("_", " ") if classify(code) is not Rejection.OTHER else "refused"
    text = f"{_name(copy)}: open of {plain(opening.lots or _NONE)} refused for good, error {code} ({meaning})"
    world.call(copy, AlertCode.OPEN_REJECTED, text, subject=f"{copy.account_id} {code}"[:64])


def _lacking(copy: Copy) -> str:
    """The stops that it shall have and has not, as a person writes them."""
    pairs = (("sl", copy.sl, copy.sl_at_broker), ("tp", copy.tp, copy.tp_at_broker))
    return ", ".join(f"{name} {plain(wanted)}" for name, wanted, there in pairs if wanted and wanted != there)


def _name(copy: Copy) -> str:
    return f"copy {copy.copy_no}, ticket {copy.ticket}, {copy.symbol} {copy.side}"
