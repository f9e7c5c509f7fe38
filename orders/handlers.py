"""The trade frames: each handler calls one service inside the ingest batch's transaction."""

from collections.abc import Mapping
from typing import Final

from orders.domain.reconciliation import books
from orders.domain.wire import intents as intent_frames
from orders.domain.wire import reports as report_frames
from orders.domain.wire import snapshots as snapshot_frames
from orders.services.intents import order_intents
from orders.services.reconciliation import snapshots
from orders.services.reports import execution_reports
from sessions_app.services.ingest.ports import Chunking, FrameHandler

HANDLERS: Final[Mapping[str, FrameHandler]] = {
    "OrderIntent": FrameHandler(
        intent_frames.OrderIntent,
        order_intents.accept,
        durable=True,
        touches=order_intents.touched,
        fault=intent_frames.fault,
    ),
    "ExecutionReport": FrameHandler(
        report_frames.ExecutionReport, execution_reports.accept, durable=True, fact=True, fault=report_frames.fault
    ),
    "SyncSnapshot": FrameHandler(
        snapshot_frames.SyncSnapshot,
        snapshots.accept,
        fault=snapshot_frames.fault,
        chunking=Chunking(place=books.place, weight=books.weight, join=books.join),
    ),
}
