"""The rows of the trade frames; what a row says stands in sessions_app.domain.frames.registry."""

from typing import Final

from orders.domain.wire import intents, reports, snapshots
from orders.domain.wire.commands import OrderCommand
from orders.domain.wire.intents import OrderIntent
from orders.domain.wire.reports import ExecutionReport
from orders.domain.wire.snapshots import SyncSnapshot
from sessions_app.domain.frames.registry import FrameType, Pending, Sender, Taker, Traffic

TRADE_FRAMES: Final = (
    FrameType(
        payload=OrderIntent,
        sender=Sender.EA,
        pending=Pending.QUARANTINED,
        pending_note="stored, not dispatched",
        durable=True,
        traffic=Traffic.INTENTS,
        taker=Taker.BATCH,
        handler="accept_intents",
        urgent=True,
        mending=intents.MENDING,
    ),
    FrameType(payload=OrderCommand, sender=Sender.SERVER, pending=Pending.WITHHELD, durable=True),
    FrameType(
        payload=ExecutionReport,
        sender=Sender.EA,
        pending=Pending.QUARANTINED,
        durable=True,
        traffic=Traffic.REPORTS,
        taker=Taker.BATCH,
        handler="accept_reports",
        fact=True,
        mending=reports.MENDING,
    ),
    FrameType(
        payload=SyncSnapshot,
        sender=Sender.BOTH,
        pending=Pending.STORED,
        pending_note="report stored; not asked for",
        taker=Taker.BATCH,
        handler="accept_snapshots",
        renews_standing=True,
        mending=snapshots.MENDING,
    ),
)
