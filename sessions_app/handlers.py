"""The frames that this app applies itself: each handler calls one service inside the batch's transaction."""

from collections.abc import Mapping, Sequence
from typing import Final, cast

import structlog

from sessions_app.domain.frames.payloads import (
    Ack,
    ErrorAlert,
    GapFill,
    InitRequest,
    ShutdownNotice,
    StatusHeartbeat,
)
from sessions_app.services.ingest import heartbeats, shutdown
from sessions_app.services.ingest.ports import Arrival, Batch, FrameHandler

_log = structlog.get_logger(__name__)


def _alerted(arrivals: Sequence[Arrival], batch: Batch) -> None:
    for arrival in arrivals:
        alert = cast(ErrorAlert, arrival.payload)
        _log.warning("ea.alert", session_id=str(arrival.session_id), code=alert.code, severity=alert.severity.value)


def _gap_filled(arrivals: Sequence[Arrival], batch: Batch) -> None:
    for arrival in arrivals:
        gap = cast(GapFill, arrival.payload)
        _log.info("ea.gap_filled", session_id=str(arrival.session_id), seq=arrival.seq, next=gap.next)


HANDLERS: Final[Mapping[str, FrameHandler]] = {
    "InitRequest": FrameHandler(InitRequest, heartbeats.introduce),
    "StatusHeartbeat": FrameHandler(StatusHeartbeat, heartbeats.record),
    "ErrorAlert": FrameHandler(ErrorAlert, _alerted, durable=True),
    "GapFill": FrameHandler(GapFill, _gap_filled, durable=True),
    "Ack": FrameHandler(Ack, heartbeats.acknowledge),
    "ShutdownNotice": FrameHandler(ShutdownNotice, shutdown.answer),
}
