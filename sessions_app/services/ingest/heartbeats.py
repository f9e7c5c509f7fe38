"""StatusHeartbeats that are stored with a batch."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

from django.db.models import QuerySet

from sessions_app.domain.frames.envelope import rfc3339
from sessions_app.domain.frames.payloads import (
    HeartbeatAck,
    StatusHeartbeat,
)
from sessions_app.domain.lifecycle import SessionStatus
from sessions_app.domain.recovery import told_log
from sessions_app.models import EaSession
from sessions_app.models.statements import Place, Statement
from sessions_app.models.transactions import requires_transaction
from sessions_app.services.ingest import beats
from sessions_app.services.ingest.beats import Beat
from sessions_app.services.ingest.ports import Arrival, Batch, Left

_WAIT_SECONDS: Final = 600


@requires_transaction
def record(arrivals: Sequence[Arrival], batch: Batch) -> Left:
    """Renew the deadlines and keep the funds, inside the ingest batch's transaction: of pending sessions, mostly, for
    others' beats are answered by their links.

    Only the newest beat of a session counts.
    """
    newest = {item.session_id: item for item in arrivals}
    left = beats.renew({pk: Beat(item.heard, cast(StatusHeartbeat, item.payload)) for pk, item in newest.items()})
    for pk, state, claimed, epoch, following in _TOLD.read(sessions=newest):
        pending = state == SessionStatus.PENDING
        log = told_log(pending=pending, session_id=pk, claimed=claimed, epoch=epoch, top_seq=following - 1)
        batch.replies.append((newest[pk], heartbeat_ack(*log, batch.now)))
    return left


def _told() -> "QuerySet[EaSession, Any]":
    rows = EaSession.objects.filter(id__among=Place("sessions"))
    return rows.values_list("id", "state", "hello__epoch", "account__epoch", "account__next_seq")


_TOLD: Final = Statement(_told)


def heartbeat_ack(epoch: UUID, top_seq: int, now: datetime) -> HeartbeatAck:
    """The answer to a heartbeat."""
    return HeartbeatAck(server_time=rfc3339(now), epoch=epoch, top_seq=top_seq)
