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

# By the handler's name in the row of its frame type.
HANDLERS: Final[Mapping[str, FrameHandler]] = {
    "accept_intents": FrameHandler(
        order_intents.decide_all, touches=order_intents.touched, fault=intent_frames.fault, locks_all=True
    ),
    "accept_reports": FrameHandler(execution_reports.accept, fault=report_frames.fault, takes_acks=True),
    "accept_snapshots": FrameHandler(
        snapshots.accept,
        touches=snapshots.touched,
        fault=snapshot_frames.fault,
        chunking=Chunking(
            place=books.place, weight=books.weight, join=books.join, most=books.MAX_ITEMS, asked_for=True
        ),
    ),
}
