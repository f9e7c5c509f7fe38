"""What a broker may answer instead of executing, for the terminals of a test.

An answer and what is done are two things. The answer follows from the code: 128, 142 and 143 are no outcome at all (the
terminal looks once, and says `unknown` if it sees nothing), every other code is a refusal. What is done follows from
`executed` and `late`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import Final, Literal

from eagateway_sdk.frames import Action, OrderCommand

SERVER_BUSY: Final = 4
NO_CONNECTION: Final = 6
TOO_FREQUENT_REQUESTS: Final = 8
TRADE_TIMEOUT: Final = 128
INVALID_PRICE: Final = 129
INVALID_STOPS: Final = 130
INVALID_VOLUME: Final = 131
MARKET_CLOSED: Final = 132
TRADE_DISABLED: Final = 133
NOT_ENOUGH_MONEY: Final = 134
PRICE_CHANGED: Final = 135
OFF_QUOTES: Final = 136
BROKER_BUSY: Final = 137
REQUOTE: Final = 138
TOO_MANY_REQUESTS: Final = 141
ORDER_QUEUED: Final = 142
ORDER_ACCEPTED: Final = 143
FROZEN: Final = 145
CONTEXT_BUSY: Final = 146
EXPIRY_DENIED: Final = 147
TIMEOUTS: Final = frozenset({TRADE_TIMEOUT, ORDER_QUEUED, ORDER_ACCEPTED})
RETRIES: Final[Mapping[int, int]] = {REQUOTE: 3, CONTEXT_BUSY: 50}
"""How often this terminal itself tries again, before it reports the refusal."""
Falsify = Literal["drop", "double", "lots", "modify"]
_WHOLE: Final = Decimal(1)


@dataclass(frozen=True, slots=True)
class Fault:
    """An error instead of the broker's answer.

    `executed`: the order was executed all the same and only the answer is wrong. `late`: it is executed all the same so
    many seconds afterwards, by the terminal's clock. `raises`: there is no answer, the call fails as when the
    connection is lost while sending. `times`, of 138 and 146: so many refusals, then the order goes through; the
    terminal tries again 3 and 50 times before it reports one.
    """

    code: int
    executed: bool = False
    times: int = 1
    late: float | None = None
    raises: bool = False

    @classmethod
    def refusal(cls, code: int) -> "Fault":
        """A refusal that this order does not get past, however often the terminal itself tries again."""
        return cls(code, times=RETRIES.get(code, 0) + 1)


@dataclass(frozen=True, slots=True)
class PartialFill:
    """A market order that fills in parts: `shares` of it, growing, the first at once and each other one `every` seconds
    later. (0.4, 1) is four tenths, then the whole; (0.4,) is four tenths and no more.
    """

    shares: Sequence[Decimal] = (Decimal("0.4"), _WHOLE)
    every: float = 1.0

    def steps(self, lots: Decimal, *, step: Decimal) -> list[Decimal]:
        """The lots filled after each part, rounded down to the lot step; never nothing."""
        told = [(lots * share).quantize(step, rounding=ROUND_DOWN) if share < _WHOLE else lots for share in self.shares]
        return sorted({filled for filled in told if filled})


Mishap = Fault | PartialFill
FaultPlan = Mapping[int, Mishap] | Callable[[OrderCommand, int], Mishap | None]


@dataclass(slots=True)
class Rule:
    """What happens to the next `count` orders that fit (None: to all of them, always).

    `action`, `copy_no`: the orders that it concerns, all by default. `with_stops`: only those that carry a stop loss or
    a take profit, so that the same order goes through without.
    """

    mishap: Mishap
    action: Action | None = None
    count: int | None = 1
    copy_no: int | None = None
    with_stops: bool = False

    def fits(self, command: OrderCommand) -> bool:
        """Whether it concerns this order and is not used up."""
        return (
            self.count != 0
            and self.action in (None, command.action)
            and self.copy_no in (None, command.copy_no)
            and not (self.with_stops and not command.sl and not command.tp)
        )


class Faults:
    """A plan made of rules: the first one that fits an order is used, and used up by one."""

    def __init__(self, *rules: Rule) -> None:
        self.rules = list(rules)

    def __call__(self, command: OrderCommand, order: int) -> Mishap | None:
        """What happens to this order."""
        rule = next((one for one in self.rules if one.fits(command)), None)
        if rule is None:
            return None
        if rule.count is not None:
            rule.count -= 1
        return rule.mishap


def planned(plan: FaultPlan | None, command: OrderCommand, order: int) -> Mishap | None:
    """What happens to the `order`th order (from 1) sent to this broker, or None."""
    if plan is None:
        return None
    return plan.get(order) if isinstance(plan, Mapping) else plan(command, order)
