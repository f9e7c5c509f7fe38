"""What is ordered about a difference between books, by the policy of its kind."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from orders.domain.copies.rejections import classify, pause_before_closing
from orders.domain.copies.repair_policies import Policy
from orders.domain.reconciliation.books import Held
from orders.domain.reconciliation.comparison import Copied, Found
from orders.domain.states.copies import CopyState
from orders.domain.states.reasons import DifferenceReason
from orders.domain.wire.intents import Action, Side
from orders.domain.wire.snapshots import DifferenceKind, Quote

_NONE = Decimal(0)


@dataclass(frozen=True, slots=True)
class Repair:
    """What the follower is told, with the state it leads to. `found`: the stops that the book shows; `ticket`: which of
    two positions is meant; its side may be another one than the copy's.
    """

    action: Action
    lots: Decimal | None
    lots_before: Decimal
    lots_after: Decimal
    sl: Decimal | None = None
    tp: Decimal | None = None
    price: Decimal | None = None
    found: tuple[Decimal, Decimal] = (_NONE, _NONE)
    ticket: int | None = None
    side: Side | None = None


@dataclass(frozen=True, slots=True)
class Undecided:
    """Why nothing is ordered for now."""

    reason: DifferenceReason


def repair(
    found: Found,
    copied: Copied | None,
    policy: Policy,
    *,
    quote: Quote | None,
    gate_percent: Decimal,
    tickets: bool = False,
) -> Repair | Undecided:
    """What to order about a difference, or why nothing.

    The price gate: a repair that closes waits while the market is further than `gate_percent` from the position's own
    price, and without a quote nobody knows; stops are not set where the market has passed them. `flatten` closes at
    any price. `tickets`: the EA can be told which of two positions with one magic number is meant.
    """
    item = found.item
    # Without an item nothing may be ordered: a command by its number could hit the copy itself.
    if policy is Policy.NOTIFY or item is None or copied is None:
        return Undecided(DifferenceReason.NOTIFY)
    if found.beside and not tickets:
        return Undecided(DifferenceReason.NO_TICKETS)
    if found.kind is DifferenceKind.STOPS_DRIFT:
        return _set_stops(copied, item, quote)
    keep = copied.facts.lots_most if found.kind is DifferenceKind.WRONG_LOTS and policy is Policy.REPAIR else _NONE
    # What should not be there is closed whole.
    if copied.facts.state in (CopyState.CLOSED, CopyState.FAILED):
        keep = _NONE
    if policy is Policy.REPAIR and (refusal := _outside(item, quote, gate_percent)):
        return Undecided(refusal)
    return _by_ticket(item) if found.beside else _down_to(item, keep)


def _down_to(item: Held, keep: Decimal) -> Repair:
    if item.working:
        return Repair(Action.CANCEL, None, item.lots, _NONE)
    action = Action.PARTIAL_CLOSE if keep > 0 else Action.CLOSE
    return Repair(action, item.lots - keep, item.lots, keep)


def _by_ticket(item: Held) -> Repair:
    action = Action.CANCEL if item.working else Action.CLOSE
    return Repair(action, item.lots, item.lots, _NONE, ticket=item.ticket, side=item.side)


def next_try(refusals: Sequence[tuple[int | None, datetime]]) -> datetime | None:
    """When what was refused so often, with these codes at these times, is ordered again; None for at once."""
    if not refusals:
        return None
    code, at = refusals[-1]
    return at + pause_before_closing(classify(code), len(refusals))


def _set_stops(copied: Copied, item: Held, quote: Quote | None) -> Repair | Undecided:
    # The broker would close the position at once, or refuse. Where the market is not known, the broker tells.
    if quote is not None and not item.working and _passed(copied, quote):
        return Undecided(DifferenceReason.PRICE_GATE)
    # Where the master has no stop, the follower's own stays: taking it away only adds risk.
    sl, tp = copied.sl or item.sl, copied.tp or item.tp
    price = copied.price if item.working else None
    if (sl, tp) == (item.sl, item.tp) and price in (None, item.price):
        return Undecided(DifferenceReason.OWN_STOPS)  # who sets a stop where the master has none is better protected
    return Repair(Action.MODIFY, None, item.lots, item.lots, sl, tp, price, (item.sl, item.tp))


def _passed(copied: Copied, quote: Quote) -> bool:
    """Whether the market is beyond a stop that we would set: setting it would close the position."""
    if copied.side is Side.BUY:
        return quote.bid <= copied.sl or 0 < copied.tp <= quote.bid
    return 0 < copied.sl <= quote.ask or quote.ask <= copied.tp


def _outside(item: Held, quote: Quote | None, percent: Decimal) -> DifferenceReason | None:
    if quote is None or not item.price:
        return DifferenceReason.NO_QUOTE
    market = quote.bid if item.side is Side.BUY else quote.ask
    return DifferenceReason.PRICE_GATE if abs(market - item.price) * 100 > percent * item.price else None
