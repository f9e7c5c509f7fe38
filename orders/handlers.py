"""The trade frames: each handler calls one service inside the ingest batch's transaction."""

from collections.abc import Mapping
from typing import Final

from orders.domain import books
from orders.domain import intents as intent_frames
from orders.domain import reports as report_frames
from orders.domain import snapshots as snapshot_frames
from orders.services import intents, reports, snapshots
from sessions_app.services.ports import Chunking, FrameHandler

HANDLERS: Final[Mapping[str, FrameHandler]] = {
    "OrderIntent": FrameHandler(
        intent_frames.OrderIntent, intents.accept, durable=True, touches=intents.touched, fault=intent_frames.fault
    ),
    "ExecutionReport": FrameHandler(
        report_frames.ExecutionReport, reports.accept, durable=True, fact=True, fault=report_frames.fault
    ),
    "SyncSnapshot": FrameHandler(
        snapshot_frames.SyncSnapshot,
        snapshots.accept,
        fault=snapshot_frames.fault,
        chunking=Chunking(place=books.place, weight=books.weight, join=books.join),
    ),
}
