"""This gateway process's lease: while it is in force, the silence of the EAs it holds is their own."""

import os
import socket
from datetime import datetime, timedelta
from time import monotonic
from typing import Final

from django.db import transaction
from django.db.models import QuerySet

from sessions_app import queries
from sessions_app.domain.lifecycle import SessionStatus
from sessions_app.models import EaSession, GatewayProcess
from sessions_app.models.bulk import update_rows
from sessions_app.models.fields import new_id
from sessions_app.models.transactions import requires_transaction

# Of the process, not of its host: one that starts again is another, and its former lease runs out.
THIS: Final = new_id()
# Ten sweeps: one that is slow is no absence.
LEASE: Final = timedelta(seconds=10)
_KEPT: Final = timedelta(days=1)


def renew(*, elapsed: timedelta | None = None, heard_at: float | None = None) -> None:
    """Renew the lease. If it had run out (the process was paused, or the database away), the EAs get a full timeout.

    `heard_at`: monotonic seconds, up to when all heartbeats that this process has heard are written. The lease counts
    from then, so that it tells everybody how far silence can be judged (`heard_until`).
    `elapsed`: what a clock that nobody can set has counted between that moment and the one of the renewal before. If
    the database's clock has gone on by far more, it was set forward: then nobody was absent, other gateways neither,
    and every EA gets a full timeout.
    """
    with transaction.atomic(durable=True):
        now = queries.database_now()
        # Taken here: this transaction may have waited for its turn.
        heard = now if heard_at is None else now - timedelta(seconds=monotonic() - heard_at)
        former = GatewayProcess.objects.filter(id=THIS).values_list("lease_until", flat=True).first()
        GatewayProcess.objects.update_or_create(
            id=THIS,
            defaults={"lease_until": heard + LEASE},
            create_defaults={
                "host": socket.gethostname(),
                "pid": os.getpid(),
                "started_at": now,
                "lease_until": heard + LEASE,
            },
        )
        # We were the ones who did not hear: a sweep of another process may be about to expire our EAs.
        if former is not None and former < now:
            clock_was_set = elapsed is not None and heard - heard_until(former) > elapsed + LEASE
            excuse(EaSession.objects.all() if clock_was_set else EaSession.objects.filter(gateway=THIS), now)
        GatewayProcess.objects.filter(lease_until__lt=now - _KEPT).delete()


def heard_until(lease: datetime) -> datetime:
    """Up to when a process with this lease has written every heartbeat that reached it."""
    return lease - LEASE


@requires_transaction
def excuse(sessions: QuerySet[EaSession], now: datetime) -> int:
    """Give the authenticated ones of these a full timeout from now: they were not heard, and it was not their silence.

    Returns how many they are.
    """
    rows = list(sessions.select_for_update(no_key=True).filter(state=SessionStatus.AUTHENTICATED).order_by("id"))
    for row in rows:
        # Never sooner: a terminal may have announced a longer silence.
        row.deadline_at = max(row.deadline_at, now + timedelta(seconds=row.heartbeat_timeout))
    update_rows(EaSession, rows, ["deadline_at"])
    return len(rows)
