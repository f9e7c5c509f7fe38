"""An account's command log around its session: releasing what was held, voiding what is overdue, acknowledgements.

What has no number yet may expire freely. A numbered command is voided by a GapFill; should the EA have executed it
all the same, its report wins.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, Expression, OuterRef, QuerySet

from orders.domain.states.commands import SENDABLE, CommandState
from orders.domain.states.copies import CopyState
from orders.domain.states.reasons import CommandReason, WaitReason
from orders.domain.wire.intents import ADDS_EXPOSURE
from orders.models import Command, Copy
from orders.services import command_log, moves
from orders.services.command_log import CommandLog, open_log, send_for_accounts
from orders.services.copies import fill_waits, watch
from sessions_app import queries
from sessions_app.domain.alerts import AlertCode
from sessions_app.models import EaSession
from sessions_app.models.bulk import update_rows
from sessions_app.models.statements import Place, Statement, together
from sessions_app.models.transactions import requires_transaction
from sessions_app.services.ingest.ports import Acknowledged, Batch, Pushed
from sessions_app.services.operations import alerts

_SETTLED: Final = Statement(
    lambda: EaSession.objects.filter(id__among=Place("sessions"), settled_at__isnull=False).values_list("id")
)
_HELD: Final = Statement(
    lambda: Command.objects.filter(account__among=Place("accounts"), state=CommandState.HELD.value).values_list("id")[
        :1
    ]
)
_NOT_BEGUN: Final = Statement(lambda: fill_waits.not_begun(Place("accounts")).values_list("id")[:1])


@requires_transaction
def release(account_pk: UUID, session_id: UUID, batch: Batch) -> None:
    """Number what was held while the account was pending, in order, inside the promotion's transaction.

    It belongs to the account and the key: an EA that was restarted meanwhile gets what was decided on its former
    session. What adds exposure and is too old by now expires, and what was meant for it is void; closes are never
    dropped.
    """
    with together():
        opened = send_for_accounts([account_pk])
        watch.back(account_pk, batch.now)
        settled = _SETTLED.send(sessions=[session_id])
        waiting = _HELD.send(accounts=[account_pk])
        begun = _NOT_BEGUN.send(accounts=[account_pk])
    log = opened(batch.now)
    if settled.read():  # else its Hello does it
        _void(account_pk, log.row(account_pk).acked_seq, batch.now)
    # Of an account that has been in charge of itself before nothing is held, and no wait has still to begin.
    if waiting.read():
        _release_held(account_pk, session_id, log, batch)
    if begun.read():
        fill_waits.start(account_pk, batch.now)


def _release_held(account_pk: UUID, session_id: UUID, log: CommandLog, batch: Batch) -> None:
    held = list(
        Command.objects.select_related("copy")
        .filter(account_id=account_pk, state=CommandState.HELD)
        # In the order of the decisions: a close must not get its number before its open.
        .order_by("hold_no")
    )
    # Each copy is one object, whatever number of its commands is held.
    copies = {command.copy_id: command.copy for command in held}
    decided_on = {command.decided_on_id for command in held if command.decided_on_id is not None}
    own = {None, *queries.kin(session_id).filter(id__in=decided_on).values_list("id", flat=True)}
    for command in held:
        command.copy = copies[command.copy_id]
        _release_one(command, log, stranger=command.decided_on_id not in own)
    _look_at_legs(copies.values(), log.now)
    fields = ["state", "reason", "seq", "epoch"]
    update_rows(Command, held, fields)
    update_rows(
        Copy, copies.values(), ["state", "copy_no", "lots_decided", "closed_at", "next_check_at", "wait_reason"]
    )
    log.write(batch)
    command_log.note(held, batch)


def _release_one(command: Command, log: CommandLog, *, stranger: bool) -> None:
    """Number one held command, or end it. `stranger`: a session of another key told what it was decided on."""
    copy = command.copy
    opens = command.action in ADDS_EXPOSURE
    # Its symbols and lots were a stranger's.
    if stranger:
        _drop(command, CommandState.EXPIRED, CommandReason.DECIDED_ON_OTHER_SESSION, log.now)
    elif opens and command.valid_until is not None and command.valid_until < log.now:
        _drop(command, CommandState.EXPIRED, CommandReason.SIGNAL_TOO_OLD, log.now)
    # What follows an open that expired has nothing to follow.
    elif copy.state == CopyState.FAILED:
        moves.move_command(command, CommandState.VOID, CommandReason.OPEN_EXPIRED)
    else:
        _number(command, log)


def _look_at_legs(copies: Collection[Copy], now: datetime) -> None:
    """What its master has closed meanwhile could leave no copy of several legs: it is looked at with their reports."""
    legs = Counter((copy.subscription_id, copy.position_id) for copy in copies)
    for copy in copies:
        if copy.state == CopyState.ORDERED and legs[copy.subscription_id, copy.position_id] > 1:
            copy.next_check_at, copy.wait_reason = now, WaitReason.LEGS


def _drop(command: Command, state: CommandState, reason: CommandReason, now: datetime) -> None:
    moves.move_command(command, state, reason)
    if command.copy.state == CopyState.HELD:
        moves.move_copy(command.copy, CopyState.FAILED)
        command.copy.lots_decided, command.copy.closed_at = Decimal(0), now


def _number(command: Command, log: CommandLog) -> None:
    copy = command.copy
    if copy.copy_no is None:
        copy.copy_no = log.take_copy_number(log.accounts[copy.account_id])
        moves.move_copy(copy, CopyState.ORDERED)
    moves.move_command(command, CommandState.QUEUED)
    log.release(command)


def void_overdue(account_pk: UUID, above: int, now: datetime) -> int:
    """Before a resend: void the numbered commands above `above` that add exposure and are past their validity.

    Returns how many. They reach the EA as GapFills.
    """
    with transaction.atomic(durable=True):
        open_log([account_pk], now=now)
        return _void(account_pk, above, now)


def overdue(account: str, seq: str, now: datetime | Expression) -> Exists:
    """Whether an account has such commands, within a query that knows it and the number above which by these names."""
    sent = Command.objects.filter(account_id=OuterRef(account), seq__gt=OuterRef(seq))
    return Exists(_grown_old(sent, now))


def _grown_old(commands: QuerySet[Command], now: datetime | Expression) -> QuerySet[Command]:
    # Only what adds exposure grows old; a close is as right after an hour.
    adding = [action.value for action in sorted(ADDS_EXPOSURE)]
    return commands.filter(state=CommandState.QUEUED, action__in=adding, valid_until__lt=now)


def _void(account_pk: UUID, above: int, now: datetime) -> int:
    sent = Command.objects.filter(account_id=account_pk, seq__gt=above)
    found = list(_grown_old(sent, now).values_list("id", "copy_id"))
    if found:
        unheard = Command.objects.filter(id__in=[pk for pk, _ in found])
        moves.move_commands(unheard, CommandState.VOID, only=[CommandState.QUEUED], reason=CommandReason.MISSED)
        overtaken = Copy.objects.filter(id__in=[copy for _, copy in found])
        moves.move_copies(overtaken, CopyState.FAILED, only=[CopyState.ORDERED], lots_decided=0, closed_at=now)
        text = f"opens that its EA did not fetch in time: {len(found)}"
        alerts.raise_alert(code=AlertCode.COMMAND_MISSED, text=text, now=now, account_pk=account_pk)
    return len(found)


@requires_transaction
def doubt(account_pk: UUID, decided_by: datetime, since: datetime) -> int:
    """Set aside numbered commands without outcome that another terminal may have executed, in the caller's transaction.

    They are never sent again. A snapshot clears them up: their absence at the broker counts only when the other
    terminal has had time enough after `since`. Returns how many.
    """
    sent = Command.objects.filter(account_id=account_pk, decided_at__lte=decided_by)
    absent_from = since + settings.GATEWAY["in_doubt"]
    return moves.move_commands(
        sent, CommandState.UNKNOWN, only=SENDABLE, reason=CommandReason.IN_DOUBT, absent_from=absent_from
    )


@requires_transaction
def acknowledged(accounts: Sequence[Acknowledged], pushed: Mapping[UUID, Collection[Pushed]], now: datetime) -> None:
    """The EAs have stored their commands up to the accounts' acknowledged numbers: move them on, and keep their time
    lines.

    Inside the ingest batch's transaction; one statement each, however many accounts.
    """
    moves.receive_commands(accounts, moves.received(accounts, pushed, now))
