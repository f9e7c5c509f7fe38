"""The one way in which rows of orders change their state: by the tables, which are asked before anything is written.

Rows that are in memory are moved one by one, and written by whoever holds them. Many rows are moved in one statement:
its caller names the states that they may be in, and the table is asked about each.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from orders.domain.states import commands, copies, differences, fill_waits
from orders.domain.states.commands import CommandState
from orders.domain.states.copies import CopyState
from orders.domain.states.differences import DifferenceState
from orders.domain.states.fill_waits import WaitState
from orders.domain.states.reasons import CommandReason
from orders.models import Command, Copy, Difference, FillWait
from sessions_app.domain.moves import check_move
from sessions_app.models.bulk import update_rows
from sessions_app.models.listed import listed
from sessions_app.models.transactions import requires_transaction
from sessions_app.services.ingest.ports import Acknowledged, Pushed

# By their texts, as rows have them: to ask the enumeration costs ten times as much.
COMMAND_STATES: Final[Mapping[str, CommandState]] = {state.value: state for state in CommandState}
COPY_STATES: Final[Mapping[str, CopyState]] = {state.value: state for state in CopyState}


def move_command(row: Command, after: CommandState, reason: CommandReason | str | None = None) -> None:
    """A command's next state, and why, if that is to change.

    :raises ForbiddenMove
    """
    row.state = check_move("command", commands.MOVES, COMMAND_STATES[row.state], after)
    row.reason = row.reason if reason is None else reason


def move_copy(row: Copy, after: CopyState) -> None:
    """A copy's next state.

    :raises ForbiddenMove
    """
    row.state = check_move("copy", copies.MOVES, COPY_STATES[row.state], after)


def move_wait(row: FillWait, after: WaitState) -> None:
    """The next state of a wait for a fill.

    :raises ForbiddenMove
    """
    row.state = check_move("fill wait", fill_waits.MOVES, WaitState(row.state), after)


def move_difference(row: Difference, after: DifferenceState) -> None:
    """A difference's next state.

    :raises ForbiddenMove
    """
    row.state = check_move("difference", differences.MOVES, DifferenceState(row.state), after)


def move_commands(
    rows: QuerySet[Command], after: CommandState, *, only: Collection[CommandState], **columns: Any
) -> int:
    """Move those of these commands that are in one of `only`, each of which the table must let go there. How many.

    :raises ForbiddenMove: one of them does not go there
    """
    for before in only:
        check_move("command", commands.MOVES, before, after)
    # The state is compared in the same statement: what was moved meanwhile stays where it is.
    return rows.filter(state__in=sorted(only)).update(state=after, **columns)


def move_copies(rows: QuerySet[Copy], after: CopyState, *, only: Collection[CopyState], **columns: Any) -> int:
    """Move those of these copies that are in one of `only`, each of which the table must let go there. How many.

    :raises ForbiddenMove: one of them does not go there
    """
    for before in only:
        check_move("copy", copies.MOVES, before, after)
    return rows.filter(state__in=sorted(only)).update(state=after, **columns)


class Received(NamedTuple):
    """A numbered command that its EA has, and when it was committed, pushed and acknowledged."""

    account_id: UUID
    epoch: UUID
    seq: int
    committed_at: datetime
    pushed_at: datetime
    acked_at: datetime
    state: CommandState = CommandState.RECEIVED


def received(
    accounts: Collection[Acknowledged], pushed: Mapping[UUID, Collection[Pushed]], now: datetime
) -> list[Received]:
    """The commands of these accounts that are acknowledged now, and whose push is known."""
    return [
        Received(account.id, account.epoch, item.seq, item.committed_at, item.pushed_at, now)
        for account in accounts
        for item in pushed.get(account.id, ())
    ]


_NUMBER: Final = ("account", "epoch", "seq")
TIME_LINE: Final = ("committed_at", "pushed_at", "acked_at")


@requires_transaction
def receive_commands(
    accounts: Collection[Acknowledged], told: Collection[Received], known: Collection[tuple[UUID, int]] = ()
) -> None:
    """The EAs have these accounts' commands up to their acknowledged numbers; a fixed number of statements.

    `told`: what is known of when they were pushed. `known`: accounts and numbers that the caller moves on himself. What
    lies below the former acknowledgement was moved on with it, and is not looked at again.
    """
    check_move("command", commands.MOVES, CommandState.QUEUED, CommandState.RECEIVED)
    # State and moments in one write: every version of a command's row costs all of its indexes.
    queued = f"state = '{CommandState.QUEUED.value}' AND acked_at IS NULL"
    moved = update_rows(Command, told, ("state", *TIME_LINE), by=_NUMBER, only=queued)
    # A report may have been faster than the acknowledgement.
    if moved < len(told):
        update_rows(Command, told, TIME_LINE, by=_NUMBER, only="acked_at IS NULL")
    # What another process has pushed, or this one before it was started again, is found by its numbers.
    timed = {(row.account_id, row.seq) for row in told}.union(known)
    risen = [
        (row.id, row.epoch, row.former_seq, row.acked_seq)
        for row in accounts
        if any((row.id, seq) not in timed for seq in range(row.former_seq + 1, row.acked_seq + 1))
    ]
    if not risen:
        return
    received, queued = CommandState.RECEIVED.value, CommandState.QUEUED.value
    table, of_log = Command._meta.db_table, "account_id = {} AND epoch = {} AND seq > {} AND seq <= {} AND state = %s"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            source, values = listed(("account", "log", "former", "acked"), risen)
            where = of_log.format("listed.account", "listed.log", "listed.former", "listed.acked")
            cursor.execute(f"UPDATE {table} SET state = %s FROM {source} WHERE {where}", [received, *values, queued])  # noqa: S608
        else:
            where = of_log.format("%s", "%s", "%s", "%s")
            rows = [(received, pk.hex, epoch.hex, former, acked, queued) for pk, epoch, former, acked in risen]
            cursor.executemany(f"UPDATE {table} SET state = %s WHERE {where}", rows)  # noqa: S608
