"""The one way in which rows of orders change their state: by the tables, which are asked before anything is written.

Rows that are in memory are moved one by one, and written by whoever holds them. Many rows are moved in one statement:
its caller names the states that they may be in, and the table is asked about each.
"""

from collections.abc import Collection
from typing import Any

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
from sessions_app.models.listed import listed
from sessions_app.models.transactions import requires_transaction
from sessions_app.services.ingest.ports import Acknowledged


def move_command(row: Command, after: CommandState, reason: CommandReason | str | None = None) -> None:
    """A command's next state, and why, if that is to change.

    :raises ForbiddenMove
    """
    row.state = check_move("command", commands.MOVES, CommandState(row.state), after)
    row.reason = row.reason if reason is None else reason


def move_copy(row: Copy, after: CopyState) -> None:
    """A copy's next state.

    :raises ForbiddenMove
    """
    row.state = check_move("copy", copies.MOVES, CopyState(row.state), after)


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
    return rows.filter(state__in=sorted(only)).update(state=after, **columns)


def move_copies(rows: QuerySet[Copy], after: CopyState, *, only: Collection[CopyState], **columns: Any) -> int:
    """Move those of these copies that are in one of `only`, each of which the table must let go there. How many.

    :raises ForbiddenMove: one of them does not go there
    """
    for before in only:
        check_move("copy", copies.MOVES, before, after)
    return rows.filter(state__in=sorted(only)).update(state=after, **columns)


@requires_transaction
def receive_commands(accounts: Collection[Acknowledged]) -> None:
    """The EAs have these accounts' commands up to their acknowledged numbers; one round trip, however many accounts.

    What lies below the former acknowledgement was moved on with it, and is not looked at again.
    """
    check_move("command", commands.MOVES, CommandState.QUEUED, CommandState.RECEIVED)
    risen = [(row.id, row.epoch, row.former_seq, row.acked_seq) for row in accounts if row.acked_seq > row.former_seq]
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
