"""What was ordered of a copy, as a value: what it names, and what became of it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from orders.domain.copies.legs import NONE
from orders.domain.copies.rejections import Rejection, classify
from orders.domain.states.commands import CommandState
from orders.domain.wire.intents import Action

_FAILED: Final = frozenset({CommandState.REJECTED, CommandState.EXPIRED, CommandState.VOID})


@dataclass(frozen=True, slots=True)
class Levels:
    """Stops at the broker, and a working order's price and expiry. Stops that are not set are 0; an expiry of None is
    not known, or the order has none.
    """

    sl: Decimal = NONE
    tp: Decimal = NONE
    price: Decimal | None = None
    expiry: str | None = None


@dataclass(frozen=True, slots=True)
class Tried:
    """One numbered command of a copy. `at`: when it was ordered, or when its outcome came."""

    action: Action
    state: CommandState
    at: datetime
    lots_after: Decimal = NONE
    levels: Levels = Levels()
    error_code: int | None = None
    valid_until: datetime | None = None
    deviation_points: int | None = None

    @property
    def failed(self) -> bool:
        return self.state in _FAILED

    @property
    def named_too_much(self) -> bool:
        """Whether it was refused for stops or an expiry that it named, and may be taken without them."""
        why = classify(self.error_code) if self.state is CommandState.REJECTED else None
        stops = why is Rejection.STOPS and bool(self.levels.sl or self.levels.tp)
        return stops or (why is Rejection.EXPIRY and bool(self.levels.expiry))
