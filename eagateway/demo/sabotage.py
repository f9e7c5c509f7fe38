"""Bugs that the demo puts into its own gateway, to show that the report finds them.

Only the demo's child process gets here, by `eagateway.demo.faulty_gateway`; `serve` knows nothing of it. Each bug is
one that the gateway's own rows agree with: they say what was done, and what was done is wrong.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from unittest.mock import patch

from msgspec import structs

from orders.domain.copies.converge import Followed, Step, converge
from orders.domain.copies.legs import Order
from orders.domain.decision.inputs import Case, Rules
from orders.domain.decision.pipeline import Decided
from orders.domain.sizing.modes import Mode
from orders.domain.states.subscriptions import SubscriptionState
from orders.domain.wire.intents import ADDS_EXPOSURE, TAKES_OFF, Action, OrderIntent
from orders.services.copies import convergence
from orders.services.intents import order_intents
from orders.services.intents.batch import Workspace
from orders.services.intents.seats import Seat
from sessions_app.services.ingest.ports import Arrival

Looked = Callable[[Case], Case]
Ordered = Callable[[Mode, Decided], Decided]
_NONE: Final = Decimal(0)
_OPENS: Final = ADDS_EXPOSURE | {Action.ACTIVATE}
_cases, _record, _take = Workspace.cases, Workspace.record, order_intents._take


def _put(owner: object, name: str, function: Callable[..., Any]) -> None:
    """Put a function in the place of another one.

    :raises AttributeError: there is none of this name
    """
    patch.object(owner, name, function).start()  # for the life of this process


def _look_at(change: Looked) -> None:
    """Let decisions look at something else."""

    def cases(self: Workspace, arrival: Arrival, intent: OrderIntent) -> Callable[[Seat], Case]:
        case = _cases(self, arrival, intent)
        return lambda seat: change(case(seat))

    _put(Workspace, _cases.__name__, cases)


def _order_otherwise(change: Ordered) -> None:
    """Let something else come of decisions."""

    def record(self: Workspace, intent: Any, seat: Seat, verdict: Decided, steps: Any) -> None:
        mode = seat.known_rules.settings.mode
        _record(self, intent, seat, change(mode, verdict), steps)

    _put(Workspace, _record.__name__, record)


def _ruled(case: Case, **settings: Any) -> Case:
    rules = case.rules
    changed = Rules(
        state=rules.state, settings=replace(rules.settings, **settings), filters=rules.filters,
        relay_copies=rules.relay_copies,
    )  # fmt: skip
    return replace(case, rules=changed)


def ratio() -> None:
    """The follower with a ratio gets twice as much."""

    def double(case: Case) -> Case:
        return _ruled(case, multiplier=Decimal(2)) if _mode(case) is Mode.BALANCE_RATIO else case

    _look_at(double)


def ten_times() -> None:
    """The mirrored follower gets ten times as much."""

    def multiply(case: Case) -> Case:
        return _ruled(case, multiplier=Decimal(10)) if _mode(case) is Mode.MIRRORED else case

    _look_at(multiply)


def deny_all() -> None:
    """Nothing is copied any more."""

    def pause(case: Case) -> Case:
        rules = case.rules
        paused = Rules(state=SubscriptionState.CLOSE_ONLY, settings=rules.settings, filters=rules.filters)
        return replace(case, rules=paused)

    _look_at(pause)


def never_close() -> None:
    """The closes of the follower with fixed lots are decided, and nothing is ordered: not later either."""

    def forget(mode: Mode, verdict: Decided) -> Decided:
        if mode is not Mode.FIXED_LOTS:
            return verdict
        return replace(verdict, orders=tuple(order for order in verdict.orders if order.action not in TAKES_OFF))

    def leave(followed: Followed, now: datetime) -> Mapping[int, Step]:
        steps = converge(followed, now)
        return {
            leg: replace(step, orders=tuple(order for order in step.orders if order.action not in TAKES_OFF))
            for leg, step in steps.items()
        }

    _order_otherwise(forget)
    _put(convergence, converge.__name__, leave)


def extra_open() -> None:
    """The mirrored follower opens one position a second time."""
    done: list[Order] = []

    def repeat(mode: Mode, verdict: Decided) -> Decided:
        opening = [order for order in verdict.orders if order.action in ADDS_EXPOSURE]
        if done or not opening or mode is not Mode.MIRRORED:
            return verdict
        done.append(replace(opening[-1], leg=opening[-1].leg + 1))
        return replace(verdict, orders=(*verdict.orders, *done))

    _order_otherwise(repeat)


def no_stops() -> None:
    """Stop loss and take profit of everything that opens are overlooked."""

    def take(arrival: Arrival, workspace: Workspace) -> None:
        intent = arrival.payload
        if isinstance(intent, OrderIntent) and intent.action in _OPENS:
            blind = structs.replace(intent, **{name: _NONE for name in ("sl", "tp") if getattr(intent, name)})
            arrival = replace(arrival, payload=blind)
        _take(arrival, workspace)

    _put(order_intents, _take.__name__, take)


def _mode(case: Case) -> Mode:
    return case.rules.settings.mode


FAULTS: Final[Mapping[str, Callable[[], None]]] = {
    "ratio": ratio,
    "never-close": never_close,
    "ten-times": ten_times,
    "no-stops": no_stops,
    "deny-all": deny_all,
    "extra-open": extra_open,
}
