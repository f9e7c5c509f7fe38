"""Bounds on what one peer may send: a token bucket for each kind of traffic."""

import time
from dataclasses import dataclass, field


@dataclass(slots=True)
class Bucket:
    """`rate` tokens a second, at most `burst` at once."""

    rate: float
    burst: float
    _tokens: float = field(init=False)
    _at: float = field(init=False)

    def __post_init__(self) -> None:
        self._tokens, self._at = self.burst, time.monotonic()

    def grant(self, tokens: float) -> None:
        """Add tokens beyond the rate, for something that was asked for."""
        self._tokens += max(0.0, tokens)

    def take(self) -> bool:
        """Take one token; False when there is none."""
        now = time.monotonic()
        self._tokens = max(self._tokens, min(self.burst, self._tokens + (now - self._at) * self.rate))
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


@dataclass(slots=True)
class Budget:
    """How often something may go wrong on one socket before it is closed."""

    left: int

    def spend(self) -> bool:
        """Spend one; False when the budget is used up."""
        self.left -= 1
        return self.left >= 0
