"""Heartbeats into rows: many at once, the newest of each session, in two round trips: two locks, and two updates with
the COMMIT.

A link answers them from memory (ADR 54); here they are written, each process's own every sweep. What a pending session
says comes through the ingest batch, for it may be promoted by it.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from time import monotonic
from typing import Any, Final, NamedTuple
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from sessions_app import queries
from sessions_app.domain.decimals import to_builtins
from sessions_app.domain.frames.payloads import StatusHeartbeat
from sessions_app.domain.lifecycle import SessionStatus
from sessions_app.models import BrokerAccount, EaSession
from sessions_app.models.bulk import send_update
from sessions_app.models.statements import Place, Statement, together
from sessions_app.models.transactions import requires_transaction
from sessions_app.services.ingest.database_errors import is_data_fault
from sessions_app.services.ingest.ports import Left

MOST: Final = 500  # so that no order waits long for an account that is locked here
_LATER: Final = timedelta(seconds=1)  # a moment is known but for the time that a read takes
_log = structlog.get_logger(__name__)


class Beat(NamedTuple):
    """One heartbeat. `heard`: monotonic seconds when it came. `after_busy`: whether the one before it announced a long
    call, if that one is not written; None: what is written says so."""

    heard: float
    payload: StatusHeartbeat
    after_busy: bool | None = None

    def following(self, former: "Beat | None") -> "Beat":
        """The same, in the place of one that was not written."""
        if former is None or self.after_busy is not None:
            return self
        return self._replace(after_busy=bool(former.payload.busy_until_ms))


class Heard(NamedTuple):
    """A session after its heartbeat: the columns that it renews."""

    id: UUID
    last_heartbeat_at: datetime
    deadline_at: datetime
    silence_held_at: None
    status: Any


class Funds(NamedTuple):
    """What an account is worth, and as of when."""

    id: UUID
    balance: Decimal | None
    equity: Decimal | None
    free_margin: Decimal | None
    funds_at: datetime


_HEARD: Final = ("last_heartbeat_at", "deadline_at", "silence_held_at", "status")
_FUNDS: Final = ("balance", "equity", "free_margin", "funds_at")


def flush(beats: Mapping[UUID, Beat]) -> None:
    """Write the newest heartbeat of each of these sessions, in transactions of its own.

    One that has ended meanwhile, or that is not in charge (any more), is left as it is.

    :raises django.db.Error: the database is away
    """
    # In the order of ids, as everybody who locks several sessions.
    ordered = sorted(beats.items())
    for first in range(0, len(ordered), MOST):
        _flush(ordered[first : first + MOST])


def _flush(beats: Sequence[tuple[UUID, Beat]]) -> None:
    try:
        # The writes and the COMMIT are one round trip: it ends after the transaction.
        with ExitStack() as last_trip, transaction.atomic(durable=True):
            left = renew(dict(beats), state=SessionStatus.AUTHENTICATED)
            last_trip.enter_context(together())
            left()
    except Exception as error:
        if not is_data_fault(error):
            raise
        if len(beats) == 1:
            _log.exception("heartbeat.failed", session_id=str(beats[0][0]))
            return
        # One that cannot be written must not silence the others.
        half = len(beats) // 2
        _flush(beats[:half])
        _flush(beats[half:])


@requires_transaction
def renew(beats: Mapping[UUID, Beat], *, state: SessionStatus | None = None) -> Left:
    """Renew deadlines and funds of sessions, of those in `state` if one is given, in the caller's transaction. What is
    returned writes them."""
    heard_now = monotonic()
    # The accounts behind the sessions, as everybody locks them.
    with together():
        locked = _LOCKED.send(sessions=beats)
        accounts = _ACCOUNTS.send(sessions=beats)
    known: dict[UUID, datetime | None] = dict(accounts.read())
    heard, funds = [], []
    for pk, account_pk, now_in, timeout, before, status, told_by, clock in locked.read():
        if state is not None and now_in != state:
            continue
        beat = beats[pk]
        at = clock - timedelta(seconds=max(0.0, heard_now - beat.heard))
        if before is not None and before > at + _LATER:
            continue  # another process has written a newer one
        after_busy = bool(status.get("busy_until_ms")) if beat.after_busy is None else beat.after_busy
        deadline = at + timedelta(seconds=timeout) + _busy(beat.payload, after_busy=after_busy)
        heard.append(Heard(pk, at, deadline, None, to_builtins(beat.payload)))
        # A session's figures are the account's if it is in charge, or if decisions rest on it (protocol, 3).
        if beat.payload.balance is None or not (now_in == SessionStatus.AUTHENTICATED or told_by == pk):
            continue
        money, told = beat.payload, known[account_pk]
        # Unless a report or an introduction has told of it since.
        if told is None or told <= at:
            known[account_pk] = at
            funds.append(Funds(account_pk, money.balance, money.equity, money.free_margin, at))
    return partial(_write, heard, {row.id: row for row in funds})


def _write(heard: Sequence[Heard], funds: Mapping[UUID, Funds]) -> None:
    send_update(EaSession, heard, _HEARD)
    send_update(BrokerAccount, funds.values(), _FUNDS)


def _sessions() -> "QuerySet[EaSession, Any]":
    rows = EaSession.objects.filter(id__among=Place("sessions")).order_by("id").annotate(clock=queries.clock())
    # The profile's session, never its content: that may be a megabyte.
    columns = ("id", "account_id", "state", "heartbeat_timeout", "last_heartbeat_at", "status")
    locked = rows.select_for_update(of=("self",), no_key=True)
    return locked.values_list(*columns, "account__profile__session_id", "clock")


def _accounts() -> "QuerySet[BrokerAccount, Any]":
    mine = EaSession.objects.filter(id__among=Place("sessions")).values("account_id")
    rows = BrokerAccount.objects.filter(id__in=mine).order_by("id").select_for_update(no_key=True)
    return rows.values_list("id", "funds_at")


_LOCKED: Final = Statement(_sessions)
_ACCOUNTS: Final = Statement(_accounts)


def _busy(beat: StatusHeartbeat, *, after_busy: bool) -> timedelta:
    """How much longer a busy terminal may be silent: bounded, and only once until it beats without being busy."""
    if not beat.busy_until_ms or after_busy:
        return timedelta(0)
    return min(timedelta(milliseconds=beat.busy_until_ms), timedelta(seconds=settings.GATEWAY["busy_seconds"]))
