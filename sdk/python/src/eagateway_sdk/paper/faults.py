"""What a broker may answer instead of executing, for the terminals of a test."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from eagateway_sdk.frames import OrderCommand

TRADE_TIMEOUT: Final = 128
INVALID_STOPS: Final = 130
NOT_ENOUGH_MONEY: Final = 134
OFF_QUOTES: Final = 136
REQUOTE: Final = 138
CONTEXT_BUSY: Final = 146
RETRIES: Final[Mapping[int, int]] = {REQUOTE: 3, CONTEXT_BUSY: 50}
Falsify = Literal["drop", "double", "lots", "modify"]


@dataclass(frozen=True, slots=True)
class Fault:
    """An error instead of the broker's answer.

    128 `executed`: the order was executed and only the answer was lost; else it was not. 138 and 146: that many
    `times`, then the order goes through; a terminal tries again 3 and 50 times. Everything else: rejected.
    """

    code: int
    executed: bool = False
    times: int = 1


FaultPlan = Mapping[int, Fault] | Callable[[OrderCommand, int], Fault | None]


def planned(plan: FaultPlan | None, command: OrderCommand, order: int) -> Fault | None:
    """The fault for the `order`th order (from 1) sent to this broker, or None."""
    if plan is None:
        return None
    return plan.get(order) if isinstance(plan, Mapping) else plan(command, order)
