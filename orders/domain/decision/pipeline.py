"""The decision for one subscription: whether and how large to copy, step by step, each step explained.

What adds exposure runs through OPENING, everything else through FOLLOWING: a close, a cancel or a change of stops is
never refused by age, filters, guards or pause, because that would orphan positions. The first step that says no ends
it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from orders.domain.copies.legs import Order
from orders.domain.decision.following import ACTIVATING, FOLLOWING
from orders.domain.decision.inputs import (
    Case,
    Draft,
    NothingToDo,
    Outcome,
    Step,
)
from orders.domain.decision.opening import OPENING
from orders.domain.states.denials import Code, Denied
from orders.domain.wire.intents import ADDS_EXPOSURE, Action
from sessions_app.domain.decimals import plain


@dataclass(frozen=True, slots=True)
class Decided:
    """The decision: outcome, its code unless copied, every step's inputs and outputs, and the orders.

    `waiting`: the legs whose working order gets some time to fill by itself. `led`: the lots that legs are to have when
    they have filled. `touched`: the legs to look at again with their next report.
    """

    outcome: Outcome
    code: Code | None
    steps: list[dict[str, Any]]
    orders: tuple[Order, ...] = ()
    waiting: tuple[int, ...] = ()
    led: tuple[tuple[int, Decimal], ...] = ()
    touched: tuple[int, ...] = ()


def decide(case: Case) -> Decided:
    """Run the steps for this intent; the first that says no or "nothing to do" ends it."""
    draft, steps = Draft(), []
    for step in _steps(case.intent.action):
        name = step.__name__.lstrip("_")
        try:
            draft, evidence = step(case, draft)
        except Denied as no:
            steps.append({"step": name, "result": no.code.value, **readable(no.evidence)})
            return Decided(Outcome.DENIED, no.code, steps)
        except NothingToDo as nothing:
            steps.append({"step": name, "result": nothing.code.value, **readable(nothing.evidence)})
            left = nothing.draft
            return Decided(Outcome.NOOP, nothing.code, steps, waiting=left.waiting, led=left.led, touched=left.touched)
        except ArithmeticError as fault:  # one follower's absurd figures must not stop the master's trade
            steps.append({"step": name, "result": Code.ALLOCATION_DATA_MISSING.value, "fault": type(fault).__name__})
            return Decided(Outcome.DENIED, Code.ALLOCATION_DATA_MISSING, steps)
        steps.append({"step": name, "result": "ok", **readable(evidence)})
    return Decided(Outcome.COPIED, None, steps, draft.orders, draft.waiting, draft.led, draft.touched)


def failed(action: Action, fault: str) -> Decided:
    """Where deciding itself failed: nothing is opened, and nothing else is refused, only put off."""
    steps = [{"step": "internal", "result": Code.INTERNAL.value, "fault": fault}]
    return Decided(Outcome.DENIED if action in ADDS_EXPOSURE else Outcome.NOOP, Code.INTERNAL, steps)


def _steps(action: Action) -> tuple[Step, ...]:
    if action in ADDS_EXPOSURE:
        return OPENING
    return ACTIVATING if action is Action.ACTIVATE else FOLLOWING


def readable(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """What a step looked at, as JSON takes it: decimals as plain strings."""
    return {key: plain(value) if isinstance(value, Decimal) else value for key, value in evidence.items()}
