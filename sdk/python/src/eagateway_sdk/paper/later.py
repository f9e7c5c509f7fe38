"""What a paper broker does in its own time: orders that it executes late, and fills that come in parts."""

from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from eagateway_sdk.frames import OrderCommand


class PlacedBy(NamedTuple):
    """The command that placed a working order, or whose fill is not whole yet."""

    command_id: UUID
    copy_no: int
    attempt: int

    @classmethod
    def command(cls, command: OrderCommand) -> "PlacedBy":
        """What is kept of a command."""
        return cls(command.command_id, command.copy_no, command.attempt)


@dataclass(frozen=True, slots=True)
class LateOrder:
    """An order that the broker executes at `due`, by the terminal's monotonic clock, and tells nobody."""

    due: float
    command: OrderCommand


@dataclass(frozen=True, slots=True)
class Growing:
    """A position that fills in parts: `filled` so far, `steps` the lots filled after each part to come.

    `due`: when the next one comes, by the terminal's monotonic clock, the others `every` seconds apart.
    """

    ticket: int
    by: PlacedBy
    ordered: Decimal
    filled: Decimal
    steps: tuple[Decimal, ...]
    due: float
    every: float
