"""A command that the broker knows nothing of, ordered once more. Inside the caller's transaction."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from orders.domain.reconciliation.inference import Target, takes_over
from orders.domain.states.commands import CommandState
from orders.domain.states.copies import CopyState
from orders.domain.states.reasons import CommandReason
from orders.domain.wire.intents import ADDS_EXPOSURE, Action
from orders.models import Command, Copy
from orders.services import moves
from orders.services.command_log import CommandLog

_OVER: Final = frozenset({CopyState.CLOSED, CopyState.FAILED})


def again(log: CommandLog, command: Command, behind: Sequence[Command]) -> Command | None:
    """The next attempt, in the log of its account; None if there is to be none.

    It is `void` then because nobody wants it any more, or because one `behind` it, of the same copy, leads there too;
    or `expired` because an open is too old. An open is repeated as what the copy is to be by now: a partial close, a
    stop or a price that was ordered behind it is in it.
    """
    opens = command.action in ADDS_EXPOSURE
    copy = command.copy
    # Nobody wants it any more: the copy has ended, or its close has overtaken its open.
    if copy.state in _OVER or (opens and not copy.lots_decided):
        moves.move_command(command, CommandState.VOID, CommandReason.NOT_WANTED)
        if copy.state not in _OVER:
            _give_up(copy, log)
        return None
    # One that leads further stands behind it: two orders to the same end would be two closes.
    if any(takes_over(_target(later), _target(command)) for later in behind):
        moves.move_command(command, CommandState.VOID, CommandReason.SUPERSEDED)
        return None
    # An open without an end of its validity was never meant to be repeated.
    if opens and (command.valid_until is None or command.valid_until < log.now):
        moves.move_command(command, CommandState.EXPIRED, CommandReason.MISSED)
        _give_up(copy, log)
        return None
    moves.move_command(command, CommandState.VOID, CommandReason.NOT_EXECUTED)
    fresh = log.add_again(command, copy=copy)
    if opens:
        fresh.lots, fresh.lots_after = copy.lots_decided, copy.lots_decided
    if opens or command.action == Action.MODIFY:
        _aim(fresh, copy, behind)
    return fresh


def _give_up(copy: Copy, log: CommandLog) -> None:
    """Its open came to nothing. A copy that is open all the same, by a fact that came first, stays so."""
    if copy.state != CopyState.OPEN:
        moves.move_copy(copy, CopyState.FAILED)
        copy.lots_decided, copy.closed_at = Decimal(0), log.now


def _aim(fresh: Command, copy: Copy, behind: Sequence[Command]) -> None:
    """The stops of this moment, and for a pending order its price and expiry too."""
    fresh.sl = fresh.sl if copy.sl is None else copy.sl
    fresh.tp = fresh.tp if copy.tp is None else copy.tp
    if fresh.price is None:
        return
    fresh.price = fresh.price if copy.price is None else copy.price
    # The expiry stands in no column of the copy: the last modify of a decision has it.
    for later in behind:
        if later.action == Action.MODIFY and later.decision_id and later.price is not None:
            fresh.expiry = later.expiry


def _target(command: Command) -> Target:
    return Target(Action(command.action), CommandState(command.state), command.lots_after or Decimal(0))
