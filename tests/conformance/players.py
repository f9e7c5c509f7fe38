"""Who plays the cases about an EA: the SDK with its paper terminal, or the EA itself in a simulated one."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, Protocol
from uuid import UUID

from eagateway_sdk.paper import Fault

from tests.conformance.house import Role
from tests.conformance.stage import Stage

Point = Literal["received", "before", "after", "report"]
"""Where a program dies in a command: it is in the ledger; it is being sent, and the broker has not heard of it; he has
carried it out; its report is in the outbox, and the gateway has not heard of it.
"""
Heard = Literal["repeated", "in doubt", "searched", "gap fills", "sessions"]
"""What is counted: commands that came again, outcomes in doubt, searches that ended, gap fills, sessions opened."""


class Actor(Protocol):
    """One account. What its broker and its store hold outlives its programs."""

    role: Role

    async def start(
        self, *, halt: Point | None = None, faults: dict[int, Fault] | None = None, silent: bool = False,
        hurried: bool = False, patient: bool = False,
    ) -> Any:  # fmt: skip
        """Start a program; returns when the gateway has heard what it trades.

        `halt`: where it dies, in the next command. `faults`: of the broker, by the number of the order. `silent`: it
        does not acknowledge what it receives. `hurried`: a search at the broker ends soon; `patient`: it
        takes a minute.
        """

    async def abort(self) -> None:
        """Let it die now, if it has not died."""

    async def leave(self) -> tuple[int, int]:
        """Let it say goodbye; the last numbers, its own and the gateway's, that both know. Its store stays."""

    async def halted(self, states: str) -> None:
        """Return when it has come to where it dies, and its ledger says so."""

    async def drained(self) -> None:
        """Return when its commands have their outcomes, and the gateway has acknowledged all that it told."""

    async def replaced(self) -> int:
        """The close code by which another program of the account has ended it."""

    async def lives(self) -> None:
        """Return when the gateway has heard of it once more."""

    async def first_beat(self) -> float:
        """Seconds from its introduction to its first heartbeat after that."""

    def heard(self, what: Heard) -> int:
        """How many there were: of this program, or of the account where nothing forgets them."""

    def states(self) -> str:
        """The state of every command in the ledger, in order: R, S, D or V."""

    def command_ids(self) -> list[UUID]:
        """Of the commands in the ledger, in order."""

    def unfinished(self) -> list[UUID]:
        """Those without an outcome."""

    async def reaches(self, states: str) -> None:
        """Return when the ledger says so."""

    def forget_head(self) -> None:
        """Let the ledger not know how far it came: the gateway sends again what has no outcome."""

    def receive_again(self) -> None:
        """Let an order that was being sent look as if it was only received."""

    def delete_store(self) -> None:
        """Let nothing be left of what its programs wrote down."""

    def executed(self) -> list[str]:
        """The actions that the broker executed, in order."""

    def lots(self) -> list[Decimal]:
        """Of the open positions."""

    def working(self) -> int:
        """How many orders work."""

    async def fill(self, ticket: int) -> None:
        """The market fills the order that copies this ticket of the master, and the program tells it."""

    async def trade_and_die(self, ticket: int, point: str) -> None:
        """A position is opened by hand, and the program dies `before its outbox line`, after it, or `after the gateway
        stored it`, which it does not know."""

    async def look_again(self, ticket: int, point: str) -> None:
        """The next program sees what there is, and tells what it does not know to be told."""


Casting = Callable[[Stage, Role, Path], Actor]
