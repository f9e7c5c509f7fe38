"""Take what masters did: store it, decide for every subscription, and order what follows, inside one transaction."""

from collections.abc import Callable, Hashable, Sequence
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any, cast
from uuid import UUID

import msgspec
import structlog

from orders.domain.copies.positions import (
    Position,
    PositionState,
    advance,
    completed,
    is_known_open,
    is_latest,
    is_reused,
    is_unknown_part,
)
from orders.domain.decision.inputs import Case
from orders.domain.decision.likeness import likeness
from orders.domain.decision.pipeline import Decided, decide, failed
from orders.domain.states.denials import Code
from orders.domain.wire.intents import ADDS_EXPOSURE, Action, OrderIntent
from orders.models import Intent
from orders.services.copies import fill_waits
from orders.services.intents.batch import Workspace
from orders.services.intents.reading import Subscribed, followers_of
from orders.services.intents.seats import Seat
from sessions_app.domain.alerts import AlertCode
from sessions_app.domain.decimals import plain, to_builtins
from sessions_app.domain.problems import Refused
from sessions_app.models.bulk import JsonText
from sessions_app.models.fields import new_id
from sessions_app.models.light import record
from sessions_app.models.statements import together
from sessions_app.models.transactions import requires_transaction
from sessions_app.services.ingest.ports import Arrival, Batch

_log = structlog.get_logger(__name__)


@requires_transaction
def accept(arrivals: Sequence[Arrival], batch: Batch) -> None:
    """Decide intents in their order, inside the ingest batch's transaction.

    A repeat (the same ticket and action, of a partial close the same remainder too, or a modify that says what is
    stored last) is kept and changes nothing.
    """
    write = decide_all(arrivals, batch)
    with together():
        write()


@requires_transaction
def decide_all(arrivals: Sequence[Arrival], batch: Batch) -> Callable[[], None]:
    """The same, but for the writes: what is returned sends them, alone or together with others."""
    workspace = Workspace.load(arrivals, batch.now)
    for arrival in arrivals:
        _take(arrival, workspace)
    workspace.call_people()
    batch.books_wanted |= workspace.books_wanted
    return partial(workspace.write, batch)


def touched(arrivals: Sequence[Arrival]) -> set[UUID]:
    """The followers whose logs these masters' intents may write."""
    return followers_of({arrival.account_pk for arrival in arrivals})


def _take(arrival: Arrival, workspace: Workspace) -> None:
    intent = workspace.resolved(arrival.account_pk, cast(OrderIntent, arrival.payload))
    position = workspace.positions.get((arrival.account_pk, intent.position_id))
    if intent.action is Action.PARTIAL_CLOSE:
        intent = completed(position, intent, workspace.parts(arrival.account_pk, intent.ticket))
        if is_unknown_part(position, intent):
            workspace.books_wanted.add(arrival.account_pk)
    name = (arrival.account_pk, intent.ticket, intent.action.value, _left(intent))
    first = workspace.firsts.get(name)
    if intent.action in ADDS_EXPOSURE and _is_refused_as_reused(arrival, intent, position, workspace):
        return
    row = _row(arrival, intent)
    row.repeated = first is not None or is_latest(position, intent) or is_known_open(position, intent)
    row.repeat_of_id = first
    workspace.intents.append(row)
    if row.repeated or position is not None:  # whatever else denies it, a pause among them
        _call_for_netting(arrival, intent, workspace)
    # The row stays, so that the page shows what came; the first one has decided.
    if row.repeated:
        return
    _call_for_lost_orders(arrival, intent, workspace)
    rulings = _Rulings(arrival, intent, workspace)
    for seat in workspace.seats.get(arrival.account_pk, ()):
        workspace.record(row, seat, *rulings.of(seat))
    # After the decisions, which look at the position as it was.
    workspace.move_position(arrival.account_pk, intent, advance(position, intent))
    # Stops may be moved to and fro: only the same as the last is a repeat.
    if intent.action is not Action.MODIFY:
        workspace.firsts[name] = row.id


def _is_refused_as_reused(
    arrival: Arrival, intent: OrderIntent, position: Position | None, workspace: Workspace
) -> bool:
    """Whether a ticket opens something else than it did: its trade server counts anew. Nothing of it is copied, for a
    position is known by its ticket; its sender and a person are told."""
    stored = workspace.opening(arrival.account_pk, intent.ticket)
    if stored is None or not is_reused(position, intent, symbol=stored.symbol, side=stored.content.get("side")):
        return False
    if workspace.has_opened(arrival.account_pk, intent):
        return False
    before = f"{stored.symbol} {stored.content.get('side')} {plain(stored.lots or Decimal(0))}"
    now = f"{intent.symbol} {intent.side} {plain(intent.lots or Decimal(0))}"
    text = f"ticket {intent.ticket} was {before} at first, and now opens {now}: not copied"
    subject = f"{arrival.account_pk} {intent.ticket}"
    workspace.call(arrival.account_pk, AlertCode.REPORT_DISCREPANCY, text, subject=subject)
    arrival.refuse(Refused("ticket_reused", path="$.ticket"))
    return True


def _call_for_netting(arrival: Arrival, intent: OrderIntent, workspace: Workspace) -> None:
    """An open of what is known that tells of more than was copied, or a part of it that leaves more: nothing of that is
    copied, and that is told."""
    master, number = arrival.account_pk, intent.position_id
    if intent.action is Action.PARTIAL_CLOSE:  # what remains may be told as an open
        what, side, lots = "closed in part, with more left than was copied", None, intent.remaining_lots
    elif cast(OrderIntent, arrival.payload).action is Action.OPEN:
        what, side, lots = "opened again, with more or the other way", intent.side, intent.lots
    else:
        return
    for subscription in workspace.outgrown(master, number, side, lots):
        text = f"strategy {subscription.strategy}, position {number}: {what}"
        workspace.call(master, AlertCode.MASTER_NETTING, text, subject=f"netting {master}")
    # What a deal on the other side has left of the position, nobody has said: his book shows it.
    if any(True for _ in workspace.outgrown(master, number, side, None)):
        workspace.books_wanted.add(master)


def _call_for_lost_orders(arrival: Arrival, intent: OrderIntent, workspace: Workspace) -> None:
    """A master's order has filled, a follower's is not there and nothing takes its place: he lacks the position."""
    position = workspace.positions.get((arrival.account_pk, intent.position_id))
    if intent.action is not Action.ACTIVATE or position is None or position.state is PositionState.CLOSED:
        return
    for copy in workspace.lost_orders(arrival.account_pk, intent.position_id):
        text = fill_waits.lost_order(copy, fill_waits.why_lost(copy))
        workspace.call(copy.account_id, AlertCode.COMMAND_MISSED, text, subject=str(copy.account_id))


_Ruling = tuple[Decided, JsonText]


class _Rulings:
    """The decisions about one intent: one for all followers that are decided alike, its steps encoded once."""

    def __init__(self, arrival: Arrival, intent: OrderIntent, workspace: Workspace) -> None:
        self._arrival, self._intent, self._workspace = arrival, intent, workspace
        self._case = workspace.cases(arrival, intent)
        self._known: dict[Hashable, tuple[Case, _Ruling]] = {}

    def of(self, seat: Seat) -> _Ruling:
        """One subscription's decision. A fault in it is its own: the others of this intent are served all the same."""
        try:
            ruling = self._ruling(self._case(seat))
        except Exception as fault:  # noqa: BLE001 - contained: it is logged with its trace, told, and recorded
            return _with_steps(self._fault(seat.subscription, type(fault).__name__))
        if ruling[0].code is Code.MASTER_NETTING_UNSUPPORTED:
            master, name = self._arrival.account_pk, seat.subscription.strategy
            self._workspace.call(master, AlertCode.MASTER_NETTING, f"strategy {name}", subject=f"netting {master}")
        return ruling

    def _ruling(self, case: Case) -> _Ruling:
        alike = likeness(case)
        known = self._known.get(alike) if alike is not None else None
        if known is not None:
            return known[1]
        ruling = _with_steps(decide(case))
        # With its case: what is compared by identity must not be gone when the next one comes.
        self._known[alike] = (case, ruling)
        return ruling

    def _fault(self, subscription: Subscribed, fault: str) -> Decided:
        number = self._intent.position_id
        _log.exception("decision.fault", subscription_id=str(subscription.id), position_id=number)
        text = f"strategy {subscription.strategy}, position {number}: {fault}"
        subject = f"{subscription.id} {number}"
        self._workspace.call(subscription.follower_id, AlertCode.INTERNAL, text, subject=subject)
        return failed(self._intent.action, fault)


def _with_steps(decided: Decided) -> _Ruling:
    return decided, JsonText(msgspec.json.encode(decided.steps).decode())


def _left(intent: OrderIntent) -> Decimal | None:
    """What tells one partial close of a ticket from another; of anything else there is only one."""
    return intent.remaining_lots if intent.action is Action.PARTIAL_CLOSE else None


def _told_otherwise(arrival: Arrival, intent: OrderIntent) -> dict[str, Any]:
    """What of the intent could not be read as it came, or was told as another action, for whoever looks at it later."""
    mended = {"mended": [f"{note.path} {note.what}" for note in arrival.mended]} if arrival.mended else {}
    action = cast(OrderIntent, arrival.payload).action
    return mended | ({"told_as": action.value} if action is not intent.action else {})


def _row(arrival: Arrival, intent: OrderIntent) -> Intent:
    return record(
        Intent,
        id=new_id(),
        account_id=arrival.account_pk,
        session_id=arrival.session_id,
        frame_id=arrival.frame_id,
        action=intent.action,
        position_id=intent.position_id,
        ticket=intent.ticket,
        symbol=intent.symbol,
        lots=intent.lots,
        remaining_lots=_left(intent),
        price=intent.price,
        profit=intent.profit,
        content=to_builtins(intent) | _told_otherwise(arrival, intent),
        broker_time=intent.broker_time or "",
        occurred_at=arrival.at - timedelta(milliseconds=intent.age_ms),
        received_at=arrival.at,
    )
