"""Client library of the EA gateway."""

from eagateway_sdk.auth import Auth, BearerToken, ClientCredentials, SessionKey
from eagateway_sdk.bounds import Unsendable
from eagateway_sdk.client import GatewayClient
from eagateway_sdk.clock import Clock
from eagateway_sdk.close_codes import Backoff
from eagateway_sdk.context import BookSnapshot, Executor, Holdings, Outcome, Refused, RefusedFrame, Timing
from eagateway_sdk.envelope import FrameTooBig
from eagateway_sdk.frames import (
    Action,
    Cause,
    ErrorAlert,
    ExecutionReport,
    HeldOrder,
    HeldPosition,
    InitRequest,
    OrderCommand,
    OrderIntent,
    OrderType,
    Quote,
    ReportStatus,
    SessionState,
    Side,
    StatusHeartbeat,
    SymbolSpec,
    SyncSnapshot,
)
from eagateway_sdk.journal import JournalFailed, StoreInUse
from eagateway_sdk.management import ManagementClient
from eagateway_sdk.reconnector import GatewayStopped
from eagateway_sdk.rest import GatewayRefused, GatewayUnreachable, OpenedSession, end_session, open_session
from eagateway_sdk.session import WrongAccount
from eagateway_sdk.transport import Transport

__all__ = [
    "Action",
    "Auth",
    "Backoff",
    "BearerToken",
    "BookSnapshot",
    "Cause",
    "ClientCredentials",
    "Clock",
    "ErrorAlert",
    "ExecutionReport",
    "Executor",
    "FrameTooBig",
    "GatewayClient",
    "GatewayRefused",
    "GatewayStopped",
    "GatewayUnreachable",
    "HeldOrder",
    "HeldPosition",
    "Holdings",
    "InitRequest",
    "JournalFailed",
    "ManagementClient",
    "OpenedSession",
    "OrderCommand",
    "OrderIntent",
    "OrderType",
    "Outcome",
    "Quote",
    "Refused",
    "RefusedFrame",
    "ReportStatus",
    "SessionKey",
    "SessionState",
    "Side",
    "StatusHeartbeat",
    "StoreInUse",
    "SymbolSpec",
    "SyncSnapshot",
    "Timing",
    "Transport",
    "Unsendable",
    "WrongAccount",
    "end_session",
    "open_session",
]
