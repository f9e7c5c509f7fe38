"""Client library of the EA gateway."""

from eagateway_sdk.client import GatewayClient, GatewayStopped
from eagateway_sdk.clock import Clock
from eagateway_sdk.closing import Backoff
from eagateway_sdk.desk import Executor, Outcome, RefusedFrame, Timing
from eagateway_sdk.envelope import FrameTooBig
from eagateway_sdk.frames import (
    Action,
    Cause,
    ErrorAlert,
    ExecutionReport,
    InitRequest,
    OrderCommand,
    OrderIntent,
    OrderType,
    ReportStatus,
    SessionState,
    Side,
    StatusHeartbeat,
    SymbolSpec,
)
from eagateway_sdk.journal import JournalFailed, StoreInUse
from eagateway_sdk.rest import GatewayRefused, GatewayUnreachable, OpenedSession, end_session, open_session
from eagateway_sdk.session import WrongAccount

__all__ = [
    "Action",
    "Backoff",
    "Cause",
    "Clock",
    "ErrorAlert",
    "ExecutionReport",
    "Executor",
    "FrameTooBig",
    "GatewayClient",
    "GatewayRefused",
    "GatewayStopped",
    "GatewayUnreachable",
    "InitRequest",
    "JournalFailed",
    "OpenedSession",
    "OrderCommand",
    "OrderIntent",
    "OrderType",
    "Outcome",
    "RefusedFrame",
    "ReportStatus",
    "SessionState",
    "Side",
    "StatusHeartbeat",
    "StoreInUse",
    "SymbolSpec",
    "Timing",
    "WrongAccount",
    "end_session",
    "open_session",
]
