"""Differences between books as rows with a life, and the commands that repair them.

Everything here runs inside the caller's transaction, with the account's row locked, but for what a person decides.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from orders.domain.copies.legs import Order
from orders.domain.copies.repair_policies import Policy, policy_for
from orders.domain.copies.tries import Levels
from orders.domain.reconciliation.books import Book
from orders.domain.reconciliation.comparison import Comparison, Copied, Found
from orders.domain.reconciliation.differences import Repair, Undecided, next_try, repair
from orders.domain.states.commands import UNFINISHED, CommandState
from orders.domain.states.differences import STANDING, DifferenceState
from orders.domain.states.reasons import DifferenceReason
from orders.domain.states.subscriptions import SubscriptionState
from orders.domain.wire.intents import Action, OrderType, Side
from orders.domain.wire.snapshots import DifferenceKind
from orders.models import Command, Copy, Difference, DifferenceEvent
from orders.services import mapping, moves
from orders.services.command_log import Attempts, Cause, CommandLog
from orders.services.copies import convergence
from orders.services.reconciliation import calls
from sessions_app.models import BrokerAccount
from sessions_app.models.bulk import insert_rows, update_rows
from sessions_app.models.fields import new_id
from sessions_app.models.light import Fetch
from sessions_app.models.statements import Place
from sessions_app.models.transactions import requires_transaction
from sessions_app.services.ingest.ports import Batch
from sessions_app.services.operations import configuration
from sessions_app.services.operations.history import GATEWAY, Actor

NO_LOTS: Final = Decimal(0)
# The difference stands: what was done has come to nothing, as what was refused.
_IN_VAIN: Final = (CommandState.REJECTED, CommandState.DONE)
_FIELDS = ["state", "severity", "expected", "actual", "ticket", "reason", "seen_at", "closed_at"]


@dataclass(slots=True)
class _Changes:
    """The standing rows of one account, and what one snapshot changes of them. `stops`: of copies that the rule of all
    copies leads on from here, what the book shows of theirs. `sets_stops`: some are set again for the first time.
    """

    log: CommandLog
    account: BrokerAccount
    standing: dict[tuple[str, str], Difference]
    copies: Mapping[int, Copy]
    new: list[Difference] = field(default_factory=list)
    changed: dict[UUID, Difference] = field(default_factory=dict)
    events: list[DifferenceEvent] = field(default_factory=list)
    open: list[tuple[Difference, Found]] = field(default_factory=list)
    stops: dict[UUID, Levels] = field(default_factory=dict)
    sets_stops: bool = False

    def move(self, row: Difference, after: DifferenceState, reason: DifferenceReason | None = None) -> None:
        before = DifferenceState(row.state)
        moves.move_difference(row, after)
        row.reason, row.seen_at = reason or "", self.log.now
        row.closed_at = None if after in STANDING else self.log.now
        self.changed[row.id] = row
        self.events.append(event(row, before, row.reason, GATEWAY, self.log.now))


@requires_transaction
def standing(account: BrokerAccount) -> list[Difference]:
    """What disagrees at present."""
    return _STANDING.read(accounts=[account.id])


_STANDING: Final = Fetch(lambda: Difference.objects.filter(account__among=Place("accounts"), state__in=STANDING))


def record(
    *,
    log: CommandLog,
    account: BrokerAccount,
    comparison: Comparison,
    book: Book,
    rows: Sequence[Difference],
    copies: Mapping[int, Copy],
    copied: Mapping[int, Copied],
    batch: Batch,
) -> bool:
    """Bring the rows up to one comparison: new ones, those that ended, those that are repaired now. Whether stops are
    set again, so that another book shall tell what came of it.

    What the comparison did not look at stays as it is. The same comparison again changes nothing.
    """
    by_subject = {(row.kind, row.subject): row for row in rows}
    changes = _Changes(log=log, account=account, standing=by_subject, copies=copies)
    for found in comparison.differences:
        _note(found, changes)
    for row in changes.standing.values():
        if row.copy_no is None or row.copy_no not in comparison.unseen:
            _end(row, changes)
    _order_repairs(changes, book, copied)
    new = {row.id for row in changes.new}
    update_rows(
        Difference, [row for row in changes.changed.values() if row.id not in new], _FIELDS
    )  # what ends makes room
    insert_rows(Difference, changes.new)
    insert_rows(DifferenceEvent, changes.events)
    log.write(batch)
    _lead_on(changes, comparison, copied, batch)
    calls.call(account, changes.new, log.now)
    return changes.sets_stops


def _note(found: Found, changes: _Changes) -> None:
    row = changes.standing.pop((found.kind.value, found.subject), None)
    # A person's word was about what stood there then.
    if row is not None and _is_other(row, found):
        _end(row, changes, DifferenceReason.CHANGED)
        row = None
    if row is None:
        row = _new(found, changes)
    elif found.adopted:
        changes.move(row, DifferenceState.ADOPTED)
    elif row.state == DifferenceState.REPAIRING and _is_over(row):
        changes.move(row, DifferenceState.OPEN, DifferenceReason.REPAIR_FAILED)
    elif row.expected != found.expected:
        row.expected = found.expected
        changes.changed[row.id] = row
    # One whose repair has come to nothing is looked at again with every book.
    if row.state == DifferenceState.OPEN:
        changes.open.append((row, found))


def _is_other(row: Difference, found: Found) -> bool:
    """Whether what stands there now is not what the row, or a person's word about it, is about any more."""
    if found.adopted or row.state == DifferenceState.REPAIRING:
        return False
    if found.kind is DifferenceKind.MISSING:  # whatever its lots are by now: a person's word is about the copy
        return found.held and row.state == DifferenceState.OPEN
    return (row.expected, row.actual) != (found.expected, found.actual)


def _is_over(row: Difference) -> bool:
    """Whether the command that was to repair it has its outcome; the book is newer than that."""
    last = Command.objects.filter(difference=row).order_by("-attempt").first()
    waiting = (CommandState.QUEUED, CommandState.RECEIVED, CommandState.UNKNOWN)
    return last is None or last.state not in waiting


def _new(found: Found, changes: _Changes) -> Difference:
    state = DifferenceState.HELD if found.held else DifferenceState.OPEN
    state = DifferenceState.ADOPTED if found.adopted else state
    row = Difference(
        id=new_id(),
        account=changes.account,
        copy=changes.copies.get(found.copy_no or 0),
        kind=found.kind,
        severity=found.severity,
        state=state,
        subject=found.subject,
        symbol=found.symbol,
        copy_no=found.copy_no,
        ticket=found.ticket,
        expected=found.expected,
        actual=found.actual,
        opened_at=changes.log.now,
        seen_at=changes.log.now,
        closed_at=None if state in STANDING else changes.log.now,
    )
    changes.new.append(row)
    changes.events.append(event(row, None, "", GATEWAY, changes.log.now))
    return row


def _end(row: Difference, changes: _Changes, reason: DifferenceReason | None = None) -> None:
    repaired = row.state == DifferenceState.REPAIRING
    changes.move(row, DifferenceState.REPAIRED if repaired else DifferenceState.GONE, reason)


@requires_transaction
def event(row: Difference, before: DifferenceState | None, reason: str, actor: Actor, now: datetime) -> DifferenceEvent:
    """The line of a difference's history that says what it has become; `before` None: it is new."""
    return DifferenceEvent(
        id=new_id(),
        difference=row,
        from_state=before or "",
        to_state=row.state,
        reason=reason[:255],
        actor=actor.name,
        address=actor.address[:64],
        at=now,
    )


# Repairs ----------------------------------------------------------------------------------------------------


def _order_repairs(changes: _Changes, book: Book, copied: Mapping[int, Copied]) -> None:
    """Order what the policies allow, as numbered commands like any other. Nothing beside one that is on its way."""
    # One read for all of them, and none where nothing is open.
    about = Command.objects.filter(copy__in={row.copy_id for row, _ in changes.open if row.copy_id})
    busy = set(about.filter(state__in=UNFINISHED).values_list("copy_id", flat=True)) if changes.open else set()
    gate = Decimal(configuration.number("repair_gate_percent", changes.account))
    attempts = Attempts([row.id for row, _ in changes.open], column="difference")
    tickets = any(found.beside for _, found in changes.open) and _tells_tickets_apart(changes.account)
    moved: list[Copy] = []
    for row, found in changes.open:
        believed = copied.get(found.copy_no or 0)
        plan = repair(
            found,
            believed,
            _policy(found, row.copy, changes.account),
            quote=book.quotes.get(found.item.symbol) if found.item else None,
            gate_percent=gate,
            tickets=tickets,
        )
        if isinstance(plan, Repair):
            _hand_over(row, plan, found, believed, changes)
            plan = _not_yet(row, changes, busy, attempts) or plan
        if isinstance(plan, Repair) and row.copy is not None:
            _order(row, row.copy, plan, changes.log, attempts)
            changes.sets_stops |= plan.action is Action.MODIFY
            moved += [row.copy] if plan.action is Action.MODIFY and row.copy_id not in changes.stops else []
            changes.move(row, DifferenceState.REPAIRING)
        elif not isinstance(plan, Repair) and row.reason != plan.reason:
            row.reason = plan.reason
            changes.changed[row.id] = row
    update_rows(Copy, moved, ["sl_at_broker", "tp_at_broker"])


def _hand_over(row: Difference, plan: Repair, found: Found, believed: Copied | None, changes: _Changes) -> None:
    """Let the rule that leads all copies know that its stops, or its price, are not where they shall be."""
    if plan.action is not Action.MODIFY or row.copy_id is None or believed is None or found.item is None:
        return
    # It would take away a stop of the follower's own, where the master has none.
    if (plan.sl, plan.tp) != (believed.sl, believed.tp):
        return
    changes.stops[row.copy_id] = Levels(*plan.found, None if plan.price is None else found.item.price)


def _not_yet(row: Difference, changes: _Changes, busy: Collection[UUID | None], attempts: Attempts) -> Undecided | None:
    """Why a repair is not ordered with this book."""
    # Two orders about one copy would each be right, and together wrong.
    if row.copy_id in busy:
        return Undecided(DifferenceReason.ON_ITS_WAY)
    tried = attempts.has(row.id)
    # The second time by that rule: it knows how often it was tried and what came of it.
    if row.copy is not None and row.copy.id in changes.stops:
        if tried:
            return Undecided(DifferenceReason.REPAIR_FAILED)
        if row.copy.unprotected_since is not None:
            return Undecided(DifferenceReason.PAUSE)
    return Undecided(DifferenceReason.PAUSE) if tried and not _is_due(row, changes.log.now) else None


def _lead_on(changes: _Changes, comparison: Comparison, copied: Mapping[int, Copied], batch: Batch) -> None:
    """Hand over the copies whose stops this book tells of: those that lack them, and those that were to have them and
    do.
    """
    drifted = {found.copy_no for found in comparison.differences}
    for number, copy in changes.copies.items():
        if copy.unprotected_since is not None and number not in drifted | comparison.unseen:
            changes.stops[copy.id] = Levels(copied[number].sl, copied[number].tp)
    if not changes.stops:
        return
    # Read anew: what the book proved was written to other objects.
    copies = list(Copy.objects.filter(id__in=changes.stops))
    for copy in copies:
        levels = changes.stops[copy.id]
        copy.sl_at_broker, copy.tp_at_broker = levels.sl, levels.tp
        copy.price_at_broker = copy.price_at_broker if levels.price is None else levels.price
    update_rows(Copy, copies, ["sl_at_broker", "tp_at_broker", "price_at_broker"])
    convergence.lead_on(changes.log, copies, batch)


def _tells_tickets_apart(account: BrokerAccount) -> bool:
    terminal = mapping.terminals([account.profile_id]).get(account.profile_id) if account.profile_id else None
    return terminal is not None and terminal.tickets


def _is_due(row: Difference, now: datetime) -> bool:
    """Whether the broker may be asked again: it is not tired out by books that come often."""
    vain = Command.objects.filter(difference=row, state__in=_IN_VAIN).order_by("attempt")
    due = next_try([(one.error_code, one.reported_at or one.decided_at) for one in vain])
    return due is None or due <= now


def _policy(found: Found, copy: Copy | None, account: BrokerAccount) -> Policy:
    """The subscription's, else the tenant's, else the default. Nothing is ordered for a subscription that is off."""
    # What its subscription let go is the follower's own.
    if copy is None or copy.subscription.state == SubscriptionState.OFF:
        return Policy.NOTIFY
    tenant = account.tenant.repairs if account.tenant is not None else {}
    return policy_for(found.kind, copy.subscription.settings.repairs, tenant)


def _order(row: Difference, copy: Copy, plan: Repair, log: CommandLog, attempts: Attempts) -> None:
    order = Order(
        leg=copy.leg,
        action=plan.action,
        symbol=copy.symbol,
        side=plan.side or Side(copy.side),
        order_type=OrderType(copy.order_type),
        lots=plan.lots or NO_LOTS,
        lots_before=plan.lots_before,
        lots_after=plan.lots_after,
        price=plan.price,
        sl=plan.sl,
        tp=plan.tp,
    )
    attempt = attempts.next(row.id, order)
    cause = Cause(occurred_at=log.now, received_at=log.now, difference=row, attempt=attempt)
    # No lots where nothing is opened or closed.
    log.add(copy=copy, order=order, cause=cause, lots=plan.lots, ticket=plan.ticket)
    if plan.action is Action.MODIFY:
        # What stands at the broker is what the book shows: until the repair is reported, the copy is led there.
        copy.sl_at_broker, copy.tp_at_broker = plan.found


@requires_transaction
def decided(*, rows: Iterable[Difference], after: DifferenceState, reason: str, by: Actor, now: datetime) -> None:
    """Write a person's decision about locked rows, with its history."""
    events = []
    changed = list(rows)
    for row in changed:
        before = DifferenceState(row.state)
        moves.move_difference(row, after)
        row.reason = ""
        row.closed_at = None if after in STANDING else now
        events.append(event(row, before, reason, by, now))
    update_rows(Difference, changed, ["state", "reason", "closed_at"])
    insert_rows(DifferenceEvent, events)
