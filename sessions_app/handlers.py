"""The frames that this app applies itself: each handler calls one service inside the batch's transaction."""

from collections.abc import Mapping, Sequence
from typing import Final, cast

import structlog

from sessions_app.domain.frames import introductions
from sessions_app.domain.frames.payloads import MAX_SYMBOLS, ErrorAlert, GapFill
from sessions_app.services.ingest import acknowledgements, heartbeats, introducing, shutdown
from sessions_app.services.ingest.ports import Arrival, Batch, Chunking, FrameHandler

_log = structlog.get_logger(__name__)


def _alerted(arrivals: Sequence[Arrival], batch: Batch) -> None:
    for arrival in arrivals:
        alert = cast(ErrorAlert, arrival.payload)
        _log.warning("ea.alert", session_id=str(arrival.session_id), code=alert.code, severity=alert.severity.value)


def _gap_filled(arrivals: Sequence[Arrival], batch: Batch) -> None:
    for arrival in arrivals:
        gap = cast(GapFill, arrival.payload)
        _log.info("ea.gap_filled", session_id=str(arrival.session_id), seq=arrival.seq, next=gap.next)


# By the handler's name in the row of its frame type.
HANDLERS: Final[Mapping[str, FrameHandler]] = {
    "introduce": FrameHandler(
        introducing.introduce,
        fault=introductions.fault,
        chunking=Chunking(
            place=introductions.place, weight=introductions.weight, join=introductions.join, most=MAX_SYMBOLS
        ),
    ),
    "record_heartbeat": FrameHandler(heartbeats.record),
    "log_alerts": FrameHandler(_alerted),
    "log_gaps": FrameHandler(_gap_filled),
    "acknowledge": FrameHandler(acknowledgements.collect, takes_acks=True, collects=True),
    "answer_goodbyes": FrameHandler(shutdown.answer),
}
