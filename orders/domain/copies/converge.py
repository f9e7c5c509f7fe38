"""The next step of a copy: from where it shall be, what the broker told, and what is on its way.

Events carry no orders. They change one of the three, and this function says what follows: orders, a wait with its
reason, a call, or that the copy was given up. Asked again without news it says the same, and orders nothing twice.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from orders.domain.copies.desired import cancelling, led_to, moving, not_filled, reducing
from orders.domain.copies.legs import NONE, Leg, Order
from orders.domain.copies.positions import Position, PositionState
from orders.domain.copies.rejections import (
    MAX_OPENINGS,
    Rejection,
    classify,
    pause_before_closing,
    pause_before_moving,
    pause_before_opening,
)
from orders.domain.copies.shares import Specs, exact_share, on_grid, parts_to_close
from orders.domain.copies.specs import grid_of
from orders.domain.copies.tries import Levels, Tried
from orders.domain.states.commands import SENDABLE, UNFINISHED, CommandState
from orders.domain.states.copies import CopyState
from orders.domain.states.reasons import WaitReason
from orders.domain.states.subscriptions import SubscriptionState
from orders.domain.wire.intents import ADDS_EXPOSURE, TAKES_OFF, Action

CRUMB: Final = Decimal("0.00001")
"""Less than any broker's lot step: what a terminal's floating point leaves over is no position."""
# Past these a person is called (close_undelivered, close_overdue); the copy itself goes on being tried.
UNDELIVERED_AFTER: Final = timedelta(seconds=30)
OVERDUE_AFTER: Final = timedelta(minutes=10)
OVERDUE_TRIES: Final = 5
# Should the event that would wake a copy be lost, it waits a minute for its next look, not for ever.
_LOOK_AGAIN: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Standing:
    """One leg with its three states. `lots_open` and `at_broker`: as the broker told them last; `commands`: the latest,
    in their order.
    """

    leg: Leg
    lots_open: Decimal = NONE
    at_broker: Levels = field(default_factory=Levels)
    commands: Sequence[Tried] = ()

    @property
    def under_way(self) -> list[Tried]:
        """The commands without outcome."""
        return [row for row in self.commands if row.state in UNFINISHED]


@dataclass(frozen=True, slots=True)
class Followed:
    """All legs of one copied position, and what they follow. `position` None: nobody has told of it."""

    legs: Sequence[Standing]
    position: Position | None
    subscription: SubscriptionState
    specs: Specs


@dataclass(frozen=True, slots=True)
class Step:
    """What one leg needs now.

    `lots`: what it is to have. `look_at`: when to ask again though nothing happens, and `waits_for` why. `gives_up`:
    its opening came to nothing. `repeated`: an opening whose outcome was not known is ordered once more.

    What stands: `bare`: a stop that it shall have is not at the broker; `excess`: the broker has more of it than it
    shall have. What of that a person is called for: `unprotected`: the stop was refused, or set in vain, or nobody sets
    it, or knows of it; `undelivered`: a close is not tried yet; `overdue`: a close that the broker has refused too
    often, or for too long, or of which nobody knows for as long.
    """

    lots: Decimal
    orders: tuple[Order, ...] = ()
    look_at: datetime | None = None
    waits_for: WaitReason | None = None
    gives_up: bool = False
    repeated: bool = False
    bare: bool = False
    excess: bool = False
    unprotected: bool = False
    undelivered: bool = False
    overdue: bool = False


def converge(followed: Followed, now: datetime) -> Mapping[int, Step]:
    """The next step of every leg that is not at its end, by its number."""
    shares, waits = _shares(followed)
    steps = {
        standing.leg.leg: _step(standing, shares[standing.leg.leg], followed, now)
        for standing in followed.legs
        if standing.leg.leg in shares
    }
    if not waits:
        return steps
    # Each of them is looked at with the next report about any: what one gives depends on the others.
    return {
        number: replace(step, look_at=step.look_at or now + _LOOK_AGAIN, waits_for=WaitReason.LEGS)
        for number, step in steps.items()
    }


# Desired -------------------------------------------------------------------------------------------------------------


def _shares(followed: Followed) -> tuple[dict[int, Decimal], bool]:
    """The lots that each living leg shall have; whether some have to leave, and wait for a leg that is on its way."""
    living = {
        item.leg.leg: _observed(item)
        for item in followed.legs
        if item.leg.state in (CopyState.ORDERED, CopyState.WORKING, CopyState.OPEN)
    }
    ended = {item.leg.leg for item in followed.legs if _ends(item.leg, followed)}
    lots = {number: NONE if number in ended else leg.lots for number, leg in living.items()}
    staying = [leg for number, leg in sorted(living.items()) if lots[number] > 0]
    position = followed.position
    # Without the master's lots there is no share of them: every leg keeps what was decided.
    if position is None or not position.lots or not staying:
        return lots, False
    # Legs that have ended are part of the origin, those that end now too.
    legs = [living.get(item.leg.leg, item.leg) for item in followed.legs]
    exact = exact_share(legs, position.lots)
    if exact is None:
        return lots, False
    have = sum((leg.lots for leg in staying), NONE)
    target = on_grid(exact, grid_of(staying[-1], followed.specs))
    parts = parts_to_close(staying, have - target, followed.specs)
    for leg, part in parts:
        lots[leg.leg] = leg.lots - part
    waits = have - target >= CRUMB and not parts and not all(leg.observed for leg in staying)
    return lots, waits


def _observed(standing: Standing) -> Leg:
    """The leg with what the broker has of it; what has not filled is as large as it was decided to be."""
    leg = standing.leg
    # An order that fills in parts is on its way to all of its lots; whether it is one, its commands say.
    openings = [row for row in standing.commands if row.action in ADDS_EXPOSURE]
    filling = leg.filling and any(row.state in UNFINISHED or row.state is CommandState.WORKING for row in openings)
    if leg.state is CopyState.OPEN and not filling:
        return replace(leg, lots=standing.lots_open, filling=False)
    return replace(leg, lots=leg.lots or leg.lots_ordered)


def _ends(leg: Leg, followed: Followed) -> bool:
    """Whether it shall be gone: with its master's position, with its subscription; a working order with a pause too,
    because it adds exposure when it fills.
    """
    gone = followed.position is not None and followed.position.state is PositionState.CLOSED
    # What has come to life after its end, or whose leg was ended, stays to be ended.
    over = leg.state is CopyState.OPEN and leg.lots <= 0
    if gone or over or followed.subscription is SubscriptionState.OFF:
        return True
    return followed.subscription is not SubscriptionState.ACTIVE and not_filled(leg.order_type, leg.state)


# One leg -------------------------------------------------------------------------------------------------------------


def _step(standing: Standing, lots: Decimal, followed: Followed, now: datetime) -> Step:
    if standing.leg.state is CopyState.ORDERED:
        return _opening(standing, lots, followed, now)
    closes = _taking_off(standing, lots, now)
    if lots <= 0:
        return closes
    moves = _moving(standing, lots, followed, now)
    # First fewer lots, then the stops: a modify names the lots that it leaves.
    return replace(
        # A copy has one time of its next look: the earlier one, or the other need would be served late.
        closes if closes.look_at and (not moves.look_at or closes.look_at <= moves.look_at) else moves,
        orders=closes.orders + moves.orders,
        bare=moves.bare,
        excess=closes.excess,
        undelivered=closes.undelivered,
        overdue=closes.overdue,
        unprotected=moves.unprotected,
    )


def _taking_off(standing: Standing, lots: Decimal, now: datetime) -> Step:
    """Close, cancel or reduce what is beyond `lots`."""
    leg = standing.leg
    working = leg.state is CopyState.WORKING
    have = leg.lots if working else standing.lots_open
    # A working order's lots cannot be changed, only all of it taken away.
    if (working and lots > 0) or (not working and have - lots < CRUMB):
        return Step(lots)
    on_way = [row for row in standing.under_way if row.action in TAKES_OFF]
    # Also one that leads less far: its outcome tells what is left to do.
    if on_way:
        return replace(_on_its_way(lots, on_way, now), excess=True)
    tries = [row for row in standing.commands if row.action in TAKES_OFF and _was_in_vain(row, have)]
    due = _due(tries, _pause_before_closing)
    overdue = _is_overdue(tries, now)
    if due is not None and due > now:
        return Step(lots, look_at=due, waits_for=_reason(tries), excess=True, overdue=overdue)
    order = cancelling(leg, keep_filled=False) if working else reducing(leg, have, lots)
    due = now + UNDELIVERED_AFTER
    return Step(lots, (order,), look_at=due, waits_for=WaitReason.ON_ITS_WAY, excess=True, overdue=overdue)


def _on_its_way(lots: Decimal, on_way: Sequence[Tried], now: datetime) -> Step:
    sent = [row for row in on_way if row.state in SENDABLE]
    if not sent:  # in doubt: a book tells, and nothing may be ordered beside it
        overdue = now - on_way[0].at >= OVERDUE_AFTER
        return Step(lots, look_at=now + _LOOK_AGAIN, waits_for=WaitReason.IN_DOUBT, overdue=overdue)
    late = min(row.at for row in sent) + UNDELIVERED_AFTER
    undelivered = now >= late
    return Step(
        lots,
        look_at=now + _LOOK_AGAIN if undelivered else late,
        waits_for=WaitReason.ON_ITS_WAY,
        undelivered=undelivered,
    )


def _was_in_vain(row: Tried, have: Decimal) -> bool:
    """Whether a command that was to take lots off has ended, and has changed nothing."""
    return row.failed or (row.state is CommandState.DONE and row.lots_after < have)


def _is_overdue(tries: Sequence[Tried], now: datetime) -> bool:
    """Whether a person has to look: refused again and again, or for a long time because the market is closed."""
    if not tries:
        return False
    # A closed market refuses every minute of a weekend, as it must: there only the time counts.
    refusals = [row for row in tries if classify(row.error_code) is not Rejection.MARKET_CLOSED]
    return len(refusals) >= OVERDUE_TRIES or now - tries[0].at >= OVERDUE_AFTER


def _moving(standing: Standing, lots: Decimal, followed: Followed, now: datetime) -> Step:
    """Set stops, and a working order's price and expiry, as the master's stand."""
    if followed.position is None or followed.position.state is PositionState.CLOSED:
        return Step(lots)
    leg = replace(standing.leg, lots=lots)
    order = moving(leg, followed.position, grid_of(leg, followed.specs))
    if leg.state is not CopyState.WORKING or _denied(standing, order.expiry):
        order = replace(order, expiry="")
    wanted = Levels(order.sl or NONE, order.tp or NONE, order.price, order.expiry)
    on_way = [row for row in standing.under_way if row.action is Action.MODIFY]
    lacking = _lacks_stop(standing, wanted)
    if _stands(standing.at_broker, wanted):
        return Step(lots)
    leading = [row for row in on_way if _stands(row.levels, wanted)]
    if leading:
        # A stop that nobody sets, or of which nobody knows, is as missing as one that was refused.
        way, late = _on_its_way(lots, leading, now), leading[0].at + UNDELIVERED_AFTER
        look_at = late if now < late else way.look_at
        return replace(way, look_at=look_at, bare=lacking, unprotected=lacking and now >= late)
    tries = _moves_in_vain(standing, wanted)
    unprotected = lacking and bool(tries or _opened_bare(standing))
    due = _due(tries, _pause_before_moving)
    if due is not None and due > now:
        return Step(lots, look_at=due, waits_for=_reason(tries), bare=lacking, unprotected=unprotected)
    due = now + _LOOK_AGAIN
    return Step(lots, (order,), due, WaitReason.ON_ITS_WAY, bare=lacking, unprotected=unprotected)


def _moves_in_vain(standing: Standing, wanted: Levels) -> list[Tried]:
    """What was to set these levels, which do not stand: refused, or carried out as the EA says and not there.

    What was to set other levels says nothing about these: the master has moved on, and the pause begins anew.
    """
    tries: list[Tried] = []
    for row in reversed([row for row in standing.commands if row.action is Action.MODIFY]):
        if _stands(row.levels, wanted):
            tries += [row] if row.failed or row.state is CommandState.DONE else []
        elif row.state is CommandState.DONE:
            break  # it took the place of all that stood before it
    return tries[::-1]


def _pause_before_moving(last: Tried, tries: int) -> timedelta:
    pause = pause_before_moving(_class(last), tries)
    # Carried out, and not there: a book has to tell in between, or the EA would be asked every second.
    return max(pause, pause_before_moving(Rejection.STOPS, tries)) if last.state is CommandState.DONE else pause


def _pause_before_closing(last: Tried, tries: int) -> timedelta:
    return pause_before_closing(_class(last), tries)


def _stands(levels: Levels, wanted: Levels) -> bool:
    same_price = wanted.price is None or levels.price == wanted.price
    # An expiry that nobody told is taken as ordered, or it would be set again with every look.
    same_expiry = not wanted.expiry or levels.expiry in (None, wanted.expiry)
    return same_price and same_expiry and (levels.sl, levels.tp) == (wanted.sl, wanted.tp)


def _denied(standing: Standing, expiry: str) -> bool:
    """Whether the broker takes no such expiry: asked again, it would refuse the stops and the price with it."""
    refused = (row for row in standing.commands if row.failed and classify(row.error_code) is Rejection.EXPIRY)
    return any(row.levels.expiry == expiry for row in refused)


def _lacks_stop(standing: Standing, wanted: Levels) -> bool:
    """Whether a position lacks a stop that its master's has."""
    there = standing.at_broker
    missing = (wanted.sl > 0 and there.sl != wanted.sl) or (wanted.tp > 0 and there.tp != wanted.tp)
    return standing.leg.state is CopyState.OPEN and missing


def _opened_bare(standing: Standing) -> bool:
    """Whether its open was refused for its stops, and is carried out without them."""
    return _open_was_refused(standing, Rejection.STOPS)


def _opened_without_end(standing: Standing) -> bool:
    """Whether its open was refused for its expiry, and is carried out without one."""
    return _open_was_refused(standing, Rejection.EXPIRY)


def _open_was_refused(standing: Standing, why: Rejection) -> bool:
    return any(
        row.action in ADDS_EXPOSURE and row.failed and classify(row.error_code) is why for row in standing.commands
    )


def _due(tries: Sequence[Tried], pause: Callable[[Tried, int], timedelta]) -> datetime | None:
    """When to try again; None for at once."""
    if not tries:
        return None
    last = tries[-1]
    # What was looked for and not found has had its time already.
    return None if last.state is CommandState.VOID else last.at + pause(last, len(tries))


def _class(row: Tried) -> Rejection:
    """What was carried out and changed nothing was not refused: it is tried again as if the broker had been busy."""
    return Rejection.BUSY if row.state is CommandState.DONE else classify(row.error_code)


def _reason(tries: Sequence[Tried]) -> WaitReason:
    return WaitReason.MARKET_CLOSED if _class(tries[-1]) is Rejection.MARKET_CLOSED else WaitReason.PAUSE


# Opening -------------------------------------------------------------------------------------------------------------


def _opening(standing: Standing, lots: Decimal, followed: Followed, now: datetime) -> Step:
    """Nothing while its open is under way, else the next attempt, or its end.

    The unknown outcome of an open is asked about, never repeated on somebody's word: a command is here without outcome
    until a look that was late enough has not found it.
    """
    openings = [row for row in standing.commands if row.action in ADDS_EXPOSURE]
    # A held open has no number yet: only the promotion of the follower's session sends it.
    if not openings or openings[-1].state is CommandState.HELD:
        return Step(lots)
    last = openings[-1]
    if not last.failed:
        doubtful = last.state is CommandState.UNKNOWN
        return Step(
            lots,
            look_at=now + _LOOK_AGAIN,
            waits_for=WaitReason.IN_DOUBT if doubtful else WaitReason.ON_ITS_WAY,
        )
    due = _next_opening(last, len(openings), now)
    if lots > 0 and any(row.action is Action.CANCEL for row in standing.under_way):
        # Ordered again behind its cancel, it would be there when the cancel has found nothing.
        return Step(lots, look_at=now + _LOOK_AGAIN, waits_for=WaitReason.ON_ITS_WAY)
    # A pause lets nothing add exposure, however young the signal is.
    if lots <= 0 or due is None or followed.subscription is not SubscriptionState.ACTIVE or _has_lived(standing):
        return Step(NONE, gives_up=True)
    if due > now:
        return Step(lots, look_at=due, waits_for=WaitReason.PAUSE)
    return Step(
        lots,
        (_again(standing, last, lots, followed),),
        look_at=now + _LOOK_AGAIN,
        waits_for=WaitReason.ON_ITS_WAY,
        # A broker that was asked and did not know may have it all the same.
        repeated=last.state is CommandState.VOID,
    )


def _has_lived(standing: Standing) -> bool:
    """Whether its levels were set: so it was there, though nobody has told of its open, and its owner took it away."""
    return any(row.action is Action.MODIFY and row.state is CommandState.DONE for row in standing.commands)


def _next_opening(last: Tried, tries: int, now: datetime) -> datetime | None:
    """When an open that came to nothing is ordered again; None for never."""
    # An EA that says "expired" found the signal too old already: a second order would be older.
    if last.state is CommandState.EXPIRED or last.valid_until is None:
        return None
    # What it was refused for is left out as its next step, and that is no further try: it can happen once for each.
    if tries >= MAX_OPENINGS and not last.named_too_much:
        return None
    pause = timedelta(0) if last.state is CommandState.VOID else pause_before_opening(_class(last), tries)
    due = None if pause is None else max(last.at + pause, now)
    return due if due is not None and due <= last.valid_until else None


def _again(standing: Standing, last: Tried, lots: Decimal, followed: Followed) -> Order:
    """The opening as it shall be by now: what was changed behind it is in it; what the broker refused is left out."""
    leg = replace(standing.leg, lots=lots)
    spec = grid_of(leg, followed.specs)
    wanted = moving(leg, followed.position, spec) if followed.position is not None else None
    # Stops that stand too near must not cost the trade: they are set when it is open. What was refused once stays out
    # of every later attempt, whatever that one was refused for.
    bare = _opened_bare(standing)
    price = last.levels.price if wanted is None or wanted.price is None else wanted.price
    return replace(
        # An open leads from nothing to its lots, whatever the leg was decided to have.
        led_to(replace(leg, lots=NONE), last.action, lots_after=lots),
        lots=lots,
        price=price,
        deviation_points=last.deviation_points,
        sl=NONE if bare else last.levels.sl if wanted is None else wanted.sl,
        tp=NONE if bare else last.levels.tp if wanted is None else wanted.tp,
        expiry="" if _opened_without_end(standing) else _expiry(last, wanted),
        # The end of the first attempt stays: ordering again makes no signal younger.
        valid_until=last.valid_until,
        reverse=leg.reverse,
    )


def _expiry(last: Tried, wanted: Order | None) -> str:
    return wanted.expiry if wanted is not None and wanted.expiry else last.levels.expiry or ""
